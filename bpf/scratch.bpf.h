/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Working memory of an exec: too large for the stack and, with 32 KiB of arguments, for a per-CPU
 * map. One for each CPU; tracepoints do not preempt each other on one.
 */
#pragma once

#include "common.bpf.h"
#include "descriptor.bpf.h"
#include "miner_argv.h"

#define NAME_MAX 255

/*
 * Where a walk over dentries is. State that changes from step to step of a bpf_loop lies in map
 * memory everywhere in these programs: kernels before 6.7 verify one step only, and would take what
 * they know of a stack variable before the first step for true in all.
 */
struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
	struct dentry *root_dentry;
	struct vfsmount *root_mnt;
	u32 start; /* of the text in exec_scratch.path; its NUL is at WIRE_PATH_MAX - 1 */
	u32 done;  /* reached the root */
};

/* Where a program's input and output lead: see shell.bpf.h. */
struct standard {
	struct descriptor in, out, err;
	u32 shell; /* enum miner_class; 0 = another program */
	u32 reads; /* a shell that takes its commands from its input */
	char holder[64]; /* name of the process that has the connection */
};

/* What a process above has open. */
struct relay {
	u64 files;
	u32 count;
	u32 feeds, hears; /* it has the other ends of the input, of the output */
	u32 listens;
	u64 input;             /* its own input, when that is a connection */
	u32 both;              /* ... and its own output: direction */
	u32 pad;
	u64 outbound, inbound; /* connections beyond this host */
	struct descriptor now;
};

/* The arguments of a shell. */
struct form {
	u32 at;
	u32 skip;  /* `busybox` before the shell's name */
	u32 value; /* the next one belongs to an option */
	u32 given; /* a command or a script */
	u32 reads; /* -s */
};

struct exec_scratch {
	struct path_walk walk;
	char path[WIRE_PATH_MAX + NAME_MAX + 1]; /* written backwards: the text is at walk.start */
	char filename[WIRE_PATH_MAX];            /* as the caller of execve spelled it */
	u32 filename_length;
	u64 args_at, args_end; /* walk over the arguments: addresses in the process */
	u32 args_index;
	u32 args_inside; /* a long argument goes on: only its beginning is looked at */
	struct miner_scan scan;
	struct miner_argv argv;
	struct wire_note note;
	struct standard standard;
	struct relay relay;
	struct form form;
	u8 record[sizeof(struct wire_exec) + WIRE_PATH_MAX + WIRE_ARGS_MAX + 8]; /* struct wire_exec */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set to the number of CPUs */
	__type(key, u32);
	__type(value, struct exec_scratch);
} exec_scratches MAP;

static __always_inline struct wire_exec *scratch_exec(struct exec_scratch *s)
{
	return (struct wire_exec *)s->record;
}
