/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who: brings together what the engines say (through the Gate), what the kernel says of
 * cgroups, and what /proc shows at the start; chooses each container's rule and tells the kernel;
 * tells the Console.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/edges.h"
#include "defender/event.h"
#include "defender/hold.h"
#include "defender/life.h"
#include "defender/recorder.h"

#define KEEP_GONE (600 * NSEC_PER_SEC) /* late records and questions still find it */
#define SCAN_DEPTH 12
#define START_LAG_MAX (60 * NSEC_PER_SEC) /* beyond: the exec was of another life */
#define ARGS_MAX 4096u
#define LONG_ID 32u

/* ---- rule and kernel ---- */

static uint32_t slot_of(const struct defender *d, const struct container_entry *e)
{
	if (e->blocked && !d->config.dry_run)
		return SENSOR_SLOT_KILL;
	return e->rule >= 0 ? d->slots[e->rule] : SENSOR_SLOT_NONE;
}

void containers_assign(struct defender *d, struct container_entry *e)
{
	const struct runtime_rule *rule = rules_of(d, e);
	int r = 0;

	e->rule = rule ? (int)(rule - d->policy->runtime) : -1;
	uint32_t slot = slot_of(d, e);
	if (!d->sensor)
		return;
	/* By name for every cgroup it will have, by id for the one it has. */
	if (!e->removed)
		r = sensor_container_expect(d->sensor, e->id, slot);
	if (r == 0 && e->cgroup && !e->cgroup_gone && !e->pod)
		r = sensor_cgroup_set(d->sensor, e->cgroup, slot);
	if (r < 0 && r != -ENOENT)
		log_warn(r, "the kernel does not take the rule of container %.12s", e->id);
	if (slot != e->slot)
		e->slot_since = time_boot();
	e->slot = slot;
}

/* ---- telling ---- */

void containers_publish(struct defender *d, struct container_entry *e)
{
	struct ipc_peer *peer = defender_console(d);
	const struct blocked *b = block_find(d, e->id);
	struct container c = e->info; /* borrowed: never done */

	if (!peer || !e->named)
		return;
	c.host = (char *)(uintptr_t)d->config.host;
	if (b) {
		c.blocked_by = b->rule;
		c.blocked_reason = b->reason;
		if (c.state != CONTAINER_REMOVED)
			c.state = CONTAINER_BLOCKED;
	}
	c.rule = e->rule >= 0 ? d->policy->runtime[e->rule].name : NULL;
	ipc_send(peer, IPC_CONTAINER, 0, &c);
}

void containers_publish_all(struct defender *d)
{
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		containers_publish(d, e);
}

void containers_record_life(struct defender *d, const struct container_entry *e, enum event_type type, uint64_t wall)
{
	struct event ev = {.time = wall ? wall : time_now(), .type = type, .container = (char *)(uintptr_t)e->id,
		.container_name = e->info.name, .image = e->info.image, .count = 1, .pid = e->info.pid};

	ev.first = ev.last = ev.time;
	if (type == EVENT_STOP)
		ev.exit_code = e->info.exit_code;
	recorder_put(d->recorder, &ev);
}

/* An engine notes the start when its runtime has come back, which is after the first exec: the story
 * would begin in the middle. */
static uint64_t start_time(const struct container_entry *e)
{
	uint64_t told = e->info.started, seen = e->first_exec;

	return seen && seen < told && told - seen < START_LAG_MAX ? seen - 1 : told;
}

/* What happened between the last thing the engine said and this. Old news at a start is no event. */
static void record_changes(struct defender *d, const struct container_entry *e, const struct container *old, bool first)
{
	const struct container *c = &e->info;

	if (first && c->created > d->seen_since)
		containers_record_life(d, e, EVENT_CREATE, c->created);
	if (c->started != old->started && c->started > d->seen_since)
		containers_record_life(d, e, EVENT_START, start_time(e));
	if (c->finished != old->finished && c->finished > d->seen_since)
		containers_record_life(d, e, EVENT_STOP, c->finished);
	if (c->state == CONTAINER_REMOVED && old->state != CONTAINER_REMOVED)
		containers_record_life(d, e, EVENT_REMOVE, 0);
}

