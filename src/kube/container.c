/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container of a PodSpec: what it asks for itself, and where it is silent, what its pod asks for.
 * What only the node knows (limits of processes, health checks of the image) is not held against it
 * here: the shim sees it at creation.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "kube/reader.h"
#include "policy/image.h"
#include "policy/secret.h"

#define LONG_MAX_ENTRIES 4096 /* arguments and names of the environment of honest pods come in hundreds */

/* ---- image ---- */

static bool is_reference(const char *name)
{
	if (!isalnum((unsigned char)*name) && *name != '[')
		return false;
	return strlen(name) < IMAGE_NAME_MAX - 32 && !strstr(name, "//") &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@[]") == strlen(name);
}

static void image_read(struct kube_reader *r, const char *name)
{
	char canonical[IMAGE_NAME_MAX];
	const char *digest = strchr(name, '@');

	if (!is_reference(name)) {
		kube_fail(r, -EBADMSG, "container '%.64s': '%.100s' is no name of an image", r->c->name, name);
		return;
	}
	kube_set(r, &r->c->image, image_canonical(name, canonical, sizeof(canonical)));
	if (digest)
		kube_set(r, &r->c->digest, digest + 1);
	kube_say(r, "image", r->c->image ? r->c->image : name);
}

/* ---- security ---- */

static bool has(const struct str_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], text) == 0)
			return true;
	return false;
}

static void capability(struct kube_reader *r, const char *name)
{
	char text[64];
	const char *known = creation_capability(name, text);

	if (!known) {
		kube_fail(r, -EBADMSG, "a capability has no name");
		return;
	}
	if (!*known)
		return;
	if (has(&r->c->capabilities, text))
		return;
	kube_add(r, &r->c->capabilities, text, CREATION_LIST_MAX);
	kube_say(r, "cap", text);
}

/* `type` of a profile of the container, else of its pod. */
static enum fact profile(struct kube_reader *r, const struct json *own, const struct json *pods, const char *key)
{
	const struct json *p = kube_object(r, own, key);
	const char *type = kube_text(r, p ? p : kube_object(r, pods, key), "type");

	return !*type ? FACT_UNKNOWN : strcmp(type, "Unconfined") == 0 ? FACT_NO : FACT_YES;
}

static void unconfined(struct kube_reader *r, const char *option)
{
	kube_add(r, &r->c->security_options, option, CREATION_LIST_MAX);
	kube_say(r, "security", option);
}

/* The way of before 1.30: an annotation for each container. */
static enum fact apparmor_annotation(struct kube_reader *r, const struct json *metadata)
{
	char key[KUBE_TEXT_MAX + 64];
	const struct json *annotations = kube_object(r, metadata, "annotations");

	snprintf(key, sizeof(key), "container.apparmor.security.beta.kubernetes.io/%s", r->c->name);
	const char *value = kube_text(r, annotations, key);
	return !*value ? FACT_UNKNOWN : strcmp(value, "unconfined") == 0 ? FACT_NO : FACT_YES;
}

static void profiles_read(struct kube_reader *r, const struct json *own, const struct json *pods, const struct json *metadata)
{
	struct creation *c = r->c;
	const struct json *selinux = kube_object(r, own, "seLinuxOptions");

	c->seccomp = profile(r, own, pods, "seccompProfile");
	c->apparmor = profile(r, own, pods, "appArmorProfile");
	if (c->apparmor == FACT_UNKNOWN)
		c->apparmor = apparmor_annotation(r, metadata);
	if (!selinux)
		selinux = kube_object(r, pods, "seLinuxOptions");
	if (selinux)
		c->selinux = strncmp(kube_text(r, selinux, "type"), "spc_t", 5) == 0 ? FACT_NO : FACT_YES;
	if (c->seccomp == FACT_NO)
		unconfined(r, "seccomp=unconfined");
	if (c->apparmor == FACT_NO)
		unconfined(r, "apparmor=unconfined");
	if (c->selinux == FACT_NO)
		unconfined(r, "label=disable");
	if (strcmp(kube_text(r, own, "procMount"), "Unmasked") == 0)
		unconfined(r, "systempaths=unconfined");
}

/* "1000", "1000:2000"; "" is the image's own; NULL, the image's own of which the node sees to it that it is not root. */
static void user_read(struct kube_reader *r, const struct json *own, const struct json *pods)
{
	int64_t user = kube_number(r, own, "runAsUser", kube_number(r, pods, "runAsUser", -1));
	int64_t group = kube_number(r, own, "runAsGroup", kube_number(r, pods, "runAsGroup", -1));
	enum fact other = kube_flag(r, own, "runAsNonRoot");
	char text[64];

	if (other == FACT_UNKNOWN)
		other = kube_flag(r, pods, "runAsNonRoot");
	if (user < 0 && other == FACT_YES)
		return;
	if (user < 0)
		text[0] = 0;
	else if (group < 0)
		snprintf(text, sizeof(text), "%lld", (long long)user);
	else
		snprintf(text, sizeof(text), "%lld:%lld", (long long)user, (long long)group);
	kube_set(r, &r->c->user, text);
	if (*text)
		kube_say(r, "user", text);
}

