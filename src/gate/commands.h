/* SPDX-License-Identifier: Apache-2.0 */
/* One command to an engine, judged: the same for authorization plugin and proxy. */
#pragma once

#include "command/command.h"
#include "gate/internal.h"

#define COMMAND_TEXT_MAX 2048

struct command_job;

/* Who asks; borrowed for the call. */
struct command_asker {
	const char *user; /* "" = nobody in particular */
	const struct str_list *groups;
	const char *address; /* "" = not known */
	bool closed;	     /* an endpoint that we do not know is denied unless a rule allows it */
};

struct command_answer {
	bool denied;
	bool hijacks;		     /* the engine may take the connection over */
	char text[COMMAND_TEXT_MAX]; /* denied: for the user, verbatim */
};

typedef void command_done_fn(void *ctx, const struct command_answer *a);

/*
 * Reads it, judges it by the access rules, and what it creates or pulls by the gates of creation;
 * all of it is recorded before fn is called: once, perhaps from inside the call (then *ret is NULL).
 * -ENOMEM: fn will not be called: deny.
 */
int commands_judge(struct command_job **ret, struct gate *g, const struct command_asker *who,
	const struct command_input *in, command_done_fn *fn, void *ctx);
/* The engine answered a command with this body: of a prepared process it is remembered whose it is. */
void commands_answered(struct gate *g, const char *method, const char *uri, const char *body, size_t size);
struct command_job *commands_cancel(struct command_job *j);
