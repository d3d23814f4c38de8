/* SPDX-License-Identifier: Apache-2.0 */
/* A PodSpec: who its containers are and what they share, and then each of them. */
#include <errno.h>
#include <string.h>

#include "kube/reader.h"

#define LABEL_BYTES_MAX 65536

/* ---- who ---- */

static void label(struct kube_reader *r, const char *key, const char *value)
{
	if (!r->failed && kv_list_add(r->labels, key, value) < 0)
		kube_fail(r, -ENOMEM, "out of memory");
}

/* Scopes go by labels: none of them may be left out. Of annotations, which may be whole documents, what fits. */
static void labels_read(struct kube_reader *r, const struct json *metadata)
{
	size_t bytes = 0;

	for (const struct json *l = json_first(kube_object(r, metadata, "labels")); l && !r->failed; l = json_next(l)) {
		if (!json_is_string(l) || strlen(json_str(l, "")) >= KUBE_TEXT_MAX)
			kube_fail(r, -EBADMSG, "a label is no text, or too long");
		else if (r->labels->count >= CREATION_LIST_MAX)
			kube_fail(r, -EBADMSG, "more than %d labels", CREATION_LIST_MAX);
		else
			label(r, json_key(l), json_str(l, ""));
	}
	for (const struct json *a = json_first(kube_object(r, metadata, "annotations")); a && !r->failed; a = json_next(a)) {
		const char *value = json_str(a, "");
		size_t n = strlen(json_key(a)) + strlen(value);

		if (n >= KUBE_TEXT_MAX || bytes + n > LABEL_BYTES_MAX || r->labels->count >= 2 * CREATION_LIST_MAX ||
			kv_list_get(r->labels, json_key(a)))
			continue;
		bytes += n;
		label(r, json_key(a), value);
	}
}

static void identity(struct kube_reader *r, const char *name)
{
	struct creation *c = r->c;

	kube_set(r, &c->name, name);
	if (r->v->namespace_)
		kube_set(r, &c->namespace_, r->v->namespace_);
	/* Pods of a template have names of their own, later. */
	if (r->v->name && !r->v->workload)
		kube_set(r, &c->pod, r->v->name);
	for (uint32_t i = 0; i < r->labels->count && !r->failed; i++)
		if (kv_list_add(&c->labels, r->labels->items[i].key, r->labels->items[i].value) < 0)
			kube_fail(r, -ENOMEM, "out of memory");
}

/* ---- what they share ---- */

static void shared_read(struct kube_reader *r)
{
	static const struct {
		const char *key;
		enum host_namespace bit;
	} rows[] = {{"hostNetwork", HOST_NETWORK}, {"hostPID", HOST_PID}, {"hostIPC", HOST_IPC}};
	const struct json *security = kube_object(r, r->pod, "securityContext");
	const char *runtime = kube_text(r, r->pod, "runtimeClassName");
	char text[2 * KUBE_TEXT_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (kube_flag(r, r->pod, rows[i].key) == FACT_YES)
			r->c->host_namespaces |= rows[i].bit;
	for (const struct json *s = kube_objects(r, security, "sysctls"); s && !r->failed; s = json_next(s)) {
		snprintf(text, sizeof(text), "%s=%s", kube_text(r, s, "name"), kube_text(r, s, "value"));
		kube_add(r, &r->c->sysctls, text, CREATION_LIST_MAX);
	}
	if (*runtime)
		kube_set(r, &r->c->runtime, runtime);
}

/* Once for the pod: its containers would all say the same. */
static void shared_say(struct kube_reader *r)
{
	static const char *const keys[] = {"hostNetwork", "hostPID", "hostIPC"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (kube_flag(r, r->pod, keys[i]) == FACT_YES)
			kube_say(r, keys[i], "true");
}

/* ---- the containers ---- */

static bool next_container(struct kube_reader *r)
{
	struct kube_review *v = r->v;

	if (v->creation_count >= KUBE_CONTAINERS_MAX)
		return kube_fail(r, -EBADMSG, "more than %d containers", KUBE_CONTAINERS_MAX), false;
	struct creation *more = realloc(v->creations, (v->creation_count + 1) * sizeof(*more));
	if (!more)
		return kube_fail(r, -ENOMEM, "out of memory"), false;
	v->creations = more;
	r->c = memset(&more[v->creation_count++], 0, sizeof(*more));
	return true;
}

static void list_read(struct kube_reader *r, const struct json *metadata, const char *key)
{
	for (const struct json *j = kube_objects(r, r->pod, key); j && !r->failed; j = json_next(j)) {
		if (!next_container(r))
			return;
		identity(r, kube_text(r, j, "name"));
		shared_read(r);
		if (!r->failed)
			kube_read_container(r, j, metadata);
	}
}

void kube_read_pod(struct kube_reader *r, const struct json *metadata, const struct json *spec, bool ephemeral)
{
	r->pod = spec;
	r->labels = &r->v->labels;
	labels_read(r, metadata);
	shared_say(r);
	if (!ephemeral) {
		list_read(r, metadata, "initContainers");
		list_read(r, metadata, "containers");
	}
	list_read(r, metadata, "ephemeralContainers");
}
