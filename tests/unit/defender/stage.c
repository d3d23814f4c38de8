/* SPDX-License-Identifier: Apache-2.0 */
/* The stage: see stage.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "defender/event.h"
#include "defender/links.h"

struct stage_kernel stage_kernel;

/* ---- the kernel ---- */

#define SENSOR ((struct sensor_set *)(uintptr_t)&stage_kernel)

int sensor_set_new(struct sensor_set **ret, const struct sensor_config *config, sensor_record_fn *fn, void *ctx,
	struct diag *reterr)
{
	*ret = SENSOR;
	return 0;
}

struct sensor_set *sensor_set_free(struct sensor_set *s)
{
	return NULL;
}

int sensor_security_fd(const struct sensor_set *s)
{
	return -1;
}

int sensor_bulk_fd(const struct sensor_set *s)
{
	return -1;
}

int sensor_security_drain(struct sensor_set *s, int budget)
{
	return 0;
}

int sensor_bulk_drain(struct sensor_set *s, int budget)
{
	return 0;
}

int sensor_flush_aggregates(struct sensor_set *s)
{
	return 0;
}

int sensor_engine_sockets_set(struct sensor_set *s, const char *const *paths, size_t n)
{
	return 0;
}

int sensor_policy_apply(struct sensor_set *s, const struct policy *policy, uint32_t *ret_slots, struct diag *reterr)
{
	if (stage_kernel.refuse_policy)
		return diag_msg(reterr, -E2BIG, "too large");
	for (uint32_t i = 0; i < policy->runtime_count; i++)
		ret_slots[i] = 2 + i + 64 * (stage_kernel.policies % 2);
	stage_kernel.policies++;
	return 0;
}

uint32_t stage_expected(const char *id)
{
	for (uint32_t i = 0; i < stage_kernel.expected_count; i++)
		if (strcmp(stage_kernel.expected[i].id, id) == 0)
			return stage_kernel.expected[i].slot;
	return UINT32_MAX;
}

uint32_t stage_cgroup_slot(uint64_t cgroup)
{
	for (uint32_t i = 0; i < stage_kernel.cgroup_count; i++)
		if (stage_kernel.cgroups[i].id == cgroup)
			return stage_kernel.cgroups[i].slot;
	return UINT32_MAX;
}

int sensor_container_expect(struct sensor_set *s, const char *leaf, uint32_t slot)
{
	uint32_t i = 0;

	while (i < stage_kernel.expected_count && strcmp(stage_kernel.expected[i].id, leaf) != 0)
		i++;
	assert_true(i < ARRAY_SIZE(stage_kernel.expected));
	snprintf(stage_kernel.expected[i].id, sizeof(stage_kernel.expected[i].id), "%s", leaf);
	stage_kernel.expected[i].slot = slot;
	if (i == stage_kernel.expected_count)
		stage_kernel.expected_count++;
	return 0;
}

int sensor_container_forget(struct sensor_set *s, const char *leaf)
{
	for (uint32_t i = 0; i < stage_kernel.expected_count; i++)
		if (strcmp(stage_kernel.expected[i].id, leaf) == 0)
			stage_kernel.expected[i] = stage_kernel.expected[--stage_kernel.expected_count];
	return 0;
}

int sensor_cgroup_set(struct sensor_set *s, uint64_t id, uint32_t slot)
{
	uint32_t i = 0;

	while (i < stage_kernel.cgroup_count && stage_kernel.cgroups[i].id != id)
		i++;
	assert_true(i < ARRAY_SIZE(stage_kernel.cgroups));
	stage_kernel.cgroups[i].id = id;
	stage_kernel.cgroups[i].slot = slot;
	if (i == stage_kernel.cgroup_count)
		stage_kernel.cgroup_count++;
	return 0;
}

int sensor_cgroup_remove(struct sensor_set *s, uint64_t id)
{
	return 0;
}

uint64_t sensor_cgroup_id(const struct sensor_set *s, const char *path)
{
	return 0;
}

const char *sensor_cgroup_root(const struct sensor_set *s)
{
	static const char *const places[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == 0x63677270)
			return places[i];
	return "/sys/fs/cgroup";
}

int sensor_status(const struct sensor_set *s, struct record_list *sensors, struct record_list *enforcers)
{
	return 0;
}

void sensor_counters(const struct sensor_set *s, struct event_counters *ret)
{
	*ret = (struct event_counters){0};
}

/* ---- the Console ---- */

/* Takes the body over: the library then finds it empty. */
#define KEEP(list, count, type, body)                                                              \
	do {                                                                                       \
		assert_true((count) < STAGE_KEEP);                                                 \
		(list)[(count)++] = *(struct type *)(body);                                        \
		memset((body), 0, sizeof(struct type));                                            \
	} while (0)

