/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, forks, bounds and forgetting in the process table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "defender/process_table.h"
#include "defender/string_pool.h"

#define TEXT(s) .text = (s), .text_size = sizeof(s)

static struct process_table *make(const struct process_table_config *c)
{
	struct process_table *t = NULL;

	assert_int_equal(process_table_new(&t, c), 0);
	return t;
}

static void test_texts_survive_chains_of_any_length(void **state)
{
	CLEANUP(string_pool_free) struct string_pool *p = NULL;
	static char in[STRING_POOL_TEXT_MAX], out[STRING_POOL_TEXT_MAX];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7 + i / 251);
	assert_int_equal(string_pool_new(&p, 200), 0);
	for (size_t n = 0; n <= STRING_POOL_TEXT_MAX; n += n < 200 ? 1 : 997) {
		uint32_t h = string_pool_put(p, in, n);
		assert_true(h != 0);
		assert_int_equal(string_pool_get(p, h, out, sizeof(out)), n);
		assert_memory_equal(in, out, n);
		assert_int_equal(string_pool_get(p, string_pool_ref(p, h), out, 5), n < 5 ? n : 5);
		string_pool_unref(p, h);
		assert_int_equal(string_pool_get(p, h, out, sizeof(out)), n);
		string_pool_unref(p, h);
		assert_int_equal(string_pool_used(p), 0);
	}
	uint32_t big = string_pool_put(p, in, 8192);
	assert_true(big != 0);
	assert_int_equal(string_pool_put(p, in, 8192), 0);
	assert_int_equal(string_pool_put(p, in, STRING_POOL_TEXT_MAX + 1), 0);
}

static void test_a_fork_has_its_parents_text_and_an_exec_its_own(void **state)
{
	CLEANUP(process_table_free) struct process_table *t = make(&(struct process_table_config){0});
	struct process_view v;

	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 10, .ppid = 1, .start = 100,
		.owner = 3, .comm = "sh", TEXT("/bin/sh\0sh\0-c")}), 0);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 11, .ppid = 10, .start = 200,
		.owner = 3, .comm = "sh"}), 0);
	assert_true(process_table_get(t, 11, 200, &v));
	assert_string_equal(v.text, "/bin/sh");
	assert_int_equal(v.parent_start, 100);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 11, .ppid = 10, .start = 200,
		.owner = 3, .comm = "nc", TEXT("/bin/nc\0nc")}), 0);
	assert_true(process_table_get(t, 11, 0, &v));
	assert_string_equal(v.text, "/bin/nc");
	assert_int_equal(v.text_size, 11);
	assert_true(process_table_get(t, 10, 0, &v));
	assert_string_equal(v.text, "/bin/sh");
	assert_int_equal(process_table_living(t, 3), 2);
	process_table_exit(t, 10, 100, 5000);
	/* The dead parent is still known. */
	assert_true(process_table_get(t, 10, 100, &v));
	assert_int_equal(v.exited, 5000);
	assert_int_equal(process_table_living(t, 3), 1);
	assert_false(process_table_get(t, 10, 999, &v));
}

static void test_a_reused_pid_is_another_process(void **state)
{
	CLEANUP(process_table_free) struct process_table *t = make(&(struct process_table_config){0});
	struct process_view v;

	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = 100, .owner = 1, TEXT("/a")}), 0);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = 300, .owner = 1, TEXT("/b")}), 0);
	assert_true(process_table_get(t, 7, 100, &v));
	assert_string_equal(v.text, "/a");
	assert_true(v.exited != 0);
	assert_true(process_table_get(t, 7, 0, &v));
	assert_string_equal(v.text, "/b");
}

static void test_a_seeded_process_is_the_one_the_kernel_means(void **state)
{
	CLEANUP(process_table_free) struct process_table *t = make(&(struct process_table_config){0});
	struct process_view v;
	uint64_t exact = 123456789012345ull, coarse = exact / 10000000 * 10000000;

	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = coarse, .owner = 1,
		.coarse = true, TEXT("/a")}), 0);
	assert_true(process_table_get(t, 7, exact, &v));
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = exact, .owner = 1, TEXT("/b")}), 0);
	assert_int_equal(process_table_count(t), 1);
	/* Seeding again after the kernel spoke changes nothing about who it is. */
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = coarse, .owner = 1,
		.coarse = true, TEXT("/b")}), 0);
	assert_int_equal(process_table_count(t), 1);
}

static void test_a_fork_bomb_evicts_its_own_dead_then_is_refused(void **state)
{
	CLEANUP(process_table_free) struct process_table *t =
		make(&(struct process_table_config){.slots = 100, .per_owner = 10});
	struct process_counters c;
	struct process_view v;

	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 1000, .start = 1, .owner = 2, TEXT("/calm")}), 0);
	process_table_exit(t, 1000, 1, 1);
	for (uint32_t i = 1; i <= 30; i++) {
		assert_int_equal(process_table_set(t, &(struct process_facts){.pid = i, .start = i, .owner = 1, TEXT("/x")}), 0);
		process_table_exit(t, i, i, i);
	}
	process_table_counters(t, &c);
	assert_int_equal(c.evicted, 20);
	assert_int_equal(c.refused, 0);
	assert_true(process_table_get(t, 1000, 1, &v)); /* another container's dead are not its prey */
	for (uint32_t i = 31; i <= 40; i++)
		assert_int_equal(process_table_set(t, &(struct process_facts){.pid = i, .start = i, .owner = 1, TEXT("/x")}), 0);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 41, .start = 41, .owner = 1, TEXT("/x")}), -ENOSPC);
	process_table_counters(t, &c);
	assert_int_equal(c.refused, 1);
	assert_int_equal(process_table_living(t, 1), 10);
}

