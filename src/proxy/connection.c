/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's connection: its sockets, its buffers, and the pump that moves what can be moved until
 * nothing can. Everything is bounded: a side that does not read makes the other side wait.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/parse.h"
#include "proxy/internal.h"

#define ROUNDS 32 /* of one pump: then others have their turn */
#define CLOSING_MS 30000

static int on_client(void *ctx, int fd, uint32_t events);

static void forget_request(struct conn *c)
{
	c->p->counters.body_bytes -= c->body_counted;
	c->body_counted = 0;
	buf_done(&c->body);
	http_head_done(&c->head);
	http_head_done(&c->reply);
	free(c->decision_text);
	c->decision_text = NULL;
	c->scanned = c->reply_scanned = 0;
	c->interim = 0;
	c->head_begun = c->have_body = c->told_continue = c->request_done = false;
	c->hijack = c->decided = c->reply_seen = false;
}

struct conn *conn_free(struct conn *c)
{
	if (!c)
		return NULL;
	proxy_gone(c);
	forget_request(c);
	conn_drop_upstream(c);
	loop_source_free(c->source);
	tls_free(c->tls);
	fd_close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c->user);
	str_list_done(&c->groups);
	free(c);
	return NULL;
}

static void read_address(struct conn *c)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} from = {0};
	socklen_t size = sizeof(from);
	uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

	if (getpeername(c->fd, &from.any, &size) < 0)
		return;
	if (from.any.sa_family == AF_INET)
		memcpy(address + 12, &from.v4.sin_addr, 4);
	else if (from.any.sa_family == AF_INET6)
		memcpy(address, &from.v6.sin6_addr, 16);
	else
		return;
	address_format(address, c->address, sizeof(c->address));
	/* Whoever has one address of a /64 has all of them. */
	memcpy(&c->origin, address + (from.any.sa_family == AF_INET ? 8 : 0), sizeof(c->origin));
}

/* Small answers at once; a client that is gone without a word is noticed within two minutes. */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {{IPPROTO_TCP, TCP_NODELAY, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 60},
		{IPPROTO_TCP, TCP_KEEPINTVL, 15}, {IPPROTO_TCP, TCP_KEEPCNT, 4}};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

int conn_new(struct proxy *p, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		fd_close(fd);
		return -ENOMEM;
	}
	c->p = p;
	c->fd = fd;
	c->up_fd = -1;
	c->in.max = c->out.max = c->up.max = c->down.max = BUFFER_ROOM;
	read_address(c);
	/* Who is too many by himself does not push anybody out. */
	bool may = origin_may(p, c->origin);
	p->counters.throttled += !may;
	if (!may || !proxy_has_room(p)) {
		fd_close(fd);
		free(c);
		return -EBUSY;
	}
	TAILQ_INSERT_TAIL(&p->conns, c, link);
	p->counters.connections++;
	p->counters.strangers++;
	c->stranger = true;
	set_options(fd);
	c->events = EPOLLIN;
	int r = tls_new(&c->tls, p->tls, fd);
	if (r == 0)
		r = loop_add_fd(p->config.loop, &c->source, fd, c->events, on_client, c);
	if (r < 0)
		conn_free(c);
	else
		conn_deadline(c, p->config.limits.handshake_ms);
	return r;
}

void conn_drop_upstream(struct conn *c)
{
	c->up_source = loop_source_free(c->up_source);
	c->up_fd = fd_close(c->up_fd);
	buf_done(&c->up);
	buf_done(&c->down);
	c->up_hup = c->up_eof = c->up_broken = c->up_shut = false;
}

/* Between two requests the engine has nothing to say: a word of it then is its end, or poison. (An
 * event may also tell of bytes that were read since.) */
