/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the host, the Radar, the stream and what machines ask. */
#include "api/internal.h"

void api_status(void *ctx, struct http_request *q)
{
	struct api *a = ctx;

	api_reply_record(q, &status_desc, a->config.backend.status(a->config.backend.ctx));
}

void api_radar(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(API_ANSWER_MAX);

	buf_putc(&b, '{');
	a->config.backend.radar(a->config.backend.ctx, &b);
	json_put_key(&b, "seq");
	buf_printf(&b, "%llu}", (unsigned long long)sse_seq(a->config.stream));
	http_reply_json(q, MHD_HTTP_OK, &b);
}

void api_stream(void *ctx, struct http_request *q)
{
	struct api *a = ctx;

	sse_attach(a->config.stream, q);
}

void api_metrics(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(1 << 20);

	a->config.backend.metrics(a->config.backend.ctx, &b);
	http_reply(q, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static void reply_text(struct http_request *q, unsigned status, const char *text)
{
	struct buf b = BUF_INIT(256);

	buf_printf(&b, "%s\n", text);
	http_reply(q, status, "text/plain; charset=utf-8", &b);
}

void api_healthz(void *ctx, struct http_request *q)
{
	(void)ctx;
	reply_text(q, MHD_HTTP_OK, "ok");
}

void api_readyz(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	bool ready = a->config.backend.status(a->config.backend.ctx)->ready;

	reply_text(q, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, ready ? "ok" : "enforcement is not on");
}

void api_get_openapi(void *ctx, struct http_request *q)
{
	struct buf b = BUF_INIT(4u << 20);

	(void)ctx;
	api_openapi(api_routes, api_route_count, &b);
	http_reply_json(q, MHD_HTTP_OK, &b);
}
