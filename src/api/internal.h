/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of one resource share. */
#pragma once

#include <microhttpd.h>

#include "api/api.h"

#define API_ANSWER_MAX (64u << 20)
#define API_LOGIN_SLOTS 256

/* Failed logins of one address or name, leaking away with time. */
struct api_login_slot {
	uint64_t key;
	uint64_t seen; /* monotonic ns */
	double failures;
};

struct api {
	struct api_config config;
	struct policy *policy;
	struct policy_messages warnings; /* of the present policy */
	struct api_login_slot logins[API_LOGIN_SLOTS];
};

/* Answers 400 and returns false when a query parameter makes no sense. */
bool api_query_parse(struct http_request *q, struct store_query *ret);
/* A failed store call as a problem. */
void api_store_problem(struct http_request *q, int r);
/* {"items":[ has been begun in b: ends it and answers. next "" = null. */
void api_reply_list(struct http_request *q, struct buf *b, const char *next);
void api_list_begin(struct buf *b);
void api_reply_record(struct http_request *q, const struct record_desc *d, const void *obj);
/* The container of the path, by id, name or prefix. Answers 404 and returns false otherwise. */
bool api_container_find(struct api *a, struct http_request *q, struct container *ret);
/* A parsed JSON object body; answers 400 and returns NULL otherwise. */
struct json *api_body_object(struct http_request *q);
/* The commit a change waits for: answers 507/500 and returns false when it failed. */
bool api_commit(struct api *a, struct http_request *q);

http_handler_fn api_login, api_logout, api_me, api_set_password;
http_handler_fn api_status, api_radar, api_stream, api_metrics, api_healthz, api_readyz, api_get_openapi;
http_handler_fn api_containers, api_container, api_processes, api_connections;
http_handler_fn api_audits, api_audit, api_incidents, api_incident, api_incident_ack;
http_handler_fn api_forensics;
http_handler_fn api_compliance, api_compliance_summary;
http_handler_fn api_policy_get, api_policy_put, api_policy_check, api_policy_diff, api_policy_history,
	api_policy_revision, api_policy_rollback, api_policy_edit;
