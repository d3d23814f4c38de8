/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler may ask of a request and how it answers: see http.h. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "http/internal.h"

/* No inline script or style anywhere: what a container calls itself can never become code. */
static const char content_security_policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
	"connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
	"frame-ancestors 'none'";

static const char *const security_headers[][2] = {
	{"Content-Security-Policy", content_security_policy},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
};

enum http_method http_method(const struct http_request *q)
{
	return q->method;
}

const char *http_path(const struct http_request *q)
{
	return q->path;
}

const char *http_param(const struct http_request *q, const char *name)
{
	for (unsigned i = 0; i < q->param_count; i++)
		if (strcmp(q->params[i].name, name) == 0)
			return q->params[i].value;
	return "";
}

const char *http_query(const struct http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_COOKIE_KIND, name);
}

const char *http_body(const struct http_request *q, size_t *ret_size)
{
	if (ret_size)
		*ret_size = q->body.len;
	return q->body.data ? (const char *)q->body.data : "";
}

const char *http_client(const struct http_request *q)
{
	return q->client;
}

void http_set_user(struct http_request *q, const char *user, enum http_role role, bool by_cookie)
{
	snprintf(q->user, sizeof(q->user), "%s", user);
	q->role = role;
	q->by_cookie = by_cookie;
}

const char *http_user(const struct http_request *q)
{
	return q->user;
}

enum http_role http_role(const struct http_request *q)
{
	return q->role;
}

void http_set_header(struct http_request *q, const char *name, const char *value)
{
	if (q->header_count == HTTP_HEADERS_MAX)
		return;
	char *n = strdup(name), *v = strdup(value);
	if (!n || !v) {
		free(n);
		free(v);
		return;
	}
	q->headers[q->header_count].name = n;
	q->headers[q->header_count].value = v;
	q->header_count++;
}

enum MHD_Result http_queue(struct http_request *q)
{
	q->queued = true;
	return MHD_queue_response(q->connection, q->status, q->response);
}

void http_answer(struct http_request *q, unsigned status, struct MHD_Response *response)
{
	if (q->response || !response) {
		if (response)
			MHD_destroy_response(response);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(security_headers); i++)
		MHD_add_response_header(response, security_headers[i][0], security_headers[i][1]);
	for (unsigned i = 0; i < q->header_count; i++)
		MHD_add_response_header(response, q->headers[i].name, q->headers[i].value);
	if (!MHD_get_response_header(response, "Cache-Control"))
		MHD_add_response_header(response, "Cache-Control", "no-store");
	q->server->counters.refused += status >= 400 && status < 500;
	q->server->counters.errors += status >= 500;
	q->status = status;
	q->response = response;
	if (q->suspended) {
		q->suspended = false;
		http_resume(q->server, q->connection);
	}
}

void http_reply(struct http_request *q, unsigned status, const char *type, struct buf *body)
{
	if (body && body->failed) {
		buf_done(body);
		http_problem(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "the answer did not fit into memory");
		return;
	}
	size_t size = body ? body->len : 0;
	char *data = body && size ? buf_take_str(body) : NULL;
	struct MHD_Response *r = MHD_create_response_from_buffer(data ? size : 0, data ? data : (char *)(uintptr_t)"",
		data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

	if (!r)
		free(data);
	else if (type)
		MHD_add_response_header(r, "Content-Type", type);
	http_answer(q, status, r);
}

void http_reply_json(struct http_request *q, unsigned status, struct buf *body)
{
	http_reply(q, status, "application/json", body);
}

static bool accepts_gzip(const struct http_request *q)
{
	const char *accept = http_header(q, "Accept-Encoding");

	return accept && strcasestr(accept, "gzip") && !strcasestr(accept, "gzip;q=0");
}

void http_reply_asset(struct http_request *q, const struct http_asset *a)
{
	const char *known = http_header(q, "If-None-Match");

	http_set_header(q, "ETag", a->etag);
	http_set_header(q, "Cache-Control", a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	http_set_header(q, "Vary", "Accept-Encoding");
	if (known && strstr(known, a->etag)) {
		http_reply(q, MHD_HTTP_NOT_MODIFIED, NULL, NULL);
		return;
	}
	bool gzip = a->gzip && accepts_gzip(q);
	if (gzip)
		http_set_header(q, "Content-Encoding", "gzip");
	struct MHD_Response *r = MHD_create_response_from_buffer(gzip ? a->gzip_size : a->size,
		(void *)(uintptr_t)(gzip ? a->gzip : a->data), MHD_RESPMEM_PERSISTENT);
	if (r)
		MHD_add_response_header(r, "Content-Type", a->type);
	http_answer(q, MHD_HTTP_OK, r);
}

static const char *title_of(unsigned status)
{
	const char *t = MHD_get_reason_phrase_for(status);

	return t ? t : "Error";
}

void http_problem(struct http_request *q, unsigned status, const char *members, const char *detail, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	char line[1024];
	va_list ap;

	va_start(ap, detail);
	vsnprintf(line, sizeof(line), detail, ap);
	va_end(ap);
	buf_puts(&b, "{\"type\":\"about:blank\"");
	json_put_key(&b, "title");
	json_put_str(&b, title_of(status));
	json_put_key(&b, "status");
	buf_printf(&b, "%u", status);
	json_put_key(&b, "detail");
	json_put_str(&b, line);
	if (members)
		buf_printf(&b, ",%s", members);
	buf_putc(&b, '}');
	if (b.failed) {
		http_reply(q, status, NULL, NULL);
		return;
	}
	http_reply(q, status, "application/problem+json", &b);
}

void http_suspend(struct http_request *q)
{
	if (q->response || q->suspended)
		return;
	q->suspended = true;
	MHD_suspend_connection(q->connection);
}
