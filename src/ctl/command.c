/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to a call of one command of the table: see command.h. */
#include "ctl/command.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define WORD_MAX 40

/* Edit distance with neighbouring letters swapped counted once: the slip of fingers. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *word_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned least = (unsigned)strlen(word) / 3 + 2;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, words[i]);
		/* The start of a word is near however long the rest is. */
		if (strlen(word) >= 3 && strncmp(word, words[i], strlen(word)) == 0)
			d = 1;
		if (d < least) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

static int unknown(struct diag *reterr, const char *what, const char *word, const char *near)
{
	if (near)
		return diag_msg(
			reterr, -EINVAL, "unknown %s '%s'; did you mean '%s'?", what, word, near);
	return diag_msg(reterr, -EINVAL, "unknown %s '%s'; see 'seawall help'", what, word);
}

static const struct command *find_command(const char *first, const char *second)
{
	char two[2 * WORD_MAX];

	snprintf(two, sizeof(two), "%s %s", first, second ? second : "");
	for (size_t i = 0; i < command_count; i++)
		if (second && strcmp(commands[i].name, two) == 0)
			return &commands[i];
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, first) == 0)
			return &commands[i];
	return NULL;
}

/* "policy aply": the second word is compared with those that may follow the first. */
static int no_command(const char *first, const char *second, struct diag *reterr)
{
	const char *words[64];
	char two[2 * WORD_MAX];
	size_t n = 0, len = strlen(first);

	for (size_t i = 0; i < command_count && n < ARRAY_SIZE(words); i++)
		if (strncmp(commands[i].name, first, len) == 0 && commands[i].name[len] == ' ')
			words[n++] = commands[i].name;
	if (n && !second)
		return diag_set(reterr, -EINVAL, 0, 0, words[0], "'%s' needs a second word", first);
	if (n) {
		snprintf(two, sizeof(two), "%.39s %.39s", first, second);
		return unknown(reterr, "command", two, word_nearest(two, words, n));
	}
	char firsts[64][WORD_MAX];
	for (size_t i = 0; i < command_count && n < ARRAY_SIZE(words); i++) {
		snprintf(firsts[n], WORD_MAX, "%.*s", (int)strcspn(commands[i].name, " "),
			commands[i].name);
		words[n] = firsts[n];
		n++;
	}
	return unknown(reterr, "command", first, word_nearest(first, words, n));
}

static size_t option_count(const struct command *c)
{
	size_t n = 0;

	while (n < COMMAND_OPTIONS_MAX && c->options[n].name)
		n++;
	return n;
}

static int no_option(const struct command *c, const char *name, struct diag *reterr)
{
	const char *words[COMMAND_OPTIONS_MAX + 8];
	char dashed[WORD_MAX + 3], near[WORD_MAX + 3];
	size_t n = 0;

	for (size_t i = 0; i < option_count(c); i++)
		words[n++] = c->options[i].name;
	for (size_t i = 0; i < common_option_count; i++)
		words[n++] = common_options[i].name;
	const char *found = word_nearest(name, words, n);
	snprintf(dashed, sizeof(dashed), "--%.40s", name);
	snprintf(near, sizeof(near), "--%.40s", found ? found : "");
	return unknown(reterr, "option", dashed, found ? near : NULL);
}

/* One `--name`, `--name=value` or `--name value`; *i is moved over the value. */
static int parse_option(struct call *c, int argc, char **argv, int *i, struct diag *reterr)
{
	char name[WORD_MAX + 1];
	const char *word = argv[*i] + 2;
	const char *equals = strchr(word, '=');

	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - word) : (int)strlen(word),
		word);
	if (strcmp(name, "json") == 0 && !equals) {
		c->json = true;
		return 0;
	}
	if (strcmp(name, "help") == 0 && !equals) {
		c->help = true;
		return 0;
	}
	for (size_t k = 0; k < option_count(c->command); k++) {
		const struct option_row *o = &c->command->options[k];
		if (strcmp(o->name, name) != 0)
			continue;
		if (!o->value && equals)
			return diag_msg(reterr, -EINVAL, "--%s takes no value", name);
		if (o->value && !equals && *i + 1 >= argc)
			return diag_set(
				reterr, -EINVAL, 0, 0, o->value, "--%s needs a value", name);
		c->values[k] = !o->value ? "" : equals ? equals + 1 : argv[++*i];
		return 0;
	}
	return no_option(c->command, name, reterr);
}

static int check_count(const struct call *c, struct diag *reterr)
{
	const struct command *cmd = c->command;

	if (c->help)
		return 0;
	if (c->arg_count < cmd->min_args)
		return diag_set(
			reterr, -EINVAL, 0, 0, cmd->args, "'%s' needs more arguments", cmd->name);
	if (cmd->max_args >= 0 && c->arg_count > cmd->max_args)
		return diag_set(reterr, -EINVAL, 0, 0, *cmd->args ? cmd->args : "none",
			"'%s' takes no argument '%s'", cmd->name, c->args[cmd->max_args]);
	return 0;
}

int command_parse(struct call *c, int argc, char **argv, const char **args, struct diag *reterr)
{
	const char *first = argc > 1 ? argv[1] : "help";
	const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
	bool operands = false;
	int r = 0;

	*c = (struct call){.args = args};
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		first = "help";
	if (strcmp(first, "--version") == 0)
		first = "version";
	c->command = find_command(first, second);
	if (!c->command)
		return no_command(first, second, reterr);
	for (int i = strchr(c->command->name, ' ') ? 3 : 2; i < argc && r == 0; i++) {
		if (!operands && strcmp(argv[i], "-o") == 0)
			argv[i] = (char *)(uintptr_t)"--out"; /* the one short form */
		if (!operands && strcmp(argv[i], "--") == 0)
			operands = true;
		else if (!operands && strcmp(argv[i], "-h") == 0)
			c->help = true;
		else if (!operands && strncmp(argv[i], "--", 2) == 0)
			r = parse_option(c, argc, argv, &i, reterr);
		else if (!operands && argv[i][0] == '-' && argv[i][1])
			r = unknown(reterr, "option", argv[i], NULL);
		else
			args[c->arg_count++] = argv[i];
	}
	return r < 0 ? r : check_count(c, reterr);
}

const char *call_value(const struct call *c, const char *name)
{
	for (size_t i = 0; i < option_count(c->command); i++)
		if (strcmp(c->command->options[i].name, name) == 0)
			return c->values[i];
	assert(!"an option that is not in the command's row");
	return NULL;
}

bool call_flag(const struct call *c, const char *name)
{
	return call_value(c, name) != NULL;
}

int cannot(const struct diag *d)
{
	char text[1200];

	fprintf(stderr, "seawall: %s\n", diag_format(d, text, sizeof(text)));
	return CTL_CANNOT;
}

int cannot_say(const char *fmt, ...)
{
	va_list ap;

	fputs("seawall: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CTL_CANNOT;
}
