/* SPDX-License-Identifier: Apache-2.0 */
/* Killing processes and cgroups, and what is never killed. The cgroup cases need root. */
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
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "enforce/enforce.h"

static const char *find_v2(void)
{
	static const char *const places[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == 0x63677270)
			return places[i];
	return NULL;
}

static struct enforcer *make(bool dry_run, bool no_cgroup_kill)
{
	struct enforcer *e = NULL;
	struct enforce_config c = {.root = find_v2(), .dry_run = dry_run, .no_cgroup_kill = no_cgroup_kill};

	if (!c.root)
		return NULL;
	assert_int_equal(enforce_new(&e, &c), 0);
	return e;
}

#define NEED(cond, why)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_message("skipped: " why "\n");                                       \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void assert_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_a_process_is_killed_only_with_its_own_start(void **state)
{
	CLEANUP(enforce_free) struct enforcer *e = make(false, false);
	struct proc_stat st;

	NEED(e, "no cgroup v2 mount");
	pid_t pid = start_sleeper();
	assert_int_equal(proc_stat_read(pid, &st), 0);
	assert_int_equal(enforce_kill_process(e, pid, st.start_boot_ns + NSEC_PER_SEC), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(enforce_kill_process(e, pid, st.start_boot_ns + 5), 0);
	assert_killed(pid);
	assert_int_equal(enforce_kill_process(e, pid, st.start_boot_ns), -ESRCH);
}

static void test_init_and_ourselves_are_refused(void **state)
{
	CLEANUP(enforce_free) struct enforcer *e = make(true, false);

	NEED(e, "no cgroup v2 mount");
	assert_int_equal(enforce_kill_process(e, 1, 0), -EPERM);
	assert_int_equal(enforce_kill_process(e, 0, 0), -EPERM);
	assert_int_equal(enforce_kill_process(e, -1, 0), -EPERM);
	assert_int_equal(enforce_kill_process(e, getpid(), 0), -EPERM);
}

static void test_dry_run_harms_nobody(void **state)
{
	CLEANUP(enforce_free) struct enforcer *e = make(true, false);

	NEED(e, "no cgroup v2 mount");
	pid_t pid = start_sleeper();
	assert_int_equal(enforce_kill_process(e, pid, 0), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_killed(pid);
}

static void test_the_root_and_our_own_cgroup_are_sacred(void **state)
{
	CLEANUP(enforce_free) struct enforcer *e = make(true, false);
	struct stat st;
	char own[1024], path[1400];

	NEED(e, "no cgroup v2 mount");
	NEED(geteuid() == 0, "needs root");
	assert_int_equal(stat(find_v2(), &st), 0);
	CLEANUP(fd_close) int root = enforce_cgroup_open(e, st.st_ino);
	assert_true(root >= 0);
	assert_int_equal(enforce_kill_cgroup(e, root), -EPERM);
	assert_int_equal(proc_cgroup(getpid(), NULL, own, sizeof(own)), 0);
	snprintf(path, sizeof(path), "%s%s", find_v2(), own);
	assert_int_equal(stat(path, &st), 0);
	CLEANUP(fd_close) int mine = enforce_cgroup_open(e, st.st_ino);
	assert_true(mine >= 0);
	assert_int_equal(enforce_kill_cgroup(e, mine), -EPERM);
}

/* A cgroup of ours with a nested one and three processes that fork as fast as they can. */
struct victim {
	char dir[256], nested[300];
	uint64_t id;
	pid_t pids[3];
};

static void join_cgroup(const char *dir)
{
	char path[512], text[32];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		_exit(1);
}

static void victim_start(struct victim *v)
{
	struct stat st;
	int ready[2];

	snprintf(v->dir, sizeof(v->dir), "%s/seawall-test-enforce-%d", find_v2(), (int)getpid());
	snprintf(v->nested, sizeof(v->nested), "%s/below", v->dir);
	assert_int_equal(mkdir(v->dir, 0755), 0);
	assert_int_equal(mkdir(v->nested, 0755), 0);
	assert_int_equal(stat(v->dir, &st), 0);
	v->id = st.st_ino;
	assert_int_equal(pipe(ready), 0);
	for (int i = 0; i < 3; i++) {
		v->pids[i] = fork();
		assert_true(v->pids[i] >= 0);
		if (v->pids[i] == 0) {
			join_cgroup(i == 2 ? v->nested : v->dir);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			signal(SIGCHLD, SIG_IGN);
			signal(SIGTERM, SIG_IGN);
			for (;;) {
				pid_t child = fork();
				if (child == 0) {
					usleep(1000);
					_exit(0);
				}
				usleep(200);
			}
		}
	}
	for (int i = 0; i < 3; i++) {
		char c;
		assert_int_equal(read(ready[0], &c, 1), 1);
	}
	close(ready[0]);
	close(ready[1]);
}

static void victim_end(struct victim *v)
{
	for (int i = 0; i < 3; i++)
		assert_killed(v->pids[i]);
	uint64_t deadline = time_monotonic() + 5 * NSEC_PER_SEC;
	int r;
	do {
		rmdir(v->nested);
		r = rmdir(v->dir);
	} while (r < 0 && errno == EBUSY && time_monotonic() < deadline);
	assert_int_equal(r, 0);
}

static void kill_a_forking_container(bool no_cgroup_kill)
{
	CLEANUP(enforce_free) struct enforcer *e = make(false, no_cgroup_kill);
	struct victim v = {0};
	char path[256];

	NEED(e, "no cgroup v2 mount");
	NEED(geteuid() == 0 && access(find_v2(), W_OK) == 0, "needs root and a writable cgroup v2 mount");
	victim_start(&v);
	CLEANUP(fd_close) int cgroup = enforce_cgroup_open(e, v.id);
	assert_true(cgroup >= 0);
	assert_int_equal(enforce_cgroup_path(e, cgroup, path, sizeof(path)), 0);
	assert_string_equal(path, v.dir + strlen(find_v2()));
	assert_int_equal(enforce_wait_empty(e, cgroup, 0), -ETIME);
	int r = enforce_kill_cgroup(e, cgroup);
	int empty = enforce_wait_empty(e, cgroup, 2000);
	if (r < 0 || empty < 0)
		for (int i = 0; i < 3; i++)
			kill(v.pids[i], SIGKILL);
	victim_end(&v);
	assert_int_equal(r, 0);
	assert_int_equal(empty, 0);
	assert_int_equal(enforce_cgroup_open(e, v.id), -ENOENT);
}

static void test_cgroup_kill_empties_a_forking_container(void **state)
{
	kill_a_forking_container(false);
}

static void test_freezing_and_killing_empties_it_too(void **state)
{
	kill_a_forking_container(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_is_killed_only_with_its_own_start),
		cmocka_unit_test(test_init_and_ourselves_are_refused),
		cmocka_unit_test(test_dry_run_harms_nobody),
		cmocka_unit_test(test_the_root_and_our_own_cgroup_are_sacred),
		cmocka_unit_test(test_cgroup_kill_empties_a_forking_container),
		cmocka_unit_test(test_freezing_and_killing_empties_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
