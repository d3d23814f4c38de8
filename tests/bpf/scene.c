/* SPDX-License-Identifier: Apache-2.0 */
/* See scene.h. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define PATIENCE (10 * NSEC_PER_SEC)

static int record_keep(void *ctx, const struct wire_header *h)
{
	struct scene *s = ctx;
	struct wire_header *copy;

	if (s->count >= SCENE_RECORDS_MAX)
		return -E2BIG;
	copy = malloc(h->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, h, h->size);
	s->records[s->count++] = copy;
	return 0;
}

static void drain(struct scene *s, int wait_ms)
{
	struct pollfd fds[] = {{.fd = sensor_security_fd(s->set), .events = POLLIN}, {.fd = sensor_bulk_fd(s->set), .events = POLLIN}};

	poll(fds, 2, wait_ms);
	assert_true(sensor_security_drain(s->set, 1 << 20) >= 0);
	assert_true(sensor_bulk_drain(s->set, 1 << 20) >= 0);
}

int scene_open(struct scene *s, const char *cgroup_v1)
{
	struct sensor_config config = {.self_pid = (uint32_t)getpid(), .cgroup_v1 = cgroup_v1};
	struct diag why = {};
	int r;

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 77;
	}
	r = sensor_set_new(&s->set, &config, record_keep, s, &why);
	if (r < 0) {
		printf("1..0 # SKIP the kernel refuses: %s (%s)\n", why.message, strerror(-r));
		return 77;
	}
	snprintf(s->folder, sizeof(s->folder), "/tmp/seawall-test-XXXXXX");
	if (!mkdtemp(s->folder))
		return 1;
	chmod(s->folder, 0755);
	snprintf(s->dir, sizeof(s->dir), "%s/seawall-test-%d", sensor_cgroup_root(s->set), getpid());
	if (sensor_container_expect(s->set, strrchr(s->dir, '/') + 1, SENSOR_SLOT_NONE) < 0 || mkdir(s->dir, 0755) < 0)
		return 1;
	s->cgroup = sensor_cgroup_id(s->set, strrchr(s->dir, '/'));
	return 0;
}

void scene_close(struct scene *s)
{
	char command[128];

	for (int i = 0; i < 100 && rmdir(s->dir) < 0 && errno == EBUSY; i++)
		poll(NULL, 0, 20); /* the last process is still leaving */
	snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", s->folder);
	s->set = sensor_set_free(s->set);
	scene_clear(s);
}

void scene_clear(struct scene *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		free(s->records[i]);
	s->count = 0;
}

void scene_policy(struct scene *s, const char *yaml)
{
	uint32_t slots[POLICY_RULES_MAX], slot = SENSOR_SLOT_NONE;
	struct policy_messages messages = {};
	struct policy *p = NULL;
	struct diag why = {};

	if (yaml) {
		struct policy_source source = {"policy.yaml", yaml, strlen(yaml)};

		assert_int_equal(policy_load(&p, &source, 1, &messages), 0);
		policy_messages_done(&messages);
		if (sensor_policy_apply(s->set, p, slots, &why) < 0)
			fail_msg("%s", why.message);
		slot = slots[0];
		policy_unref(p);
	}
	assert_int_equal(sensor_cgroup_set(s->set, s->cgroup, slot), 0);
}

bool scene_enforcer(struct scene *s, const char *name, const char **ret_why)
{
	struct record_list sensors = {}, enforcers = {}, *lists[] = {&sensors, &enforcers};
	static char why[256];
	bool on = false, found = false;

	assert_int_equal(sensor_status(s->set, &sensors, &enforcers), 0);
	for (int l = 0; l < 2; l++) {
		struct sensor_status *items = lists[l]->items;

		for (uint32_t i = 0; i < lists[l]->count; i++) {
			if (l == 1 && strcmp(items[i].name, name) == 0) {
				found = true;
				on = items[i].state == SENSOR_ON;
				snprintf(why, sizeof(why), "%s", items[i].reason ? items[i].reason : "");
			}
			record_done(&sensor_status_desc, &items[i]);
		}
		free(items);
	}
	assert_true(found);
	if (ret_why)
		*ret_why = why;
	return on;
}

bool scene_refuses(struct scene *s)
{
	return scene_enforcer(s, "exec_lsm", NULL) || scene_enforcer(s, "exec_fmod_ret", NULL);
}

static void enter(const struct scene *s)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", s->dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(120);
	close(fd);
}

pid_t scene_fork(struct scene *s, scene_child_fn *fn, void *ctx)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enter(s);
		_exit(fn(ctx));
	}
	return pid;
}

int scene_wait(struct scene *s, pid_t pid)
{
	uint64_t deadline = time_monotonic() + PATIENCE;
	int status;

	for (;;) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		assert_true(r >= 0);
		if (r == pid)
			return status;
		if (time_monotonic() > deadline)
			fail_msg("process %d does not end", pid);
		drain(s, 1);
	}
}

int scene_run(struct scene *s, scene_child_fn *fn, void *ctx)
{
	return scene_wait(s, scene_fork(s, fn, ctx));
}

static const struct wire_header *find(struct scene *s, scene_match_fn *match, const void *ctx)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (match(s->records[i], ctx))
			return s->records[i];
	return NULL;
}

const struct wire_header *scene_await(struct scene *s, scene_match_fn *match, const void *ctx)
{
	uint64_t deadline = time_monotonic() + PATIENCE;
	const struct wire_header *h;

	while (!(h = find(s, match, ctx))) {
		if (time_monotonic() > deadline)
			fail_msg("the record does not come; %u others did", s->count);
		drain(s, 20);
	}
	return h;
}

uint32_t scene_count(struct scene *s, scene_match_fn *match, const void *ctx)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->count; i++)
		n += match(s->records[i], ctx);
	return n;
}

/* Two rounds of the rings' own timer: what was sent before the first has come by the second. */
void scene_settle(struct scene *s)
{
	drain(s, 200);
	drain(s, 200);
}

static bool is_exec(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_EXEC && ((const struct wire_exec *)h)->process.pid == (uint32_t)*(const pid_t *)ctx;
}

const struct wire_exec *scene_exec_of(struct scene *s, pid_t pid)
{
	return (const struct wire_exec *)scene_await(s, is_exec, &pid);
}

struct net_wanted {
	pid_t pid;
	enum wire_net_kind kind;
};

static bool is_net(const struct wire_header *h, const void *ctx)
{
	const struct wire_net *n = (const void *)h;
	const struct net_wanted *w = ctx;

	return h->type == WIRE_NET && n->process.pid == (uint32_t)w->pid && n->kind == w->kind;
}

const struct wire_net *scene_net_of(struct scene *s, pid_t pid, enum wire_net_kind kind)
{
	const struct net_wanted w = {pid, kind};

	return (const struct wire_net *)scene_await(s, is_net, &w);
}

const char *scene_tool(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", PROGRAMS_DIR, name);
	return path;
}

const char *scene_program(struct scene *s, const char *from, const char *name)
{
	static char path[256];
	CLEANUP(buf_done) struct buf b = BUF_INIT(64u << 20);

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	assert_int_equal(file_read(from, &b), 0);
	assert_int_equal(file_write_atomic(path, b.data, b.len, 0755), 0);
	return path;
}

int scene_memory(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), fd = memfd_create("x", MFD_CLOEXEC);
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, (size_t)n) != n)
			return -1;
	close(from);
	return fd;
}
