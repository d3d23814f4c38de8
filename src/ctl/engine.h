/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container engines: which ones answer on this host, and a private Docker engine for a host that
 * has none or for the drill. The private one has everything of its own (data, sockets, bridge,
 * cgroup) and leaves nothing: each trace is on the undo list before it is made.
 */
#pragma once

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "ctl/spawn.h"

#define ENGINES_MAX 4

struct engine {
	const char *kind; /* "docker" | "containerd" */
	char socket[108];
};

/* Engines that accept a connection now. Returns how many. */
int engine_find(struct engine ret[ENGINES_MAX]);

struct private_engine {
	char dir[PATH_MAX - 64]; /* data, sockets, log: below it */
	char undo[PATH_MAX];	 /* undo list */
	char name[16];		 /* of its cgroup and bridge; set when started */
	char subnet[20];	 /* "10.213.7.0/24", picked when "" */
	char listen[2][64];	 /* further places to listen at: "tcp://203.0.113.10:2375" */
	char plugin_socket[108]; /* of the authorization plugin it finds, in mounts of its own; "" = the host's */
	int netns_fd;		 /* network namespace to live in, 0 = ours */
	char socket[108];	 /* set when started */
	struct process_id process;
	bool reaches_out; /* its containers can reach beyond the host */
};

/* Starts it and waits until it answers (at most 30 s). -errno with a sentence; what was done is on
 * the list. */
int private_engine_start(struct private_engine *e, struct diag *reterr);
/* SIGTERM, then what the undo list says. */
void private_engine_stop(struct private_engine *e);

/*
 * The first /24 of 10.213.0.0/16 and then of all 10.x.213.0/24 that no line of `routes` (the text
 * of /proc/net/route) meets. -EADDRNOTAVAIL when all are taken. Pure.
 */
int subnet_pick(const char *routes, char out[20]);