static void on_idle_engine(struct conn *c)
{
	uint8_t byte;

	if (recv(c->up_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	conn_drop_upstream(c);
	if (c->state == CONN_OPENING) {
		answer_bad_gateway(c, "it closed the connection");
		proxy_again(c);
	}
}

static int on_engine(void *ctx, int fd, uint32_t events)
{
	struct conn *c = ctx;

	if (c->state != CONN_EXCHANGE && c->state != CONN_HIJACK) {
		on_idle_engine(c);
		return 0;
	}
	if (events & (EPOLLHUP | EPOLLERR)) {
		c->up_hup = true;
		c->up_source = loop_source_free(c->up_source);
	}
	conn_pump(c);
	return 0;
}

int conn_take_upstream(struct conn *c, int fd)
{
	c->up_fd = fd;
	c->up_events = EPOLLIN;
	int r = fd_set_nonblock(fd);
	if (r == 0)
		r = loop_add_fd(c->p->config.loop, &c->up_source, fd, c->up_events, on_engine, c);
	if (r < 0)
		conn_drop_upstream(c);
	return r;
}

/* Idle connections keep no buffers. */
static void release(struct buf *b)
{
	if (!b->len)
		buf_done(b);
}

void conn_next_request(struct conn *c)
{
	forget_request(c);
	release(&c->in);
	release(&c->up);
	release(&c->down);
	c->state = CONN_HEAD;
	conn_deadline(c, c->p->config.limits.idle_ms);
}

void conn_close_soon(struct conn *c)
{
	c->state = CONN_CLOSING;
	conn_drop_upstream(c);
	conn_deadline(c, CLOSING_MS);
}

/* Closing now, with bytes of the client unread, would reset the connection and take our last words
 * with it. */
static void start_linger(struct conn *c)
{
	c->client_told = true;
	shutdown(c->fd, SHUT_WR);
	c->state = CONN_LINGER;
	conn_deadline(c, LINGER_MS);
}

void conn_known(struct conn *c)
{
	c->stranger = false;
	c->p->counters.strangers--;
	origin_refund(c->p, c->origin);
}

static int handshake(struct conn *c)
{
	struct diag diag = {0};
	int r = tls_handshake(c->tls, &diag);

	if (r == -EAGAIN)
		return 0;
	if (r == 0)
		r = tls_identity(c->tls, &c->user, &c->groups, &diag);
	if (r == 0)
		r = tls_check(c->tls, c->p->tls, &diag);
	if (r == -ENOMEM)
		return r;
	if (r == 0) {
		conn_known(c);
		conn_next_request(c);
		return 1;
	}
	c->p->counters.bad_handshakes++;
	conn_refused(c, diag.message);
	start_linger(c); /* the alert that says why is on its way */
	return 1;
}

static int client_read(struct conn *c)
{
	if (c->state == CONN_HANDSHAKE || c->state == CONN_LINGER || c->client_eof)
		return 0;
	if (c->state == CONN_CLOSING)
		buf_reset(&c->in); /* nobody will read it, but who sends must not be kept from reading */
	if (c->in.len >= BUFFER_MAX)
		return 0;
	size_t want = BUFFER_MAX - c->in.len < READ_PIECE ? BUFFER_MAX - c->in.len : READ_PIECE;
	uint8_t *to = buf_room(&c->in, want);
	if (!to)
		return c->in.failed;
	ssize_t n = tls_read(c->tls, to, want);
	c->wants_write = n == -EAGAIN && tls_wants_write(c->tls);
	if (n == -EAGAIN)
		return 0;
	if (n > 0) {
		c->in.len += (size_t)n;
		return 1;
	}
	c->client_eof = n == 0;
	return n == 0 ? 1 : (int)n;
}

/* Whether nobody is there any more to take an answer: a word of TLS alone ends only one half. In a
 * stream that the engine takes over, an end of the socket does no more than that either: it is what
 * engines themselves make of it. */
static bool client_is_gone(const struct conn *c)
{
	bool perhaps_stream = (c->hijack || c->head.upgrade) && !c->reply_seen;

	return c->client_eof && c->client_fin && c->state >= CONN_BODY && c->state <= CONN_EXCHANGE && !perhaps_stream;
}

static int client_write(struct conn *c)
{
	if (!c->out.len || c->state == CONN_HANDSHAKE || c->client_told)
		return 0;
	size_t at = 0;
	ssize_t n = 1;
	while (at < c->out.len && n > 0) {
		size_t left = c->out.len - at;
		n = tls_write(c->tls, c->out.data + at, left < READ_PIECE ? left : READ_PIECE);
		at += n > 0 ? (size_t)n : 0;
	}
	c->p->counters.bytes_down += at;
	buf_consume(&c->out, at);
	if (c->state == CONN_HEAD)
		release(&c->out);
	return n < 0 && n != -EAGAIN ? (int)n : at > 0;
}

static bool engine_is_on(const struct conn *c)
{
	return c->up_fd >= 0 && (c->state == CONN_EXCHANGE || c->state == CONN_HIJACK);
}

static int engine_write(struct conn *c)
{
	if (!engine_is_on(c) || !c->up.len)
		return 0;
	ssize_t n = c->up_broken ? -1 : send(c->up_fd, c->up.data, c->up.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && !c->up_broken && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		/* It may have answered before it hung up, so what it says is still read. */
		c->up_broken = true;
		buf_reset(&c->up);
		return 1;
	}
	c->p->counters.bytes_up += (size_t)n;
	buf_consume(&c->up, (size_t)n);
	return 1;
}

static int engine_read(struct conn *c)
{
	if (!engine_is_on(c) || c->up_eof || c->down.len >= BUFFER_MAX)
		return 0;
	uint8_t *to = buf_room(&c->down, BUFFER_MAX - c->down.len);
	if (!to)
		return c->down.failed;
	ssize_t n = recv(c->up_fd, to, BUFFER_MAX - c->down.len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		c->down.len += (size_t)n;
	else
		c->up_eof = true;
	if (n < 0)
		c->up_broken = true;
	return 1;
}

static int say_goodbye(struct conn *c)
{
	if (c->out.len)
		return 0;
	int r = c->client_told ? 0 : tls_shutdown(c->tls);
	c->wants_write = r == -EAGAIN;
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	start_linger(c);
	return 1;
}

static int linger(struct conn *c)
{
	uint8_t dropped[READ_PIECE];
	ssize_t n = recv(c->fd, dropped, sizeof(dropped), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 ? 1 : -ECONNRESET;
}

static int live(struct conn *c)
{
	switch (c->state) {
	case CONN_HANDSHAKE:
		return handshake(c);
	case CONN_HEAD:
		return conn_head(c);
	case CONN_BODY:
		return conn_body(c);
	case CONN_JUDGING:
		return conn_judged(c);
	case CONN_OPENING:
		return conn_opened(c);
	case CONN_EXCHANGE:
		return conn_exchange(c);
	case CONN_HIJACK:
		return conn_hijacked(c);
	case CONN_CLOSING:
		return say_goodbye(c);
	case CONN_LINGER:
		return linger(c);
	}
	return 0;
}

static void set_events(struct conn *c)
{
	bool reads = !c->client_eof && c->in.len < BUFFER_MAX;
	uint32_t events = (reads || c->state == CONN_LINGER ? EPOLLIN : 0) | (c->client_fin ? 0 : EPOLLRDHUP);

	if (c->out.len || c->wants_write || (c->state == CONN_HANDSHAKE && tls_wants_write(c->tls)))
		events |= EPOLLOUT;
	if (events != c->events)
		loop_mod_fd(c->source, events);
	c->events = events;
	if (!c->up_source)
		return;
	events = c->up_eof || c->down.len >= BUFFER_MAX ? 0 : EPOLLIN;
	if (engine_is_on(c) && c->up.len && !c->up_broken)
		events |= EPOLLOUT;
	if (events != c->up_events)
		loop_mod_fd(c->up_source, events);
	c->up_events = events;
}

void conn_pump(struct conn *c)
{
	static int (*const steps[])(struct conn *c) = {client_read, live, engine_write, engine_read, live, client_write};
	int moved = 1;

	for (unsigned round = 0; round < ROUNDS && moved; round++) {
		moved = 0;
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			int r = client_is_gone(c) ? -ECONNRESET : steps[i](c);
			if (r < 0) {
				conn_free(c);
				return;
			}
			moved += r;
		}
	}
	if (moved)
		proxy_again(c);
	set_events(c);
}

static int on_client(void *ctx, int fd, uint32_t events)
{
	struct conn *c = ctx;

	if (events & (EPOLLHUP | EPOLLERR)) {
		conn_free(c); /* both ways are closed: no answer can reach it */
		return 0;
	}
	if (events & EPOLLRDHUP)
		c->client_fin = true;
	conn_pump(c);
	return 0;
}
