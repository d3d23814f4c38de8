/* SPDX-License-Identifier: Apache-2.0 */
/* The API object and what all resources need: see api.h and internal.h. */
#include "api/api.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/pattern.h"

#define SEARCH_MAX 256

const char *const api_topic_names[API_TOPIC_COUNT_] = {"radar", "audits", "incidents", "containers", "status", "compliance"};

int api_new(struct api **ret, const struct api_config *config)
{
	struct api *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	int r = api_crypto_start();
	if (r < 0) {
		free(a);
		return r;
	}
	a->config = *config;
	*ret = a;
	return 0;
}

struct api *api_free(struct api *a)
{
	if (!a)
		return NULL;
	policy_unref(a->policy);
	policy_messages_done(&a->warnings);
	free(a);
	return NULL;
}

void api_publish(struct api *a, enum api_topic topic, const char *event, const struct record_desc *d, const void *obj)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4u << 20);

	record_to_json(d, obj, &b);
	if (!b.failed)
		sse_publish(a->config.stream, topic, event, (const char *)b.data, b.len);
}

void api_audit_admin(struct api *a, const char *user, const char *client, const char *fmt, ...)
{
	struct audit audit = {.kind = AUDIT_ADMIN, .severity = SEVERITY_NONE, .count = 1};
	char what[512], message[700], id[40];
	uint8_t random[8];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(message, sizeof(message), "%s (%s) %s", *user ? user : "somebody", client, what);
	audit.time = audit.first = audit.last = time_now();
	randombytes_buf(random, sizeof(random));
	snprintf(id, sizeof(id), "admin-%llx-%02x%02x%02x%02x", (unsigned long long)audit.time, random[0], random[1],
		random[2], random[3]);
	/* Borrowed views: nothing here outlives the call, so nothing is freed. */
	audit.id = id;
	audit.message = message;
	audit.process.user = (char *)(uintptr_t)user;
	audit.network.address = (char *)(uintptr_t)client;
	audit.host = (char *)(uintptr_t)a->config.host;
	audit.revision = a->policy ? a->policy->revision : 0;
	if (store_audit_put(a->config.store, &audit) == 0)
		store_commit(a->config.store);
	api_publish(a, API_TOPIC_AUDITS, "audit", &audit_desc, &audit);
}

void api_store_problem(struct http_request *q, int r)
{
	if (r == STORE_E_NOT_FOUND)
		http_problem(q, MHD_HTTP_NOT_FOUND, NULL, "there is no %s", http_path(q));
	else if (r == -EINVAL)
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "the cursor is none that was given out");
	else if (r == -ENOSPC)
		http_problem(q, MHD_HTTP_INSUFFICIENT_STORAGE, NULL, "the disk is full: nothing was changed");
	else
		http_problem(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "the database failed: %s", strerror(-r));
}

bool api_commit(struct api *a, struct http_request *q)
{
	int r = store_commit(a->config.store);

	if (r < 0)
		api_store_problem(q, r);
	return r == 0;
}

void api_list_begin(struct buf *b)
{
	buf_puts(b, "{\"items\":[");
}

void api_reply_list(struct http_request *q, struct buf *b, const char *next)
{
	buf_puts(b, "],\"next\":");
	json_put_str(b, next && *next ? next : NULL);
	buf_putc(b, '}');
	http_reply_json(q, MHD_HTTP_OK, b);
}

void api_reply_record(struct http_request *q, const struct record_desc *d, const void *obj)
{
	struct buf b = BUF_INIT(API_ANSWER_MAX);

	record_to_json(d, obj, &b);
	http_reply_json(q, MHD_HTTP_OK, &b);
}

static bool query_time(struct http_request *q, const char *name, uint64_t *ret)
{
	const char *text = http_query(q, name);

	if (!text || !*text || time_parse(text, ret) == 0)
		return true;
	http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s is no time: expected RFC 3339 or a duration such as 5m", name);
	return false;
}

static const char *query_text(struct http_request *q, const char *name)
{
	const char *text = http_query(q, name);

	return text && *text ? text : NULL;
}

/* What has a fixed set of words is one of them: a typing error would else be an empty list, and look like peace. */
static bool query_words_ok(struct http_request *q)
{
	static const struct {
		const char *name;
		const struct enum_names *words;
	} rows[] = {{"kind", &audit_kind_names}, {"severity", &severity_names}, {"effect", &effect_names},
		{"done", &done_names}, {"verdict", &access_effect_names}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *word = query_text(q, rows[i].name);
		if (!word || enum_from_name(rows[i].words, word) >= 0)
			continue;
		CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
		for (int k = 0; k < rows[i].words->count; k++)
			if (*rows[i].words->names[k])
				buf_printf(&b, "%s%s", b.len ? ", " : "", rows[i].words->names[k]);
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s is one of %s", rows[i].name, b.failed ? "few words" : (char *)b.data);
		return false;
	}
	return true;
}

/* Text that people look for; a pattern's stars are at its ends. */
static bool query_searches_ok(struct http_request *q)
{
	static const char *const names[] = {"user", "action", "text"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = query_text(q, names[i]);
		if (text && strlen(text) > SEARCH_MAX) {
			http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s is longer than %d bytes", names[i], SEARCH_MAX);
			return false;
		}
		if (text && strcmp(names[i], "text") != 0 && pattern_check(text) < 0) {
			http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s has a * that is neither first nor last", names[i]);
			return false;
		}
	}
	return true;
}

bool api_query_parse(struct http_request *q, struct store_query *ret)
{
	const char *limit = query_text(q, "limit"), *all = query_text(q, "all");
	uint64_t n = 0;

	*ret = (struct store_query){
		.cursor = query_text(q, "cursor"), .kind = query_text(q, "kind"), .container = query_text(q, "container"),
		.detection = query_text(q, "detection"), .severity = query_text(q, "severity"),
		.effect = query_text(q, "effect"), .incident = query_text(q, "incident"), .state = query_text(q, "state"),
		.user = query_text(q, "user"), .action = query_text(q, "action"), .verdict = query_text(q, "verdict"),
		.done = query_text(q, "done"), .text = query_text(q, "text"),
		.check = query_text(q, "check"), .resource = query_text(q, "resource"), .passed = query_text(q, "passed"),
		.all = all && strcmp(all, "0") != 0 && strcmp(all, "false") != 0,
	};
	if (limit && parse_u64(limit, 1, 100000, &n) < 0) {
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "limit is no number from 1 to 100000");
		return false;
	}
	ret->limit = (uint32_t)n;
	return query_words_ok(q) && query_searches_ok(q) && query_time(q, "since", &ret->since) && query_time(q, "until", &ret->until);
}

struct json *api_body_object(struct http_request *q)
{
	CLEANUP(json_free) struct json *j = NULL;
	struct diag d = {0};
	size_t size;
	const char *body = http_body(q, &size);

	if (json_parse(&j, body, size, &d) < 0 || !json_is_object(j)) {
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "the body is no JSON object");
		return NULL;
	}
	return take_ptr(j);
}

bool api_container_find(struct api *a, struct http_request *q, struct container *ret)
{
	const char *id = http_param(q, "id");
	int r = store_container_find(a->config.store, id, ret);

	if (r == STORE_E_NOT_FOUND)
		http_problem(q, MHD_HTTP_NOT_FOUND, NULL, "there is no container '%s', or more than one begins so", id);
	else if (r < 0)
		api_store_problem(q, r);
	return r == 0;
}
