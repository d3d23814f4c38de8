/* SPDX-License-Identifier: Apache-2.0 */
/* Chained chunks: see string_pool.h. */
#include "defender/string_pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK 64u
#define HEAD_ROOM 52u
#define MORE_ROOM 60u

struct chunk {
	uint32_t next; /* of the text, or of the free list; 0 = the end */
	union {
		struct {
			uint32_t refs;
			uint32_t size; /* of the whole text */
			uint8_t data[HEAD_ROOM];
		} head;
		uint8_t more[MORE_ROOM];
	};
};
_Static_assert(sizeof(struct chunk) == CHUNK, "chunks fill whole cache lines");

struct string_pool {
	struct chunk *chunks; /* [0] is never used, so that 0 can mean none */
	uint32_t count;
	uint32_t fresh; /* chunks from here on were never used */
	uint32_t free;  /* list of returned ones, last in first out: few pages stay warm */
	uint32_t used;
};

int string_pool_new(struct string_pool **ret, uint32_t chunks)
{
	CLEANUP(string_pool_free) struct string_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->count = chunks + 1;
	p->fresh = 1;
	void *mem = mmap(NULL, (size_t)p->count * CHUNK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	p->chunks = mem;
	*ret = take_ptr(p);
	return 0;
}

struct string_pool *string_pool_free(struct string_pool *p)
{
	if (!p)
		return NULL;
	if (p->chunks)
		munmap(p->chunks, (size_t)p->count * CHUNK);
	free(p);
	return NULL;
}

static uint32_t take_chunk(struct string_pool *p)
{
	uint32_t c = p->free;

	if (c)
		p->free = p->chunks[c].next;
	else
		c = p->fresh++;
	p->chunks[c].next = 0;
	p->used++;
	return c;
}

uint32_t string_pool_put(struct string_pool *p, const void *text, size_t n)
{
	const uint8_t *from = text;
	size_t room = HEAD_ROOM;
	uint32_t need = n <= HEAD_ROOM ? 1 : 1 + (uint32_t)((n - HEAD_ROOM + MORE_ROOM - 1) / MORE_ROOM);

	if (n > STRING_POOL_TEXT_MAX || need > p->count - 1 - p->used)
		return 0;
	uint32_t first = take_chunk(p), c = first;
	uint8_t *to = p->chunks[c].head.data;
	p->chunks[c].head.refs = 1;
	p->chunks[c].head.size = (uint32_t)n;
	for (;;) {
		size_t part = n < room ? n : room;
		if (part)
			memcpy(to, from, part);
		from += part;
		n -= part;
		if (!n)
			return first;
		uint32_t next = take_chunk(p);
		p->chunks[c].next = next;
		c = next;
		to = p->chunks[c].more;
		room = MORE_ROOM;
	}
}

uint32_t string_pool_ref(struct string_pool *p, uint32_t handle)
{
	if (handle)
		p->chunks[handle].head.refs++;
	return handle;
}

void string_pool_unref(struct string_pool *p, uint32_t handle)
{
	if (!handle || --p->chunks[handle].head.refs)
		return;
	for (uint32_t c = handle; c;) {
		uint32_t next = p->chunks[c].next;
		p->chunks[c].next = p->free;
		p->free = c;
		p->used--;
		c = next;
	}
}

size_t string_pool_get(const struct string_pool *p, uint32_t handle, void *out, size_t size)
{
	size_t done = 0, room = HEAD_ROOM;

	if (!handle)
		return 0;
	const uint8_t *from = p->chunks[handle].head.data;
	size_t n = p->chunks[handle].head.size;
	if (n > size)
		n = size;
	for (uint32_t c = handle; done < n;) {
		size_t part = n - done < room ? n - done : room;
		memcpy((uint8_t *)out + done, from, part);
		done += part;
		c = p->chunks[c].next;
		from = p->chunks[c].more;
		room = MORE_ROOM;
	}
	return n;
}

uint32_t string_pool_used(const struct string_pool *p)
{
	return p->used;
}
