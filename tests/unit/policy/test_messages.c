/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake in messages.txt is told in its place: all of its messages, in order, and no other. */
#include "support.h"

#include <stdio.h>

#include "base/fd.h"

/* Cuts the next line off the text; NULL at its end. */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = 0;
	*text = end ? end + 1 : NULL;
	return line;
}

static void check(const char *title, const char *policy, const char *expected)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = load_text(policy, &m);

	for (uint32_t i = 0; i < m.count; i++) {
		const struct policy_message *one = &m.items[i];

		buf_printf(&got, "-- %s %u:%u %s\n", one->level == POLICY_ERROR ? "error" : "warning", one->diag.line,
			one->diag.column, one->diag.message);
		/* A reader must learn what would have been right. */
		if (one->level == POLICY_ERROR && !one->diag.expected[0])
			fail_msg("'%s': '%s' does not say what was expected", title, one->diag.message);
	}
	if (!got.data)
		buf_puts(&got, "");
	if (strcmp((char *)got.data, expected) != 0)
		fail_msg("'%s': expected\n%sgot\n%s", title, expected, (char *)got.data);
	assert_int_equal(p == NULL, m.errors > 0);
	policy_messages_done(&m);
}

static void test_messages(void **state)
{
	CLEANUP(buf_done) struct buf file = BUF_INIT(1 << 20), policy = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
	char title[128] = "";
	int checked = 0;

	assert_int_equal(file_read(MESSAGES_FILE, &file), 0);
	char *rest = (char *)file.data;
	for (char *line = next_line(&rest); ; line = next_line(&rest)) {
		if (!line || strncmp(line, "== ", 3) == 0) {
			if (title[0]) {
				buf_puts(&policy, "");
				buf_puts(&expected, "");
				check(title, (char *)policy.data, (char *)expected.data);
				checked++;
			}
			buf_reset(&policy);
			buf_reset(&expected);
			if (!line)
				break;
			snprintf(title, sizeof(title), "%s", line + 3);
		} else if (title[0]) {
			buf_printf(strncmp(line, "-- ", 3) == 0 ? &expected : &policy, "%s\n", line);
		}
	}
	print_message("# %d mistakes\n", checked);
	assert_true(checked > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages)};

	return cmocka_run_group_tests_name("policy.messages", tests, NULL, NULL);
}
