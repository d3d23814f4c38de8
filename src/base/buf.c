/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded byte buffers and readers: see buf.h. */
#include "base/buf.h"

#include <errno.h>
#include <string.h>

void buf_done(struct buf *b)
{
	if (!b->fixed)
		free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data)
		b->data[0] = 0;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->max - b->len) {
		b->failed = -E2BIG;
		return NULL;
	}
	if (b->len + n > b->cap || !b->data) {
		size_t cap = b->cap ? b->cap : 64;

		if (b->fixed) {
			b->failed = -E2BIG;
			return NULL;
		}
		while (cap < b->len + n)
			cap *= 2;
		if (cap > b->max)
			cap = b->max;
		uint8_t *p = realloc(b->data, cap + 1);
		if (!p) {
			b->failed = -ENOMEM;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_room(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = -EINVAL;
	} else if (buf_room(b, (size_t)n)) {
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

static void put_int(struct buf *b, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_put(b, bytes, n);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	put_int(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	put_int(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	put_int(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	put_int(b, v, 8);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
	} else if (n) {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
	if (b->data)
		b->data[b->len] = 0;
}

char *buf_take_str(struct buf *b)
{
	if (!b->failed && !b->data)
		buf_put(b, "", 0);
	if (b->failed || b->fixed) {
		buf_done(b);
		return NULL;
	}
	char *s = (char *)b->data;
	s[b->len] = 0;
	*b = (struct buf){.max = b->max};
	return s;
}

const uint8_t *reader_bytes(struct reader *r, size_t n)
{
	if (r->failed || n > reader_left(r)) {
		r->failed = -EBADMSG;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += n;
	return p;
}

static uint64_t get_int(struct reader *r, size_t n)
{
	const uint8_t *p = reader_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)get_int(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)get_int(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)get_int(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
	return get_int(r, 8);
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	static uint32_t table[256];

	if (!table[1]) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;
			for (int k = 0; k < 8; k++)
				c = (c & 1) ? (c >> 1) ^ 0x82f63b78u : c >> 1;
			table[i] = c;
		}
	}
	const uint8_t *b = p;
	crc = ~crc;
	for (size_t i = 0; i < n; i++)
		crc = table[(crc ^ b[i]) & 0xff] ^ (crc >> 8);
	return ~crc;
}
