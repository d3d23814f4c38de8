/* SPDX-License-Identifier: Apache-2.0 */
/* The service: connections, questions that are asked already, answers that are known still. */
#include "registry/registry.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "trust/reference.h"
#include "trust/store.h"

#define CONNECTIONS_MAX 8
#define QUESTIONS_MAX 1024 /* waiting for an answer, all together */
#define DEADLINE_MAX_MS 30000
#define READ_SIZE 16384
#define OUT_MAX (64u << 20)
#define CACHE_ENTRIES 512
#define CACHE_BYTES (8u << 20)
#define KEPT_SIGNED_NS (300 * NSEC_PER_SEC) /* further signatures may come later */
#define KEPT_NOTHING_NS (60 * NSEC_PER_SEC)
#define KEPT_FAILURE_NS (10 * NSEC_PER_SEC)
#define KEPT_TAG_NS (2 * NSEC_PER_SEC) /* a tag may move at any time */

struct connection {
	struct registry *registry;
	int fd;
	uint64_t number; /* never used again */
	struct loop_source *source;
	struct buf in, out;
};

/* Somebody who waits for the answer of a job. */
struct waiter {
	struct waiter *next;
	uint64_t connection, id;
};

/* One question under way; those who ask the same wait for the same answer. */
struct errand {
	struct errand *next;
	struct registry *registry;
	struct waiter *waiters;
	bool by_tag;
	char key[1024];
};

struct registry {
	struct registry_config config;
	struct loop_source *listener;
	struct workers *workers;
	struct cache *cache;
	struct connection *connections[CONNECTIONS_MAX];
	struct errand *errands;
	unsigned questions;
	uint64_t last_number;
};

static void connection_close(struct connection *c)
{
	struct registry *r = c->registry;

	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (r->connections[i] == c)
			r->connections[i] = NULL;
	loop_source_free(c->source);
	fd_close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

static int flush(struct connection *c)
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

/* Sends an answer that is a record already. */
static int send_record(struct connection *c, uint64_t id, const void *data, size_t n)
{
	struct registry_header h = {.magic = REGISTRY_MAGIC, .size = (uint32_t)n, .id = id};

	buf_put(&c->out, &h, sizeof(h));
	buf_put(&c->out, data, n);
	return c->out.failed ? c->out.failed : flush(c);
}

static struct connection *find_connection(struct registry *r, uint64_t number)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (r->connections[i] && r->connections[i]->number == number)
			return r->connections[i];
	return NULL;
}

/* ---- answers ---- */

static uint64_t kept_for(const struct errand *e, const struct registry_answer *a)
{
	if (a->error)
		return a->error == -ENOENT && !e->by_tag ? KEPT_NOTHING_NS : KEPT_FAILURE_NS;
	if (e->by_tag)
		return KEPT_TAG_NS;
	return a->evidence.signatures.count ? KEPT_SIGNED_NS : KEPT_NOTHING_NS;
}

static void errand_end(struct errand *e, const struct buf *answer)
{
	struct registry *r = e->registry;
	struct errand **link = &r->errands;

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	while (e->waiters) {
		struct waiter *w = e->waiters;
		struct connection *c = find_connection(r, w->connection);

		e->waiters = w->next;
		if (c && send_record(c, w->id, answer->data, answer->len) < 0)
			connection_close(c);
		free(w);
		r->questions--;
	}
	free(e);
}

static void on_done(void *ctx, struct job *j)
{
	struct registry *r = ctx;
	struct errand *e = j->ctx;
	CLEANUP(buf_done) struct buf answer = BUF_INIT(REGISTRY_ANSWER_MAX);

	record_encode(&record_registry_answer, &j->answer, &answer);
	if (j->answer.error && j->answer.error != -ENOENT)
		log_debug("%s: %s", j->question.name, j->answer.message ? j->answer.message : "");
	cache_put(r->cache, e->key, &answer, time_monotonic() + kept_for(e, &j->answer));
	errand_end(e, &answer);
	job_free(j);
}

static int refuse(struct connection *c, uint64_t id, int error, const char *message)
{
	struct registry_answer a = {.error = error, .message = (char *)(uintptr_t)message};

	registry_frame_put(&c->out, id, &record_registry_answer, &a);
	return c->out.failed ? c->out.failed : flush(c);
}

/* ---- questions ---- */

static struct errand *find_errand(struct registry *r, const char *key)
{
	for (struct errand *e = r->errands; e; e = e->next)
		if (strcmp(e->key, key) == 0)
			return e;
	return NULL;
}

static int join(struct errand *e, struct connection *c, uint64_t id)
{
	struct waiter *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct waiter){.next = e->waiters, .connection = c->number, .id = id};
	e->waiters = w;
	e->registry->questions++;
	return 0;
}

static int errand_start(struct registry *r, struct registry_question *q, const struct reference *ref, const char *key, struct errand **ret)
{
	struct errand *e = calloc(1, sizeof(*e));
	struct job *j = calloc(1, sizeof(*j));
	uint32_t ms = q->deadline_ms ? q->deadline_ms : REGISTRY_DEADLINE_MS;
	int n = -ENOMEM;

	if (e && j) {
		*e = (struct errand){.registry = r, .by_tag = !q->digest && !*ref->digest};
		snprintf(e->key, sizeof(e->key), "%s", key);
		j->question = *q;
		*q = (struct registry_question){0};
		j->deadline = time_monotonic() + (ms < DEADLINE_MAX_MS ? ms : DEADLINE_MAX_MS) * NSEC_PER_MSEC;
		snprintf(j->registry, sizeof(j->registry), "%s", ref->registry);
		j->ctx = e;
		n = workers_submit(r->workers, j);
	}
	if (n < 0) {
		job_free(j);
		free(e);
		return n;
	}
	e->next = r->errands;
	r->errands = e;
	*ret = e;
	return 0;
}