/* ---- cgroups and processes ---- */

static void bind(struct defender *d, struct container_entry *e, uint64_t cgroup)
{
	if (e->cgroup == cgroup && !e->cgroup_gone)
		return;
	container_table_bind(d->containers, e, cgroup);
	e->cgroup_gone = false;
	e->first_exec = 0;
	e->gone = 0;
	containers_assign(d, e);
}

/* One process that ran before we looked. What /proc does not say any more is left out. */
static void seed_process(struct defender *d, struct container_entry *e, pid_t pid)
{
	struct buf text = BUF_FIXED((uint8_t *)d->scratch->text, sizeof(d->scratch->text));
	CLEANUP(buf_done) struct buf args = BUF_INIT(ARGS_MAX);
	char exe[1024] = "";
	struct proc_stat st;
	uint32_t uid = 0;

	if (proc_stat_read(pid, &st) < 0)
		return;
	proc_uid(pid, &uid);
	proc_exe(pid, exe, sizeof(exe));
	proc_cmdline(pid, &args);
	buf_put(&text, exe, strlen(exe) + 1);
	if (args.len && text.len + args.len < PROCESS_TEXT_MAX)
		buf_put(&text, args.data, args.len);
	struct process_facts f = {.pid = (uint32_t)pid, .ppid = (uint32_t)st.ppid, .start = st.start_boot_ns, .uid = uid,
		.owner = e->number, .comm = st.comm, .text = d->scratch->text, .text_size = (uint32_t)text.len, .coarse = true};
	process_table_set(d->processes, &f);
}

static void seed_cgroup(struct defender *d, struct container_entry *e, int dir)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1u << 20);
	CLEANUP(fd_close) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char *save = NULL;

	if (fd < 0 || fd_read_all(fd, &text) < 0 || !text.data)
		return;
	for (char *line = strtok_r((char *)text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		uint64_t pid;
		if (parse_u64(line, 1, INT32_MAX, &pid) == 0)
			seed_process(d, e, (pid_t)pid);
	}
}

uint32_t containers_first_process(int dir, int depth)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1u << 20);
	CLEANUP(fd_close) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	CLEANUP(fd_close) int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t pid, first = UINT64_MAX;
	struct proc_stat st;
	uint32_t found = 0;
	char *save = NULL;

	if (fd >= 0 && fd_read_all(fd, &text) == 0 && text.data)
		for (char *line = strtok_r((char *)text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (parse_u64(line, 1, INT32_MAX, &pid) == 0 && proc_stat_read((pid_t)pid, &st) == 0 &&
				st.state != 'Z' && st.start_boot_ns < first) {
				first = st.start_boot_ns;
				found = (uint32_t)pid;
			}
	DIR *stream = found || copy < 0 || depth == SCAN_DEPTH ? NULL : fdopendir(copy);
	if (!stream)
		return found;
	take_fd(copy); /* the stream's now */
	for (struct dirent *de; !found && (de = readdir(stream));) {
		CLEANUP(fd_close) int sub = de->d_type != DT_DIR || de->d_name[0] == '.' ? -1
			: openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		found = sub < 0 ? 0 : containers_first_process(sub, depth + 1);
	}
	closedir(stream);
	return found;
}

/*
 * podman puts the containers of a pod below a cgroup that carries the pod's id: that one is no
 * container. NULL unless `leaf`, directly below it, is one that we know and `parent` is not.
 */
static struct container_entry *of_pod(struct defender *d, const struct container_entry *parent, const char *leaf)
{
	char id[CONTAINER_ID_SIZE];

	if (!parent || parent->named || parent->blocked || !str_has_prefix(leaf, "libpod-") ||
		!container_id_from_leaf(leaf, id))
		return NULL;
	struct container_entry *e = container_table_by_id(d->containers, id);
	return e && e->named && e->life.ours ? e : NULL;
}

static void scan_dir(struct defender *d, int dir, struct container_entry *inside, int depth)
{
	CLEANUP(fd_close) int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 || depth == SCAN_DEPTH ? NULL : fdopendir(copy);

	if (!stream)
		return;
	take_fd(copy); /* the stream's now */
	for (struct dirent *de; (de = readdir(stream));) {
		char id[CONTAINER_ID_SIZE];
		struct container_entry *e = inside;
		struct stat st;
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		CLEANUP(fd_close) int sub = openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub < 0 || fstat(sub, &st) < 0)
			continue;
		if (!e && container_id_from_leaf(de->d_name, id) && container_table_make(d->containers, id, &e) == 0)
			bind(d, e, st.st_ino);
		struct container_entry *member = of_pod(d, inside, de->d_name);
		if (member) {
			inside->pod = true;
			e = member;
			bind(d, e, st.st_ino);
		}
		if (e)
			seed_cgroup(d, e, sub);
		scan_dir(d, sub, e, depth + 1);
	}
	closedir(stream);
}

