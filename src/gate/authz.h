/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker authorization plugin: dockerd asks before it carries out a command (AuthZReq) and
 * before it answers (AuthZRes, always allowed). Whoever is not answered is denied by dockerd itself,
 * so this gate fails shut. Commands that come faster than the Defender records them wait for it, some
 * time: so nobody floods the record away. Our own questions to the engine carry a secret of this process and pass.
 */
#pragma once

#include "gate/internal.h"

/* Takes the listening unix socket. */
int authz_open(struct authz **ret, struct gate *g, int listen_fd);
struct authz *authz_close(struct authz *a);
/* Audits have arrived, or the Defender has gone: who waits for that is answered. */
void authz_drained(struct authz *a);
