/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP API of docs/api.md: one table of routes, one file of handlers a resource. Reads the
 * store; what only the running Console knows (radar, status, Defender) comes through api_backend.
 */
#pragma once

#include "http/http.h"
#include "http/sse.h"
#include "ipc/messages.h"
#include "policy/policy.h"
#include "store/store.h"

struct api;

enum api_topic { API_TOPIC_RADAR, API_TOPIC_AUDITS, API_TOPIC_INCIDENTS, API_TOPIC_CONTAINERS, API_TOPIC_STATUS, API_TOPIC_COMPLIANCE, API_TOPIC_COUNT_ };
extern const char *const api_topic_names[API_TOPIC_COUNT_];

/* The Defender's answer: all frames of it together, or a negative error. Borrowed. */
typedef void api_answer_fn(void *arg, int error, const struct record_list *items, bool more);

struct api_backend {
	const struct status *(*status)(void *ctx);
	void (*radar)(void *ctx, struct buf *out);               /* "nodes":[...],"edges":[...] */
	const char *(*country)(void *ctx, const char *address);  /* code or NULL */
	/* Sends IPC_QUERY_EVENTS or IPC_QUERY_PROCESSES. 0: fn is called later, exactly once (-ETIMEDOUT
	 * when no answer came); -ENOTCONN, -ENOBUFS: it is not called. */
	int (*ask)(void *ctx, enum ipc_type type, const struct ipc_query *query, api_answer_fn *fn, void *arg);
	void (*incident_acknowledged)(void *ctx, const struct incident *i);
	void (*policy_changed)(void *ctx, const struct policy *policy);
	void (*metrics)(void *ctx, struct buf *out);
	void *ctx;
};

struct api_config {
	struct store *store;       /* borrowed */
	struct sse *stream;        /* borrowed */
	struct api_backend backend;
	const char *host;          /* borrowed; for the administration's audits */
	bool secure;               /* cookies with Secure */
};

int api_new(struct api **ret, const struct api_config *config);
struct api *api_free(struct api *a);
CLEANUP_DEFINE(struct api, api_free)

/* For http_config: handlers expect the struct api as their ctx. */
extern const struct http_route api_routes[];
extern const size_t api_route_count;
void api_authenticate(void *ctx, struct http_request *q);

/* Publishes one record on a topic under an event name. */
void api_publish(struct api *a, enum api_topic topic, const char *event, const struct record_desc *d, const void *obj);
/* An audit of the administration (kind admin): stored, committed, published. */
void api_audit_admin(struct api *a, const char *user, const char *client, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * Loads the newest policy of the store (making the first when there is none) and announces it. A
 * stored text that does not load any more (1, reterr says why) leaves none in force here: Defenders
 * keep the one that they have until a good one is put.
 */
int api_policy_start(struct api *a, struct diag *reterr);
const struct policy *api_policy(const struct api *a); /* borrowed; may be NULL before start */

/* --- credentials: used at first start too --- */
#define API_SECRET_SIZE 44 /* text of 32 random bytes, terminated */
/* Before anything else here; api_new() does it too. */
int api_crypto_start(void);
/* 32 random bytes as URL-safe text. */
void api_secret_make(char out[API_SECRET_SIZE]);
void api_secret_hash(const char *secret, uint8_t out[STORE_HASH_SIZE]);
int api_password_hash(const char *password, char out[192]); /* Argon2id; -ENOMEM */
bool api_password_matches(const struct store_user *u, const char *password);
/* -EINVAL with the reason. */
int api_password_check(const char *password, struct diag *reterr);

/* The OpenAPI 3.1 document, from the route table and the record tables. */
void api_openapi(const struct http_route *routes, size_t n, struct buf *out);
