/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Gate share, and nobody else includes. */
#pragma once

#include <sys/queue.h>

#include "gate/gate.h"
#include "ipc/ipc.h"
#include "policy/gates.h"
#include "runtime/runtime.h"

#define GATE_OWN_HEADER "X-Seawall-Gate"

struct authz;
struct front;
struct webhook;
struct registry_client;
struct compliance;
struct report;
struct shim_door;
struct signers;
struct judge_job;

struct engine {
	struct gate *gate;
	struct runtime *runtime;
	const struct gate_engine *config;
	bool opening;	   /* it waits for a socket */
	uint64_t open_seq; /* of the question in flight, 0 = not asked yet */
	bool synced_told;
	unsigned refused_told;
};

/* A process that somebody prepared in a container: it is started by its own id alone. */
struct known_exec {
	char exec[65], container[257]; /* "" = free; the container as it was named */
};

#define GATE_EXECS_MAX 256 /* the oldest make room */

struct gate {
	struct loop *loop;
	struct ipc_client *client;
	struct loop_source *pause;
	uint64_t seq;
	struct engine engines[GATE_ENGINES_MAX];
	unsigned engine_count;

	struct policy *policy; /* in force; NULL = none was ever applied */
	uid_t peer_uid;	       /* of whoever may ask: the Defender and, root like it, shim and dockerd */
	char own_header[64];   /* "X-Seawall-Gate: SECRET": marks our own questions to the engines */
	struct registry_client *registry; /* who fetches signatures; NULL = nobody */
	struct signers *signers;
	TAILQ_HEAD(, judge_job) judging; /* that wait for an engine */
	struct report *report;
	struct shim_door *shim;
	struct authz *authz;
	struct front *front; /* NULL: no proxy */
	struct webhook *webhook; /* NULL: none */
	const char *cluster; /* name of the cluster that this host is of; NULL = none */
	struct compliance *compliance;
	struct known_exec execs[GATE_EXECS_MAX];
	unsigned next_exec;
	char host[256];	     /* name of this host, for the scopes of rules */
};

/* The Defender's connection, NULL while it is away. */
struct ipc_peer *gate_defender(struct gate *g);
/* The container that an engine has told of, by its full id; NULL = none has. */
const struct container *gate_container(const struct gate *g, const char *id);
