/* SPDX-License-Identifier: Apache-2.0 */
/* Killing and remembering blocked containers: see block.h. */
#include "defender/block.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "defender/audit_text.h"
#include "defender/defender.h"
#include "defender/event.h"

#define BLOCKED_MAX 1024u
#define KILLS_MAX 64u
#define WAIT_INLINE_MS 3u /* what most containers take to die */
#define KILL_DEADLINE (10 * NSEC_PER_SEC)
#define FILE_MAX (4u << 20)
#define FILE_NAME "blocked.bin"

struct blocked_file {
	struct record_list items; /* struct blocked */
};

#define FIELD(tag_, type_, member_) {tag_, FIELD_##type_, #member_, offsetof(struct blocked, member_), NULL, NULL, NULL}
#define FIELD_E(tag_, member_, names_) {tag_, FIELD_ENUM, #member_, offsetof(struct blocked, member_), &names_, NULL, NULL}
static const struct field_desc blocked_fields[] = {
	FIELD(1, STR, id), FIELD(2, STR, name), FIELD(3, STR, image), FIELD(4, STR, rule), FIELD(5, STR, reason),
	FIELD_E(6, detection, detection_names), FIELD_E(7, evidence, evidence_names),
	FIELD_E(8, runtime, runtime_kind_names), FIELD(9, TIME, since), FIELD(10, TIME, until),
	FIELD(11, STR, pod), {12, FIELD_STR, "namespace", offsetof(struct blocked, namespace_), NULL, NULL, NULL},
};
static const struct record_desc blocked_desc = {"blocked", sizeof(struct blocked), blocked_fields,
	ARRAY_SIZE(blocked_fields), "A container that was blocked at run time"};
static const struct field_desc file_fields[] = {
	{1, FIELD_RECORDS, "items", offsetof(struct blocked_file, items), NULL, &blocked_desc, NULL},
};
static const struct record_desc file_desc = {"blocked_file", sizeof(struct blocked_file), file_fields,
	ARRAY_SIZE(file_fields), "All of them"};

struct blocked_list {
	uint32_t count;
	struct blocked items[BLOCKED_MAX];
};

/* A kill that has not emptied its cgroup yet. */
struct stopper {
	uint32_t count;
	struct {
		int cgroup; /* owned */
		uint32_t entry;
		uint64_t deadline;
	} kills[KILLS_MAX];
};

static void save(struct defender *d)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(FILE_MAX);
	struct blocked_file f = {.items = {.items = d->blocked->items, .count = d->blocked->count}};

	record_encode(&file_desc, &f, &out);
	defender_keep(d, FILE_NAME, &out, "blocked");
}

int block_open(struct defender *d)
{
	CLEANUP(buf_done) struct buf in = BUF_INIT(FILE_MAX);
	struct blocked_file f = {0};
	char path[512];

	d->blocked = calloc(1, sizeof(*d->blocked));
	d->stopper = calloc(1, sizeof(*d->stopper));
	if (!d->blocked || !d->stopper)
		return -ENOMEM;
	int r = file_read(defender_path(d, FILE_NAME, path, sizeof(path)), &in);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = record_decode(&file_desc, &f, in.data, in.len);
	if (r < 0) {
		log_warn(r, "cannot read '%s', ignoring", path);
		return 0;
	}
	struct blocked *items = f.items.items;
	for (uint32_t i = 0; i < f.items.count; i++) {
		bool use = items[i].id && items[i].rule && items[i].until > time_now() && d->blocked->count < BLOCKED_MAX;
		if (use)
			d->blocked->items[d->blocked->count++] = items[i];
		else
			record_done(&blocked_desc, &items[i]);
	}
	free(items);
	return 0;
}

