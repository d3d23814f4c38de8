/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts carried out on real processes in a cgroup of our own (root), and what is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "defender/block.h"
#include "defender/event.h"
#include "defender/spool.h"
#include "stage.h"

#define HEX16 "fedcba9876543210"
#define ID HEX16 HEX16 HEX16 HEX16
#define MINERS(effect) "version: 1\nruntime:\n  - name: stop miners\n    processes: {crypto_miners: " effect "}\n"

struct jail {
	char dir[300];
	uint64_t id;
	pid_t pids[2];
};

static const struct wire_verdict block_it = {.detection = DETECTION_CRYPTO_MINER, .evidence = EVIDENCE_ARGV,
	.effect = EFFECT_BLOCK, .done = DONE_PREVENT, .slot = 2};

static bool can_jail(void)
{
	if (geteuid() == 0 && access(sensor_cgroup_root(NULL), W_OK) == 0)
		return true;
	print_message("skipped: needs root and a writable cgroup v2 mount\n");
	return false;
}

/* Two processes that would stay for ever, in a cgroup named as Docker names one. */
static void jail_open(struct jail *j)
{
	struct stat st;
	char path[400], text[16];

	snprintf(j->dir, sizeof(j->dir), "%s/seawall-test-block-%d-%s", sensor_cgroup_root(NULL), (int)getpid(), ID);
	assert_int_equal(mkdir(j->dir, 0755), 0);
	assert_int_equal(stat(j->dir, &st), 0);
	j->id = st.st_ino;
	snprintf(path, sizeof(path), "%s/cgroup.procs", j->dir);
	for (size_t i = 0; i < ARRAY_SIZE(j->pids); i++) {
		j->pids[i] = fork();
		if (j->pids[i] == 0)
			for (;;)
				pause();
		int n = snprintf(text, sizeof(text), "%d", (int)j->pids[i]);
		CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_int_equal(fd_write_all(fd, text, (size_t)n), 0);
	}
}

static bool was_killed(pid_t pid)
{
	uint64_t deadline = time_monotonic() + 2 * NSEC_PER_SEC;
	int status = 0;
	pid_t r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0 && time_monotonic() < deadline)
		usleep(200);
	return r == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void jail_close(struct jail *j)
{
	for (size_t i = 0; i < ARRAY_SIZE(j->pids); i++) {
		kill(j->pids[i], SIGKILL);
		waitpid(j->pids[i], NULL, 0);
	}
	uint64_t deadline = time_monotonic() + 5 * NSEC_PER_SEC;
	while (rmdir(j->dir) < 0 && errno == EBUSY && time_monotonic() < deadline)
		continue;
}

static void exec_in(struct stage *s, const struct jail *j, pid_t pid, const struct wire_verdict *v)
{
	struct proc_stat st = {0};

	proc_stat_read(pid, &st);
	stage_exec(s, &(struct stage_exec){.cgroup = j->id, .pid = (uint32_t)pid, .ppid = 1, .start = st.start_boot_ns + 1,
		.verdict = *v, .sign = "stratum+tcp://", .text = "/usr/bin/nginx|nginx|-o|stratum+tcp://p:5555"});
}

static void test_block_kills_all_remembers_and_tells(void **state)
{
	struct stage *s = *state;
	struct jail j = {0};

	if (!can_jail())
		skip();
	stage_start(s, true);
	stage_policy(s, MINERS("block"), 3);
	stage_container(s, ID, "miner1", "docker.io/library/evil:latest");
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	exec_in(s, &j, j.pids[0], &block_it);
	bool both = was_killed(j.pids[0]) && was_killed(j.pids[1]);
	jail_close(&j);
	assert_true(both);
	stage_wait(s, s->audit_count == 1);
	const struct audit *a = &s->audits[0];
	char want[256];
	snprintf(want, sizeof(want),
		"[Seawall] container blocked by rule 'stop miners': crypto miner: argument 'stratum+tcp://' of "
		"/usr/bin/nginx (pid %d)", (int)j.pids[0]);
	assert_string_equal(a->message, want);
	assert_int_equal(a->effect, EFFECT_BLOCK);
	assert_int_equal(a->done, DONE_BLOCK);
	assert_true(a->latency_ns > 0 && a->latency_ns < 500 * NSEC_PER_MSEC);
	/* The kernel kills whatever it starts next; the Console sees who and why. */
	assert_int_equal(stage_expected(ID), SENSOR_SLOT_KILL);
	stage_wait(s, s->container_count && s->containers[s->container_count - 1].state == CONTAINER_BLOCKED);
	assert_string_equal(s->containers[s->container_count - 1].blocked_by, "stop miners");
	assert_string_equal(s->containers[s->container_count - 1].blocked_reason, want);
}

static const struct wire_verdict killed_again = {.effect = EFFECT_BLOCK, .done = DONE_PREVENT, .slot = SENSOR_SLOT_KILL};

