/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of an executed file as its process sees it: from the file's dentry through the mounts
 * up to the process's root directory. (bpf_d_path is not allowed in tracepoints.) Written from the
 * end of the buffer backwards; a path that does not fit keeps its end.
 */
#pragma once

#include "scratch.bpf.h"

#define PATH_DEPTH 128

static __always_inline struct vfsmount *mount_vfs(struct mount *m)
{
	return (struct vfsmount *)((char *)m + bpf_core_field_offset(struct mount, mnt));
}

/* Puts "/name" in front; false when there is no room. */
static __always_inline bool path_prepend(struct exec_scratch *s, struct dentry *dentry)
{
	u32 length = BPF_CORE_READ(dentry, d_name.len), start = s->walk.start, at;

	if (length > NAME_MAX)
		length = NAME_MAX;
	if (start < length + 1 || start >= WIRE_PATH_MAX)
		return false;
	at = start - length - 1;
	if (at >= WIRE_PATH_MAX)
		return false;
	s->path[at] = '/';
	bpf_probe_read_kernel(s->path + at + 1, length & NAME_MAX, BPF_CORE_READ(dentry, d_name.name));
	s->walk.start = at;
	return true;
}

/* At the root of a mount: goes on where it is mounted. False when it is mounted nowhere. */
static __always_inline bool path_cross(struct path_walk *w, struct mount *mount)
{
	struct mount *up = BPF_CORE_READ(mount, mnt_parent);

	if (up == mount)
		return false;
	w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	w->mount = up;
	return true;
}

static long path_step(u32 i, struct exec_scratch **ctx)
{
	struct exec_scratch *s = *ctx;
	struct path_walk *w = &s->walk;
	struct dentry *dentry = w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	struct mount *mount = w->mount;

	w->done = dentry == w->root_dentry && mount_vfs(mount) == w->root_mnt;
	if (w->done)
		return 1;
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		if (path_cross(w, mount))
			return 0;
		/* Outside the process's root; or a file without a place, such as a memfd: its name is all. */
		w->done = parent != dentry || w->start != WIRE_PATH_MAX - 1 || path_prepend(s, dentry);
		return 1;
	}
	if (!path_prepend(s, dentry))
		return 1;
	w->done = parent == dentry;
	w->dentry = parent;
	return w->done;
}

/* Fills s->path; where it starts, and whether it is whole, stands in s->walk. */
static __always_inline void path_resolve(struct exec_scratch *s, struct file *file, struct task_struct *task)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct path_walk *w = &s->walk;

	w->dentry = BPF_CORE_READ(file, f_path.dentry);
	w->mount = (void *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
	w->root_dentry = BPF_CORE_READ(task, fs, root.dentry);
	w->root_mnt = BPF_CORE_READ(task, fs, root.mnt);
	w->start = WIRE_PATH_MAX - 1;
	w->done = 0;
	s->path[WIRE_PATH_MAX - 1] = 0;
	bpf_loop(PATH_DEPTH, path_step, &s, 0);
}
