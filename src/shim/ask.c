/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the Gate (ipc/shim_wire.h), all of it within one deadline: connecting to a full
 * backlog, sending to one that does not read, waiting for one that does not answer.
 */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STORAGE_MAX (64u << 20)
#define ATTACHED_MAX 2

uint64_t ask_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static int no_answer(char why[SHIM_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SHIM_WHY_MAX, fmt, ap);
	va_end(ap);
	return -1;
}

/* What is left until then, at least a microsecond. */
static struct timeval left(uint64_t until)
{
	uint64_t now = ask_now(), us = now < until ? (until - now) / 1000 : 0;

	us = us ? us : 1;
	return (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
}

static int open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* Does the file name the container? */
static bool names(int fd, const char *id)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > STORAGE_MAX)
		return false;
	void *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return false;
	bool found = memmem(text, (size_t)st.st_size, id, strlen(id)) != NULL;
	munmap(text, (size_t)st.st_size);
	return found;
}

/* podman's list of containers that this one is in: those made with --rm stand in a list of their own. */
static int open_storage(const char *bundle, const char *id)
{
	static const char *const lists[] = {"containers.json", "volatile-containers.json"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/../../%s", bundle, lists[i]) >= (int)sizeof(path))
			return -1;
		int fd = open_regular(path);
		if (fd >= 0 && names(fd, id))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* Waits in a full backlog no longer than until then: unix sockets take SO_SNDTIMEO for that. */
static int connect_until(int fd, const char *path, uint64_t until)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r;

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	do {
		struct timeval t = left(until);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	} while (r < 0 && errno == EINTR && ask_now() < until);
	return r;
}

static int send_question(int fd, const struct shim_request *q, const int *attached, size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(ATTACHED_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)q, .iov_len = sizeof(*q)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), attached, count * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(*q) ? 0 : -1;
}

static int receive_answer(int fd, struct shim_reply *reply, uint64_t until, char why[SHIM_WHY_MAX])
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ready;

	do {
		struct timeval t = left(until);
		struct timespec wait = {.tv_sec = t.tv_sec, .tv_nsec = t.tv_usec * 1000};
		ready = ppoll(&p, 1, &wait, NULL);
	} while (ready < 0 && errno == EINTR && ask_now() < until);
	if (ready <= 0)
		return no_answer(why, "no answer in time");
	ssize_t n = recv(fd, reply, sizeof(*reply), MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0)
		return no_answer(why, "the connection was closed without an answer");
	if (n != (ssize_t)sizeof(*reply) || reply->magic != SHIM_MAGIC ||
		(reply->answer != SHIM_ALLOW && reply->answer != SHIM_REFUSE) ||
		!memchr(reply->text, 0, sizeof(reply->text)))
		return no_answer(why, "an answer that cannot be understood");
	return 0;
}

/* Everything about the socket; attached: open files to go with the question. */
static int exchange(struct shim_reply *reply, const struct settings *s, const struct shim_request *q,
	const int attached[ATTACHED_MAX], uint64_t until, char why[SHIM_WHY_MAX])
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int r = -1, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return no_answer(why, "no socket: %s", strerror(errno));
	if (connect_until(fd, s->socket, until) < 0)
		no_answer(why, "%s: %s", s->socket, errno == EAGAIN ? "no answer in time" : strerror(errno));
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != s->uid)
		no_answer(why, "%s belongs to somebody else", s->socket);
	else if (send_question(fd, q, attached, attached[1] >= 0 ? 2 : 1) < 0)
		no_answer(why, "%s: %s", s->socket, errno == EAGAIN ? "no answer in time" : strerror(errno));
	else
		r = receive_answer(fd, reply, until, why);
	close(fd);
	return r;
}

static int fill(struct shim_request *q, const struct settings *s, const struct arguments *a, uint64_t until)
{
	char here[PATH_MAX] = "";
	bool relative = a->bundle[0] != '/';

	*q = (struct shim_request){.magic = SHIM_MAGIC, .pid = (uint32_t)getpid(), .until = until};
	snprintf(q->engine, sizeof(q->engine), "%s", s->engine);
	if (relative && !getcwd(here, sizeof(here)))
		return -1;
	/* For messages only: a longer one is cut. */
	size_t n = strnlen(here, sizeof(q->bundle) - 2);
	memcpy(q->bundle, here, n);
	if (relative)
		q->bundle[n++] = '/';
	memcpy(q->bundle + n, a->bundle, strnlen(a->bundle, sizeof(q->bundle) - 1 - n));
	return snprintf(q->id, sizeof(q->id), "%s", a->id) < (int)sizeof(q->id) ? 0 : -1;
}

int ask_gate(struct shim_reply *reply, const struct settings *s, const struct arguments *a, uint64_t until,
	char why[SHIM_WHY_MAX])
{
	struct shim_request q;
	char path[PATH_MAX];
	int attached[ATTACHED_MAX] = {-1, -1};

	if (fill(&q, s, a, until) < 0)
		return no_answer(why, "a container id that is too long");
	if (snprintf(path, sizeof(path), "%s/config.json", a->bundle) >= (int)sizeof(path) && !a->config)
		return no_answer(why, "a bundle path that is too long");
	attached[0] = open_regular(a->config ? a->config : path);
	if (attached[0] < 0)
		return no_answer(why, "%.256s: %s", a->config ? a->config : path, strerror(errno));
	attached[1] = open_storage(a->bundle, a->id);
	int r = exchange(reply, s, &q, attached, until, why);
	close(attached[0]);
	if (attached[1] >= 0)
		close(attached[1]);
	return r;
}
