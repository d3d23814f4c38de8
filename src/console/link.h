/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Defender's line to the Console: one connection (a new one replaces the old), what it reports,
 * and the questions that wait for its answers.
 */
#pragma once

#include "api/api.h"
#include "ipc/ipc.h"

struct link;

struct link_events {
	void (*on_status)(void *ctx, const struct status *s);
	void (*on_container)(void *ctx, const struct container *c);
	void (*on_edge)(void *ctx, const struct edge *e);
	void (*on_audit)(void *ctx, uint64_t seq, struct audit *a); /* may be changed (country, incident) */
	void (*on_finding)(void *ctx, const struct compliance_finding *f);
	void (*on_up)(void *ctx);
	void (*on_down)(void *ctx);
	void *ctx;
};

/* Takes the listening socket. peer_uid: whom to accept. */
int link_new(struct link **ret, struct loop *loop, int listen_fd, uid_t peer_uid, const struct link_events *events);
struct link *link_free(struct link *l);
CLEANUP_DEFINE(struct link, link_free)

bool link_is_up(const struct link *l);
/* Contract of api_backend.ask. */
int link_ask(struct link *l, enum ipc_type type, const struct ipc_query *query, api_answer_fn *fn, void *arg);
int link_send_policy(struct link *l, const struct policy *p);
int link_ack(struct link *l, uint64_t seq);
/* Ends the connection; the Defender comes again and repeats what was not acknowledged. */
void link_drop(struct link *l);
