/* SPDX-License-Identifier: Apache-2.0 */
/* Asking seawall-registry: see registry_client.h. */
#include "trust/registry_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "trust/reference.h"

#define OUT_MAX (1u << 20)
#define READ_SIZE 65536
#define LATE_MS 100 /* that the other side may be late with saying "no answer in time" itself */

struct registry_pending {
	struct registry_client *client;
	struct registry_pending *next, **link;
	struct loop_source *timer;
	uint64_t id;
	registry_answer_fn *fn;
	void *ctx;
};

struct registry_client {
	struct loop *loop;
	const char *path;
	uid_t server;
	int fd;
	struct loop_source *source;
	struct buf in, out;
	struct registry_pending *pending;
	unsigned count;
	uint64_t last_id;
};

static void pending_free(struct registry_pending *p)
{
	loop_source_free(p->timer);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->client->count--;
	free(p);
}

static void pending_end(struct registry_pending *p, const struct registry_answer *a)
{
	registry_answer_fn *fn = p->fn;
	void *ctx = p->ctx;

	pending_free(p);
	fn(ctx, a);
}

static void fail(struct registry_pending *p, int error, const char *message)
{
	struct registry_answer a = {.error = error, .message = (char *)(uintptr_t)message};

	pending_end(p, &a);
}

static void disconnect(struct registry_client *c)
{
	c->source = loop_source_free(c->source);
	c->fd = fd_close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	c->in = BUF_INIT(REGISTRY_ANSWER_MAX + sizeof(struct registry_header) + READ_SIZE);
	c->out = BUF_INIT(OUT_MAX);
}

/* Everybody who waits hears of it; those that they ask in return are not touched. */
static int connection_lost(struct registry_client *c)
{
	uint64_t last = c->last_id;

	disconnect(c);
	for (struct registry_pending *p = c->pending, *next; p; p = next) {
		next = p->next;
		if (p->id > last)
			continue;
		fail(p, -ECONNRESET, "seawall-registry is gone");
		/* The callback may have changed the list: from the start again. */
		next = c->pending;
	}
	return 0;
}

static struct registry_pending *find(struct registry_client *c, uint64_t id)
{
	for (struct registry_pending *p = c->pending; p; p = p->next)
		if (p->id == id)
			return p;
	return NULL;
}

static int take_answers(struct registry_client *c)
{
	for (;;) {
		CLEANUP(registry_answer_done) struct registry_answer a = {0};
		uint64_t id;
		int r = registry_frame_take(&c->in, REGISTRY_ANSWER_MAX, &record_registry_answer, &id, &a);

		if (r <= 0)
			return r;
		if (!evidence_bounded(&a.evidence) || (a.digest && !digest_valid(a.digest)) || a.error > 0)
			return -EBADMSG;
		struct registry_pending *p = find(c, id);
		if (p)
			pending_end(p, &a);
		if (c->fd < 0)
			return 0; /* the callback freed the connection */
	}
}

static int flush(struct registry_client *c)
{
	while (c->out.len) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		buf_consume(&c->out, (size_t)n);
	}
	return loop_mod_fd(c->source, c->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int on_ready(void *ctx, int fd, uint32_t events)
{
	struct registry_client *c = ctx;

	if (events & EPOLLOUT && flush(c) < 0)
		return connection_lost(c);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	uint8_t *room = buf_room(&c->in, READ_SIZE);
	ssize_t n = room ? recv(fd, room, READ_SIZE, MSG_DONTWAIT) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return connection_lost(c);
	c->in.len += (size_t)n;
	return take_answers(c) < 0 ? connection_lost(c) : 0;
}

static int connect_now(struct registry_client *c)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(c->path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", c->path);
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	if (!peer_is(fd, c->server))
		return -EPERM;
	int r = loop_add_fd(c->loop, &c->source, fd, EPOLLIN, on_ready, c);
	if (r == 0)
		c->fd = take_fd(fd);
	return r;
}

int registry_client_new(struct registry_client **ret, struct loop *loop, const char *path, uid_t server)
{
	struct registry_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct registry_client){.loop = loop, .path = path, .server = server, .fd = -1};
	disconnect(c);
	*ret = c;
	return 0;
}

struct registry_client *registry_client_free(struct registry_client *c)
{
	if (!c)
		return NULL;
	while (c->pending)
		pending_free(c->pending);
	disconnect(c);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
	return NULL;
}

static int on_late(void *ctx)
{
	fail(ctx, -ETIMEDOUT, "no answer in time");
	return 0;
}

int registry_client_ask(struct registry_client *c, const struct registry_question *q, registry_answer_fn *fn, void *ctx,
	struct registry_pending **ret)
{
	int r = c->count >= REGISTRY_PENDING_MAX ? -EAGAIN : !q->name || strlen(q->name) >= REFERENCE_TEXT_MAX ? -EINVAL : 0;

	if (r == 0 && c->fd < 0)
		r = connect_now(c);
	if (r < 0)
		return r;
	struct registry_pending *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct registry_pending){.client = c, .next = c->pending, .link = &c->pending, .id = ++c->last_id, .fn = fn, .ctx = ctx};
	if (p->next)
		p->next->link = &p->next;
	c->pending = p;
	c->count++;
	r = loop_add_timer(c->loop, &p->timer, (q->deadline_ms ? q->deadline_ms : REGISTRY_DEADLINE_MS) + LATE_MS, 0, on_late, p);
	registry_frame_put(&c->out, p->id, &record_registry_question, q);
	if (r == 0)
		r = c->out.failed ? c->out.failed : flush(c);
	if (r < 0) {
		pending_free(p);
		/* Half a frame must not stay, and callbacks come from the loop alone. */
		shutdown(c->fd, SHUT_RDWR);
		buf_reset(&c->out);
		return r;
	}
	if (ret)
		*ret = p;
	return 0;
}

void registry_client_cancel(struct registry_pending *p)
{
	if (p)
		pending_free(p);
}