static void test_a_full_table_evicts_the_longest_dead(void **state)
{
	CLEANUP(process_table_free) struct process_table *t =
		make(&(struct process_table_config){.slots = 4, .per_owner = 100});
	struct process_view v;

	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(process_table_set(t, &(struct process_facts){.pid = i, .start = i, .owner = i}), 0);
	process_table_exit(t, 3, 3, 30);
	process_table_exit(t, 1, 1, 40);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 5, .start = 5, .owner = 5}), 0);
	assert_false(process_table_get(t, 3, 3, &v));
	assert_true(process_table_get(t, 1, 1, &v));
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 6, .start = 6, .owner = 5}), 0);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 7, .start = 7, .owner = 5}), -ENOSPC);
}

static void test_a_full_string_pool_costs_the_dead_their_text_first(void **state)
{
	CLEANUP(process_table_free) struct process_table *t =
		make(&(struct process_table_config){.chunks = 4});
	static char long_text[150] = "/bin/long";
	struct process_counters c;
	struct process_view v;

	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 1, .start = 1, .text = long_text, .text_size = 150}), 0);
	process_table_exit(t, 1, 1, 1);
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 2, .start = 2, .text = long_text, .text_size = 150}), 0);
	assert_false(process_table_get(t, 1, 1, &v));
	assert_int_equal(process_table_set(t, &(struct process_facts){.pid = 3, .start = 3, .text = long_text, .text_size = 150}), 0);
	assert_true(process_table_get(t, 3, 3, &v));
	assert_int_equal(v.text_size, 0);
	process_table_counters(t, &c);
	assert_int_equal(c.textless, 1);
	assert_int_equal(c.evicted, 1);
}

static void test_expiry_and_walks_of_one_owner(void **state)
{
	CLEANUP(process_table_free) struct process_table *t =
		make(&(struct process_table_config){.keep_ns = 100});
	struct process_view v;
	uint32_t cursor = 0, n = 0;

	for (uint32_t i = 1; i <= 6; i++)
		assert_int_equal(process_table_set(t, &(struct process_facts){.pid = i, .start = i, .owner = i % 2}), 0);
	process_table_exit(t, 1, 1, 1000);
	while (process_table_next(t, 1, &cursor, &v)) {
		assert_int_equal(v.pid % 2, 1);
		n++;
	}
	assert_int_equal(n, 2);
	process_table_expire(t, 1099);
	assert_int_equal(process_table_count(t), 6);
	process_table_expire(t, 1100);
	assert_int_equal(process_table_count(t), 5);
	process_table_owner_gone(t, 1, 2000);
	assert_int_equal(process_table_living(t, 1), 0);
	assert_int_equal(process_table_living(t, 0), 3);
	process_table_owner_forget(t, 1);
	assert_int_equal(process_table_count(t), 3);
	cursor = 0;
	assert_false(process_table_next(t, 1, &cursor, &v));
}

static void test_many_come_and_go(void **state)
{
	CLEANUP(process_table_free) struct process_table *t =
		make(&(struct process_table_config){.slots = 1000, .per_owner = 300, .chunks = 3000});
	struct process_view v;
	uint32_t seed = 1;

	for (uint32_t i = 1; i <= 200000; i++) {
		seed = seed * 1103515245u + 12345u;
		uint32_t pid = 1 + (seed >> 8) % 500;
		char text[64];
		int n = snprintf(text, sizeof(text), "/bin/prog-%u", i);
		struct process_facts f = {.pid = pid, .ppid = 1 + (seed >> 20) % 500, .start = i, .owner = i % 7,
			.text = (seed & 16) ? text : NULL, .text_size = (uint32_t)n + 1};
		process_table_set(t, &f);
		if (seed & 32)
			process_table_exit(t, 1 + (seed >> 12) % 500, 0, i);
		if (i % 1000 == 0)
			process_table_expire(t, i);
	}
	for (uint32_t o = 0; o < 7; o++) {
		uint32_t cursor = 0, n = 0;
		while (process_table_next(t, o, &cursor, &v))
			n++;
		assert_int_equal(n, process_table_living(t, o));
	}
	for (uint32_t o = 0; o < 7; o++)
		process_table_owner_forget(t, o);
	assert_int_equal(process_table_count(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_survive_chains_of_any_length),
		cmocka_unit_test(test_a_fork_has_its_parents_text_and_an_exec_its_own),
		cmocka_unit_test(test_a_reused_pid_is_another_process),
		cmocka_unit_test(test_a_seeded_process_is_the_one_the_kernel_means),
		cmocka_unit_test(test_a_fork_bomb_evicts_its_own_dead_then_is_refused),
		cmocka_unit_test(test_a_full_table_evicts_the_longest_dead),
		cmocka_unit_test(test_a_full_string_pool_costs_the_dead_their_text_first),
		cmocka_unit_test(test_expiry_and_walks_of_one_owner),
		cmocka_unit_test(test_many_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
