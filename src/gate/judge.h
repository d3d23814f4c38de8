/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates of a creation, one after the other, whoever asks: shim, authorization plugin, proxy.
 * What a rule refuses or warns of is an audit before the answer goes out. The answer may have to wait
 * for what a registry says of signatures, within a deadline.
 */
#pragma once

#include "gate/internal.h"

#define JUDGE_TEXT_MAX 2048
#define JUDGE_WARNING_MAX 512

struct judge_job;

/* A container or image that somebody wants; borrowed until the answer. */
struct judge_question {
	struct creation *creation; /* NULL: only the image (a pull) */
	const char *image;	   /* canonical, as asked for; NULL: that of the creation */
	const char *user;	   /* who asked, for the audit; nullable */
	uint32_t wait_ms;	   /* at most, for layers and signatures; 0 = as long as a command may take */
};

/* Refused: a text for the user, verbatim. */
struct judge_answer {
	bool refused;
	char text[JUDGE_TEXT_MAX];
	char warnings[2][JUDGE_WARNING_MAX]; /* of rules that only alert; "" = none */
};

typedef void judge_done_fn(void *ctx, const struct judge_answer *a);

/* Calls fn once, perhaps from inside the call; then *ret is NULL. -ENOMEM: it will not be called. */
int judge_start(struct judge_job **ret, struct gate *g, const struct judge_question *q, judge_done_fn *fn, void *ctx);
/* Nobody waits for the answer any more. */
struct judge_job *judge_cancel(struct judge_job *j);

/* An engine told something: perhaps what an answer waits for. */
void judge_changed(struct gate *g);

/* Completes who the container is by what its engine has told; whether its image is known now. */
int judge_identify(const struct gate *g, struct creation *c, bool *ret_known);
/* What is to be said of a container's image: "trusted: ..." or "untrusted: ..." with the reason, into out;
 * NULL when no rule of trust is for it, or who signed it is not known yet: it is told again then. */
const char *judge_trust_badge(const struct gate *g, const struct container *c, char *out, size_t size);
/* Whether some enabled rule of these gates could say something: else nobody has to be asked. */
bool judge_has_rules(const struct gate *g);
