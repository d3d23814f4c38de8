/* SPDX-License-Identifier: Apache-2.0 */
/* Compliance findings in the store: the newest word only, filters, pages, sums, and what goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

struct fixture {
	char dir[64], path[96];
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-test-findings-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
	*state = f;
	return store_open(&f->store, f->path, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"db", "db-wal", "db-shm"};
	char path[128];

	store_close(f->store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

struct put {
	const char *host, *check, *target, *resource;
	bool passed;
	enum effect effect;
	enum severity severity;
	const char *container;
	uint64_t time;
};

#define B(text) ((char *)(uintptr_t)(text))

static void put(struct store *s, const struct put *p)
{
	char id[256];
	struct compliance_finding f = {.id = id, .check = B(p->check), .severity = p->severity, .title = B("t"),
		.resource = B(p->resource), .target = B(p->target), .container.id = B(p->container), .passed = p->passed,
		.effect = p->effect, .host = B(p->host), .time = p->time};

	snprintf(id, sizeof(id), "%s@%s", p->check, p->target);
	assert_int_equal(store_finding_put(s, &f), 0);
}

struct rows {
	unsigned count;
	char ids[32][64];
};

static int take(void *ctx, const void *record)
{
	const struct compliance_finding *f = record;
	struct rows *r = ctx;

	if (r->count < ARRAY_SIZE(r->ids))
		snprintf(r->ids[r->count], sizeof(r->ids[0]), "%s", f->id);
	r->count++;
	return 0;
}

static struct rows list(struct store *s, struct store_query q)
{
	char next[STORE_CURSOR_SIZE] = "";
	struct rows r = {0};

	q.limit = q.limit ? q.limit : 1000;
	do {
		char cursor[STORE_CURSOR_SIZE];
		snprintf(cursor, sizeof(cursor), "%s", next);
		q.cursor = *cursor ? cursor : NULL;
		assert_int_equal(store_findings_list(s, &q, take, &r, next), 0);
	} while (*next);
	return r;
}

static void fill(struct store *s)
{
	static const struct put all[] = {
		{"h1", "daemon_tcp", "/d.sock", "daemon", false, EFFECT_ALERT, SEVERITY_CRITICAL, NULL, 10},
		{"h2", "daemon_tcp", "/d.sock", "daemon", true, EFFECT_ALERT, SEVERITY_CRITICAL, NULL, 11},
		{"h1", "engine_socket_mode", "/d.sock", "file", false, EFFECT_DISABLE, SEVERITY_HIGH, NULL, 12},
		{"h1", "privileged", "c1", "container", false, EFFECT_BLOCK, SEVERITY_CRITICAL, "c1", 13},
		{"h1", "host_pid", "c1", "container", true, EFFECT_ALERT, SEVERITY_HIGH, "c1", 14},
		{"h1", "privileged", "c2", "container", true, EFFECT_ALERT, SEVERITY_CRITICAL, "c2", 15},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		put(s, &all[i]);
}

static void test_latest_only(void **state)
{
	struct fixture *f = *state;

	fill(f->store);
	fill(f->store);
	assert_int_equal(store_findings_count(f->store), 6); /* the same id of two hosts is two */
	struct compliance_finding x = {0};
	assert_int_equal(store_finding_get(f->store, "h2", "daemon_tcp@/d.sock", &x), 0);
	assert_true(x.passed);
	assert_int_equal(x.time, 11);
	record_done(&compliance_finding_desc, &x);
	assert_int_equal(store_finding_get(f->store, "h3", "daemon_tcp@/d.sock", &x), STORE_E_NOT_FOUND);
	put(f->store, &(struct put){"h1", "daemon_tcp", "/d.sock", "daemon", true, EFFECT_ALERT, SEVERITY_CRITICAL, NULL, 20});
	assert_int_equal(store_findings_count(f->store), 6);
	struct rows r = list(f->store, (struct store_query){.check = "daemon_tcp", .passed = "false"});
	assert_int_equal(r.count, 0);
}

static void test_filters_and_pages(void **state)
{
	struct fixture *f = *state;

	fill(f->store);
	assert_int_equal(list(f->store, (struct store_query){0}).count, 6);
	assert_int_equal(list(f->store, (struct store_query){.resource = "container"}).count, 3);
	assert_int_equal(list(f->store, (struct store_query){.passed = "true"}).count, 3);
	assert_int_equal(list(f->store, (struct store_query){.passed = "false"}).count, 2);
	assert_int_equal(list(f->store, (struct store_query){.passed = "ignored"}).count, 1);
	assert_int_equal(list(f->store, (struct store_query){.container = "c1"}).count, 2);
	assert_int_equal(list(f->store, (struct store_query){.severity = "critical", .resource = "daemon"}).count, 2);
	assert_int_equal(list(f->store, (struct store_query){.effect = "block"}).count, 1);
	struct rows r = list(f->store, (struct store_query){.limit = 1});
	assert_int_equal(r.count, 6);
	assert_string_equal(r.ids[0], "privileged@c2"); /* the newest first */
	assert_string_equal(r.ids[5], "daemon_tcp@/d.sock");
}

static void test_what_goes(void **state)
{
	struct fixture *f = *state;

	fill(f->store);
	assert_int_equal(store_findings_delete_container(f->store, "c1"), 0);
	assert_int_equal(store_findings_count(f->store), 4);
	assert_int_equal(store_finding_delete(f->store, "h1", "daemon_tcp@/d.sock"), 0);
	assert_int_equal(store_findings_count(f->store), 3); /* the other host's stays */
	assert_int_equal(store_findings_forget(f->store, "h1", "container", 15), 0);
	assert_int_equal(store_findings_count(f->store), 3); /* told at 15: not before */
	assert_int_equal(store_findings_forget(f->store, "h1", "container", 16), 0);
	assert_int_equal(store_findings_count(f->store), 2);
	assert_int_equal(store_findings_forget(f->store, "h1", "daemon", 100), 0);
	assert_int_equal(store_findings_count(f->store), 2);
}

struct sums {
	uint64_t all, failed, blocked;
};

static int add(void *ctx, const void *record)
{
	const struct store_finding_sum *s = record;
	struct sums *x = ctx;

	x->all += s->count;
	x->failed += strcmp(s->passed, "false") == 0 ? s->count : 0;
	x->blocked += strcmp(s->effect, "block") == 0 ? s->count : 0;
	return 0;
}

static void test_sums(void **state)
{
	struct fixture *f = *state;
	struct sums x = {0}, none = {0};

	assert_int_equal(store_findings_sum(f->store, add, &none), 0);
	assert_int_equal(none.all, 0);
	fill(f->store);
	assert_int_equal(store_findings_sum(f->store, add, &x), 0);
	assert_int_equal(x.all, 6);
	assert_int_equal(x.failed, 2);
	assert_int_equal(x.blocked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_latest_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters_and_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
	};

	return cmocka_run_group_tests_name("store.findings", tests, NULL, NULL);
}
