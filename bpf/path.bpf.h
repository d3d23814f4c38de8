/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of an executed file as its process sees it: from the file's dentry through the mounts
 * up to the process's root directory. (bpf_d_path is not allowed in tracepoints.) Written from the
 * end of the buffer backwards; a path that does not fit keeps its end.
 */
#pragma once

#include "scratch.bpf.h"

#define PATH_DEPTH 128

struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
	struct dentry *root_dentry;
	struct vfsmount *root_mnt;
	char *buffer; /* WIRE_PATH_MAX + NAME_MAX + 1 bytes */
	u32 start;    /* of the text in buffer; its NUL is at WIRE_PATH_MAX - 1 */
	u32 done;     /* reached the root */
};

static __always_inline struct vfsmount *mount_vfs(struct mount *m)
{
	return (struct vfsmount *)((char *)m + bpf_core_field_offset(struct mount, mnt));
}

/* Puts "/name" in front; false when there is no room. */
static __always_inline bool path_prepend(struct path_walk *w, struct dentry *dentry)
{
	u32 length = BPF_CORE_READ(dentry, d_name.len);
	u32 at;

	if (length > NAME_MAX)
		length = NAME_MAX;
	if (w->start < length + 1 || w->start >= WIRE_PATH_MAX)
		return false;
	at = w->start - length - 1;
	if (at >= WIRE_PATH_MAX)
		return false;
	w->buffer[at] = '/';
	bpf_probe_read_kernel(w->buffer + at + 1, length & NAME_MAX, BPF_CORE_READ(dentry, d_name.name));
	w->start = at;
	return true;
}

static long path_step(u32 i, struct path_walk *w)
{
	struct dentry *dentry = w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	struct mount *mount = w->mount;

	if (dentry == w->root_dentry && mount_vfs(mount) == w->root_mnt) {
		w->done = 1;
		return 1;
	}
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *up = BPF_CORE_READ(mount, mnt_parent);

		if (up != mount) {
			w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			w->mount = up;
			return 0;
		}
		if (parent != dentry || w->start != WIRE_PATH_MAX - 1) { /* outside the process's root */
			w->done = 1;
			return 1;
		}
	}
	if (!path_prepend(w, dentry))
		return 1;
	if (parent == dentry) { /* a file without a place, such as a memfd */
		w->done = 1;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

/* Fills w->buffer; returns the index of the text, WIRE_PATH_MAX - 1 when empty. */
static __always_inline u32 path_resolve(struct path_walk *w, struct file *file, struct task_struct *task)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);

	w->dentry = BPF_CORE_READ(file, f_path.dentry);
	w->mount = (void *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
	w->root_dentry = BPF_CORE_READ(task, fs, root.dentry);
	w->root_mnt = BPF_CORE_READ(task, fs, root.mnt);
	w->start = WIRE_PATH_MAX - 1;
	w->done = 0;
	w->buffer[WIRE_PATH_MAX - 1] = 0;
	bpf_loop(PATH_DEPTH, path_step, w, 0);
	return w->start;
}
