/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs whose input and output lead to the network, seen at their exec:
 *   - straight: descriptors 0 and 1 (or 2) are a connection;
 *   - by a process above them that has the connection, as its own input and output, or beside the
 *     other ends of the shell's pipes, terminal or pair of sockets.
 * What is found stands in the record as flags and a struct wire_tie; judge.bpf.h goes by that.
 */
#pragma once

#include <bpf/bpf_endian.h>

#include "chain.bpf.h"
#include "judge.bpf.h"

#define RELAY_FILES 256 /* of a process above, at most: a cap, not a promise */
#define FORM_ARGS 16

/* ---- names and forms ---- */

static __always_inline u32 shell_word(struct exec_scratch *s, const void *name)
{
	__builtin_memset(s->scan.token, 0, sizeof(s->scan.token));
	bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, name);
	return name_class(&s->scan, MINER_SPACE_SHELL);
}

static __always_inline const u8 *args_of(struct exec_scratch *s)
{
	return s->record + sizeof(struct wire_exec) + (scratch_exec(s)->path_size & (2 * WIRE_PATH_MAX - 1));
}

/* By the file, by the name that execve was given, by argv[0]; `busybox sh` by its argument. */
static __always_inline u32 shell_class(struct exec_scratch *s, struct linux_binprm *bprm)
{
	const u8 *args = args_of(s);
	u32 class_ = shell_word(s, BPF_CORE_READ(bprm, file, f_path.dentry, d_name.name));

	if (class_ && class_ != MINER_MULTI)
		return class_;
	class_ = shell_word(s, s->filename);
	if (!class_ || class_ == MINER_MULTI)
		class_ = shell_word(s, args);
	if (class_ == MINER_MULTI) {
		long n = bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, args);

		class_ = shell_word(s, args + (n & (MINER_TOKEN - 1)));
		s->form.skip = 1;
	}
	return class_ == MINER_MULTI ? MINER_CLASS_NONE : class_;
}

static __always_inline bool is_shell(u32 class_)
{
	return class_ == MINER_SHELL || class_ == MINER_INTERPRETER;
}

/* One argument of a shell: it has a script or a command, or reads what it is to do. */
static long form_step(u32 i, struct exec_scratch **ctx)
{
	struct exec_scratch *s = *ctx;
	const char *token = s->scan.token;
	u32 at = s->form.at;
	long n;

	if (at >= scratch_exec(s)->args_size)
		return 1;
	n = bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, args_of(s) + at);
	if (n <= 0)
		return 1;
	s->form.at = at + n;
	if (i <= s->form.skip)
		return 0;
	if (s->form.value) {
		s->form.value = 0; /* of the option before */
		return 0;
	}
	if (token[0] != '-' && token[0] != '+') {
		s->form.given = 1;
		return 1;
	}
	if (token[1] == '-') {
		s->form.value = token[2] == 'r' || (token[2] == 'i' && token[6] == '-'); /* --rcfile, --init-file */
		return token[2] == 0;
	}
#pragma unroll
	for (int c = 1; c < 8; c++) {
		s->form.given |= token[c] == 'c';
		s->form.reads |= token[c] == 's';
		s->form.value |= token[c] == 'o' || token[c] == 'O';
		if (!token[c])
			break;
	}
	return s->form.given != 0;
}

/* Whether a shell takes its commands from its input. */
static __always_inline bool shell_reads(struct exec_scratch *s)
{
	s->form.at = s->form.value = s->form.given = s->form.reads = 0;
	bpf_loop(FORM_ARGS, form_step, &s, 0);
	return s->form.reads || !s->form.given;
}

/* ---- what leads where ---- */

