/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of containers: fork, exec, exit. At exec the kernel also decides (judge.bpf.h): a
 * SIGKILL sent from here takes effect before the first instruction of the new program.
 */
#include "exec.bpf.h"
#include "shell.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile wire_u32 self_pid = 0;
const volatile bool use_cgroup_v1 = false;
const volatile wire_u32 hierarchy = 0;
const volatile bool exit_has_group_dead = false;

static __always_inline void args_fill(struct exec_scratch *s, struct task_struct *task)
{
	u64 start = task->mm->arg_start;
	u64 size = task->mm->arg_end - start;
	u32 at = scratch_exec(s)->path_size;

	if (at > WIRE_PATH_MAX)
		return;
	if (size > WIRE_ARGS_MAX) {
		size = WIRE_ARGS_MAX;
		scratch_exec(s)->header.flags |= WIRE_ARGS_TRUNCATED;
	}
	if (size == 0 || bpf_probe_read_user(s->record + sizeof(struct wire_exec) + at, size, (void *)start)) {
		scratch_exec(s)->header.flags |= WIRE_ARGS_UNREADABLE;
		return;
	}
	s->record[sizeof(struct wire_exec) + at + size] = 0; /* ends a cut argument */
	scratch_exec(s)->args_size = size;
}

/* A child is what its parent is. A number that was another process's before starts with nothing. */
static __always_inline void note_inherit(u32 parent, u32 child)
{
	struct wire_note *note = bpf_map_lookup_elem(&notes, &parent);

	if (!note)
		bpf_map_delete_elem(&notes, &child);
	else if (bpf_map_update_elem(&notes, &child, note, BPF_ANY))
		count(WIRE_DROPPED_NOTE);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct wire_cgroup_entry *entry = task_container(task);
	u32 cpu = bpf_get_smp_processor_id();
	struct exec_scratch *s;
	struct wire_exec *exec;

	if (!entry || task->tgid == self_pid)
		return 0;
	s = bpf_map_lookup_elem(&exec_scratches, &cpu);
	if (!s) {
		count(WIRE_DROPPED_SCRATCH);
		return 0;
	}
	exec = scratch_exec(s);
	__builtin_memset(exec, 0, sizeof(*exec));
	header_fill(&exec->header, WIRE_EXEC, entry->container);
	process_fill(&exec->process, task);
	exec->argc = bprm->argc;
	file_fill(exec, bprm->file);
	task_fill(exec, task, task->cred, entry->container);
	path_fill(s, bprm->file, task);
	args_fill(s, task);
	filename_read(s, bprm);
	tie_fill(s, task, bprm, entry->container);
	judge(s, entry->slot, task, bprm);
	ancestors_fill(exec, task);
	exec_send(s);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct wire_cgroup_entry *entry;
	struct wire_fork rec;

	if (child->pid != child->tgid)
		return 0;
	entry = task_container(child);
	if (!entry)
		return 0;
	__builtin_memset(&rec, 0, sizeof(rec));
	header_fill(&rec.header, WIRE_FORK, entry->container);
	process_fill(&rec.process, child);
	note_inherit(parent->tgid, child->tgid);
	security_send(&rec.header, sizeof(rec), false);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct wire_cgroup_entry *entry;
	struct wire_exit rec;
	u32 pid;

	if (!task_group_dead(ctx))
		return 0;
	entry = task_container(task);
	if (!entry)
		return 0;
	pid = task->tgid;
	bpf_map_delete_elem(&notes, &pid);
	stage_forget(pid);
	__builtin_memset(&rec, 0, sizeof(rec));
	header_fill(&rec.header, WIRE_EXIT, entry->container);
	process_fill(&rec.process, task);
	rec.code = (task->exit_code >> 8) & 0xff;
	rec.signal = task->exit_code & 0x7f;
	security_send(&rec.header, sizeof(rec), false);
	return 0;
}
