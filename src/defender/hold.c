/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of variable records: see hold.h. */
#include "defender/hold.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

struct item {
	uint32_t room; /* bytes to the next item; the data follows this header */
	uint32_t size;
	bool done; /* released, or padding at the end of the memory */
	uint64_t cgroup;
	uint64_t until;
};

struct hold {
	uint8_t *memory;
	uint32_t bytes;
	uint32_t head, used; /* first item, bytes taken */
	uint32_t waiting;
	uint64_t keep_ns, early;
	bool releasing;
	hold_release_fn *fn;
	void *ctx;
};

int hold_new(struct hold **ret, uint32_t bytes, uint64_t keep_ns, hold_release_fn *fn, void *ctx)
{
	CLEANUP(hold_free) struct hold *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*h = (struct hold){.bytes = bytes & ~63u, .keep_ns = keep_ns, .fn = fn, .ctx = ctx};
	void *mem = mmap(NULL, h->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	h->memory = mem;
	*ret = take_ptr(h);
	return 0;
}

struct hold *hold_free(struct hold *h)
{
	if (!h)
		return NULL;
	if (h->memory)
		munmap(h->memory, h->bytes);
	free(h);
	return NULL;
}

static struct item *item_at(struct hold *h, uint32_t offset)
{
	return (struct item *)(void *)(h->memory + offset);
}

static void pop_done(struct hold *h)
{
	while (h->used && item_at(h, h->head)->done) {
		uint32_t room = item_at(h, h->head)->room;
		h->head = (h->head + room) % h->bytes;
		h->used -= room;
	}
	if (!h->used)
		h->head = 0;
}

static void release_item(struct hold *h, struct item *i)
{
	i->done = true;
	h->waiting--;
	h->fn(h->ctx, i + 1, i->size);
}

static void release_oldest(struct hold *h)
{
	release_item(h, item_at(h, h->head));
	pop_done(h);
}

int hold_put(struct hold *h, uint64_t cgroup, uint64_t now, const void *data, uint32_t size)
{
	uint32_t room = ((uint32_t)sizeof(struct item) + size + 63) & ~63u;

	if (room > h->bytes / 2 || h->releasing)
		return -E2BIG;
	h->releasing = true;
	for (;;) {
		uint32_t tail = (h->head + h->used) % h->bytes;
		uint32_t to_end = h->bytes - tail;
		uint32_t need = to_end < room ? to_end + room : room;
		if (h->bytes - h->used < need) {
			h->early++;
			release_oldest(h);
			continue;
		}
		if (to_end < room) {
			*item_at(h, tail) = (struct item){.room = to_end, .done = true};
			h->used += to_end;
			pop_done(h);
			continue;
		}
		struct item *i = item_at(h, tail);
		*i = (struct item){.room = room, .size = size, .cgroup = cgroup, .until = now + h->keep_ns};
		memcpy(i + 1, data, size);
		h->used += room;
		h->waiting++;
		break;
	}
	h->releasing = false;
	return 0;
}

static void release_where(struct hold *h, uint64_t cgroup, uint64_t now)
{
	if (!h->waiting || h->releasing)
		return;
	h->releasing = true;
	for (uint32_t at = h->head, left = h->used; left;) {
		struct item *i = item_at(h, at);
		uint32_t room = i->room;
		if (!i->done && (cgroup ? i->cgroup == cgroup : i->until <= now))
			release_item(h, i);
		at = (at + room) % h->bytes;
		left -= room;
	}
	pop_done(h);
	h->releasing = false;
}

void hold_release(struct hold *h, uint64_t cgroup)
{
	release_where(h, cgroup, 0);
}

void hold_expire(struct hold *h, uint64_t now)
{
	release_where(h, 0, now);
}

uint32_t hold_count(const struct hold *h)
{
	return h->waiting;
}

uint64_t hold_early(const struct hold *h)
{
	return h->early;
}
