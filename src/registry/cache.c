/* SPDX-License-Identifier: Apache-2.0 */
/* Answers kept for a while: a list, newest first, bounded in entries and bytes. */
#include <errno.h>
#include <string.h>

#include "registry/registry.h"

struct entry {
	struct entry *next;
	char *key;
	struct buf answer;
	uint64_t expires;
};

struct cache {
	struct entry *first;
	unsigned count, max_count;
	size_t bytes, max_bytes;
};

int cache_new(struct cache **ret, unsigned entries, size_t bytes)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct cache){.max_count = entries, .max_bytes = bytes};
	*ret = c;
	return 0;
}

/* Takes out the entry that the link points to. */
static void drop(struct cache *c, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	c->count--;
	c->bytes -= e->answer.len;
	buf_done(&e->answer);
	free(e->key);
	free(e);
}

struct cache *cache_free(struct cache *c)
{
	while (c && c->first)
		drop(c, &c->first);
	free(c);
	return NULL;
}

const struct buf *cache_find(struct cache *c, const char *key, uint64_t now)
{
	for (struct entry **link = &c->first; *link;) {
		if ((*link)->expires <= now)
			drop(c, link);
		else if (strcmp((*link)->key, key) == 0)
			return &(*link)->answer;
		else
			link = &(*link)->next;
	}
	return NULL;
}

static void drop_last(struct cache *c)
{
	struct entry **link = &c->first;

	while ((*link)->next)
		link = &(*link)->next;
	drop(c, link);
}

void cache_put(struct cache *c, const char *key, const struct buf *answer, uint64_t expires)
{
	for (struct entry **link = &c->first; *link; link = &(*link)->next)
		if (strcmp((*link)->key, key) == 0) {
			drop(c, link);
			break;
		}
	if (answer->len > c->max_bytes)
		return;
	while (c->first && (c->count >= c->max_count || c->bytes + answer->len > c->max_bytes))
		drop_last(c);
	struct entry *e = calloc(1, sizeof(*e));
	char *copy = strdup(key);
	if (!e || !copy) {
		free(e);
		free(copy);
		return; /* not kept, that is all */
	}
	*e = (struct entry){.next = c->first, .key = copy, .answer = BUF_INIT(answer->len + 1), .expires = expires};
	buf_put(&e->answer, answer->data, answer->len);
	if (e->answer.failed) {
		buf_done(&e->answer);
		free(copy);
		free(e);
		return;
	}
	c->first = e;
	c->count++;
	c->bytes += e->answer.len;
}
