/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of this host, found by the id of their cgroup (which kernel records carry) and by
 * their own id (which the engine uses). An entry may exist before anybody said its name; it then
 * only holds the id that its cgroup's name gave away. Bounded: the ones longest gone are forgotten
 * first. Numbers are stable while an entry lives and serve as owners in the process table.
 */
#pragma once

#include "model/records.h"

#define CONTAINERS_MAX 4096u
#define CONTAINER_ID_SIZE 129

struct container_entry {
	uint32_t number;
	char id[CONTAINER_ID_SIZE]; /* "" = free slot */
	uint64_t cgroup;            /* id of its cgroup, the last when it is gone; 0 = none yet */
	bool cgroup_gone;
	bool pod;                   /* a pod's: its containers are below it and each on its own */
	uint64_t first_exec;        /* wall ns of the first one in that cgroup; 0 = none seen */
	bool named;                 /* info is what the engine says of it */
	struct container info;      /* owned; empty until named */
	int rule;                   /* index of policy->runtime in force, -1 = none */
	uint32_t slot;              /* of the kernel */
	uint64_t slot_since;        /* CLOCK_BOOTTIME ns: the kernel judges by it since then */
	bool nameless;              /* nobody came to name it: its records wait no more */
	uint64_t gone;              /* CLOCK_BOOTTIME ns since when neither engine nor cgroup has it; 0 = there */
	bool removed;               /* by the engine */
	bool blocked;
	bool told;                  /* by the present Gate */
	struct {
		bool ours;      /* no engine tells about it */
		bool ended;     /* its first process has; the others follow */
		int exit_code;  /* of that */
		char *bundle;   /* owned */
	} life; /* for life.c */
	struct {
		uint32_t pid; /* 0 = none */
		uint64_t start;
		enum detection detection;
		enum evidence evidence;
		char sign[64];
	} finding; /* the last process that was recognised by what it said on the wire */
	/* For container_table.c. */
	uint32_t id_chain, cgroup_chain;
};

struct container_table;

/* An entry is about to be forgotten. */
typedef void container_forget_fn(void *ctx, struct container_entry *e);

int container_table_new(struct container_table **ret, container_forget_fn *on_forget, void *ctx);
struct container_table *container_table_free(struct container_table *t);
CLEANUP_DEFINE(struct container_table, container_table_free)

struct container_entry *container_table_by_cgroup(const struct container_table *t, uint64_t cgroup);
struct container_entry *container_table_by_id(const struct container_table *t, const char *id);
/* As people name one: id, id prefix of at least 4 digits, or name; a living one before a gone one. */
struct container_entry *container_table_search(const struct container_table *t, const char *what);
struct container_entry *container_table_by_number(const struct container_table *t, uint32_t number);
/* The entry of that id, made when missing. -ENOSPC when all are alive; -EINVAL for a bad id. */
int container_table_make(struct container_table *t, const char *id, struct container_entry **ret);
/* Ties the entry to a cgroup (0 = to none); a cgroup has one entry, the last. */
void container_table_bind(struct container_table *t, struct container_entry *e, uint64_t cgroup);
/* Takes over a copy of what the engine says. -ENOMEM. */
int container_table_name(struct container_table *t, struct container_entry *e, const struct container *info);
void container_table_forget(struct container_table *t, struct container_entry *e);
/* Forgets those gone before `boot_ns`. */
void container_table_expire(struct container_table *t, uint64_t boot_ns);
/* All entries, one a call; *cursor begins with 0. NULL at the end. */
struct container_entry *container_table_next(const struct container_table *t, uint32_t *cursor);
uint32_t container_table_count(const struct container_table *t);

/* The 64 hex digits in a cgroup's name ("ID", "docker-ID.scope", "cri-containerd-ID.scope", ...);
 * false when there are none or it is a monitor's. */
bool container_id_from_leaf(const char *leaf, char out[CONTAINER_ID_SIZE]);
