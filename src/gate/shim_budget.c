/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of what is left: see shim_budget.h. */
#include "gate/shim_budget.h"

#include "base/clock.h"
#include "ipc/shim_wire.h"

#define BACK_SHARE 8			   /* for the way back: this part of it */
#define BACK_MAX_NS (50 * NSEC_PER_MSEC)   /* and no more */
#define NAME_MAX_NS (2 * NSEC_PER_SEC)	   /* who is not known by then comes from no engine of ours */
#define NAME_PERCENT 60
#define JUDGE_PERCENT 85

void shim_budget(struct shim_budget *ret, uint64_t now, uint64_t until)
{
	if (!until || (until > now && until - now > SHIM_DEADLINE_MAX_MS * NSEC_PER_MSEC))
		until = now + SHIM_DEADLINE_MS * NSEC_PER_MSEC;
	uint64_t left = until > now ? until - now : 0, back = left / BACK_SHARE;
	uint64_t use = left - (back < BACK_MAX_NS ? back : BACK_MAX_NS), name = use * NAME_PERCENT / 100;

	ret->named = now + (name < NAME_MAX_NS ? name : NAME_MAX_NS);
	ret->judged = now + use * JUDGE_PERCENT / 100;
	ret->answered = now + use;
}

uint32_t shim_budget_ms(uint64_t when, uint64_t now)
{
	uint64_t ms = when > now ? (when - now) / NSEC_PER_MSEC : 0;

	return ms ? (uint32_t)ms : 1;
}
