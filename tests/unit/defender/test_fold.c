/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of repeats, audit ids, and the texts of every kind of outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "defender/audit_text.h"
#include "defender/event.h"
#include "defender/fold.h"

struct told {
	uint32_t calls;
	uint32_t sum[64]; /* last count of each id */
};

static int see(void *ctx, const struct audit *a)
{
	struct told *t = ctx;
	unsigned id = (unsigned)strtoul(a->id, NULL, 10);

	t->calls++;
	t->sum[id % 64] = a->count;
	return 0;
}

static struct audit audit(const char *id, uint64_t time)
{
	return (struct audit){.id = (char *)(uintptr_t)id, .time = time, .first = time, .last = time, .count = 1};
}

#define SEC NSEC_PER_SEC

static void test_first_at_once_then_once_a_second_then_a_new_one(void **state)
{
	struct told t = {0};
	CLEANUP(fold_free) struct fold *f = NULL;
	struct audit a = audit("1", 100), b = audit("2", 200);

	assert_int_equal(fold_new(&f, NULL, 60 * SEC, see, &t), 0);
	assert_true(fold_is_new(f, 5, SEC));
	assert_true(fold_add(f, 5, &a, SEC));
	assert_int_equal(t.calls, 1);
	for (int i = 0; i < 10; i++)
		assert_false(fold_add(f, 5, &a, SEC + 1));
	fold_tick(f, SEC + 2);
	assert_int_equal(t.calls, 1);
	fold_tick(f, 2 * SEC);
	assert_int_equal(t.calls, 2);
	assert_int_equal(t.sum[1], 11);
	fold_tick(f, 3 * SEC); /* nothing new: nothing told */
	assert_int_equal(t.calls, 2);
	/* The window's end tells what is left, then the next one is another audit. */
	assert_false(fold_add(f, 5, &a, 60 * SEC));
	fold_tick(f, 61 * SEC);
	assert_int_equal(t.sum[1], 12);
	assert_true(fold_is_new(f, 5, 61 * SEC));
	assert_true(fold_add(f, 5, &b, 61 * SEC));
	assert_int_equal(t.sum[2], 1);
}

static void test_a_flood_of_kinds_loses_no_count(void **state)
{
	struct told t = {0};
	CLEANUP(fold_free) struct fold *f = NULL;
	uint32_t sum = 0;
	char id[16];

	assert_int_equal(fold_new(&f, NULL, 60 * SEC, see, &t), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct audit a = audit("7", 1);
		fold_add(f, 1000, &a, 1);
	}
	/* More kinds than there are places: the oldest is told and makes room. */
	for (uint32_t i = 0; i < 600; i++) {
		struct audit a = audit(id, 1);
		snprintf(id, sizeof(id), "%u", 8 + i % 8);
		fold_add(f, 2000 + i, &a, 2 + i);
		sum++;
	}
	assert_int_equal(sum, 600);
	assert_int_equal(t.sum[7], 3);
	assert_int_equal(t.calls, 602);
}

static void test_what_is_counted_is_told_at_the_end(void **state)
{
	struct told t = {0};
	struct fold *f = NULL;
	struct audit a = audit("1", 1);

	assert_int_equal(fold_new(&f, NULL, 60 * SEC, see, &t), 0);
	fold_add(f, 5, &a, 1);
	fold_add(f, 5, &a, 2);
	fold_free(f);
	assert_int_equal(t.sum[1], 2);
}

static void test_kill_9_loses_no_count(void **state)
{
	struct told t = {0};
	char path[] = "/tmp/seawall-test-fold-XXXXXX";
	struct fold *f = NULL;
	int status;

	close(mkstemp(path));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct audit a = audit("1", 1);
		if (fold_new(&f, path, 60 * SEC, see, &t) < 0)
			_exit(1);
		for (int i = 0; i < 10; i++)
			fold_add(f, 5, &a, 1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	int r = fold_new(&f, path, 60 * SEC, see, &t);
	unlink(path);
	assert_int_equal(r, 0);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.sum[1], 10);
	fold_free(f);
	assert_int_equal(t.calls, 1);
}

static void test_keys_know_where_a_text_ends(void **state)
{
	struct told t = {0};
	CLEANUP(fold_free) struct fold *f = NULL;
	const char *a[] = {"ab", "c"}, *b[] = {"a", "bc"}, *c[] = {"ab", NULL};

	assert_int_equal(fold_new(&f, NULL, SEC, see, &t), 0);
	assert_true(fold_key(f, a, 2) != fold_key(f, b, 2));
	assert_true(fold_key(f, a, 2) != fold_key(f, c, 2));
	assert_true(fold_key(f, a, 2) == fold_key(f, a, 2));
}

