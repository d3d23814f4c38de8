/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy as a whole: who comes in, who stays too long, and what is said to it from outside. */
#include "proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "proxy/internal.h"

#define ACCEPTS 16 /* at one go */
#define TICK_MS 250

static const struct proxy_limits defaults = {.connections = 256, .strangers = 64, .handshakes = 50, .body = 1u << 20, .bodies = 64u << 20, .handshake_ms = 10000,
	.idle_ms = 60000, .head_ms = 10000, .body_ms = 30000, .judge_ms = 30000, .open_ms = 10000};

void conn_deadline(struct conn *c, uint32_t ms)
{
	c->deadline = ms ? time_monotonic() + ms * NSEC_PER_MSEC : 0;
}

void conn_refused(struct conn *c, const char *why)
{
	if (c->p->config.refused)
		c->p->config.refused(c->p->config.ctx, c->user, c->address, why);
}

void proxy_again(struct conn *c)
{
	uint64_t one = 1;

	if (c->queued)
		return;
	c->queued = true;
	TAILQ_INSERT_TAIL(&c->p->again, c, again);
	/* The counter cannot overflow: it is read each time before it is written more often. */
	(void)!write(c->p->wake_fd, &one, sizeof(one));
}

void proxy_gone(struct conn *c)
{
	if (c->queued)
		TAILQ_REMOVE(&c->p->again, c, again);
	c->queued = false;
	TAILQ_REMOVE(&c->p->conns, c, link);
	c->p->counters.connections--;
	c->p->counters.strangers -= c->stranger;
}

/* One turn for each that waits for one; those that queue again meanwhile come with the next. */
static int on_wake(void *ctx, int fd, uint32_t events)
{
	struct proxy *p = ctx;
	struct conn_list now = TAILQ_HEAD_INITIALIZER(now);
	struct conn *c;
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
	for (uint32_t n = p->counters.connections; n && (c = TAILQ_FIRST(&p->again)); n--) {
		TAILQ_REMOVE(&p->again, c, again);
		c->queued = false;
		conn_pump(c);
	}
	count = 1;
	if (TAILQ_FIRST(&p->again))
		(void)!write(fd, &count, sizeof(count));
	return 0;
}

static void pause_listener(struct proxy *p, bool off)
{
	if (p->listener_off != off)
		loop_mod_fd(p->listener, off ? 0 : EPOLLIN);
	p->listener_off = off;
}

static void overdue(struct conn *c)
{
	c->p->counters.timeouts++;
	if (c->state == CONN_BODY || (c->state == CONN_HEAD && c->head_begun)) {
		c->head.close = true;
		answer_error(c, 408, "[Seawall] the request did not come to its end in time");
	} else if (c->state == CONN_JUDGING) {
		c->p->counters.denied++;
		c->head.close = true;
		answer_error(c, 503, "[Seawall] there was no verdict in time");
	} else if (c->state == CONN_OPENING) {
		answer_bad_gateway(c, "it could not be reached in time");
	} else if (c->state == CONN_HEAD) {
		conn_close_soon(c);
	} else {
		if (c->state == CONN_HANDSHAKE) {
			c->p->counters.bad_handshakes++;
			conn_refused(c, "TLS: the handshake did not come to its end in time");
		}
		conn_free(c);
		return;
	}
	proxy_again(c);
}

static int on_tick(void *ctx)
{
	struct proxy *p = ctx;
	uint64_t now = time_monotonic();
	struct conn *c, *next;

	pause_listener(p, false);
	for (c = TAILQ_FIRST(&p->conns); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->deadline && c->deadline <= now)
			overdue(c);
	}
	if (!p->counters.connections)
		loop_timer_set(p->tick, 0, 0);
	return 0;
}

/* ---- who comes too often, and who is too many ---- */

static struct bucket *bucket_of(struct proxy *p, uint64_t origin)
{
	struct bucket *b = &p->buckets[((origin ^ p->seed) * 0x9e3779b97f4a7c15ull) >> 54];
	uint64_t now = time_monotonic();
	double most = 2.0 * p->config.limits.handshakes;

	b->left += (double)(now - b->at) / NSEC_PER_SEC * p->config.limits.handshakes;
	if (!b->at || b->left > most)
		b->left = most;
	b->at = now;
	return b;
}

bool origin_may(struct proxy *p, uint64_t origin)
{
	struct bucket *b = bucket_of(p, origin);

	if (b->left < 1)
		return false;
	b->left--;
	return true;
}

void origin_refund(struct proxy *p, uint64_t origin)
{
	bucket_of(p, origin)->left++;
}

static unsigned strangers_of(const struct proxy *p, uint64_t origin)
{
	const struct conn *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &p->conns, link)
	n += c->stranger && c->origin == origin;
	return n;
}

/* The one that is there the longest of the address that has the most; a lingering one before all. */
static struct conn *stranger_to_go(const struct proxy *p)
{
	struct conn *c, *worst = NULL;
	unsigned most = 0;

