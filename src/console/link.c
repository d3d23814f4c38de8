/* SPDX-License-Identifier: Apache-2.0 */
/* The Defender's line: see link.h. */
#include "console/link.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define QUESTIONS_MAX 64
#define ANSWER_ITEMS_MAX 20000
#define DEADLINE_NS (5 * NSEC_PER_SEC) /* since the question or the last part of its answer */
#define LOOK_MS 250

struct question {
	uint64_t seq; /* 0 = free slot */
	enum ipc_type answer;
	uint64_t deadline;
	api_answer_fn *fn;
	void *arg;
	struct record_list items; /* events gathered so far */
};

struct link {
	struct loop *loop;
	struct link_events events;
	struct ipc_server *server;
	struct ipc_peer *peer; /* NULL while the Defender is away */
	struct question questions[QUESTIONS_MAX];
	uint32_t waiting;
	uint64_t next_seq;
	struct loop_source *timer; /* looks for questions past their deadline */
};

static const struct record_desc *record_of(enum ipc_type answer)
{
	return answer == IPC_EVENTS ? &event_desc : &process_desc;
}

static void items_done(const struct record_desc *d, struct record_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		record_done(d, (char *)l->items + i * d->size);
	free(l->items);
	*l = (struct record_list){0};
}

/* Answers a question; its slot is free before the callback, which may ask again. */
static void finish(struct link *l, struct question *q, int error, bool more)
{
	struct question done = *q;

	*q = (struct question){0};
	l->waiting--;
	done.fn(done.arg, error, &done.items, more);
	items_done(record_of(done.answer), &done.items);
}

static void finish_all(struct link *l, int error)
{
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		if (l->questions[i].seq)
			finish(l, &l->questions[i], error, false);
}

static int on_timer(void *ctx)
{
	struct link *l = ctx;
	uint64_t now = time_monotonic();

	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		if (l->questions[i].seq && now > l->questions[i].deadline)
			finish(l, &l->questions[i], -ETIMEDOUT, false);
	return l->waiting ? 0 : loop_timer_set(l->timer, 0, 0);
}

/* Moves the items over; `from` is left empty. */
static int gather(struct question *q, struct record_list *from, size_t size)
{
	if (!from->count)
		return 0;
	if (q->items.count + from->count > ANSWER_ITEMS_MAX)
		return -E2BIG;
	void *items = reallocarray(q->items.items, q->items.count + from->count, size);
	if (!items)
		return -ENOMEM;
	q->items.items = items;
	memcpy((char *)items + q->items.count * size, from->items, from->count * size);
	q->items.count += from->count;
	free(from->items);
	*from = (struct record_list){0};
	return 0;
}

/* One answer frame. An answer to nobody (its question timed out) is dropped. */
static int on_answer(struct link *l, enum ipc_type type, uint64_t seq, struct record_list *items, int error, int last)
{
	struct question *q = NULL;

	for (size_t i = 0; i < QUESTIONS_MAX && !q; i++)
		if (seq && l->questions[i].seq == seq)
			q = &l->questions[i];
	if (!q)
		return 0;
	if (q->answer != type)
		return -EPROTO;
	q->deadline = time_monotonic() + DEADLINE_NS;
	if (error == 0)
		error = gather(q, items, record_of(type)->size);
	if (error < 0 || last)
		finish(l, q, error < 0 ? error : 0, last > 1);
	return 0;
}

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct link *l = ctx;
	struct ipc_events *events = body;
	struct ipc_processes *processes = body;

	fd_close(fd);
	if (peer != l->peer) /* a line that a newer one has replaced */
		return -ESTALE;
	switch ((unsigned)type) {
	case IPC_STATUS:
		l->events.on_status(l->events.ctx, body);
		return 0;
	case IPC_CONTAINER:
		l->events.on_container(l->events.ctx, body);
		return 0;
	case IPC_EDGE:
		l->events.on_edge(l->events.ctx, body);
		return 0;
	case IPC_AUDIT:
		l->events.on_audit(l->events.ctx, seq, body);
		return 0;
	case IPC_FINDING:
		l->events.on_finding(l->events.ctx, body);
		return 0;
	case IPC_EVENTS:
		return on_answer(l, type, seq, &events->events, events->error, events->last ? 1 + events->more : 0);
	case IPC_PROCESSES:
		return on_answer(l, type, seq, &processes->processes, processes->error, 1);
	default:
		return -EPROTO;
	}
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct link *l = ctx;

	(void)why;
	if (peer != l->peer)
		return;
	l->peer = NULL;
	finish_all(l, -ENOTCONN);
	l->events.on_down(l->events.ctx);
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	struct link *l = ctx;

	if (l->peer) { /* a Defender that was restarted comes before its old line is seen to end */
		finish_all(l, -ENOTCONN);
		ipc_peer_free(l->peer);
	}
	l->peer = peer;
	l->events.on_up(l->events.ctx);
}