void containers_scan(struct defender *d)
{
	CLEANUP(fd_close) int root = open(sensor_cgroup_root(d->sensor), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root >= 0)
		scan_dir(d, root, NULL, 0);
}

struct container_entry *containers_of_cgroup(struct defender *d, uint64_t cgroup)
{
	struct container_entry *e = container_table_by_cgroup(d->containers, cgroup);
	char path[1024], id[CONTAINER_ID_SIZE];

	if (e)
		return e;
	CLEANUP(fd_close) int fd = enforce_cgroup_open(d->enforcer, cgroup);
	if (fd < 0 || enforce_cgroup_path(d->enforcer, fd, path, sizeof(path)) < 0)
		return NULL;
	const char *leaf = strrchr(path, '/');
	leaf = leaf ? leaf + 1 : path;
	if (!container_id_from_leaf(leaf, id))
		snprintf(id, sizeof(id), "%.*s", (int)sizeof(id) - 1, leaf);
	if (container_table_make(d->containers, id, &e) < 0)
		return NULL;
	bind(d, e, cgroup);
	return e;
}

void containers_cgroup(struct defender *d, const struct wire_cgroup *w)
{
	struct container_entry *e = container_table_by_cgroup(d->containers, w->header.cgroup);
	char id[CONTAINER_ID_SIZE];

	if (w->kind == WIRE_CGROUP_GONE) {
		if (!e)
			return;
		e->cgroup_gone = true; /* its number still attributes what comes late */
		process_table_owner_gone(d->processes, e->number, w->header.time);
		life_cgroup_gone(d, e, defender_wall(d, w->header.time));
		if (!e->named || e->removed)
			e->gone = time_boot();
		return;
	}
	/* Below a container lies more of the same container. */
	struct container_entry *parent = container_table_by_cgroup(d->containers, w->parent);
	struct container_entry *member = e ? NULL : of_pod(d, parent, w->leaf);
	if (member) {
		parent->pod = true;
		bind(d, member, w->header.cgroup);
	}
	if (e || parent)
		return;
	if (!container_id_from_leaf(w->leaf, id)) {
		if (!w->known)
			return;
		snprintf(id, sizeof(id), "%s", w->leaf);
	}
	if (container_table_make(d->containers, id, &e) == 0)
		bind(d, e, w->header.cgroup);
}

/* Cuts the path after the part that carries the container's id. A pid alone proves nothing: it is
 * only believed when its cgroup says the same, so that nobody can make a service of the host a container. */
static bool cut_at_id(char *path, const char *id)
{
	size_t n = strlen(id);

	for (char *part = path; *part;) {
		char *end = strchrnul(part, '/');
		char *at = memmem(part, (size_t)(end - part), id, n);
		/* Engines wrap long ids ("docker-ID.scope"); a short name must be the whole part. */
		if (at && (n >= LONG_ID || (at == part && part + n == end))) {
			*end = 0;
			return true;
		}
		part = *end ? end + 1 : end;
	}
	return false;
}

