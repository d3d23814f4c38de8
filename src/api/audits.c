/* SPDX-License-Identifier: Apache-2.0 */
/* Audits and incidents. */
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"

struct rows {
	const struct record_desc *record;
	struct buf body;
};

static int put_row(void *ctx, const void *record)
{
	struct rows *x = ctx;

	json_put_sep(&x->body);
	record_to_json(x->record, record, &x->body);
	return x->body.failed;
}

typedef int list_fn(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE]);

static void reply_rows(struct api *a, struct http_request *q, list_fn *list, const struct record_desc *d)
{
	struct rows x = {.record = d, .body = BUF_INIT(API_ANSWER_MAX)};
	char next[STORE_CURSOR_SIZE];
	struct container c = {0};
	struct store_query query;

	if (!api_query_parse(q, &query))
		return;
	if (query.container && store_container_find(a->config.store, query.container, &c) == 0)
		query.container = c.id;
	api_list_begin(&x.body);
	int r = list(a->config.store, &query, put_row, &x, next);
	record_done(&container_desc, &c);
	if (r < 0) {
		buf_done(&x.body);
		api_store_problem(q, r);
		return;
	}
	api_reply_list(q, &x.body, next);
}

void api_audits(void *ctx, struct http_request *q)
{
	reply_rows(ctx, q, store_audits_list, &audit_desc);
}

void api_incidents(void *ctx, struct http_request *q)
{
	reply_rows(ctx, q, store_incidents_list, &incident_desc);
}

void api_audit(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct audit audit = {0};
	int r = store_audit_get(a->config.store, http_param(q, "id"), &audit);

	if (r != 0) {
		api_store_problem(q, r);
		return;
	}
	api_reply_record(q, &audit_desc, &audit);
	record_done(&audit_desc, &audit);
}

void api_incident(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct rows x = {.record = &audit_desc, .body = BUF_INIT(API_ANSWER_MAX)};
	struct store_query query = {.incident = http_param(q, "id"), .limit = 1000};
	char next[STORE_CURSOR_SIZE];
	struct incident i = {0};
	int r = store_incident_get(a->config.store, query.incident, &i);

	if (r == 0) {
		record_to_json(&incident_desc, &i, &x.body);
		record_done(&incident_desc, &i);
		if (!x.body.failed)
			x.body.len--; /* the closing brace: one more member */
		buf_puts(&x.body, ",\"items\":[");
		r = store_audits_list(a->config.store, &query, put_row, &x, next);
		buf_puts(&x.body, "]}");
	}
	if (r != 0) {
		buf_done(&x.body);
		api_store_problem(q, r);
		return;
	}
	http_reply_json(q, MHD_HTTP_OK, &x.body);
}

void api_incident_ack(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct incident i = {0};
	int r = store_incident_get(a->config.store, http_param(q, "id"), &i);

	if (r == 0)
		r = str_set(&i.state, "acknowledged");
	if (r == 0) {
		i.updated = time_now();
		r = store_incident_put(a->config.store, &i);
	}
	if (r == 0)
		r = store_commit(a->config.store);
	if (r != 0) {
		record_done(&incident_desc, &i);
		api_store_problem(q, r);
		return;
	}
	a->config.backend.incident_acknowledged(a->config.backend.ctx, &i);
	api_publish(a, API_TOPIC_INCIDENTS, "incident", &incident_desc, &i);
	api_audit_admin(a, http_user(q), http_client(q), "acknowledged incident %s", i.id);
	api_reply_record(q, &incident_desc, &i);
	record_done(&incident_desc, &i);
}
