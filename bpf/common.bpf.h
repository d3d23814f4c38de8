/* SPDX-License-Identifier: GPL-2.0-only */
/* What all programs need: which container a task is in, the common parts of records, the rings. */
#pragma once

#include "kernel_drift.bpf.h"
#include "maps.bpf.h"

/* Set by src/sensor before loading. */
extern const volatile wire_u32 self_pid;
extern const volatile bool use_cgroup_v1; /* the pids controller's hierarchy instead of v2 */
extern const volatile wire_u32 hierarchy;      /* hierarchy_id of the watched one; 0 = v2 */

static __always_inline void count(enum wire_counter which)
{
	u32 key = which;
	u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		++*n;
}

/* What a plain record may fill: the rest is kept for records that somebody must act upon. */
static __always_inline bool security_room(u64 waiting)
{
	return waiting < WIRE_WAKE_BYTES || waiting < bpf_ringbuf_query(&security_ring, BPF_RB_RING_SIZE) / 4 * 3;
}

/* A plain record waits for its batch; an urgent one wakes the reader. */
static __always_inline void security_send(struct wire_header *header, u64 size, bool urgent)
{
	u64 waiting = bpf_ringbuf_query(&security_ring, BPF_RB_AVAIL_DATA);
	u64 flags = urgent || waiting >= WIRE_WAKE_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	header->size = size;
	count(WIRE_SEEN);
	if ((!urgent && !security_room(waiting)) || bpf_ringbuf_output(&security_ring, header, size, flags))
		count(WIRE_DROPPED_SECURITY);
}

static __always_inline void bulk_send(struct wire_header *header, u64 size)
{
	bool wake = bpf_ringbuf_query(&bulk_ring, BPF_RB_AVAIL_DATA) >= WIRE_WAKE_BYTES;

	header->size = size;
	count(WIRE_SEEN);
	if (bpf_ringbuf_output(&bulk_ring, header, size, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		count(WIRE_DROPPED_BULK);
}

static __always_inline u64 task_cgroup(struct task_struct *task)
{
	if (use_cgroup_v1) {
		struct cgroup_subsys_state *css;
		u32 index = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);

		bpf_core_read(&css, sizeof(css), (void *)&task->cgroups->subsys + index * sizeof(void *));
		return BPF_CORE_READ(css, cgroup, kn, id);
	}
	return task->cgroups->dfl_cgrp->kn->id;
}

/* The container of a task, or NULL: then the event is none of ours. */
static __always_inline struct wire_cgroup_entry *task_container(struct task_struct *task)
{
	u64 id = task_cgroup(task);

	return bpf_map_lookup_elem(&cgroups, &id);
}

static __always_inline void header_fill(struct wire_header *h, enum wire_type type, u64 container)
{
	h->type = type;
	h->time = bpf_ktime_get_boot_ns();
	h->cgroup = container;
}

static __always_inline void process_fill(struct wire_process *p, struct task_struct *task)
{
	p->pid = task->tgid;
	p->ppid = task->real_parent->tgid;
	p->start = task->group_leader->start_boottime;
	p->uid = task->cred->uid.val;
	p->gid = task->cred->gid.val;
	bpf_core_read(p->comm, sizeof(p->comm), &task->comm);
	p->comm[sizeof(p->comm) - 1] = 0;
}

/* ---- the system call that a task is in ---- */

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2

static __always_inline u32 call_number(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline bool call_is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* Its arguments from 0 to 2. 32-bit calls have theirs elsewhere: they are not looked at. */
static __always_inline u64 call_argument(struct pt_regs *regs, u32 which)
{
	return which == 0 ? regs->di : which == 1 ? regs->si : regs->dx;
}
#else
static __always_inline u32 call_number(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline bool call_is_compat(struct task_struct *task)
{
	return false;
}

static __always_inline u64 call_argument(struct pt_regs *regs, u32 which)
{
	return which == 0 ? regs->orig_x0 : which == 1 ? regs->regs[1] : regs->regs[2];
}
#endif

/* text must have room for the whole literal, which is at most 16 bytes long. */
#define starts_with(text, literal) starts_with_n((text), (literal), sizeof(literal) - 1)
static __always_inline bool starts_with_n(const char *text, const char *prefix, u32 n)
{
#pragma unroll
	for (u32 i = 0; i < 16; i++)
		if (i < n && text[i] != prefix[i])
			return false;
	return true;
}

/* An IPv4 address as it stands in records, into zeroed bytes. */
static __always_inline void address_v4(u8 *out, u32 address)
{
	out[10] = out[11] = 0xff;
	__builtin_memcpy(out + 12, &address, 4);
}
