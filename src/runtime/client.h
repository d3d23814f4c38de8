/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to one engine over connected sockets that somebody else opens: libcurl's multi interface
 * on a loop. Knows HTTP/1.1 and HTTP/2 with prior knowledge, bodies with a limit, and streams;
 * knows nothing of containers. Every new connection asks the opener for one socket, because the
 * program that parses engine data has no right to open the engine's socket itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct client;

#define CLIENT_KEY_SIZE 160
#define CLIENT_CONNECTIONS 9 /* one stream and eight short requests */

/* Asks for one connected socket. The answer is client_opened(), possibly from inside the call. */
typedef void client_open_fn(void *ctx);

struct client_config {
	struct loop *loop;
	bool http2;
	client_open_fn *open;
	const char *header; /* one more line of every request; borrowed for good; NULL = none */
	void *ctx;
};

/* What came of a request. All pointers are borrowed for the call. */
struct client_result {
	int error;	     /* 0, or a negative errno: the request did not get an answer */
	int status;	     /* HTTP status */
	int grpc_status;     /* of the trailers, -1 = there was none */
	const char *key;     /* of the request */
	const char *message; /* for people, when error is set or gRPC says more; else "" */
	const uint8_t *body;
	size_t size;
};

typedef void client_done_fn(void *ctx, const struct client_result *result);
/* A part of a streamed body. A negative return ends the request with that error. */
typedef int client_data_fn(void *ctx, const void *data, size_t n);

struct client_call {
	const char *method; /* borrowed for good */
	const char *path;
	const char *content_type; /* borrowed for good; NULL = no body */
	const char *header;	  /* one more line; copied; NULL = none */
	const void *body;
	size_t body_size;
	size_t max;	     /* bytes of the answer; more ends it with -EFBIG. Not for streams */
	uint32_t timeout_ms; /* 0 = none */
	bool urgent;	     /* before all that wait */
	client_data_fn *on_data; /* streamed when set: the result has no body */
	client_done_fn *on_done;
	void *ctx;
	const char *key; /* copied; shorter than CLIENT_KEY_SIZE; NULL = "" */
};

int client_new(struct client **ret, const struct client_config *config);
/* Ends every request without a word to its owner. Not from inside a callback of this client. */
struct client *client_free(struct client *c);
CLEANUP_DEFINE(struct client, client_free)

/* Queues a request; what the call points to may go afterwards. Safe from inside callbacks. */
int client_send(struct client *c, const struct client_call *call);
/* Answers one client_open_fn call: a connected socket (owned from now on) or a negative errno. */
void client_opened(struct client *c, int fd);
