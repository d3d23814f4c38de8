/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's side of the map of containers: where the hierarchies are mounted, which cgroup is a
 * container and under which slot its rule is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/banned.h"
#include "base/fd.h"
#include "bpf/cgroup_leaf.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

/* Number of the hierarchy that holds `controller`, from a line "8:pids:/" of /proc/self/cgroup. */
static int hierarchy_number(const char *controller, uint32_t *ret)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512], *list, *end;
	unsigned long number;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		number = strtoul(line, &list, 10);
		if (*list++ != ':')
			continue;
		end = strchr(list, ':');
		if (!end)
			continue;
		*end = 0;
		for (char *save = NULL, *c = strtok_r(list, ",", &save); c; c = strtok_r(NULL, ",", &save))
			if (!strcmp(c, controller)) {
				*ret = (uint32_t)number;
				return 0;
			}
	}
	return -ENOENT;
}

static void mounts_find(struct sensor_set *s)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	if (!f)
		return;
	while ((m = getmntent(f))) {
		if (!strcmp(m->mnt_type, "cgroup2") && !s->cgroup2_root[0])
			snprintf(s->cgroup2_root, sizeof(s->cgroup2_root), "%s", m->mnt_dir);
		if (s->config.cgroup_v1 && !strcmp(m->mnt_type, "cgroup") && hasmntopt(m, s->config.cgroup_v1))
			snprintf(s->cgroup_root, sizeof(s->cgroup_root), "%s", m->mnt_dir);
	}
	endmntent(f);
}

int sensor_cgroup_find(struct sensor_set *s, struct diag *reterr)
{
	const char *v1 = s->config.cgroup_v1;
	int r;

	if (v1 && strcmp(v1, "pids") != 0)
		return diag_msg(reterr, -EINVAL, "containers can be told apart by the v1 controller 'pids' only, not '%s'", v1);
	mounts_find(s);
	if (!v1) {
		if (!s->cgroup2_root[0])
			return diag_msg(reterr, -ENOENT, "no cgroup v2 hierarchy is mounted");
		memcpy(s->cgroup_root, s->cgroup2_root, sizeof(s->cgroup_root));
		return 0;
	}
	if (!s->cgroup_root[0])
		return diag_msg(reterr, -ENOENT, "the cgroup v1 hierarchy of '%s' is not mounted", v1);
	r = hierarchy_number(v1, &s->hierarchy);
	return r < 0 ? diag_msg(reterr, r, "cannot find the number of the cgroup hierarchy '%s'", v1) : 0;
}

const char *sensor_cgroup_root(const struct sensor_set *s)
{
	return s->cgroup_root;
}

uint64_t sensor_cgroup_id(const struct sensor_set *s, const char *cgroup_path)
{
	char path[4096];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", s->cgroup_root, cgroup_path) >= (int)sizeof(path))
		return 0;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? st.st_ino : 0;
}

/* The same rule as leaf_key() in bpf/cgroup.bpf.c. */
static int leaf_key(const char *leaf, struct wire_leaf *key)
{
	struct leaf_scan scan = {};
	size_t n = strlen(leaf);

	memset(key, 0, sizeof(*key));
	if (n == 0 || n >= WIRE_LEAF_MAX)
		return -EINVAL;
	for (size_t i = 0; i <= n; i++)
		if (leaf_step(&scan, (uint32_t)i, leaf[i]))
			break;
	if (scan.end)
		memcpy(key->name, leaf + scan.end - LEAF_ID, LEAF_ID);
	else
		memcpy(key->name, leaf, n);
	return 0;
}

int sensor_container_expect(struct sensor_set *s, const char *cgroup_leaf, uint32_t slot)
{
	struct wire_leaf key;
	int r = leaf_key(cgroup_leaf, &key);

	return r < 0 ? r : bpf_map__update_elem(s->bpf->maps.expected, &key, sizeof(key), &slot, sizeof(slot), BPF_ANY);
}

int sensor_container_forget(struct sensor_set *s, const char *cgroup_leaf)
{
	struct wire_leaf key;
	int r = leaf_key(cgroup_leaf, &key);

	return r < 0 ? r : bpf_map__delete_elem(s->bpf->maps.expected, &key, sizeof(key), 0);
}

/* Opens the directory of a cgroup by its id, which is the kernfs file handle. */
static int cgroup_open(const struct sensor_set *s, uint64_t id)
{
	CLEANUP(fd_close) int mount_fd = open(s->cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union {
		struct file_handle handle;
		uint8_t bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = {.handle = {.handle_bytes = sizeof(id), .handle_type = 0xfe /* FILEID_KERNFS */}};
	int fd;

	if (mount_fd < 0)
		return -errno;
	memcpy(u.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &u.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

typedef int cgroup_visit_fn(struct sensor_set *s, uint64_t id, const struct wire_cgroup_entry *entry);

/* Calls fn for every cgroup below the directory; takes fd. Cgroups made meanwhile inherit by themselves. */
static void cgroup_walk(struct sensor_set *s, int fd, int depth, cgroup_visit_fn *fn,
	const struct wire_cgroup_entry *entry)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		fd_close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		fn(s, e->d_ino, entry);
		if (depth > 0) {
			int child = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

			if (child >= 0)
				cgroup_walk(s, child, depth - 1, fn, entry);
		}
	}
	closedir(dir);
}

#define CGROUP_DEPTH 16

static void cgroup_walk_from(struct sensor_set *s, uint64_t id, cgroup_visit_fn *fn,
	const struct wire_cgroup_entry *entry)
{
	int fd = cgroup_open(s, id);

	if (fd >= 0)
		cgroup_walk(s, fd, CGROUP_DEPTH, fn, entry);
}

static int entry_put(struct sensor_set *s, uint64_t id, const struct wire_cgroup_entry *entry)
{
	return bpf_map__update_elem(s->bpf->maps.cgroups, &id, sizeof(id), entry, sizeof(*entry), BPF_ANY);
}

static int entry_drop(struct sensor_set *s, uint64_t id, const struct wire_cgroup_entry *entry)
{
	int r = bpf_map__delete_elem(s->bpf->maps.cgroups, &id, sizeof(id), 0);

	return r == -ENOENT ? 0 : r;
}

int sensor_cgroup_set(struct sensor_set *s, uint64_t cgroup_id, uint32_t slot)
{
	struct wire_cgroup_entry entry = {.container = cgroup_id, .slot = slot};
	int r = entry_put(s, cgroup_id, &entry);

	/* The cgroup itself first: what is made below it from now on inherits in the kernel. */
	if (r == 0)
		cgroup_walk_from(s, cgroup_id, entry_put, &entry);
	return r;
}

int sensor_cgroup_remove(struct sensor_set *s, uint64_t cgroup_id)
{
	int r = entry_drop(s, cgroup_id, NULL);

	if (r == 0)
		cgroup_walk_from(s, cgroup_id, entry_drop, NULL);
	return r;
}