void block_close(struct defender *d)
{
	for (uint32_t i = 0; d->blocked && i < d->blocked->count; i++)
		record_done(&blocked_desc, &d->blocked->items[i]);
	for (uint32_t i = 0; d->stopper && i < d->stopper->count; i++)
		fd_close(d->stopper->kills[i].cgroup);
	free(d->blocked);
	free(d->stopper);
	d->blocked = NULL;
	d->stopper = NULL;
}

void block_arm(struct defender *d)
{
	for (uint32_t i = 0; i < d->blocked->count; i++) {
		struct container_entry *e;
		if (container_table_make(d->containers, d->blocked->items[i].id, &e) < 0)
			continue;
		e->blocked = true;
		containers_assign(d, e);
	}
}

static struct blocked *find(const struct defender *d, const char *id)
{
	for (uint32_t i = 0; i < d->blocked->count; i++)
		if (strcmp(d->blocked->items[i].id, id) == 0)
			return &d->blocked->items[i];
	return NULL;
}

const struct blocked *block_find(const struct defender *d, const char *id)
{
	return find(d, id);
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

const struct blocked *block_of(const struct defender *d, const struct container *c)
{
	const struct blocked *b = find(d, c->id);

	for (uint32_t i = 0; i < d->blocked->count && !b && c->pod; i++) {
		const struct blocked *x = &d->blocked->items[i];
		if (same(x->pod, c->pod) && same(x->namespace_, c->namespace_) && same(x->name, c->name))
			b = x;
	}
	return b;
}

int block_kill(struct defender *d, struct container_entry *e, uint64_t cgroup)
{
	CLEANUP(fd_close) int fd = enforce_cgroup_open(d->enforcer, cgroup);

	if (fd == -ENOENT)
		return 0; /* the cgroup is gone, and all its processes before it */
	if (fd < 0)
		return fd;
	int r = enforce_kill_cgroup(d->enforcer, fd);
	if (r < 0)
		return r;
	r = enforce_wait_empty(d->enforcer, fd, WAIT_INLINE_MS);
	if (r != -ETIME)
		return r;
	if (d->stopper->count == KILLS_MAX)
		return -ENOBUFS;
	d->stopper->kills[d->stopper->count].cgroup = take_fd(fd);
	d->stopper->kills[d->stopper->count].entry = e->number;
	d->stopper->kills[d->stopper->count++].deadline = time_monotonic() + KILL_DEADLINE;
	return -EINPROGRESS;
}

static void end_kill(struct defender *d, uint32_t i)
{
	fd_close(d->stopper->kills[i].cgroup);
	d->stopper->kills[i] = d->stopper->kills[--d->stopper->count];
}

static void tick_kills(struct defender *d)
{
	for (uint32_t i = d->stopper->count; i-- > 0;) {
		int fd = d->stopper->kills[i].cgroup;
		if (enforce_wait_empty(d->enforcer, fd, 0) == 0) {
			end_kill(d, i);
			continue;
		}
		/* Whatever joined since the first kill (an exec session) dies as well. */
		enforce_kill_cgroup(d->enforcer, fd);
		if (time_monotonic() < d->stopper->kills[i].deadline)
			continue;
		const struct container_entry *e = container_table_by_number(d->containers, d->stopper->kills[i].entry);
		snprintf(d->scratch->message, sizeof(d->scratch->message),
			"container %s was blocked, but some of its processes do not end", e ? e->id : "?");
		audit_system(d, time_now(), time_now(), d->scratch->message);
		end_kill(d, i);
	}
}

/* The container stands open again. */
static void lift(struct defender *d, uint32_t i)
{
	struct container_entry *e = container_table_by_id(d->containers, d->blocked->items[i].id);

	record_done(&blocked_desc, &d->blocked->items[i]);
	d->blocked->items[i] = d->blocked->items[--d->blocked->count];
	d->blocked->items[d->blocked->count] = (struct blocked){0};
	if (!e)
		return;
	e->blocked = false;
	containers_assign(d, e);
	containers_publish(d, e);
}

void block_tick(struct defender *d)
{
	uint64_t now = time_now();
	bool changed = false;

	tick_kills(d);
	for (uint32_t i = d->blocked->count; i-- > 0;) {
		if (d->blocked->items[i].until > now)
			continue;
		lift(d, i);
		changed = true;
	}
	if (changed)
		save(d);
}

bool block_busy(const struct defender *d)
{
	return d->stopper->count != 0;
}

void block_review(struct defender *d)
{
	bool changed = false;

	for (uint32_t i = d->blocked->count; i-- > 0;) {
		const struct blocked *b = &d->blocked->items[i];
		const struct container_entry *e = container_table_by_id(d->containers, b->id);
		const struct runtime_rule *rule = e && e->named ? rules_of(d, e) : NULL;
		if (!e || !e->named || (rule && rule->effects[b->detection] == EFFECT_BLOCK))
			continue;
		/* Denied lists carry their effect themselves. */
		if (rule && strcmp(rule->name, b->rule) == 0 &&
			(rule->processes.effect == EFFECT_BLOCK || rule->network.effect == EFFECT_BLOCK))
			continue;
		lift(d, i);
		changed = true;
	}
	if (changed)
		save(d);
}

static void tell_gate(struct defender *d, const struct blocked *b)
{
	struct ipc_stop stop = {.container = b->id, .runtime = b->runtime, .reason = b->reason};

	if (d->gate)
		ipc_send(d->gate, IPC_STOP, 0, &stop);
}

void block_tell_gate(struct defender *d)
{
	for (uint32_t i = 0; i < d->blocked->count; i++)
		tell_gate(d, &d->blocked->items[i]);
}

static int fill(struct defender *d, struct blocked *b, const struct happening *h, const struct outcome *o)
{
	const struct container *info = &h->entry->info;
	char reason[1024];

	audit_text_message(o, &h->e, reason, sizeof(reason));
	b->detection = o->detection;
	b->evidence = o->evidence;
	b->runtime = info->runtime;
	b->since = time_now();
	b->until = b->since + d->config.block_ns;
	int r = str_set(&b->name, info->name);
	if (r == 0)
		r = str_set(&b->image, info->image);
	if (r == 0)
		r = str_set(&b->pod, info->pod);
	if (r == 0)
		r = str_set(&b->namespace_, info->namespace_);
	if (r == 0)
		r = str_set(&b->rule, o->rule[0] ? o->rule : "?");
	return r == 0 ? str_set(&b->reason, reason) : r;
}

void block_remember(struct defender *d, const struct happening *h, const struct outcome *o)
{
	struct container_entry *e = h->entry;
	struct blocked *b = find(d, e->id);
	bool known = b != NULL;

	if (!b && d->blocked->count == BLOCKED_MAX)
		lift(d, 0);
	if (!b)
		b = &d->blocked->items[d->blocked->count];
	int r = b->id ? 0 : str_set(&b->id, e->id);
	if (r == 0)
		r = fill(d, b, h, o);
	if (r < 0) {
		log_warn(r, "cannot remember that container %s is blocked", e->id);
		return;
	}
	d->blocked->count += !known;
	e->blocked = true;
	containers_assign(d, e);
	tell_gate(d, b);
	containers_publish(d, e);
	save(d);
}

void block_named(struct defender *d, const struct container_entry *e)
{
	struct blocked *b = find(d, e->id);

	if (!b || b->runtime == e->info.runtime)
		return;
	b->runtime = e->info.runtime;
	if (str_set(&b->name, e->info.name) < 0 || str_set(&b->image, e->info.image) < 0 ||
		str_set(&b->pod, e->info.pod) < 0 || str_set(&b->namespace_, e->info.namespace_) < 0)
		log_warn(-ENOMEM, "blocked container %s stays nameless", e->id);
	tell_gate(d, b);
	save(d);
}

uint32_t block_count(const struct defender *d)
{
	return d->blocked->count;
}
