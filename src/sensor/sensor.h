/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user half of bpf/: loads what this kernel takes, fills the kernel's policy maps, and hands
 * out validated records. Two rings: security (exec, exit, fork, verdicts, cgroups) and bulk
 * (network). The kernel decides about execs and connections of known containers by itself; what it
 * did stands in the record's verdict.
 */
#pragma once

#include "base/diag.h"
#include "bpf/event_wire.h"
#include "model/records.h"
#include "policy/policy.h"

struct sensor_set;

struct sensor_config {
	uint64_t security_ring_bytes; /* 0 = default 4 MiB; twice that of our memory */
	uint64_t bulk_ring_bytes;     /* 0 = default 1 MiB */
	uint32_t self_pid;            /* never judged */
	const char *cgroup_v1;        /* NULL = the v2 hierarchy; "pids" on hosts without v2 containers */
};

/* A record that passed validation (type, size, inner lengths, strings terminated). Borrowed. */
typedef int sensor_record_fn(void *ctx, const struct wire_header *record);

/* Loads and attaches. Fails only when the security sensors cannot run; others are reported off. */
int sensor_set_new(struct sensor_set **ret, const struct sensor_config *config, sensor_record_fn *fn,
	void *ctx, struct diag *reterr);
struct sensor_set *sensor_set_free(struct sensor_set *s); /* detaches everything */
CLEANUP_DEFINE(struct sensor_set, sensor_set_free)

/* Pollable descriptors (epoll, EPOLLIN) and their drain; at most `budget` records a call. */
int sensor_security_fd(const struct sensor_set *s);
int sensor_bulk_fd(const struct sensor_set *s);
int sensor_security_drain(struct sensor_set *s, int budget);
int sensor_bulk_drain(struct sensor_set *s, int budget);
/* Walks the in-kernel connection aggregates and reports the changed ones as WIRE_NET records. */
int sensor_flush_aggregates(struct sensor_set *s);

/*
 * Compiles every runtime rule into a kernel slot of a fresh bank. Slot numbers for
 * sensor_container_*: ret_slots[i] for policy->runtime[i] (caller's array of POLICY_RULES_MAX).
 * SENSOR_SLOT_NONE = watched, nothing enforced. Old slots stay valid until the next call.
 */
#define SENSOR_SLOT_NONE 0u
#define SENSOR_SLOT_KILL 1u /* every exec of the container dies at its first instruction (blocked) */
int sensor_policy_apply(struct sensor_set *s, const struct policy *policy, uint32_t *ret_slots, struct diag *reterr);

/* A container is about to exist: when a cgroup of this name (64 hex id, with or without
 * "docker-...scope" around it, or a plain name) is made, the kernel gives it the slot at once. */
int sensor_container_expect(struct sensor_set *s, const char *cgroup_leaf, uint32_t slot);
int sensor_container_forget(struct sensor_set *s, const char *cgroup_leaf);
/* An existing cgroup (and all made below it later). */
int sensor_cgroup_set(struct sensor_set *s, uint64_t cgroup_id, uint32_t slot);
int sensor_cgroup_remove(struct sensor_set *s, uint64_t cgroup_id);
/* cgroup id (inode of the directory) of a path below the mount of the watched hierarchy; 0 = none. */
uint64_t sensor_cgroup_id(const struct sensor_set *s, const char *cgroup_path);
/* Directory of the watched hierarchy's mount, "/sys/fs/cgroup/unified". */
const char *sensor_cgroup_root(const struct sensor_set *s);

/* Files that are sockets of container engines of this host, in place of those given before. Missing ones are left out. */
int sensor_engine_sockets_set(struct sensor_set *s, const char *const *paths, size_t n);

/* What is on, off or failed, and why: appends struct sensor_status to both lists. */
int sensor_status(const struct sensor_set *s, struct record_list *sensors, struct record_list *enforcers);
void sensor_counters(const struct sensor_set *s, struct event_counters *ret);
