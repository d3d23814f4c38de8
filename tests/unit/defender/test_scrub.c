/* SPDX-License-Identifier: Apache-2.0 */
/* Which arguments lose what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "defender/scrub.h"

struct row {
	const char *before, *after;
	bool miner;
};

/* Arguments are divided by '|'. */
static const struct row rows[] = {
	{"mysql|--password=hunter2|-h|db", "mysql|--password=***|-h|db", false},
	{"mysql|--password|hunter2|-h|db", "mysql|--password|***|-h|db", false},
	{"x|--password|--verbose", "x|--password|--verbose", false},
	{"env|DB_PASSWORD=a=b|PATH=/bin", "env|DB_PASSWORD=***|PATH=/bin", false},
	{"x|--api-key|k|--api-keys-file|/a", "x|--api-key|***|--api-keys-file|/a", false},
	{"x|GITHUB_TOKEN=ghp_1", "x|GITHUB_TOKEN=***", false},
	{"curl|-H|Authorization: Bearer abc def|http://h/", "curl|-H|Authorization: ***|http://h/", false},
	{"sh|-c|curl -H 'Authorization: Basic Zm9v' http://h/?token=q&x=1",
		"sh|-c|curl -H 'Authorization: ***' http://h/?token=***&x=1", false},
	{"sh|-c|mysql --password hunter2 -h db", "sh|-c|mysql --password *** -h db", false},
	{"x|{\"secret\": \"s p\", \"a\": 1}", "x|{\"secret\": \"***\", \"a\": 1}", false},
	{"git|clone|https://bob:pw@host/x", "git|clone|https://bob:***@host/x", false},
	{"git|clone|https://bob@host:22/x", "git|clone|https://bob@host:22/x", false},
	{"psql|postgres://u:p@ss@h/db", "psql|postgres://u:***@h/db", false},
	{"aws|AKIAIOSFODNN7EXAMPLE|x", "aws|***|x", false},
	{"aws|AKIAIOSFODNN7EXAMPLEX", "aws|AKIAIOSFODNN7EXAMPLEX", false},
	{"x|--token-file=/run/t", "x|--token-file=/run/t", false},
	{"/bin/pwd|-P", "/bin/pwd|-P", false},
	{"ssh|-p|22", "ssh|-p|22", false},
	{"nginx|-o|stratum+tcp://p:5555|-u|W|-p|x|-k", "nginx|-o|stratum+tcp://p:5555|-u|W|-p|***|-k", true},
	{"nginx|--pass=x", "nginx|--pass=***", true},
	{"x|-o|stratum+tcp://wallet:pw@pool:1", "x|-o|stratum+tcp://wallet:***@pool:1", true},
};

static uint32_t split(char *text, char *items[32])
{
	uint32_t n = 0;
	char *save = NULL;

	for (char *s = strtok_r(text, "|", &save); s; s = strtok_r(NULL, "|", &save))
		items[n++] = s;
	return n;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char before[256], after[256], memory[1024];
		char *items[32], *want[32];
		snprintf(before, sizeof(before), "%s", rows[i].before);
		snprintf(after, sizeof(after), "%s", rows[i].after);
		struct str_list args = {.items = items, .count = split(before, items)};
		uint32_t n = split(after, want);
		uint32_t changed = scrub_args(&args, rows[i].miner, memory, sizeof(memory));
		assert_int_equal(args.count, n);
		for (uint32_t k = 0; k < n; k++)
			assert_string_equal(args.items[k], want[k]);
		assert_int_equal(changed != 0, strcmp(rows[i].before, rows[i].after) != 0);
	}
}

static void test_without_memory_the_whole_argument_goes(void **state)
{
	char a[] = "x", b[] = "DB_PASSWORD=hunter2", memory[8];
	char *items[] = {a, b};
	struct str_list args = {.items = items, .count = 2};

	assert_int_equal(scrub_args(&args, false, memory, sizeof(memory)), 1);
	assert_string_equal(args.items[1], SCRUBBED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_without_memory_the_whole_argument_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
