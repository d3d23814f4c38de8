/* SPDX-License-Identifier: Apache-2.0 */
/* podman's list of containers (containers/storage): see config.h. */
#include "oci/config.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "oci/reader.h"
#include "policy/policy.h"

#define PAUSE_IMAGE "localhost/podman-pause:"

static bool find(const struct json *root, const char *id, const struct json **ret)
{
	for (const struct json *j = json_is_array(root) ? json_first(root) : NULL; j; j = json_next(j))
		if (strcmp(json_get_str(j, "id", ""), id) == 0) {
			*ret = j;
			return true;
		}
	return false;
}

/* "8d03424b5f07-infra", of podman's own pause image: what holds a pod together. */
static bool is_infra(const char *name, const char *image)
{
	return strlen(name) == 18 && str_is_hex(name, 12) && strcmp(name + 12, "-infra") == 0 &&
	       str_has_prefix(image, PAUSE_IMAGE);
}

/* What podman wrote, read and checked; borrowed from the parsed text. */
struct entry {
	const char *name;
	char image[OCI_TEXT_MAX], digest[80];
	bool infra;
};

static void read_entry(struct entry *e, const struct json *item, const struct json *metadata)
{
	const char *image = json_get_str(metadata, "image-name", "");
	const char *image_id = json_get_str(metadata, "image-id", json_get_str(item, "image", ""));

	e->name = json_get_str(metadata, "name", json_str(json_first(json_get(item, "names")), ""));
	if (strlen(e->name) >= OCI_TEXT_MAX)
		e->name = "";
	if (*image && strlen(image) < 1024)
		image_canonical(image, e->image, sizeof(e->image));
	if (str_has_prefix(image_id, "sha256:"))
		image_id += 7;
	if (strlen(image_id) == 64 && str_is_hex(image_id, 64))
		snprintf(e->digest, sizeof(e->digest), "sha256:%s", image_id);
	e->infra = is_infra(e->name, image);
}

int oci_read_podman(struct creation *c, const char *text, size_t n)
{
	CLEANUP(json_free) struct json *root = NULL;
	CLEANUP(json_free) struct json *metadata = NULL;
	const struct json *item = NULL;
	struct entry e = {0};

	if (n > OCI_STORAGE_MAX)
		return -E2BIG;
	int r = json_parse(&root, text, n, NULL);
	if (r < 0)
		return r;
	if (!c->id || !find(root, c->id, &item))
		return -ENOENT;
	/* A text that is JSON again. */
	const char *inner = json_get_str(item, "metadata", "");
	if (*inner && json_parse(&metadata, inner, strlen(inner), NULL) < 0)
		return -EBADMSG;
	read_entry(&e, item, metadata);
	if ((*e.name && str_set(&c->name, e.name) < 0) || (e.image[0] && str_set(&c->image, e.image) < 0) ||
		(e.digest[0] && str_set(&c->digest, e.digest) < 0))
		return -ENOMEM;
	c->sandbox |= e.infra;
	return 0;
}
