/* SPDX-License-Identifier: Apache-2.0 */
/* What enforce.c and cgroup.c share; nobody else includes it. */
#pragma once

#include <limits.h>

#include "enforce/enforce.h"

#define ENFORCE_SACRED_MAX 32

struct enforcer {
	int root;    /* directory of the watched hierarchy */
	int freezer; /* or -1 */
	bool v2;
	bool dry_run, no_cgroup_kill;
	uint32_t sacred_count;
	ino_t sacred[ENFORCE_SACRED_MAX]; /* ids of the cgroups that are never touched */
	char root_path[256];
};

/* 0, or -EPERM when it is one of the sacred ones. */
int enforce_check_cgroup(const struct enforcer *e, int cgroup);
