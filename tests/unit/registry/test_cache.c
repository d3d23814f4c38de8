/* SPDX-License-Identifier: Apache-2.0 */
/* Answers are kept for their time, within their room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "registry/registry.h"

static void put(struct cache *c, const char *key, size_t n, uint64_t expires)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	for (size_t i = 0; i < n; i++)
		buf_putc(&b, *key);
	cache_put(c, key, &b, expires);
}

static void keeps_for_a_time(void **state)
{
	CLEANUP(cache_free) struct cache *c = NULL;

	assert_int_equal(cache_new(&c, 10, 1000), 0);
	put(c, "a", 3, 100);
	assert_non_null(cache_find(c, "a", 99));
	assert_int_equal(cache_find(c, "a", 99)->len, 3);
	assert_null(cache_find(c, "b", 99));
	put(c, "a", 5, 200); /* the later word counts */
	assert_int_equal(cache_find(c, "a", 150)->len, 5);
	assert_null(cache_find(c, "a", 200));
	assert_null(cache_find(c, "a", 1)); /* gone for good */
}

static void has_its_limits(void **state)
{
	CLEANUP(cache_free) struct cache *c = NULL;

	assert_int_equal(cache_new(&c, 3, 100), 0);
	put(c, "a", 10, 100);
	put(c, "b", 10, 100);
	put(c, "c", 10, 100);
	put(c, "d", 10, 100);
	assert_null(cache_find(c, "a", 1)); /* the oldest went */
	assert_non_null(cache_find(c, "b", 1));
	put(c, "e", 85, 100);
	assert_null(cache_find(c, "b", 1));
	assert_null(cache_find(c, "c", 1));
	assert_non_null(cache_find(c, "d", 1));
	assert_non_null(cache_find(c, "e", 1));
	put(c, "f", 101, 100);
	assert_null(cache_find(c, "f", 1));
	assert_non_null(cache_find(c, "e", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_for_a_time), cmocka_unit_test(has_its_limits)};

	return cmocka_run_group_tests_name("registry.cache", tests, NULL, NULL);
}
