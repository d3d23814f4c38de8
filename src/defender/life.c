/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end of containers without a telling engine: see life.h. */
#include "defender/life.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/event.h"

#define FILE_NAME "admitted.bin"
#define FILE_MAX (16u << 20)
#define SAVE_EVERY (NSEC_PER_SEC / 4) /* many at once are written once */
#define SIGNALLED 128                 /* exit code of who dies by signal n: 128 + n */
#define LOST_EVERY 10                 /* seconds: an end whose record was lost is found by then */

struct life_file {
	struct record_list items; /* struct ipc_admission */
};

static const struct record_desc *admission_desc(void)
{
	return ipc_message(IPC_ADMIT)->body;
}

static struct field_desc file_field(void)
{
	return (struct field_desc){1, FIELD_RECORDS, "items", offsetof(struct life_file, items), NULL, admission_desc(), NULL};
}

/* ---- on disk ---- */

static void save(struct defender *d)
{
	const struct field_desc field = file_field();
	const struct record_desc desc = {"admitted", sizeof(struct life_file), &field, 1, NULL};
	CLEANUP(buf_done) struct buf out = BUF_INIT(FILE_MAX);
	CLEANUP(free) struct ipc_admission *items = calloc(container_table_count(d->containers) + 1, sizeof(*items));
	struct life_file f = {.items.items = items}; /* what it points to is borrowed */
	uint32_t cursor = 0;

	if (!items)
		return;
	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		if (e->life.ours && e->named && !e->removed)
			items[f.items.count++] = (struct ipc_admission){e->info, e->life.bundle};
	record_encode(&desc, &f, &out);
	defender_keep(d, FILE_NAME, &out, "admitted");
	d->life_dirty = false;
	d->life_saved = time_monotonic();
}

static void changed(struct defender *d)
{
	d->life_dirty = true;
	if (time_monotonic() - d->life_saved > SAVE_EVERY)
		save(d);
}

static void tell(struct defender *d, struct container_entry *e, enum event_type type, uint64_t wall)
{
	containers_record_life(d, e, type, wall);
	containers_publish(d, e);
	changed(d);
}

/* ---- start and end ---- */

static void started(struct defender *d, struct container_entry *e, uint32_t pid, uint64_t wall)
{
	struct container *c = &e->info;

	e->life.ended = false;
	c->pid = pid;
	if (c->state == CONTAINER_RUNNING) {
		containers_publish(d, e);
		return;
	}
	c->state = CONTAINER_RUNNING;
	c->started = wall;
	c->finished = 0;
	c->exit_code = 0;
	tell(d, e, EVENT_START, wall);
}

static void ended(struct defender *d, struct container_entry *e, uint64_t wall)
{
	struct container *c = &e->info;

	if (c->state != CONTAINER_RUNNING && c->state != CONTAINER_CREATED)
		return;
	bool ran = c->state == CONTAINER_RUNNING;
	c->state = CONTAINER_EXITED;
	c->pid = 0;
	c->finished = wall;
	c->exit_code = ran ? e->life.exit_code : 0;
	e->life.ended = false;
	tell(d, e, EVENT_STOP, wall);
}

static void removed(struct defender *d, struct container_entry *e)
{
	e->info.state = CONTAINER_REMOVED;
	containers_removed(d, e);
	tell(d, e, EVENT_REMOVE, time_now());
}

/* Of the processes in its cgroup the one that started first; 0 = there is none. */
static uint32_t oldest(struct defender *d, const struct container_entry *e)
{
	CLEANUP(fd_close) int dir = e->cgroup && !e->cgroup_gone ? enforce_cgroup_open(d->enforcer, e->cgroup) : -ENOENT;

	return dir < 0 ? 0 : containers_first_process(dir, 0);
}