static __always_inline void tie_set(struct exec_scratch *s, u64 socket, u32 direction, struct task_struct *holder)
{
	struct wire_exec *exec = scratch_exec(s);
	struct sock *sk = (struct sock *)socket;

	exec->header.flags |= direction == WIRE_DIRECTION_INBOUND ? WIRE_TIED_IN : WIRE_TIED_OUT;
	exec->tie.proto = BPF_CORE_READ(sk, sk_protocol);
	exec->tie.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	exec->tie.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	exec->tie.holder = BPF_CORE_READ(holder, tgid);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		address_v4(exec->tie.remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		BPF_CORE_READ_INTO(&exec->tie.remote, sk, __sk_common.skc_v6_daddr);
	__builtin_memset(s->standard.holder, 0, sizeof(s->standard.holder));
	bpf_probe_read_kernel(s->standard.holder, sizeof(holder->comm) - 1, &holder->comm);
}

/* Descriptors 0 and 1, or 0 and 2, are connections; of a program that is no shell, the same one. */
static __always_inline bool tied_straight(struct exec_scratch *s, struct task_struct *task)
{
	const struct descriptor *in = &s->standard.in, *out = &s->standard.out, *err = &s->standard.err;

	if (in->kind != DESCRIPTOR_CONNECTION)
		return false;
	if (in->self != out->self && in->self != err->self &&
	    !(s->standard.shell && (out->kind == DESCRIPTOR_CONNECTION || err->kind == DESCRIPTOR_CONNECTION)))
		return false;
	tie_set(s, in->self, in->direction, task);
	return true;
}

static __always_inline bool is_local(u64 socket)
{
	struct sock *sk = (struct sock *)socket;
	u32 words[4] = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		return (BPF_CORE_READ(sk, __sk_common.skc_daddr) & 0xff) == 127;
	BPF_CORE_READ_INTO(&words, sk, __sk_common.skc_v6_daddr);
	if (words[2] == bpf_htonl(0xffff))
		return (words[3] & 0xff) == 127;
	return !words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1);
}

/* One open file of a process above. */
static long relay_step(u32 i, struct exec_scratch **ctx)
{
	struct exec_scratch *s = *ctx;
	struct relay *r = &s->relay;
	struct file *file = NULL;

	if (i >= r->count)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), (struct file **)r->files + i);
	if (!file)
		return 0;
	r->now.file = (u64)file;
	descriptor_look(&r->now);
	if (r->now.self && r->now.self == s->standard.in.other && (r->now.mode & FMODE_WRITE))
		r->feeds = 1;
	if (r->now.self && (r->now.self == s->standard.out.other || r->now.self == s->standard.err.other) &&
	    (r->now.mode & FMODE_READ))
		r->hears = 1;
	if (r->now.kind == DESCRIPTOR_LISTENER)
		r->listens = 1;
	if (r->now.kind != DESCRIPTOR_CONNECTION)
		return 0;
	if (i == 0)
		r->input = r->now.self;
	else if (i <= 2 && r->now.self == r->input)
		r->both = r->now.direction;
	if (is_local(r->now.self))
		return 0;
	if (r->now.direction == WIRE_DIRECTION_OUTBOUND)
		r->outbound = r->now.self;
	else
		r->inbound = r->now.self;
	return 0;
}

/*
 * One process above. A shell that it talks to by pipes is its tool as often as not, so that the
 * shell must take its commands from there; and who accepted the connection must be no server, no
 * login: those feed shells by trade.
 */
