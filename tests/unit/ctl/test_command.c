/* SPDX-License-Identifier: Apache-2.0 */
/* The command table is sound, and what a person types becomes the right call or a helpful sentence.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/command.h"

#define ARGS_MAX 16

/* Parses a line of words with single spaces between them. */
static int parse(const char *line, struct call *c, struct diag *diag)
{
	static char text[256];
	static const char *args[ARGS_MAX + 1];
	char *argv[ARGS_MAX + 1] = {NULL};
	int argc = 0;

	strncpy(text, line, sizeof(text) - 1);
	for (char *word = text, *end; word && argc < ARGS_MAX; word = end) {
		end = strchr(word, ' ');
		if (end)
			*end++ = 0;
		argv[argc++] = word;
	}
	return command_parse(c, argc, argv, args, diag);
}

static void table_is_sound(void **state)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		assert_non_null(c->run);
		assert_true(strlen(c->help) > 5 && c->help[strlen(c->help) - 1] != '.');
		assert_true(c->max_args < 0 || c->max_args >= c->min_args);
		/* Something is said of the arguments exactly when there may be some. */
		assert_int_equal(*c->args != 0, c->max_args != 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(commands[k].name, c->name);
		for (size_t k = 0; k < COMMAND_OPTIONS_MAX && c->options[k].name; k++) {
			assert_non_null(c->options[k].help);
			for (size_t j = 0; j < common_option_count; j++)
				assert_string_not_equal(c->options[k].name, common_options[j].name);
			for (size_t j = 0; j < k; j++)
				assert_string_not_equal(c->options[k].name, c->options[j].name);
		}
	}
}

/* Two words of one command follow each other, so that completion finds them together. */
static void commands_of_one_word_are_together(void **state)
{
	for (size_t i = 0; i < command_count; i++)
		for (size_t k = i + 1; k < command_count; k++) {
			size_t n = strcspn(commands[i].name, " ");
			bool same = strncmp(commands[k].name, commands[i].name, n) == 0 &&
				    strchr(" ", commands[k].name[n]);
			if (same && k > i + 1)
				assert_true(
					strncmp(commands[k - 1].name, commands[i].name, n) == 0);
		}
}

static void calls(void **state)
{
	struct diag diag = {0};
	struct call c;

	assert_int_equal(
		parse("seawall audits --follow --kind=runtime --container web1 --json", &c, &diag),
		0);
	assert_string_equal(c.command->name, "audits");
	assert_true(call_flag(&c, "follow"));
	assert_string_equal(call_value(&c, "kind"), "runtime");
	assert_string_equal(call_value(&c, "container"), "web1");
	assert_null(call_value(&c, "since"));
	assert_true(c.json);
	assert_int_equal(parse("seawall policy apply a.yaml b.yaml", &c, &diag), 0);
	assert_string_equal(c.command->name, "policy apply");
	assert_int_equal(c.arg_count, 2);
	assert_string_equal(c.args[1], "b.yaml");
	assert_int_equal(parse("seawall incidents show 17", &c, &diag), 0);
	assert_string_equal(c.command->name, "incidents show");
	assert_int_equal(parse("seawall incidents", &c, &diag), 0);
	assert_string_equal(c.command->name, "incidents");
	assert_int_equal(parse("seawall policy check -- --odd-name.yaml -", &c, &diag), 0);
	assert_int_equal(c.arg_count, 2);
	assert_string_equal(c.args[0], "--odd-name.yaml");
	assert_int_equal(parse("seawall forensics --help", &c, &diag), 0);
	assert_true(c.help);
	assert_int_equal(parse("seawall --version", &c, &diag), 0);
	assert_string_equal(c.command->name, "version");
	assert_int_equal(parse("seawall", &c, &diag), 0);
	assert_string_equal(c.command->name, "help");
}

static void mistakes(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"seawall contaners", "did you mean 'containers'?"},
		{"seawall polcy apply x", "did you mean 'policy'?"},
		{"seawall policy aply x", "did you mean 'policy apply'?"},
		{"seawall policy", "needs a second word"},
		{"seawall audits --folow", "did you mean '--follow'?"},
		{"seawall audits --jsno", "did you mean '--json'?"},
		{"seawall audits --kind", "--kind needs a value"},
		{"seawall audits --follow=yes", "takes no value"},
		{"seawall audits -x", "unknown option '-x'"},
		{"seawall status now", "takes no argument 'now'"},
		{"seawall forensics", "needs more arguments"},
		{"seawall zzzzzz", "see 'seawall help'"},
		{"seawall audits "
		 "--zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
			"unknown option"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag diag = {0};
		struct call c;
		assert_int_equal(parse(rows[i].line, &c, &diag), -EINVAL);
		if (!strstr(diag.message, rows[i].says))
			fail_msg("'%s' says '%s', without '%s'", rows[i].line, diag.message,
				rows[i].says);
	}
}

static void nearest(void **state)
{
	static const char *const words[] = {"status", "containers", "radar"};

	assert_string_equal(word_nearest("statsu", words, 3), "status");
	assert_string_equal(word_nearest("cont", words, 3), "containers");
	assert_null(word_nearest("xyzzy", words, 3));
	assert_null(word_nearest("", words, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(commands_of_one_word_are_together),
		cmocka_unit_test(calls),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
