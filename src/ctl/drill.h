/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drills: an attack played on a stage of our own, step by step, against a Seawall with one gate on.
 * A drill says what it did, what should come of it, and what Seawall said and after how long.
 */
#pragma once

#include "ctl/command.h"
#include "ctl/stage.h"

enum gate { GATE_NONE, GATE_RUNTIME, GATE_ACCESS, GATE_TRUST, GATE_VULNERABILITY, GATE_COUNT_ };

struct gate_row {
	const char *name;
	bool built;
	const char *would; /* the steps of the story at which it stops it */
};

struct drill {
	struct call *call;
	enum gate gate;
	struct stage stage;
	uint64_t began; /* monotonic: the attack's first move */
	int steps;
	bool stopped; /* the attack was, by the gate that was on */
	bool failed;  /* a step went otherwise than it should */
	char stopped_at[96];
};

struct drill_row {
	const char *name, *help;
	int hosts;
	const char *policies[GATE_COUNT_];  /* with that gate on */
	struct gate_row gates[GATE_COUNT_]; /* rows by enum gate; NONE is unused */
	int (*run)(struct drill *d, struct diag *reterr);
};

extern const struct drill_row drill_graboid, drill_miner;

/* One step to report. `saw` is printed as it is. */
struct drill_step {
	const char *step, *did, *expected;
	char saw[512];
	uint64_t ms; /* since the attack's first move */
	bool passed;
};

void drill_report(struct drill *d, struct drill_step *step);
/* Puts the gate that is on in the way of the engines. Nothing to do for runtime and none. */
int drill_close_gate(struct drill *d, struct diag *reterr);
/* Milliseconds since d->began. */
uint64_t drill_ms(const struct drill *d);

/*
 * Asks path of the drill's Seawall again and again until `found` likes the answer (0, and the
 * answer in *ret) or `ms` have passed (-ETIMEDOUT, with the last answer in *ret). -EINTR at Ctrl-C.
 */
typedef bool drill_found_fn(void *ctx, const struct json *answer);
int drill_wait(struct drill *d, const char *path, unsigned ms, drill_found_fn *found, void *ctx,
	struct reply *ret);
/* drill_wait() for the oldest item of a list that gives the newest first. *ret_item points into
 * *ret. */
int drill_wait_item(struct drill *d, const char *path, unsigned ms, struct reply *ret,
	const struct json **ret_item);
/* The container that was made of an image on any engine of the drill; its id goes to ret_id. */
int drill_wait_container(struct drill *d, const char *image, int nth, unsigned ms, char ret_id[65]);
/* Plays the honest programs and reports each: nothing may be said of them. */
int drill_lookalikes(struct drill *d, struct diag *reterr);
/* The one of them that is a command to the engine: an allowed user's docker ps. */
int drill_docker_ps(struct drill *d, struct diag *reterr);
