/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test cases for policies in a text that people who do not program can read and write: what
 * happens in which container, and what the policy should say of it. The language is in
 * docs/policy-language.md; tests/cases has many examples.
 */
#pragma once

#include "policy/policy.h"

struct case_result {
	const char *title;
	uint32_t line; /* of the case, or of the expectation that failed first */
	bool passed;
	const char *message; /* what was expected and what came, "" when passed */
};

/* Called once for each case, in order. A negative return ends the run with it. */
typedef int case_result_fn(void *ctx, const struct case_result *result);

/*
 * Runs all cases of one text. A `policy` block in the text replaces `policy` (which may be NULL
 * then) for the cases after it. 0 whether they pass or fail; -EINVAL with the place when the text
 * is wrong itself; -ENOMEM.
 */
int policy_cases_run(const struct policy *policy, const struct policy_source *cases,
	case_result_fn *fn, void *ctx, struct diag *reterr);
