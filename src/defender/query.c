/* SPDX-License-Identifier: Apache-2.0 */
/* Flight recorder and process list over IPC: see query.h. */
#include "defender/query.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/recorder.h"

#define QUERIES_MAX 8u
#define QUEUED_MAX (8u << 20)
#define PAUSE_MS 5
#define LIMIT_DEFAULT 10000u
#define PROCESSES_MAX 4096u
#define GAPS_MAX 16u

struct query {
	bool used;
	uint64_t seq;
	char *container;
	struct recorder_query q;
	uint32_t left;
	bool whole; /* all there is was asked for: nothing found means nobody of that name */
	bool seen;  /* a row of the container itself */
	bool cut;   /* there was more than the limit */
	struct event gaps[GAPS_MAX]; /* owned; wait for the container's next row */
	uint32_t gap_count;
};

struct query_list {
	struct query queries[QUERIES_MAX];
	struct loop_source *timer;
	struct recorder_page page;
	struct event rows[RECORDER_PAGE + GAPS_MAX]; /* of the answer being made */
	uint32_t row_count;
};

static void end(struct query *q)
{
	free(q->container);
	for (uint32_t i = 0; i < q->gap_count; i++)
		record_done(&event_desc, &q->gaps[i]);
	*q = (struct query){0};
}

static int refuse(struct ipc_peer *peer, uint64_t seq, int error)
{
	struct ipc_events body = {.last = true, .error = error};

	return ipc_send(peer, IPC_EVENTS, seq, &body);
}

/* Moves an event into the answer, as far as the limit allows. */
static void put(struct query_list *l, struct query *q, struct event *e)
{
	if (!q->left) {
		q->cut = true;
		record_done(&event_desc, e);
		return;
	}
	q->left--;
	l->rows[l->row_count++] = *e;
	*e = (struct event){0};
}

/* Tells the gaps that lie in the container's life: after its first row, or around it. */
static void put_gaps(struct query_list *l, struct query *q, uint64_t until)
{
	for (uint32_t i = 0; i < q->gap_count; i++) {
		if (q->seen || q->gaps[i].last > until)
			put(l, q, &q->gaps[i]);
		else
			record_done(&event_desc, &q->gaps[i]);
	}
	q->gap_count = 0;
}

static void keep_gap(struct query *q, struct event *e)
{
	if (q->gap_count == GAPS_MAX) {
		record_done(&event_desc, &q->gaps[0]);
		memmove(&q->gaps[0], &q->gaps[1], --q->gap_count * sizeof(q->gaps[0]));
	}
	q->gaps[q->gap_count++] = *e;
	*e = (struct event){0};
}

/* A gap is everybody's, but a container's story shows only those in its life: each waits for the
 * next row of the container itself. */
static void sort_out(struct defender *d, struct query *q, struct recorder_page *page, bool end)
{
	struct query_list *l = d->queries;

	l->row_count = 0;
	for (uint32_t i = 0; i < page->count; i++) {
		struct event *e = &page->events[i];
		if (q->container && !e->container) {
			keep_gap(q, e);
			continue;
		}
		put_gaps(l, q, e->time);
		q->seen = true;
		put(l, q, e);
	}
	page->count = 0;
	const struct container_entry *c = end && q->container ? container_table_search(d->containers, q->container) : NULL;
	if (c && !c->gone)
		put_gaps(l, q, UINT64_MAX);
}

/* One step of one question; true while it goes on. */
static bool step(struct defender *d, struct ipc_peer *peer, struct query *q)
{
	struct query_list *l = d->queries;
	struct recorder_page *page = &l->page;

	if (ipc_queued(peer) > QUEUED_MAX)
		return true;
	page->count = 0;
	memset(page->events, 0, sizeof(page->events));
	struct ipc_events body = {.error = recorder_read(d->recorder, &q->q, page)};
	bool end = body.error < 0 || page->end;
	sort_out(d, q, page, end);
	q->q.after = page->next;
	body.last = end || !q->left;
	body.more = q->cut || (!q->left && !end);
	if (body.last && !body.error && !q->seen && q->whole)
		body.error = -ENOENT;
	body.events = (struct record_list){.items = l->rows, .count = l->row_count};
	int r = l->row_count || body.last ? ipc_send(peer, IPC_EVENTS, q->seq, &body) : 0;
	for (uint32_t i = 0; i < l->row_count; i++)
		record_done(&event_desc, &l->rows[i]);
	return !body.last && r == 0;
}

