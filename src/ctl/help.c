/* SPDX-License-Identifier: Apache-2.0 */
/* Help, the manual page and shell completion: all printed from the command table. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "ctl/command.h"

#define SYNOPSIS "seawall COMMAND [OPTION...] [ARGUMENT...]"

static const struct {
	const char *name, *help;
} variables[] = {
	{"SEAWALL_STATE", "where everything is kept (/var/lib/seawall)"},
	{"SEAWALL_URL", "the Console (https://127.0.0.1:8083)"},
	{"SEAWALL_TOKEN", "token for it (without: $SEAWALL_STATE/admin.token)"},
	{"SEAWALL_LISTEN", "where 'up' makes the Console listen (127.0.0.1:8083)"},
	{"DOCKER_HOST, CONTAINERD_ADDRESS", "the engines that 'up' protects"},
	{"NO_COLOR", "no colours"},
};

static const struct {
	int code;
	const char *help;
} exits[] = {
	{CTL_DONE, "done"},
	{CTL_NO, "the answer is no: not found, not allowed, the policy is wrong"},
	{CTL_CANNOT, "wrong usage, or it could not be done"},
};

void help_all(void)
{
	printf("Seawall: runtime security for containers.\n\nusage: " SYNOPSIS "\n\n");
	for (size_t i = 0; i < command_count; i++) {
		char left[64];
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		printf("  %-24s %s\n", left, commands[i].help);
	}
	printf("\n'seawall COMMAND --help' tells more; every command takes --json.\n");
}

static void help_option(const struct option_row *o)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
		o->value ? o->value : "");
	printf("  %-24s %s\n", left, o->help);
}

void help_command(const struct command *c)
{
	printf("usage: seawall %s%s%s%s\n\n%s\n", c->name, c->options[0].name ? " [OPTION...]" : "",
		*c->args ? " " : "", c->args, c->help);
	if (c->more)
		printf("\n%s\n", c->more);
	printf("\n");
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i].name; i++)
		help_option(&c->options[i]);
	for (size_t i = 0; i < common_option_count; i++)
		help_option(&common_options[i]);
}

/* roff: a dash is a minus, a dot or quote at the start of a line is no request. */
static void roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void man_option(const struct option_row *o)
{
	printf(".TP\n.B \\-\\-");
	roff(o->name);
	if (o->value)
		printf(" \\fI%s\\fR", o->value);
	printf("\n");
	roff(o->help);
	printf("\n");
}

static void man_command(const struct command *c)
{
	printf(".SS seawall ");
	roff(c->name);
	printf(" \\fI%s\\fR\n", c->args);
	roff(c->help);
	printf(".\n");
	if (c->more) {
		printf(".PP\n");
		roff(c->more);
		printf("\n");
	}
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i].name; i++)
		man_option(&c->options[i]);
}

void help_man(void)
{
	printf(".TH SEAWALL 1 \"\" \"Seawall " SEAWALL_VERSION
	       "\"\n.SH NAME\nseawall \\- runtime security for containers\n"
	       ".SH SYNOPSIS\n.B seawall\n\\fICOMMAND\\fR [\\fIOPTION\\fR...] "
	       "[\\fIARGUMENT\\fR...]\n.SH COMMANDS\n");
	for (size_t i = 0; i < command_count; i++)
		man_command(&commands[i]);
	printf(".SH OPTIONS OF EVERY COMMAND\n");
	for (size_t i = 0; i < common_option_count; i++)
		man_option(&common_options[i]);
	printf(".SH EXIT STATUS\n");
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		printf(".TP\n.B %d\n%s\n", exits[i].code, exits[i].help);
	printf(".SH ENVIRONMENT\n");
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		printf(".TP\n.B %s\n%s\n", variables[i].name, variables[i].help);
}

/* One case a first word: its second words and the options of all of them. */
static void completion_case(size_t from)
{
	const char *name = commands[from].name;
	size_t len = strcspn(name, " ");

	for (size_t i = 0; i < from; i++)
		if (strncmp(commands[i].name, name, len) == 0 && strchr(" ", commands[i].name[len]))
			return;
	printf("\t%.*s) words=\"--json --help", (int)len, name);
	for (size_t i = from; i < command_count; i++) {
		const struct command *c = &commands[i];
		if (strncmp(c->name, name, len) != 0 || !strchr(" ", c->name[len]))
			continue;
		if (c->name[len])
			printf(" %s", c->name + len + 1);
		for (size_t k = 0; k < COMMAND_OPTIONS_MAX && c->options[k].name; k++)
			printf(" --%s", c->options[k].name);
	}
	printf("\" ;;\n");
}

void help_completion(void)
{
	printf("# bash completion of seawall: made by 'seawall help --completion'\n"
	       "_seawall() {\n\tlocal words cur=${COMP_WORDS[COMP_CWORD]}\n\tcase "
	       "${COMP_CWORD:-1},${COMP_WORDS[1]} in\n\t1,*) words=\"");
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		size_t len = strcspn(name, " ");
		if (i && strncmp(commands[i - 1].name, name, len) == 0 &&
			strchr(" ", commands[i - 1].name[len]))
			continue;
		printf("%s%.*s", i ? " " : "", (int)len, name);
	}
	printf("\" ;;\n\tesac\n\t[ \"$COMP_CWORD\" -gt 1 ] && case ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < command_count; i++)
		completion_case(i);
	printf("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete "
	       "-o default -F _seawall seawall\n");
}

static void help_json(const struct command *c)
{
	struct buf b = BUF_INIT(64 << 10);

	buf_puts(&b, "{\"name\":");
	json_put_str(&b, c->name);
	buf_puts(&b, ",\"args\":");
	json_put_str(&b, c->args);
	buf_puts(&b, ",\"help\":");
	json_put_str(&b, c->help);
	buf_puts(&b, ",\"options\":[");
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i].name; i++) {
		json_put_sep(&b);
		json_put_str(&b, c->options[i].name);
	}
	buf_puts(&b, "]}");
	if (!b.failed)
		puts((const char *)b.data);
	buf_done(&b);
}

int cmd_help(struct call *c)
{
	struct call other;
	struct diag diag = {0};
	const char *args[4];
	static char program[] = "seawall", option[] = "--help";
	char *argv[5] = {program};
	int argc = 1;

	if (call_flag(c, "man")) {
		help_man();
		return CTL_DONE;
	}
	if (call_flag(c, "completion")) {
		help_completion();
		return CTL_DONE;
	}
	if (!c->arg_count) {
		if (!c->json)
			help_all();
		for (size_t i = 0; c->json && i < command_count; i++)
			help_json(&commands[i]);
		return CTL_DONE;
	}
	for (int i = 0; i < c->arg_count; i++)
		argv[argc++] = (char *)c->args[i];
	argv[argc++] = option;
	if (command_parse(&other, argc, argv, args, &diag) < 0)
		return cannot(&diag);
	if (c->json)
		help_json(other.command);
	else
		help_command(other.command);
	return CTL_DONE;
}

int cmd_version(struct call *c)
{
	puts(c->json ? "{\"version\":\"" SEAWALL_VERSION "\"}" : "seawall " SEAWALL_VERSION);
	return CTL_DONE;
}