static void test_ids_are_unique_and_in_order_of_time(void **state)
{
	char last[27] = "", id[27], same[27];

	for (uint64_t ms = 1; ms < 4000000000000ull; ms = ms * 3 + 1) {
		id_make(ms * NSEC_PER_MSEC, id);
		id_make(ms * NSEC_PER_MSEC, same);
		assert_int_equal(strlen(id), 26);
		assert_true(strcmp(last, id) < 0);
		assert_string_not_equal(id, same);
		memcpy(last, id, sizeof(last));
	}
}

struct text_row {
	struct outcome o;
	struct event e;
	const char *want;
};

#define MINER DETECTION_CRYPTO_MINER
#define NGINX {.path = (char *)"/usr/bin/nginx", .pid = 123}
#define TO {.path = (char *)"/bin/nc", .pid = 7, .address = (char *)"203.0.113.7", .port = 3333}

static const struct text_row rows[] = {
	{{MINER, EVIDENCE_ARGV, EFFECT_BLOCK, DONE_BLOCK, .rule = "stop miners", .sign = "stratum+tcp://"}, NGINX,
		"[Seawall] container blocked by rule 'stop miners': crypto miner: argument 'stratum+tcp://' of /usr/bin/nginx (pid 123)"},
	{{MINER, EVIDENCE_NAME, EFFECT_PREVENT, DONE_PREVENT, .rule = "r", .sign = "xmrig"}, NGINX,
		"[Seawall] command blocked by rule 'r': crypto miner: name 'xmrig' of /usr/bin/nginx (pid 123)"},
	{{MINER, EVIDENCE_STRATUM, EFFECT_PREVENT, DONE_PREVENT, .rule = "r", .sign = "mining.subscribe"}, TO,
		"[Seawall] command blocked by rule 'r': crypto miner: stratum 'mining.subscribe' to 203.0.113.7:3333 by /bin/nc (pid 7)"},
	{{DETECTION_DENIED_PORT, EVIDENCE_PORT, EFFECT_PREVENT, DONE_PREVENT, .rule = "r"}, TO,
		"[Seawall] command blocked by rule 'r': denied port: connection to 203.0.113.7:3333 by /bin/nc (pid 7)"},
	{{MINER, EVIDENCE_ARGV, EFFECT_ALERT, DONE_ALERT, .rule = "stop miners", .sign = "--donate-level"}, NGINX,
		"crypto miner (T1496): argument '--donate-level' of /usr/bin/nginx (pid 123), rule 'stop miners'"},
	{{MINER, EVIDENCE_ARGV, EFFECT_PREVENT, DONE_WEAKENED, .rule = "r", .sign = "-o", .note = "killed only after it had started"},
		NGINX, "crypto miner (T1496): argument '-o' of /usr/bin/nginx (pid 123), rule 'r' (effect prevent); "
		       "killed only after it had started"},
	{{MINER, EVIDENCE_ARGV, EFFECT_ALERT, DONE_ALERT, .rule = "r", .sign = "argument '-o'", .phrase = true}, NGINX,
		"crypto miner (T1496): argument '-o' of /usr/bin/nginx (pid 123), rule 'r'"},
	{{MINER, EVIDENCE_ARGV, EFFECT_BLOCK, DONE_BLOCK, .rule = "r", .again = true}, {.path = (char *)"/bin/sh", .pid = 9},
		"[Seawall] container blocked by rule 'r': started again after it was blocked for crypto miner: /bin/sh (pid 9)"},
};

static void test_texts(void **state)
{
	char out[1024], small[40];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(audit_text_message(&rows[i].o, &rows[i].e, out, sizeof(out)), rows[i].want);
		assert_true(strlen(audit_text_message(&rows[i].o, &rows[i].e, small, sizeof(small))) < sizeof(small));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_at_once_then_once_a_second_then_a_new_one),
		cmocka_unit_test(test_a_flood_of_kinds_loses_no_count),
		cmocka_unit_test(test_what_is_counted_is_told_at_the_end),
		cmocka_unit_test(test_kill_9_loses_no_count),
		cmocka_unit_test(test_keys_know_where_a_text_ends),
		cmocka_unit_test(test_ids_are_unique_and_in_order_of_time),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
