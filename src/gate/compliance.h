/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there already, put before the compliance checks: the daemons of Docker engines, their
 * containers and images, and the containers of containerd. Looked at when it appears, when the policy changes and every ten minutes;
 * only what changed is told. A few questions are in flight at a time, and none while the Defender
 * does not keep up.
 */
#pragma once

#include "base/loop.h"
#include "ipc/messages.h"
#include "policy/gates.h"
#include "runtime/runtime.h"

struct compliance;

struct compliance_config {
	struct loop *loop;
	const char *host; /* for the scope of rules; copied */
	/* Sends one finding to the Defender: -ENOTCONN, -ENOBUFS: it is told again later. One without a
	 * check is gone; with id "*", all of its resource that were told before its time are. */
	int (*send)(void *ctx, const struct compliance_finding *f);
	bool (*room)(void *ctx); /* does the Defender keep up? */
	void *ctx;
};

struct compliance_counters {
	uint64_t looks;	  /* things looked at */
	uint64_t told;	  /* findings */
	uint64_t refused; /* things that found no room */
	uint32_t targets; /* known now */
};

int compliance_new(struct compliance **ret, const struct compliance_config *config);
struct compliance *compliance_free(struct compliance *c);
CLEANUP_DEFINE(struct compliance, compliance_free)

/* An engine: the runtime is borrowed and outlives the compliance. Of containerd the
 * containers alone are looked at, by what it tells its OCI runtime. */
int compliance_add_engine(struct compliance *c, struct runtime *rt);
/* The engine connected or went away (listener.status). */
void compliance_status(struct compliance *c, struct runtime *rt);
/* A container is reported to the Defender (after it was). */
void compliance_container(struct compliance *c, struct runtime *rt, const struct container *k);
/* IPC_DAEMON: how an engine's daemon was started. */
void compliance_daemon(struct compliance *c, const struct ipc_daemon *d);
/* Another policy is in force (NULL = none). Takes a reference. */
void compliance_policy(struct compliance *c, struct policy *p);
/* The Defender knows nothing of us any more: all is told again. */
void compliance_again(struct compliance *c);
struct compliance_counters compliance_counters(const struct compliance *c);
