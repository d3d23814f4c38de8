/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests/cases, each file a test; and tests the language itself: a wrong case must fail. */
#include "support.h"

#include <dirent.h>
#include <errno.h>

#include "base/fd.h"
#include "base/parse.h"
#include "policy/cases.h"

struct tally {
	uint32_t passed, failed;
	uint32_t line; /* of the last failure */
	char message[512];
	const char *file; /* printed when set */
};

static int count(void *ctx, const struct case_result *r)
{
	struct tally *t = ctx;

	if (r->passed) {
		t->passed++;
		return 0;
	}
	t->failed++;
	t->line = r->line;
	snprintf(t->message, sizeof(t->message), "%s", r->message);
	if (t->file)
		print_error("%s:%u: %s: %s\n", t->file, r->line, r->title, r->message);
	return 0;
}

static void run_file(const char *name, struct tally *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);
	char path[512], line[1024];
	struct diag d = {0};

	snprintf(path, sizeof(path), "%s/%s", CASES_DIR, name);
	assert_int_equal(file_read(path, &text), 0);
	t->file = name;
	if (policy_cases_run(NULL, &(struct policy_source){name, (char *)text.data, text.len}, count, t, &d) < 0)
		fail_msg("%s", diag_format(&d, line, sizeof(line)));
}

static void test_files(void **state)
{
	struct tally t = {0};
	DIR *dir = opendir(CASES_DIR);
	int files = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (!str_has_suffix(e->d_name, ".cases"))
			continue;
		run_file(e->d_name, &t);
		files++;
	}
	closedir(dir);
	print_message("# %u cases of %d files\n", t.passed, files);
	assert_true(files >= 7);
	assert_true(t.passed > 190);
	assert_int_equal(t.failed, 0);
}

#define POLICY "policy\n  version: 1\n  runtime: [{name: a, processes: {crypto_miners: block}}]\n"

#define GATES                                                                                      \
	"policy\n  version: 1\n  trust: {groups: [{name: g, images: [nginx]}], rules: [{name: t, allowed: [g], effect: block}]}\n" \
	"  compliance: [{name: c, checks: {privileged: block}}]\n  access:\n    [{name: a, users: [bob], effect: deny}]\n"

