/* SPDX-License-Identifier: Apache-2.0 */
/* /proc readers: see proc.h. */
#include "base/proc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/clock.h"

static int read_file(pid_t pid, const char *name, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int r = file_read(path, out);
	return r == -ENOENT ? -ESRCH : r;
}

/* The fields after the command name, which may itself hold spaces and brackets. */
static int stat_fields(pid_t pid, struct buf *text, char **ret_after)
{
	int r = read_file(pid, "stat", text);

	if (r < 0)
		return r;
	char *close = text->data ? strrchr((char *)text->data, ')') : NULL;
	if (!close || close[1] != ' ')
		return -EBADMSG;
	*ret_after = close + 2;
	return 0;
}

int proc_stat_read(pid_t pid, struct proc_stat *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	struct proc_stat st = {0};
	char *after;
	unsigned long long start;
	int ppid;

	int r = stat_fields(pid, &text, &after);
	if (r < 0)
		return r;
	if (sscanf(after, "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		    &st.state, &ppid, &start) != 3)
		return -EBADMSG;
	char *open = strchr((char *)text.data, '(');
	if (open) {
		size_t n = (size_t)(after - 2 - (open + 1));
		if (n >= sizeof(st.comm))
			n = sizeof(st.comm) - 1;
		memcpy(st.comm, open + 1, n);
	}
	st.ppid = ppid;
	st.start_boot_ns = start * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	*ret = st;
	return 0;
}

int proc_uid(pid_t pid, uint32_t *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384);
	unsigned uid;

	int r = read_file(pid, "status", &text);
	if (r < 0)
		return r;
	const char *line = text.data ? strstr((char *)text.data, "\nUid:") : NULL;
	if (!line || sscanf(line, "\nUid: %u", &uid) != 1)
		return -EBADMSG;
	*ret = uid;
	return 0;
}

int proc_cmdline(pid_t pid, struct buf *out)
{
	int r = read_file(pid, "cmdline", out);

	return r == -EFBIG ? 0 : r;
}

int proc_exe(pid_t pid, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t n = readlink(path, out, size - 1);
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	out[n] = 0;
	return 0;
}

int proc_cgroup(pid_t pid, const char *v1, char *out, size_t size)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384);
	char *save = NULL;
	char found[1024] = "";

	int r = read_file(pid, "cgroup", &text);
	if (r < 0)
		return r;
	for (char *line = strtok_r((char *)text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = 0;
		bool v2 = str_has_prefix(line, "0:") && controllers[1] == 0;
		bool wanted = v1 && strcmp(controllers + 1, v1) == 0;
		if (wanted || (v2 && !v1))
			snprintf(found, sizeof(found), "%s", path);
	}
	if (!found[0])
		return -ENOENT;
	if (strlen(found) >= size)
		return -ENAMETOOLONG;
	memcpy(out, found, strlen(found) + 1);
	return 0;
}

uint64_t proc_rss(pid_t pid)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(256);
	unsigned long long total, resident;

	if (read_file(pid, "statm", &text) < 0 || !text.data ||
		sscanf((char *)text.data, "%llu %llu", &total, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t proc_cpu_ns(pid_t pid)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	unsigned long long user, sys;
	char *after;

	if (stat_fields(pid, &text, &after) < 0 ||
		sscanf(after, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
		return 0;
	return (user + sys) * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}
