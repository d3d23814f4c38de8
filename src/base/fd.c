/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, files and unix sockets: see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int fd_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;
		close(fd);
		errno = saved;
	}
	return -1;
}

int fd_write_all(int fd, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n) {
		ssize_t w = write(fd, from, n);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		from += w;
		n -= (size_t)w;
	}
	return 0;
}

int fd_read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t want = 16384;
		if (want > out->max - out->len)
			want = out->max - out->len;
		if (!want) {
			char c;
			ssize_t more = read(fd, &c, 1);
			return more == 0 ? 0 : more < 0 ? -errno : -EFBIG;
		}
		uint8_t *to = buf_room(out, want);
		if (!to)
			return out->failed;
		ssize_t r = read(fd, to, want);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		out->len += (size_t)r;
		out->data[out->len] = 0;
		if (r == 0)
			return 0;
	}
}

int file_read(const char *path, struct buf *out)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, out);
}

int file_write_atomic(const char *path, const void *p, size_t n, mode_t mode)
{
	char tmp[PATH_MAX];
	int r = snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);

	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	CLEANUP(fd_close) int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, p, n);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int dir_make(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return n ? -ENAMETOOLONG : -EINVAL;
	memcpy(part, path, n + 1);
	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != 0)
			continue;
		char keep = *p;
		*p = 0;
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		if (!keep)
			break;
		*p = keep;
	}
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fd_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n == 0 || n >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, n);
	return 0;
}

static int listen_at(const char *path, int type, mode_t mode, int backlog)
{
	struct sockaddr_un addr;
	int r = unix_address(path, &addr);

	if (r < 0)
		return r;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (chmod(path, mode) < 0 || listen(fd, backlog) < 0)
		return -errno;
	return take_fd(fd);
}

int unix_listen(const char *path, mode_t mode, int backlog)
{
	return listen_at(path, SOCK_STREAM, mode, backlog);
}

int unix_listen_packets(const char *path, mode_t mode, int backlog)
{
	return listen_at(path, SOCK_SEQPACKET, mode, backlog);
}

int unix_connect(const char *path)
{
	struct sockaddr_un addr;
	int r = unix_address(path, &addr);

	if (r < 0)
		return r;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return take_fd(fd);
}

int unix_send_fd(int sock, int fd)
{
	char byte = 'F';
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int unix_recv_fd(int sock)
{
	char byte;
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	struct cmsghdr *c = n ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	int fd;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