/* What was imported is there at once, whatever was known before. */
static int answer_from_store(struct connection *c, uint64_t id, const char *digest)
{
	CLEANUP(registry_answer_done) struct registry_answer a = {0};

	if (store_read(c->registry->config.worker.store, digest, &a.evidence) < 0 || a.evidence.signatures.count == 0)
		return -ENOENT;
	int r = str_set(&a.digest, digest);
	if (r < 0)
		return r;
	registry_frame_put(&c->out, id, &record_registry_answer, &a);
	return c->out.failed ? c->out.failed : flush(c);
}

static int take_question(struct connection *c, uint64_t id, struct registry_question *q)
{
	struct registry *r = c->registry;
	struct reference ref;
	struct diag diag = {0};
	struct errand *e;
	char key[sizeof(e->key)], name[REFERENCE_TEXT_MAX];
	const char *digest = q->digest;

	if (reference_parse(q->name ? q->name : "", &ref, &diag) < 0 || (digest && !digest_valid(digest)))
		return refuse(c, id, -EINVAL, *diag.message ? diag.message : "the digest is malformed");
	if (r->questions >= QUESTIONS_MAX)
		return refuse(c, id, -EBUSY, "too many questions at once");
	if (!digest && *ref.digest)
		digest = ref.digest;
	if (digest && !q->digest_only) {
		int found = answer_from_store(c, id, digest);
		if (found != -ENOENT)
			return found;
	}
	snprintf(key, sizeof(key), "%s %s %s %d", reference_name(&ref, name, sizeof(name)), ref.tag, digest ? digest : "", q->digest_only);
	const struct buf *known = cache_find(r->cache, key, time_monotonic());
	if (known)
		return send_record(c, id, known->data, known->len);
	e = find_errand(r, key);
	int n = e ? 0 : errand_start(r, q, &ref, key, &e);
	if (n < 0)
		return refuse(c, id, n, n == -EBUSY ? "too many questions at once" : "out of memory");
	return join(e, c, id);
}

/* ---- connections ---- */

static int take_questions(struct connection *c)
{
	for (;;) {
		struct registry_question q = {0};
		uint64_t id;
		int r = registry_frame_take(&c->in, REGISTRY_QUESTION_MAX, &record_registry_question, &id, &q);

		if (r <= 0)
			return r;
		r = take_question(c, id, &q);
		record_done(&record_registry_question, &q);
		if (r < 0)
			return r;
	}
}

static int on_ready(void *ctx, int fd, uint32_t events)
{
	struct connection *c = ctx;
	uint8_t *room;
	ssize_t n = 0;

	if (events & EPOLLOUT && flush(c) < 0) {
		connection_close(c);
		return 0;
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	room = buf_room(&c->in, READ_SIZE);
	if (room)
		n = recv(fd, room, READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		c->in.len += (size_t)n;
	if (n <= 0 || take_questions(c) < 0)
		connection_close(c);
	return 0;
}

static int on_connection(void *ctx, int fd, uint32_t events)
{
	struct registry *r = ctx;
	CLEANUP(fd_close) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned i = 0;

	if (peer < 0)
		return 0;
	if (!peer_is(peer, r->config.client)) {
		log_warn(0, "a stranger at the Gate's socket");
		return 0;
	}
	while (i < CONNECTIONS_MAX && r->connections[i])
		i++;
	struct connection *c = i < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return 0;
	*c = (struct connection){.registry = r, .number = ++r->last_number, .in = BUF_INIT(READ_SIZE + 2 * REGISTRY_QUESTION_MAX), .out = BUF_INIT(OUT_MAX)};
	if (loop_add_fd(r->config.loop, &c->source, peer, EPOLLIN, on_ready, c) < 0) {
		free(c);
		return 0;
	}
	c->fd = take_fd(peer);
	r->connections[i] = c;
	return 0;
}

int registry_new(struct registry **ret, const struct registry_config *config)
{
	CLEANUP(registry_free) struct registry *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->config = *config;
	int n = cache_new(&r->cache, CACHE_ENTRIES, CACHE_BYTES);
	if (n == 0)
		n = workers_new(&r->workers, config->loop, &config->worker, on_done, r);
	if (n == 0)
		n = loop_add_fd(config->loop, &r->listener, config->listen_fd, EPOLLIN, on_connection, r);
	if (n < 0) {
		r->config.listen_fd = -1;
		return n;
	}
	*ret = take_ptr(r);
	return 0;
}

struct registry *registry_free(struct registry *r)
{
	struct buf none = {0};

	if (!r)
		return NULL;
	loop_source_free(r->listener);
	if (r->config.listen_fd >= 0)
		fd_close(r->config.listen_fd);
	workers_free(r->workers);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (r->connections[i])
			connection_close(r->connections[i]);
	while (r->errands)
		errand_end(r->errands, &none);
	cache_free(r->cache);
	free(r);
	return NULL;
}
