/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that need a capability, made by a container's own programs in a mount namespace of
 * theirs, and the same made by what is still the runtime, which says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char alert[] = "version: 1\nruntime:\n  - {name: look, threats: alert, detections: {fileless_exec: disable}}\n";
static const char prevent[] = "version: 1\nruntime:\n  - {name: stop, threats: prevent, detections: {fileless_exec: disable}}\n";

struct row {
	const char *calls[4]; /* of tests/programs/caller */
	const char *name;     /* of the system call told; NULL = nothing is told */
	int detection;
	bool lasting, refused, memory, compat;
};

static const struct row rows[] = {
	{{"mount"}, "mount", DETECTION_MOUNT, .lasting = true},
	{{"mount32"}, "mount", DETECTION_MOUNT, .lasting = true, .compat = true},
	{{"mount"}, "mount", DETECTION_MOUNT, .lasting = true, .memory = true},
	{{"unshare"}, "unshare", DETECTION_NAMESPACE_ESCAPE},
	{{"setns"}, "setns", DETECTION_NAMESPACE_ESCAPE},
	{{"clone"}, "clone", DETECTION_NAMESPACE_ESCAPE},
	{{"mknod"}, "mknodat", DETECTION_PRIVILEGE_ESCALATION, .lasting = true},
	{{"module"}, "init_module", DETECTION_KERNEL_MODULE, .lasting = true},
	{{"bpf"}, "bpf", DETECTION_BPF_LOAD},
	{{"packet"}, "socket", DETECTION_RAW_SOCKET},
	{{"uffd"}, "userfaultfd", DETECTION_PRIVILEGE_ESCALATION},
	{{"to_root"}, "setuid", DETECTION_PRIVILEGE_ESCALATION, .refused = true},
	{{"drop"}, NULL, 0},
	{{"memory"}, NULL, 0},
	{{"fork"}, NULL, 0},
	{{"stream"}, NULL, 0},
};

struct run {
	const struct row *row;
	const char *folder;
	int out;
};

static bool enter(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* What runc does before the container's program: not one word of it is the container's. */
static int run_child(void *ctx)
{
	const struct run *r = ctx;
	const char *argv[6] = {"caller"};

	if (!enter() || chdir(r->folder) < 0)
		return 100;
	for (int i = 0; i < 4 && r->row->calls[i]; i++)
		argv[i + 1] = r->row->calls[i];
	dup2(r->out, STDOUT_FILENO);
	if (r->row->memory)
		fexecve(scene_memory(scene_tool("caller")), (char *const *)argv, (char *[]){NULL});
	else
		execv(scene_tool("caller"), (char *const *)argv);
	return 101;
}

static bool is_call_of(const struct wire_header *h, const void *ctx)
{
	const struct wire_call *c = (const void *)h;

	return h->type == WIRE_CALL && c->process.pid == (uint32_t)*(const pid_t *)ctx;
}

static pid_t row_run(struct scene *s, const struct row *row, bool *ret_byte, int *ret_status)
{
	struct run r = {.row = row, .folder = s->folder};
	int fd[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	r.out = fd[1];
	pid = scene_fork(s, run_child, &r);
	*ret_status = scene_wait(s, pid);
	*ret_byte = read(fd[0], &byte, 1) == 1;
	close(fd[0]);
	close(fd[1]);
	scene_settle(s);
	return pid;
}

/* Whether this kernel takes the system calls of 32-bit programs. */
static bool has_compat(void)
{
	bool has = false;
#if defined(__x86_64__)
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long answer;

		signal(SIGSEGV, SIG_DFL); /* the frame of the tests has caught it */
		__asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory"); /* getpid */
		_exit(answer > 0 ? 0 : 1);
	}
	has = waitpid(pid, &status, 0) == pid && status == 0;
#endif
	if (!has)
		fprintf(stderr, "# this kernel has no 32-bit system calls: their row is left out\n");
	return has;
}

static void told(struct scene *s, const struct row *row, enum effect effect)
{
	int status;
	bool byte;
	pid_t pid = row_run(s, row, &byte, &status);
	const struct wire_call *c;
	bool stops = effect >= EFFECT_PREVENT && row->name && !row->refused;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		fprintf(stderr, "# this kernel has no %s: its row is left out\n", row->name);
		return;
	}
	if (byte == stops)
		fail_msg("%s: %s, status %x", row->calls[0], byte ? "it went on" : "it did not go on", status);
	if (!row->name) {
		if (scene_count(s, is_call_of, &pid))
			fail_msg("%s: it is told of", row->calls[0]);
		return;
	}
	c = (const void *)scene_await(s, is_call_of, &pid);
	assert_string_equal(c->name, row->name);
	assert_int_equal(c->refused, row->refused);
	assert_int_equal(c->header.verdict.detection, row->detection);
	assert_int_equal(c->header.verdict.effect, effect);
	assert_int_equal(c->header.verdict.done, effect < EFFECT_PREVENT || (row->lasting && !row->refused) ? DONE_ALERT : DONE_PREVENT);
}

