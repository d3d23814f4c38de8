/* SPDX-License-Identifier: Apache-2.0 */
/* The container table, cgroup names, and the hold queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "defender/container_table.h"
#include "defender/hold.h"

#define HEX16 "0123456789abcdef"
#define ID HEX16 HEX16 HEX16 HEX16

static void test_ids_in_the_names_of_cgroups(void **state)
{
	static const char *const with[] = {ID, "docker-" ID ".scope", "cri-containerd-" ID ".scope", "crio-" ID,
		"libpod-" ID ".scope", "cri-o:" ID};
	static const char *const without[] = {"", "docker", HEX16, "libpod-conmon-" ID ".scope", "crio-conmon-" ID,
		ID "0", "a" ID, "user.slice"};
	char out[CONTAINER_ID_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
		assert_true(container_id_from_leaf(with[i], out));
		assert_string_equal(out, ID);
	}
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		assert_false(container_id_from_leaf(without[i], out));
}

static void count_forgotten(void *ctx, struct container_entry *e)
{
	assert_true(e->id[0] != 0);
	++*(uint32_t *)ctx;
}

static void test_found_by_cgroup_id_prefix_and_name(void **state)
{
	CLEANUP(container_table_free) struct container_table *t = NULL;
	struct container_entry *a, *b;
	struct container info = {.id = (char *)"abcdef0123", .name = (char *)"web"};

	assert_int_equal(container_table_new(&t, NULL, NULL), 0);
	assert_int_equal(container_table_make(t, "abcdef0123", &a), 0);
	assert_int_equal(container_table_make(t, "abcdef0123", &b), 0);
	assert_ptr_equal(a, b);
	assert_false(a->named);
	assert_int_equal(container_table_name(t, a, &info), 0);
	assert_string_equal(a->info.name, "web");
	container_table_bind(t, a, 77);
	assert_ptr_equal(container_table_by_cgroup(t, 77), a);
	assert_null(container_table_by_cgroup(t, 0));
	assert_ptr_equal(container_table_search(t, "web"), a);
	assert_ptr_equal(container_table_search(t, "abcd"), a);
	assert_null(container_table_search(t, "abc")); /* too short to mean one */
	/* A new container of the same name wins over the gone one. */
	a->gone = 5;
	assert_int_equal(container_table_make(t, "fedc", &b), 0);
	assert_int_equal(container_table_name(t, b, &info), 0);
	assert_ptr_equal(container_table_search(t, "web"), b);
	/* A restart: the same cgroup id never means two containers. */
	container_table_bind(t, b, 77);
	assert_ptr_equal(container_table_by_cgroup(t, 77), b);
	assert_int_equal(a->cgroup, 0);
	container_table_forget(t, b);
	assert_null(container_table_by_cgroup(t, 77));
	assert_null(container_table_by_id(t, "fedc"));
	assert_int_equal(container_table_count(t), 1);
	assert_int_equal(container_table_make(t, "", &b), -EINVAL);
}

static void test_the_longest_gone_makes_room(void **state)
{
	CLEANUP(container_table_free) struct container_table *t = NULL;
	struct container_entry *e;
	uint32_t forgotten = 0, seen = 0, cursor = 0;
	char id[32];

	assert_int_equal(container_table_new(&t, count_forgotten, &forgotten), 0);
	for (uint32_t i = 1; i < CONTAINERS_MAX; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		assert_int_equal(container_table_make(t, id, &e), 0);
		container_table_bind(t, e, i);
	}
	assert_int_equal(container_table_make(t, "one-more", &e), -ENOSPC);
	container_table_by_id(t, "c100")->gone = 9;
	container_table_by_id(t, "c200")->gone = 8;
	assert_int_equal(container_table_make(t, "one-more", &e), 0);
	assert_int_equal(forgotten, 1);
	assert_null(container_table_by_id(t, "c200"));
	assert_null(container_table_by_cgroup(t, 200));
	container_table_expire(t, 10);
	assert_int_equal(forgotten, 2);
	assert_null(container_table_by_id(t, "c100"));
	while (container_table_next(t, &cursor))
		seen++;
	assert_int_equal(seen, container_table_count(t));
}

struct let_go {
	uint32_t count;
	uint32_t last[8]; /* the newest last number of each cgroup */
	bool in_order;
};

struct held {
	uint32_t cgroup, number;
};

static void see(void *ctx, const void *data, uint32_t size)
{
	struct let_go *l = ctx;
	struct held h;

	memcpy(&h, data, sizeof(h));
	if (h.number <= l->last[h.cgroup])
		l->in_order = false;
	l->last[h.cgroup] = h.number;
	l->count++;
}

static void test_held_records_go_when_named_or_late(void **state)
{
	struct let_go l = {.in_order = true};
	CLEANUP(hold_free) struct hold *h = NULL;

	assert_int_equal(hold_new(&h, 4096, 100, see, &l), 0);
	for (uint32_t i = 1; i <= 10; i++) {
		struct held r = {.cgroup = 1 + i % 2, .number = i};
		assert_int_equal(hold_put(h, r.cgroup, i, &r, sizeof(r)), 0);
	}
	hold_release(h, 1);
	assert_int_equal(l.count, 5);
	assert_int_equal(l.last[1], 10);
	hold_expire(h, 102);
	assert_int_equal(l.count, 6);
	assert_int_equal(l.last[2], 1);
	hold_expire(h, 1000);
	assert_int_equal(l.count, 10);
	assert_int_equal(hold_count(h), 0);
	assert_true(l.in_order);
	assert_int_equal(hold_put(h, 1, 1, &l, 4000), -E2BIG);
}

static void test_a_full_hold_lets_the_oldest_go_and_loses_none(void **state)
{
	struct let_go l = {.in_order = true};
	CLEANUP(hold_free) struct hold *h = NULL;
	uint8_t data[700] = {0};

	assert_int_equal(hold_new(&h, 4096, 1000000, see, &l), 0);
	for (uint32_t i = 1; i <= 1000; i++) {
		struct held r = {.cgroup = 1 + i % 5, .number = i};
		memcpy(data, &r, sizeof(r));
		assert_int_equal(hold_put(h, r.cgroup, i, data, (uint32_t)sizeof(r) + i * 37 % 690), 0);
		if (i % 17 == 0)
			hold_release(h, 1 + i % 3);
		assert_int_equal(l.count + hold_count(h), i);
	}
	assert_true(hold_early(h) > 0);
	hold_expire(h, UINT64_MAX);
	assert_int_equal(l.count, 1000);
	assert_true(l.in_order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_in_the_names_of_cgroups),
		cmocka_unit_test(test_found_by_cgroup_id_prefix_and_name),
		cmocka_unit_test(test_the_longest_gone_makes_room),
		cmocka_unit_test(test_held_records_go_when_named_or_late),
		cmocka_unit_test(test_a_full_hold_lets_the_oldest_go_and_loses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
