/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps Console, Defender, Gate and the speaker to registries running: starts them in this order, starts one again that dies,
 * and ends them in the reverse order. They die with us, however we die.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "ctl/engine.h"

enum child_id { CHILD_CONSOLE, CHILD_DEFENDER, CHILD_REGISTRY, CHILD_GATE, CHILD_VIEWER, CHILD_COUNT_ };

struct supervisor;

struct supervisor_config {
	const char *undo; /* list that each process is written to */
	const struct engine *engines;
	bool json; /* how the viewer prints audits */
	/* Enforcement is on, for the first time. */
	void (*on_ready)(void *ctx);
	/* At the start, and once a day from then on; nullable. */
	void (*on_day)(void *ctx);
	void *ctx;
};

int supervisor_new(
	struct supervisor **ret, const struct supervisor_config *config, struct diag *reterr);
struct supervisor *supervisor_free(struct supervisor *s);
CLEANUP_DEFINE(struct supervisor, supervisor_free)

/* The first n of config->engines are to be protected. Before supervisor_run(). */
void supervisor_set_engines(struct supervisor *s, int n);
/*
 * Runs until SIGINT, SIGTERM or SIGHUP (0), or until it is clear that readiness never comes (-errno
 * with a sentence). All children are gone at the return.
 */
int supervisor_run(struct supervisor *s, struct diag *reterr);
/* One line per audit on standard output from now on. */
void supervisor_view(struct supervisor *s);
struct process_id supervisor_child(const struct supervisor *s, enum child_id id);
const char *child_name(enum child_id id);
