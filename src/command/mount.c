/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted into a container: Binds, Mounts, Tmpfs, and volumes of the local driver, which mount
 * whatever their options say: a folder of the host (o=bind), a disk, the kernel's own file systems, an
 * overlay over the host's folders. These are binds by another name, and are told as such.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "command/internal.h"

/* File systems that are the same everywhere: a volume of one is a bind of this folder. */
static const struct {
	const char *type, *folder;
} kernel_types[] = {
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"devtmpfs", "/dev"},
	{"devpts", "/dev/pts"},
	{"mqueue", "/dev/mqueue"},
	{"cgroup", "/sys/fs/cgroup"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"bpf", "/sys/fs/bpf"},
	{"debugfs", "/sys/kernel/debug"},
	{"tracefs", "/sys/kernel/tracing"},
	{"securityfs", "/sys/kernel/security"},
	{"configfs", "/sys/kernel/config"},
	{"efivarfs", "/sys/firmware/efi/efivars"},
	{"pstore", "/sys/fs/pstore"},
};

/* File systems from elsewhere: nothing of this host is in them. */
static const char *const remote_types[] = {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "lustre", "afs", "9p"};

char *path_clean(const char *path)
{
	size_t n = strlen(path), len = 0;
	CLEANUP(free) char *out = malloc(n + 2);

	if (!out)
		return NULL;
	while (*path) {
		path += strspn(path, "/");
		size_t part = strcspn(path, "/");

		if (part == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (part > 0 && !(part == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, part);
			len += part;
		}
		path += part;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = 0;
	return take_ptr(out);
}

static void path_put(struct reading *rd, char **to, const char *path)
{
	free(*to);
	*to = path_clean(path);
	if (!*to)
		reading_error(rd, -ENOMEM);
}

static void mount_tell(struct reading *rd, const struct mount_fact *m)
{
	static const char *const names[] = {"bind", "volume", "tmpfs", "mount"};
	char text[COMMAND_PARAMETER_MAX];

	snprintf(text, sizeof(text), "%s%s%s%s%s", m->source ? m->source : "", m->source && m->target ? ":" : "",
		m->target ? m->target : "", m->readonly ? ":ro" : "", m->shared ? ":shared" : "");
	parameter(rd, names[m->kind], text);
}

void mount_put(struct reading *rd, struct mount_fact *m)
{
	struct mount_fact *to = rd->r == 0 && rd->c->mount_count < CREATION_MOUNTS_MAX ? creation_add_mount(rd->c) : NULL;

	if (to) {
		*to = *m;
		mount_tell(rd, m);
	} else {
		if (rd->r == 0 && rd->c->mount_count >= CREATION_MOUNTS_MAX)
			reading_refuse(rd, "the request has more than %d mounts", CREATION_MOUNTS_MAX);
		reading_error(rd, -ENOMEM);
		free(m->source);
		free(m->target);
	}
	*m = (struct mount_fact){0};
}

/* Whether a comma-separated list has the word, without regard to case and blanks. */
static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (const char *p = list; *p;) {
		p += strspn(p, ", \t");
		size_t n = strcspn(p, ", \t");
		if (n == size && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static void mode_words(struct mount_fact *m, const char *words)
{
	m->readonly = m->readonly || has_word(words, "ro") || has_word(words, "readonly");
	if (has_word(words, "rw"))
		m->readonly = false;
	m->shared = m->shared || has_word(words, "shared") || has_word(words, "rshared");
}

/* "SOURCE:TARGET[:MODE]", or "TARGET" alone for a volume without a name. */
void bind_read(struct reading *rd, const char *bind)
{
	struct mount_fact m = {.kind = MOUNT_VOLUME};
	const char *first = strchr(bind, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;

	if (second && strchr(second + 1, ':')) {
		reading_refuse(rd, "a bind has more than three parts");
		return;
	}
	if (!first) {
		path_put(rd, &m.target, bind);
		mount_put(rd, &m);
		return;
	}
	CLEANUP(free) char *source = strndup(bind, (size_t)(first - bind));
	CLEANUP(free) char *target = second ? strndup(first + 1, (size_t)(second - first - 1)) : strdup(first + 1);
	if (!source || !target) {
		reading_error(rd, -ENOMEM);
		return;
	}
	if (!*source || !*target) {
		reading_refuse(rd, "a bind has an empty part");
		return;
	}
	/* A name with a slash is a path that dockerd would refuse, or take from a folder of its own. */
	if (strchr(source, '/') || source[0] == '.' || source[0] == '~') {
		m.kind = MOUNT_BIND;
		path_put(rd, &m.source, source);
	} else {
		text_put(rd, &m.source, source);
	}
	path_put(rd, &m.target, target);
	if (second)
		mode_words(&m, second + 1);
	mount_put(rd, &m);
}

static bool is_remote(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(remote_types); i++)
		if (strcasecmp(type, remote_types[i]) == 0)
			return true;
	return false;
}

static const char *kernel_folder(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel_types); i++)
		if (strcasecmp(type, kernel_types[i].type) == 0)
			return kernel_types[i].folder;
	return NULL;
}

/* The folders of an overlay, each a mount of its own: lowerdir=/a:/b,upperdir=/c. */
static void overlay_read(struct reading *rd, const char *target, const char *options)
{
	for (const char *p = options; *p && rd->r == 0;) {
		size_t n = strcspn(p, ",");
		const char *equals = memchr(p, '=', n), *end = p + n;

		for (const char *q = equals ? equals + 1 : end; q < end;) {
			size_t size = strcspn(q, ":,");
			CLEANUP(free) char *path = strndup(q, size);
			struct mount_fact m = {.kind = MOUNT_BIND};

			if (!path)
				reading_error(rd, -ENOMEM);
			if (path && *path == '/') {
				path_put(rd, &m.source, path);
				text_put(rd, &m.target, target);
				mount_put(rd, &m);
			}
			q += size + (q + size < end);
		}
		p += n + (p[n] == ',');
	}
}

/* The options of the local driver: what mount(8) would be told. */
static void local_read(struct reading *rd, struct mount_fact *m, const struct json *options)
{
	const char *type = map_text(rd, options, "type"), *device = map_text(rd, options, "device");
	const char *o = map_text(rd, options, "o");
	const char *folder = kernel_folder(type ? type : "");
	bool bind = o && (has_word(o, "bind") || has_word(o, "rbind"));

	if (o)
		mode_words(m, o);
	if (type && *type && !bind)
		parameter(rd, "volume_type", type);
	if (folder && !bind) {
		m->kind = MOUNT_BIND;
		path_put(rd, &m->source, folder);
	} else if (type && strcasecmp(type, "tmpfs") == 0 && !bind) {
		m->kind = MOUNT_TMPFS;
	} else if (type && strcasecmp(type, "overlay") == 0 && o && !bind) {
		overlay_read(rd, m->target, o);
	} else if (device && *device && (bind || (*device == '/' && !is_remote(type ? type : "")))) {
		m->kind = MOUNT_BIND;
		path_put(rd, &m->source, device);
		if (rd->r == 0 && str_has_prefix(m->source, "/dev/"))
			list_put(rd, &rd->c->devices, m->source);
	}
}

void volume_read(struct reading *rd, struct mount_fact *m, const char *driver, const struct json *options)
{
	if (driver && *driver && strcmp(driver, "local") != 0)
		parameter(rd, "volume_driver", driver);
	else if (json_is_object(options))
		local_read(rd, m, options);
}

static void mount_bind(struct reading *rd, struct mount_fact *m, const struct json *mount)
{
	const char *source = field_text(rd, mount, "Source");
	const char *propagation = field_text(rd, field_object(rd, mount, "BindOptions"), "Propagation");

	m->kind = MOUNT_BIND;
	path_put(rd, &m->source, source ? source : "");
	if (propagation)
		mode_words(m, propagation);
}

static void mount_volume(struct reading *rd, struct mount_fact *m, const struct json *mount)
{
	const char *source = field_text(rd, mount, "Source");
	const struct json *options = field_object(rd, mount, "VolumeOptions");
	const struct json *driver = field_object(rd, options, "DriverConfig");

	m->kind = MOUNT_VOLUME;
	if (source && *source)
		text_put(rd, &m->source, source);
	if (driver)
		volume_read(rd, m, field_text(rd, driver, "Name"), field_object(rd, driver, "Options"));
}

/* mount.Mount of the API and of swarm. */
void mount_read(struct reading *rd, const struct json *mount)
{
	struct mount_fact m = {.kind = MOUNT_OTHER, .readonly = field_flag(rd, mount, "ReadOnly")};
	const char *type = field_text(rd, mount, "Type"), *target = field_text(rd, mount, "Target");
	const char *source = field_text(rd, mount, "Source");

	type = type ? type : "";
	path_put(rd, &m.target, target ? target : "");
	if (strcasecmp(type, "bind") == 0) {
		mount_bind(rd, &m, mount);
	} else if (strcasecmp(type, "volume") == 0 || !*type) {
		mount_volume(rd, &m, mount);
	} else if (strcasecmp(type, "tmpfs") == 0) {
		m.kind = MOUNT_TMPFS;
	} else {
		parameter(rd, "mount_type", type);
		if (source)
			text_put(rd, &m.source, source);
	}
	mount_put(rd, &m);
}

void tmpfs_read(struct reading *rd, const char *target, const char *options)
{
	struct mount_fact m = {.kind = MOUNT_TMPFS};

	path_put(rd, &m.target, target);
	mode_words(&m, options);
	mount_put(rd, &m);
}