	TAILQ_FOREACH(c, &p->conns, link)
	{
		unsigned n = c->stranger ? strangers_of(p, c->origin) : 0;

		if (c->state == CONN_LINGER)
			return c;
		if (n > most) {
			most = n;
			worst = c;
		}
	}
	return worst;
}

/* Who has not shown a certificate yet makes room for who comes. */
bool proxy_has_room(struct proxy *p)
{
	const struct proxy_limits *l = &p->config.limits;

	if (p->counters.connections < l->connections && p->counters.strangers < l->strangers)
		return true;
	struct conn *c = stranger_to_go(p);
	p->counters.turned_away += !c || c->state == CONN_HANDSHAKE;
	conn_free(c);
	return c != NULL;
}

static int on_listener(void *ctx, int fd, uint32_t events)
{
	struct proxy *p = ctx;

	for (int i = 0; i < ACCEPTS; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0) {
			/* Out of descriptors: it would be told so again and again at once. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
				pause_listener(p, true);
				loop_timer_set(p->tick, TICK_MS, TICK_MS);
			}
			return 0;
		}
		p->counters.accepted++;
		if (conn_new(p, client) == 0 && p->counters.connections == 1)
			loop_timer_set(p->tick, TICK_MS, TICK_MS);
	}
	return 0;
}

static void take_limits(struct proxy_limits *l)
{
	uint32_t *to = (uint32_t *)l;
	const uint32_t *from = (const uint32_t *)&defaults;

	for (size_t i = 0; i < sizeof(*l) / sizeof(*to); i++)
		if (!to[i])
			to[i] = from[i];
}

struct proxy *proxy_free(struct proxy *p)
{
	if (!p)
		return NULL;
	while (TAILQ_FIRST(&p->conns))
		conn_free(TAILQ_FIRST(&p->conns));
	loop_source_free(p->listener);
	loop_source_free(p->tick);
	loop_source_free(p->wake);
	fd_close(p->wake_fd);
	tls_server_free(p->tls);
	free(p);
	return NULL;
}

int proxy_new(struct proxy **ret, const struct proxy_config *config, struct diag *reterr)
{
	CLEANUP(proxy_free) struct proxy *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->config = *config;
	p->config.pem = NULL;
	take_limits(&p->config.limits);
	TAILQ_INIT(&p->conns);
	TAILQ_INIT(&p->again);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0)
		return -errno;
	if (getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed))
		return -EIO;
	int r = tls_server_new(&p->tls, config->pem, config->pem_size, reterr);
	if (r == 0)
		r = loop_add_fd(config->loop, &p->wake, p->wake_fd, EPOLLIN, on_wake, p);
	if (r == 0)
		r = loop_add_timer(config->loop, &p->tick, TICK_MS, 0, on_tick, p);
	if (r == 0)
		r = loop_add_fd(config->loop, &p->listener, config->listen_fd, EPOLLIN, on_listener, p);
	if (r == 0)
		*ret = take_ptr(p);
	return r;
}

int proxy_reload(struct proxy *p, const void *pem, size_t size, struct diag *reterr)
{
	struct tls_server *server = NULL;
	struct conn *c, *next;
	int r = tls_server_new(&server, pem, size, reterr);

	if (r < 0)
		return r;
	tls_server_free(p->tls); /* connections keep what they need of it */
	p->tls = server;
	for (c = TAILQ_FIRST(&p->conns); c; c = next) {
		struct diag diag = {0};

		next = TAILQ_NEXT(c, link);
		if (c->stranger || tls_check(c->tls, p->tls, &diag) == 0)
			continue;
		conn_refused(c, *diag.message ? diag.message : "out of memory");
		conn_free(c);
	}
	return 0;
}

static struct conn *find(struct proxy *p, uint64_t id)
{
	struct conn *c;

	TAILQ_FOREACH(c, &p->conns, link)
	if (c->id == id)
		return c;
	return NULL;
}

void proxy_upstream(struct proxy *p, uint64_t id, int fd)
{
	struct conn *c = find(p, id);

	if (!c || !c->asked) {
		fd_close(fd);
		return;
	}
	c->asked = false;
	if (c->state != CONN_OPENING) {
		fd_close(fd);
		return;
	}
	int r = fd < 0 ? fd : conn_take_upstream(c, fd);
	if (r < 0)
		answer_bad_gateway(c, strerror(-r));
	proxy_again(c);
}

int proxy_decide(struct proxy *p, uint64_t id, const struct proxy_verdict *verdict)
{
	struct conn *c = find(p, id);

	if (!c || c->state != CONN_JUDGING || c->decided)
		return -ENOENT;
	c->decision = *verdict;
	free(c->decision_text);
	c->decision_text = verdict->message ? strdup(verdict->message) : NULL;
	c->decision.message = c->decision_text;
	/* Nothing else is an answer to "later". */
	if (verdict->answer != PROXY_ALLOW)
		c->decision.answer = PROXY_DENY;
	c->decided = true;
	proxy_again(c);
	return 0;
}

const struct proxy_counters *proxy_counters(const struct proxy *p)
{
	return &p->counters;
}
