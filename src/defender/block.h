/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking a container: everything in it is killed, it is remembered for a while (on disk as well,
 * so that our own end changes nothing), whatever it starts meanwhile dies in the kernel at its first
 * instruction, and the Gate keeps the engine from restarting it.
 */
#pragma once

#include "model/records.h"

struct container_entry;
struct defender;
struct happening;
struct outcome;

struct blocked {
	char *id; /* of the container */
	char *name;
	char *image;
	char *pod, *namespace_; /* Kubernetes: a restart is another container of the same pod */
	char *rule;
	char *reason; /* the whole sentence: "[Seawall] container blocked by rule ..." */
	enum detection detection;
	enum evidence evidence;
	enum runtime_kind runtime;
	uint64_t since, until; /* wall ns */
};

struct blocked_list;
struct stopper;

int block_open(struct defender *d); /* reads what was remembered */
void block_close(struct defender *d);
void block_arm(struct defender *d); /* tells the kernel of all of them */

/* Kills every process of that cgroup of the container: 0 when all are gone, -EINPROGRESS when they
 * still end (block_tick sees to it), -errno. */
int block_kill(struct defender *d, struct container_entry *e, uint64_t cgroup);
/* Remembers, arms the kernel, tells Gate and Console. */
void block_remember(struct defender *d, const struct happening *h, const struct outcome *o);
/* The engine has said who that blocked container is. */
void block_named(struct defender *d, const struct container_entry *e);
/* NULL when that container is not blocked (any more). */
const struct blocked *block_find(const struct defender *d, const char *id);
/* The block that this container, which is about to be created, falls under: its own, or that of the
 * container of the same name in the same pod. NULL = none. */
const struct blocked *block_of(const struct defender *d, const struct container *c);
/* Ends of kills under way, ends of block times. Call every few 10 ms while block_busy(). */
void block_tick(struct defender *d);
bool block_busy(const struct defender *d);
/* After a new policy: a block whose rule no longer asks for it is lifted. */
void block_review(struct defender *d);
/* The Gate is (again) there: it is told of all that are blocked. */
void block_tell_gate(struct defender *d);
uint32_t block_count(const struct defender *d);
