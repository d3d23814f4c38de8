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
