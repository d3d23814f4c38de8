/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS proxy's place in the Gate: users come with certificates, each request is judged like
 * dockerd's own questions, and the connections to the engine are opened by the Defender. The first
 * Docker engine of the configuration stands behind it. An endpoint that nobody knows is denied.
 */
#pragma once

#include "gate/internal.h"

/* Takes the listening TCP socket; tls: certificate, key and the users' authority, PEM. */
int front_open(struct front **ret, struct gate *g, int listen_fd, const struct blob *tls);
/*
 * What it is given again: other certificates for the same socket, taken without an interruption, except for those whose
 * certificates are not good any more. -ESTALE: it is another socket, listen_fd is still the caller's. Else it is ours,
 * and on failure the old certificates stay.
 */
int front_reload(struct front *f, int listen_fd, const struct blob *tls);
struct front *front_close(struct front *f);
/* The Defender's answer to a question of front's (IPC_ENGINE_FD); whether it was one. Takes fd then. */
bool front_engine_fd(struct front *f, uint64_t seq, const struct ipc_result *r, int fd);
