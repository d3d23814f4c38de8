/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel half says of processes and cgroups: every field, against what was really done. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "scene.h"

struct launch {
	const char *path;
	const char *const *argv;
	uint32_t uid, gid;
	const char *root;
};

static int launch(void *ctx)
{
	const struct launch *l = ctx;

	if (l->root && (chroot(l->root) < 0 || chdir("/") < 0))
		return 121;
	if (l->uid && (setgid(l->gid) < 0 || setuid(l->uid) < 0))
		return 122;
	execv(l->path, (char *const *)l->argv);
	return 123;
}

static pid_t launched(struct scene *s, struct launch *l, int *ret_status)
{
	pid_t pid = scene_fork(s, launch, l);
	int status = scene_wait(s, pid);

	if (ret_status)
		*ret_status = status;
	return pid;
}

static void exec_fields(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"first", "alpha", "", "with space", NULL};
	struct launch l = {scene_program(s, scene_tool("true"), "fields"), argv, 12345, 23456, NULL};
	uint64_t before = time_boot();
	struct stat st;
	pid_t pid = launched(s, &l, NULL);
	const struct wire_exec *e = scene_exec_of(s, pid);

	assert_int_equal(stat(l.path, &st), 0);
	assert_int_equal(e->header.cgroup, s->cgroup);
	assert_true(e->header.time >= before && e->header.time <= time_boot());
	assert_int_equal(e->process.pid, pid);
	assert_int_equal(e->process.ppid, getpid());
	assert_true(e->process.start >= before - NSEC_PER_SEC && e->process.start <= e->header.time);
	assert_int_equal(e->process.uid, 12345);
	assert_int_equal(e->process.gid, 23456);
	assert_string_equal(e->process.comm, "fields");
	assert_int_equal(e->inode, st.st_ino);
	assert_int_equal(e->device, major(st.st_dev) << 20 | minor(st.st_dev));
	assert_int_equal(e->argc, 4);
	assert_string_equal(e->data, l.path);
	assert_int_equal(e->path_size, strlen(l.path) + 1);
	assert_int_equal(e->args_size, sizeof("first\0alpha\0\0with space"));
	assert_memory_equal(e->data + e->path_size, "first\0alpha\0\0with space", e->args_size);
	assert_true(e->ancestor_count >= 2);
	assert_int_equal(e->ancestors[0].pid, getpid());
	assert_int_equal(e->ancestors[1].pid, getppid());
	assert_int_equal(e->header.flags & (WIRE_ARGS_TRUNCATED | WIRE_PATH_TRUNCATED | WIRE_ARGS_UNREADABLE | WIRE_MEMFD), 0);
}

static bool is_exit(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_EXIT && ((const struct wire_exit *)h)->process.pid == (uint32_t)*(const pid_t *)ctx;
}

static bool is_fork(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_FORK && ((const struct wire_fork *)h)->process.pid == (uint32_t)*(const pid_t *)ctx;
}

static int leave_seven(void *ctx)
{
	return 7;
}

static int leave_killed(void *ctx)
{
	return kill(getpid(), SIGTERM);
}

static void exit_and_signal(void **state)
{
	struct scene *s = *state;
	pid_t pid = scene_fork(s, leave_seven, NULL);
	const struct wire_exit *e;

	scene_wait(s, pid);
	e = (const void *)scene_await(s, is_exit, &pid);
	assert_int_equal(e->code, 7);
	assert_int_equal(e->signal, 0);
	assert_int_equal(e->header.cgroup, s->cgroup);
	pid = scene_fork(s, leave_killed, NULL);
	scene_wait(s, pid);
	e = (const void *)scene_await(s, is_exit, &pid);
	assert_int_equal(e->signal, SIGTERM);
	scene_settle(s);
	assert_int_equal(scene_count(s, is_exit, &pid), 1);
}

