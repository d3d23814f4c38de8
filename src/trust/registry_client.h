/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Gate's side of seawall-registry: a question, and its answer or a failure within the deadline,
 * on the loop. Connects when it is asked and again when the other side was away.
 */
#pragma once

#include "base/loop.h"
#include "trust/registry_wire.h"

#define REGISTRY_PENDING_MAX 512

struct registry_client;
struct registry_pending;

/* Called once for each question: a->error, or the rest. Borrowed: copy what is kept. The client
 * must not be freed in it. */
typedef void registry_answer_fn(void *ctx, const struct registry_answer *a);

/* path is borrowed; server: who must listen there (privilege_uid(PRIVILEGE_REGISTRY_USER, ...)). */
int registry_client_new(struct registry_client **ret, struct loop *loop, const char *path, uid_t server);
/* Questions without an answer are forgotten: their callbacks are not called. */
struct registry_client *registry_client_free(struct registry_client *c);
CLEANUP_DEFINE(struct registry_client, registry_client_free)

/*
 * Asks. The callback comes from the loop, never from within. ret (nullable): for taking the question
 * back, valid until the callback. -ECONNREFUSED and such: nobody is there; -EAGAIN: too many
 * questions; -EINVAL: no such name; -ENOMEM.
 */
int registry_client_ask(struct registry_client *c, const struct registry_question *q, registry_answer_fn *fn, void *ctx,
	struct registry_pending **ret);
void registry_client_cancel(struct registry_pending *p); /* NULL ok */
