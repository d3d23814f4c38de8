/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An append-only, checksummed, bounded journal in a directory of segment files; used for the flight
 * recorder and for the spool. A record is u32 length, u32 crc32c, u64 seq, u64 wall ns, payload.
 * Opening truncates a torn tail (after kill -9 or a full disk) and continues after the last good
 * record. When the bound is passed the oldest segment goes. Appending does no heap work.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct journal;

struct journal_config {
	const char *dir; /* made when missing, 0700 */
	uint64_t max_bytes;
	uint64_t segment_bytes;
	bool sync; /* fdatasync after each journal_flush */
	bool keep_oldest; /* when full: refuse with -ENOSPC in place of dropping the oldest (spool) */
};

int journal_open(struct journal **ret, const struct journal_config *config);
struct journal *journal_close(struct journal *j);
CLEANUP_DEFINE(struct journal, journal_close)

/* Buffers one record; *ret_seq (nullable) gets its number. -ENOSPC, -E2BIG, -EIO. */
int journal_append(struct journal *j, uint64_t wall_ns, const void *data, uint32_t size, uint64_t *ret_seq);
/* Writes what is buffered; with config.sync also fdatasync. Until then kill -9 may lose it. */
int journal_flush(struct journal *j);
uint64_t journal_first(const struct journal *j); /* oldest seq kept; 0 when empty */
uint64_t journal_last(const struct journal *j);
uint64_t journal_bytes(const struct journal *j);
/* Segments that hold only records up to seq are removed (the spool's acknowledgement). */
int journal_drop_until(struct journal *j, uint64_t seq);

/* Reads in order, from the first record with seq > after and wall time >= since. The callback
 * returns 0 to go on, 1 to stop, -errno to fail, and must not change the journal. Borrowed views.
 * Coming back with `after` = the last seq seen goes on where the last call stopped, without a search. */
typedef int journal_read_fn(void *ctx, uint64_t seq, uint64_t wall_ns, const void *data, uint32_t size);
int journal_read(struct journal *j, uint64_t after, uint64_t since, journal_read_fn *fn, void *ctx);
