/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts: what is of the host, and what every engine puts into every container (see config.h). */
#include "oci/reader.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

#define ID_HEX 64

/* Folders in which an engine keeps a folder for each container or sandbox, by its id. */
static const char *const keepers[] = {"/containers/", "/overlay-containers/", "/sandboxes/"};

/* Where engines keep them when nobody configured another place: root's alone, all the way. */
static const char *const engine_roots[] = {"/var/lib/docker/", "/var/lib/containers/", "/run/containers/",
	"/var/run/containers/", "/var/lib/containerd/", "/run/containerd/", "/var/run/containerd/"};

/* What is in the folder of another container (whose network or ipc is joined), and where it may go. */
static const struct {
	const char *file, *target;
} shared_files[] = {
	{"hosts", "/etc/hosts"},
	{"hostname", "/etc/hostname"},
	{"resolv.conf", "/etc/resolv.conf"},
	{"shm", "/dev/shm"},
	{"mounts/shm", "/dev/shm"},
	{"userdata/hosts", "/etc/hosts"},
	{"userdata/hostname", "/etc/hostname"},
	{"userdata/resolv.conf", "/etc/resolv.conf"},
	{"userdata/shm", "/dev/shm"},
	{"userdata/.containerenv", "/run/.containerenv"},
};

/* The kernel's file systems at the places that each container has them at. */
static const struct {
	const char *type, *target;
} pseudo[] = {
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"devpts", "/dev/pts"},
	{"mqueue", "/dev/mqueue"},
	{"cgroup", "/sys/fs/cgroup"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"tmpfs", "/dev"},
	{"tmpfs", "/dev/shm"},
	{"tmpfs", "/run"},
};

/* The id that follows a keeper in the path, and in *rest what follows the id; NULL = none. */
static const char *kept_id(const char *source, const char **rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(keepers); i++) {
		const char *at = source;
		while ((at = strstr(at, keepers[i]))) {
			const char *id = at + strlen(keepers[i]);
			if (strlen(id) > ID_HEX && str_is_hex(id, ID_HEX) && id[ID_HEX] == '/') {
				*rest = id + ID_HEX + 1;
				return id;
			}
			at++;
		}
	}
	return NULL;
}

static bool below_engine_root(const struct oci_reader *r, const char *source)
{
	size_t n = strlen(r->data_root);

	if (n && strncmp(source, r->data_root, n) == 0 && source[n] == '/')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(engine_roots); i++)
		if (str_has_prefix(source, engine_roots[i]))
			return true;
	return false;
}

static bool is_id(const char *id, const char *of)
{
	return of && strlen(of) == ID_HEX && strncmp(id, of, ID_HEX) == 0;
}

/* Of the folder that the engine made for this very container, or for one that it joins. */
static bool made_by_engine(const struct oci_reader *r, const char *source, const char *target)
{
	const char *rest, *id = kept_id(source, &rest);

	if (!id)
		return false;
	if (is_id(id, r->from->id) || is_id(id, r->sandbox))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(shared_files); i++)
		if (strcmp(rest, shared_files[i].file) == 0 && strcmp(target, shared_files[i].target) == 0)
			return below_engine_root(r, source);
	return false;
}

/* "/var/lib/kubelet/pods/UID/" of this pod; returns what follows, or NULL. */
static const char *below_pod(const struct oci_reader *r, const char *source)
{
	static const char pods[] = "/var/lib/kubelet/pods/";
	size_t n = strlen(r->pod_uid);

	if (!n || !str_has_prefix(source, pods))
		return NULL;
	source += sizeof(pods) - 1;
	return strncmp(source, r->pod_uid, n) == 0 && source[n] == '/' ? source + n + 1 : NULL;
}

/* The host's own, read-only and under their own names: what `ctr --net-host` does. */
static bool host_names(const char *source, const char *target, bool readonly)
{
	return readonly && strcmp(source, target) == 0 &&
	       (strcmp(source, "/etc/hosts") == 0 || strcmp(source, "/etc/resolv.conf") == 0);
}

/* The name in ROOT/volumes/NAME/_data. Below `_data` there is still nothing but the volume. */
static bool engine_volume(const char *source, const char *root, char *out, size_t size)
{
	static const char volumes[] = "/volumes/", data[] = "/_data";
	size_t n = strlen(root);

	if (!n || strncmp(source, root, n) != 0 || !str_has_prefix(source + n, volumes))
		return false;
	const char *name = source + n + sizeof(volumes) - 1;
	n = strcspn(name, "/");
	const char *rest = name + n;
	if (!n || n >= size || !str_has_prefix(rest, data) || (rest[sizeof(data) - 1] && rest[sizeof(data) - 1] != '/'))
		return false;
	memcpy(out, name, n);
	out[n] = 0;
	return true;
}

