/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads and bodies of HTTP messages. The first byte chooses: a request or an answer, and into how
 * large pieces the body is cut. What was taken must read the same when it is written anew and read
 * again: that is the promise of the proxy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool what)
{
	if (!what)
		abort();
}

static int parse(struct http_head *h, const uint8_t *p, size_t n, bool request)
{
	return request ? http_request_parse(h, p, n, NULL) : http_answer_parse(h, p, n, "GET", NULL);
}

/* The head written anew, and read again: nothing that matters may have changed. */
static void again(const struct http_head *h, bool request)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);
	CLEANUP(http_head_done) struct http_head other = {0};
	struct http_rewrite how = {.framing = h->framing, .length = h->length, .upgrade = h->upgrade, .close = h->close};
	size_t scanned = 0;

	if (request)
		http_request_put(&out, h, &how);
	else
		http_answer_put(&out, h, &how);
	need(!out.failed);
	if (out.len > HTTP_HEAD_MAX)
		return;
	need(http_head_end(out.data, out.len, &scanned) == (ssize_t)out.len);
	if (h->field_count + 3 > HTTP_FIELDS_MAX)
		return;
	need(parse(&other, out.data, out.len, request) == 0);
	if (request)
		need(strcmp(h->method, other.method) == 0 && strcmp(h->target, other.target) == 0);
	else
		need(h->status == other.status);
	need(other.framing == h->framing && other.length == h->length);
	need(!request || !h->upgrade == !other.upgrade);
}

static size_t body(struct http_body *b, const uint8_t *p, size_t n, size_t piece, struct buf *out)
{
	size_t at = 0;

	while (at < n && !b->done) {
		const uint8_t *data;
		size_t size, left = n - at < piece ? n - at : piece;
		ssize_t used = http_body_read(b, p + at, left, &data, &size);
		if (used < 0)
			break;
		need(used > 0 && (size_t)used <= left && data >= p + at && data + size <= p + at + left);
		buf_put(out, data, size);
		at += (size_t)used;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(http_head_done) struct http_head h = {0};
	CLEANUP(buf_done) struct buf whole = BUF_INIT(1 << 20);
	CLEANUP(buf_done) struct buf cut = BUF_INIT(1 << 20);
	struct http_body a, b;
	size_t scanned = 0, slow = 0;

	if (size < 2)
		return 0;
	bool request = data[0] & 1;
	size_t piece = (data[0] >> 1) + 1u;
	data++;
	size--;
	ssize_t n = http_head_end(data, size, &scanned), m = 0;
	/* Bytes that come one by one end at the same place. */
	for (size_t i = 1; i <= size && m == 0; i++)
		m = http_head_end(data, i, &slow);
	need(n == m);
	if (n <= 0 || parse(&h, data, (size_t)n, request) < 0)
		return 0;
	again(&h, request);
	http_body_init(&a, h.framing, h.length, !request);
	http_body_init(&b, h.framing, h.length, !request);
	body(&a, data + n, size - (size_t)n, size, &whole);
	body(&b, data + n, size - (size_t)n, piece, &cut);
	need(a.done == b.done && (!a.done || (whole.len == cut.len && !memcmp(whole.data ? whole.data : data, cut.data ? cut.data : data, cut.len))));
	return 0;
}
