/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, their processes (asked of the Defender) and their connections. */
#include <errno.h>
#include <string.h>

#include "api/internal.h"

static int put_container(void *ctx, const void *record)
{
	struct buf *b = ctx;

	json_put_sep(b);
	record_to_json(&container_desc, record, b);
	return b->failed;
}

void api_containers(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(API_ANSWER_MAX);
	char next[STORE_CURSOR_SIZE];
	struct store_query query;

	if (!api_query_parse(q, &query))
		return;
	if (!query.limit)
		query.limit = 1000;
	api_list_begin(&b);
	int r = store_containers_list(a->config.store, &query, put_container, &b, next);
	if (r < 0) {
		buf_done(&b);
		api_store_problem(q, r);
		return;
	}
	api_reply_list(q, &b, next);
}

void api_container(void *ctx, struct http_request *q)
{
	struct container c = {0};

	if (!api_container_find(ctx, q, &c))
		return;
	api_reply_record(q, &container_desc, &c);
	record_done(&container_desc, &c);
}


static void on_processes(void *arg, int error, const struct record_list *items, bool more)
{
	struct http_request *q = arg;
	struct buf b = BUF_INIT(API_ANSWER_MAX);

	(void)more;
	/* A container that the Defender no longer knows has no processes. */
	if (error < 0 && error != -ENOENT) {
		http_problem(q, error == -ETIMEDOUT || error == -ENOTCONN ? MHD_HTTP_GATEWAY_TIMEOUT : MHD_HTTP_BAD_GATEWAY,
			NULL, "the Defender could not list the processes: %s", strerror(-error));
		return;
	}
	api_list_begin(&b);
	for (uint32_t i = 0; i < items->count; i++) {
		json_put_sep(&b);
		record_to_json(&process_desc, &((const struct process *)items->items)[i], &b);
	}
	api_reply_list(q, &b, NULL);
}

void api_processes(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct container c = {0};

	if (!api_container_find(a, q, &c))
		return;
	http_suspend(q);
	int r = a->config.backend.ask(a->config.backend.ctx, IPC_QUERY_PROCESSES, &(struct ipc_query){.container = c.id},
		on_processes, q);
	if (r < 0)
		http_problem(q, MHD_HTTP_GATEWAY_TIMEOUT, NULL, "the Defender is away: its processes cannot be asked for");
	record_done(&container_desc, &c);
}

struct edges_answer {
	struct api *api;
	struct buf body;
};

static int put_edge(void *ctx, const void *record)
{
	struct edges_answer *x = ctx;
	const struct edge *e = record;
	struct api_backend *backend = &x->api->config.backend;

	json_put_sep(&x->body);
	record_to_json(&edge_desc, e, &x->body);
	if (x->body.failed)
		return x->body.failed;
	x->body.len--; /* the closing brace: one more member */
	json_put_key(&x->body, "country");
	json_put_str(&x->body, e->address ? backend->country(backend->ctx, e->address) : NULL);
	buf_putc(&x->body, '}');
	return x->body.failed;
}

void api_connections(void *ctx, struct http_request *q)
{
	struct edges_answer x = {.api = ctx, .body = BUF_INIT(API_ANSWER_MAX)};
	struct container c = {0};

	if (!api_container_find(ctx, q, &c))
		return;
	api_list_begin(&x.body);
	int r = store_edges_list(x.api->config.store, c.id, put_edge, &x);
	record_done(&container_desc, &c);
	if (r < 0) {
		buf_done(&x.body);
		api_store_problem(q, r);
		return;
	}
	api_reply_list(q, &x.body, NULL);
}
