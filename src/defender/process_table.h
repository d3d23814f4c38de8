/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who among the processes of containers: a bounded table keyed by pid and start, with path
 * and arguments. Exited processes are kept a while, because a parent is often gone when its child
 * does harm. An "owner" is the number of a container (container_table.h). No heap after the start;
 * a container that forks without end evicts its own dead first and then is refused, and counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct process_table;

struct process_table_config {
	uint32_t slots;     /* 0 = 65,536 */
	uint32_t per_owner; /* 0 = 8,192 */
	uint32_t owners;    /* owner numbers are below this; 0 = 4,096 */
	uint32_t chunks;    /* of the string pool; 0 = 196,608 (12 MiB) */
	uint64_t keep_ns;   /* of exited ones; 0 = 10 minutes */
};

struct process_counters {
	uint64_t evicted; /* exited ones that went before their time */
	uint64_t refused; /* found no place: known from their own records only */
	uint64_t textless; /* kept without path and arguments, the pool was full */
};

/* What is told of a process; text: the path, then arguments, each with its NUL. Borrowed. */
struct process_facts {
	uint32_t pid, ppid;
	uint64_t start;
	uint64_t parent_start; /* 0 = the one that lives under ppid now */
	uint32_t uid;
	uint32_t owner;
	const char *comm; /* at most 15 bytes are kept */
	const char *text; /* NULL = as the parent's (a fork) */
	uint32_t text_size;
	bool truncated;
	uint16_t flags; /* those of its exec's record that stay true: PROCESS_FLAGS */
	bool coarse; /* start comes from /proc, in clock ticks */
};

/* Where its program came from (enum of bpf/event_wire.h): a later rule judges it by that. */
#define PROCESS_FLAGS (WIRE_FILE_NEW | WIRE_FILE_MODIFIED | WIRE_MEMFD | WIRE_SUID | WIRE_RUNTIME | WIRE_TIED_OUT | WIRE_TIED_IN)

#define PROCESS_TEXT_MAX 4608u /* path and 4 KiB of arguments */

/* A copy of one entry, with text in the caller's memory. */
struct process_view {
	uint32_t pid, ppid;
	uint64_t start, parent_start;
	uint64_t exited; /* CLOCK_BOOTTIME ns; 0 = lives */
	uint32_t uid;
	uint32_t owner;
	bool truncated;
	uint16_t flags;
	char comm[16];
	uint32_t text_size; /* 0 = path not known */
	char text[PROCESS_TEXT_MAX + 1]; /* the path, then arguments */
};

int process_table_new(struct process_table **ret, const struct process_table_config *config);
struct process_table *process_table_free(struct process_table *t);
CLEANUP_DEFINE(struct process_table, process_table_free)

/* Puts in or updates (an exec). -ENOSPC when the owner or the table is full of living ones. */
int process_table_set(struct process_table *t, const struct process_facts *f);
/* start 0 = whichever lives under that pid. */
void process_table_exit(struct process_table *t, uint32_t pid, uint64_t start, uint64_t now);
/* Its container is gone, and so is every process of it. */
void process_table_owner_gone(struct process_table *t, uint32_t owner, uint64_t now);
/* Its number is about to mean another container. */
void process_table_owner_forget(struct process_table *t, uint32_t owner);
/* Removes exited ones older than keep_ns. */
void process_table_expire(struct process_table *t, uint64_t now);

/* false when not known. start 0 = the living one, else the one that left last. */
bool process_table_get(const struct process_table *t, uint32_t pid, uint64_t start, struct process_view *ret);
/* Cheaper: only whose it is; false when not known. */
bool process_table_owner(const struct process_table *t, uint32_t pid, uint64_t start, uint32_t *ret);
/* Living processes of an owner, one a call; *cursor begins with 0. false at the end. The table must
 * not change between the calls. */
bool process_table_next(const struct process_table *t, uint32_t owner, uint32_t *cursor, struct process_view *ret);
uint32_t process_table_living(const struct process_table *t, uint32_t owner);
uint32_t process_table_count(const struct process_table *t);
void process_table_counters(const struct process_table *t, struct process_counters *ret);
