/* SPDX-License-Identifier: Apache-2.0 */
/* Caps, order and forgetting in the inventory of one engine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/inventory.h"

static struct inventory_entry *get(struct inventory *v, const char *id)
{
	struct inventory_entry *e = NULL;

	assert_int_equal(inventory_get(v, id, RUNTIME_DOCKER, &e), 0);
	return e;
}

static void test_changes(void **state)
{
	CLEANUP(inventory_free) struct inventory *v = NULL;

	assert_int_equal(inventory_new(&v), 0);
	struct inventory_entry *a = get(v, "a"), *b = get(v, "b");
	assert_ptr_equal(get(v, "a"), a);
	assert_null(inventory_take(v));
	inventory_touch(v, b);
	inventory_touch(v, a);
	inventory_touch(v, b);
	assert_string_equal(inventory_take(v)->id, "b");
	assert_string_equal(inventory_take(v)->id, "a");
	assert_null(inventory_take(v));

	inventory_remove(v, a);
	inventory_remove(v, a);
	assert_null(inventory_find(v, "a"));
	assert_ptr_equal(inventory_first(v), b);
	assert_ptr_not_equal(
		get(v, "a"), a); /* a new one of the same id; the old one is still to be told */
	const struct container *c = inventory_take(v);
	assert_int_equal(c->state, CONTAINER_REMOVED);
	assert_int_equal(inventory_count(v), 3);
	inventory_touch_all(v);
	assert_int_equal(inventory_count(v), 2);
	assert_string_equal(inventory_take(v)->id, "b");
	assert_string_equal(inventory_take(v)->id, "a");
}

static void test_ids(void **state)
{
	CLEANUP(inventory_free) struct inventory *v = NULL;
	struct inventory_entry *e;
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a b", "a\n", "a?x", "a%2f", "\xc3\xa4"};
	char longest[INVENTORY_ID_MAX + 2];

	assert_int_equal(inventory_new(&v), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(inventory_get(v, bad[i], RUNTIME_DOCKER, &e), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(inventory_get(v, longest, RUNTIME_DOCKER, &e), -EINVAL);
	longest[INVENTORY_ID_MAX] = 0;
	assert_int_equal(inventory_get(v, longest, RUNTIME_DOCKER, &e), 0);
}

static void test_full(void **state)
{
	CLEANUP(inventory_free) struct inventory *v = NULL;
	struct inventory_entry *e;
	char id[32];

	assert_int_equal(inventory_new(&v), 0);
	for (int i = 0; i < INVENTORY_CONTAINERS_MAX; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		get(v, id)->container.state = CONTAINER_RUNNING;
	}
	assert_int_equal(inventory_get(v, "more", RUNTIME_DOCKER, &e), -ENOSPC);
	assert_int_equal(inventory_refused(v), 1);
	inventory_find(v, "id7")->container.state = CONTAINER_EXITED;
	assert_int_equal(inventory_get(v, "more", RUNTIME_DOCKER, &e), 0);
	assert_null(inventory_find(v, "id7"));
	assert_int_equal(inventory_count(v), INVENTORY_CONTAINERS_MAX);
}

static void test_text(void **state)
{
	CLEANUP(free) char *text = NULL;

	assert_int_equal(inventory_set_text(&text, "a\nb\x1b[1m\x7f", 100), 0);
	assert_string_equal(text, "a?b?[1m?");
	assert_int_equal(inventory_set_text(&text, "abcdef", 4), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(
		inventory_set_text(&text, "ab\xc3\xa4", 4), 0); /* not half of a character */
	assert_string_equal(text, "ab");
	assert_int_equal(inventory_set_text(&text, "", 4), 0);
	assert_null(text);
}

static void test_time(void **state)
{
	uint64_t t = 0;

	inventory_set_time(&t, 1795449837109517705ull);
	assert_int_equal(t, 1795449837109517705ull);
	inventory_set_time(&t, 1795449837012345678ull);
	assert_int_equal(t, 1795449837109517705ull);
	inventory_set_time(&t, 1795449847000000000ull);
	assert_int_equal(t, 1795449847000000000ull);
	inventory_set_time(&t, 0);
	assert_int_equal(t, 0);
}

static void test_labels(void **state)
{
	struct container c = {0};
	char key[16], big[INVENTORY_LABEL_MAX * 2];

	for (int i = 0; i < INVENTORY_LABELS_MAX + 10; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(inventory_add_label(&c, key, "v"), 0);
	}
	assert_int_equal(c.labels.count, INVENTORY_LABELS_MAX);
	kv_list_done(&c.labels);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(inventory_add_label(&c, key, big), 0);
	}
	assert_int_equal(strlen(c.labels.items[0].value), INVENTORY_LABEL_MAX - 1);
	assert_true(c.labels.count < 17);
	assert_int_equal(inventory_add_label(&c, "io.kubernetes.pod.name", "pay-1"), 0);
	assert_int_equal(inventory_add_label(&c, "io.kubernetes.pod.name", "spoof"), 0);
	assert_int_equal(inventory_name_from_labels(&c), 0);
	assert_string_equal(c.pod, "pay-1");
	record_done(&container_desc, &c);
}

static void test_lists(void **state)
{
	struct str_list l = {0};

	for (int i = 0; i < INVENTORY_LIST_MAX + 5; i++)
		assert_int_equal(inventory_add_item(&l, "10.0.0.1", 64), 0);
	assert_int_equal(l.count, INVENTORY_LIST_MAX);
	assert_int_equal(inventory_add_item(&l, "", 64), 0);
	str_list_done(&l);
	assert_int_equal(l.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests_name("runtime.inventory", tests, NULL, NULL);
}
