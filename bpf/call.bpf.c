/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of containers that need a capability. They are seen where the kernel asks for it, which
 * is off the path of every other system call: `cap_capable` tells also of those it refuses. Nothing can
 * be refused from there: a process that must not go on gets SIGKILL, which it takes before the call
 * returns to it. What outlives the process (a mount, a module) stands then, and the record says so.
 */
#include "flow.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* What a system call means; filled from src/policy/calls.c. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct wire_call_key);
	__type(value, struct wire_call_row);
} call_rows SEC(".maps");

/* ---- whose call it is ---- */

/* The mount namespace that a file was opened in. */
static __always_inline struct mnt_namespace *file_namespace(struct file *file)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = (void *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));

	return BPF_CORE_READ(mount, mnt_ns);
}

/*
 * The container runtime, which makes the container from inside: its program lies outside the mount
 * namespace that it is in by now, or it has not left the engine's yet. A program that a container runs from
 * memory, or that left its namespace, looks alike: these are remembered as the container's own.
 */
static __always_inline bool is_runtime(struct task_struct *task, u64 container)
{
	struct mnt_namespace *ns = BPF_CORE_READ(task, nsproxy, mnt_ns);
	struct task_struct *parent = task->real_parent;
	struct wire_cgroup_entry *around;
	struct wire_note *note;
	u32 pid = task->tgid;

	note = bpf_map_lookup_elem(&notes, &pid);
	if (note && (note->flags & WIRE_NOTE_OWN))
		return false;
	if (file_namespace(BPF_CORE_READ(task, mm, exe_file)) != ns)
		return true;
	around = task_container(parent);
	return (!around || around->container != container) && BPF_CORE_READ(parent, nsproxy, mnt_ns) == ns;
}

/* It may leave its mount namespace now, and is the container's all the same. */
static __always_inline void own_remember(struct task_struct *task)
{
	struct wire_note fresh = {.flags = WIRE_NOTE_OWN}, *note;
	u32 pid = task->tgid;

	note = bpf_map_lookup_elem(&notes, &pid);
	if (note)
		__sync_fetch_and_or(&note->flags, WIRE_NOTE_OWN);
	else if (bpf_map_update_elem(&notes, &pid, &fresh, BPF_ANY))
		count(WIRE_DROPPED_NOTE);
}

/* ---- what it asks for ---- */

static __always_inline struct wire_call_row *row_of(struct task_struct *task, struct pt_regs *regs, int cap)
{
	struct wire_call_key key = {.capability = cap, .number = call_number(regs), .compat = call_is_compat(task)};

	return bpf_map_lookup_elem(&call_rows, &key);
}

static __always_inline bool is_inet(u64 family)
{
	return (u32)family == AF_INET || (u32)family == AF_INET6;
}

/* setuid(0) and its like, by somebody who is not root and has not borrowed root's rights. */
static __always_inline bool asks_for_root(struct task_struct *task, struct pt_regs *regs, bool one)
{
	const struct cred *cred = task->cred;

	if (cred->uid.val == 0 || cred->euid.val == 0)
		return false;
	return (u32)call_argument(regs, 0) == 0 || (!one && (u32)call_argument(regs, 1) == 0);
}

/* CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET. A fork asks for capabilities too: for its memory. */
#define CAP_NET_RAW 13
#define CLONE_NEW 0x7e020000u

static __always_inline bool means_it(struct task_struct *task, struct pt_regs *regs, u32 when)
{
	u64 flags = call_argument(regs, 0);

	switch (when) {
	case WIRE_CALL_TO_ROOT:
	case WIRE_CALL_TO_ROOT_ANY:
		return asks_for_root(task, regs, when == WIRE_CALL_TO_ROOT);
	case WIRE_CALL_NAMESPACES_AT:
		if (bpf_probe_read_user(&flags, sizeof(flags), (void *)flags))
			return true; /* told rather than missed */
		return flags & CLONE_NEW;
	case WIRE_CALL_NAMESPACES:
		return flags & CLONE_NEW;
	default:
		return true;
	}
}

static __always_inline void call_judge(struct wire_call *rec, u32 number, const struct wire_call_row *row)
{
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	struct wire_verdict *v = &rec->header.verdict;

	v->slot = number;
	if (!slot || !slot->effects[row->detection & (WIRE_DETECTIONS - 1)])
		return;
	v->detection = row->detection;
	v->evidence = WIRE_EVIDENCE_SYSCALL;
	v->effect = slot->effects[row->detection & (WIRE_DETECTIONS - 1)];
	v->done = WIRE_DONE_ALERT;
	if (v->effect < WIRE_EFFECT_PREVENT)
		return;
	/* What the kernel refuses has been prevented. */
	if (rec->refused || (!bpf_send_signal(SIGKILL) && !row->lasting))
		v->done = WIRE_DONE_PREVENT;
}

/* The first of its kind goes out, repeats are counted: see flow.bpf.h. */
static __always_inline void call_report(struct wire_call *rec)
{
	struct wire_repeat_key key = {.container = rec->header.cgroup, .pid = rec->process.pid, .number = rec->number,
		.refused = rec->refused, .effect = rec->header.verdict.effect};
	struct wire_call *known = bpf_map_lookup_elem(&calls, &key);

	if (known) {
		__sync_fetch_and_add(&known->count, 1);
		known->last = rec->header.time;
		return;
	}
	rec->count = 1;
	rec->first = rec->last = rec->header.time;
	rec->header.size = sizeof(*rec);
	bpf_map_update_elem(&calls, &key, rec, BPF_ANY);
	security_send(&rec->header, sizeof(*rec), rec->header.verdict.effect != 0);
}

static __always_inline void call_look(int cap, bool refused)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	struct wire_call_row *row = row_of(task, regs, cap);
	struct wire_cgroup_entry *entry;
	struct wire_call rec;

	if (!row)
		return;
	entry = task_container(task);
	if (!entry || task->tgid == self_pid || is_runtime(task, entry->container))
		return;
	if (!means_it(task, regs, row->when))
		return;
	if (cap == CAP_NET_RAW && !refused && is_inet(call_argument(regs, 0)))
		return; /* socket.bpf.c refuses it, before it is there */
	__builtin_memset(&rec, 0, sizeof(rec));
	header_fill(&rec.header, WIRE_CALL, entry->container);
	process_fill(&rec.process, task);
	rec.number = call_number(regs);
	rec.capability = cap;
	rec.refused = refused;
	__builtin_memcpy(rec.name, row->name, sizeof(rec.name));
	if (row->detection == WIRE_DETECTION_NAMESPACE_ESCAPE)
		own_remember(task);
	call_judge(&rec, entry->slot, row);
	call_report(&rec);
}

SEC("tp_btf/cap_capable")
int BPF_PROG(on_capable, const struct cred *cred, struct user_namespace *target, const struct user_namespace *capable,
	int cap, int ret)
{
	if (cap < 64 && (WIRE_CAPABILITIES & (1ull << cap)))
		call_look(cap, ret != 0);
	return 0;
}
