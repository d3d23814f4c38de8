/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of containers: fork, exec, exit. At exec the kernel also decides (judge.bpf.h): a
 * SIGKILL sent from here takes effect before the first instruction of the new program.
 */
#include "judge.bpf.h"
#include "path.bpf.h"
#include "shell.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile wire_u32 self_pid = 0;
const volatile bool use_cgroup_v1 = false;
const volatile wire_u32 hierarchy = 0;
const volatile bool exit_has_group_dead = false;

static __always_inline void ancestor_fill(struct wire_ancestor *a, struct task_struct *task)
{
	a->pid = BPF_CORE_READ(task, tgid);
	a->start = BPF_CORE_READ(task, group_leader, start_boottime);
	BPF_CORE_READ_INTO(&a->comm, task, group_leader, comm);
	a->comm[WIRE_COMM - 1] = 0;
}

static __always_inline void ancestors_fill(struct wire_exec *exec, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);

#pragma unroll
	for (int i = 0; i < WIRE_ANCESTORS; i++) {
		if (BPF_CORE_READ(parent, tgid) == 0)
			return;
		ancestor_fill(&exec->ancestors[i], parent);
		exec->ancestor_count = i + 1;
		parent = BPF_CORE_READ(parent, group_leader, real_parent);
	}
}

/* Written since: a copy in the upper layer that is as long and as old as the original only changed its mode or owner. */
static __always_inline bool ovl_written(struct dentry *upper, struct dentry *lower)
{
	struct inode *now = BPF_CORE_READ(upper, d_inode), *then = BPF_CORE_READ(lower, d_inode);

	return BPF_CORE_READ(now, i_size) != BPF_CORE_READ(then, i_size) || inode_mtime(now) != inode_mtime(then);
}

static __always_inline u32 ovl_flags(struct inode *inode)
{
	struct ovl_inode *o = (void *)((char *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode));
	struct dentry *upper = BPF_CORE_READ(o, __upperdentry), *lower;

	if (!upper)
		return 0;
	lower = ovl_lower(o);
	if (!lower)
		return WIRE_FILE_NEW;
	return ovl_written(upper, lower) ? WIRE_FILE_MODIFIED : 0;
}

/* What the inode tells: a file without a name, and one that the image did not bring. */
static __always_inline void file_fill(struct wire_exec *exec, struct file *file)
{
	struct inode *inode = file->f_inode;

	exec->inode = inode->i_ino;
	exec->device = inode->i_sb->s_dev;
	if (inode->i_nlink == 0)
		exec->header.flags |= WIRE_MEMFD;
	else if (inode->i_sb->s_magic == TMPFS_MAGIC)
		exec->header.flags |= WIRE_FILE_NEW;
	else if (inode->i_sb->s_magic == OVERLAYFS_MAGIC && bpf_core_type_exists(struct ovl_inode))
		exec->header.flags |= ovl_flags(inode);
}

/* What the process is: with borrowed rights; or still the runtime, in the engine's file system, on its way in. */
static __always_inline void task_fill(struct wire_exec *exec, struct task_struct *task, u64 container)
{
	const struct cred *cred = task->cred;
	struct wire_cgroup_entry *around = task_container(task->real_parent);

	if (cred->euid.val != cred->uid.val || cred->egid.val != cred->gid.val)
		exec->header.flags |= WIRE_SUID;
	if ((!around || around->container != container) &&
	    task->nsproxy->mnt_ns == task->real_parent->nsproxy->mnt_ns)
		exec->header.flags |= WIRE_RUNTIME;
}

static __always_inline void path_fill(struct exec_scratch *s, struct file *file, struct task_struct *task)
{
	u32 start, size;

	path_resolve(s, file, task);
	start = s->walk.start;
	size = WIRE_PATH_MAX - start;
	if (!s->walk.done)
		scratch_exec(s)->header.flags |= WIRE_PATH_TRUNCATED;
	if (start >= WIRE_PATH_MAX || size > WIRE_PATH_MAX)
		return;
	bpf_probe_read_kernel(s->record + sizeof(struct wire_exec), size, s->path + start);
	scratch_exec(s)->path_size = size;
}

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

static __always_inline void filename_fill(struct exec_scratch *s, struct linux_binprm *bprm)
{
	long n = bpf_probe_read_kernel_str(s->filename, sizeof(s->filename), bprm->filename);

	s->filename_length = n > 0 ? n - 1 : 0;
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

static __always_inline void exec_send(struct exec_scratch *s)
{
	u64 size = scratch_exec(s)->path_size + scratch_exec(s)->args_size;
	const struct wire_verdict *v = &scratch_exec(s)->header.verdict;

	if (size > WIRE_PATH_MAX + WIRE_ARGS_MAX)
		return;
	security_send(&scratch_exec(s)->header, sizeof(struct wire_exec) + size, v->effect != 0);
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
	task_fill(exec, task, entry->container);
	path_fill(s, bprm->file, task);
	args_fill(s, task);
	filename_fill(s, bprm);
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
