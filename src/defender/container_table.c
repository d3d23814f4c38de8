/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and two chains: see container_table.h. */
#include "defender/container_table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/parse.h"

#define BUCKETS 8192u
#define ID_DIGITS 64u
#define PREFIX_MIN 4u

struct container_table {
	struct container_entry *entries; /* [0] is never used, so that 0 ends a chain */
	uint32_t by_id[BUCKETS], by_cgroup[BUCKETS];
	uint32_t top;   /* entries from here on were never used */
	uint32_t count;
	container_forget_fn *on_forget;
	void *ctx;
};

int container_table_new(struct container_table **ret, container_forget_fn *on_forget, void *ctx)
{
	CLEANUP(container_table_free) struct container_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->on_forget = on_forget;
	t->ctx = ctx;
	t->top = 1;
	/* Mapped, not filled: memory follows the number of containers. */
	void *mem = mmap(NULL, CONTAINERS_MAX * sizeof(*t->entries), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	t->entries = mem;
	*ret = take_ptr(t);
	return 0;
}

struct container_table *container_table_free(struct container_table *t)
{
	if (!t)
		return NULL;
	for (uint32_t i = 1; t->entries && i < t->top; i++) {
		record_done(&container_desc, &t->entries[i].info);
		free(t->entries[i].life.bundle);
	}
	if (t->entries)
		munmap(t->entries, CONTAINERS_MAX * sizeof(*t->entries));
	free(t);
	return NULL;
}

static uint32_t hash_id(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return h % BUCKETS;
}

static uint32_t hash_cgroup(uint64_t cgroup)
{
	return (uint32_t)((cgroup * 0x9e3779b97f4a7c15ull) >> 40) % BUCKETS;
}

struct container_entry *container_table_by_cgroup(const struct container_table *t, uint64_t cgroup)
{
	if (!cgroup)
		return NULL;
	for (uint32_t i = t->by_cgroup[hash_cgroup(cgroup)]; i; i = t->entries[i].cgroup_chain)
		if (t->entries[i].cgroup == cgroup)
			return &t->entries[i];
	return NULL;
}

struct container_entry *container_table_by_id(const struct container_table *t, const char *id)
{
	for (uint32_t i = t->by_id[hash_id(id)]; i; i = t->entries[i].id_chain)
		if (strcmp(t->entries[i].id, id) == 0)
			return &t->entries[i];
	return NULL;
}

struct container_entry *container_table_by_number(const struct container_table *t, uint32_t number)
{
	return number && number < t->top && t->entries[number].id[0] ? &t->entries[number] : NULL;
}

struct container_entry *container_table_search(const struct container_table *t, const char *what)
{
	struct container_entry *best = NULL;
	size_t n = strlen(what);

	for (uint32_t i = 1; i < t->top; i++) {
		struct container_entry *e = &t->entries[i];
		if (!e->id[0])
			continue;
		bool by_name = e->info.name && strcmp(e->info.name, what) == 0;
		bool by_id = n >= PREFIX_MIN && strncmp(e->id, what, n) == 0;
		if ((by_name || by_id || strcmp(e->id, what) == 0) && (!best || (best->gone && !e->gone)))
			best = e;
	}
	return best;
}

static void unchain(struct container_table *t, uint32_t *head, uint32_t number, bool by_id)
{
	for (uint32_t *at = head; *at;) {
		struct container_entry *e = &t->entries[*at];
		uint32_t *next = by_id ? &e->id_chain : &e->cgroup_chain;
		if (*at == number) {
			*at = *next;
			*next = 0;
			return;
		}
		at = next;
	}
}

void container_table_bind(struct container_table *t, struct container_entry *e, uint64_t cgroup)
{
	struct container_entry *other = container_table_by_cgroup(t, cgroup);

	if (other == e)
		return;
	if (other)
		container_table_bind(t, other, 0);
	if (e->cgroup)
		unchain(t, &t->by_cgroup[hash_cgroup(e->cgroup)], e->number, false);
	e->cgroup = cgroup;
	if (cgroup) {
		uint32_t *head = &t->by_cgroup[hash_cgroup(cgroup)];
		e->cgroup_chain = *head;
		*head = e->number;
	}
}

void container_table_forget(struct container_table *t, struct container_entry *e)
{
	uint32_t number = e->number;

	if (t->on_forget)
		t->on_forget(t->ctx, e);
	container_table_bind(t, e, 0);
	unchain(t, &t->by_id[hash_id(e->id)], number, true);
	record_done(&container_desc, &e->info);
	free(e->life.bundle);
	*e = (struct container_entry){.number = number};
	t->count--;
}

/* A slot never used, else a free one, else that of the container longest gone. */
static struct container_entry *take_slot(struct container_table *t)
{
	struct container_entry *oldest = NULL;

	if (t->count + 1 == t->top && t->top < CONTAINERS_MAX)
		return &t->entries[t->top++];
	for (uint32_t i = 1; i < t->top; i++) {
		struct container_entry *e = &t->entries[i];
		if (!e->id[0])
			return e;
		if (e->gone && (!oldest || e->gone < oldest->gone))
			oldest = e;
	}
	if (t->top < CONTAINERS_MAX)
		return &t->entries[t->top++];
	if (oldest)
		container_table_forget(t, oldest);
	return oldest;
}

int container_table_make(struct container_table *t, const char *id, struct container_entry **ret)
{
	struct container_entry *e = container_table_by_id(t, id);
	size_t n = strlen(id);

	if (n == 0 || n >= CONTAINER_ID_SIZE)
		return -EINVAL;
	if (!e) {
		e = take_slot(t);
		if (!e)
			return -ENOSPC;
		uint32_t *head = &t->by_id[hash_id(id)];
		*e = (struct container_entry){.number = (uint32_t)(e - t->entries), .rule = -1, .id_chain = *head};
		memcpy(e->id, id, n + 1);
		*head = e->number;
		t->count++;
	}
	*ret = e;
	return 0;
}

int container_table_name(struct container_table *t, struct container_entry *e, const struct container *info)
{
	struct container copy = {0};
	int r = record_copy(&container_desc, &copy, info);

	if (r < 0)
		return r;
	record_done(&container_desc, &e->info);
	e->info = copy;
	e->named = true;
	return 0;
}

void container_table_expire(struct container_table *t, uint64_t boot_ns)
{
	for (uint32_t i = 1; i < t->top; i++)
		if (t->entries[i].id[0] && t->entries[i].gone && t->entries[i].gone < boot_ns)
			container_table_forget(t, &t->entries[i]);
}

struct container_entry *container_table_next(const struct container_table *t, uint32_t *cursor)
{
	for (uint32_t i = *cursor + 1; i < t->top; i++) {
		if (t->entries[i].id[0]) {
			*cursor = i;
			return &t->entries[i];
		}
	}
	return NULL;
}

uint32_t container_table_count(const struct container_table *t)
{
	return t->count;
}

bool container_id_from_leaf(const char *leaf, char out[CONTAINER_ID_SIZE])
{
	static const char *const monitors[] = {"libpod-conmon-", "crio-conmon-"};
	size_t run = 0;

	for (size_t i = 0; i < sizeof(monitors) / sizeof(monitors[0]); i++)
		if (str_has_prefix(leaf, monitors[i]))
			return false;
	for (const char *p = leaf;; p++) {
		if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f')) {
			run++;
			continue;
		}
		if (run == ID_DIGITS) {
			memcpy(out, p - ID_DIGITS, ID_DIGITS);
			out[ID_DIGITS] = 0;
			return true;
		}
		run = 0;
		if (!*p)
			return false;
	}
}
