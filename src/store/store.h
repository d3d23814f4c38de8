/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Console remembers: SQLite in WAL mode, one connection, one thread.
 *
 * Every write joins one open transaction; store_commit() makes it durable. The Console commits once
 * per batch (at most 50 ms after the first write) and only then acknowledges audits, so that one
 * fsync pays for all that came together. synchronous is FULL: with NORMAL a power cut could take
 * back audits that the Defender has already dropped from its spool; at one commit a batch the price
 * is a few fsyncs a second, and bulk rows ride along.
 *
 * Functions return 0 or -errno (-ENOSPC disk full, -EIO, -ENOMEM, -EBADMSG corrupt, -EEXIST) and,
 * where a header says so, STORE_E_NOT_FOUND. After a failed write the whole open transaction is
 * rolled back and store_failed() tells why until a commit succeeds again.
 */
#pragma once

#include "base/cleanup.h"
#include "base/diag.h"
#include "model/records.h"

struct store;

#define STORE_E_NOT_FOUND 1
#define STORE_CURSOR_SIZE 64
#define STORE_HASH_SIZE 32 /* BLAKE2b of a session's or token's secret */

/* Makes or migrates the database. -ENOTSUP: written by a newer version. */
int store_open(struct store **ret, const char *path, struct diag *reterr);
struct store *store_close(struct store *s); /* commits */
CLEANUP_DEFINE(struct store, store_close)

int store_commit(struct store *s); /* 0 also when nothing is open */
bool store_dirty(const struct store *s);
/* Tries one small durable write: 0 when the database can be written again. */
int store_probe(struct store *s);
const char *store_failed(const struct store *s); /* why the last write was lost, or NULL */
uint32_t store_version(struct store *s);         /* of the schema */
uint64_t store_size(struct store *s);            /* bytes in use */

/* Deletes what is older than max_age_ns before now, then the oldest audits while the database is
 * larger than max_bytes; audits of open incidents stay. Does a bounded part of the work a call;
 * *ret_left says whether there is more. */
struct store_limits {
	uint64_t max_bytes, max_age_ns, removed_age_ns; /* removed_age: of containers that are gone */
};
int store_retain(struct store *s, const struct store_limits *limits, uint64_t now, bool *ret_left);

/* Unset fields (0, NULL) do not narrow. */
struct store_query {
	uint64_t since, until; /* wall ns, both inclusive */
	uint32_t limit;        /* 0 = 100; at most 1,000 */
	const char *cursor;    /* of an earlier page's `next` */
	const char *kind, *container, *detection, *severity, *effect, *incident, *state;
	/* Of commands to an engine, pattern.h without regard to case: who (a name, or STORE_USER_LOCAL), and what. */
	const char *user, *action;
	const char *verdict, *done; /* verdict: "allow", "alert", "deny" */
	const char *text;           /* part of what an audit says, names or was asked for, without regard to case */
	const char *check, *resource, *passed; /* of findings; passed: "true", "false", "ignored" */
	bool all; /* containers: those that are gone too */
};

/* One row; borrowed. A negative return ends the list with it. */
typedef int store_row_fn(void *ctx, const void *record);

/* Who gave a command that nobody put a name to. */
#define STORE_USER_LOCAL "local socket"

/*
 * Lists: newest first. next is "" at the end. -EINVAL: not a cursor of ours. Audits by `text`,
 * `done`, a pattern with a star or several of what commands are found by are looked through, so many a call: then a
 * page may be short, or empty, and not the last.
 */
int store_audits_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE]);
int store_incidents_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE]);
int store_containers_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE]);

/* Upsert by id; a row with a higher count stays as it is. */
int store_audit_put(struct store *s, const struct audit *a);
/* *ret must be zeroed. STORE_E_NOT_FOUND. */
int store_audit_get(struct store *s, const char *id, struct audit *ret);
uint64_t store_audits_count(struct store *s);

int store_incident_put(struct store *s, const struct incident *i);
int store_incident_get(struct store *s, const char *id, struct incident *ret);
/* The open one of a container (NULL = of the host) that was updated at or after `since`. */
int store_incident_recent(struct store *s, const char *container, uint64_t since, struct incident *ret);
/* Its audits, oldest first. */
int store_incident_audits(struct store *s, const char *id, uint32_t limit, store_row_fn *fn, void *ctx);
uint64_t store_incidents_open(struct store *s);

int store_container_put(struct store *s, const struct container *c, uint64_t now);
/* By full id, name (the newest of that name) or id prefix of at least 4 digits (only when unambiguous). */
int store_container_find(struct store *s, const char *what, struct container *ret);

/* One that is live by the database but was not put since `before`. STORE_E_NOT_FOUND: none is. */
int store_container_stale(struct store *s, uint64_t before, struct container *ret);

/* Compliance findings: upsert by host and id. */
int store_finding_put(struct store *s, const struct compliance_finding *f);
/* *ret must be zeroed. STORE_E_NOT_FOUND. */
int store_finding_get(struct store *s, const char *host, const char *id, struct compliance_finding *ret);
int store_finding_delete(struct store *s, const char *host, const char *id);
/* Those of a host's resource ("file") that were told before this time. */
int store_findings_forget(struct store *s, const char *host, const char *resource, uint64_t before);
int store_findings_delete_container(struct store *s, const char *container);
uint64_t store_findings_count(struct store *s);
int store_findings_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE]);
struct store_finding_sum {
	const char *resource, *severity, *passed, *effect;
	uint64_t count;
};
/* How many there are of each kind: const struct store_finding_sum *. */
int store_findings_sum(struct store *s, store_row_fn *fn, void *ctx);

int store_edge_put(struct store *s, const struct edge *e);
int store_edges_list(struct store *s, const char *container /* NULL = all */, store_row_fn *fn, void *ctx);

struct store_policy {
	uint64_t revision, time;
	char *text, *author, *note;
	uint32_t added, removed; /* lines */
};
void store_policy_done(struct store_policy *p);
/* The next revision's number; -EBUSY when the newest is no longer `expected` (0 = whatever it is). */
int store_policy_put(struct store *s, const struct store_policy *p, uint64_t expected, uint64_t *ret_revision);
/* revision 0 = the newest. STORE_E_NOT_FOUND. */
int store_policy_get(struct store *s, uint64_t revision, struct store_policy *ret);
int store_policies_list(struct store *s, store_row_fn *fn, void *ctx); /* const struct store_policy *, without text */

struct store_user {
	char name[64];
	char role[16];
	char hash[192];  /* Argon2id */
	bool generated;  /* the password is the one of first start: replaced at each start */
};
int store_user_put(struct store *s, const struct store_user *u);
int store_user_get(struct store *s, const char *name, struct store_user *ret); /* STORE_E_NOT_FOUND */

/* Sessions and tokens are kept by the hash of their secret; both answer with the user and role. */
int store_session_put(struct store *s, const uint8_t hash[STORE_HASH_SIZE], const char *user, uint64_t expires);
int store_session_get(struct store *s, const uint8_t hash[STORE_HASH_SIZE], uint64_t now, struct store_user *ret);
int store_session_delete(struct store *s, const uint8_t hash[STORE_HASH_SIZE]);
int store_sessions_delete_user(struct store *s, const char *user);
int store_token_put(struct store *s, const char *name, const uint8_t hash[STORE_HASH_SIZE], const char *role);
int store_token_get(struct store *s, const uint8_t hash[STORE_HASH_SIZE], struct store_user *ret); /* name = token's */
