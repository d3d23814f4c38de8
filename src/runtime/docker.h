/* SPDX-License-Identifier: Apache-2.0 */
/* What docker.c and docker_stop.c share, and nobody else includes. */
#pragma once

#include <sys/queue.h>

#include "runtime/docker_images.h"
#include "runtime/engine.h"

#define DOCKER_TIMEOUT_MS 30000
#define DOCKER_INSPECT_MAX (4u << 20) /* bytes of one container's JSON */

struct docker_stop;
TAILQ_HEAD(docker_stop_list, docker_stop);

struct docker {
	struct runtime *rt;
	struct docker_images *images;
	struct buf line; /* of the event stream, not complete yet */
	bool skipping;	 /* the rest of a line that was too long */
	uint64_t last;	 /* time of the last event */
	bool first_list; /* the first picture waits for it */
	bool listing, list_again;
	unsigned awaited; /* containers that the first picture waits for */
	struct docker_stop_list stops;
};

/* One line of the event stream; for the stream and its fuzzer. */
void docker_line(struct docker *d, const char *line, size_t n);
/* Parts of the event stream as they come. */
int docker_stream(void *ctx, const void *data, size_t n);

int docker_stop(struct runtime *rt, const char *id, uint64_t seq);
void docker_stop_resume(struct docker *d); /* after a new connection */
void docker_stop_pause(struct docker *d);  /* the connection is lost */
void docker_stop_done(struct docker *d);
