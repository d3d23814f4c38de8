/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the known word nearest to a mistyped one. */
#pragma once

#include <stddef.h>

/*
 * Feed it the known words one by one; `best` is the nearest so far, or NULL when none is near
 * enough to be a slip of the fingers.
 */
struct suggestion {
	const char *word;
	const char *best;
	unsigned distance;
};

#define SUGGESTION(mistyped) ((struct suggestion){.word = (mistyped), .distance = ~0u})

void suggestion_offer(struct suggestion *s, const char *known);
