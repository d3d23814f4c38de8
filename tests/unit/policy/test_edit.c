/* SPDX-License-Identifier: Apache-2.0 */
/* Changes in place: what each layout becomes, that comments stay, and what is refused. */
#include "support.h"

#include <errno.h>

#include "policy/edit.h"

#define MINERS "processes.crypto_miners"

struct row {
	const char *title, *text, *rule, *key, *value, *expected; /* expected NULL = refused */
};

static const struct row rows[] = {
	{"an empty text", "", "stop miners", MINERS, "block",
		"version: 1\ncollections:\n  - {name: everything}\nruntime:\n  - name: stop miners\n    scope: [everything]\n"
		"    processes:\n      crypto_miners: block\n"},
	{"nothing but a comment", "# ours", "a", MINERS, "alert",
		"# ours\nversion: 1\ncollections:\n  - {name: everything}\nruntime:\n  - name: a\n    scope: [everything]\n"
		"    processes:\n      crypto_miners: alert\n"},
	{"a value with a comment behind it",
		"version: 1\nruntime:\n  - name: a\n    processes:\n      crypto_miners: alert   # since May\n      # more\n", "a", MINERS, "block",
		"version: 1\nruntime:\n  - name: a\n    processes:\n      crypto_miners: block   # since May\n      # more\n"},
	{"a value in quotes", "runtime: [{name: a, processes: {crypto_miners: 'alert'}}]", "a", MINERS, "block",
		"runtime: [{name: a, processes: {crypto_miners: block}}]"},
	{"a value that was forgotten", "runtime:\n- name: a\n  processes:\n    crypto_miners:   # to do\n    model: alert\n", "a", MINERS, "block",
		"runtime:\n- name: a\n  processes:\n    crypto_miners: block   # to do\n    model: alert\n"},
	{"a key missing in a block", "runtime:\n  - name: a\n    processes:\n        model: alert # x\n\n# end\n", "a", MINERS, "block",
		"runtime:\n  - name: a\n    processes:\n        model: alert # x\n        crypto_miners: block\n\n# end\n"},
	{"no line break at the end", "runtime:\n  - name: a\n    processes:\n      model: alert", "a", MINERS, "block",
		"runtime:\n  - name: a\n    processes:\n      model: alert\n      crypto_miners: block\n"},
	{"a section missing in a block", "runtime:\n  - name: a\n    # why\n    feeds: alert\n  - name: b\n", "a", MINERS, "block",
		"runtime:\n  - name: a\n    # why\n    feeds: alert\n    processes:\n      crypto_miners: block\n  - name: b\n"},
	{"a section without a value", "runtime:\n  - name: a\n    processes:\n    feeds: alert\n", "a", MINERS, "block",
		"runtime:\n  - name: a\n    processes: {crypto_miners: block}\n    feeds: alert\n"},
	{"a key missing in brackets", "runtime:\n  - {name: a, processes: {model: alert}}\n", "a", MINERS, "block",
		"runtime:\n  - {name: a, processes: {model: alert, crypto_miners: block}}\n"},
	{"a section missing in brackets", "runtime:\n  - {name: a}\n", "a", MINERS, "block",
		"runtime:\n  - {name: a, processes: {crypto_miners: block}}\n"},
	{"empty brackets", "runtime:\n  - name: a\n    processes: {}\n", "a", MINERS, "block",
		"runtime:\n  - name: a\n    processes: {crypto_miners: block}\n"},
	{"a new rule behind the others", "runtime:\n  - name: a\n    feeds: alert\n# about trust\ntrust: {}\n", "b", MINERS, "block",
		"runtime:\n  - name: a\n    feeds: alert\n  - name: b\n    scope: [everything]\n    processes:\n      crypto_miners: block\n"
		"# about trust\ntrust: {}\n"},
	{"a new rule without an area", "version: 1\ncollections: [{name: x}]\n", "b", MINERS, "block",
		"version: 1\ncollections: [{name: x}]\nruntime:\n  - name: b\n    scope: [everything]\n    processes:\n      crypto_miners: block\n"},
	{"a new rule in an empty list", "version: 1\nruntime: []\n", "b", MINERS, "block",
		"version: 1\nruntime: [{name: b, scope: [everything], processes: {crypto_miners: block}}]\n"},
	{"a new rule in an area without a value", "version: 1\nruntime:\n", "b", MINERS, "block",
		"version: 1\nruntime: [{name: b, scope: [everything], processes: {crypto_miners: block}}]\n"},
	{"a name that needs quotes", "version: 1\nruntime: []\n", "yes: \"b\"", "disabled", "true",
		"version: 1\nruntime: [{name: \"yes: \\\"b\\\"\", scope: [everything], disabled: true}]\n"},
	{"JSON", "{\"version\": 1, \"runtime\": [{\"name\": \"a\", \"processes\": {\"crypto_miners\": \"alert\"}}]}", "a", MINERS, "block",
		"{\"version\": 1, \"runtime\": [{\"name\": \"a\", \"processes\": {\"crypto_miners\": \"block\"}}]}"},
	{"a new key in JSON", "{\"runtime\": [\n  {\"name\": \"a\"\n  }\n]}\n", "a", MINERS, "block",
		"{\"runtime\": [\n  {\"name\": \"a\", \"processes\": {\"crypto_miners\": \"block\"}\n  }\n]}\n"},
	{"a new rule in JSON", "{\"version\": 1}", "a", "disabled", "true",
		"{\"version\": 1, \"runtime\": [{\"name\": \"a\", \"scope\": [\"everything\"], \"disabled\": true}]}"},
	{"the second document", "version: 1\n---\nruntime:\n  - name: z\n---\nruntime:\n  - name: a\n", "a", "disabled", "true",
		"version: 1\n---\nruntime:\n  - name: z\n---\nruntime:\n  - name: a\n    disabled: true\n"},
	{"a list in brackets", "runtime:\n  - name: a\n    scope: [x]\n", "a", "scope", "[y, z]", "runtime:\n  - name: a\n    scope: [y, z]\n"},
	{"letters of several bytes", "runtime: [{name: \xc3\xa4\xc3\xb6, processes: {crypto_miners: alert}}] # \xc3\xa9\n", "\xc3\xa4\xc3\xb6", MINERS, "block",
		"runtime: [{name: \xc3\xa4\xc3\xb6, processes: {crypto_miners: block}}] # \xc3\xa9\n"},
	{"notes of several lines", "runtime:\n  - name: a\n    notes: |\n      one\n      two\n  - name: b\n", "a", "disabled", "true",
		"runtime:\n  - name: a\n    notes: |\n      one\n      two\n    disabled: true\n  - name: b\n"},
	{"line ends of another system", "runtime:\r\n  - name: a\r\n    processes:\r\n      crypto_miners: alert\r\n", "a", MINERS, "block",
		"runtime:\r\n  - name: a\r\n    processes:\r\n      crypto_miners: block\r\n"},

	{"a broken text", "runtime: [", "a", MINERS, "block", NULL},
	{"a text that is no policy", "- a\n- b\n", "a", MINERS, "block", NULL},
	{"a value that reaches further", "runtime: [{name: a}]", "a", "disabled", "true, scope: [x]", NULL},
	{"a value of two lines", "runtime: [{name: a}]", "a", "disabled", "true\nruntime: []", NULL},
	{"no value", "runtime: [{name: a}]", "a", "disabled", "", NULL},
	{"a place that is taken", "runtime: [{name: a, processes: block}]", "a", MINERS, "block", NULL},
	{"rules that are no list", "runtime: {name: a}", "a", MINERS, "block", NULL},
	{"a list over several lines", "runtime:\n  - name: a\n    scope:\n      - x\n      - y\n", "a", "scope", "[z]", NULL},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *t = &rows[i];
		CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 16);
		struct diag d = {0};
		int r = policy_edit_set(t->text, strlen(t->text), &(struct policy_edit){t->rule, t->key, t->value}, &out, &d);

		if (!t->expected) {
			if (r != -EINVAL || !d.message[0] || out.len)
				fail_msg("'%s' was not refused: %s", t->title, out.data ? (char *)out.data : "");
			continue;
		}
		if (r < 0)
			fail_msg("'%s': %s", t->title, d.message);
		if (strcmp((char *)out.data, t->expected) != 0)
			fail_msg("'%s': expected\n%s\ngot\n%s", t->title, t->expected, (char *)out.data);
		/* Doing it twice changes nothing. */
		CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 16);
		assert_int_equal(policy_edit_set((char *)out.data, out.len, &(struct policy_edit){t->rule, t->key, t->value}, &again, &d), 0);
		assert_string_equal((char *)again.data, (char *)out.data);
	}
}

/* One click of the form: the result loads, with the effect asked for and all else as it was. */
static void test_contract(void **state)
{
	for (int e = 0; e < EFFECT_COUNT_; e++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 16);
		struct policy_edit edit = {"stop miners", MINERS, enum_name(&effect_names, e)};

		assert_int_equal(policy_edit_set(contract_policy, strlen(contract_policy), &edit, &out, NULL), 0);
		CLEANUP(policy_unref) struct policy *p = must_load((char *)out.data);
		assert_int_equal(p->runtime[0].effects[DETECTION_CRYPTO_MINER], e);
		assert_int_equal(p->runtime[0].effects[DETECTION_REVERSE_SHELL], EFFECT_PREVENT);
		assert_non_null(strstr((char *)out.data, "# disable | alert | prevent | block\n"));
		assert_int_equal(out.len, strlen(contract_policy) - strlen("block") + strlen(edit.value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_contract),
	};

	return cmocka_run_group_tests_name("policy.edit", tests, NULL, NULL);
}
