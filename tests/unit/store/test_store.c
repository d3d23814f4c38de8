/* SPDX-License-Identifier: Apache-2.0 */
/* The store: migrations, batches against kill -9 and a full disk, paging, upserts, retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
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
	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-test-store-XXXXXX");
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

static int put_audit(struct store *s, uint32_t n, uint64_t time, const char *incident, uint32_t count)
{
	char id[32];
	struct audit a = {.id = id, .time = time, .kind = AUDIT_RUNTIME, .detection = DETECTION_CRYPTO_MINER,
		.severity = SEVERITY_HIGH, .count = count, .incident = (char *)(uintptr_t)incident};

	snprintf(id, sizeof(id), "a%u", n);
	return store_audit_put(s, &a);
}

static int count_row(void *ctx, const void *record)
{
	(void)record;
	++*(unsigned *)ctx;
	return 0;
}

static void test_migrates_from_empty_and_refuses_newer(void **state)
{
	struct fixture *f = *state;
	struct store *again = NULL;
	struct diag d = {0};
	sqlite3 *db = NULL;

	assert_true(store_version(f->store) >= 1);
	assert_int_equal(put_audit(f->store, 1, 100, NULL, 1), 0);
	f->store = store_close(f->store);
	assert_int_equal(store_open(&f->store, f->path, &d), 0);
	assert_int_equal(store_audits_count(f->store), 1);
	f->store = store_close(f->store);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=9999", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_open(&again, f->path, &d), -ENOTSUP);
	assert_non_null(strstr(d.message, "9999"));
}

static void test_refuses_what_is_no_database(void **state)
{
	static const char text[] = "this is no database, however long one looks at it";
	struct fixture *f = *state;
	struct store *s = NULL;
	struct diag d = {0};
	char path[128];

	snprintf(path, sizeof(path), "%s/nonsense", f->dir);
	assert_int_equal(file_write_atomic(path, text, sizeof(text), 0600), 0);
	assert_int_equal(store_open(&s, path, &d), -EBADMSG);
	assert_true(*d.message);
	unlink(path);
}

/* What was committed is there after kill -9 in the middle of the next batch, and nothing half. */
static void test_kill_in_the_middle_of_a_batch(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	char byte;

	f->store = store_close(f->store);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s = NULL;
		int r = store_open(&s, f->path, NULL);
		for (uint32_t n = 0; n < 500 && r == 0; n++)
			r = put_audit(s, n, 1000 + n, NULL, 1);
		if (r == 0)
			r = store_commit(s);
		for (uint32_t n = 500; n < 900 && r == 0; n++)
			r = put_audit(s, n, 1000 + n, NULL, 1);
		if (r == 0 && write(fds[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(store_open(&f->store, f->path, NULL), 0);
	assert_int_equal(store_audits_count(f->store), 500);
}

/* A write that fails is told, the store stays usable, and works again when there is room. */
static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, small = {.rlim_cur = 300 << 10};
	int r = 0;

	assert_int_equal(put_audit(f->store, 1, 1000, NULL, 1), 0);
	assert_int_equal(store_commit(f->store), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint32_t n = 2; n < 20000 && r == 0; n++) {
		r = put_audit(f->store, n, 1000 + n, NULL, 1);
		if (r == 0 && n % 100 == 0)
			r = store_commit(f->store);
	}
	bool failed = store_failed(f->store), dirty = store_dirty(f->store);
	uint64_t kept = store_audits_count(f->store);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(r == -EIO || r == -ENOSPC);
	assert_true(failed);
	assert_false(dirty);
	assert_true(kept >= 1);
	assert_int_equal(store_probe(f->store), 0);
	assert_null(store_failed(f->store));
	assert_int_equal(put_audit(f->store, 99999, 5, NULL, 1), 0);
	assert_int_equal(store_commit(f->store), 0);
	assert_int_equal(store_audits_count(f->store), kept + 1);
}

static void test_repeat_replaces_only_upwards(void **state)
{
	static const uint32_t counts[] = {1, 5, 3}, expected[] = {1, 5, 5};
	struct fixture *f = *state;
	struct audit none = {0};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct audit a = {0};
		assert_int_equal(put_audit(f->store, 7, 1000, NULL, counts[i]), 0);
		assert_int_equal(store_audit_get(f->store, "a7", &a), 0);
		assert_int_equal(a.count, expected[i]);
		record_done(&audit_desc, &a);
	}
	assert_int_equal(store_audits_count(f->store), 1);
	assert_int_equal(store_audit_get(f->store, "missing", &none), STORE_E_NOT_FOUND);
}

struct order {
	uint64_t last;
	unsigned rows;
	bool wrong;
};

static int check_order(void *ctx, const void *record)
{
	const struct audit *a = record;
	struct order *o = ctx;

	o->wrong |= o->rows && a->time > o->last;
	o->last = a->time;
	o->rows++;
	return 0;
}

static void test_pages_cover_everything_once(void **state)
{
	struct fixture *f = *state;
	struct store_query q = {.limit = 7};
	struct order order = {0};
	char next[STORE_CURSOR_SIZE] = "", cursor[STORE_CURSOR_SIZE];
	unsigned rows = 0;

	/* Many at one time: the number breaks the tie. New ones between pages are not seen. */
	for (uint32_t n = 0; n < 100; n++)
		assert_int_equal(put_audit(f->store, n, 1000 + n / 30, NULL, 1), 0);
	for (unsigned pages = 0; pages < 20; pages++) {
		assert_int_equal(store_audits_list(f->store, &q, check_order, &order, next), 0);
		assert_int_equal(put_audit(f->store, 1000 + pages, 9000, NULL, 1), 0);
		if (!*next)
			break;
		memcpy(cursor, next, sizeof(cursor));
		q.cursor = cursor;
	}
	assert_int_equal(order.rows, 100);
	assert_false(order.wrong);
	q = (struct store_query){.cursor = "1; DROP TABLE audits"};
	assert_int_equal(store_audits_list(f->store, &q, check_order, &order, next), -EINVAL);
	q = (struct store_query){.kind = "runtime", .detection = "crypto_miner", .since = 1001, .until = 1002};
	assert_int_equal(store_audits_list(f->store, &q, count_row, &rows, next), 0);
	assert_int_equal(rows, 60);
	q.kind = "access' OR 1=1 --";
	assert_int_equal(store_audits_list(f->store, &q, count_row, &rows, next), 0);
	assert_int_equal(rows, 60);
}

static int put_command(struct store *s, const char *id, const char *user, const char *action, enum done done)
{
	char *groups[] = {(char[]){"ops"}}, *parameters[] = {(char[]){"privileged=true"}};
	bool denied = done == DONE_BLOCK;
	struct audit a = {.id = (char *)(uintptr_t)id, .time = 1000, .kind = AUDIT_ACCESS, .count = 1, .done = done,
		.effect = denied ? EFFECT_BLOCK : EFFECT_DISABLE, .message = (char[]){"said to a command"},
		.container = {.name = (char[]){"Shop-Web-1"}, .image = (char[]){"docker.io/library/nginx:1"}},
		.command = {.user = (char *)(uintptr_t)user, .action = (char *)(uintptr_t)action,
			.groups = {groups, user && 1}, .parameters = {parameters, denied}}};

	return store_audit_put(s, &a);
}

static int join_ids(void *ctx, const void *record)
{
	strcat(ctx, ((const struct audit *)record)->id);
	return 0;
}

static void test_commands_are_found(void **state)
{
	static const struct {
		struct store_query query;
		const char *ids; /* the newest first */
	} rows[] = {
		{{.kind = "access"}, "dcba"},
		{{.user = "alice"}, "ca"}, {{.user = "ALICE"}, "ca"}, {{.user = "ali"}, ""}, {{.user = "ali*"}, "ca"},
		{{.user = "*B"}, "b"}, {{.user = "local socket"}, "d"}, {{.user = "*"}, "dcba"}, {{.user = "ops"}, ""},
		{{.action = "container_create"}, "a"}, {{.action = "container_exec_*"}, "cb"}, {{.action = "*CREATE"}, "cba"},
		{{.verdict = "deny"}, "b"}, {{.verdict = "allow"}, "dca"}, {{.done = "block"}, "b"}, {{.done = "failed"}, ""},
		{{.text = "shop-web"}, "dcba"}, {{.text = "OPS"}, "cba"}, {{.text = "privileged"}, "b"}, {{.text = "%"}, ""},
		{{.user = "alice", .action = "*exec*", .text = "nginx"}, "c"}, {{.user = "' OR 1=1 --"}, ""},
		{{.user = "alice", .verdict = "deny"}, ""},
	};
	struct fixture *f = *state;
	char next[STORE_CURSOR_SIZE];

	assert_int_equal(put_command(f->store, "a", "alice", "container_create", DONE_NONE), 0);
	assert_int_equal(put_command(f->store, "b", "bob", "container_exec_create", DONE_BLOCK), 0);
	assert_int_equal(put_command(f->store, "c", "alice", "container_exec_create", DONE_NONE), 0);
	assert_int_equal(put_command(f->store, "d", NULL, "ping", DONE_NONE), 0);
	assert_int_equal(put_audit(f->store, 1, 1000, NULL, 1), 0); /* no command: none of the filters fits it */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char ids[16] = "";
		assert_int_equal(store_audits_list(f->store, &rows[i].query, join_ids, ids, next), 0);
		assert_string_equal(ids, rows[i].ids);
		assert_string_equal(next, "");
	}
}

