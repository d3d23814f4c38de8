/* SPDX-License-Identifier: Apache-2.0 */
/* A judged request on its way to the engine, its answer on the way back, and what an engine takes over. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "proxy/internal.h"

#define INTERIM_MAX 16

int conn_opened(struct conn *c)
{
	struct http_rewrite how = {.framing = c->head.framing, .length = c->head.length};

	if (c->up_fd < 0)
		return 0;
	/* A body that was judged goes out as what was judged, however it came. */
	if (c->have_body && c->head.framing != HTTP_NO_BODY) {
		how.framing = HTTP_LENGTH;
		how.length = c->body.len;
		http_body_init(&c->request, HTTP_LENGTH, c->body.len, false);
	}
	if (c->hijack)
		how.upgrade = c->head.upgrade;
	c->request_framing = how.framing;
	c->request_done = c->request.done;
	http_request_put(&c->up, &c->head, &how);
	if (!c->have_body)
		answer_continue(c);
	conn_deadline(c, 0);
	c->state = CONN_EXCHANGE;
	return 1;
}

/* Moves payload from one buffer to the other, as long as there is some and room for it. */
static int pass(struct http_body *b, struct buf *from, struct buf *to, enum http_framing framing)
{
	size_t at = 0;

	while (!b->done && at < from->len && to->len < BUFFER_MAX) {
		const uint8_t *data;
		size_t size;
		size_t left = from->len - at < BUFFER_MAX ? from->len - at : BUFFER_MAX;
		ssize_t n = http_body_read(b, from->data + at, left, &data, &size);
		if (n < 0)
			return (int)n;
		http_body_put(to, framing, data, size);
		at += (size_t)n;
	}
	if (b->done)
		http_body_put_end(to, framing);
	buf_consume(from, at);
	return at > 0 || b->done;
}

static int send_body(struct conn *c)
{
	struct buf *from = c->have_body ? &c->body : &c->in;

	if (c->request_done || c->up_broken)
		return 0;
	int r = pass(&c->request, from, &c->up, c->request_framing);
	c->request_done = c->request.done;
	if (r == -EBADMSG && !c->reply_seen) {
		answer_malformed(c, "the chunks of the body are malformed");
		return 1;
	}
	if (r == 0 && c->client_eof && !from->len)
		return -ECONNRESET;
	return r;
}

/* Whether an answer without a length is the stream itself. */
static bool is_raw_stream(const struct conn *c)
{
	const char *type = http_head_value(&c->reply, "content-type");

	return c->hijack && c->reply.status == 200 && c->reply.framing == HTTP_UNTIL_CLOSE && type &&
	       (strcasecmp(type, "application/vnd.docker.raw-stream") == 0 ||
		       strcasecmp(type, "application/vnd.docker.multiplexed-stream") == 0);
}

static int start_hijack(struct conn *c)
{
	const char *to = http_head_value(&c->reply, "upgrade");
	struct http_rewrite how = {.framing = HTTP_UNTIL_CLOSE};

	if (!c->request_done) {
		answer_bad_gateway(c, "it took the connection over before the request was complete");
		return 1;
	}
	if (c->reply.status == 101)
		how.upgrade = to && *to ? to : c->head.upgrade;
	http_answer_put(&c->out, &c->reply, &how);
	c->p->counters.hijacked++;
	c->state = CONN_HIJACK;
	return 1;
}

static bool asked_to_hijack(const struct conn *c)
{
	return c->hijack || c->head.upgrade;
}

static int start_answer(struct conn *c)
{
	bool about = c->reply.status == 304 || strcmp(c->head.method, "HEAD") == 0;
	struct http_rewrite how = {.framing = c->reply.framing, .length = c->reply.length, .keep_length = about};

	if (how.framing == HTTP_CHUNKED && c->head.minor == 0)
		how.framing = HTTP_UNTIL_CLOSE;
	if (how.framing == HTTP_UNTIL_CLOSE || asked_to_hijack(c))
		c->head.close = true;
	how.close = c->head.close;
	c->answer_framing = how.framing;
	http_body_init(&c->answer, c->reply.framing, c->reply.length, true);
	http_answer_put(&c->out, &c->reply, &how);
	return 1;
}