static void test_a_restart_is_killed_again_also_after_ours(void **state)
{
	struct stage *s = *state;
	struct jail j = {0};

	if (!can_jail())
		skip();
	stage_start(s, true);
	stage_policy(s, MINERS("block"), 3);
	stage_container(s, ID, "miner1", "docker.io/library/evil:latest");
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	exec_in(s, &j, j.pids[0], &block_it);
	jail_close(&j);
	stage_wait(s, s->audit_count == 1);
	stage_stop(s);
	stage_wait(s, !s->peer);
	stage_kernel = (struct stage_kernel){0};
	stage_start(s, true);
	block_arm(s->d);
	assert_int_equal(rules_load(s->d), 0);
	assert_int_equal(stage_expected(ID), SENSOR_SLOT_KILL);
	stage_container(s, ID, "miner1", "docker.io/library/evil:latest");
	assert_int_equal(stage_expected(ID), SENSOR_SLOT_KILL);
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	assert_int_equal(stage_cgroup_slot(j.id), SENSOR_SLOT_KILL);
	uint32_t before = s->audit_count;
	exec_in(s, &j, j.pids[0], &killed_again);
	bool both = was_killed(j.pids[0]) && was_killed(j.pids[1]);
	jail_close(&j);
	assert_true(both);
	stage_wait(s, s->audit_count > before && s->audits[s->audit_count - 1].kind == AUDIT_RUNTIME);
	const struct audit *a = &s->audits[s->audit_count - 1];
	assert_int_equal(a->done, DONE_BLOCK);
	assert_string_equal(a->rule, "stop miners");
	assert_non_null(strstr(a->message, "started again after it was blocked for crypto miner: /usr/bin/nginx"));
	/* A policy that no longer asks for it lets the container go. */
	stage_policy(s, MINERS("alert"), 4);
	assert_null(block_find(s->d, ID));
	assert_int_not_equal(stage_expected(ID), SENSOR_SLOT_KILL);
	stage_wait(s, s->containers[s->container_count - 1].state == CONTAINER_RUNNING);
}

static void test_block_time_ends(void **state)
{
	struct stage *s = *state;
	struct jail j = {0};

	if (!can_jail())
		skip();
	stage_start(s, false);
	s->d->config.block_ns = 1;
	stage_policy(s, MINERS("block"), 3);
	stage_container(s, ID, "miner1", "docker.io/library/evil:latest");
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	exec_in(s, &j, j.pids[0], &block_it);
	jail_close(&j);
	assert_int_equal(stage_expected(ID), SENSOR_SLOT_KILL);
	block_tick(s->d);
	assert_int_equal(stage_expected(ID), 2);
	assert_int_equal(block_count(s->d), 0);
}

static void test_prevent_of_a_late_verdict_kills_one_process(void **state)
{
	struct stage *s = *state;
	struct jail j = {0};
	static const struct wire_verdict none = {0};

	if (!can_jail())
		skip();
	stage_start(s, true);
	stage_policy(s, MINERS("prevent"), 3);
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	exec_in(s, &j, j.pids[0], &none);
	stage_container(s, ID, "late", "docker.io/library/evil:latest");
	bool one = was_killed(j.pids[0]);
	bool other = waitpid(j.pids[1], NULL, WNOHANG) == 0;
	jail_close(&j);
	assert_true(one);
	assert_true(other);
	stage_wait(s, s->audit_count == 1);
	assert_int_equal(s->audits[0].effect, EFFECT_PREVENT);
	assert_int_equal(s->audits[0].done, DONE_WEAKENED);
	assert_non_null(strstr(s->audits[0].message, "killed only after it had started"));
}

static void test_dry_run_stops_nothing(void **state)
{
	struct stage *s = *state;
	struct jail j = {0};

	if (!can_jail())
		skip();
	stage_start(s, true);
	s->d->config.dry_run = true;
	stage_policy(s, MINERS("block"), 3);
	stage_container(s, ID, "miner1", "docker.io/library/evil:latest");
	jail_open(&j);
	stage_cgroup(s, j.id, ID, WIRE_CGROUP_MADE);
	exec_in(s, &j, j.pids[0], &block_it);
	bool alive = waitpid(j.pids[0], NULL, WNOHANG) == 0 && waitpid(j.pids[1], NULL, WNOHANG) == 0;
	jail_close(&j);
	assert_true(alive);
	stage_wait(s, s->audit_count == 1);
	assert_int_equal(s->audits[0].done, DONE_ALERT);
	assert_non_null(strstr(s->audits[0].message, "dry run"));
	assert_int_not_equal(stage_expected(ID), SENSOR_SLOT_KILL);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_block_kills_all_remembers_and_tells),
		CASE(test_a_restart_is_killed_again_also_after_ours),
		CASE(test_block_time_ends),
		CASE(test_prevent_of_a_late_verdict_kills_one_process),
		CASE(test_dry_run_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
