/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a run of test cases, for cases.c and cases_gates.c only. */
#pragma once

#include "policy/cases.h"
#include "policy/gates.h"

#define LINE_MAX_ 8192
#define WORDS_MAX 256

/* A line cut into words; quotes keep blanks, a backslash keeps the next character. */
struct words {
	char text[LINE_MAX_];
	char *items[WORDS_MAX];
	bool quoted[WORDS_MAX];
	uint32_t count;
};

/* What the gates are told of the present case, and what they said last. Owned. */
struct gate_case {
	char *image_id;
	struct str_list manifests, layers, signers; /* signers: names of groups */
	struct creation creation;
	bool asked; /* the creation says something */
	struct str_list groups;
	char *user, *address, *action, *target, *exec_user, *network;
	bool read_only, dangerous;
	bool audited;
	char reason[512];
};

struct runner {
	struct policy *own; /* of the text's `policy` block */
	const struct policy *policy;
	case_result_fn *fn;
	void *ctx;
	struct diag *reterr;
	uint32_t line;

	/* the present case */
	bool open;
	char title[256];
	uint32_t title_line;
	uint32_t expectations;
	uint32_t failed_line; /* 0 = none yet */
	char failure[512];
	char texts[SCOPE_FIELD_COUNT_][1024]; /* what the container is */
	struct kv_list labels;
	enum file_origin origin; /* of the next exec */
	bool borrowed_rights;
	enum direction tie;
	struct words exec; /* the last process */
	struct event process;
	bool suspect; /* ... and it may not connect */
	bool happened;
	struct verdict verdict;
	struct gate_case gates;
};

typedef int verb_fn(struct runner *r, const struct words *w, const char *rest);

struct verb {
	const char *name;
	verb_fn *run;
	enum scope_field field; /* of verbs that describe the container */
	const char *usage;
};

/* The text is wrong here. */
int case_wrong(const struct runner *r, const char *expected, const char *message);
/* One expectation is met, or it is the one that fails. */
void case_expectation(struct runner *r, bool met, const char *expected, const char *got);
/* The container of the present case; borrows from the runner. */
struct policy_subject case_subject(const struct runner *r);

extern const struct verb case_gate_verbs[];
extern const size_t case_gate_verb_count;
/* `expect trust ...` and the like; 1 = not of the gates. */
int case_gate_expect(struct runner *r, const struct words *w, const char *rest);
void case_gates_reset(struct gate_case *g);
