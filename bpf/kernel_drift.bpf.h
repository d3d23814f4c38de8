/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels we run on; each entry names the change. */
#pragma once

#include "kernel_types.h"

/*
 * Linux 6.17 gave the tracepoint sched_process_exit a second argument, group_dead. Before, the
 * last thread of a process is told by signal->live; two threads that leave at the same moment may
 * both see zero, so that a process may be reported gone twice there. Set by src/sensor from BTF.
 */
extern const volatile bool exit_has_group_dead;

static __always_inline bool task_group_dead(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	if (exit_has_group_dead)
		return (bool)ctx[1];
	return task->signal->live.counter == 0;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
	s64 tv_sec;
};

struct inode___before_6_6 {
	struct timespec64 i_mtime;
};

struct inode___before_6_11 {
	struct timespec64 __i_mtime;
};

struct inode___since_6_11 {
	s64 i_mtime_sec;
};

struct ovl_inode___before_6_5 {
	struct ovl_path lowerpath;
};

#pragma clang attribute pop

/* When a file was written last, in seconds. The field has had three names. */
static __always_inline s64 inode_mtime(const struct inode *inode)
{
	const struct inode___since_6_11 *now = (const void *)inode;
	const struct inode___before_6_11 *then = (const void *)inode;
	const struct inode___before_6_6 *old = (const void *)inode;

	if (bpf_core_field_exists(now->i_mtime_sec))
		return BPF_CORE_READ(now, i_mtime_sec);
	if (bpf_core_field_exists(then->__i_mtime))
		return BPF_CORE_READ(then, __i_mtime.tv_sec);
	return BPF_CORE_READ(old, i_mtime.tv_sec);
}

/* What lies below a file of an overlay; NULL = nothing. Linux 6.5 put it into a list of its own. */
static __always_inline struct dentry *ovl_lower(struct ovl_inode *o)
{
	struct ovl_inode___before_6_5 *old = (void *)o;
	struct ovl_entry *e;

	if (bpf_core_field_exists(old->lowerpath))
		return BPF_CORE_READ(old, lowerpath.dentry);
	e = BPF_CORE_READ(o, oe);
	return BPF_CORE_READ(e, __numlower) ? BPF_CORE_READ(e, __lowerstack[0].dentry) : NULL;
}

/*
 * Up to 6.12 at least, bpf_probe_read_user_str answers 0 for an empty string, whose NUL it should count
 * as it does that of every other; by 6.18 it does. Bytes read with the NUL, or a negative errno.
 */
static __always_inline long read_user_str(void *to, u32 size, const void *from)
{
	long n = bpf_probe_read_user_str(to, size, from);

	return n == 0 ? 1 : n;
}
