/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of one engine, by id, and which of them changed since somebody asked. Everything
 * in it comes from the engine and through it from users of containers: every text has a cap, the
 * number of containers too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "model/records.h"

#define INVENTORY_CONTAINERS_MAX 20000
#define INVENTORY_ID_MAX 128
#define INVENTORY_NAME_MAX 256
#define INVENTORY_IMAGE_MAX 512
#define INVENTORY_LABELS_MAX 256	/* of one container */
#define INVENTORY_LABEL_MAX 4096	/* bytes of a key, of a value */
#define INVENTORY_LABEL_BYTES_MAX 65536 /* of all labels of one container */
#define INVENTORY_LIST_MAX 64		/* addresses, networks */

struct inventory_entry {
	struct container container;
	/* The engine's own book-keeping. */
	unsigned generation; /* of the connection that last confirmed it */
	unsigned changes;    /* events seen, so that an older answer is not taken for a newer one */
	unsigned asked;	     /* `changes` when the question in flight was sent */
	bool asking;	     /* a question is in flight */
	bool ask_again;	     /* something changed since */
	bool awaited;	     /* the first picture is not complete without it */
	bool idle;	     /* no task of it was seen in this picture (containerd) */
	char *scope;	     /* containerd's namespace */
	char *image_ref;     /* image as the engine's user named it */
	char *image_id;	     /* NULL = not known yet */
	/* The inventory's. */
	bool changed, gone;
	TAILQ_ENTRY(inventory_entry) link, changed_link;
};

struct inventory;

int inventory_new(struct inventory **ret);
struct inventory *inventory_free(struct inventory *v);
CLEANUP_DEFINE(struct inventory, inventory_free)

/* May this be an id? Ids go into URLs and are compared with names of cgroups. */
bool inventory_id_ok(const char *id);
struct inventory_entry *inventory_find(const struct inventory *v, const char *id);
/*
 * Finds or makes. -EINVAL: not an id; -ENOSPC: full of containers that are not finished (counted);
 * -ENOMEM. When full, a finished container makes room.
 */
int inventory_get(struct inventory *v, const char *id, enum runtime_kind runtime,
	struct inventory_entry **ret);
/* To be handed out by inventory_take(). */
void inventory_touch(struct inventory *v, struct inventory_entry *e);
void inventory_touch_all(struct inventory *v);
/* State `removed`; forgotten once handed out. */
void inventory_remove(struct inventory *v, struct inventory_entry *e);
struct inventory_entry *inventory_first(const struct inventory *v);
struct inventory_entry *inventory_next(const struct inventory_entry *e); /* skips removed ones */
/* The next changed container, NULL when there is none; valid until the next call of any function.
 */
const struct container *inventory_take(struct inventory *v);
bool inventory_has_changes(const struct inventory *v);
size_t inventory_count(const struct inventory *v);
unsigned inventory_refused(const struct inventory *v); /* containers that found no room */

/* Copies at most max - 1 bytes, cut between characters, control characters replaced by '?'.
 * -ENOMEM. */
int inventory_set_text(char **field, const char *text, size_t max);
/* An engine's event and its answer give the same moment some milliseconds apart: the first one
 * stays. */
void inventory_set_time(uint64_t *field, uint64_t wall_ns);
/* Adds one label within the caps; what is beyond them is left out. -ENOMEM. */
int inventory_add_label(struct container *c, const char *key, const char *value);
/* Pod and namespace of a Kubernetes container, compose project: from the well-known labels.
 * -ENOMEM. */
int inventory_name_from_labels(struct container *c);
int inventory_add_item(struct str_list *list, const char *text, size_t max);