static __always_inline bool tied_by(struct exec_scratch *s, struct task_struct *above)
{
	struct fdtable *table = BPF_CORE_READ(above, files, fdt);
	struct relay *r = &s->relay;
	u32 pid = BPF_CORE_READ(above, tgid), class_;
	struct wire_note *note = bpf_map_lookup_elem(&notes, &pid);

	__builtin_memset(r, 0, sizeof(*r));
	if (note && (note->flags & WIRE_NOTE_ALLOWED))
		return false;
	r->files = (u64)BPF_CORE_READ(table, fd);
	r->count = BPF_CORE_READ(table, max_fds);
	bpf_loop(RELAY_FILES, relay_step, &s, 0);
	if (r->both == WIRE_DIRECTION_OUTBOUND) {
		tie_set(s, r->input, WIRE_DIRECTION_OUTBOUND, above);
		return true;
	}
	if (r->outbound && r->feeds && r->hears && s->standard.reads) {
		tie_set(s, r->outbound, WIRE_DIRECTION_OUTBOUND, above);
		return true;
	}
	if (!r->both && (!r->inbound || !r->feeds || !r->hears || r->listens || !s->standard.reads))
		return false;
	class_ = shell_word(s, BPF_CORE_READ(above, mm, exe_file, f_path.dentry, d_name.name));
	if (class_ == MINER_LOGIN || (r->both && !is_shell(class_)) ||
	    (!r->both && s->standard.in.kind == DESCRIPTOR_TERMINAL))
		return false;
	tie_set(s, r->both ? r->input : r->inbound, WIRE_DIRECTION_INBOUND, above);
	return true;
}

static __always_inline bool leads_on(const struct descriptor *d)
{
	return d->kind == DESCRIPTOR_PIPE || d->kind == DESCRIPTOR_TERMINAL || d->kind == DESCRIPTOR_PAIR;
}

static __always_inline bool is_inside(struct task_struct *task, u64 container)
{
	struct wire_cgroup_entry *entry = task_container(task);

	return entry && entry->container == container;
}

static __always_inline bool tied_from_above(struct exec_scratch *s, struct task_struct *task, u64 container)
{
	struct task_struct *above = task->real_parent;

	if (!s->standard.shell || !leads_on(&s->standard.in))
		return false;
	s->standard.reads = s->standard.shell == MINER_SHELL && shell_reads(s);
#pragma unroll
	for (int i = 0; i < 3; i++) {
		if (!is_inside(above, container))
			return false;
		if (tied_by(s, above))
			return true;
		above = above->real_parent;
	}
	return false;
}

/* It joins two pipes: perhaps the last piece of a chain. */
static __always_inline void tied_by_chain(struct exec_scratch *s, u64 container)
{
	struct wire_exec *exec = scratch_exec(s);
	struct stage stage = {.container = container, .pid = exec->process.pid}, *holder;
	u32 pid;

	stage.in = s->standard.in.self;
	stage.out = s->standard.out.self;
	stage.shell = s->standard.shell && s->standard.reads;
	stage_put(&stage);
	pid = chain_closes(stage.pid);
	holder = pid ? bpf_map_lookup_elem(&stages, &pid) : NULL;
	if (!holder)
		return;
	exec->header.flags |= holder->direction == WIRE_DIRECTION_INBOUND ? WIRE_TIED_IN : WIRE_TIED_OUT;
	exec->tie.holder = pid;
	s->standard.shell = MINER_SHELL; /* one of the chain is */
	__builtin_memset(s->standard.holder, 0, sizeof(s->standard.holder));
}

static __always_inline void tie_fill(struct exec_scratch *s, struct task_struct *task, struct linux_binprm *bprm, u64 container)
{
	struct standard *t = &s->standard;
	u32 class_;

	t->in.file = task_file(task, 0);
	t->out.file = task_file(task, 1);
	t->err.file = task_file(task, 2);
	t->shell = t->reads = 0;
	stage_forget(scratch_exec(s)->process.pid);
	descriptor_look(&t->in);
	if (t->in.kind == DESCRIPTOR_OTHER || t->in.kind == DESCRIPTOR_LISTENER)
		return;
	descriptor_look(&t->out);
	descriptor_look(&t->err);
	s->form.skip = 0;
	class_ = shell_class(s, bprm);
	t->shell = is_shell(class_) ? class_ : 0;
	if (!tied_straight(s, task) && !tied_from_above(s, task, container) && t->in.kind == DESCRIPTOR_PIPE &&
	    t->out.kind == DESCRIPTOR_PIPE)
		tied_by_chain(s, container);
}
