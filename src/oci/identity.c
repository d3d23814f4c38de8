/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the container is, by the annotations of its engine. Which ones an engine writes itself is a
 * table: those of another engine are a user's words, and words of a user name nobody and exempt
 * nobody.
 */
#include "oci/reader.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/policy.h"

#define LABEL_BYTES_MAX 65536

/* Keys of one engine; NULL = it has none. */
struct vocabulary {
	const char *engine;
	const char *type, *sandbox_id, *pod, *namespace_, *uid, *container, *image, *labels;
};

static const struct vocabulary vocabularies[] = {
	{"containerd", "io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id", "io.kubernetes.cri.sandbox-name",
		"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-uid", "io.kubernetes.cri.container-name",
		"io.kubernetes.cri.image-name", NULL},
	{"crio", "io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID", "io.kubernetes.pod.name",
		"io.kubernetes.pod.namespace", "io.kubernetes.pod.uid", "io.kubernetes.container.name",
		"io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Labels"},
};

/* What people and rules know these things by, whatever the engine. */
static const char *const well_known[] = {
	"io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid", "io.kubernetes.container.name"};

static const struct vocabulary *vocabulary_of(const char *engine)
{
	for (size_t i = 0; i < ARRAY_SIZE(vocabularies); i++)
		if (strcmp(vocabularies[i].engine, engine) == 0)
			return &vocabularies[i];
	return NULL;
}

/* A user's labels beyond the caps are left out, as everywhere. */
static void add_label(struct oci_reader *r, const char *key, const char *value, size_t *bytes)
{
	struct kv_list *l = &r->c->labels;
	size_t n = strlen(key) + strlen(value);

	if (r->failed || !*key || strlen(value) >= OCI_TEXT_MAX || *bytes + n > LABEL_BYTES_MAX ||
		l->count >= CREATION_LIST_MAX || kv_list_get(l, key))
		return;
	*bytes += n;
	if (kv_list_add(l, key, value) < 0)
		oci_fail(r, -ENOMEM, "out of memory");
}

/* CRI-O keeps the labels of the pod or container as JSON in one annotation. */
static void add_labels_json(struct oci_reader *r, const char *text, size_t *bytes)
{
	CLEANUP(json_free) struct json *root = NULL;

	if (!*text || json_parse(&root, text, strlen(text), NULL) < 0)
		return;
	for (const struct json *j = json_first(root); j && !r->failed; j = json_next(j))
		if (json_is_string(j))
			add_label(r, json_key(j), json_str(j, ""), bytes);
}

/* A tenant's key twice would let him choose which one counts. */
static const char *word(struct oci_reader *r, const struct json *annotations, const char *key)
{
	const struct json *found = NULL;

	for (const struct json *j = key ? json_first(annotations) : NULL; j; j = json_next(j)) {
		if (strcmp(json_key(j), key) != 0)
			continue;
		if (found)
			oci_fail(r, -EBADMSG, "annotation '%s' is there twice", key);
		found = j;
	}
	return json_str(found, "");
}

static void read_words(struct oci_reader *r, const struct vocabulary *v, const struct json *annotations)
{
	char image[OCI_TEXT_MAX];
	const char *type = word(r, annotations, v->type), *name = word(r, annotations, v->image);

	r->c->sandbox = strcmp(type, "sandbox") == 0;
	r->sandbox = word(r, annotations, v->sandbox_id);
	r->pod_uid = word(r, annotations, v->uid);
	oci_set(r, &r->c->pod, word(r, annotations, v->pod));
	oci_set(r, &r->c->namespace_, word(r, annotations, v->namespace_));
	oci_set(r, &r->c->name, word(r, annotations, v->container));
	if (*name && strlen(name) < sizeof(image))
		oci_set(r, &r->c->image, image_canonical(name, image, sizeof(image)));
	if (*r->sandbox && !r->c->sandbox)
		oci_add(r, &r->c->joins, r->sandbox, "joins");
}

void oci_read_identity(struct oci_reader *r, const struct json *annotations)
{
	const struct vocabulary *v = vocabulary_of(r->from->engine);
	size_t bytes = 0;

	r->sandbox = r->pod_uid = "";
	if (v) {
		const char *const values[] = {word(r, annotations, v->pod), word(r, annotations, v->namespace_),
			word(r, annotations, v->uid), word(r, annotations, v->container)};
		read_words(r, v, annotations);
		/* The engine's word first: a label of the same key does not come after it. */
		for (size_t i = 0; i < ARRAY_SIZE(well_known); i++)
			if (*values[i])
				add_label(r, well_known[i], values[i], &bytes);
		add_labels_json(r, word(r, annotations, v->labels), &bytes);
	}
	for (const struct json *j = json_first(annotations); j && !r->failed; j = json_next(j))
		if (json_is_string(j))
			add_label(r, json_key(j), json_str(j, ""), &bytes);
}