static int on_timer(void *ctx)
{
	struct defender *d = ctx;
	struct ipc_peer *peer = defender_console(d);
	bool more = false;

	for (uint32_t i = 0; i < QUERIES_MAX; i++) {
		struct query *q = &d->queries->queries[i];
		if (!q->used)
			continue;
		if (!peer || !step(d, peer, q))
			end(q);
		else
			more = true;
	}
	bool full = peer && ipc_queued(peer) > QUEUED_MAX;
	return more ? loop_timer_set(d->queries->timer, full ? PAUSE_MS : 1, 0) : 0;
}

int query_open(struct defender *d)
{
	d->queries = calloc(1, sizeof(*d->queries));
	if (!d->queries)
		return -ENOMEM;
	int r = loop_add_timer(d->loop, &d->queries->timer, 0, 0, on_timer, d);
	return r < 0 ? r : loop_timer_set(d->queries->timer, 0, 0);
}

void query_close(struct defender *d)
{
	if (!d->queries)
		return;
	query_drop_all(d);
	loop_source_free(d->queries->timer);
	free(d->queries);
	d->queries = NULL;
}

void query_drop_all(struct defender *d)
{
	for (uint32_t i = 0; d->queries && i < QUERIES_MAX; i++)
		end(&d->queries->queries[i]);
}

int query_events(struct defender *d, uint64_t seq, const struct ipc_query *q)
{
	struct ipc_peer *peer = defender_console(d);
	struct query *free_one = NULL;

	for (uint32_t i = 0; i < QUERIES_MAX; i++)
		if (!d->queries->queries[i].used)
			free_one = &d->queries->queries[i];
	if (!free_one)
		return refuse(peer, seq, -EBUSY);
	*free_one = (struct query){.used = true, .seq = seq, .left = q->limit ? q->limit : LIMIT_DEFAULT,
		.q = {.since = q->since, .until = q->until, .after = q->after}};
	if (q->container) {
		free_one->container = strdup(q->container);
		if (!free_one->container) {
			end(free_one);
			return refuse(peer, seq, -ENOMEM);
		}
	}
	free_one->q.container = free_one->container;
	free_one->seen = q->after != 0;
	free_one->whole = q->container && !q->since && !q->until && !q->after &&
		!container_table_search(d->containers, q->container);
	return loop_timer_set(d->queries->timer, 1, 0);
}

/* ---- processes ---- */

static int add_args(const struct process_view *v, struct process *p)
{
	char *items[EVENT_ANCESTOR_ARGS * 4];
	uint32_t path = (uint32_t)strlen(v->text) + 1;
	struct str_list args = {0};
	int r = 0;

	if (v->text_size <= path)
		return 0;
	p->args_truncated = !event_split(v->text + path, v->text_size - path, items, ARRAY_SIZE(items), &args) || v->truncated;
	for (uint32_t i = 0; r == 0 && i < args.count; i++)
		r = str_list_add(&p->args, args.items[i]);
	return r;
}

static int add_process(const struct defender *d, const struct process_view *v, struct process *p)
{
	char comm[24], user[16];

	p->pid = v->pid;
	p->ppid = v->ppid;
	p->start = defender_wall(d, v->start);
	snprintf(comm, sizeof(comm), "[%s]", v->comm);
	int r = str_set(&p->path, v->text_size && v->text[0] ? v->text : comm);
	if (r == 0)
		r = str_set(&p->user, event_user(v->uid, user));
	return r == 0 && v->text_size ? add_args(v, p) : r;
}

int query_processes(struct defender *d, uint64_t seq, const struct ipc_query *q)
{
	struct container_entry *e = q->container ? container_table_search(d->containers, q->container) : NULL;
	struct process_view *v = &d->scratch->view;
	struct ipc_processes body = {.error = e ? 0 : -ENOENT};
	uint32_t cursor = 0, n = e ? process_table_living(d->processes, e->number) : 0;
	struct process *list = NULL;
	int r = 0;

	if (n > PROCESSES_MAX)
		n = PROCESSES_MAX;
	if (n)
		list = calloc(n, sizeof(*list));
	if (n && !list)
		body.error = -ENOMEM;
	body.processes.items = list;
	while (list && r == 0 && body.processes.count < n && process_table_next(d->processes, e->number, &cursor, v))
		r = add_process(d, v, &list[body.processes.count++]);
	if (r < 0)
		body.error = r;
	r = ipc_send(defender_console(d), IPC_PROCESSES, seq, &body);
	for (uint32_t i = 0; i < body.processes.count; i++)
		record_done(&process_desc, &list[i]);
	free(list);
	return r;
}
