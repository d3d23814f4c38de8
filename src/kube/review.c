/* SPDX-License-Identifier: Apache-2.0 */
/* An AdmissionReview as a whole: who asks for what, and where the pods are in it. See kube.h. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/json_strict.h"
#include "kube/reader.h"

#define GROUPS_MAX 256
#define UID_WITHIN 512 /* bytes from the beginning */
#define UID_SIZE 80

/* clang-format off */
#define TEMPLATE "spec.template.metadata", "spec.template.spec"
const struct kube_resource kube_resources[] = {
	{"", "pods", "", "pod", NULL, "metadata", "spec", NULL},
	{"", "pods", "ephemeralcontainers", "pod", NULL, "metadata", "spec", "pod_ephemeralcontainers"},
	{"", "pods", "exec", "pod", NULL, NULL, NULL, "pod_exec"},
	{"", "pods", "attach", "pod", NULL, NULL, NULL, "pod_attach"},
	{"", "pods", "portforward", "pod", NULL, NULL, NULL, "pod_portforward"},
	{"", "pods", "proxy", "pod", NULL, NULL, NULL, "pod_proxy"},
	{"", "podtemplates", "", "podtemplate", "PodTemplate", "template.metadata", "template.spec", NULL},
	{"", "replicationcontrollers", "", "replicationcontroller", "ReplicationController", TEMPLATE, NULL},
	{"apps", "deployments", "", "deployment", "Deployment", TEMPLATE, NULL},
	{"apps", "replicasets", "", "replicaset", "ReplicaSet", TEMPLATE, NULL},
	{"apps", "statefulsets", "", "statefulset", "StatefulSet", TEMPLATE, NULL},
	{"apps", "daemonsets", "", "daemonset", "DaemonSet", TEMPLATE, NULL},
	{"batch", "jobs", "", "job", "Job", TEMPLATE, NULL},
	{"batch", "cronjobs", "", "cronjob", "CronJob", "spec.jobTemplate.spec.template.metadata", "spec.jobTemplate.spec.template.spec", NULL},
};
/* clang-format on */
const size_t kube_resource_count = ARRAY_SIZE(kube_resources);

const char *const kube_operations[][2] = {
	{"CREATE", "create"}, {"UPDATE", "update"}, {"DELETE", "delete"}, {"CONNECT", "connect"}};
const size_t kube_operation_count = ARRAY_SIZE(kube_operations);

void kube_review_done(struct kube_review *v)
{
	char *const texts[] = {v->uid, v->operation, v->path, v->user, v->namespace_, v->name, v->target, v->workload};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (uint32_t i = 0; i < v->creation_count; i++)
		creation_done(&v->creations[i]);
	free(v->creations);
	str_list_done(&v->groups);
	str_list_done(&v->parameters);
	kv_list_done(&v->labels);
	*v = (struct kube_review){0};
}

/* ---- who asks, for what ---- */

static void group(struct kube_reader *r, const char *text)
{
	kube_add(r, &r->v->groups, text, GROUPS_MAX);
}

static void user_read(struct kube_reader *r, const struct json *request)
{
	const struct json *who = kube_object(r, request, "userInfo");

	kube_set(r, &r->v->user, kube_text(r, who, "username"));
	kube_texts(r, who, "groups", group);
}

static const struct kube_resource *resource_find(const char *group_, const char *resource, const char *sub)
{
	for (size_t i = 0; i < kube_resource_count; i++) {
		const struct kube_resource *k = &kube_resources[i];

		if (strcmp(k->group, group_) == 0 && strcmp(k->resource, resource) == 0 && strcmp(k->subresource, sub) == 0)
			return k;
	}
	return NULL;
}

static void action_set(struct kube_reader *r, const struct kube_resource *k)
{
	const char *verb = NULL;

	for (size_t i = 0; i < kube_operation_count; i++)
		if (strcmp(kube_operations[i][0], r->v->operation ? r->v->operation : "") == 0)
			verb = kube_operations[i][1];
	if (!verb)
		kube_fail(r, -EBADMSG, "the operation is not known");
	else if (k && k->action)
		snprintf(r->v->action, sizeof(r->v->action), "%s", k->action);
	else
		snprintf(r->v->action, sizeof(r->v->action), "%s_%s", k ? k->noun : "unknown", verb);
	/* Brings what the user chose into the cluster, or leads into a pod. */
	r->v->dangerous = verb && strcmp(verb, "delete") != 0;
}

