/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AdmissionReviews over HTTPS: see webhook.h. Every review is answered by an AdmissionReview, with HTTP
 * status 200: to an API server another status is an absence, of which failurePolicy decides.
 */
#include "gate/webhook.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "http/http.h"

struct webhook {
	struct gate *gate;
	struct http_server *server;
	struct call *calls; /* that wait for their answer */
	char *pem;	    /* certificate and key */
};

struct call {
	struct http_request *http;
	struct review_job *job;
	struct call *next, **link;
};

static void call_free(struct call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

static void put_warnings(struct buf *b, const struct review_answer *a)
{
	json_put_key(b, "warnings");
	buf_putc(b, '[');
	for (unsigned i = 0; i < a->warning_count; i++) {
		json_put_sep(b);
		json_put_str(b, a->warnings[i]);
	}
	buf_putc(b, ']');
}

static void reply(struct http_request *q, const struct review_answer *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64u << 10);

	buf_puts(&b, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{");
	json_put_key(&b, "uid");
	json_put_str(&b, a->uid ? a->uid : "");
	json_put_key(&b, "allowed");
	buf_puts(&b, a->denied ? "false" : "true");
	if (a->denied) {
		json_put_key(&b, "status");
		buf_puts(&b, "{\"code\":403,\"reason\":\"Forbidden\",\"message\":");
		json_put_str(&b, a->text);
		buf_putc(&b, '}');
	}
	if (a->warning_count)
		put_warnings(&b, a);
	buf_puts(&b, "}}");
	http_reply(q, 200, "application/json", &b);
}

static void on_judged(void *ctx, const struct review_answer *a)
{
	struct call *c = ctx;

	reply(c->http, a);
	call_free(c);
}

static void on_review(void *ctx, struct http_request *http)
{
	struct webhook *w = ctx;
	struct call *c = calloc(1, sizeof(*c));
	struct review_job *job = NULL;
	size_t n;
	const char *text = http_body(http, &n);

	if (!c) {
		reply(http, &(struct review_answer){.denied = true, .text = "[Seawall] request blocked: out of memory"});
		return;
	}
	*c = (struct call){.http = http, .next = w->calls, .link = &w->calls};
	if (c->next)
		c->next->link = &c->next;
	w->calls = c;
	int r = review_judge(&job, w->gate, http_client(http), text, n, on_judged, c);
	if (r < 0) {
		reply(http, &(struct review_answer){.denied = true, .text = "[Seawall] request blocked: out of memory"});
		call_free(c);
	} else if (job) {
		c->job = job;
		http_suspend(http);
	}
}

/* For whoever looks whether we are there: an API server has no such question. */
static void on_health(void *ctx, struct http_request *q)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(16);

	(void)ctx;
	buf_puts(&b, "ok\n");
	http_reply(q, 200, "text/plain", &b);
}

static const struct http_route routes[] = {
	{HTTP_POST, WEBHOOK_PATH, HTTP_PUBLIC, KUBE_BODY_MAX, on_review, "timeout", NULL, "may this request be carried out"},
	{HTTP_GET, "/healthz", HTTP_PUBLIC, 0, on_health, NULL, NULL, "is the webhook there"},
};

struct webhook *webhook_close(struct webhook *w)
{
	if (!w)
		return NULL;
	while (w->calls) {
		review_cancel(w->calls->job);
		call_free(w->calls);
	}
	http_server_free(w->server); /* answers who waits with an error: failurePolicy decides */
	free(w->pem);
	free(w);
	return NULL;
}

int webhook_open(struct webhook **ret, struct gate *g, int listen_fd, const struct blob *tls)
{
	struct webhook *w = calloc(1, sizeof(*w));

	if (w)
		w->pem = strndup(tls->size ? (const char *)tls->data : "", tls->size);
	if (!w || !w->pem) {
		fd_close(listen_fd);
		webhook_close(w);
		return -ENOMEM;
	}
	w->gate = g;
	struct http_config config = {.loop = g->loop, .listen_fd = listen_fd, .cert_pem = w->pem, .key_pem = w->pem, .routes = routes,
		.route_count = ARRAY_SIZE(routes), .connections = GATE_REVIEWS_MAX, .api_prefix = "/", .ctx = w};
	int r = http_server_new(&w->server, &config);
	if (r < 0) {
		webhook_close(w);
		return r;
	}
	*ret = w;
	return 0;
}
