/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder of a container, asked of the Defender, page by page in time order. */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "base/parse.h"

#define PAGE_DEFAULT 1000
#define PAGE_MAX 10000

struct question {
	struct api *api;
	struct http_request *q;
};

static void put_event(struct api *a, const struct event *e, struct buf *b)
{
	struct event with = *e; /* a view: only the country is added */

	if (e->address && !e->country)
		with.country = (char *)(uintptr_t)a->config.backend.country(a->config.backend.ctx, e->address);
	json_put_sep(b);
	record_to_json(&event_desc, &with, b);
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The recorder keeps events as they arrived, and connections arrive a moment after processes. */
static const struct event **in_time_order(const struct record_list *items)
{
	const struct event **order = calloc(items->count + 1, sizeof(struct event *));

	for (uint32_t i = 0; order && i < items->count; i++)
		order[i] = (const struct event *)items->items + i;
	if (order)
		qsort(order, items->count, sizeof(struct event *), by_time);
	return order;
}

static void on_events(void *arg, int error, const struct record_list *items, bool more)
{
	struct question *x = arg;
	struct buf b = BUF_INIT(API_ANSWER_MAX);
	const struct event *events = items ? items->items : NULL;
	char next[24] = "";

	if (error == -ENOENT) {
		http_problem(x->q, MHD_HTTP_NOT_FOUND, NULL, "no container '%s' is known", http_param(x->q, "container"));
		free(x);
		return;
	}
	if (error < 0) {
		http_problem(x->q, error == -ETIMEDOUT || error == -ENOTCONN ? MHD_HTTP_GATEWAY_TIMEOUT : MHD_HTTP_BAD_GATEWAY,
			NULL, "the flight recorder could not be read: %s", strerror(-error));
		free(x);
		return;
	}
	CLEANUP(free) const struct event **order = in_time_order(items);
	api_list_begin(&b);
	for (uint32_t i = 0; i < items->count; i++)
		put_event(x->api, order ? order[i] : &events[i], &b);
	if (more && items->count)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)events[items->count - 1].seq);
	api_reply_list(x->q, &b, next);
	free(x);
}

void api_forensics(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	const char *what = http_param(q, "container");
	struct store_query page;
	struct container c = {0};
	uint64_t after = 0;

	if (!api_query_parse(q, &page))
		return;
	if (page.cursor && parse_u64(page.cursor, 0, UINT64_MAX, &after) < 0) {
		api_store_problem(q, -EINVAL);
		return;
	}
	struct question *x = malloc(sizeof(*x));
	if (!x) {
		http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "out of memory");
		return;
	}
	*x = (struct question){a, q};
	/* A container that the database has forgotten may still be in the recorder. */
	bool known = store_container_find(a->config.store, what, &c) == 0;
	struct ipc_query ask = {
		.container = known ? c.id : (char *)(uintptr_t)what, .since = page.since, .until = page.until,
		.limit = !page.limit ? PAGE_DEFAULT : page.limit > PAGE_MAX ? PAGE_MAX : page.limit, .after = after,
	};
	http_suspend(q);
	int r = a->config.backend.ask(a->config.backend.ctx, IPC_QUERY_EVENTS, &ask, on_events, x);
	if (r < 0) {
		http_problem(q, MHD_HTTP_GATEWAY_TIMEOUT, NULL, "the Defender is away: its flight recorder cannot be read");
		free(x);
	}
	record_done(&container_desc, &c);
}
