/* SPDX-License-Identifier: Apache-2.0 */
/* Killing everything in a cgroup and knowing that it worked: see enforce.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "enforce/internal.h"

#define DEPTH_MAX 16
#define PROCS_MAX (1u << 20) /* bytes of cgroup.procs that are read at once */

static int write_at(int dir, const char *name, const char *text)
{
	CLEANUP(fd_close) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int read_at(int dir, const char *name, struct buf *out)
{
	CLEANUP(fd_close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_read_all(fd, out);
}

struct walk {
	int (*fn)(struct walk *w, pid_t pid);
	uint32_t pids;
	int error;
};

static void walk_pids(struct walk *w, int dir)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(PROCS_MAX);
	char *save = NULL;
	int r = read_at(dir, "cgroup.procs", &text);

	if (r < 0 && r != -ENOENT && r != -ENODEV && r != -EFBIG)
		w->error = r;
	char *line = text.data ? strtok_r((char *)text.data, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		uint64_t pid;
		if (parse_u64(line, 1, INT32_MAX, &pid) < 0)
			continue;
		w->pids++;
		r = w->fn ? w->fn(w, (pid_t)pid) : 0;
		if (r < 0 && r != -ESRCH)
			w->error = r;
	}
}

/* Every process of the cgroup and of those below it. */
static void walk_tree(struct walk *w, int dir, int depth)
{
	walk_pids(w, dir);
	if (depth == DEPTH_MAX)
		return;
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		fd_close(copy);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		CLEANUP(fd_close) int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			walk_tree(w, sub, depth + 1);
	}
	closedir(d);
}

static int kill_pid(struct walk *w, pid_t pid)
{
	if (pid <= 1 || pid == getpid())
		return -EPERM;
	return kill(pid, SIGKILL) < 0 ? -errno : 0;
}

/* The same cgroup in the v1 freezer hierarchy, or -1. */
static int open_freezer(const struct enforcer *e, int cgroup)
{
	char path[1024];

	if (e->freezer < 0 || enforce_cgroup_path(e, cgroup, path, sizeof(path)) < 0 || path[0] != '/' || !path[1])
		return -1;
	return openat(e->freezer, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Frozen first, so that none can fork itself away while the others are killed. */
static int kill_one_by_one(const struct enforcer *e, int cgroup)
{
	CLEANUP(fd_close) int freezer = -1;
	struct walk w = {.fn = kill_pid};
	bool frozen = write_at(cgroup, "cgroup.freeze", "1") == 0;

	if (!frozen) {
		freezer = open_freezer(e, cgroup);
		if (freezer >= 0)
			frozen = write_at(freezer, "freezer.state", "FROZEN") == 0;
	}
	walk_tree(&w, cgroup, 0);
	/* Forked between the reading and the freezing: once more. */
	walk_tree(&w, cgroup, 0);
	if (frozen && freezer >= 0)
		write_at(freezer, "freezer.state", "THAWED");
	else if (frozen)
		write_at(cgroup, "cgroup.freeze", "0");
	return w.error;
}

int enforce_kill_cgroup(const struct enforcer *e, int cgroup)
{
	int r = enforce_check_cgroup(e, cgroup);

	if (r < 0 || e->dry_run)
		return r;
	if (e->v2 && !e->no_cgroup_kill) {
		r = write_at(cgroup, "cgroup.kill", "1");
		if (r == 0 || r == -ENODEV)
			return 0; /* ENODEV: removed under us, which is as empty as it gets */
	}
	return kill_one_by_one(e, cgroup);
}

/* 1 = a process is left in it or below, 0 = none. */
static int is_populated(int events, int cgroup)
{
	char text[256];
	ssize_t n = events < 0 ? -1 : pread(events, text, sizeof(text) - 1, 0);

	if (n < 0) {
		struct walk w = {0};
		if (events >= 0 && (errno == ENODEV || errno == ENOENT))
			return 0;
		walk_tree(&w, cgroup, 0);
		return w.pids != 0;
	}
	text[n] = 0;
	return strstr(text, "populated 1") != NULL;
}

int enforce_wait_empty(const struct enforcer *e, int cgroup, uint32_t timeout_ms)
{
	CLEANUP(fd_close) int events = e->v2 ? openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC) : -1;
	uint64_t deadline = time_monotonic() + timeout_ms * NSEC_PER_MSEC;

	if (e->dry_run)
		return 0;
	for (;;) {
		struct pollfd p = {.fd = events, .events = POLLPRI};
		if (!is_populated(events, cgroup))
			return 0;
		uint64_t now = time_monotonic();
		if (now >= deadline)
			return -ETIME;
		/* A v1 cgroup tells nobody when it empties: look again each millisecond. */
		uint64_t left = (deadline - now) / NSEC_PER_MSEC + 1;
		poll(&p, 1, events >= 0 ? (int)left : 1);
	}
}