static void path_set(struct kube_reader *r, const struct json *resource, const char *sub)
{
	char text[5 * KUBE_TEXT_MAX + 64];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
	const char *group_ = kube_text(r, resource, "group"), *ns = r->v->namespace_, *name = r->v->name;

	buf_printf(&b, "%s%s%s", group_, *group_ ? "/" : "", kube_text(r, resource, "version"));
	if (ns && *ns)
		buf_printf(&b, "/namespaces/%s", ns);
	buf_printf(&b, "/%s%s%s", kube_text(r, resource, "resource"), name && *name ? "/" : "", name ? name : "");
	if (*sub)
		buf_printf(&b, "/%s", sub);
	gate_clean(text);
	kube_set(r, &r->v->path, text);
	snprintf(text, sizeof(text), "%s%s%s", ns ? ns : "", ns && *ns ? "/" : "", name ? name : "");
	kube_set(r, &r->v->target, text);
}

/* The object's own, else the request's; of one that is not made up yet, its beginning. */
static void name_set(struct kube_reader *r, const struct json *request, const struct json *object)
{
	const struct json *metadata = kube_object(r, object, "metadata");
	const char *own = kube_text(r, metadata, "name"), *name = kube_text(r, request, "name");
	const char *beginning = kube_text(r, metadata, "generateName");
	char text[KUBE_TEXT_MAX + 2];

	if (*name || *own)
		snprintf(text, sizeof(text), "%s", *name ? name : own);
	else
		snprintf(text, sizeof(text), "%s%s", beginning, *beginning ? "*" : "");
	kube_set(r, &r->v->name, text);
}

/* ---- ways into a pod ---- */

static void first_word(struct kube_reader *r, const char *text)
{
	char word[KUBE_PARAMETER_MAX];
	const char *last = r->v->parameters.count ? r->v->parameters.items[r->v->parameters.count - 1] : "";

	/* The program alone: the rest may be secret. */
	if (strncmp(last, "program=", 8) == 0)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " \t\n"), text);
	kube_say(r, "program", word);
}

static void options_read(struct kube_reader *r, const struct json *object)
{
	const char *container = kube_text(r, object, "container");

	if (*container)
		kube_say(r, "container", container);
	if (kube_flag(r, object, "tty") == FACT_YES)
		kube_say(r, "tty", "true");
	if (kube_flag(r, object, "stdin") == FACT_YES)
		kube_say(r, "stdin", "true");
	kube_texts(r, object, "command", first_word);
}

/* ---- the pods ---- */

static int same_json(const struct json *a, const struct json *b, bool *ret)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT(2 * KUBE_REVIEW_MAX);
	CLEANUP(buf_done) struct buf y = BUF_INIT(2 * KUBE_REVIEW_MAX);

	json_print(a, &x);
	json_print(b, &y);
	if (x.failed || y.failed)
		return x.failed ? x.failed : y.failed;
	*ret = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
	return 0;
}

/*
 * An update that leaves the pods as they are brings nothing: a label, a finalizer or a count of replicas of
 * what was there before a rule must stay possible, or nobody could take it away.
 */
static bool unchanged(struct kube_reader *r, const struct json *request, const struct kube_resource *k, const struct json *spec)
{
	const struct json *old = kube_walk(r, kube_object(r, request, "oldObject"), k->spec);
	bool same = false;

	if (r->failed || !old || strcmp(r->v->operation, "UPDATE") != 0)
		return false;
	if (same_json(spec, old, &same) < 0)
		kube_fail(r, -ENOMEM, "out of memory");
	return same;
}

static void object_read(struct kube_reader *r, const struct json *request, const struct kube_resource *k, const struct json *object)
{
	const struct json *spec = kube_walk(r, object, k->spec);
	char text[KUBE_TEXT_MAX + 32];

	if (k->kind) {
		snprintf(text, sizeof(text), "%s/%s", k->kind, r->v->name ? r->v->name : "");
		kube_set(r, &r->v->workload, text);
	}
	if (!object && strcmp(r->v->operation, "DELETE") != 0)
		kube_fail(r, -EBADMSG, "there is no object");
	else if (object && !spec)
		kube_fail(r, -EBADMSG, "there is no '%s'", k->spec);
	else if (spec && !unchanged(r, request, k, spec))
		kube_read_pod(r, kube_walk(r, object, k->metadata), spec, strcmp(k->subresource, "ephemeralcontainers") == 0);
}

