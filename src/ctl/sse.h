/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: bytes in, events out. Pure, so that it can be tested and fuzzed. */
#pragma once

#include "base/buf.h"

#define SSE_EVENT_MAX (4u << 20)

struct sse_event {
	const char *id;	  /* "" when the stream gave none yet */
	const char *name; /* "message" when it has none */
	const char *data;
};

/* A negative return ends the parsing with it. */
typedef int sse_event_fn(void *ctx, const struct sse_event *e);

struct sse {
	struct buf line;
	struct buf data;
	char id[64];
	char name[64];
	bool skip_lf; /* the last line ended with \r */
	sse_event_fn *on_event;
	void *ctx;
};

void sse_init(struct sse *s, sse_event_fn *on_event, void *ctx);
void sse_done(struct sse *s);
/* 0, what the callback returned, or -E2BIG for an event above SSE_EVENT_MAX. */
int sse_feed(struct sse *s, const char *bytes, size_t n);
