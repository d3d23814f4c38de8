/* SPDX-License-Identifier: Apache-2.0 */
/* From the first byte of a request to its verdict. */
#include <errno.h>
#include <string.h>

#include "proxy/internal.h"

static void start_upstream(struct conn *c)
{
	c->state = CONN_OPENING;
	if (c->up_fd >= 0)
		return;
	c->asked = true;
	conn_deadline(c, c->p->config.limits.open_ms);
	c->p->config.open_upstream(c->p->config.ctx, c->id);
}

static int apply(struct conn *c, const struct proxy_verdict *v, bool oversize)
{
	const char *text = v->message ? v->message : oversize ? "[Seawall] the body of this request is too large to be judged"
							      : "[Seawall] this request is denied";

	if (v->answer == PROXY_NEED_BODY && !c->have_body && !oversize) {
		c->state = CONN_BODY;
		conn_deadline(c, c->p->config.limits.body_ms);
	} else if (v->answer == PROXY_ALLOW && !oversize) {
		c->p->counters.allowed++;
		c->hijack = v->hijack;
		start_upstream(c);
	} else {
		c->p->counters.denied++;
		answer_error(c, oversize ? 413 : v->status ? v->status : 403, text);
	}
	return 1;
}

static int judge(struct conn *c, bool oversize)
{
	struct proxy_verdict v = {.answer = PROXY_DENY};
	struct proxy_request q = {.id = c->id, .user = c->user, .groups = &c->groups, .address = c->address, .head = &c->head,
		.complete = c->have_body, .oversize = oversize, .body = "", .body_size = 0};

	if (c->have_body && c->body.len) {
		q.body = (const char *)c->body.data;
		q.body_size = c->body.len;
	}
	c->state = CONN_JUDGING;
	c->decided = false;
	conn_deadline(c, c->p->config.limits.judge_ms);
	c->p->config.judge(c->p->config.ctx, &q, &v);
	if (v.answer == PROXY_LATER && !oversize)
		return 1;
	return apply(c, &v, oversize);
}

int conn_judged(struct conn *c)
{
	if (!c->decided)
		return 0;
	c->decided = false;
	return apply(c, &c->decision, false);
}

static int begin(struct conn *c)
{
	http_body_init(&c->request, c->head.framing, c->head.length, false);
	c->have_body = c->request.done; /* all of it: there is none */
	c->p->counters.requests++;
	c->id = ++c->p->next_id; /* a late answer to an earlier request finds nobody */
	return judge(c, false);
}

int conn_head(struct conn *c)
{
	struct diag diag = {0};

	if (c->out.len >= BUFFER_MAX)
		return 0; /* it asks and asks and reads no answer */
	if (!c->in.len) {
		if (!c->client_eof)
			return 0;
		conn_close_soon(c);
		return 1;
	}
	if (!c->head_begun)
		conn_deadline(c, c->p->config.limits.head_ms);
	c->head_begun = true;
	ssize_t n = http_head_end(c->in.data, c->in.len, &c->scanned);
	if (n == 0)
		return c->client_eof ? -ECONNRESET : 0;
	if (n < 0) {
		answer_malformed(c, n == -E2BIG ? "the head is too long" : "a line does not end with CR LF, or there is a NUL");
		return 1;
	}
	int r = http_request_parse(&c->head, c->in.data, (size_t)n, &diag);
	buf_consume(&c->in, (size_t)n);
	if (r == -EBADMSG) {
		http_head_done(&c->head);
		answer_malformed(c, diag.message);
		return 1;
	}
	return r < 0 ? r : begin(c);
}

/* Counts what the whole bodies of all connections hold. False: that is too much. */
static bool count_body(struct conn *c)
{
	struct proxy_counters *n = &c->p->counters;

	n->body_bytes += (uint32_t)c->body.len - c->body_counted;
	c->body_counted = (uint32_t)c->body.len;
	return n->body_bytes <= c->p->config.limits.bodies;
}

/* Collects what there is of a body that is to be judged whole. */
static int collect(struct conn *c)
{
	size_t at = 0;
	int r = 0;

	while (!c->request.done && at < c->in.len && r == 0) {
		const uint8_t *data;
		size_t size;
		ssize_t n = http_body_read(&c->request, c->in.data + at, c->in.len - at, &data, &size);
		if (n < 0)
			return (int)n;
		at += (size_t)n;
		buf_put(&c->body, data, size);
		r = c->body.failed == -E2BIG ? -EFBIG : c->body.failed;
	}
	buf_consume(&c->in, at);
	if (r == 0 && !count_body(c))
		r = -EDQUOT;
	return r < 0 ? r : at > 0;
}

int conn_body(struct conn *c)
{
	uint32_t limit = c->p->config.limits.body;
	int r;

	c->body.max = limit;
	if (c->head.framing == HTTP_LENGTH && c->head.length > limit) {
		r = -EFBIG;
	} else {
		answer_continue(c);
		r = collect(c);
	}
	if (r == -EFBIG) {
		c->p->counters.oversize++;
		return judge(c, true);
	}
	if (r == -EDQUOT) {
		answer_error(c, 503, "[Seawall] too many large requests at one time");
		return 1;
	}
	if (r == -EBADMSG) {
		answer_malformed(c, "the chunks of the body are malformed");
		return 1;
	}
	if (r < 0)
		return r;
	if (c->request.done) {
		c->have_body = true;
		return judge(c, false);
	}
	if (c->client_eof && !c->in.len)
		return -ECONNRESET;
	if (r > 0)
		conn_deadline(c, c->p->config.limits.body_ms);
	return r;
}
