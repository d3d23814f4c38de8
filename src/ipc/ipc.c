/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, peers, server and client: see ipc.h.
 *
 * A peer may be freed from inside its own handler, so while it dispatches it is only marked and the
 * memory goes when the dispatch returns. Descriptors ride on the first byte of their frame, which
 * says so in its flags: received ones wait in order until their frame is whole.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"

#define FRAME_HEADER 16
#define READ_CHUNK 65536
#define FDS_MAX 16 /* queued to or from one peer */
#define FRAME_HAS_FD 1
#define KEEP_MAX (256u << 10) /* memory of an empty buffer: a burst's goes back */

struct queued_fd {
	uint64_t at; /* stream offset of the frame it belongs to */
	int fd;
};

struct ipc_peer {
	struct ipc_config config;
	struct loop_source *source;
	int fd;
	enum ipc_role role; /* theirs */
	bool dispatching, dead;
	struct buf in, out;
	uint64_t sent; /* bytes written so far: stream offset of out.data[0] */
	struct queued_fd fds[FDS_MAX];
	unsigned fd_count;
	int received[FDS_MAX];
	unsigned received_count;
	ipc_accepted_fn *on_ready; /* after HELLO */
	void *ready_ctx;
};

static void peer_release(struct ipc_peer *p)
{
	for (unsigned i = 0; i < p->fd_count; i++)
		fd_close(p->fds[i].fd);
	for (unsigned i = 0; i < p->received_count; i++)
		fd_close(p->received[i]);
	loop_source_free(p->source);
	fd_close(p->fd);
	buf_done(&p->in);
	buf_done(&p->out);
	free(p);
}

struct ipc_peer *ipc_peer_free(struct ipc_peer *p)
{
	if (!p)
		return NULL;
	if (p->dispatching)
		p->dead = true;
	else
		peer_release(p);
	return NULL;
}

/* Ends the connection from our side: tells the owner, then frees. */
static void peer_close(struct ipc_peer *p, int why)
{
	p->source = loop_source_free(p->source);
	p->dispatching = true; /* the owner may free it in the callback */
	if (p->config.on_closed && !p->dead)
		p->config.on_closed(p->config.ctx, p, why);
	peer_release(p);
}

static void give_back(struct buf *b)
{
	if (!b->len && b->cap > KEEP_MAX)
		buf_done(b);
}

static int peer_write(struct ipc_peer *p)
{
	while (p->out.len) {
		struct iovec iov = {p->out.data, p->out.len};
		char control[CMSG_SPACE(sizeof(int))] = {0};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		bool with_fd = p->fd_count && p->fds[0].at == p->sent;

		if (with_fd) {
			msg.msg_control = control;
			msg.msg_controllen = sizeof(control);
			struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(c), &p->fds[0].fd, sizeof(int));
		}
		/* Stop before the next frame that carries a descriptor. */
		unsigned next = with_fd ? 1 : 0;
		if (next < p->fd_count && p->fds[next].at - p->sent < iov.iov_len)
			iov.iov_len = p->fds[next].at - p->sent;
		ssize_t n = sendmsg(p->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? loop_mod_fd(p->source, EPOLLIN | EPOLLOUT) : -errno;
		if (with_fd) {
			fd_close(p->fds[0].fd);
			memmove(p->fds, p->fds + 1, --p->fd_count * sizeof(p->fds[0]));
		}
		p->sent += (uint64_t)n;
		buf_consume(&p->out, (size_t)n);
	}
	give_back(&p->out);
	return loop_mod_fd(p->source, EPOLLIN);
}

static int peer_queue(struct ipc_peer *p, enum ipc_type type, uint64_t seq, const void *body, int fd)
{
	const struct ipc_message *m = ipc_message(type);
	size_t mark = p->out.len;

	if (!m || !(m->senders & p->config.role))
		return -EINVAL;
	if (fd >= 0 && p->fd_count == FDS_MAX)
		return -ENOBUFS;
	buf_put_u32(&p->out, 0);
	buf_put_u16(&p->out, (uint16_t)type);
	buf_put_u16(&p->out, fd >= 0 ? FRAME_HAS_FD : 0);
	buf_put_u64(&p->out, seq);
	record_encode(m->body, body, &p->out);
	size_t size = p->out.failed ? 0 : p->out.len - mark - FRAME_HEADER;
	if (p->out.failed || size > IPC_BODY_MAX) {
		int r = p->out.failed == -ENOMEM ? -ENOMEM : size > IPC_BODY_MAX ? -E2BIG : -ENOBUFS;
		p->out.failed = 0;
		p->out.len = mark;
		return r;
	}
	for (int i = 0; i < 4; i++)
		p->out.data[mark + (size_t)i] = (uint8_t)(size >> (8 * i));
	if (fd >= 0)
		p->fds[p->fd_count++] = (struct queued_fd){p->sent + mark, fd};
	return 0;
}

