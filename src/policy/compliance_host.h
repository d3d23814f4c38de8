/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of what is no container: host, engine daemon, files of the engine, images. Rows only:
 * who can see a thing judges it (the Defender: host and files; the Gate: daemon and images).
 * compliance_check() finds these too.
 */
#pragma once

#include "policy/gates.h"

extern const struct compliance_check compliance_host_checks[];
extern const size_t compliance_host_check_count;

/*
 * What a finding carries as its effect: BLOCK and ALERT of the rule; DISABLE where a rule ignores
 * the check: then it is not counted as failed. Without a rule that names it, it is told (ALERT) and
 * *ret_rule is NULL. p may be NULL.
 */
enum effect compliance_effect(const struct policy *p, const struct policy_subject *s, const char *check,
	const char **ret_rule);
