/* SPDX-License-Identifier: Apache-2.0 */
/* What the confined program needs of the host, copied to where it will see it: see registry.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "registry/registry.h"

#define COPY_MAX (4u << 20)

static const struct {
	const char *from, *variable, *to;
} copies[] = {
	{"/etc/resolv.conf", NULL, "etc/resolv.conf"},
	{"/etc/hosts", NULL, "etc/hosts"},
	{"/etc/ssl/certs/ca-certificates.crt", "SSL_CERT_FILE", "ca.pem"},
};

/* Without the file on the host the copy is empty: names, or certificates, are then just not known. */
static int copy(const char *root, size_t i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(COPY_MAX);
	const char *from = copies[i].variable ? getenv(copies[i].variable) : NULL;
	char to[PATH_MAX];

	if (snprintf(to, sizeof(to), "%s/%s", root, copies[i].to) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	int r = file_read(from && *from ? from : copies[i].from, &text);
	if (r < 0 && r != -ENOENT)
		return r;
	return file_write_atomic(to, text.data ? (char *)text.data : "", text.len, 0644);
}

/* The directory of the file itself, behind all symlinks: files are replaced, not written to. */
static void watch(int fd, const char *file)
{
	char path[PATH_MAX], *real = realpath(file, path), *slash = real ? strrchr(real, '/') : NULL;

	if (!slash)
		return;
	inotify_add_watch(fd, real, IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB);
}

int jail_prepare(const char *root, int *ret_watch)
{
	static const char *const folders[] = {"", "/etc", "/signatures"};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		r = snprintf(path, sizeof(path), "%s%s", root, folders[i]) < (int)sizeof(path) ? dir_make(path, 0755) : -ENAMETOOLONG;
	CLEANUP(fd_close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(copies) && r == 0; i++) {
		watch(fd, copies[i].from); /* before it is read: no change is missed */
		r = copy(root, i);
	}
	if (r == 0)
		*ret_watch = take_fd(fd);
	return r;
}
