/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Defender's side of the gates at creation. The Gate judges; here it is given what it needs (the
 * policy, the sockets that shim, dockerd and the users of the proxy connect to), its audits are
 * spooled, and it is told whether a container that is about to be created was blocked before.
 *
 * The listening sockets are made here, by root, so that no one else can stand in for the Gate, and
 * they outlive it: who asks during its restart waits in the queue instead of being refused. A Gate that
 * hangs is killed (the supervisor starts it again); one that stays away takes the sockets with it,
 * so that everybody's rule for an absent Gate applies at once.
 */
#pragma once

#include "model/records.h"

struct defender;
struct ipc_listener;

/* Before rights are given up: the proxy's TCP socket. */
int gates_open(struct defender *d);
void gates_close(struct defender *d);
/* The Gate is there / gone. */
void gates_ready(struct defender *d);
void gates_lost(struct defender *d);
/* There is a new policy in force. */
void gates_policy(struct defender *d);
/* Once a second: is the Gate alive. */
void gates_tick(struct defender *d);
/* Its messages. */
int gates_on_audit(struct defender *d, uint64_t seq, void *body);
int gates_on_admit(struct defender *d, uint64_t seq, void *body);
int gates_on_pong(struct defender *d, uint64_t seq, void *body);
