/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage for tests of the kernel half: one loaded sensor set, a cgroup of our own that plays the
 * container, processes put into it, and the records that come out, kept until the test is over.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "sensor/sensor.h"

#define SCENE_RECORDS_MAX 65536

struct scene {
	struct sensor_set *set;
	char dir[256];   /* of the container's cgroup */
	uint64_t cgroup; /* its id */
	char folder[64]; /* scratch files */
	struct wire_header *records[SCENE_RECORDS_MAX];
	uint32_t count;
};

/*
 * Makes set, cgroup and folder. cgroup_v1 as in struct sensor_config. Returns 0, or prints why and
 * returns 77: this host cannot.
 */
int scene_open(struct scene *s, const char *cgroup_v1);
void scene_close(struct scene *s);
/* Forgets the records so far. For cmocka's setup. */
void scene_clear(struct scene *s);
/* Puts the container under the first runtime rule of the policy text; NULL: under none. */
void scene_policy(struct scene *s, const char *yaml);

/* Is the enforcer of this name on? The reason when it is not goes to ret_why (static storage), which may be NULL. */
bool scene_enforcer(struct scene *s, const char *name, const char **ret_why);
/* Can an exec be refused on this kernel? Else what must not run is killed. */
bool scene_refuses(struct scene *s);

/* Runs fn in a child process that is in the container; the child's exit status is what fn returns. */
typedef int scene_child_fn(void *ctx);
pid_t scene_fork(struct scene *s, scene_child_fn *fn, void *ctx);
/* waitpid's status, while draining. Fails the test after 10 s. */
int scene_wait(struct scene *s, pid_t pid);
int scene_run(struct scene *s, scene_child_fn *fn, void *ctx);

/* The record of this type and process, awaited; fails the test when it does not come. */
typedef bool scene_match_fn(const struct wire_header *h, const void *ctx);
const struct wire_header *scene_await(struct scene *s, scene_match_fn *match, const void *ctx);
const struct wire_exec *scene_exec_of(struct scene *s, pid_t pid);
const struct wire_net *scene_net_of(struct scene *s, pid_t pid, enum wire_net_kind kind);
/* How many there are now. */
uint32_t scene_count(struct scene *s, scene_match_fn *match, const void *ctx);
/* Lets everything that is on its way arrive. */
void scene_settle(struct scene *s);

/* Copies a program into the scratch folder under another name; returns its path (static storage). */
const char *scene_program(struct scene *s, const char *from, const char *name);
/* tests/programs */
const char *scene_tool(const char *name);
/* A memfd with a copy of it, or -1. */
int scene_memory(const char *path);
