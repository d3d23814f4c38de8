/* SPDX-License-Identifier: GPL-2.0-only */
/* An exec's record, but for its arguments: what both hooks of an exec (process.bpf.c, refuse.bpf.c) fill. */
#pragma once

#include "judge.bpf.h"
#include "path.bpf.h"

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
static __always_inline void task_fill(struct wire_exec *exec, struct task_struct *task, const struct cred *cred, u64 container)
{
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

static __always_inline void exec_send(struct exec_scratch *s)
{
	u64 size = scratch_exec(s)->path_size + scratch_exec(s)->args_size;
	const struct wire_verdict *v = &scratch_exec(s)->header.verdict;

	if (size > WIRE_PATH_MAX + WIRE_ARGS_MAX)
		return;
	security_send(&scratch_exec(s)->header, sizeof(struct wire_exec) + size, v->effect != 0);
}
