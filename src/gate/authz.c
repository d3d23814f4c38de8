/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's three calls over HTTP: see authz.h. The protocol: Docker's "Access authorization plugin". */
#include "gate/authz.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/fd.h"
#include "gate/commands.h"
#include "gate/report.h"
#include "http/http.h"

#define PLUGIN_TYPE "application/vnd.docker.plugins.v1.2+json"
#define CALL_MAX (6u << 20)  /* dockerd sends at most 1 MiB of a body, in base64, and the headers */
#define HEADERS_MAX 64
#define HELD_MAX_MS 1000 /* beyond, a Defender that is there and silent keeps nobody waiting */

struct authz {
	struct gate *gate;
	struct http_server *server;
	struct call *calls; /* that wait for their answer */
	struct loop_source *timer; /* runs while some are held */
	bool timing;
};

/* One AuthZReq that is not answered yet. */
struct call {
	struct authz *authz;
	struct http_request *http;
	struct command_job *job;
	bool held, allow; /* judged; the record of it is not safe yet */
	char *why;	  /* held and denied */
	uint64_t since;
	struct call *next, **link;
};

static void call_free(struct call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c->why);
	free(c);
}

static void reply(struct http_request *q, bool allow, const char *why)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64u << 10);

	buf_printf(&b, "{\"Allow\":%s", allow ? "true" : "false");
	if (!allow) {
		json_put_key(&b, "Msg");
		json_put_str(&b, why);
	}
	buf_putc(&b, '}');
	http_reply(q, 200, PLUGIN_TYPE, &b);
}

static void on_activate(void *ctx, struct http_request *q)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(256);

	(void)ctx;
	buf_puts(&b, "{\"Implements\":[\"authz\"]}");
	http_reply(q, 200, PLUGIN_TYPE, &b);
}

/* ---- commands that come faster than they can be recorded ---- */

static void hold(struct call *c, const struct command_answer *a)
{
	c->job = NULL;
	c->held = true;
	c->allow = !a->denied;
	c->since = time_monotonic();
	c->why = a->denied ? strdup(a->text) : NULL;
	http_suspend(c->http);
	if (!c->authz->timing)
		loop_timer_set(c->authz->timer, HELD_MAX_MS, 0);
	c->authz->timing = true;
}

/* Those that were held before that. */
static void release(struct authz *a, uint64_t before)
{
	struct call *c, *next;

	for (c = a->calls; c; c = next) {
		next = c->next;
		if (!c->held || c->since > before)
			continue;
		reply(c->http, c->allow, c->why ? c->why : "[Seawall] command blocked");
		call_free(c);
	}
}

void authz_drained(struct authz *a)
{
	if (a && a->timing && (!report_busy(a->gate->report) || !gate_defender(a->gate)))
		release(a, UINT64_MAX);
}

static int on_timer(void *ctx)
{
	struct authz *a = ctx;

	release(a, time_monotonic() - HELD_MAX_MS * NSEC_PER_MSEC);
	a->timing = false;
	for (const struct call *c = a->calls; c; c = c->next)
		a->timing |= c->held;
	return loop_timer_set(a->timer, a->timing ? HELD_MAX_MS / 4 : UINT32_MAX, 0);
}

static void on_judged(void *ctx, const struct command_answer *a)
{
	struct call *c = ctx;
	struct gate *g = c->authz->gate;

	if (report_busy(g->report) && gate_defender(g)) {
		hold(c, a);
		return;
	}
	reply(c->http, !a->denied, a->text);
	call_free(c);
}

/* ---- dockerd's question ---- */

struct question {
	struct json *root;
	struct command_header headers[HEADERS_MAX];
	size_t header_count;
	struct buf body;
};

static void question_done(struct question *q)
{
	json_free(q->root);
	buf_done(&q->body);
}

static void question_done_cleanup_(struct question *q)
{
	question_done(q);
}

/* By a table: the body is no secret, and a decoder of constant time is a sixth of all our work. */
static int take_body(struct question *q, const char *key)
{
	const char *text = json_get_str(q->root, key, ""), *pad = strchrnul(text, '=');
	size_t n = (size_t)(pad - text) + strlen(pad), padded = strlen(pad);

	if (!n)
		return 0;
	if (n > CALL_MAX || n % 4 || padded > 2 || strspn(pad, "=") != padded)
		return -EBADMSG;
	uint8_t *to = buf_room(&q->body, n);
	if (!to)
		return -ENOMEM;
	/* It overlooks blanks at the ends: then it gives less. */
	if (EVP_DecodeBlock(to, (const uint8_t *)text, (int)n) != (int)(n / 4 * 3))
		return -EBADMSG;
	q->body.len = n / 4 * 3 - padded;
	return 0;
}

static int take_headers(struct question *q)
{
	for (const struct json *h = json_first(json_get(q->root, "RequestHeaders")); h; h = json_next(h)) {
		if (q->header_count == HEADERS_MAX || !json_is_string(h))
			return -EBADMSG;
		q->headers[q->header_count++] = (struct command_header){json_key(h), json_str(h, "")};
	}
	return 0;
}

