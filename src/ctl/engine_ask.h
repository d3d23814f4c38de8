/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a container engine's HTTP API, waited for. */
#pragma once

#include "base/buf.h"

struct engine_ask {
	const char *host;   /* "unix:///run/docker.sock", a path, or "tcp://HOST:PORT" */
	const char *method; /* NULL = GET */
	const char *path;   /* escaped: "/containers/json?all=1" */
	const char *type;   /* of the body */
	const struct buf *body; /* NULL = none */
	unsigned timeout_ms;
};

/* The HTTP status, and the answer's body in out; -EIO: no answer, or more than out takes; -ENOMEM. */
int engine_ask(const struct engine_ask *q, struct buf *out);
