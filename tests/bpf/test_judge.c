/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict at exec. The canary (tests/programs/first_byte) writes one byte as its first
 * instruction: where a program must not run, that byte is never there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define ROUNDS 200

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: stop miners\n"
	"    processes:\n"
	"      crypto_miners: prevent\n"
	"      allowed: [\"*/ffmpeg\"]\n"
	"      denied: {effect: prevent, paths: [\"*/forbidden/*\", \"*/exact\"]}\n";
static const char alert[] = "version: 1\nruntime:\n  - {name: look, processes: {crypto_miners: alert}}\n";
static const char block[] = "version: 1\nruntime:\n  - {name: stop, processes: {crypto_miners: block}}\n";

struct canary {
	const char *path;
	const char *const *argv;
	int out; /* where the byte goes */
	bool init; /* as pid 1 of a pid namespace */
};

static int canary_child(void *ctx)
{
	const struct canary *c = ctx;
	int status;
	pid_t pid;

	dup2(c->out, STDOUT_FILENO);
	if (c->init) {
		if (unshare(CLONE_NEWPID) < 0)
			return 121;
		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			return WIFSIGNALED(status) ? WTERMSIG(status) : 122;
		}
	}
	execv(c->path, (char *const *)c->argv);
	return errno == EPERM ? 124 : 123;
}

/* Runs it; says whether the byte came out, how it ended and what was recorded. */
static const struct wire_exec *canary(struct scene *s, struct canary c, bool *ret_byte, int *ret_status)
{
	char byte;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	c.out = fd[1];
	pid = scene_fork(s, canary_child, &c);
	*ret_status = scene_wait(s, pid);
	*ret_byte = read(fd[0], &byte, 1) == 1;
	close(fd[0]);
	close(fd[1]);
	return c.init ? NULL : scene_exec_of(s, pid);
}

static void never_runs(struct scene *s, struct canary c, uint8_t detection, uint8_t evidence, const char *sign)
{
	for (int i = 0; i < ROUNDS; i++) {
		const struct wire_exec *e;
		bool byte;
		int status;

		scene_clear(s);
		e = canary(s, c, &byte, &status);
		assert_false(byte);
		if (e->header.flags & WIRE_REFUSED)
			assert_int_equal(WEXITSTATUS(status), 124);
		else
			assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_int_equal(e->header.verdict.detection, detection);
		assert_int_equal(e->header.verdict.evidence, evidence);
		assert_int_equal(e->header.verdict.effect, EFFECT_PREVENT);
		assert_int_equal(e->header.verdict.done, DONE_PREVENT);
		assert_string_equal(e->sign, sign);
	}
}

static void runs(struct scene *s, struct canary c, uint16_t flags, const char *sign)
{
	const struct wire_exec *e;
	bool byte;
	int status;

	e = canary(s, c, &byte, &status);
	assert_true(byte);
	assert_int_equal(status, 0);
	assert_int_equal(e->header.verdict.effect, EFFECT_DISABLE);
	assert_int_equal(e->header.flags & WIRE_SUSPECT, flags);
	assert_string_equal(e->sign, sign);
}

static void known_name_never_runs(void **state)
{
	struct scene *s = *state;
	const char *plain[] = {"worker", NULL}, *renamed[] = {"/opt/XMRig", NULL};

	scene_policy(s, prevent);
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "xmrig-6.21"), .argv = plain},
		DETECTION_CRYPTO_MINER, EVIDENCE_NAME, "xmrig-6.21");
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = renamed},
		DETECTION_CRYPTO_MINER, EVIDENCE_NAME, "xmrig");
}

static void arguments_never_run(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"nginx", "-k", "-o", "stratum+tcp://203.0.113.7:5555", NULL};

	scene_policy(s, prevent);
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv},
		DETECTION_CRYPTO_MINER, EVIDENCE_ARGV, "stratum+tcp://");
}

static void denied_path_never_runs(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"x", NULL};
	char path[1024];

	scene_policy(s, prevent);
	snprintf(path, sizeof(path), "mkdir -p %s/forbidden && cp %s %s/forbidden/tool", s->folder,
		scene_tool("first_byte"), s->folder);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/forbidden/tool", s->folder);
	never_runs(s, (struct canary){.path = path, .argv = argv}, DETECTION_DENIED_PROCESS, EVIDENCE_PATH, path);
	scene_clear(s);
	/* Through a link with the denied name, too. */
	scene_program(s, scene_tool("first_byte"), "applets");
	snprintf(path, sizeof(path), "%s/exact", s->folder);
	assert_int_equal(symlink("applets", path), 0);
	never_runs(s, (struct canary){.path = path, .argv = argv}, DETECTION_DENIED_PROCESS, EVIDENCE_PATH, path);
}

static void init_of_a_pid_namespace_dies(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"nginx", "--donate-level=1", NULL};
	bool byte;
	int status;

	scene_policy(s, prevent);
	canary(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv, .init = true},
		&byte, &status);
	assert_false(byte);
	assert_int_equal(WEXITSTATUS(status), SIGKILL);
}

