/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a journal directory: names, the record header on disk, and walking one file. A
 * segment's name is the sequence number of its first record, so that numbering goes on even when
 * every record is gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SEGMENT_HEADER 24u /* u32 length of payload, u32 crc32c of the rest, u64 seq, u64 wall ns */
#define SEGMENT_RECORD_MAX (1u << 20)
#define SEGMENT_SEQ_MAX (UINT64_MAX / 2) /* no journal gets there: a larger number is damage */

struct segment_record {
	uint64_t seq;
	uint64_t wall;
	const uint8_t *data;
	uint32_t size;
};

/* A whole segment file mapped for reading. */
struct segment_map {
	const uint8_t *p;
	size_t size;
};

int segment_map_open(struct segment_map *ret, int dir, uint64_t first);
void segment_map_done(struct segment_map *m);
static inline void segment_map_done_cleanup_(struct segment_map *m)
{
	segment_map_done(m);
}

/* The record at *offset; moves *offset behind it. false at the end and at the first bad byte;
 * `check` also proves the checksum. */
bool segment_next(const struct segment_map *m, size_t *offset, bool check, struct segment_record *ret);
/* The 24 bytes before a payload. */
void segment_header(uint8_t out[SEGMENT_HEADER], uint64_t seq, uint64_t wall, const void *data, uint32_t size);

/* "00000000000000000042.seg". Writes the name (25 bytes), or reads one: false when it is none. */
void segment_name(char out[32], uint64_t first);
bool segment_name_parse(const char *name, uint64_t *ret_first);
