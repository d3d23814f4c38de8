/* SPDX-License-Identifier: Apache-2.0 */
/* Slots, chains and the order of forgetting: see process_table.h. */
#include "defender/process_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "defender/string_pool.h"

#define BUCKETS 65536u
#define TICK (NSEC_PER_SEC / 100) /* what /proc counts in (USER_HZ is part of the kernel's ABI) */

struct entry {
	uint64_t start, parent_start, exited;
	uint32_t pid, ppid, uid;
	uint32_t text;             /* in the pool */
	uint32_t chain;            /* next of the same bucket, or of the free list */
	uint32_t prev, next;       /* in its owner's list of living or of exited ones */
	uint32_t older, newer;     /* among all exited ones */
	uint16_t owner;
	bool used, coarse, truncated;
	uint16_t flags;
	char comm[16];
};

struct list {
	uint32_t first, last; /* 0 = empty */
};

struct owner {
	struct list living, exited;
	uint32_t alive, count;
};

struct process_table {
	struct process_table_config config;
	struct entry *entries; /* [0] is never used */
	uint32_t *buckets;
	struct owner *owners;
	struct string_pool *pool;
	struct list exited; /* all, oldest first */
	uint32_t fresh, free, count;
	struct process_counters counters;
};

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int process_table_new(struct process_table **ret, const struct process_table_config *config)
{
	CLEANUP(process_table_free) struct process_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->config = (struct process_table_config){
		.slots = config->slots ? config->slots : 65536,
		.per_owner = config->per_owner ? config->per_owner : 8192,
		.owners = config->owners ? config->owners : 4096,
		.chunks = config->chunks ? config->chunks : 196608,
		.keep_ns = config->keep_ns ? config->keep_ns : 600 * NSEC_PER_SEC,
	};
	t->fresh = 1;
	t->entries = map((t->config.slots + 1) * sizeof(*t->entries));
	t->buckets = map(BUCKETS * sizeof(*t->buckets));
	t->owners = map(t->config.owners * sizeof(*t->owners));
	if (!t->entries || !t->buckets || !t->owners)
		return -ENOMEM;
	int r = string_pool_new(&t->pool, t->config.chunks);
	if (r < 0)
		return r;
	*ret = take_ptr(t);
	return 0;
}

struct process_table *process_table_free(struct process_table *t)
{
	if (!t)
		return NULL;
	if (t->entries)
		munmap(t->entries, (t->config.slots + 1) * sizeof(*t->entries));
	if (t->buckets)
		munmap(t->buckets, BUCKETS * sizeof(*t->buckets));
	if (t->owners)
		munmap(t->owners, t->config.owners * sizeof(*t->owners));
	string_pool_free(t->pool);
	free(t);
	return NULL;
}

static uint32_t *bucket(const struct process_table *t, uint32_t pid)
{
	return &t->buckets[(pid * 2654435761u) % BUCKETS];
}

static bool same_start(const struct entry *e, uint64_t start, bool coarse)
{
	if (e->coarse || coarse)
		return e->start / TICK == start / TICK;
	return e->start == start;
}

static uint32_t find(const struct process_table *t, uint32_t pid, uint64_t start, bool coarse)
{
	uint32_t best = 0;

	for (uint32_t i = *bucket(t, pid); i; i = t->entries[i].chain) {
		const struct entry *e = &t->entries[i];
		if (e->pid != pid)
			continue;
		if (start) {
			if (same_start(e, start, coarse))
				return i;
		} else if (!e->exited) {
			return i;
		} else if (!best || e->start > t->entries[best].start) {
			best = i;
		}
	}
	return best;
}

static void owner_append(struct process_table *t, struct list *l, uint32_t i)
{
	struct entry *e = &t->entries[i];

	e->prev = l->last;
	e->next = 0;
	if (l->last)
		t->entries[l->last].next = i;
	else
		l->first = i;
	l->last = i;
}

static void owner_remove(struct process_table *t, struct list *l, uint32_t i)
{
	struct entry *e = &t->entries[i];

	if (e->prev)
		t->entries[e->prev].next = e->next;
	else
		l->first = e->next;
	if (e->next)
		t->entries[e->next].prev = e->prev;
	else
		l->last = e->prev;
}