/* A needle under more rows than one call looks at: short pages, and none is the end before it is. */
static void test_a_search_looks_at_so_many_a_call(void **state)
{
	struct fixture *f = *state;
	struct store_query q = {.user = "*lice", .limit = 5};
	char next[STORE_CURSOR_SIZE] = "", cursor[STORE_CURSOR_SIZE], ids[16] = "";
	unsigned calls = 0;

	assert_int_equal(put_command(f->store, "x", "alice", "ping", DONE_NONE), 0);
	for (uint32_t n = 0; n < 11000; n++)
		assert_int_equal(put_audit(f->store, n, 2000 + n, NULL, 1), 0);
	do {
		memcpy(cursor, next, sizeof(cursor));
		q.cursor = *cursor ? cursor : NULL;
		assert_string_equal(ids, "");
		assert_int_equal(store_audits_list(f->store, &q, join_ids, ids, next), 0);
		calls++;
	} while (*next);
	assert_string_equal(ids, "x");
	assert_int_equal(calls, 3);
}

/* A database of before these columns: its commands are found like new ones. */
static void test_older_commands_are_found(void **state)
{
	static const char *const back[] = {"DROP INDEX audits_user", "DROP INDEX audits_action", "DROP INDEX audits_verdict",
		"ALTER TABLE audits DROP COLUMN user", "ALTER TABLE audits DROP COLUMN action",
		"ALTER TABLE audits DROP COLUMN verdict", "PRAGMA user_version=3"};
	struct fixture *f = *state;
	char next[STORE_CURSOR_SIZE], ids[16] = "";
	sqlite3 *db = NULL;

	assert_int_equal(put_command(f->store, "a", "alice", "ping", DONE_NONE), 0);
	assert_int_equal(put_command(f->store, "b", NULL, "ping", DONE_BLOCK), 0);
	f->store = store_close(f->store);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(back); i++)
		assert_int_equal(sqlite3_exec(db, back[i], NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_open(&f->store, f->path, NULL), 0);
	assert_int_equal(store_audits_list(f->store, &(struct store_query){.user = "alice"}, join_ids, ids, next), 0);
	assert_int_equal(store_audits_list(f->store,
		&(struct store_query){.user = STORE_USER_LOCAL, .verdict = "deny", .done = "block"}, join_ids, ids, next), 0);
	assert_string_equal(ids, "ab");
}