void containers_process_started(struct defender *d, const char *id, pid_t pid)
{
	struct container_entry *e;
	char path[1024];

	if (!id || container_table_make(d->containers, id, &e) < 0 || !d->sensor)
		return;
	if (proc_cgroup(pid, d->config.cgroup_v1, path, sizeof(path)) < 0 || !cut_at_id(path, id))
		return;
	uint64_t cgroup = sensor_cgroup_id(d->sensor, path);
	if (!cgroup || container_table_by_cgroup(d->containers, cgroup) == e)
		return;
	bind(d, e, cgroup);
	CLEANUP(fd_close) int dir = enforce_cgroup_open(d->enforcer, cgroup);
	if (dir >= 0) {
		seed_cgroup(d, e, dir);
		scan_dir(d, dir, e, 0);
	}
}

/* ---- the Gate ---- */

void containers_removed(struct defender *d, struct container_entry *e)
{
	e->removed = true;
	e->gone = time_boot();
	if (d->sensor)
		sensor_container_forget(d->sensor, e->id);
}

int containers_upsert(struct defender *d, const struct container *c)
{
	struct container old = {0};
	struct container_entry *e;

	if (!c->id)
		return -EBADMSG;
	int r = container_table_make(d->containers, c->id, &e);
	if (r < 0)
		return r;
	bool first = !e->named;
	old.started = e->info.started;
	old.finished = e->info.finished;
	old.state = e->info.state;
	r = container_table_name(d->containers, e, c);
	if (r < 0)
		return r;
	e->told = true;
	e->nameless = false;
	e->blocked = block_find(d, e->id) != NULL;
	if (c->state == CONTAINER_REMOVED)
		containers_removed(d, e);
	else if (c->pid && !e->cgroup)
		containers_process_started(d, e->id, (pid_t)c->pid);
	containers_assign(d, e);
	if (e->blocked)
		block_named(d, e);
	record_changes(d, e, &old, first);
	if (first) {
		hold_release(d->hold, e->number);
		rejudge_container(d, e, d->started); /* the kernel judged what began since */
	}
	containers_publish(d, e);
	return 0;
}

int containers_told(struct defender *d, const struct container *c)
{
	struct container_entry *e = c->id ? container_table_by_id(d->containers, c->id) : NULL;
	struct container with = *c; /* borrowed */

	if (e)
		life_told(d, e);
	/* What its configuration says of the pod an engine tells by labels only, which not everybody sets. */
	if (e && e->named && !c->pod) {
		with.pod = e->info.pod;
		with.namespace_ = e->info.namespace_;
		if (with.pod && c->name && strcmp(c->name, c->id) == 0)
			with.name = e->info.name;
	}
	return containers_upsert(d, &with);
}

void containers_gate_lost(struct defender *d)
{
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		e->told = false;
}

void containers_gate_synced(struct defender *d, enum runtime_kind kind)
{
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));) {
		if (!e->named || e->told || e->removed || e->info.runtime != kind)
			continue;
		e->info.state = CONTAINER_REMOVED;
		containers_removed(d, e);
		containers_record_life(d, e, EVENT_REMOVE, 0);
		containers_publish(d, e);
	}
}

/* ---- forgetting ---- */

void containers_expire(struct defender *d)
{
	uint64_t now = time_boot();

	if (now > KEEP_GONE)
		container_table_expire(d->containers, now - KEEP_GONE);
}

void containers_forget(void *ctx, struct container_entry *e)
{
	struct defender *d = ctx;

	hold_release(d->hold, e->number);
	process_table_owner_forget(d->processes, e->number);
	edges_forget(d->edges, e->number);
	if (d->sensor)
		sensor_container_forget(d->sensor, e->id);
	if (d->sensor && e->cgroup && !e->cgroup_gone)
		sensor_cgroup_remove(d->sensor, e->cgroup);
}