static void exited_append(struct process_table *t, uint32_t i)
{
	struct entry *e = &t->entries[i];

	e->older = t->exited.last;
	e->newer = 0;
	if (t->exited.last)
		t->entries[t->exited.last].newer = i;
	else
		t->exited.first = i;
	t->exited.last = i;
}

static void exited_remove(struct process_table *t, uint32_t i)
{
	struct entry *e = &t->entries[i];

	if (e->older)
		t->entries[e->older].newer = e->newer;
	else
		t->exited.first = e->newer;
	if (e->newer)
		t->entries[e->newer].older = e->older;
	else
		t->exited.last = e->older;
}

static void forget(struct process_table *t, uint32_t i)
{
	struct entry *e = &t->entries[i];
	struct owner *o = &t->owners[e->owner];

	if (e->exited) {
		owner_remove(t, &o->exited, i);
		exited_remove(t, i);
	} else {
		owner_remove(t, &o->living, i);
		o->alive--;
	}
	o->count--;
	for (uint32_t *at = bucket(t, e->pid); *at; at = &t->entries[*at].chain) {
		if (*at == i) {
			*at = e->chain;
			break;
		}
	}
	string_pool_unref(t->pool, e->text);
	*e = (struct entry){.chain = t->free};
	t->free = i;
	t->count--;
}

static void mark_exited(struct process_table *t, uint32_t i, uint64_t now)
{
	struct entry *e = &t->entries[i];
	struct owner *o = &t->owners[e->owner];

	if (e->exited)
		return;
	owner_remove(t, &o->living, i);
	o->alive--;
	e->exited = now ? now : 1;
	owner_append(t, &o->exited, i);
	exited_append(t, i);
}

/* A place for one more of this owner: its own dead go first, then anybody's. */
static uint32_t take_slot(struct process_table *t, uint32_t owner)
{
	struct owner *o = &t->owners[owner];
	uint32_t victim = 0;

	if (o->count >= t->config.per_owner) {
		victim = o->exited.first;
		if (!victim)
			return 0;
	} else if (!t->free && t->fresh > t->config.slots) {
		victim = t->exited.first;
		if (!victim)
			return 0;
	}
	if (victim) {
		forget(t, victim);
		t->counters.evicted++;
	}
	uint32_t i = t->free;
	if (i)
		t->free = t->entries[i].chain;
	else
		i = t->fresh++;
	return i;
}

static uint32_t put_text(struct process_table *t, const struct process_facts *f)
{
	uint32_t n = f->text_size > PROCESS_TEXT_MAX ? PROCESS_TEXT_MAX : f->text_size;
	uint32_t text = string_pool_put(t->pool, f->text, n);

	while (!text && t->exited.first) {
		forget(t, t->exited.first);
		t->counters.evicted++;
		text = string_pool_put(t->pool, f->text, n);
	}
	if (!text)
		t->counters.textless++;
	return text;
}

static uint32_t insert(struct process_table *t, const struct process_facts *f)
{
	/* Whoever still seems to live under this pid left without our seeing it. */
	uint32_t old = find(t, f->pid, 0, false);
	if (old)
		mark_exited(t, old, f->start);
	uint32_t i = take_slot(t, f->owner);
	if (!i) {
		t->counters.refused++;
		return 0;
	}
	struct entry *e = &t->entries[i];
	uint32_t *b = bucket(t, f->pid);
	*e = (struct entry){.used = true, .pid = f->pid, .ppid = f->ppid, .start = f->start,
		.parent_start = f->parent_start, .owner = (uint16_t)f->owner, .coarse = f->coarse, .chain = *b};
	*b = i;
	uint32_t parent = find(t, f->ppid, f->parent_start, f->coarse);
	if (parent && parent != i) {
		if (!e->parent_start)
			e->parent_start = t->entries[parent].start;
		if (!f->text)
			e->text = string_pool_ref(t->pool, t->entries[parent].text);
		e->truncated = t->entries[parent].truncated;
		e->flags = t->entries[parent].flags;
	}
	struct owner *o = &t->owners[f->owner];
	owner_append(t, &o->living, i);
	o->alive++;
	o->count++;
	t->count++;
	return i;
}

