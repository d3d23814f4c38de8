/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions of the OCI shim (ipc/shim_wire.h): may this container be created? Each connection is
 * one question. The configuration is read and judged here, without privilege; then the Defender is
 * told who comes and may refuse what was blocked before; then the shim is answered. A question that
 * cannot be answered is closed without an answer: the shim's own rule decides.
 */
#pragma once

#include "gate/internal.h"

struct shim_door;

/* Takes the listening SOCK_SEQPACKET socket. */
int shim_door_open(struct shim_door **ret, struct gate *g, int listen_fd);
struct shim_door *shim_door_close(struct shim_door *s);
/* An engine has told something: questions may wait for a name. */
void shim_door_changed(struct shim_door *s);
/* The Defender's answer to IPC_ADMIT. */
void shim_door_admitted(struct shim_door *s, uint64_t seq, const struct ipc_result *r);
/* The Defender is away: who waits for its answer is let in. */
void shim_door_lost(struct shim_door *s);
