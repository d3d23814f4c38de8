/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the open files of a process are: pipes, terminals, sockets; and what is at their other end.
 * Read from the kernel's own tables, so that neither names nor arguments count.
 */
#pragma once

#include "common.bpf.h"

#define TCP_STATE_CLOSE 7
#define TCP_STATE_LISTEN 10
#define PTMX_DEVICE (5u << 20 | 2u)
#define PTS_MAJOR_FIRST 136u
#define PTS_MAJOR_LAST 143u

enum descriptor_kind {
	DESCRIPTOR_OTHER,
	DESCRIPTOR_PIPE,
	DESCRIPTOR_TERMINAL,
	DESCRIPTOR_PAIR, /* a local socket that has a peer */
	DESCRIPTOR_LISTENER,
	DESCRIPTOR_CONNECTION, /* of IPv4 or IPv6 */
};

struct descriptor {
	u64 file;  /* struct file; 0 = closed. What descriptor_look() goes by; the rest it fills */
	u64 self;  /* what it is; the same number in two descriptors is the same thing */
	u64 other; /* what the other end of a pipe, terminal or pair is */
	u32 kind;
	u32 direction; /* of a connection: enum wire_direction */
	u32 mode;      /* FMODE_READ, FMODE_WRITE */
	u32 pad;
};

static __always_inline u64 task_file(struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return (u64)file;
}

/* The pipe that this descriptor is, or 0. */
static __always_inline u64 task_pipe(struct task_struct *task, u32 fd)
{
	struct file *file = (struct file *)task_file(task, fd);
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;

	return inode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFIFO ? (u64)inode : 0;
}

/*
 * An accepted socket is a copy of its listener, which had a backlog; one that connected never had.
 * (A listener with a backlog of none is told as the other kind.)
 */
static __always_inline void descriptor_inet(struct descriptor *d, struct sock *sk)
{
	u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (state == TCP_STATE_LISTEN) {
		d->kind = DESCRIPTOR_LISTENER;
		return;
	}
	if (state == TCP_STATE_CLOSE || !BPF_CORE_READ(sk, __sk_common.skc_dport))
		return;
	d->kind = DESCRIPTOR_CONNECTION;
	d->direction = BPF_CORE_READ(sk, sk_max_ack_backlog) ? WIRE_DIRECTION_INBOUND : WIRE_DIRECTION_OUTBOUND;
}

static __always_inline void descriptor_socket(struct descriptor *d, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	d->self = (u64)sk;
	if (family == AF_INET || family == AF_INET6) {
		descriptor_inet(d, sk);
	} else if (family == AF_UNIX && bpf_core_type_exists(struct unix_sock)) {
		d->other = (u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
		if (d->other)
			d->kind = DESCRIPTOR_PAIR;
	}
}

static __always_inline void descriptor_device(struct descriptor *d, struct file *file, struct inode *inode)
{
	u32 device = BPF_CORE_READ(inode, i_rdev), major = device >> 20;
	struct tty_file_private *opened;
	struct tty_struct *tty;

	if (device != PTMX_DEVICE && (major < PTS_MAJOR_FIRST || major > PTS_MAJOR_LAST))
		return;
	opened = BPF_CORE_READ(file, private_data);
	tty = BPF_CORE_READ(opened, tty);
	d->kind = DESCRIPTOR_TERMINAL;
	d->self = (u64)tty;
	d->other = (u64)BPF_CORE_READ(tty, link);
}

/* Fills everything but d->file. Global: verified once; weak: more than one object has it. */
__weak __noinline int descriptor_look(struct descriptor *d)
{
	struct inode *inode;
	struct file *file;
	u16 mode;

	if (!d)
		return 0;
	file = (struct file *)d->file;
	d->self = d->other = 0;
	d->kind = DESCRIPTOR_OTHER;
	d->direction = d->mode = 0;
	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	d->mode = BPF_CORE_READ(file, f_mode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (mode == S_IFIFO) {
		d->kind = DESCRIPTOR_PIPE;
		d->self = d->other = (u64)inode;
	} else if (mode == S_IFSOCK) {
		descriptor_socket(d, file);
	} else if (mode == S_IFCHR) {
		descriptor_device(d, file, inode);
	}
	return d->kind;
}