static int reply_head(struct conn *c)
{
	struct diag diag = {0};
	ssize_t n = c->down.len ? http_head_end(c->down.data, c->down.len, &c->reply_scanned) : 0;

	if (n == 0 && !c->up_eof)
		return 0;
	if (n <= 0) {
		answer_bad_gateway(c, n == 0 ? "it closed the connection" : "the head of its answer is malformed");
		return 1;
	}
	int r = http_answer_parse(&c->reply, c->down.data, (size_t)n, c->head.method, &diag);
	buf_consume(&c->down, (size_t)n);
	c->reply_scanned = 0;
	if (r == -EBADMSG)
		answer_bad_gateway(c, diag.message);
	if (r < 0)
		return r == -EBADMSG ? 1 : r;
	if (c->reply.status < 200 && c->reply.status != 101) {
		/* "100 Continue" was said by us already, and the others are only hints. */
		http_head_done(&c->reply);
		if (++c->interim > INTERIM_MAX)
			answer_bad_gateway(c, "it promises an answer again and again");
		return 1;
	}
	if (c->reply.status == 101 && !(c->hijack && c->head.upgrade)) {
		answer_bad_gateway(c, "it took over a connection that it may not");
		return 1;
	}
	c->reply_seen = true;
	if (c->reply.status == 101 || is_raw_stream(c))
		return start_hijack(c);
	return start_answer(c);
}

/* The answer is complete. What it left on the engine's connection must be nothing for it to be used again. */
static int finish(struct conn *c)
{
	bool sent = c->request_done && !c->up.len;

	if (!sent || c->reply.close || c->down.len || c->up_eof || c->up_broken)
		conn_drop_upstream(c);
	if (c->head.close || !sent)
		conn_close_soon(c);
	else
		conn_next_request(c);
	return 1;
}

static int pass_answer(struct conn *c)
{
	if (c->out.len >= BUFFER_MAX)
		return 0;
	int r = pass(&c->answer, &c->down, &c->out, c->answer_framing);
	if (r < 0) {
		c->p->counters.engine_failed++;
		return r;
	}
	if (c->answer.done)
		return finish(c);
	if (!c->up_eof || c->down.len)
		return r;
	if (c->reply.framing == HTTP_UNTIL_CLOSE)
		return finish(c);
	/* Cut: the client must see that too, so there is no proper end of the stream. */
	c->p->counters.engine_failed++;
	return -EPIPE;
}

int conn_exchange(struct conn *c)
{
	int r = send_body(c);

	if (r < 0 || c->state != CONN_EXCHANGE)
		return r;
	int s = c->reply_seen ? pass_answer(c) : c->out.len < BUFFER_MAX ? reply_head(c) : 0;
	return s < 0 ? s : r + s;
}

static int move(struct buf *from, struct buf *to)
{
	if (!from->len || to->len >= BUFFER_MAX)
		return 0;
	buf_put(to, from->data, from->len);
	buf_reset(from);
	return to->failed < 0 ? to->failed : 1;
}

int conn_hijacked(struct conn *c)
{
	if (c->up_broken)
		buf_reset(&c->in);
	int r = move(&c->in, &c->up), s = move(&c->down, &c->out);

	if (r < 0 || s < 0)
		return r < 0 ? r : s;
	if (c->client_eof && !c->in.len && !c->up.len && !c->up_shut) {
		shutdown(c->up_fd, SHUT_WR);
		c->up_shut = true;
		r++;
	}
	if (c->up_eof && !c->down.len && (c->up_hup || c->up_broken || c->client_eof)) {
		conn_close_soon(c);
		return 1;
	}
	if (c->up_eof && !c->down.len && !c->out.len && !c->client_told) {
		int t = tls_shutdown(c->tls);
		if (t < 0 && t != -EAGAIN)
			return t;
		c->client_told = t == 0;
		r += t == 0;
	}
	return r + s;
}