int link_new(struct link **ret, struct loop *loop, int listen_fd, uid_t peer_uid, const struct link_events *events)
{
	CLEANUP(fd_close) int fd = listen_fd;
	CLEANUP(link_free) struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->events = *events;
	l->next_seq = 1;
	int r = loop_add_timer(loop, &l->timer, LOOK_MS, 0, on_timer, l);
	if (r < 0)
		return r;
	const struct ipc_config config = {.loop = loop, .role = IPC_CONSOLE, .accept_roles = IPC_DEFENDER,
		.program = "seawall-console " SEAWALL_VERSION, .peer_uid = peer_uid, .on_message = on_message,
		.on_closed = on_closed, .ctx = l};
	r = ipc_server_new(&l->server, &config, take_fd(fd), on_accept);
	if (r < 0)
		return r;
	*ret = take_ptr(l);
	return 0;
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	finish_all(l, -ENOTCONN);
	l->peer = ipc_peer_free(l->peer);
	ipc_server_free(l->server);
	loop_source_free(l->timer);
	free(l);
	return NULL;
}

bool link_is_up(const struct link *l)
{
	return l->peer;
}

int link_ask(struct link *l, enum ipc_type type, const struct ipc_query *query, api_answer_fn *fn, void *arg)
{
	struct question *q = NULL;

	if (!l->peer)
		return -ENOTCONN;
	for (size_t i = 0; i < QUESTIONS_MAX && !q; i++)
		if (!l->questions[i].seq)
			q = &l->questions[i];
	if (!q)
		return -ENOBUFS;
	uint64_t seq = l->next_seq++;
	int r = ipc_send(l->peer, type, seq, query);
	if (r < 0)
		return r;
	*q = (struct question){.seq = seq, .answer = type == IPC_QUERY_EVENTS ? IPC_EVENTS : IPC_PROCESSES,
		.deadline = time_monotonic() + DEADLINE_NS, .fn = fn, .arg = arg};
	l->waiting++;
	return loop_timer_set(l->timer, LOOK_MS, LOOK_MS);
}

int link_send_policy(struct link *l, const struct policy *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(IPC_BODY_MAX - 4096);

	if (!l->peer)
		return -ENOTCONN;
	policy_encode(p, &b);
	if (b.failed)
		return b.failed;
	const struct ipc_blob blob = {.revision = p->revision, .data = {b.data, (uint32_t)b.len}};
	return ipc_send(l->peer, IPC_POLICY, 0, &blob);
}

int link_ack(struct link *l, uint64_t seq)
{
	return l->peer ? ipc_send(l->peer, IPC_AUDIT_ACK, 0, &(struct ipc_seq){seq}) : -ENOTCONN;
}

void link_drop(struct link *l)
{
	struct ipc_peer *peer = take_ptr(l->peer);

	if (!peer)
		return;
	finish_all(l, -ENOTCONN);
	ipc_peer_free(peer);
	l->events.on_down(l->events.ctx);
}
