/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shim's patience, divided: whatever the Gate waits for on the way to an answer, the answer is there
 * before the shim has gone. Pure; all times CLOCK_MONOTONIC ns.
 */
#pragma once

#include <stdint.h>

/* Until when each step may be waited for, in their order; what one does not use is the next one's. */
struct shim_budget {
	uint64_t named;	   /* an engine has said who it is */
	uint64_t judged;   /* signatures are known, or count as missing */
	uint64_t answered; /* the Defender has spoken; the way back fits in what is left then */
};

/* until: as the shim says it; 0 (it said nothing) or out of reach: SHIM_DEADLINE_MS from now. One that is
 * over gives nothing to any step. */
void shim_budget(struct shim_budget *ret, uint64_t now, uint64_t until);
/* Milliseconds from now to a time of it, for a timer or a deadline: at least one. */
uint32_t shim_budget_ms(uint64_t when, uint64_t now);
