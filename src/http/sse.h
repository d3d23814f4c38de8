/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events. All events go once into one ring, bounded in number and bytes; a client is a
 * position in it, so that a slow or stuck client costs nothing and holds nothing up: whoever falls
 * off the ring's end is told to start anew. Numbers begin with the wall clock in microseconds, so
 * that a Last-Event-ID of an earlier run is recognised as too old.
 */
#pragma once

#include "http/http.h"

#define SSE_TOPICS_MAX 16

struct sse;

struct sse_config {
	struct loop *loop;
	const char *const *topics; /* names for ?topics=a,b; borrowed for good */
	unsigned topic_count;
	uint32_t ring_events; /* 0 = 8,192 */
	size_t ring_bytes;    /* 0 = 32 MiB */
	const char *reset_event, *reset_data; /* what a client too far behind is sent; borrowed */
};

int sse_new(struct sse **ret, const struct sse_config *config);
/* Ends all streams; call before http_server_free(). */
struct sse *sse_free(struct sse *s);
CLEANUP_DEFINE(struct sse, sse_free)

/* `data` is one line of text. Failure to remember it (memory) makes all clients start anew. */
void sse_publish(struct sse *s, unsigned topic, const char *event, const char *data, size_t size);
/* Answers the request with a stream: topics by ?topics= (none = all), position by the header
 * Last-Event-ID or ?after=. */
void sse_attach(struct sse *s, struct http_request *q);
uint64_t sse_seq(const struct sse *s); /* number of the newest event */
unsigned sse_clients(const struct sse *s);
/* How often a client was told to start anew. */
uint64_t sse_resets(const struct sse *s);