static int fork_child(void *ctx)
{
	int *fd = ctx;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return write(fd[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

static void fork_fields(void **state)
{
	struct scene *s = *state;
	int fd[2];
	pid_t parent, child;
	const struct wire_fork *f;

	assert_int_equal(pipe(fd), 0);
	parent = scene_fork(s, fork_child, fd);
	scene_wait(s, parent);
	assert_int_equal(read(fd[0], &child, sizeof(child)), sizeof(child));
	close(fd[0]);
	close(fd[1]);
	f = (const void *)scene_await(s, is_fork, &child);
	assert_int_equal(f->process.ppid, parent);
	assert_int_equal(f->header.cgroup, s->cgroup);
}

static void args_beyond_the_window(void **state)
{
	struct scene *s = *state;
	const char *argv[1002] = {"long"};
	struct launch l = {scene_tool("true"), argv, 0, 0, NULL};
	char filler[64];
	const struct wire_exec *e;

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = 0;
	for (int i = 1; i <= 1000; i++)
		argv[i] = filler;
	e = scene_exec_of(s, launched(s, &l, NULL));
	assert_int_equal(e->argc, 1001);
	assert_int_equal(e->args_size, WIRE_ARGS_MAX);
	assert_true(e->header.flags & WIRE_ARGS_TRUNCATED);
}

static void path_in_another_root(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"inside", NULL};
	struct launch l = {"/inside", argv, 0, 0, s->folder};

	scene_program(s, scene_tool("true"), "inside");
	assert_string_equal(scene_exec_of(s, launched(s, &l, NULL))->data, "/inside");
}

static void path_longer_than_the_record(void **state)
{
	struct scene *s = *state;
	const char *argv[] = {"deep", NULL};
	char path[PATH_MAX] = "", name[201];
	struct launch l = {path, argv, 0, 0, NULL};
	const struct wire_exec *e;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	snprintf(path, sizeof(path), "%s", s->folder);
	for (int i = 0; i < 6; i++) {
		size_t n = strlen(path);

		snprintf(path + n, sizeof(path) - n, "/%s", name);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/deep");
	assert_int_equal(link(scene_program(s, scene_tool("true"), "shallow"), path), 0);
	e = scene_exec_of(s, launched(s, &l, NULL));
	assert_true(e->header.flags & WIRE_PATH_TRUNCATED);
	assert_string_equal(e->data, path + strlen(path) + 1 - e->path_size);
}

static int launch_memfd(void *ctx)
{
	char name[] = "hidden", *argv[] = {name, NULL};
	int from = open(ctx, O_RDONLY | O_CLOEXEC), fd = memfd_create("nameless", MFD_CLOEXEC);
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, (size_t)n) != n)
			return 1;
	fexecve(fd, argv, (char *[]){NULL});
	return 2;
}

static void memfd_is_flagged(void **state)
{
	struct scene *s = *state;
	pid_t pid = scene_fork(s, launch_memfd, (void *)scene_tool("true"));
	const struct wire_exec *e;

	assert_int_equal(scene_wait(s, pid), 0);
	e = scene_exec_of(s, pid);
	assert_true(e->header.flags & WIRE_MEMFD);
	assert_string_equal(e->data, "/memfd:nameless");
}

/* ---- cgroups ---- */

struct cgroup_wanted {
	const char *leaf;
	uint32_t kind;
};

static bool is_cgroup(const struct wire_header *h, const void *ctx)
{
	const struct wire_cgroup *c = (const void *)h;
	const struct cgroup_wanted *w = ctx;

	return h->type == WIRE_CGROUP && c->kind == w->kind && strcmp(c->leaf, w->leaf) == 0;
}

static const struct wire_cgroup *made(struct scene *s, const char *parent, const char *leaf)
{
	struct cgroup_wanted w = {leaf, WIRE_CGROUP_MADE};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", parent, leaf);
	assert_int_equal(mkdir(path, 0755), 0);
	return (const void *)scene_await(s, is_cgroup, &w);
}

static void gone(struct scene *s, const char *parent, const char *leaf)
{
	struct cgroup_wanted w = {leaf, WIRE_CGROUP_GONE};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", parent, leaf);
	assert_int_equal(rmdir(path), 0);
	scene_await(s, is_cgroup, &w);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void cgroups_by_name(void **state)
{
	struct scene *s = *state;
	const char *root = sensor_cgroup_root(s->set);
	const struct wire_cgroup *c = made(s, s->dir, "nested");

	assert_int_equal(c->parent, s->cgroup);
	assert_int_equal(c->known, 1);
	gone(s, s->dir, "nested");

	assert_int_equal(sensor_container_expect(s->set, HEX64, SENSOR_SLOT_NONE), 0);
	c = made(s, root, "docker-" HEX64 ".scope");
	assert_int_equal(c->known, 1);
	assert_int_equal(c->header.cgroup, sensor_cgroup_id(s->set, "docker-" HEX64 ".scope"));
	gone(s, root, "docker-" HEX64 ".scope");
	assert_int_equal(sensor_container_forget(s->set, HEX64), 0);

	scene_clear(s);
	c = made(s, root, "docker-" HEX64 ".scope");
	assert_int_equal(c->known, 0); /* nobody announced it, but it is watched */
	gone(s, root, "docker-" HEX64 ".scope");
}

static bool any(const struct wire_header *h, const void *ctx)
{
	return true;
}

static void strangers_are_not_seen(void **state)
{
	struct scene *s = *state;
	char path[512];

	scene_settle(s);
	scene_clear(s);
	snprintf(path, sizeof(path), "%s/seawall-test-stranger-%d", sensor_cgroup_root(s->set), getpid());
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(system("true"), 0);
	assert_int_equal(rmdir(path), 0);
	scene_settle(s);
	assert_int_equal(scene_count(s, any, NULL), 0);
}

/* How many sensors are off because no rule asks for them. What this kernel lacks says so. */
static uint32_t sensors_idle(struct scene *s)
{
	struct record_list sensors = {}, enforcers = {};
	struct sensor_status *items;
	uint32_t idle = 0;

	assert_int_equal(sensor_status(s->set, &sensors, &enforcers), 0);
	assert_true(enforcers.count >= 2);
	items = sensors.items;
	for (uint32_t i = 0; i < sensors.count; i++) {
		if (items[i].state == SENSOR_ON || strstr(items[i].reason, "this kernel has no"))
			continue;
		if (strcmp(items[i].reason, "no rule asks for it") != 0)
			fail_msg("%s: %s", items[i].name, items[i].reason);
		idle++;
	}
	return idle;
}

static void programs_are_on(void **state)
{
	struct scene *s = *state;
	uint32_t idle = sensors_idle(s);

	scene_policy(s, "version: 1\nruntime:\n  - {name: all, threats: alert}\n");
	assert_int_equal(sensors_idle(s), 0);
	scene_policy(s, "version: 1\nruntime:\n  - {name: miners, processes: {crypto_miners: alert}}\n");
	assert_int_equal(sensors_idle(s), idle);
	scene_policy(s, NULL);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_on), cmocka_unit_test(exec_fields), cmocka_unit_test(exit_and_signal),
		cmocka_unit_test(fork_fields), cmocka_unit_test(args_beyond_the_window),
		cmocka_unit_test(path_in_another_root), cmocka_unit_test(path_longer_than_the_record),
		cmocka_unit_test(memfd_is_flagged), cmocka_unit_test(cgroups_by_name),
		cmocka_unit_test(strangers_are_not_seen),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("process", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
