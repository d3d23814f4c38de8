/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTPS server over libmicrohttpd, run by base/loop in the caller's thread: a table of
 * routes is the single source for dispatch, rights, limits and the generated API description.
 * Knows nothing of the product.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/diag.h"
#include "base/loop.h"

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT_ };
extern const char *const http_method_names[HTTP_METHOD_COUNT_];

/* Ordered: a user of one role may do all that the roles before it may. */
enum http_role { HTTP_PUBLIC, HTTP_VIEWER, HTTP_ADMIN };

/* Answers now (http_reply and friends) or calls http_suspend() and answers later. */
typedef void http_handler_fn(void *ctx, struct http_request *q);

struct http_route {
	enum http_method method;
	const char *path; /* "/api/v1/containers/{id}": {name} is one segment; a last star takes the rest */
	enum http_role role;
	uint32_t max_body; /* bytes */
	http_handler_fn *handler;
	const char *query;   /* names of the query parameters, separated by blanks, or NULL */
	const char *answer;  /* schema of the answer: "audit", "audit[]" for a list, NULL = none */
	const char *summary; /* one line */
};

/* A file of the web UI, made by tools/embed.py. */
struct http_asset {
	const char *path; /* "/assets/index-1234.js" */
	const char *type;
	const char *etag; /* quoted */
	bool immutable;   /* the name changes with the content */
	const uint8_t *data;
	size_t size;
	const uint8_t *gzip; /* NULL when it would not be smaller */
	size_t gzip_size;
};

/* The best right of the request's credentials: fills in the user by http_set_user(). */
typedef void http_authenticate_fn(void *ctx, struct http_request *q);

struct http_config {
	struct loop *loop;
	int listen_fd; /* bound and listening; owned by the server from now on */
	const char *cert_pem, *key_pem; /* borrowed; both NULL = plain HTTP, for tests */
	const struct http_route *routes;
	size_t route_count;
	const struct http_asset *assets; /* "/index.html" answers every GET of no route or file */
	size_t asset_count;
	unsigned connections; /* at one time; 0 = 4,096 */
	const char *api_prefix; /* below it nothing falls back to the UI */
	http_authenticate_fn *authenticate;
	void *ctx;
};

struct http_counters {
	uint64_t requests, refused, errors; /* refused: 4xx, errors: 5xx */
	uint32_t connections;
};

int http_server_new(struct http_server **ret, const struct http_config *config);
/* Suspended requests are answered with 503 first. */
struct http_server *http_server_free(struct http_server *s);
CLEANUP_DEFINE(struct http_server, http_server_free)
struct http_counters http_server_counters(const struct http_server *s);

/* --- reading a request; the answers live as long as the request --- */
enum http_method http_method(const struct http_request *q);
const char *http_path(const struct http_request *q);
const char *http_param(const struct http_request *q, const char *name);  /* of the path; never NULL */
const char *http_query(const struct http_request *q, const char *name);  /* NULL when absent */
const char *http_header(const struct http_request *q, const char *name); /* NULL when absent */
const char *http_cookie(const struct http_request *q, const char *name); /* NULL when absent */
const char *http_body(const struct http_request *q, size_t *ret_size);   /* terminated; "" when none */
const char *http_client(const struct http_request *q); /* address text without port */
/* Who asks. The user's name is copied. `by_cookie` requests are held to the CSRF rule. */
void http_set_user(struct http_request *q, const char *user, enum http_role role, bool by_cookie);
const char *http_user(const struct http_request *q); /* "" for nobody */
enum http_role http_role(const struct http_request *q);

/* --- answering; exactly one answer a request --- */
void http_set_header(struct http_request *q, const char *name, const char *value);
/* Takes the content of body (which is empty afterwards); body NULL = none. */
void http_reply(struct http_request *q, unsigned status, const char *type, struct buf *body);
void http_reply_json(struct http_request *q, unsigned status, struct buf *body);
void http_reply_asset(struct http_request *q, const struct http_asset *a);
/* RFC 9457. members: NULL, or further members as JSON text (`"errors":[...]`). */
void http_problem(struct http_request *q, unsigned status, const char *members, const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/* The connection waits, without a deadline of its own, until it is answered. */
void http_suspend(struct http_request *q);

/* --- routing, pure --- */
#define HTTP_PARAMS_MAX 4
struct http_match {
	const struct http_route *route; /* NULL = no such path */
	bool path_known;                /* the path exists with another method */
	struct {
		const char *name, *value; /* views: name into the pattern, value into the path */
		size_t name_size, value_size;
	} params[HTTP_PARAMS_MAX];
	unsigned param_count;
};
struct http_match http_route_find(const struct http_route *routes, size_t n, const char *method, const char *path);
