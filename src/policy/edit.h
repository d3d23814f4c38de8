/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small changes of a policy text that leave the rest of it, comments included, as the user wrote
 * it: so a form and its text are the same revision. Works on the text by the places of its parsed
 * nodes; YAML and JSON alike.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"

struct policy_edit {
	const char *rule;  /* of the runtime area; added as the last one, for everything, when there
			      is none of this name */
	const char *key;   /* "processes.crypto_miners", "disabled": a path below the rule */
	const char *value; /* one line of YAML: "block", "true", "[/usr/bin/nc]" */
};

/*
 * Appends the changed text to out; a text without content becomes a complete policy. -EINVAL when
 * the text cannot be parsed, the key's place is taken by something else, or the value is not one
 * line of YAML; -ENOMEM. Whether the result is a good policy is policy_load()'s to say.
 */
int policy_edit_set(const char *text, size_t n, const struct policy_edit *edit, struct buf *out,
	struct diag *reterr);
