/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Gate tells the Defender which containers exist, and carries out its orders to the engines. It
 * has no right of its own to an engine: every connection is opened by the Defender and handed over.
 */
#pragma once

#include <sys/types.h>

#include "base/loop.h"
#include "model/enums.h"

#define GATE_ENGINES_MAX 4
#define GATE_QUESTIONS_MAX 512 /* of shims, at one time */
#define GATE_CLIENTS_MAX 256   /* of the proxy, at one time */
#define GATE_REVIEWS_MAX 80    /* connections of API servers, at one time: less than our memory with KUBE_BODY_MAX */

struct gate_engine {
	enum runtime_kind kind;
	const char *socket; /* as the Defender knows it; borrowed for good */
};

struct gate_options {
	const char *root;   /* directory to be confined to */
	const char *socket; /* of the Defender, below root when it is to be found after a restart of
			       the Defender */
	const char *registry; /* socket of seawall-registry; NULL = signatures are not asked for */
	uid_t registry_uid;   /* who must listen there */
	const char *cluster; /* of Kubernetes, for the scopes of rules; NULL = none */
	struct gate_engine engines[GATE_ENGINES_MAX];
	unsigned engine_count;
};

struct gate;

/* socket: path of the Defender's socket as seen now; peer_uid: who must be behind it. */
int gate_new(
	struct gate **ret, struct loop *loop, const struct gate_options *options, uid_t peer_uid);
struct gate *gate_free(struct gate *g);
CLEANUP_DEFINE(struct gate, gate_free)

/* From here on only the system calls that the loop needs. Not with a sanitizer. -errno. */
int gate_sandbox_enter(void);

/* Fills the options from the command line and the environment. 0; > 0: exit with that - 1. */
int gate_options_parse(struct gate_options *o, int argc, char **argv);
