/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: see manifest.h. */
#include "trust/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "model/record.h"

#define LAYERS_MAX 512

static int descriptor_read(const struct json *j, struct descriptor *ret)
{
	const struct json *platform = json_get(j, "platform"), *notes = json_get(j, "annotations");
	int64_t size = json_get_int(j, "size", -1);

	*ret = (struct descriptor){
		.media_type = json_get_str(j, "mediaType", ""),
		.digest = json_get_str(j, "digest", NULL),
		.size = (uint64_t)size,
		.os = json_get_str(platform, "os", ""),
		.architecture = json_get_str(platform, "architecture", ""),
		.signature = json_get_str(notes, ANNOTATION_SIGNATURE, NULL),
		.name = json_get_str(notes, ANNOTATION_NAME, NULL),
	};
	return digest_valid(ret->digest) && size >= 0 ? 0 : -EBADMSG;
}

static uint32_t length(const struct json *list)
{
	uint32_t n = 0;

	for (const struct json *j = json_first(list); j && n <= MANIFEST_ITEMS_MAX; j = json_next(j))
		n++;
	return n;
}

static int fill(struct manifest *m)
{
	const struct json *list = json_get(m->json, "manifests"), *config = json_get(m->json, "config");

	m->index = list != NULL;
	/* A text that is both would be read as one thing here and as another there. */
	if (m->index && (config || json_get(m->json, "layers")))
		return -EBADMSG;
	if (!m->index)
		list = json_get(m->json, "layers");
	uint32_t n = length(list);
	if (!json_is_array(list) || n > MANIFEST_ITEMS_MAX || json_get_int(m->json, "schemaVersion", 2) != 2)
		return -EBADMSG;
	if (config && descriptor_read(config, &m->config) < 0)
		return -EBADMSG;
	m->items = calloc(n ? n : 1, sizeof(*m->items));
	if (!m->items)
		return -ENOMEM;
	for (const struct json *j = json_first(list); j; j = json_next(j))
		if (descriptor_read(j, &m->items[m->count++]) < 0)
			return -EBADMSG;
	return 0;
}

int manifest_parse(struct manifest *ret, const void *data, size_t n)
{
	struct manifest m = {0};
	int r = n <= MANIFEST_MAX ? json_parse(&m.json, data, n, NULL) : -EBADMSG;

	if (r == 0)
		r = fill(&m);
	if (r < 0) {
		manifest_done(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void manifest_done(struct manifest *m)
{
	json_free(m->json);
	free(m->items);
	*m = (struct manifest){0};
}

bool manifest_lists(const void *data, size_t n, const char *digest)
{
	CLEANUP(manifest_done) struct manifest m = {0};

	if (manifest_parse(&m, data, n) < 0 || !m.index)
		return false;
	for (uint32_t i = 0; i < m.count; i++)
		if (strcmp(m.items[i].digest, digest) == 0)
			return true;
	return false;
}

bool manifest_is_signature(const struct manifest *m)
{
	for (uint32_t i = 0; !m->index && i < m->count; i++)
		if (strcmp(m->items[i].media_type, MEDIA_SIGNATURE) == 0)
			return true;
	return false;
}

/* The kernel's name of the machine in the words of image indexes. */
static const char *architecture(void)
{
	static const char *const names[][2] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},
		{"ppc64le", "ppc64le"}, {"s390x", "s390x"}, {"riscv64", "riscv64"}, {"i686", "386"}};
	struct utsname u;

	if (uname(&u) < 0)
		return "";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i][0], u.machine) == 0)
			return names[i][1];
	return "";
}

const struct descriptor *manifest_platform(const struct manifest *m)
{
	const char *ours = architecture();

	for (uint32_t i = 0; m->index && i < m->count; i++)
		if (strcmp(m->items[i].os, "linux") == 0 && strcmp(m->items[i].architecture, ours) == 0)
			return &m->items[i];
	return m->index && m->count == 1 ? m->items : NULL;
}

int config_layers(const void *data, size_t n, struct str_list *ret)
{
	CLEANUP(json_free) struct json *root = NULL;
	int r = json_parse(&root, data, n, NULL);

	const struct json *list = json_path(root, "rootfs.diff_ids");
	if (r < 0 || !json_is_array(list) || length(list) > LAYERS_MAX)
		return r < 0 ? r : -EBADMSG;
	for (const struct json *j = json_first(list); j && r == 0; j = json_next(j))
		r = digest_valid(json_str(j, NULL)) ? str_list_add(ret, json_str(j, NULL)) : -EBADMSG;
	return r;
}