int process_table_set(struct process_table *t, const struct process_facts *f)
{
	if (f->owner >= t->config.owners || !f->pid)
		return -EINVAL;
	uint32_t i = find(t, f->pid, f->start, f->coarse);
	if (i && t->entries[i].owner != f->owner) {
		/* Moved between containers (an exec session is forked by its runtime outside). */
		forget(t, i);
		i = 0;
	}
	if (!i)
		i = insert(t, f);
	if (!i)
		return -ENOSPC;
	struct entry *e = &t->entries[i];
	if (e->exited)
		return 0; /* news from before its end */
	if (e->coarse && !f->coarse) {
		e->coarse = false;
		e->start = f->start;
	}
	e->uid = f->uid;
	snprintf(e->comm, sizeof(e->comm), "%s", f->comm ? f->comm : "");
	if (f->text) {
		/* Exited entries may be evicted for room; a living one, such as this, never is. */
		uint32_t text = put_text(t, f);
		string_pool_unref(t->pool, e->text);
		e->text = text;
		e->truncated = f->truncated || f->text_size > PROCESS_TEXT_MAX;
		e->flags = f->flags;
	}
	return 0;
}

void process_table_exit(struct process_table *t, uint32_t pid, uint64_t start, uint64_t now)
{
	uint32_t i = find(t, pid, start, false);

	if (i)
		mark_exited(t, i, now);
}

void process_table_owner_gone(struct process_table *t, uint32_t owner, uint64_t now)
{
	if (owner >= t->config.owners)
		return;
	while (t->owners[owner].living.first)
		mark_exited(t, t->owners[owner].living.first, now);
}

void process_table_owner_forget(struct process_table *t, uint32_t owner)
{
	process_table_owner_gone(t, owner, 1);
	while (owner < t->config.owners && t->owners[owner].exited.first)
		forget(t, t->owners[owner].exited.first);
}

void process_table_expire(struct process_table *t, uint64_t now)
{
	while (t->exited.first && t->entries[t->exited.first].exited + t->config.keep_ns <= now)
		forget(t, t->exited.first);
}

static void view(const struct process_table *t, uint32_t i, struct process_view *ret)
{
	const struct entry *e = &t->entries[i];

	ret->pid = e->pid;
	ret->ppid = e->ppid;
	ret->start = e->start;
	ret->parent_start = e->parent_start;
	ret->exited = e->exited;
	ret->uid = e->uid;
	ret->owner = e->owner;
	ret->truncated = e->truncated;
	ret->flags = e->flags;
	memcpy(ret->comm, e->comm, sizeof(ret->comm));
	ret->text_size = (uint32_t)string_pool_get(t->pool, e->text, ret->text, PROCESS_TEXT_MAX);
	ret->text[ret->text_size] = 0;
}

bool process_table_get(const struct process_table *t, uint32_t pid, uint64_t start, struct process_view *ret)
{
	uint32_t i = find(t, pid, start, false);

	if (i)
		view(t, i, ret);
	return i != 0;
}

bool process_table_owner(const struct process_table *t, uint32_t pid, uint64_t start, uint32_t *ret)
{
	uint32_t i = find(t, pid, start, false);

	if (i)
		*ret = t->entries[i].owner;
	return i != 0;
}

bool process_table_next(const struct process_table *t, uint32_t owner, uint32_t *cursor, struct process_view *ret)
{
	if (owner >= t->config.owners)
		return false;
	uint32_t i = *cursor ? t->entries[*cursor].next : t->owners[owner].living.first;
	if (!i)
		return false;
	view(t, i, ret);
	*cursor = i;
	return true;
}

uint32_t process_table_living(const struct process_table *t, uint32_t owner)
{
	return owner < t->config.owners ? t->owners[owner].alive : 0;
}

uint32_t process_table_count(const struct process_table *t)
{
	return t->count;
}

void process_table_counters(const struct process_table *t, struct process_counters *ret)
{
	*ret = t->counters;
}