static bool bundle_gone(const struct container_entry *e)
{
	struct stat st;

	return e->life.bundle && stat(e->life.bundle, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* ---- what happens ---- */

/* runc prepares a container from inside, as a file without a name; what it waits for is the start. */
static bool is_runtime(const struct event *e)
{
	return (!e->path || !*e->path) && e->args.count == 2 && strcmp(e->args.items[1], "init") == 0;
}

void life_record(struct defender *d, const struct happening *h)
{
	struct container_entry *e = h->entry;

	if (!e || !e->life.ours || !h->process)
		return;
	/* While its first process lives, others come by `exec`. */
	if (h->e.type == EVENT_EXEC && !is_runtime(&h->e) && (e->info.state != CONTAINER_RUNNING || e->life.ended))
		started(d, e, h->process->pid, h->e.time ? h->e.time - 1 : 0);
	if (h->e.type != EVENT_EXIT || h->process->pid != e->info.pid)
		return;
	e->life.ended = true;
	e->life.exit_code = h->e.exit_signal ? SIGNALLED + h->e.exit_signal : h->e.exit_code;
}

void life_cgroup_gone(struct defender *d, struct container_entry *e, uint64_t wall)
{
	if (e->life.ours)
		ended(d, e, wall);
}

int life_admitted(struct defender *d, const struct ipc_admission *a)
{
	struct container c = a->container; /* borrowed */
	struct container_entry *e;

	if (!c.id)
		return -EBADMSG;
	int r = container_table_make(d->containers, c.id, &e);
	if (r < 0)
		return r;
	if (e->named && !e->life.ours)
		return containers_upsert(d, &c);
	if (e->named && e->info.created) /* it starts again */
		c.created = e->info.created;
	r = str_set(&e->life.bundle, a->bundle);
	if (r < 0)
		return r;
	e->removed = false;
	e->gone = 0;
	e->life.ours = true;
	e->life.ended = false;
	e->life.exit_code = 0;
	r = containers_upsert(d, &c);
	if (r == 0)
		changed(d);
	return r;
}

void life_told(struct defender *d, struct container_entry *e)
{
	if (!e->life.ours)
		return;
	e->life.ours = false;
	d->life_dirty = true;
}

static void look(struct defender *d, struct container_entry *e, bool thoroughly)
{
	struct proc_stat st;
	struct container *c = &e->info;

	if (c->state == CONTAINER_RUNNING) {
		if (thoroughly && c->pid && proc_stat_read((pid_t)c->pid, &st) == -ESRCH)
			e->life.ended = true;
		/* Its engine may take a while to clean up, or never do. */
		if (e->life.ended && !oldest(d, e))
			ended(d, e, time_now());
	}
	if ((c->state == CONTAINER_EXITED || c->state == CONTAINER_CREATED) && (!e->cgroup || e->cgroup_gone) && bundle_gone(e))
		removed(d, e);
}

void life_tick(struct defender *d)
{
	bool thoroughly = ++d->life_ticks % LOST_EVERY == 0;
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		if (e->life.ours && !e->removed)
			look(d, e, thoroughly);
	if (d->life_dirty)
		save(d);
}

/* ---- over our own end ---- */

static void take_in(struct defender *d, const struct ipc_admission *a)
{
	struct container_entry *e;

	if (!a->container.id || container_table_make(d->containers, a->container.id, &e) < 0 ||
		container_table_name(d->containers, e, &a->container) < 0 || str_set(&e->life.bundle, a->bundle) < 0)
		return;
	e->life.ours = true;
	e->blocked = e->blocked || block_find(d, e->id);
	containers_assign(d, e);
}

void life_open(struct defender *d)
{
	const struct field_desc field = file_field();
	const struct record_desc desc = {"admitted", sizeof(struct life_file), &field, 1, NULL};
	CLEANUP(buf_done) struct buf in = BUF_INIT(FILE_MAX);
	struct life_file f = {0};
	char path[512];

	int r = file_read(defender_path(d, FILE_NAME, path, sizeof(path)), &in);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = record_decode(&desc, &f, in.data, in.len);
	if (r < 0) {
		log_warn(r, "cannot read '%s', ignoring", path);
		return;
	}
	const struct ipc_admission *items = f.items.items;
	for (uint32_t i = 0; i < f.items.count; i++)
		take_in(d, &items[i]);
	record_done(&desc, &f);
}

void life_found(struct defender *d)
{
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));) {
		if (!e->life.ours)
			continue;
		uint32_t first = oldest(d, e);
		if (first)
			started(d, e, first, time_now());
		else
			ended(d, e, time_now());
	}
}

void life_close(struct defender *d)
{
	if (d->life_dirty)
		save(d);
}