static int question_read(struct question *q, struct http_request *http)
{
	size_t n;
	const char *text = http_body(http, &n);

	q->body = BUF_INIT(CALL_MAX);
	if (json_parse(&q->root, text, n, NULL) < 0 || !json_is_object(q->root))
		return -EBADMSG;
	int r = take_headers(q);
	return r < 0 ? r : take_body(q, "RequestBody");
}

/* Our own questions: by a secret that only this process and the engine know. */
static bool is_ours(const struct gate *g, const struct question *q)
{
	const char *secret = strchr(g->own_header, ' ');

	for (size_t i = 0; secret && i < q->header_count; i++)
		if (strcasecmp(q->headers[i].name, GATE_OWN_HEADER) == 0 &&
			strlen(q->headers[i].value) == strlen(secret + 1) &&
			sodium_memcmp(q->headers[i].value, secret + 1, strlen(secret + 1)) == 0)
			return true;
	return false;
}

static void on_request(void *ctx, struct http_request *http)
{
	struct authz *a = ctx;
	CLEANUP(question_done) struct question q = {0};

	if (question_read(&q, http) < 0) {
		reply(http, false, "[Seawall] command blocked: the engine's question cannot be read");
		return;
	}
	if (is_ours(a->gate, &q)) {
		reply(http, true, NULL);
		return;
	}
	struct call *c = calloc(1, sizeof(*c));
	if (!c) {
		reply(http, false, "[Seawall] command blocked: out of memory");
		return;
	}
	*c = (struct call){.authz = a, .http = http, .next = a->calls, .link = &a->calls};
	if (c->next)
		c->next->link = &c->next;
	a->calls = c;
	struct command_asker who = {.user = json_get_str(q.root, "User", ""), .address = ""};
	struct command_input in = {.mode = COMMAND_AUTHZ, .method = json_get_str(q.root, "RequestMethod", ""),
		.uri = json_get_str(q.root, "RequestUri", ""), .headers = q.headers, .header_count = q.header_count,
		.body = q.body.len ? (const char *)q.body.data : "", .body_size = q.body.len};
	struct command_job *job = NULL;
	int r = commands_judge(&job, a->gate, &who, &in, on_judged, c);
	if (r < 0) {
		reply(http, false, "[Seawall] command blocked: out of memory");
		call_free(c);
	} else if (job) {
		c->job = job;
		http_suspend(http);
	}
}

/* What the engine answers is not judged, only remembered where a later command is about it. */
static void on_response(void *ctx, struct http_request *http)
{
	struct authz *a = ctx;
	CLEANUP(question_done) struct question q = {.body = BUF_INIT(CALL_MAX)};
	size_t n;
	const char *text = http_body(http, &n);
	static const char exec[] = "/exec\"";

	if (memmem(text, n, exec, sizeof(exec) - 1) && json_parse(&q.root, text, n, NULL) == 0 &&
		take_body(&q, "ResponseBody") == 0 && q.body.len)
		commands_answered(a->gate, json_get_str(q.root, "RequestMethod", ""), json_get_str(q.root, "RequestUri", ""),
			(const char *)q.body.data, q.body.len);
	reply(http, true, NULL);
}

static const struct http_route routes[] = {
	{HTTP_POST, "/Plugin.Activate", HTTP_PUBLIC, CALL_MAX, on_activate, NULL, NULL, "what the plugin is"},
	{HTTP_POST, "/AuthZPlugin.AuthZReq", HTTP_PUBLIC, CALL_MAX, on_request, NULL, NULL, "may this command be carried out"},
	{HTTP_POST, "/AuthZPlugin.AuthZRes", HTTP_PUBLIC, CALL_MAX, on_response, NULL, NULL, "may this answer be given"},
};

struct authz *authz_close(struct authz *a)
{
	if (!a)
		return NULL;
	while (a->calls) {
		commands_cancel(a->calls->job);
		call_free(a->calls);
	}
	loop_source_free(a->timer);
	http_server_free(a->server); /* answers who waits with an error: dockerd denies */
	free(a);
	return NULL;
}

int authz_open(struct authz **ret, struct gate *g, int listen_fd)
{
	struct authz *a = calloc(1, sizeof(*a));
	struct http_config config = {.loop = g->loop, .listen_fd = listen_fd, .routes = routes,
		.route_count = ARRAY_SIZE(routes), .api_prefix = "/", .ctx = a};

	if (!a) {
		fd_close(listen_fd);
		return -ENOMEM;
	}
	a->gate = g;
	int r = http_server_new(&a->server, &config);
	if (r == 0)
		r = loop_add_timer(g->loop, &a->timer, UINT32_MAX, 0, on_timer, a);
	if (r < 0) {
		authz_close(a);
		return r;
	}
	*ret = a;
	return 0;
}