static void take_events(struct stage *s, struct ipc_events *e)
{
	struct event *items = e->events.items;

	for (uint32_t i = 0; i < e->events.count; i++)
		KEEP(s->events, s->event_count, event, &items[i]);
	s->events_last = e->last;
	s->events_more = e->more;
	s->events_error = e->error;
}

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct stage *s = ctx;
	struct ipc_seq ack = {.seq = seq};

	fd_close(fd);
	switch ((int)type) {
	case IPC_AUDIT:
		KEEP(s->audits, s->audit_count, audit, body);
		return s->hold_acks ? 0 : ipc_send(peer, IPC_AUDIT_ACK, 0, &ack);
	case IPC_CONTAINER:
		KEEP(s->containers, s->container_count, container, body);
		return 0;
	case IPC_EDGE:
		KEEP(s->edges, s->edge_count, edge, body);
		return 0;
	case IPC_FINDING:
		KEEP(s->findings, s->finding_count, compliance_finding, body);
		return 0;
	case IPC_EVENTS:
		take_events(s, body);
		return 0;
	case IPC_PROCESSES:
		record_done(ipc_message(IPC_PROCESSES)->body, &s->processes);
		s->processes = *(struct ipc_processes *)body;
		memset(body, 0, sizeof(s->processes));
		s->has_processes = true;
		return 0;
	case IPC_STATUS:
		record_done(&status_desc, &s->status);
		s->status = *(struct status *)body;
		memset(body, 0, sizeof(s->status));
		s->status_count++;
		return 0;
	default:
		return -EPROTO;
	}
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	((struct stage *)ctx)->peer = peer;
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	((struct stage *)ctx)->peer = NULL;
}

/* ---- the stage ---- */

