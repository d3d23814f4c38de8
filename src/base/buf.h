/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer type for every byte format. Invariants: len <= cap <= max; data[len] is 0 whenever
 * data is not NULL, so that a text buffer is a C string; a failed put sets `failed` (-ENOMEM or
 * -E2BIG) and every later put is a no-op, so that a writer checks once at the end.
 * The reader never reads past its view and latches `failed` the same way.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;  /* hard limit of len */
	int failed;  /* 0 or -errno */
	bool fixed;  /* data is the caller's memory: never grown, never freed */
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})
/* A writer over the caller's array: no heap. One byte is kept for the terminator. */
#define BUF_FIXED(mem, size) ((struct buf){.data = (mem), .cap = (size)-1, .max = (size)-1, .fixed = true})

void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* len = 0, failed = 0, memory kept */
static inline void buf_done_cleanup_(struct buf *b)
{
	buf_done(b);
}

/* Makes room for n more bytes and returns where they go (len is not moved), or NULL. */
uint8_t *buf_room(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v); /* all integers little endian */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */
/* Gives the malloc'ed, terminated content away and leaves b empty; NULL when failed. */
char *buf_take_str(struct buf *b);

struct reader {
	const uint8_t *p;
	const uint8_t *end;
	int failed; /* 0 or -EBADMSG */
};

#define READER(data, n) ((struct reader){.p = (const uint8_t *)(data), .end = (const uint8_t *)(data) + (n)})

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* Borrowed view of the next n bytes, or NULL. */
const uint8_t *reader_bytes(struct reader *r, size_t n);
static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

/* CRC-32C (Castagnoli), start with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
