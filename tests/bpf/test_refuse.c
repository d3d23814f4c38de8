/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusing an exec. The same rows hold on every kernel: what must not run never runs. Where the kernel
 * lets us refuse, execve returns EPERM for what can be judged before the exec, and the caller goes on;
 * the rest, and everything elsewhere, is killed. SEAWALL_REFUSER names the enforcer that must be on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

#define REFUSED 40 /* exit status of a caller whose exec got EPERM */

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: stop\n"
	"    detections: {fileless_exec: prevent}\n" /* a scratch folder on a tmpfs would make each file a new one */
	"    processes:\n"
	"      crypto_miners: prevent\n"
	"      engine_clients: prevent\n"
	"      allowed: [\"*/allowed/*\"]\n"
	"      denied: {effect: prevent, paths: [\"*/denied\"]}\n";
static const char block[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: stop\n"
	"    processes: {crypto_miners: block, denied: {effect: prevent, paths: [\"*/denied\"]}}\n";
static const char alert[] =
	"version: 1\n"
	"runtime:\n"
	"  - {name: look, processes: {crypto_miners: alert, denied: {effect: alert, paths: [\"*/denied\"]}}}\n";

enum way { EXECV, FEXECVE, MEMFD, SPAWN, THREAD };
enum end { RUNS, STOPPED_EARLY, STOPPED_LATE }; /* early: refused where that can be done */

struct row {
	const char *what, *policy;
	const char *prepare; /* a shell's lines in the scratch folder, where the canary is `tool` */
	const char *path;
	const char *argv[4];
	enum way way;
	enum end end;
	int detection, evidence, effect;
};

#define MINER DETECTION_CRYPTO_MINER
#define DENIED DETECTION_DENIED_PROCESS
static const struct row rows[] = {
	{"a miner's name", prevent, "cp tool xmrig", "xmrig", {"x"}, EXECV, STOPPED_EARLY, MINER, EVIDENCE_NAME, EFFECT_PREVENT},
	{"by a link of that name", prevent, "ln -sf tool xmrig", "xmrig", {"x"}, EXECV, STOPPED_EARLY, MINER, EVIDENCE_NAME, EFFECT_PREVENT},
	{"a denied path", prevent, "cp tool denied", "denied", {"x"}, EXECV, STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"by its descriptor", prevent, "cp tool denied", "denied", {"x"}, FEXECVE, STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"spawned", prevent, "cp tool denied", "denied", {"x"}, SPAWN, STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"by a thread", prevent, "cp tool denied", "denied", {"x"}, THREAD, STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"as an interpreter", prevent, "cp tool denied; echo \"#!$PWD/denied\" >script; chmod +x script", "script", {"x"}, EXECV,
		STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"a script of that path", prevent, "echo \"#!$PWD/tool\" >denied; chmod +x denied", "denied", {"x"}, EXECV,
		STOPPED_EARLY, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"in memory", prevent, "true", "tool", {"x"}, MEMFD, STOPPED_EARLY, DETECTION_FILELESS_EXEC, EVIDENCE_FILE, EFFECT_PREVENT},
	{"the engine's client", prevent, "cp tool docker", "docker", {"x"}, EXECV, STOPPED_EARLY, DETECTION_ENGINE_CLIENT,
		EVIDENCE_NAME, EFFECT_PREVENT},
	{"a miner's arguments", prevent, "true", "tool", {"x", "--donate-level=1"}, EXECV, STOPPED_LATE, MINER, EVIDENCE_ARGV, EFFECT_PREVENT},
	{"behind an empty one", prevent, "true", "tool", {"", "", "--donate-level=1"}, EXECV, STOPPED_LATE, MINER, EVIDENCE_ARGV,
		EFFECT_PREVENT},
	{"a miner's argv[0]", prevent, "true", "tool", {"/opt/xmrig"}, EXECV, STOPPED_LATE, MINER, EVIDENCE_NAME, EFFECT_PREVENT},
	{"denied, and perhaps worse", block, "cp tool denied", "denied", {"x"}, EXECV, STOPPED_LATE, DENIED, EVIDENCE_PATH, EFFECT_PREVENT},
	{"denied, and worse by name", block, "cp tool denied; ln -sf denied xmrig", "xmrig", {"x"}, EXECV, STOPPED_EARLY, MINER,
		EVIDENCE_NAME, EFFECT_BLOCK},
	{"allowed", prevent, "mkdir -p allowed; cp tool allowed/xmrig", "allowed/xmrig", {"x"}, EXECV, RUNS, 0, 0, EFFECT_DISABLE},
	{"anything else", prevent, "true", "tool", {"x", "y"}, EXECV, RUNS, 0, 0, EFFECT_DISABLE},
	{"told only: a path", alert, "cp tool denied", "denied", {"x"}, EXECV, RUNS, DENIED, EVIDENCE_PATH, EFFECT_ALERT},
	{"told only: a name", alert, "cp tool xmrig", "xmrig", {"x"}, EXECV, RUNS, MINER, EVIDENCE_NAME, EFFECT_ALERT},
};

struct run {
	const struct row *row;
	const char *path;
	int out;
};

static void *thread_exec(void *ctx)
{
	const struct run *r = ctx;

	execv(r->path, (char *const *)(uintptr_t)r->row->argv);
	return (void *)(uintptr_t)errno;
}

/* The spawned child is the one that the record names: it stands for its parent. */
static int spawned(const struct run *r)
{
	char *none[] = {NULL};
	int status;
	pid_t pid;
	int e = posix_spawn(&pid, r->path, NULL, NULL, (char *const *)(uintptr_t)r->row->argv, none);

	if (e)
		return e == EPERM ? REFUSED : 1;
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		raise(WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int run_child(void *ctx)
{
	const struct run *r = ctx;
	char *const *argv = (char *const *)(uintptr_t)r->row->argv, *none[] = {NULL};
	void *error = NULL;
	pthread_t thread;

	dup2(r->out, STDOUT_FILENO);
	if (unshare(CLONE_NEWNS) < 0) /* else it passes for the runtime on its way in */
		return 1;
	errno = 0;
	switch (r->row->way) {
	case EXECV:
		execv(r->path, argv);
		break;
	case FEXECVE:
		fexecve(open(r->path, O_RDONLY | O_CLOEXEC), argv, none);
		break;
	case MEMFD:
		fexecve(scene_memory(r->path), argv, none);
		break;
	case SPAWN:
		return spawned(r);
	case THREAD:
		if (pthread_create(&thread, NULL, thread_exec, ctx) != 0)
			return 1;
		pthread_join(thread, &error);
		errno = (int)(uintptr_t)error;
		break;
	}
	return errno == EPERM ? REFUSED : 1;
}

static void folder_make(struct scene *s, const char *prepare)
{
	char text[1024];

	snprintf(text, sizeof(text), "cd %s && rm -rf * && cp %s tool && { %s; }", s->folder, scene_tool("first_byte"), prepare);
	assert_int_equal(system(text), 0);
}

static bool has_verdict(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_EXEC && h->verdict.effect != EFFECT_DISABLE;
}

static const struct wire_exec *run(struct scene *s, const struct row *row, int *ret_status, bool *ret_byte)
{
	struct run r = {.row = row};
	char path[256], byte;
	int fd[2];
	pid_t pid;

	folder_make(s, row->prepare);
	scene_policy(s, row->policy);
	scene_clear(s);
	snprintf(path, sizeof(path), "%s/%s", s->folder, row->path);
	r.path = path;
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	r.out = fd[1];
	pid = scene_fork(s, run_child, &r);
	*ret_status = scene_wait(s, pid);
	*ret_byte = read(fd[0], &byte, 1) == 1;
	close(fd[0]);
	close(fd[1]);
	if (row->detection)
		return (const struct wire_exec *)scene_await(s, has_verdict, NULL);
	return scene_exec_of(s, pid);
}

static void every_row(void **state)
{
	struct scene *s = *state;
	bool can = scene_refuses(s);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool refused = can && row->end == STOPPED_EARLY, byte;
		const struct wire_verdict *v;
		const struct wire_exec *e;
		int status, done;

		print_message("# %s\n", row->what);
		e = run(s, row, &status, &byte);
		v = &e->header.verdict;
		done = row->end != RUNS ? DONE_PREVENT : row->effect == EFFECT_ALERT ? DONE_ALERT : DONE_NONE;
		if (byte != (row->end == RUNS) || (refused && WEXITSTATUS(status) != REFUSED) ||
		    (row->end != RUNS && !refused && WTERMSIG(status) != SIGKILL) ||
		    !!(e->header.flags & WIRE_REFUSED) != refused)
			fail_msg("%s: byte %d, status %x, flags %x", row->what, byte, status, e->header.flags);
		if (v->detection != row->detection || v->evidence != row->evidence || v->effect != row->effect || v->done != done)
			fail_msg("%s: detection %u, evidence %u, effect %u, done %u", row->what, v->detection, v->evidence, v->effect, v->done);
		if (scene_count(s, has_verdict, NULL) > 1)
			fail_msg("%s: told more than once", row->what);
	}
}

/* What the enforcers say of themselves, and that the kernel's best is taken. */
static void the_choice_is_told(void **state)
{
	struct scene *s = *state;
	const char *wanted = getenv("SEAWALL_REFUSER"), *why;
	static const char *const names[] = {"exec_lsm", "exec_fmod_ret"};

	assert_true(scene_enforcer(s, "exec_kill", NULL));
	for (int i = 0; i < 2; i++) {
		bool on = scene_enforcer(s, names[i], &why);

		print_message("# %s: %s %s\n", names[i], on ? "on" : "off", why);
		assert_int_equal(on, !*why);
		if (wanted)
			assert_int_equal(on, strcmp(wanted, names[i]) == 0);
	}
}

struct second {
	const char *denied, *tool;
	char *args[4];
};

static int goes_on(void *ctx)
{
	struct second *c = ctx;
	char *argv[] = {c->args[0], NULL};

	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	if (execv(c->denied, c->args) == 0 || errno != EPERM)
		return 1;
	execv(c->tool, argv);
	return 2;
}

static bool is_refused(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_EXEC && (h->flags & WIRE_REFUSED);
}

static bool is_run(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_EXEC && !(h->flags & WIRE_REFUSED);
}

/* The caller of a refused exec is what it was; what it asked for stands in the record. */
static void the_caller_goes_on(void **state)
{
	struct scene *s = *state;
	char denied[256], tool[256], first[] = "first", empty[] = "", last[] = "a b";
	struct second c = {.denied = denied, .tool = tool, .args = {first, empty, last}};
	static const char expected[] = "first\0\0a b";
	const struct wire_exec *e;
	pid_t pid;

	if (!scene_refuses(s))
		return; /* said by the_choice_is_told */
	folder_make(s, "cp tool denied");
	scene_policy(s, prevent);
	scene_clear(s);
	snprintf(denied, sizeof(denied), "%s/denied", s->folder);
	snprintf(tool, sizeof(tool), "%s/tool", s->folder);
	pid = scene_fork(s, goes_on, &c);
	assert_int_equal(scene_wait(s, pid), 0);
	e = (const struct wire_exec *)scene_await(s, is_refused, NULL);
	assert_int_equal(e->process.pid, pid);
	assert_int_equal(strncmp(e->process.comm, program_invocation_short_name, 15), 0);
	assert_string_equal(e->data, denied);
	assert_string_equal(e->sign, denied);
	assert_int_equal(e->argc, 3);
	assert_int_equal(e->header.flags & (WIRE_ARGS_TRUNCATED | WIRE_ARGS_UNREADABLE), 0);
	assert_int_equal(e->args_size, sizeof(expected));
	assert_memory_equal(e->data + e->path_size, expected, sizeof(expected));
	e = (const struct wire_exec *)scene_await(s, is_run, NULL);
	assert_string_equal(e->data, tool);
}

/* More than a record has room for: cut, and said so; still refused. */
static void many_arguments(void **state)
{
	struct scene *s = *state;
	static char filler[5000];
	char path[256];
	struct second c = {.denied = path, .tool = path};
	const struct wire_exec *e;

	if (!scene_refuses(s))
		return;
	folder_make(s, "cp tool denied");
	scene_policy(s, prevent);
	scene_clear(s);
	snprintf(path, sizeof(path), "%s/denied", s->folder);
	memset(filler, 'x', sizeof(filler) - 1);
	c.args[0] = filler;
	assert_int_equal(WEXITSTATUS(scene_run(s, goes_on, &c)), 2);
	e = (const struct wire_exec *)scene_await(s, is_refused, NULL);
	assert_true(e->header.flags & WIRE_ARGS_TRUNCATED);
	assert_int_equal(e->args_size, 4096);
}

/* Of a blocked container nothing may stay alive, not even the caller. */
static void a_blocked_container_is_killed(void **state)
{
	struct scene *s = *state;
	const struct row row = {"", prevent, "true", "tool", {"x"}, EXECV, STOPPED_LATE, 0, 0, 0};
	struct run r = {.row = &row, .out = STDOUT_FILENO};
	char path[256];
	int status;

	folder_make(s, "true");
	assert_int_equal(sensor_cgroup_set(s->set, s->cgroup, SENSOR_SLOT_KILL), 0);
	snprintf(path, sizeof(path), "%s/tool", s->folder);
	r.path = path;
	status = scene_run(s, run_child, &r);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	scene_policy(s, NULL);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(the_choice_is_told), cmocka_unit_test(every_row), cmocka_unit_test(the_caller_goes_on),
		cmocka_unit_test(many_arguments), cmocka_unit_test(a_blocked_container_is_killed),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("refuse", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
