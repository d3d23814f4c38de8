/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker calls its images: see docker_images.h. */
#include "runtime/docker_images.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/parse.h"
#include "policy/policy.h"

#define ID_PREFIX "sha256:"

struct image {
	char *id;
	char *digest;	      /* "sha256:..." of the first repository digest, NULL = none */
	struct str_list tags; /* canonical */
	struct str_list digests; /* all of them */
	struct str_list layers;	 /* diff ids; only an answer about this one image tells them */
	bool complete, asked;	 /* it did; it was asked for */
};

struct docker_images {
	void *by_id; /* tree of tsearch() */
	size_t count;
};

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->id, ((const struct image *)b)->id);
}

static struct image *image_free(struct image *i)
{
	if (!i)
		return NULL;
	free(i->id);
	free(i->digest);
	str_list_done(&i->tags);
	str_list_done(&i->digests);
	str_list_done(&i->layers);
	free(i);
	return NULL;
}
CLEANUP_DEFINE(struct image, image_free)

static void image_destroy(void *i)
{
	image_free(i);
}

int docker_images_new(struct docker_images **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct docker_images *docker_images_free(struct docker_images *m)
{
	if (m)
		tdestroy(m->by_id, image_destroy);
	free(m);
	return NULL;
}

bool docker_images_id_ok(const char *id)
{
	return str_has_prefix(id, ID_PREFIX) && strlen(id) == strlen(ID_PREFIX) + 64 &&
	       str_is_hex(id + strlen(ID_PREFIX), 64);
}

static struct image *find(const struct docker_images *m, const char *id)
{
	struct image key = {.id = (char *)(uintptr_t)id};
	struct image **found = id ? tfind(&key, &m->by_id, compare_ids) : NULL;

	return found ? *found : NULL;
}

bool docker_images_has(const struct docker_images *m, const char *id)
{
	return find(m, id) != NULL;
}

bool docker_images_look(struct docker_images *m, const char *id)
{
	struct image *i = find(m, id);
	bool now = i && !i->complete && !i->asked;

	if (now)
		i->asked = true;
	return now;
}

void docker_images_drop(struct docker_images *m, const char *id)
{
	struct image *i = find(m, id);

	if (!i)
		return;
	tdelete(i, &m->by_id, compare_ids);
	m->count--;
	image_free(i);
}

static int add_tag(struct image *i, const char *tag)
{
	char canonical[INVENTORY_IMAGE_MAX];

	/* Docker writes "<none>:<none>" for an image without a name. */
	if (!*tag || tag[0] == '<' || i->tags.count >= DOCKER_IMAGE_TAGS_MAX)
		return 0;
	return inventory_add_item(
		&i->tags, image_canonical(tag, canonical, sizeof(canonical)), sizeof(canonical));
}

/* The layers of an image never change: a list of images, which does not tell them, takes none away. */
static int add_layers(const struct docker_images *m, struct image *i, const struct json *image)
{
	struct image *before = find(m, i->id);
	int r = 0;

	for (const struct json *j = json_first(json_path(image, "RootFS.Layers")); j && r == 0; j = json_next(j))
		if (docker_images_id_ok(json_str(j, "")))
			r = inventory_add_item(&i->layers, json_str(j, ""), INVENTORY_ID_MAX);
	i->complete = json_is_object(json_get(image, "RootFS")) || (before && before->complete);
	if (!i->layers.count && before) {
		i->layers = before->layers;
		before->layers = (struct str_list){0};
	}
	return r;
}

int docker_images_put(struct docker_images *m, const struct json *image)
{
	CLEANUP(image_free) struct image *i = NULL;
	const char *id = json_get_str(image, "Id", "");
	const struct json *digests = json_get(image, "RepoDigests");
	int r = 0;

	if (!docker_images_id_ok(id))
		return -EBADMSG;
	i = calloc(1, sizeof(*i));
	if (!i || str_set(&i->id, id) < 0)
		return -ENOMEM;
	r = add_layers(m, i, image);
	docker_images_drop(m, id);
	if (m->count >= DOCKER_IMAGES_MAX)
		return -ENOSPC;
	for (const struct json *j = json_first(json_get(image, "RepoTags")); j && r == 0;
		j = json_next(j))
		r = add_tag(i, json_str(j, ""));
	for (const struct json *j = json_first(digests); j && r == 0; j = json_next(j)) {
		const char *text = json_str(j, ""), *at = strrchr(text, '@');
		if (!at || !docker_images_id_ok(at + 1))
			continue;
		if (!i->digest)
			r = str_set(&i->digest, at + 1);
		if (r == 0)
			r = inventory_add_item(&i->digests, at + 1, INVENTORY_ID_MAX);
		if (r == 0 && !i->tags.count)
			r = add_tag(i, text);
	}
	if (r < 0)
		return r;
	if (!tsearch(i, &m->by_id, compare_ids))
		return -ENOMEM;
	m->count++;
	take_ptr(i);
	return 0;
}

struct claim {
	const char *canonical;
	const struct image *by;
};

static void take_tag(const void *node, VISIT visit, void *ctx)
{
	struct image *i = *(struct image *const *)node;
	const struct claim *c = ctx;
	uint32_t kept = 0;

	if ((visit != postorder && visit != leaf) || i == c->by)
		return;
	for (uint32_t t = 0; t < i->tags.count; t++) {
		if (strcmp(i->tags.items[t], c->canonical) == 0)
			free(i->tags.items[t]);
		else
			i->tags.items[kept++] = i->tags.items[t];
	}
	i->tags.count = kept;
}

int docker_images_learn(struct docker_images *m, const struct json *image)
{
	int r = docker_images_put(m, image);
	const struct image *i = r == 0 ? find(m, json_get_str(image, "Id", "")) : NULL;

	for (uint32_t t = 0; i && t < i->tags.count; t++)
		twalk_r(m->by_id, take_tag, &(struct claim){i->tags.items[t], i});
	return r;
}

static int add_unknown(struct docker_images *m, const char *id, struct image **ret)
{
	CLEANUP(image_free) struct image *i = calloc(1, sizeof(*i));

	if (m->count >= DOCKER_IMAGES_MAX)
		return -ENOSPC;
	if (!i || str_set(&i->id, id) < 0 || !tsearch(i, &m->by_id, compare_ids))
		return -ENOMEM;
	m->count++;
	*ret = take_ptr(i);
	return 0;
}

int docker_images_tag(struct docker_images *m, const char *name, const char *id)
{
	char canonical[INVENTORY_IMAGE_MAX];
	struct image *i = id ? find(m, id) : NULL;
	struct claim c = {.canonical = image_canonical(name, canonical, sizeof(canonical))};
	int r = id && !i ? add_unknown(m, id, &i) : 0;

	/* Also where there is no room: what the name meant before it does not mean any more. */
	twalk_r(m->by_id, take_tag, &c);
	return r == 0 && i ? add_tag(i, name) : r;
}

/* Is `ref` the id of this image, or the beginning of it, as a user may type it? */
static bool names_by_id(const char *ref, const char *id)
{
	if (str_has_prefix(ref, ID_PREFIX))
		ref += strlen(ID_PREFIX);
	size_t n = strlen(ref);
	return n >= 1 && n <= 64 && str_is_hex(ref, n) &&
	       str_has_prefix(id + strlen(ID_PREFIX), ref);
}

struct search {
	const char *ref, *canonical;
	const struct image *by_id;
	bool ambiguous, tagged;
};

static void look_at(const void *node, VISIT visit, void *ctx)
{
	const struct image *i = *(struct image *const *)node;
	struct search *s = ctx;

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t t = 0; t < i->tags.count; t++)
		s->tagged |= strcmp(i->tags.items[t], s->canonical) == 0;
	if (names_by_id(s->ref, i->id)) {
		s->ambiguous |= s->by_id != NULL;
		s->by_id = i;
	}
}

