/* SPDX-License-Identifier: Apache-2.0 */
/* The enforcer itself, single processes, and which cgroups are sacred: see enforce.h. */
#include "enforce/enforce.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "enforce/internal.h"

#define CGROUP2_MAGIC 0x63677270
#define KERNFS_HANDLE 0xfe /* FILEID_KERNFS: the handle is the 64 bit id */

struct enforcer *enforce_free(struct enforcer *e)
{
	if (!e)
		return NULL;
	fd_close(e->root);
	fd_close(e->freezer);
	free(e);
	return NULL;
}

static int protect(struct enforcer *e, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (e->sacred_count == ENFORCE_SACRED_MAX)
		return -E2BIG;
	e->sacred[e->sacred_count++] = st.st_ino;
	return 0;
}

/* The root, our own cgroup, and all between them. */
static int protect_ours(struct enforcer *e, const struct enforce_config *config)
{
	char path[PATH_MAX], own[1024];
	int r = protect(e, config->root);

	if (r < 0 || proc_cgroup(getpid(), config->v1, own, sizeof(own)) < 0)
		return r;
	for (char *end = own + strlen(own); r == 0 && end && end > own; end = strrchr(own, '/')) {
		*end = 0;
		int n = snprintf(path, sizeof(path), "%s%s", config->root, own);
		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		if (own[0] && strcmp(own, "/") != 0)
			r = protect(e, path);
		/* In a cgroup namespace our own path may not exist below this mount. */
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int enforce_new(struct enforcer **ret, const struct enforce_config *config)
{
	CLEANUP(enforce_free) struct enforcer *e = calloc(1, sizeof(*e));
	struct statfs fs;

	if (!e)
		return -ENOMEM;
	e->freezer = -1;
	e->dry_run = config->dry_run;
	e->no_cgroup_kill = config->no_cgroup_kill;
	e->root = open(config->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->root < 0)
		return -errno;
	if (fstatfs(e->root, &fs) < 0)
		return -errno;
	e->v2 = fs.f_type == CGROUP2_MAGIC;
	if (config->freezer)
		e->freezer = open(config->freezer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (strlen(config->root) >= sizeof(e->root_path))
		return -ENAMETOOLONG;
	memcpy(e->root_path, config->root, strlen(config->root) + 1);
	int r = protect_ours(e, config);
	if (r < 0)
		return r;
	*ret = take_ptr(e);
	return 0;
}

/* /proc counts in clock ticks what the kernel's records give in nanoseconds. */
static bool same_start(uint64_t a, uint64_t b)
{
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);

	return a / tick == b / tick;
}

int enforce_kill_process(const struct enforcer *e, pid_t pid, uint64_t start)
{
	struct proc_stat st;

	if (pid <= 1 || pid == getpid())
		return -EPERM;
	CLEANUP(fd_close) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	/* The pidfd holds whoever has the pid now; only then does its start say who that is. */
	int r = proc_stat_read(pid, &st);
	if (r < 0)
		return r;
	if (start && !same_start(start, st.start_boot_ns))
		return -ESRCH;
	if (e->dry_run)
		return 0;
	return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int enforce_cgroup_open(const struct enforcer *e, uint64_t cgroup_id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = {.handle = {.handle_bytes = sizeof(uint64_t), .handle_type = KERNFS_HANDLE}};

	memcpy(u.handle.f_handle, &cgroup_id, sizeof(cgroup_id));
	int fd = open_by_handle_at(e->root, &u.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ESTALE ? -ENOENT : -errno;
	return fd;
}

int enforce_cgroup_path(const struct enforcer *e, int cgroup, char *out, size_t size)
{
	char link[64], path[PATH_MAX];
	size_t skip = strlen(e->root_path);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	if ((size_t)n < skip || memcmp(path, e->root_path, skip) != 0)
		return -ENOENT;
	if ((size_t)n - skip >= size)
		return -ENAMETOOLONG;
	memcpy(out, path + skip, (size_t)n - skip + 1);
	return 0;
}

int enforce_check_cgroup(const struct enforcer *e, int cgroup)
{
	struct stat st;

	if (fstat(cgroup, &st) < 0)
		return -errno;
	for (uint32_t i = 0; i < e->sacred_count; i++)
		if (e->sacred[i] == st.st_ino)
			return -EPERM;
	return 0;
}