static void request_read(struct kube_reader *r, const struct json *request)
{
	const struct json *resource = kube_object(r, request, "resource"), *object = kube_object(r, request, "object");
	const char *sub = kube_text(r, request, "subResource");

	if (!*kube_text(r, resource, "resource"))
		kube_fail(r, -EBADMSG, "it does not say what it is for");
	user_read(r, request);
	kube_set(r, &r->v->operation, kube_text(r, request, "operation"));
	kube_set(r, &r->v->namespace_, kube_text(r, request, "namespace"));
	r->v->dry_run = kube_flag(r, request, "dryRun") == FACT_YES;
	name_set(r, request, object);
	path_set(r, resource, sub);
	const struct kube_resource *k = resource_find(kube_text(r, resource, "group"), kube_text(r, resource, "resource"), sub);
	action_set(r, k);
	if (r->v->dry_run)
		kube_say(r, "dry_run", "true");
	if (r->failed || !k)
		return;
	if (k->spec)
		object_read(r, request, k, object);
	else
		options_read(r, object);
}

/* ---- all of it ---- */

static void review_read(struct kube_reader *r, const struct json *root)
{
	const struct json *request;

	if (!json_is_object(root)) {
		kube_fail(r, -EBADMSG, "it is not an object");
		return;
	}
	request = kube_object(r, root, "request");
	kube_set(r, &r->v->uid, kube_text(r, request, "uid")); /* first: an answer needs it */
	if (strcmp(kube_text(r, root, "apiVersion"), "admission.k8s.io/v1") != 0 ||
		strcmp(kube_text(r, root, "kind"), "AdmissionReview") != 0)
		kube_fail(r, -EBADMSG, "it is no AdmissionReview of admission.k8s.io/v1");
	if (!request || !r->v->uid || !*r->v->uid)
		kube_fail(r, -EBADMSG, "there is no request with a uid");
	request_read(r, request);
}

/*
 * The uid of what is not parsed: an answer without it is none, and would leave the decision to failurePolicy.
 * API servers write it first, so that nothing of the user's can come before it.
 */
static void uid_find(struct kube_reader *r, const char *text, size_t n)
{
	static const char key[] = "\"request\":{\"uid\":\"";
	const char *at = memmem(text, n < UID_WITHIN ? n : UID_WITHIN, key, sizeof(key) - 1);
	char uid[UID_SIZE];
	size_t size = 0;

	if (!at)
		return;
	for (at += sizeof(key) - 1; at < text + n && size + 1 < sizeof(uid) && (isalnum((unsigned char)*at) || *at == '-'); at++)
		uid[size++] = *at;
	uid[size] = 0;
	if (at < text + n && *at == '"')
		kube_set(r, &r->v->uid, uid);
}

static void text_read(struct kube_reader *r, const char *text, size_t n)
{
	CLEANUP(json_free) struct json *root = NULL;
	char why[160];

	uid_find(r, text, n);
	if (n > KUBE_REVIEW_MAX) {
		kube_fail(r, -EBADMSG, "it is larger than %u bytes", KUBE_REVIEW_MAX);
		return;
	}
	if (json_strict(text, n, why, sizeof(why)) < 0) {
		kube_fail(r, -EBADMSG, "%s", why);
		return;
	}
	int e = json_parse(&root, text, n, NULL);
	if (e == 0)
		e = json_keys_unique(root, n);
	if (e == -ENOMEM)
		kube_fail(r, e, "out of memory");
	if (e < 0)
		kube_fail(r, -EBADMSG, root ? "a key is in it twice" : "it does not parse");
	else
		review_read(r, root);
}

int kube_review_read(struct kube_review *ret, const char *text, size_t n)
{
	struct kube_reader r = {.v = ret};

	text_read(&r, text, n);
	if (!*ret->action)
		snprintf(ret->action, sizeof(ret->action), "unknown");
	ret->readable = r.failed == 0;
	return r.failed == -ENOMEM ? -ENOMEM : 0;
}
