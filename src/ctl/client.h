/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Console's HTTP API as the commands see it: one connection kept, the certificate of the state
 * directory pinned as the only authority, the token added, problem objects turned into sentences.
 */
#pragma once

#include "base/diag.h"
#include "base/json.h"
#include "ctl/sse.h"

struct client;

struct reply {
	long status;
	struct buf body;
	struct json *json; /* of the body when it is JSON, else NULL */
};

void reply_done(struct reply *r);
static inline void reply_done_cleanup_(struct reply *r)
{
	reply_done(r);
}

int client_new(struct client **ret, struct diag *reterr);
struct client *client_free(struct client *c);
CLEANUP_DEFINE(struct client, client_free)

struct request {
	const char *method; /* NULL = GET */
	const char *path;   /* under /api/v1, or from the root when it starts with "//" */
	const char *type;   /* of the body */
	const char *if_match;
	const void *body;
	size_t size;
};

/*
 * Asks and waits. 0 whenever an answer came, whatever its status; -errno with a sentence when none
 * came. *ret must be zeroed; it is the caller's in any case.
 */
int client_ask(struct client *c, const struct request *q, struct reply *ret, struct diag *reterr);
/*
 * client_ask() that takes only 2xx with JSON for a success and prints the sentence otherwise.
 * Returns CTL_DONE, CTL_NO (404, 409, 412, 422) or CTL_CANNOT.
 */
int client_get(struct client *c, const char *path, struct reply *ret);
int client_send(struct client *c, const struct request *q, struct reply *ret);
/* The sentence of a problem object or of the bare status. */
void reply_problem(const struct reply *r, struct diag *ret);
/* Percent-encodes into out; returns out. */
const char *client_escape(const char *text, char *out, size_t size);

/* Waits up to timeout_ms for one GET to answer 200; says nothing. */
bool client_answers(struct client *c, const char *path, long timeout_ms);

struct stream {
	const char *topics;
	char last_id[64];	   /* of the last event, kept over reconnections */
	int (*on_open)(void *ctx); /* after each (re)connection; negative ends */
	sse_event_fn *on_event;
	void *ctx;
};

/* Follows the event stream, connecting again when it breaks; only returns when a callback ends it
 * or the Console refuses (-EACCES and such, with a sentence). */
int client_stream(struct client *c, struct stream *s, struct diag *reterr);