/* The name of a volume of Docker or podman, or of one of the pod's. */
static bool volume_name(const struct oci_reader *r, const char *source, char *out, size_t size)
{
	const char *rest = below_pod(r, source);

	if (rest && (str_has_prefix(rest, "volumes/") || str_has_prefix(rest, "volume-subpaths/"))) {
		snprintf(out, size, "%s", strchr(rest, '/') + 1);
		return true;
	}
	return engine_volume(source, r->data_root, out, size) ||
	       engine_volume(source, "/var/lib/docker", out, size) ||
	       engine_volume(source, "/var/lib/containers/storage", out, size);
}

struct options {
	bool bind, readonly, shared;
};

static struct options read_options(struct oci_reader *r, const struct json *mount)
{
	struct options o = {0};

	for (const struct json *j = oci_list(r, mount, "options"); j && !r->failed; j = json_next(j)) {
		const char *word = oci_item(r, j, "options");
		if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0)
			o.bind = true;
		else if (strcmp(word, "ro") == 0 || strcmp(word, "rro") == 0)
			o.readonly = true;
		else if (strcmp(word, "rw") == 0)
			o.readonly = false;
		else if (strcmp(word, "shared") == 0 || strcmp(word, "rshared") == 0)
			o.shared = true;
		else if (strcmp(word, "private") == 0 || strcmp(word, "rprivate") == 0 || strcmp(word, "slave") == 0 ||
			 strcmp(word, "rslave") == 0)
			o.shared = false;
	}
	return o;
}

static void add(struct oci_reader *r, struct mount_fact fact, const char *source, const char *target)
{
	struct mount_fact *m = r->failed ? NULL : creation_add_mount(r->c);

	if (!m) {
		oci_fail(r, r->c->mount_count >= CREATION_MOUNTS_MAX ? -E2BIG : -ENOMEM, "more than %d mounts",
			CREATION_MOUNTS_MAX);
		return;
	}
	*m = fact;
	oci_set(r, &m->source, source);
	oci_set(r, &m->target, target);
}

static void read_bind(struct oci_reader *r, struct options o, const char *source, const char *target)
{
	char path[2 * OCI_TEXT_MAX], name[OCI_TEXT_MAX];
	struct mount_fact fact = {.kind = MOUNT_BIND, .readonly = o.readonly, .shared = o.shared};

	/* Relative ones are of the bundle. */
	snprintf(path, sizeof(path), "%s%s%s", *source == '/' ? "" : r->from->bundle, *source == '/' ? "" : "/", source);
	if (path[0] != '/') {
		oci_fail(r, -EBADMSG, "a mount's 'source' is relative, and the bundle is not known");
		return;
	}
	creation_path_clean(path, path);
	const char *rest = below_pod(r, path);
	if (made_by_engine(r, path, target) || host_names(path, target, o.readonly) ||
		(rest && (strcmp(rest, "etc-hosts") == 0 || str_has_prefix(rest, "containers/"))))
		return;
	if (volume_name(r, path, name, sizeof(name))) {
		fact.kind = MOUNT_VOLUME;
		add(r, fact, name, target);
	} else {
		add(r, fact, path, target);
	}
}

static void read_mount(struct oci_reader *r, const struct json *mount)
{
	const char *type = oci_text(r, mount, "type"), *source = oci_text(r, mount, "source");
	struct options o = read_options(r, mount);
	char target[OCI_TEXT_MAX + 1];

	snprintf(target, sizeof(target), "/%.*s", OCI_TEXT_MAX - 1, oci_text(r, mount, "destination"));
	creation_path_clean(target, target);
	if (o.bind || strcmp(type, "bind") == 0) {
		read_bind(r, o, source, target);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pseudo); i++)
		if (strcmp(type, pseudo[i].type) == 0 && strcmp(target, pseudo[i].target) == 0)
			return;
	struct mount_fact fact = {.kind = strcmp(type, "tmpfs") == 0 ? MOUNT_TMPFS : MOUNT_OTHER,
		.readonly = o.readonly, .shared = o.shared};
	/* Every mount has a source, so that nobody need ask. */
	add(r, fact, *source ? source : *type ? type : "none", target);
}

void oci_read_mounts(struct oci_reader *r, const struct json *root)
{
	for (const struct json *j = oci_list(r, root, "mounts"); j && !r->failed; j = json_next(j)) {
		if (json_is_object(j))
			read_mount(r, j);
		else
			oci_fail(r, -EBADMSG, "'mounts' is not a list of objects");
	}
}
