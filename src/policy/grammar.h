/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the policy file: every area, key, type and allowed value (docs/policy-language.md).
 */
#pragma once

#include "policy/schema.h"

extern const struct schema grammar_policy;	 /* one document; target struct policy */
extern const struct schema grammar_runtime_rule; /* target struct runtime_rule */
/* grammar_gates.c; target struct policy */
extern const struct schema grammar_trust, grammar_compliance, grammar_access, grammar_admission;

/* Derives what the denied lists mean for rule->effects; after loading and after decoding. */
void grammar_finish_rule(struct runtime_rule *rule);