static void each_is_told(void **state)
{
	struct scene *s = *state;

	scene_policy(s, alert);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].compat && !has_compat())
			continue;
		scene_clear(s);
		told(s, &rows[i], EFFECT_ALERT);
	}
}

static void each_is_stopped(void **state)
{
	struct scene *s = *state;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].compat && !has_compat())
			continue;
		scene_clear(s);
		told(s, &rows[i], EFFECT_PREVENT);
	}
}

/* It left its namespace, and looks like the runtime from then on. */
static void who_left_is_still_seen(void **state)
{
	struct scene *s = *state;
	static const struct row row = {{"unshare_mount", "mount"}};
	uint32_t mounts = 0;
	int status;
	bool byte;
	pid_t pid;

	scene_policy(s, alert);
	scene_clear(s);
	pid = row_run(s, &row, &byte, &status);
	assert_true(byte);
	for (uint32_t i = 0; i < s->count; i++)
		if (is_call_of(s->records[i], &pid) && strcmp(((const struct wire_call *)(const void *)s->records[i])->name, "mount") == 0)
			mounts++;
	assert_int_equal(mounts, 1);
}

static int runtime_child(void *ctx)
{
	return enter() && mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0 && unshare(CLONE_NEWUTS) == 0 ? 0 : 1;
}

static void the_runtime_is_quiet(void **state)
{
	struct scene *s = *state;
	pid_t pid;

	scene_policy(s, prevent);
	scene_clear(s);
	pid = scene_fork(s, runtime_child, NULL);
	assert_int_equal(scene_wait(s, pid), 0);
	scene_settle(s);
	assert_int_equal(scene_count(s, is_call_of, &pid), 0);
}

static int many_child(void *ctx)
{
	const struct run *r = ctx;
	const char *argv[] = {"caller", "unshare", "unshare", "unshare", "unshare", NULL};

	dup2(r->out, STDOUT_FILENO);
	return enter() ? execv(scene_tool("caller"), (char *const *)argv) : 100;
}

/* One record at once, and the others as a count. */
static void repeats_are_counted(void **state)
{
	struct scene *s = *state;
	struct run r = {.out = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	uint64_t sum = 0;
	pid_t pid;

	scene_policy(s, alert);
	scene_clear(s);
	pid = scene_fork(s, many_child, &r);
	assert_int_equal(scene_wait(s, pid), 0);
	assert_int_equal(sensor_flush_aggregates(s->set), 0);
	scene_settle(s);
	for (uint32_t i = 0; i < s->count; i++)
		if (is_call_of(s->records[i], &pid))
			sum += ((const struct wire_call *)(const void *)s->records[i])->count;
	assert_int_equal(sum, 4);
	assert_int_equal(scene_count(s, is_call_of, &pid), 2);
	close(r.out);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told), cmocka_unit_test(each_is_stopped), cmocka_unit_test(who_left_is_still_seen),
		cmocka_unit_test(the_runtime_is_quiet), cmocka_unit_test(repeats_are_counted),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("calls", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