/* Writes go out when the loop turns, so that a burst of frames becomes one system call. */
int ipc_send(struct ipc_peer *p, enum ipc_type type, uint64_t seq, const void *body)
{
	bool idle = p->out.len == 0;
	int r = p->dead ? -EPIPE : peer_queue(p, type, seq, body, -1);

	return r == 0 && idle ? loop_mod_fd(p->source, EPOLLIN | EPOLLOUT) : r;
}

int ipc_send_fd(struct ipc_peer *p, enum ipc_type type, uint64_t seq, const void *body, int fd)
{
	CLEANUP(fd_close) int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	bool idle = p->out.len == 0;

	if (copy < 0)
		return -errno;
	int r = p->dead ? -EPIPE : peer_queue(p, type, seq, body, copy);
	if (r < 0)
		return r;
	take_fd(copy);
	return idle ? loop_mod_fd(p->source, EPOLLIN | EPOLLOUT) : 0;
}

size_t ipc_queued(const struct ipc_peer *p)
{
	return p->out.len;
}

void ipc_flush(struct ipc_peer *p)
{
	/* A failure is seen again, and told, when the loop turns. */
	if (!p->dead && p->out.len && peer_write(p) < 0)
		loop_mod_fd(p->source, EPOLLIN | EPOLLOUT);
}

pid_t ipc_peer_pid(const struct ipc_peer *p)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0 ? 0 : cred.pid;
}

enum ipc_role ipc_peer_role(const struct ipc_peer *p)
{
	return p->role;
}

static int peer_hello(struct ipc_peer *p, const struct ipc_hello *hello)
{
	unsigned role = (unsigned)hello->role;

	/* One role: who had two could send what belongs to either. */
	if (p->role || hello->version != IPC_VERSION || (role & (role - 1)) || !(role & p->config.accept_roles))
		return -EPROTO;
	p->role = hello->role;
	if (p->on_ready)
		p->on_ready(p->ready_ctx, p);
	return 0;
}

struct frame {
	uint32_t size;
	uint16_t type, flags;
	uint64_t seq;
};

static int peer_dispatch(struct ipc_peer *p, const struct frame *f, const uint8_t *data)
{
	const struct ipc_message *m = ipc_message(f->type);
	CLEANUP(fd_close) int fd = -1;

	if (f->flags & FRAME_HAS_FD) {
		if (!p->received_count)
			return -EPROTO;
		fd = p->received[0];
		memmove(p->received, p->received + 1, --p->received_count * sizeof(p->received[0]));
	}
	if (!m || (p->role == 0) != (f->type == IPC_HELLO) || (p->role && !(m->senders & (unsigned)p->role)))
		return -EPROTO;
	void *body = calloc(1, m->body->size);
	if (!body)
		return -ENOMEM;
	int r = record_decode(m->body, body, data, f->size);
	if (r == 0)
		r = f->type == IPC_HELLO ? peer_hello(p, body)
			: p->config.on_message(p->config.ctx, p, (enum ipc_type)f->type, f->seq, body, take_fd(fd));
	record_done(m->body, body);
	free(body);
	return r;
}

/* Handles every whole frame of the input. */
static int peer_frames(struct ipc_peer *p)
{
	size_t used = 0;
	int r = 0;

	while (r >= 0 && !p->dead && p->in.len - used >= FRAME_HEADER) {
		struct reader h = READER(p->in.data + used, FRAME_HEADER);
		struct frame f = {.size = reader_u32(&h)};

		f.type = reader_u16(&h);
		f.flags = reader_u16(&h);
		f.seq = reader_u64(&h);
		if (f.size > IPC_BODY_MAX || (f.flags & ~FRAME_HAS_FD))
			return -EPROTO;
		if (p->in.len - used - FRAME_HEADER < f.size)
			break;
		r = peer_dispatch(p, &f, p->in.data + used + FRAME_HEADER);
		used += FRAME_HEADER + f.size;
	}
	buf_consume(&p->in, used);
	give_back(&p->in);
	return r < 0 ? r : 0;
}

static int peer_read(struct ipc_peer *p)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	uint8_t *to = buf_room(&p->in, READ_CHUNK);

	if (!to)
		return p->in.failed;
	struct iovec iov = {to, READ_CHUNK};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(p->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
		int fd;
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (p->received_count == FDS_MAX) {
			fd_close(fd);
			return -EPROTO;
		}
		p->received[p->received_count++] = fd;
	}
	p->in.len += (size_t)n;
	p->in.data[p->in.len] = 0;
	return peer_frames(p);
}

static int on_peer(void *ctx, int fd, uint32_t events)
{
	struct ipc_peer *p = ctx;
	int r = 0;

	(void)fd;
	p->dispatching = true;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = peer_read(p);
	if (r >= 0 && !p->dead && (events & EPOLLOUT))
		r = peer_write(p);
	p->dispatching = false;
	if (p->dead)
		peer_release(p);
	else if (r < 0)
		peer_close(p, r == -ECONNRESET ? 0 : r);
	return 0;
}