/* Expectations that are not met: the case fails, at the line, with both sides named. */
static void test_failing(void **state)
{
	static const struct { const char *text; uint32_t line; const char *message; } rows[] = {
		{POLICY "case c\n  exec /bin/true\n  expect block crypto_miner\n", 6, "expected block crypto_miner, got nothing"},
		{POLICY "case c\n\n  exec /usr/bin/xmrig\n  expect nothing\n", 7, "expected nothing, got block crypto_miner name (name 'xmrig')"},
		{POLICY "case c\n  exec /usr/bin/xmrig\n  expect alert crypto_miner\n", 6,
			"expected alert crypto_miner, got block crypto_miner name (name 'xmrig')"},
		{POLICY "case c\n  exec /usr/bin/xmrig\n  expect block crypto_miner argv\n", 6,
			"expected block crypto_miner argv, got block crypto_miner name (name 'xmrig')"},
		{POLICY "case c\n  expect rule b\n", 5, "expected rule 'b', got a"},
		{POLICY "case c\n  expect no rule\n  expect rule a\n", 5, "expected no rule, got a"},
		{GATES "case c\n  image x\n  expect trust ignore\n", 9, "expected trust ignore, got block by rule 't' "
			"(image docker.io/library/x:latest is in no allowed group (g))"},
		{GATES "case c\n  image nginx\n  expect trust ignore other\n", 9, "expected trust ignore by rule other, got ignore by rule 't' "
			"(image docker.io/library/nginx:latest is in the allowed group 'g')"},
		{GATES "case c\n  image nginx\n  expect trust nothing\n", 9, "expected trust nothing, got ignore by rule 't' "
			"(image docker.io/library/nginx:latest is in the allowed group 'g')"},
		{GATES "case c\n  image nginx\n  expect no group\n", 9, "expected no group, got g"},
		{GATES "case c\n  expect group g\n", 8, "expected group 'g', got no group"},
		{GATES "case c\n  expect compliance block\n", 8, "expected compliance block, got ignore by rule 'c' ()"},
		{GATES "case c\n  expect check privileged\n", 8, "expected privileged to be failed, got passed"},
		{GATES "case c\n  asks privileged\n  expect no check privileged\n", 9,
			"expected privileged to be passed, got the container is privileged"},
		{GATES "case c\n  command a\n  expect access allow\n", 9, "expected access allow, got nothing"},
		{GATES "case c\n  user bob\n  command a\n  expect access allow\n", 10, "expected access allow, got deny by rule 'a' (user bob, a)"},
		{GATES "case c\n  user bob\n  command a\n  expect access deny\n  expect not audited\n", 11, "expected not audited, got audited"},
		{GATES "case c\n  user bob\n  command a\n  expect access deny\n  expect reason x\n", 11, "expected reason x, got user bob, a"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tally t = {0};
		struct policy_source s = {"x", rows[i].text, strlen(rows[i].text)};

		assert_int_equal(policy_cases_run(NULL, &s, count, &t, NULL), 0);
		assert_int_equal(t.failed, 1);
		assert_int_equal(t.line, rows[i].line);
		assert_string_equal(t.message, rows[i].message);
	}
}

/* Texts that are wrong themselves. */
static void test_wrong(void **state)
{
	static const struct { const char *text; uint32_t line; const char *message; } rows[] = {
		{"case c\n  expect no rule\n", 1, "a case without a policy"},
		{POLICY "case c\n  exec /bin/true\n", 4, "a case that cannot fail"},
		{POLICY "case c\n  expect nothing\n", 5, "nothing has happened yet"},
		{POLICY "case c\n  exce /bin/true\n", 5, "unknown step"},
		{"  exec /bin/true\n", 1, "a step outside of a case"},
		{POLICY "case c\n  connect 192.0.2.1\n", 5, "a connect without a port"},
		{POLICY "case c\n  connect 192.0.2.1.7:80\n", 5, "bad address"},
		{POLICY "case c\n  connect 192.0.2.1:80 sctp\n", 5, "bad protocol"},
		{POLICY "case c\n  exec\n", 5, "nothing to execute"},
		{POLICY "case c\n  exec \"/bin/true\n", 5, "the line cannot be read"},
		{POLICY "case c\n  exec /bin/true\n  expect blok crypto_miner\n", 6, "bad expectation"},
		{POLICY "case c\n  label x\n", 5, "a label without a colon"},
		{"rule x\n", 1, "unknown line"},
		{GATES "case c\n  asks\n", 8, "unknown thing to ask for"},
		{GATES "case c\n  asks priviledged\n", 8, "unknown thing to ask for"},
		{GATES "case c\n  asks no privileged\n", 8, "unknown thing to ask for"},
		{GATES "case c\n  asks seccomp\n", 8, "unknown thing to ask for"},
		{GATES "case c\n  asks capability\n", 8, "one value is needed"},
		{GATES "case c\n  asks memory much\n", 8, "a number is needed"},
		{GATES "case c\n  asks bind\n", 8, "bad mount"},
		{GATES "case c\n  asks volume a b\n", 8, "bad mount"},
		{GATES "case c\n  asks host nett\n", 8, "unknown namespace"},
		{GATES "case c\n  signed nobody\n", 8, "no group of this name"},
		{GATES "case c\n  user a b\n", 8, "one word is needed"},
		{GATES "case c\n  command\n", 8, "bad command"},
		{GATES "case c\n  command a harmless\n", 8, "bad command"},
		{GATES "case c\n  expect access deny\n", 8, "no command was given"},
		{GATES "case c\n  expect trust deny\n", 8, "bad expectation"},
		{GATES "case c\n  expect compliance\n", 8, "bad expectation"},
		{GATES "case c\n  expect check nothing\n", 8, "unknown check"},
		{"# x\npolicy\n  version: 1\n  runtime: [{name: a, processes: {crypto_miners: kill}}]\n", 4, "unknown effect 'kill'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tally t = {0};
		struct diag d = {0};
		struct policy_source s = {"x", rows[i].text, strlen(rows[i].text)};

		assert_int_equal(policy_cases_run(NULL, &s, count, &t, &d), -EINVAL);
		if (d.line != rows[i].line || !strstr(d.message, rows[i].message) || !d.expected[0])
			fail_msg("row %zu: line %u: %s (expected %s)", i, d.line, d.message, d.expected);
		assert_string_equal(d.file, "x");
	}
}

/* A policy from outside is used where the text has none; the result of the callback ends the run. */
static int stop(void *ctx, const struct case_result *r)
{
	return -ECANCELED;
}

static void test_given_policy(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load("version: 1\nruntime: [{name: given}]");
	static const char text[] = "case one\n  expect rule given\ncase two\n  expect rule given\n" POLICY "case three\n  expect rule a\n";
	struct policy_source s = {"x", text, strlen(text)};
	struct tally t = {0};

	assert_int_equal(policy_cases_run(p, &s, count, &t, NULL), 0);
	assert_int_equal(t.passed, 3);
	assert_int_equal(policy_cases_run(p, &s, stop, NULL, NULL), -ECANCELED);
	assert_int_equal(p->refs, 1);
}

/* Copies the next fenced block that begins with `fence` out of a page. */
static char *fenced(const char *page, const char *fence)
{
	const char *from = strstr(page, fence);

	assert_non_null(from);
	from += strlen(fence);
	return strndup(from, (size_t)(strstr(from, "\n```") + 1 - from));
}

/* The examples of the manual: the policy loads without a word, and its cases pass. */
static void test_manual(void **state)
{
	CLEANUP(buf_done) struct buf page = BUF_INIT(1 << 20);
	struct policy_messages m;
	struct tally t = {.file = "docs/policy-language.md"};
	struct diag d = {0};
	char line[1024];

	assert_int_equal(file_read(MANUAL_FILE, &page), 0);
	CLEANUP(free) char *example = fenced((char *)page.data, "```yaml\n");
	CLEANUP(free) char *cases = fenced((char *)page.data, "```\n# What the shop may do.\n");
	CLEANUP(policy_unref) struct policy *p = load_text(example, &m);
	assert_non_null(p);
	assert_int_equal(m.count, 0);
	policy_messages_done(&m);
	if (policy_cases_run(p, &(struct policy_source){"docs", cases, strlen(cases)}, count, &t, &d) < 0)
		fail_msg("%s", diag_format(&d, line, sizeof(line)));
	assert_int_equal(t.failed, 0);
	assert_int_equal(t.passed, 2);
}

/* ... and those of the gates that need no file. */
static void test_manual_of_gates(void **state)
{
	static const char *const sections[] = {"\n## Compliance\n", "\n## Access\n"};
	CLEANUP(buf_done) struct buf page = BUF_INIT(1 << 20);

	assert_int_equal(file_read(MANUAL_FILE, &page), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const char *section = strstr((char *)page.data, sections[i]);
		struct policy_messages m;

		assert_non_null(section);
		CLEANUP(free) char *example = fenced(section, "```yaml\n");
		CLEANUP(policy_unref) struct policy *p = load_text(example, &m);
		assert_non_null(p);
		assert_int_equal(m.count, 0);
		policy_messages_done(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_manual_of_gates),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_given_policy),
	};

	return cmocka_run_group_tests_name("policy.cases", tests, NULL, NULL);
}
