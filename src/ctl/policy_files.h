/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy commands share: files of a command line, and findings about them. */
#pragma once

#include "base/json.h"
#include "ctl/command.h"
#include "policy/policy.h"

#define FILES_MAX 64

/* The files of one command line; `-` is standard input. */
struct files {
	struct buf texts[FILES_MAX];
	struct policy_source sources[FILES_MAX];
	int count;
	bool json; /* how findings about them are printed */
};

void files_done(struct files *f);
static inline void files_done_cleanup_(struct files *f)
{
	files_done(f);
}
/* Reads names[0...count), with the keys that they name. CTL_DONE, or another exit code with the sentence printed. */
int files_read(struct files *f, const char *const *names, int count);

/* Findings of policy_load(), or of the API's `errors` and `warnings`, one a line. */
void findings_of_check(const struct policy_messages *messages, bool json);
void findings_of_reply(const struct json *list, bool json);
