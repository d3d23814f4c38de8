/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table and what a command is given. Help, man page and shell completion are made from
 * the table (help.c), so that none of them can tell another story than the parser (command.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* Exit codes of every command. */
enum {
	CTL_DONE = 0,
	CTL_NO = 1,	/* the answer is no: policy failed, not allowed, not found */
	CTL_CANNOT = 2, /* usage, or could not do it */
};

#define COMMAND_OPTIONS_MAX 16

struct option_row {
	const char *name;  /* without dashes */
	const char *value; /* what the value is called in the help; NULL = a flag */
	const char *help;
};

struct call;

struct command {
	const char *name;	/* one or two words: "policy apply" */
	const char *args;	/* "FILE..." or "" */
	const char *help;	/* one line */
	const char *more;	/* paragraphs for --help and the man page, or NULL */
	int min_args, max_args; /* max -1: any number */
	int (*run)(struct call *c);
	struct option_row options[COMMAND_OPTIONS_MAX]; /* up to the first without a name */
};

/* One invocation. Strings are borrowed from argv. */
struct call {
	const struct command *command;
	bool json;
	bool help;
	const char *values[COMMAND_OPTIONS_MAX]; /* in the order of command->options; flags: "" */
	const char **args;
	int arg_count;
};

extern const struct command commands[];
extern const size_t command_count;

/* Options that every command takes. */
extern const struct option_row common_options[];
extern const size_t common_option_count;

/*
 * Finds the command of argv[1...] (two words first) and its options; args is room for argc
 * pointers. 0, or -EINVAL with a sentence that names the nearest right word.
 */
int command_parse(struct call *c, int argc, char **argv, const char **args, struct diag *reterr);
/* Value of an option of this command, NULL when it was not given. The name must be in its row. */
const char *call_value(const struct call *c, const char *name);
bool call_flag(const struct call *c, const char *name);
/* The nearest of the words by edit distance, or NULL when none is near. */
const char *word_nearest(const char *word, const char *const *words, size_t n);
/* Prints the sentence on stderr and returns CTL_CANNOT. */
int cannot(const struct diag *d);
int cannot_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* help.c */
void help_all(void);
void help_command(const struct command *c);
void help_man(void);	    /* the man page seawall(1), roff */
void help_completion(void); /* bash */

/* The commands. */
int cmd_access_check(struct call *c);
int cmd_access_log(struct call *c);
int cmd_status(struct call *c);
int cmd_containers(struct call *c);
int cmd_radar(struct call *c);
int cmd_audits(struct call *c);
int cmd_incidents(struct call *c);
int cmd_incidents_show(struct call *c);
int cmd_incidents_ack(struct call *c);
int cmd_compliance(struct call *c);
int cmd_forensics(struct call *c);
int cmd_policy_get(struct call *c);
int cmd_policy_check(struct call *c);
int cmd_policy_test(struct call *c);
int cmd_policy_apply(struct call *c);
int cmd_policy_diff(struct call *c);
int cmd_policy_history(struct call *c);
int cmd_policy_rollback(struct call *c);
int cmd_trust_groups(struct call *c);
int cmd_trust_check(struct call *c);
int cmd_trust_sign(struct call *c);
int cmd_trust_import(struct call *c);
int cmd_up(struct call *c);
int cmd_down(struct call *c);
int cmd_drill(struct call *c);
int cmd_user_cert(struct call *c);
int cmd_user_revoke(struct call *c);
int cmd_version(struct call *c);
int cmd_help(struct call *c);
int cmd_install_shim(struct call *c);
int cmd_install_authz(struct call *c);
int cmd_install_webhook(struct call *c);
int cmd_uninstall_shim(struct call *c);
int cmd_uninstall_authz(struct call *c);
int cmd_uninstall_webhook(struct call *c);
