/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys become keys, in YAML and JSON, and whatever is around them stays as it was. */
#include <unistd.h>

#include "base/fd.h"
#include "ctl/policy_keys.h"
#include "policy/policy.h"
#include "unit/trust/keys.h"

static struct pair pair;
static char dir[] = "/tmp/seawall-keys-XXXXXX", file[64];

static int inlined(const char *text, struct buf *out, struct diag *d)
{
	buf_puts(out, text);
	return policy_keys_inline(out, file, d);
}

static void replaces_in_every_form(void **state)
{
	static const char *const forms[] = {
		"trust:\n  groups:\n    - {name: \303\274, signatures: [{key: a.pub}, {key: \"a.pub\"}]} # tail\n",
		"trust:\n  groups:\n    - name: x\n      signatures:\n        - key: a.pub   # which\n        - key: 'a.pub'\n",
		"{\"trust\":{\"groups\":[{\"name\":\"\303\274\",\"signatures\":[{\"key\":\"a.pub\"},{\"key\":\"a.pub\"}]}]}}",
		"version: 1\n---\ntrust: {groups: [{name: a, signatures: [{key: a.pub}]}, {name: b, signatures: [{key: a.pub}]}]}\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(POLICY_TEXT_MAX);
		char quoted[512] = "", *found;
		unsigned n = 0;

		assert_int_equal(inlined(forms[i], &out, NULL), 0);
		assert_null(strstr((char *)out.data, "a.pub"));
		snprintf(quoted, sizeof(quoted), "\"-----BEGIN PUBLIC KEY-----\\n");
		for (found = (char *)out.data; (found = strstr(found, quoted)); found++)
			n++;
		assert_int_equal(n, 2);
		assert_true(i != 0 || strstr((char *)out.data, "]} # tail\n"));
		assert_true(i != 1 || strstr((char *)out.data, "   # which\n"));
		/* once more changes nothing */
		size_t len = out.len;
		assert_int_equal(policy_keys_inline(&out, file, NULL), 0);
		assert_int_equal(out.len, len);
	}
}

static void leaves_alone(void **state)
{
	static const char *const texts[] = {"", "a: b\n", "signatures: [{key: a.pub}]\n", "trust: {groups: [{name: signatures}]}\n",
		"trust: {groups: {signatures: [{key: a.pub}]}}\n", "trust: {groups: [{signatures: [key, {key: [a]}, {}]}]}\n", "signatures: [\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(POLICY_TEXT_MAX);
		assert_int_equal(inlined(texts[i], &out, NULL), 0);
		assert_string_equal(out.data ? (char *)out.data : "", texts[i]);
	}
}

static void says_where_it_is_wrong(void **state)
{
	static const char text[] = "trust:\n  groups:\n    - {name: x, signatures: [{key: a.pub}, {key: %s}]}\n";
	static const char *const bad[] = {"none.pub", "a.key", "..", "a.txt"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(POLICY_TEXT_MAX);
		struct diag d = {0};
		char whole[256];

		snprintf(whole, sizeof(whole), text, bad[i]);
		assert_int_equal(inlined(whole, &out, &d), -EINVAL);
		assert_string_equal(out.data, whole); /* untouched, the good one too */
		assert_string_equal(d.file, file);
		assert_int_equal(d.line, 3);
		assert_int_equal(d.column, 50);
		assert_true(*d.message && *d.expected);
	}
}

static void keeps_the_limit(void **state)
{
	static const char text[] = "trust: {groups: [{signatures: [{key: a.pub}]}]}\n";
	CLEANUP(buf_done) struct buf out = BUF_INIT(sizeof(text) + 20);
	struct diag d = {0};

	assert_int_equal(inlined(text, &out, &d), -EINVAL);
	assert_string_equal(out.data, text);
}

static void put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static int setup(void **state)
{
	pair_make(&pair, "P-256");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/policy.yaml", dir);
	put("a.pub", pair.public);
	put("a.key", pair.secret);
	put("a.txt", "no key");
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"a.pub", "a.key", "a.txt"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_in_every_form),
		cmocka_unit_test(leaves_alone),
		cmocka_unit_test(says_where_it_is_wrong),
		cmocka_unit_test(keeps_the_limit),
	};

	return cmocka_run_group_tests_name("ctl.policy_keys", tests, setup, teardown);
}
