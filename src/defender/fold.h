/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeats of one audit become its count. The first goes out at once; the same again within the
 * window raises count and last, and goes out with the same id at most once a second. Nothing is
 * dropped: when the table is full the oldest is told and closed.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "model/records.h"

#define FOLD_AUDIT_MAX 16384u /* bytes of one encoded audit that can be folded */

struct fold;
typedef int fold_emit_fn(void *ctx, const struct audit *a);

/* path: where counts are kept, so that kill -9 loses none (NULL = in memory only). What an earlier
 * run counted and did not tell is told now. */
int fold_new(struct fold **ret, const char *path, uint64_t window_ns, fold_emit_fn *emit, void *ctx);
struct fold *fold_free(struct fold *f); /* tells what is still counted */
CLEANUP_DEFINE(struct fold, fold_free)

/* Is this the first of its kind? Only then the audit needs more than time and count. */
bool fold_is_new(const struct fold *f, uint64_t key, uint64_t now);
/* An audit of the given key happened a->count times until a->time. true when it was told just now. */
bool fold_add(struct fold *f, uint64_t key, const struct audit *a, uint64_t now);
/* Tells raised counts; once a second. */
void fold_tick(struct fold *f, uint64_t now);

/* A key out of texts; seeded, so that nobody can choose texts that meet. */
uint64_t fold_key(const struct fold *f, const char *const *texts, uint32_t count);
