/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: see sse.h. Written after the HTML standard, section 9.2.6. */
#include "ctl/sse.h"

#include <stdio.h>
#include <string.h>

void sse_init(struct sse *s, sse_event_fn *on_event, void *ctx)
{
	*s = (struct sse){
		.line = BUF_INIT(SSE_EVENT_MAX),
		.data = BUF_INIT(SSE_EVENT_MAX),
		.on_event = on_event,
		.ctx = ctx,
	};
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
}

static int dispatch(struct sse *s)
{
	int r = 0;

	if (s->data.failed)
		return s->data.failed;
	if (s->data.len) {
		s->data.data[--s->data.len] = 0; /* the last line's newline is not part of it */
		r = s->on_event(s->ctx, &(struct sse_event){
						.id = s->id,
						.name = s->name[0] ? s->name : "message",
						.data = (const char *)s->data.data,
					});
	}
	buf_reset(&s->data);
	s->name[0] = 0;
	return r;
}

static int take_line(struct sse *s)
{
	if (s->line.failed)
		return s->line.failed;
	if (!s->line.len)
		return dispatch(s);
	const char *line = (const char *)s->line.data;
	const char *colon = strchr(line, ':');
	size_t name_len = colon ? (size_t)(colon - line) : strlen(line);
	const char *value = colon ? colon + 1 : "";

	if (*value == ' ')
		value++;
	if (name_len == 4 && memcmp(line, "data", 4) == 0) {
		buf_puts(&s->data, value);
		buf_putc(&s->data, '\n');
	} else if (name_len == 5 && memcmp(line, "event", 5) == 0) {
		snprintf(s->name, sizeof(s->name), "%s", value);
	} else if (name_len == 2 && memcmp(line, "id", 2) == 0) {
		snprintf(s->id, sizeof(s->id), "%s", value);
	}
	return 0;
}

int sse_feed(struct sse *s, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];
		bool after_cr = s->skip_lf;
		s->skip_lf = false;
		if (c == '\n' && after_cr)
			continue;
		if (c != '\n' && c != '\r') {
			buf_putc(&s->line, c);
			continue;
		}
		s->skip_lf = c == '\r';
		int r = take_line(s);
		buf_reset(&s->line);
		if (r < 0)
			return r;
	}
	return s->line.failed;
}
