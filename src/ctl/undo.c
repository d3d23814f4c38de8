/* SPDX-License-Identifier: Apache-2.0 */
/* Taking back what we changed on the host: see undo.h. */
#include "ctl/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "ctl/spawn.h"

#define LIST_MAX (1u << 20)
#define STOP_MS 15000
#define CGROUP_TRIES 100

static void undo_process(const char *what)
{
	unsigned pid;
	uint64_t start;

	if (sscanf(what, "%u %" SCNu64, &pid, &start) == 2)
		process_stop(
			&(struct process_id){.pid = (pid_t)pid, .start = start}, SIGTERM, STOP_MS);
}

static void undo_bridge(const char *what)
{
	spawn_words(0, "ip", "link", "delete", what, NULL);
}

static void undo_masquerade(const char *what)
{
	spawn_words(0, "iptables", "-w", "-t", "nat", "-D", "POSTROUTING", "-s", what, "!", "-d",
		what, "-m", "comment", "--comment", "seawall", "-j", "MASQUERADE", NULL);
}

static void undo_sysctl(const char *what)
{
	char path[256];
	const char *equals = strchr(what, '=');

	if (!equals)
		return;
	snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(equals - what), what);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		fd_write_all(fd, equals + 1, strlen(equals + 1));
}

/* Kills every process of one cgroup directory. */
static void cgroup_kill(const char *dir)
{
	char path[4200];
	unsigned pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	CLEANUP(fclose) FILE *f = fopen(path, "re");
	while (f && fscanf(f, "%u", &pid) == 1)
		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
}

static int cgroup_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_D || type == FTW_DP) {
		cgroup_kill(path);
		rmdir(path);
	}
	return 0;
}

/* A killed process leaves its cgroup a little later: tried again until the directory is gone. */
static void cgroup_remove(const char *dir)
{
	for (int i = 0; i < CGROUP_TRIES && access(dir, F_OK) == 0; i++) {
		if (i)
			poll(NULL, 0, 10);
		nftw(dir, cgroup_visit, 16, FTW_PHYS | FTW_DEPTH);
	}
}

/* Calls fn for each mount point for which `wanted` says so, in the order of mounting. */
static void each_mount(bool (*wanted)(const char *type, const char *point, const char *what),
	void (*fn)(const char *point, const char *what), const char *what)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192], point[4096];

	while (f && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");
		if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
			continue;
		if (wanted(dash + 3, point, what))
			fn(point, what);
	}
}

static bool is_cgroup(const char *type, const char *point, const char *what)
{
	return str_has_prefix(type, "cgroup");
}

static void cgroup_at(const char *point, const char *what)
{
	char dir[4400];

	snprintf(dir, sizeof(dir), "%s/%s", point, what);
	cgroup_remove(dir);
}

static void undo_cgroup(const char *what)
{
	if (*what && !strchr(what, '/'))
		each_mount(is_cgroup, cgroup_at, what);
}

static bool is_below(const char *type, const char *point, const char *what)
{
	size_t n = strlen(what);

	return n > 1 && strncmp(point, what, n) == 0 && (point[n] == '/' || !point[n]);
}

static void unmount(const char *point, const char *what)
{
	umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void undo_mounts(const char *what)
{
	/* Mounts over mounts: the same point may be there more than once. */
	for (int i = 0; i < 4; i++)
		each_mount(is_below, unmount, what);
}

static int tree_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	remove(path); /* what cannot be removed stays; the rest goes on */
	return 0;
}

static void undo_tree(const char *what)
{
	undo_mounts(what);
	if (strlen(what) > 1)
		nftw(what, tree_visit, 64, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);
}

static void undo_empty(const char *what)
{
	rmdir(what);
}

static void undo_file(const char *what)
{
	unlink(what);
}

static const struct {
	const char *name;
	void (*run)(const char *what);
} kinds[] = {
	[UNDO_PROCESS] = {"process", undo_process},
	[UNDO_BRIDGE] = {"bridge", undo_bridge},
	[UNDO_MASQUERADE] = {"masquerade", undo_masquerade},
	[UNDO_SYSCTL] = {"sysctl", undo_sysctl},
	[UNDO_CGROUP] = {"cgroup", undo_cgroup},
	[UNDO_MOUNTS] = {"mounts", undo_mounts},
	[UNDO_TREE] = {"tree", undo_tree},
	[UNDO_EMPTY] = {"empty", undo_empty},
	[UNDO_FILE] = {"file", undo_file},
};
_Static_assert(ARRAY_SIZE(kinds) == UNDO_COUNT_, "one row for each kind");

int undo_add(const char *list, enum undo_kind kind, const char *what, struct diag *reterr)
{
	struct buf line = BUF_INIT(LIST_MAX);
	CLEANUP(fd_close)
	int fd = open(list, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return diag_msg(reterr, -errno, "cannot write %s", list);
	buf_printf(&line, "%s %s\n", kinds[kind].name, what);
	int r = line.failed ? line.failed : fd_write_all(fd, line.data, line.len);
	buf_done(&line);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	return r < 0 ? diag_msg(reterr, r, "cannot write %s", list) : 0;
}

static void undo_line(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].name);
		if (strncmp(line, kinds[i].name, n) == 0 && line[n] == ' ') {
			log_debug("undoing: %s", line);
			kinds[i].run(line + n + 1);
			return;
		}
	}
}

int undo_run(const char *list)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(LIST_MAX);
	int r = file_read(list, &text);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t end = text.len; end > 0;) {
		size_t from = end;
		while (from > 0 && text.data[from - 1] != '\n')
			from--;
		text.data[end] = 0;
		if (from < end)
			undo_line((const char *)text.data + from);
		end = from ? from - 1 : 0;
	}
	return unlink(list) < 0 && errno != ENOENT ? -errno : 0;
}
