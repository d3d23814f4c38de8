/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c, request.c and sse.c share. */
#pragma once

#include <microhttpd.h>

#include "http/http.h"

#define HTTP_HEADERS_MAX 8
#define HTTP_QUERY_MAX 32
#define HTTP_USER_SIZE 64

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	const struct http_route *route;
	enum http_method method;
	char *path;
	struct {
		char *name, *value;
	} params[HTTP_PARAMS_MAX];
	unsigned param_count;
	struct buf body;
	uint64_t received;
	char user[HTTP_USER_SIZE];
	enum http_role role;
	bool by_cookie;
	char client[64];
	struct {
		char *name, *value;
	} headers[HTTP_HEADERS_MAX];
	unsigned header_count;

	unsigned status;
	struct MHD_Response *response; /* set = answered */
	bool suspended, queued;
	struct http_request *next, **link; /* of all requests of the server */
};

struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon;
	struct loop_source *source, *timer;
	struct http_request *requests;
	struct http_counters counters;
	bool stopping;
};

/* MHD_resume_connection(), which in external mode nobody hears: the daemon must be run after it. */
void http_resume(struct http_server *s, struct MHD_Connection *c);
/* Answers with a ready response; the request owns it from now on. */
void http_answer(struct http_request *q, unsigned status, struct MHD_Response *response);
enum MHD_Result http_queue(struct http_request *q);
