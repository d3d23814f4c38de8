/* SPDX-License-Identifier: Apache-2.0 */
/* What the proxy says itself, in the form of Docker's errors. */
#include <string.h>

#include "base/json.h"
#include "proxy/internal.h"

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {{400, "Bad Request"}, {403, "Forbidden"}, {408, "Request Timeout"}, {413, "Content Too Large"},
		{431, "Request Header Fields Too Large"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"}};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Refused";
}

/* Whether the bytes that come next are known to be the next request's. */
static bool may_go_on(const struct conn *c)
{
	bool whole = c->head.framing == HTTP_NO_BODY || c->request.done;

	return c->head.method && whole && !c->head.close && !c->head.upgrade &&
	       (c->state == CONN_JUDGING || c->state == CONN_BODY);
}

void answer_error(struct conn *c, unsigned status, const char *message)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(4096);
	bool go_on = may_go_on(c);

	buf_puts(&body, "{\"message\":");
	json_put_strn(&body, message, strnlen(message, 1500));
	buf_puts(&body, "}\n");
	buf_printf(&c->out, "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n", status,
		reason(status), body.failed ? 0 : body.len, go_on ? "" : "Connection: close\r\n");
	if (!body.failed && !(c->head.method && strcmp(c->head.method, "HEAD") == 0))
		buf_put(&c->out, body.data, body.len);
	if (go_on) {
		conn_next_request(c);
	} else {
		conn_drop_upstream(c);
		conn_close_soon(c);
	}
}

void answer_malformed(struct conn *c, const char *why)
{
	char text[600];

	c->p->counters.malformed++;
	conn_refused(c, why);
	snprintf(text, sizeof(text), "[Seawall] malformed request: %s", why);
	c->head.close = true;
	answer_error(c, 400, text);
}

void answer_bad_gateway(struct conn *c, const char *why)
{
	char text[600];

	c->p->counters.engine_failed++;
	snprintf(text, sizeof(text), "[Seawall] the engine gives no answer: %s", why);
	c->head.close = true;
	answer_error(c, 502, text);
}

void answer_continue(struct conn *c)
{
	if (c->head.expect_continue && !c->told_continue)
		buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	c->told_continue = true;
}