static void last_argument_of_the_window(void **state)
{
	struct scene *s = *state;
	const char *argv[600] = {"nginx"};
	char filler[64];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = 0;
	for (int i = 1; i < 500; i++)
		argv[i] = filler;
	argv[500] = "--Donate-Level";
	scene_policy(s, prevent);
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv},
		DETECTION_CRYPTO_MINER, EVIDENCE_ARGV, "--donate-level");
}

/* More than the record keeps is judged all the same. */
static void behind_the_window(void **state)
{
	struct scene *s = *state;
	const char *argv[1200] = {"nginx"};
	char filler[64];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = 0;
	for (int i = 1; i < 1100; i++)
		argv[i] = filler;
	argv[1100] = "--donate-level";
	scene_policy(s, prevent);
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv},
		DETECTION_CRYPTO_MINER, EVIDENCE_ARGV, "--donate-level");
}

static void an_argument_longer_than_the_lens(void **state)
{
	struct scene *s = *state;
	char filler[1024];
	const char *argv[] = {"nginx", filler, "--nicehash", NULL}, *inside[] = {"nginx", filler, NULL};

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = 0;
	scene_policy(s, prevent);
	never_runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv},
		DETECTION_CRYPTO_MINER, EVIDENCE_ARGV, "--nicehash");
	memcpy(filler + 255, "--nicehash", 10); /* the middle of an argument is not an argument */
	scene_clear(s);
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = inside}, 0, "");
}

static void others_run(void **state)
{
	struct scene *s = *state;
	const char *options[] = {"nginx", "--", "--donate-level", NULL}, *search[] = {"grep", "stratum+tcp://", "f", NULL};
	const char *encode[] = {"ffmpeg", "--donate-level", NULL}, *applet[] = {"echo", "--nicehash", NULL};
	const char *called[] = {"busybox", "echo", "--nicehash", NULL};
	const char *shell[] = {"sh", "-c", "x -o stratum+tcp://h:1", NULL};

	scene_policy(s, prevent);
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = options}, 0, "");
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "ffmpeg"), .argv = encode}, 0, "");
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "sh"), .argv = shell}, 0, "");
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "grep"), .argv = search}, WIRE_SUSPECT,
		"stratum+tcp://");
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "busybox"), .argv = applet}, WIRE_SUSPECT,
		"--nicehash");
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "busybox"), .argv = called}, WIRE_SUSPECT,
		"--nicehash");
}

static void alert_only_tells(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"xmrig", NULL};
	const struct wire_exec *e;
	bool byte;
	int status;

	scene_policy(s, alert);
	e = canary(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv}, &byte, &status);
	assert_true(byte);
	assert_int_equal(e->header.verdict.effect, EFFECT_ALERT);
	assert_int_equal(e->header.verdict.done, DONE_ALERT);
	scene_policy(s, block);
	e = canary(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv}, &byte, &status);
	assert_false(byte);
	assert_int_equal(e->header.verdict.effect, EFFECT_BLOCK);
	assert_int_equal(e->header.verdict.done, DONE_PREVENT);
	scene_policy(s, NULL);
	runs(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv}, 0, "");
}

static void kill_slot_kills_everything(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"nginx", NULL};
	bool byte;
	int status;

	assert_int_equal(sensor_cgroup_set(s->set, s->cgroup, SENSOR_SLOT_KILL), 0);
	canary(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv}, &byte, &status);
	assert_false(byte);
	assert_true(WIFSIGNALED(status));
	scene_policy(s, NULL);
}

/* A policy reaches the cgroups below the container's that were made before it, too. */
static void nested_cgroups_follow(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"xmrig", NULL};
	char outer[sizeof(s->dir)];
	bool byte;
	int status;

	scene_policy(s, NULL);
	memcpy(outer, s->dir, sizeof(outer));
	snprintf(s->dir, sizeof(s->dir), "%.200s/nested", outer); /* where processes are put */
	assert_int_equal(mkdir(s->dir, 0755), 0);
	scene_policy(s, prevent);
	canary(s, (struct canary){.path = scene_program(s, scene_tool("first_byte"), "nginx"), .argv = argv}, &byte, &status);
	while (rmdir(s->dir) < 0 && errno == EBUSY)
		scene_settle(s);
	memcpy(s->dir, outer, sizeof(outer));
	assert_false(byte);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(known_name_never_runs), cmocka_unit_test(arguments_never_run),
		cmocka_unit_test(denied_path_never_runs), cmocka_unit_test(init_of_a_pid_namespace_dies),
		cmocka_unit_test(last_argument_of_the_window), cmocka_unit_test(behind_the_window),
		cmocka_unit_test(an_argument_longer_than_the_lens),
		cmocka_unit_test(others_run), cmocka_unit_test(alert_only_tells),
		cmocka_unit_test(kill_slot_kills_everything), cmocka_unit_test(nested_cgroups_follow),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("judge", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