static void test_containers_are_found_and_grow_stale(void **state)
{
	static const struct {
		const char *what, *id; /* NULL = not found */
	} wanted[] = {{"abcd1111", "abcd1111"}, {"web", "abcd1111"}, {"abcd2", "abcd2222"}, {"abcd", NULL}, {"abc", NULL},
		{"x", NULL}, {"", NULL}};
	struct fixture *f = *state;
	struct container a = {.id = (char[]){"abcd1111"}, .name = (char[]){"web"}, .state = CONTAINER_RUNNING, .created = 5};
	struct container b = {.id = (char[]){"abcd2222"}, .name = (char[]){"web"}, .state = CONTAINER_EXITED, .created = 9};
	struct container stale = {0};
	struct store_query q = {0};
	char next[STORE_CURSOR_SIZE];
	unsigned rows = 0;

	assert_int_equal(store_container_put(f->store, &a, 10), 0);
	assert_int_equal(store_container_put(f->store, &b, 20), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct container c = {0};
		int r = store_container_find(f->store, wanted[i].what, &c);
		assert_int_equal(r, wanted[i].id ? 0 : STORE_E_NOT_FOUND);
		if (r == 0)
			assert_string_equal(c.id, wanted[i].id);
		record_done(&container_desc, &c);
	}
	assert_int_equal(store_containers_list(f->store, &q, count_row, &rows, next), 0);
	assert_int_equal(rows, 1);
	q.all = true;
	assert_int_equal(store_containers_list(f->store, &q, count_row, &rows, next), 0);
	assert_int_equal(rows, 3);
	assert_int_equal(store_container_stale(f->store, 10, &stale), STORE_E_NOT_FOUND);
	assert_int_equal(store_container_stale(f->store, 11, &stale), 0);
	assert_string_equal(stale.id, "abcd1111");
	record_done(&container_desc, &stale);
}

