/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verdict does to processes. A process is named by pid and start, a container by the id of
 * its cgroup: neither can come to mean another one between the verdict and the kill. The root
 * cgroup, our own and everything above it are never touched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct enforcer;

struct enforce_config {
	const char *root;    /* mount of the watched hierarchy, "/sys/fs/cgroup/unified" */
	const char *freezer; /* mount of the v1 freezer for cgroups that lack cgroup.kill and cgroup.freeze; NULL = none */
	const char *v1;      /* controller of a v1 root ("pids"); NULL = root is cgroup v2 */
	bool dry_run;        /* say 0, do nothing */
	bool no_cgroup_kill; /* for tests: behave like a kernel before 5.14 */
};

int enforce_new(struct enforcer **ret, const struct enforce_config *config);
struct enforcer *enforce_free(struct enforcer *e);
CLEANUP_DEFINE(struct enforcer, enforce_free)

/* SIGKILL through a pidfd, when the process still is the one that started at `start` (CLOCK_BOOTTIME
 * ns; 0 = any). -ESRCH when it is gone or another one; -EPERM for ourselves and init. */
int enforce_kill_process(const struct enforcer *e, pid_t pid, uint64_t start);

/* Opens the directory of a cgroup by id (-ENOENT when it is gone), for the functions below. */
int enforce_cgroup_open(const struct enforcer *e, uint64_t cgroup_id);
/* Path below the root, "/docker/ID". */
int enforce_cgroup_path(const struct enforcer *e, int cgroup, char *out, size_t size);
/* SIGKILL for every process in it and below: cgroup.kill, else frozen, killed one by one, thawed.
 * -EPERM for cgroups that are never touched. */
int enforce_kill_cgroup(const struct enforcer *e, int cgroup);
/* Waits until no process is left: 0, -ETIME after timeout_ms. 0 ms only asks. */
int enforce_wait_empty(const struct enforcer *e, int cgroup, uint32_t timeout_ms);