static void console_open(struct stage *s)
{
	struct ipc_config c = {.loop = s->loop, .role = IPC_CONSOLE, .accept_roles = IPC_DEFENDER, .program = "stage",
		.peer_uid = (uid_t)-1, .on_message = on_message, .on_closed = on_closed, .ctx = s};
	char path[128];

	snprintf(path, sizeof(path), "%s/run", s->dir);
	assert_int_equal(dir_make(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/run/console.sock", s->dir);
	int fd = unix_listen(path, 0600, 4);
	assert_true(fd >= 0);
	assert_int_equal(ipc_server_new(&s->console, &c, fd, on_accept), 0);
}

static void console_close(struct stage *s)
{
	s->peer = ipc_peer_free(s->peer);
	s->console = ipc_server_free(s->console);
}

void stage_start(struct stage *s, bool with_console)
{
	struct defender_config c = {.state = s->dir, .host = "stage", .journal_bytes = 4 << 20, .spool_bytes = 1 << 20,
		.block_ns = 600 * NSEC_PER_SEC, .gate_uid = geteuid(), .console_uid = geteuid()};
	struct enforce_config e = {.root = sensor_cgroup_root(NULL)};

	assert_int_equal(defender_new(&s->d, &c, s->loop), 0);
	s->d->sensor = SENSOR;
	assert_int_equal(enforce_new(&s->d->enforcer, &e), 0);
	if (!with_console)
		return;
	if (!s->console)
		console_open(s);
	/* Without defender_connect: time passes when the test says so. */
	assert_int_equal(links_open(s->d), 0);
	stage_wait(s, s->peer && defender_console(s->d));
}

void stage_stop(struct stage *s)
{
	s->d = defender_free(s->d);
}

int stage_setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	log_set_level(LOG_LEVEL_ERROR);
	stage_kernel = (struct stage_kernel){0};
	snprintf(s->dir, sizeof(s->dir), "/tmp/seawall-test-defender-XXXXXX");
	if (!mkdtemp(s->dir) || loop_new(&s->loop) < 0)
		return -1;
	*state = s;
	return 0;
}

static void remove_tree(const char *dir)
{
	DIR *d = opendir(dir);
	char path[512];

	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR)
			remove_tree(path);
		else
			unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void free_kept(struct stage *s)
{
	for (uint32_t i = 0; i < STAGE_KEEP; i++) {
		record_done(&audit_desc, &s->audits[i]);
		record_done(&container_desc, &s->containers[i]);
		record_done(&edge_desc, &s->edges[i]);
		record_done(&event_desc, &s->events[i]);
		record_done(&compliance_finding_desc, &s->findings[i]);
	}
	record_done(ipc_message(IPC_PROCESSES)->body, &s->processes);
	record_done(&status_desc, &s->status);
}

int stage_teardown(void **state)
{
	struct stage *s = *state;

	stage_stop(s);
	console_close(s);
	loop_free(s->loop);
	free_kept(s);
	remove_tree(s->dir);
	free(s);
	return 0;
}

/* ---- records ---- */

static uint32_t put_text(char *to, const char *text, uint32_t *path_size)
{
	uint32_t n = (uint32_t)strlen(text) + 1;

	memcpy(to, text, n);
	for (uint32_t i = 0; i < n; i++)
		if (to[i] == '|')
			to[i] = 0;
	*path_size = (uint32_t)strlen(to) + 1;
	return n - *path_size;
}

static struct wire_process process(uint32_t pid, uint32_t ppid, uint64_t start)
{
	return (struct wire_process){.pid = pid, .ppid = ppid, .start = start, .uid = 1000, .comm = "comm"};
}

static struct wire_header header(enum wire_type type, uint32_t size, uint64_t cgroup)
{
	return (struct wire_header){.type = (uint16_t)type, .size = size, .time = time_boot(), .cgroup = cgroup};
}

void stage_exec(struct stage *s, const struct stage_exec *e)
{
	union {
		struct wire_exec x;
		char room[sizeof(struct wire_exec) + WIRE_PATH_MAX + WIRE_ARGS_MAX];
	} *u = calloc(1, sizeof(*u));

	assert_non_null(u);
	u->x.args_size = put_text(u->x.data, e->text, &u->x.path_size);
	u->x.header = header(WIRE_EXEC, (uint32_t)sizeof(u->x) + u->x.path_size + u->x.args_size, e->cgroup);
	u->x.header.flags = e->flags;
	u->x.header.verdict = e->verdict;
	u->x.process = process(e->pid, e->ppid, e->start);
	u->x.ancestor_count = 2;
	u->x.ancestors[0] = (struct wire_ancestor){.pid = e->ppid, .comm = "parent"};
	u->x.ancestors[1] = (struct wire_ancestor){.pid = 1, .start = 7, .comm = "shim"};
	snprintf(u->x.sign, sizeof(u->x.sign), "%s", e->sign ? e->sign : "");
	assert_int_equal(event_record(s->d, &u->x.header), 0);
	free(u);
}

void stage_fork(struct stage *s, uint64_t cgroup, uint32_t pid, uint32_t ppid, uint64_t start)
{
	struct wire_fork f = {.header = header(WIRE_FORK, sizeof(f), cgroup), .process = process(pid, ppid, start)};

	assert_int_equal(event_record(s->d, &f.header), 0);
}

void stage_exit(struct stage *s, uint64_t cgroup, uint32_t pid, uint64_t start, int code)
{
	struct wire_exit x = {.header = header(WIRE_EXIT, sizeof(x), cgroup), .process = process(pid, 1, start), .code = code};

	assert_int_equal(event_record(s->d, &x.header), 0);
}

void stage_cgroup(struct stage *s, uint64_t cgroup, const char *leaf, enum wire_cgroup_kind kind)
{
	struct wire_cgroup c = {.header = header(WIRE_CGROUP, sizeof(c), cgroup), .parent = 1, .kind = kind};

	snprintf(c.leaf, sizeof(c.leaf), "%s", leaf);
	assert_int_equal(event_record(s->d, &c.header), 0);
}

void stage_net(struct stage *s, struct wire_net *n, const char *address, uint16_t port)
{
	uint8_t prefix;

	n->header.type = WIRE_NET;
	n->header.size = sizeof(*n);
	n->header.time = time_boot();
	n->remote_port = port;
	assert_int_equal(parse_cidr(address, n->remote, &prefix), 0);
	assert_int_equal(event_record(s->d, &n->header), 0);
}

void stage_container(struct stage *s, const char *id, const char *name, const char *image)
{
	struct container c = {.id = (char *)(uintptr_t)id, .name = (char *)(uintptr_t)name, .image = (char *)(uintptr_t)image,
		.runtime = RUNTIME_DOCKER, .state = CONTAINER_RUNNING, .created = time_now(), .started = time_now()};

	assert_int_equal(containers_upsert(s->d, &c), 0);
}

void stage_policy(struct stage *s, const char *yaml, uint64_t revision)
{
	CLEANUP(policy_unref) struct policy *p = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct policy_messages m = {0};
	struct policy_source src = {.name = "test.yaml", .text = yaml, .size = strlen(yaml)};

	assert_int_equal(policy_load(&p, &src, 1, &m), 0);
	policy_messages_done(&m);
	p->revision = revision;
	policy_encode(p, &b);
	assert_int_equal(b.failed, 0);
	rules_replace(s->d, b.data, (uint32_t)b.len);
}

void stage_query(struct stage *s, const struct ipc_query *q)
{
	for (uint32_t i = 0; i < s->event_count; i++)
		record_done(&event_desc, &s->events[i]);
	s->event_count = 0;
	s->events_last = false;
	assert_non_null(s->peer);
	assert_int_equal(ipc_send(s->peer, IPC_QUERY_EVENTS, 42, q), 0);
	stage_wait(s, s->events_last);
}