static int check_credentials(const struct ipc_config *config, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (config->peer_uid == (uid_t)-1)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	return cred.uid == config->peer_uid ? 0 : -EACCES;
}

static int peer_make(struct ipc_peer **ret, const struct ipc_config *config, int fd, ipc_accepted_fn *on_ready, void *ready_ctx)
{
	CLEANUP(fd_close) int owned = fd;
	int r = check_credentials(config, fd);

	if (r == 0)
		r = fd_set_nonblock(fd);
	if (r < 0)
		return r;
	struct ipc_peer *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct ipc_peer){.config = *config, .fd = take_fd(owned), .on_ready = on_ready,
		.ready_ctx = ready_ctx, .in = BUF_INIT(IPC_BODY_MAX + FRAME_HEADER + READ_CHUNK),
		.out = BUF_INIT(IPC_QUEUE_MAX)};
	struct ipc_hello hello = {.version = IPC_VERSION, .role = config->role,
		.program = (char *)(uintptr_t)config->program, .pid = (uint32_t)getpid()};
	r = loop_add_fd(config->loop, &p->source, p->fd, EPOLLIN | EPOLLOUT, on_peer, p);
	if (r == 0)
		r = peer_queue(p, IPC_HELLO, 0, &hello, -1);
	if (r < 0) {
		peer_release(p);
		return r;
	}
	*ret = p;
	return 0;
}

int ipc_peer_new(struct ipc_peer **ret, const struct ipc_config *config, int fd)
{
	return peer_make(ret, config, fd, NULL, NULL);
}

struct ipc_server {
	struct ipc_config config;
	struct loop_source *source;
	int fd;
	ipc_accepted_fn *on_accept;
};

static int on_listen(void *ctx, int fd, uint32_t events)
{
	struct ipc_server *s = ctx;
	struct ipc_peer *peer;

	(void)events;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn >= 0)
		peer_make(&peer, &s->config, conn, s->on_accept, s->config.ctx);
	return 0;
}

int ipc_server_new(struct ipc_server **ret, const struct ipc_config *config, int listen_fd, ipc_accepted_fn *on_accept)
{
	CLEANUP(fd_close) int owned = listen_fd;
	struct ipc_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct ipc_server){.config = *config, .fd = listen_fd, .on_accept = on_accept};
	int r = loop_add_fd(config->loop, &s->source, listen_fd, EPOLLIN, on_listen, s);
	if (r < 0) {
		free(s);
		return r;
	}
	take_fd(owned);
	*ret = s;
	return 0;
}

struct ipc_server *ipc_server_free(struct ipc_server *s)
{
	if (s) {
		loop_source_free(s->source);
		fd_close(s->fd);
		free(s);
	}
	return NULL;
}

struct ipc_client {
	struct ipc_config config; /* the caller's */
	char *path;
	struct loop_source *timer;
	struct ipc_peer *peer;
	bool ready;
	uint64_t delay_ms;
	ipc_accepted_fn *on_connect;
};

static int client_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct ipc_client *c = ctx;

	return c->config.on_message(c->config.ctx, peer, type, seq, body, fd);
}

static void client_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct ipc_client *c = ctx;
	bool was_ready = c->ready;

	c->ready = false;
	if (was_ready && c->config.on_closed)
		c->config.on_closed(c->config.ctx, peer, why);
	c->peer = NULL;
	loop_timer_set(c->timer, c->delay_ms, 0);
}

static void client_ready(void *ctx, struct ipc_peer *peer)
{
	struct ipc_client *c = ctx;

	c->ready = true;
	c->delay_ms = 50;
	if (c->on_connect)
		c->on_connect(c->config.ctx, peer);
}

static int client_try(void *ctx)
{
	struct ipc_client *c = ctx;
	struct ipc_config config = c->config;

	if (c->peer)
		return 0;
	config.on_message = client_message;
	config.on_closed = client_closed;
	config.ctx = c;
	int fd = unix_connect(c->path);
	if (fd < 0 || peer_make(&c->peer, &config, fd, client_ready, c) < 0) {
		c->peer = NULL;
		loop_timer_set(c->timer, c->delay_ms, 0);
	}
	c->delay_ms = c->delay_ms >= 500 ? 1000 : c->delay_ms * 2;
	return 0;
}

int ipc_client_new(struct ipc_client **ret, const struct ipc_config *config, const char *path, ipc_accepted_fn *on_connect)
{
	CLEANUP(ipc_client_free) struct ipc_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct ipc_client){.config = *config, .path = strdup(path), .delay_ms = 50, .on_connect = on_connect};
	if (!c->path)
		return -ENOMEM;
	int r = loop_add_timer(config->loop, &c->timer, 0, 0, client_try, c);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

struct ipc_client *ipc_client_free(struct ipc_client *c)
{
	if (c) {
		ipc_peer_free(c->peer);
		loop_source_free(c->timer);
		free(c->path);
		free(c);
	}
	return NULL;
}

struct ipc_peer *ipc_client_peer(struct ipc_client *c)
{
	return c->ready ? c->peer : NULL;
}
