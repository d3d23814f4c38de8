/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out at any single allocation: every call says -ENOMEM (or does without), nothing
 * is read that is not there, and with a leak checker nothing is lost. */
#include "support.h"

#include <errno.h>

#include "policy/cases.h"
#include "policy/diff.h"
#include "policy/edit.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long left = -1; /* allocations until one fails; -1 = never */

static int fails(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

static const char small[] = "version: 1\ncollections: [{name: c, images: [nginx, \"-*x\"], labels: [\"a:b\"]}]\n"
	"runtime:\n  - name: a\n    notes: n\n    scope: [c]\n    processes: {crypto_miners: block, model: alert, allowed: [/a], denied: {effect: alert, paths: [/b]}}\n"
	"    network: {denied: {effect: alert, addresses: [192.0.2.1], ports: [1], domains: [a.b]}}\n"
	"trust: {groups: [{name: g, notes: n, images: [a], digests: [\"" DIGEST_A "\"], base_layers: [\"" DIGEST_A "\"], signatures: [{key: \"" TEST_KEY "\"}]}],\n"
	"  rules: [{name: t, notes: n, scope: [c], allowed: [g], denied: [g], effect: block}]}\n"
	"compliance: [{name: c, scope: [c], checks: {privileged: block, host_pid: alert}}]\n"
	"access: [{name: a, users: [b, \"\"], groups: [g], actions: [x], when: {privileged: true, capabilities: [ALL], binds: [/], images: [a],\n"
	"  exec_users: [\"\"], addresses: [192.0.2.1], networks: [n]}, effect: deny, message: m}]\n";

static int try_load(void)
{
	struct policy_messages m;
	struct policy *p = NULL;
	int r = policy_load(&p, &(struct policy_source){"p", small, sizeof(small) - 1}, 1, &m);

	policy_messages_done(&m);
	policy_unref(p);
	return r;
}

static int try_refuse(void)
{
	static const char text[] = "version: 2\nruntime: [{name: [], x: 1}, {name: a, scope: [b]}]\ncollections: [{name: c}, {name: c}]\n";
	struct policy_messages m;
	struct policy *p = NULL;
	int r = policy_load(&p, &(struct policy_source){"p", text, sizeof(text) - 1}, 1, &m);

	policy_messages_done(&m);
	assert_null(p);
	return r == -EINVAL ? 0 : r;
}

static struct policy *loaded;
static struct buf wire = BUF_INIT(1 << 20);

static int try_decode(void)
{
	struct policy *p = NULL;
	int r = policy_decode(&p, wire.data, wire.len);

	policy_unref(p);
	return r;
}

static int try_encode(void)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);

	policy_encode(loaded, &out);
	return out.failed;
}

static int try_edit(void)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);

	return policy_edit_set(small, sizeof(small) - 1, &(struct policy_edit){"b", "processes.crypto_miners", "block"}, &out, NULL);
}

static int try_diff(void)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);

	return policy_diff(&(struct diff_text){"a", "1\n2\n3\n"}, &(struct diff_text){"b", "1\n3\n4\n"}, &out, NULL);
}

static int ignore(void *ctx, const struct case_result *r)
{
	return 0;
}

static int try_cases(void)
{
	static const char text[] = "policy\n  runtime: [{name: a}]\ncase x\n  label a:b\n  exec /bin/true x\n  expect nothing\n  send y\n  expect nothing\n"
		"  id a\n  manifest b\n  layer c\n  user u\n  in g\n  asks bind / /x\n  asks user u\n  asks capability ALL\n  command a\n  expect access nothing\n";

	return policy_cases_run(NULL, &(struct policy_source){"c", text, sizeof(text) - 1}, ignore, NULL, NULL);
}

static void test_every_allocation(void **state)
{
	static const struct { const char *name; int (*fn)(void); long least; } rows[] = {
		{"load", try_load, 30}, {"refuse", try_refuse, 10}, {"decode", try_decode, 15}, {"encode", try_encode, 1}, {"edit", try_edit, 5},
		{"diff", try_diff, 3}, {"cases", try_cases, 10},
	};

	loaded = must_load(small);
	policy_encode(loaded, &wire);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		long n = 0;
		int r;

		for (;; n++) {
			left = n;
			r = rows[i].fn();
			bool ran_out = left < 0;
			left = -1;
			if (!ran_out)
				break;
			if (r != -ENOMEM)
				fail_msg("%s: allocation %ld failed and it returned %d", rows[i].name, n, r);
		}
		assert_int_equal(r, 0);
		if (n < rows[i].least)
			fail_msg("%s: only %ld allocations seen", rows[i].name, n);
	}
	policy_unref(loaded);
	buf_done(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};

	return cmocka_run_group_tests_name("policy.memory", tests, NULL, NULL);
}
