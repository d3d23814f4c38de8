/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of one engine: see inventory.h. */
#include "runtime/inventory.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/clock.h"

#define SAME_MOMENT (5 * NSEC_PER_SEC)

TAILQ_HEAD(entry_list, inventory_entry);

struct inventory {
	void *by_id; /* tree of tsearch() */
	struct entry_list all, changed;
	struct inventory_entry *taken; /* handed out and gone: freed at the next call */
	size_t count;
	unsigned refused;
};

static int compare_ids(const void *a, const void *b)
{
	const struct inventory_entry *x = a, *y = b;

	return strcmp(x->container.id, y->container.id);
}

static struct inventory_entry *entry_free(struct inventory_entry *e)
{
	if (!e)
		return NULL;
	record_done(&container_desc, &e->container);
	free(e->scope);
	free(e->image_ref);
	free(e->image_id);
	free(e);
	return NULL;
}
CLEANUP_DEFINE(struct inventory_entry, entry_free)

int inventory_new(struct inventory **ret)
{
	struct inventory *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	TAILQ_INIT(&v->all);
	TAILQ_INIT(&v->changed);
	*ret = v;
	return 0;
}

static void forget(struct inventory *v, struct inventory_entry *e)
{
	if (!e->gone)
		tdelete(e, &v->by_id, compare_ids);
	TAILQ_REMOVE(&v->all, e, link);
	if (e->changed)
		TAILQ_REMOVE(&v->changed, e, changed_link);
	v->count--;
	entry_free(e);
}

static void drop_taken(struct inventory *v)
{
	if (v->taken)
		forget(v, take_ptr(v->taken));
}

struct inventory *inventory_free(struct inventory *v)
{
	struct inventory_entry *e;

	if (!v)
		return NULL;
	while ((e = TAILQ_FIRST(&v->all)))
		forget(v, e);
	free(v);
	return NULL;
}

bool inventory_id_ok(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= INVENTORY_ID_MAX && !id[n] && id[0] != '.';
}

struct inventory_entry *inventory_find(const struct inventory *v, const char *id)
{
	struct inventory_entry key = {.container.id = (char *)(uintptr_t)id};
	struct inventory_entry **found = tfind(&key, &v->by_id, compare_ids);

	return found ? *found : NULL;
}

/* Room for a new one: the oldest finished container goes. */
static int make_room(struct inventory *v)
{
	struct inventory_entry *e;

	if (v->count < INVENTORY_CONTAINERS_MAX)
		return 0;
	TAILQ_FOREACH(e, &v->all, link)
	{
		if (e->container.state == CONTAINER_EXITED && !e->changed && !e->asking) {
			forget(v, e);
			return 0;
		}
	}
	v->refused++;
	return -ENOSPC;
}

int inventory_get(struct inventory *v, const char *id, enum runtime_kind runtime,
	struct inventory_entry **ret)
{
	drop_taken(v);
	if (!inventory_id_ok(id))
		return -EINVAL;
	struct inventory_entry *found = inventory_find(v, id);
	if (found) {
		*ret = found;
		return 0;
	}
	int r = make_room(v);
	if (r < 0)
		return r;
	CLEANUP(entry_free) struct inventory_entry *e = calloc(1, sizeof(*e));
	if (!e || str_set(&e->container.id, id) < 0 || !tsearch(e, &v->by_id, compare_ids))
		return -ENOMEM;
	e->container.runtime = runtime;
	TAILQ_INSERT_TAIL(&v->all, e, link);
	v->count++;
	*ret = take_ptr(e);
	return 0;
}

void inventory_touch(struct inventory *v, struct inventory_entry *e)
{
	if (e->changed)
		return;
	e->changed = true;
	TAILQ_INSERT_TAIL(&v->changed, e, changed_link);
}

void inventory_touch_all(struct inventory *v)
{
	struct inventory_entry *e;

	drop_taken(v);
	TAILQ_FOREACH(e, &v->all, link)
	inventory_touch(v, e);
}