/* The image that a reference without a known id means, when it means one by its id. */
static const struct image *find_by_ref(
	const struct docker_images *m, const char *ref, const char *canonical)
{
	struct search s = {.ref = ref, .canonical = canonical};
	const char *hex = str_has_prefix(ref, ID_PREFIX) ? ref + strlen(ID_PREFIX) : ref;
	size_t n = strlen(hex);

	if (!n || n > 64 || !str_is_hex(hex, n))
		return NULL;
	twalk_r(m->by_id, look_at, &s);
	return s.tagged || s.ambiguous ? NULL
				       : s.by_id; /* a tag that looks like an id goes first */
}

int docker_images_resolve(const struct docker_images *m, struct inventory_entry *e)
{
	char canonical[INVENTORY_IMAGE_MAX];
	struct container *c = &e->container;
	const struct image *known = find(m, e->image_id);

	if (!e->image_ref)
		return 0;
	const char *name = image_canonical(e->image_ref, canonical, sizeof(canonical));
	if (!e->image_id)
		known = find_by_ref(m, e->image_ref, canonical);
	/* The tag wins over the id also here: an image named "cafe" may be run as "cafe". */
	bool by_id = known && names_by_id(e->image_ref, known->id);
	for (uint32_t t = 0; by_id && t < known->tags.count; t++)
		by_id = strcmp(known->tags.items[t], canonical) != 0;
	if (by_id)
		name = known->tags.count ? known->tags.items[0] : known->id;
	else if (str_has_prefix(e->image_ref, ID_PREFIX))
		name = e->image_ref;
	int r = inventory_set_text(&c->image, name, INVENTORY_IMAGE_MAX);
	if (r == 0 && (known || e->image_id))
		r = inventory_set_text(&c->digest,
			known && known->digest ? known->digest
			: known		       ? known->id
					       : e->image_id,
			INVENTORY_ID_MAX);
	return r;
}

struct name_search {
	const char *canonical;
	const struct image *found;
};

static void look_for_name(const void *node, VISIT visit, void *ctx)
{
	const struct image *i = *(struct image *const *)node;
	struct name_search *s = ctx;

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t t = 0; t < i->tags.count && !s->found; t++)
		if (strcmp(i->tags.items[t], s->canonical) == 0)
			s->found = i;
}

/* "name@sha256:..." means the manifest of that digest, whatever the name says now. */
static void look_for_digest(const void *node, VISIT visit, void *ctx)
{
	const struct image *i = *(struct image *const *)node;
	struct name_search *s = ctx;

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t t = 0; t < i->digests.count && !s->found; t++)
		if (strcmp(i->digests.items[t], s->canonical) == 0)
			s->found = i;
}

int docker_images_find(const struct docker_images *m, const char *ref, struct docker_image *ret)
{
	char canonical[INVENTORY_IMAGE_MAX];
	const char *at = strrchr(ref, '@');
	struct name_search s = {.canonical = image_canonical(ref, canonical, sizeof(canonical))};
	const struct image *i = find(m, ref);

	if (!i && (docker_images_id_ok(ref) || (at && docker_images_id_ok(at + 1)))) {
		s.canonical = at ? at + 1 : ref;
		twalk_r(m->by_id, look_for_digest, &s);
		i = s.found;
	} else if (!i) {
		twalk_r(m->by_id, look_for_name, &s);
		i = s.found ? s.found : find_by_ref(m, ref, canonical);
	}
	if (!i)
		return -ENOENT;
	*ret = (struct docker_image){i->id, &i->tags, &i->digests, &i->layers, i->complete};
	return 0;
}
