/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things said of a container whose name has not arrived yet wait here, in order, for a few seconds
 * at most. Only the telling waits: whatever had to be enforced was enforced before. One ring of
 * bytes, fixed in size; when it is full the oldest is let go early, and counted.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct hold;

/* The held bytes again. Must not hold anything itself. */
typedef void hold_release_fn(void *ctx, const void *data, uint32_t size);

int hold_new(struct hold **ret, uint32_t bytes, uint64_t keep_ns, hold_release_fn *fn, void *ctx);
struct hold *hold_free(struct hold *h);
CLEANUP_DEFINE(struct hold, hold_free)

/* Keeps a copy. -E2BIG when it can never fit. */
int hold_put(struct hold *h, uint64_t cgroup, uint64_t now, const void *data, uint32_t size);
/* The name is here: everything of that cgroup goes on, in order. */
void hold_release(struct hold *h, uint64_t cgroup);
/* Lets go of what waited longer than keep_ns. */
void hold_expire(struct hold *h, uint64_t now);
uint32_t hold_count(const struct hold *h);
uint64_t hold_early(const struct hold *h); /* let go for lack of room */