void inventory_remove(struct inventory *v, struct inventory_entry *e)
{
	if (e->gone)
		return;
	tdelete(e, &v->by_id, compare_ids); /* the id is free for another one from now on */
	e->gone = true;
	e->container.state = CONTAINER_REMOVED;
	e->container.pid = 0;
	inventory_touch(v, e);
}

static struct inventory_entry *present(struct inventory_entry *e)
{
	while (e && e->gone)
		e = TAILQ_NEXT(e, link);
	return e;
}

struct inventory_entry *inventory_first(const struct inventory *v)
{
	return present(TAILQ_FIRST(&v->all));
}

struct inventory_entry *inventory_next(const struct inventory_entry *e)
{
	return present(TAILQ_NEXT(e, link));
}

const struct container *inventory_take(struct inventory *v)
{
	drop_taken(v);
	struct inventory_entry *e = TAILQ_FIRST(&v->changed);

	if (!e)
		return NULL;
	TAILQ_REMOVE(&v->changed, e, changed_link);
	e->changed = false;
	if (e->gone)
		v->taken = e;
	return &e->container;
}

bool inventory_has_changes(const struct inventory *v)
{
	return !TAILQ_EMPTY(&v->changed);
}

size_t inventory_count(const struct inventory *v)
{
	return v->count;
}

unsigned inventory_refused(const struct inventory *v)
{
	return v->refused;
}

/* Copy without control characters, at most max - 1 bytes, never half a UTF-8 sequence at the end.
 */
static char *text_copy(const char *text, size_t max)
{
	size_t n = strnlen(text, max);

	if (n == max) {
		n = max - 1;
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	char *copy = strndup(text, n);
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

int inventory_set_text(char **field, const char *text, size_t max)
{
	char *copy = NULL;

	if (text && *text && !(copy = text_copy(text, max)))
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

void inventory_set_time(uint64_t *field, uint64_t wall_ns)
{
	uint64_t apart = *field > wall_ns ? *field - wall_ns : wall_ns - *field;

	if (apart > SAME_MOMENT)
		*field = wall_ns;
}

static size_t label_bytes(const struct kv_list *l)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->count; i++)
		n += strlen(l->items[i].key) + strlen(l->items[i].value);
	return n;
}

int inventory_add_label(struct container *c, const char *key, const char *value)
{
	size_t size = strnlen(key, INVENTORY_LABEL_MAX) + strnlen(value, INVENTORY_LABEL_MAX);

	if (!*key || c->labels.count >= INVENTORY_LABELS_MAX || kv_list_get(&c->labels, key) ||
		label_bytes(&c->labels) + size > INVENTORY_LABEL_BYTES_MAX)
		return 0;
	CLEANUP(free) char *k = text_copy(key, INVENTORY_LABEL_MAX);
	CLEANUP(free) char *v = text_copy(value, INVENTORY_LABEL_MAX);
	return k && v ? kv_list_add(&c->labels, k, v) : -ENOMEM;
}

int inventory_name_from_labels(struct container *c)
{
	static const struct {
		const char *label;
		size_t field;
	} named[] = {
		{"io.kubernetes.pod.name", offsetof(struct container, pod)},
		{"io.kubernetes.pod.namespace", offsetof(struct container, namespace_)},
		{"com.docker.compose.project", offsetof(struct container, compose_project)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		const char *value = kv_list_get(&c->labels, named[i].label);
		char **field = (char **)(void *)((char *)c + named[i].field);
		if (value && inventory_set_text(field, value, INVENTORY_NAME_MAX) < 0)
			return -ENOMEM;
	}
	return 0;
}

int inventory_add_item(struct str_list *list, const char *text, size_t max)
{
	if (!text || !*text || list->count >= INVENTORY_LIST_MAX)
		return 0;
	CLEANUP(free) char *copy = text_copy(text, max);
	return copy ? str_list_add(list, copy) : -ENOMEM;
}
