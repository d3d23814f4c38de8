/* SPDX-License-Identifier: Apache-2.0 */
/* Diffs: the form by example; that they apply, and are as short as can be, on random texts. */
#include "support.h"

#include <stdlib.h>

#include "base/clock.h"
#include "policy/diff.h"

static void test_form(void **state)
{
	struct diff_text a = {"a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n"};
	struct diff_text b = {"b", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15"};
	struct diff_counts counts;
	CLEANUP(buf_done) struct buf out = BUF_INIT(4096);

	assert_int_equal(policy_diff(&a, &b, &out, &counts), 0);
	assert_string_equal((char *)out.data, "--- a\n+++ b\n"
		"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
		"@@ -12,3 +12,4 @@\n 12\n 13\n 14\n+15\n\\ No newline at end of file\n");
	assert_int_equal(counts.added, 2);
	assert_int_equal(counts.removed, 1);
}

static void test_ends(void **state)
{
	static const struct { const char *a, *b, *diff; } rows[] = {
		{"", "", NULL},
		{"x\n", "x\n", NULL},
		{"", "x\n", "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+x\n"},
		{"x\n", "", "--- a\n+++ b\n@@ -1,1 +0,0 @@\n-x\n"},
		{"x", "x\n", "--- a\n+++ b\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(4096);

		assert_int_equal(policy_diff(&(struct diff_text){"a", rows[i].a}, &(struct diff_text){"b", rows[i].b}, &out, NULL), 0);
		if (rows[i].diff)
			assert_string_equal((char *)out.data, rows[i].diff);
		else
			assert_int_equal(out.len, 0);
	}
}

/* Applies a diff of one-letter lines to `from`; fails when a context or removed line is not there. */
static void apply(const char *from, const char *diff, char *out)
{
	const char *at = from;

	diff = strchr(strchr(diff, '\n') + 1, '\n') + 1;
	while (*diff) {
		unsigned line, count;

		assert_int_equal(sscanf(diff, "@@ -%u,%u", &line, &count), 2);
		diff = strchr(diff, '\n') + 1;
		for (size_t target = 2 * (size_t)(line - (count > 0)); (size_t)(at - from) < target;)
			*out++ = *at++;
		for (; *diff && *diff != '@'; diff += 3) {
			if (*diff != '+') {
				assert_int_equal(*at, diff[1]);
				at += 2;
			}
			if (*diff != '-') {
				*out++ = diff[1];
				*out++ = '\n';
			}
		}
	}
	while (*at)
		*out++ = *at++;
	*out = 0;
}

static unsigned shortest(const char *a, const char *b, size_t n, size_t m)
{
	unsigned lcs[64][64] = {{0}};

	for (size_t i = n; i-- > 0;)
		for (size_t j = m; j-- > 0;) {
			unsigned right = lcs[i][j + 1], down = lcs[i + 1][j];

			lcs[i][j] = a[2 * i] == b[2 * j] ? lcs[i + 1][j + 1] + 1 : right > down ? right : down;
		}
	return (unsigned)(n + m) - 2 * lcs[0][0];
}

static size_t random_text(char *out, unsigned *seed)
{
	size_t n = (size_t)rand_r(seed) % 40;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (char)('a' + rand_r(seed) % 4);
		out[2 * i + 1] = '\n';
	}
	out[2 * n] = 0;
	return n;
}

static void test_random(void **state)
{
	unsigned seed = 7;

	for (int i = 0; i < 5000; i++) {
		char a[128], b[128], result[128];
		struct diff_counts counts;
		CLEANUP(buf_done) struct buf out = BUF_INIT(8192);
		size_t n = random_text(a, &seed), m = random_text(b, &seed);

		assert_int_equal(policy_diff(&(struct diff_text){"a", a}, &(struct diff_text){"b", b}, &out, &counts), 0);
		assert_int_equal(counts.added + counts.removed, shortest(a, b, n, m));
		if (out.len == 0) {
			assert_string_equal(a, b);
			continue;
		}
		apply(a, (char *)out.data, result);
		assert_string_equal(result, b);
	}
}

/* Two megabytes with nothing in common end soon. */
static void test_bounded(void **state)
{
	CLEANUP(buf_done) struct buf a = BUF_INIT(4 << 20), b = BUF_INIT(4 << 20), out = BUF_INIT(16 << 20);
	struct diff_counts counts;

	for (int i = 0; i < 200000; i++) {
		buf_printf(&a, "%d\n", i);
		buf_printf(&b, "%d\n", i % 7 ? i + (i % 3) * 1000000 : i);
	}
	uint64_t began = time_monotonic();
	assert_int_equal(policy_diff(&(struct diff_text){"a", (char *)a.data}, &(struct diff_text){"b", (char *)b.data}, &out, &counts), 0);
	assert_true(time_monotonic() - began < 2 * NSEC_PER_SEC);
	assert_true(counts.added > 100000);
	assert_int_equal(counts.added, counts.removed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests_name("policy.diff", tests, NULL, NULL);
}