static void retain_all(struct store *s, const struct store_limits *limits)
{
	bool left = true;

	for (int calls = 0; calls < 20 && left; calls++)
		assert_int_equal(store_retain(s, limits, 100000, &left), 0);
	assert_false(left);
}

static void test_retention_spares_open_incidents(void **state)
{
	struct fixture *f = *state;
	struct incident open = {.id = (char[]){"open"}, .state = (char[]){"open"}, .opened = 10, .updated = 10};
	struct incident closed = {.id = (char[]){"closed"}, .state = (char[]){"acknowledged"}, .opened = 10, .updated = 10};
	struct incident i = {0};

	assert_int_equal(store_incident_put(f->store, &open), 0);
	assert_int_equal(store_incident_put(f->store, &closed), 0);
	for (uint32_t n = 0; n < 1500; n++)
		assert_int_equal(put_audit(f->store, n, 100, n < 10 ? "open" : n < 20 ? "closed" : NULL, 1), 0);
	assert_int_equal(put_audit(f->store, 5000, 99900, NULL, 1), 0);
	retain_all(f->store, &(struct store_limits){.max_age_ns = 1000, .removed_age_ns = 1000});
	assert_int_equal(store_audits_count(f->store), 11);
	assert_int_equal(store_incident_get(f->store, "open", &i), 0);
	record_done(&incident_desc, &i);
	assert_int_equal(store_incident_get(f->store, "closed", &i), STORE_E_NOT_FOUND);
	/* By size too: when nothing is allowed, only the open incident's stay. */
	retain_all(f->store, &(struct store_limits){1, 1ull << 60, 1ull << 60});
	assert_int_equal(store_audits_count(f->store), 10);
}

static void test_policies_do_not_overwrite_each_other(void **state)
{
	struct fixture *f = *state;
	struct store_policy p = {.text = (char[]){"version: 1\n"}, .author = (char[]){"alice"}, .time = 7};
	struct store_policy got = {0};
	uint64_t revision = 0;

	assert_int_equal(store_policy_get(f->store, 0, &got), STORE_E_NOT_FOUND);
	assert_int_equal(store_policy_put(f->store, &p, 0, &revision), 0);
	assert_int_equal(revision, 1);
	assert_int_equal(store_policy_put(f->store, &p, 1, &revision), 0);
	assert_int_equal(revision, 2);
	assert_int_equal(store_policy_put(f->store, &p, 1, &revision), -EBUSY);
	assert_int_equal(store_policy_get(f->store, 0, &got), 0);
	assert_int_equal(got.revision, 2);
	assert_string_equal(got.author, "alice");
	store_policy_done(&got);
}

static void test_sessions_end(void **state)
{
	struct fixture *f = *state;
	struct store_user u = {.name = "alice", .role = "viewer", .hash = "h"}, got = {0};
	const uint8_t one[STORE_HASH_SIZE] = {1}, two[STORE_HASH_SIZE] = {2};

	assert_int_equal(store_user_put(f->store, &u), 0);
	assert_int_equal(store_session_put(f->store, one, "alice", 100), 0);
	assert_int_equal(store_session_put(f->store, two, "alice", 100), 0);
	assert_int_equal(store_session_get(f->store, one, 99, &got), 0);
	assert_string_equal(got.role, "viewer");
	assert_int_equal(store_session_get(f->store, one, 100, &got), STORE_E_NOT_FOUND);
	assert_int_equal(store_session_delete(f->store, one), 0);
	assert_int_equal(store_session_get(f->store, one, 1, &got), STORE_E_NOT_FOUND);
	assert_int_equal(store_sessions_delete_user(f->store, "alice"), 0);
	assert_int_equal(store_session_get(f->store, two, 1, &got), STORE_E_NOT_FOUND);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_migrates_from_empty_and_refuses_newer),
		TEST(test_refuses_what_is_no_database),
		TEST(test_kill_in_the_middle_of_a_batch),
		TEST(test_full_disk),
		TEST(test_repeat_replaces_only_upwards),
		TEST(test_pages_cover_everything_once),
		TEST(test_commands_are_found),
		TEST(test_a_search_looks_at_so_many_a_call),
		TEST(test_older_commands_are_found),
		TEST(test_containers_are_found_and_grow_stale),
		TEST(test_retention_spares_open_incidents),
		TEST(test_policies_do_not_overwrite_each_other),
		TEST(test_sessions_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
