/* SPDX-License-Identifier: Apache-2.0 */
/* What a container mounts: paths of the node, and volumes by their names in the pod. */
#include <errno.h>
#include <string.h>

#include "kube/reader.h"

static const struct json *volume(struct kube_reader *r, const char *name)
{
	for (const struct json *v = kube_objects(r, r->pod, "volumes"); v && !r->failed; v = json_next(v))
		if (strcmp(kube_text(r, v, "name"), name) == 0)
			return v;
	return NULL;
}

static struct mount_fact *add(struct kube_reader *r)
{
	struct mount_fact *m = r->failed ? NULL : creation_add_mount(r->c);

	if (!m)
		kube_fail(r, r->c->mount_count >= CREATION_MOUNTS_MAX ? -EBADMSG : -ENOMEM, "more than %d mounts",
			CREATION_MOUNTS_MAX);
	return m;
}

/* A path of the node, and what of it is mounted. A subPathExpr is made of the environment: then all of it. */
static void bind(struct kube_reader *r, struct mount_fact *m, const struct json *host, const struct json *mount)
{
	char path[2 * KUBE_TEXT_MAX + 2], out[2 * KUBE_TEXT_MAX + 4];

	snprintf(path, sizeof(path), "%s/%s", kube_text(r, host, "path"), kube_text(r, mount, "subPath"));
	creation_path_clean(out, path);
	m->kind = MOUNT_BIND;
	kube_set(r, &m->source, out);
	kube_say(r, "hostPath", out);
}

static void mount_read(struct kube_reader *r, const struct json *mount)
{
	const char *name = kube_text(r, mount, "name");
	const struct json *v = volume(r, name);
	const struct json *host = kube_object(r, v, "hostPath"), *empty = kube_object(r, v, "emptyDir");
	char target[KUBE_TEXT_MAX + 4];
	struct mount_fact *m = add(r);

	if (!m)
		return;
	creation_path_clean(target, kube_text(r, mount, "mountPath"));
	kube_set(r, &m->target, target);
	m->readonly = kube_flag(r, mount, "readOnly") == FACT_YES;
	m->shared = strcmp(kube_text(r, mount, "mountPropagation"), "Bidirectional") == 0;
	if (host) {
		bind(r, m, host, mount);
		return;
	}
	m->kind = strcmp(kube_text(r, empty, "medium"), "Memory") == 0 ? MOUNT_TMPFS : MOUNT_VOLUME;
	kube_set(r, &m->source, name);
}

/* A block device of a claim: a volume, not a device of the node's that anybody can name. */
static void device_read(struct kube_reader *r, const struct json *device)
{
	struct mount_fact *m = add(r);
	char target[KUBE_TEXT_MAX + 4];

	if (!m)
		return;
	m->kind = MOUNT_VOLUME;
	creation_path_clean(target, kube_text(r, device, "devicePath"));
	kube_set(r, &m->source, kube_text(r, device, "name"));
	kube_set(r, &m->target, target);
}

void kube_read_mounts(struct kube_reader *r, const struct json *container)
{
	for (const struct json *m = kube_objects(r, container, "volumeMounts"); m && !r->failed; m = json_next(m))
		mount_read(r, m);
	for (const struct json *d = kube_objects(r, container, "volumeDevices"); d && !r->failed; d = json_next(d))
		device_read(r, d);
}
