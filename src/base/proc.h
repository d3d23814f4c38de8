/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded readers of /proc. All return -errno; -ESRCH when the process is gone. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct proc_stat {
	pid_t ppid;
	char comm[16];
	char state;
	uint64_t start_boot_ns; /* clock ticks resolution, since boot */
};

int proc_stat_read(pid_t pid, struct proc_stat *ret);
int proc_uid(pid_t pid, uint32_t *ret);
/* NUL-separated, at most out->max bytes; the rest is dropped. */
int proc_cmdline(pid_t pid, struct buf *out);
int proc_exe(pid_t pid, char *out, size_t size); /* path as the kernel shows it */
/* Path in the v2 hierarchy ("/docker/ID"), else that of v1 controller `v1` ("pids"). */
int proc_cgroup(pid_t pid, const char *v1, char *out, size_t size);
uint64_t proc_rss(pid_t pid);           /* bytes, 0 when gone */
uint64_t proc_cpu_ns(pid_t pid);        /* user + system */