static void security_read(struct kube_reader *r, const struct json *own, const struct json *metadata)
{
	struct creation *c = r->c;
	const struct json *pods = kube_object(r, r->pod, "securityContext");

	c->privileged = kube_flag(r, own, "privileged") == FACT_YES ? FACT_YES : FACT_NO;
	if (c->privileged == FACT_YES)
		kube_say(r, "privileged", "true");
	kube_texts(r, kube_object(r, own, "capabilities"), "add", capability);
	/* Kubernetes lets a process gain rights unless it is told not to. */
	c->no_new_privileges = kube_flag(r, own, "allowPrivilegeEscalation") == FACT_NO ? FACT_YES : FACT_NO;
	c->readonly_root = kube_flag(r, own, "readOnlyRootFilesystem") == FACT_YES ? FACT_YES : FACT_NO;
	profiles_read(r, own, pods, metadata);
	user_read(r, own, pods);
}

/* ---- limits, environment, ports ---- */

/* A quantity ("512Mi", "1.5", "250m", "1e9") times `unit`; 0 = none. Kubernetes may write a number too. */
static int64_t quantity(struct kube_reader *r, const struct json *map, const char *key, double unit)
{
	static const struct {
		const char *suffix;
		double factor;
	} rows[] = {{"", 1}, {"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15},
		{"E", 1e18}, {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
	const struct json *m = r->failed ? NULL : json_get(map, key);
	double value = json_is_number(m) ? json_double(m, 0) : 0;
	char *end = NULL;

	if (json_is_string(m)) {
		value = strtod(json_str(m, ""), &end);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (strcmp(end, rows[i].suffix) == 0) {
				value *= rows[i].factor;
				end = NULL;
				break;
			}
	}
	if (end || !isfinite(value)) {
		kube_fail(r, -EBADMSG, "'%s' is no quantity", key);
		return 0;
	}
	value *= unit;
	return value >= 9e18 ? INT64_MAX : value > 0 && value < 1 ? 1 : value > 0 ? (int64_t)value : 0;
}

static void limits_read(struct kube_reader *r, const struct json *container)
{
	const struct json *of[] = {kube_object(r, container, "resources"), kube_object(r, r->pod, "resources")};
	struct creation *c = r->c;

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		const struct json *limits = kube_object(r, of[i], "limits"), *requests = kube_object(r, of[i], "requests");

		if (c->memory <= 0)
			c->memory = quantity(r, limits, "memory", 1);
		if (c->cpu_shares <= 0)
			c->cpu_shares = quantity(r, requests, "cpu", 1024);
		if (c->cpu_shares <= 0) /* a limit is the request too, where there is none */
			c->cpu_shares = quantity(r, limits, "cpu", 1024);
	}
	c->pids = INT64_MAX; /* the node's to limit */
	c->ulimits = true;
}

static void environment_read(struct kube_reader *r, const struct json *container)
{
	for (const struct json *e = kube_objects(r, container, "env"); e && !r->failed; e = json_next(e)) {
		const char *name = kube_text(r, e, "name");
		const struct json *value = json_get(e, "value");

		kube_add(r, &r->c->env_names, name, LONG_MAX_ENTRIES);
		if (json_is_string(value) && secret_looks(name, json_str(value, "")))
			kube_add(r, &r->c->secret_envs, name, LONG_MAX_ENTRIES);
	}
}

/* Only those of the node. */
static void ports_read(struct kube_reader *r, const struct json *container)
{
	char text[KUBE_TEXT_MAX + 32];

	for (const struct json *p = kube_objects(r, container, "ports"); p && !r->failed; p = json_next(p)) {
		int64_t port = kube_number(r, p, "hostPort", 0);
		const char *address = kube_text(r, p, "hostIP");

		if (port <= 0)
			continue;
		snprintf(text, sizeof(text), "%s:%lld", *address ? address : "0.0.0.0", (long long)port);
		kube_add(r, &r->c->ports, text, LONG_MAX_ENTRIES);
		kube_say(r, "hostPort", text);
	}
}

static void argument(struct kube_reader *r, const char *text)
{
	kube_add(r, &r->c->args, text, LONG_MAX_ENTRIES);
}

void kube_read_container(struct kube_reader *r, const struct json *container, const struct json *metadata)
{
	const char *joined = kube_text(r, container, "targetContainerName");

	image_read(r, kube_text(r, container, "image"));
	security_read(r, kube_object(r, container, "securityContext"), metadata);
	kube_texts(r, container, "command", argument);
	kube_texts(r, container, "args", argument);
	limits_read(r, container);
	environment_read(r, container);
	ports_read(r, container);
	kube_read_mounts(r, container);
	if (*joined)
		kube_add(r, &r->c->joins, joined, CREATION_LIST_MAX);
}
