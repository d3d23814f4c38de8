/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The validating admission webhook: an API server of Kubernetes asks, over TLS, whether a request may
 * be carried out. webhook.c is the listener and the words on the wire; webhook_review.c judges one review.
 */
#pragma once

#include "gate/internal.h"
#include "kube/kube.h"

#define WEBHOOK_PATH "/admission"
#define WEBHOOK_TEXT_MAX 2048
#define WEBHOOK_WARNINGS_MAX 8
#define WEBHOOK_WARNING_MAX 512
#define WEBHOOK_WAIT_MS 4000 /* for a judgement: below the timeoutSeconds of the manifest, 5 */

/* The socket is owned in any case. tls: certificate and key in PEM. */
int webhook_open(struct webhook **ret, struct gate *g, int listen_fd, const struct blob *tls);
struct webhook *webhook_close(struct webhook *w);

/* ---- one review ---- */

struct review_job;

struct review_answer {
	const char *uid; /* borrowed; "" when it could not be read */
	bool denied;
	char text[WEBHOOK_TEXT_MAX]; /* denied: for the user, verbatim */
	char warnings[WEBHOOK_WARNINGS_MAX][WEBHOOK_WARNING_MAX];
	unsigned warning_count;
};

typedef void review_done_fn(void *ctx, const struct review_answer *a);

/*
 * Reads it, judges it by the rules of admission, and every container that it brings by those of trust and
 * compliance; all of it is recorded before fn is called: once, perhaps from inside the call (then *ret is NULL),
 * at the latest after WEBHOOK_WAIT_MS. -ENOMEM: fn will not be called: deny.
 */
int review_judge(struct review_job **ret, struct gate *g, const char *address, const char *text, size_t n, review_done_fn *fn, void *ctx);
struct review_job *review_cancel(struct review_job *j);
