/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict at exec: by the slot's lists of paths, by the program's name, by its arguments. What
 * must not run is sent SIGKILL here, which it gets before its first instruction.
 */
#pragma once

#include "pattern.bpf.h"
#include "scratch.bpf.h"

/* The words of src/policy/miner.c. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct miner_key);
	__type(value, struct miner_word);
} miner_words MAP;

miner_inline struct miner_word miner_find(struct miner_scan *s)
{
	struct miner_key key = s->key; /* on the stack: kernels before 6.2 take no other key here */
	struct miner_word *w = bpf_map_lookup_elem(&miner_words, &key), none = {};

	return w ? *w : none;
}

static __always_inline void sign_set(struct exec_scratch *s, const char *text)
{
	struct wire_exec *exec = scratch_exec(s);

	bpf_probe_read_kernel(exec->sign, sizeof(exec->sign), text);
	exec->sign[sizeof(exec->sign) - 1] = 0;
}

/* ---- names ---- */

struct basename_scan {
	const char *text;
	u32 after; /* the last slash */
};

static long basename_step(u32 i, struct basename_scan *b)
{
	char c = b->text[i & (MINER_TOKEN - 1)];

	if (c == '/')
		b->after = i + 1;
	return c == 0;
}

/* What the table says of the last part of the path in scan.token. Global: verified once. */
__weak __noinline int name_class(struct miner_scan *scan, u32 space)
{
	struct basename_scan b = {};

	if (!scan)
		return MINER_CLASS_NONE;
	b.text = scan->token;
	bpf_loop(MINER_TOKEN, basename_step, &b, 0);
	return MINER_CLASS(miner_lookup(scan, space, b.after));
}

static __always_inline bool name_is(struct exec_scratch *s, const void *path, u32 *ret_class)
{
	__builtin_memset(s->scan.token, 0, sizeof(s->scan.token));
	bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, path);
	*ret_class = name_class(&s->scan, MINER_SPACE_NAME);
	return *ret_class == MINER_NAME;
}

/* Under which name a program of many is called: `grep ...`, or `busybox grep ...`. */
static __always_inline u32 called_class(struct exec_scratch *s, const u8 *args, u32 class_)
{
	long n;

	if (class_ != MINER_MULTI)
		return class_;
	n = bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, args);
	name_is(s, args + (n & (MINER_TOKEN - 1)), &class_);
	return class_;
}

/* ---- arguments ---- */

#define ARGS_STEPS 32768

/*
 * One argument, or 255 bytes of a long one. They are read from the process, so that those which the
 * record has no room for are judged too; nobody can change them before its first instruction.
 */
static long argv_step(u32 i, struct exec_scratch **ctx)
{
	struct exec_scratch *s = *ctx;
	u64 at = s->args_at;
	u32 inside = s->args_inside;
	char last = 0;
	long n;

	if (at >= s->args_end)
		return 1;
	__builtin_memset(s->scan.token, 0, sizeof(s->scan.token));
	n = read_user_str(s->scan.token, MINER_TOKEN, (void *)at);
	if (n < 0) {
		scratch_exec(s)->header.flags |= WIRE_ARGS_UNREADABLE;
		return 1;
	}
	if (n == MINER_TOKEN)
		bpf_probe_read_user(&last, 1, (void *)(at + MINER_TOKEN - 1));
	s->args_inside = last != 0;
	s->args_at = at + (last ? n - 1 : n);
	if (inside || s->args_index++ == 0)
		return 0;
	s->scan.length = (n - 1) & (MINER_TOKEN - 1);
	miner_argv_feed(&s->argv, &s->scan);
	return s->argv.rank >= 5; /* it will not get clearer */
}

static __always_inline u32 argv_judge(struct exec_scratch *s, struct task_struct *task, bool texts)
{
	s->args_at = task->mm->arg_start;
	s->args_end = task->mm->arg_end;
	s->args_index = s->args_inside = 0;
	__builtin_memset(&s->argv, 0, sizeof(s->argv));
	bpf_loop(ARGS_STEPS, argv_step, &s, 0);
	return miner_argv_judge(&s->argv, texts);
}

/* A script's own name, and a link's, are what execve was given. ret_class is the file's. */
static __always_inline bool miner_named(struct exec_scratch *s, struct linux_binprm *bprm, u32 *ret_class)
{
	u32 other;

	return name_is(s, bprm->file->f_path.dentry->d_name.name, ret_class) || name_is(s, s->filename, &other);
}

static __always_inline void miner_judge(struct exec_scratch *s, const struct wire_slot *slot, struct task_struct *task,
	struct linux_binprm *bprm)
{
	struct wire_exec *exec = scratch_exec(s);
	struct wire_verdict *v = &exec->header.verdict;
	const u8 *args = s->record + sizeof(*exec) + (exec->path_size & (2 * WIRE_PATH_MAX - 1));
	u32 file, arg, evidence = WIRE_EVIDENCE_NAME, result = MINER_RESULT_YES;

	if (!miner_named(s, bprm, &file) && !name_is(s, args, &arg)) {
		if (file == MINER_MULTI)
			file = called_class(s, args, arg);
		result = argv_judge(s, task, file == MINER_TEXTS);
		evidence = WIRE_EVIDENCE_ARGV;
	}
	if (result == MINER_RESULT_NO)
		return;
	sign_set(s, evidence == WIRE_EVIDENCE_NAME ? s->scan.key.text : s->argv.sign);
	if (result == MINER_RESULT_SUSPECT) {
		exec->header.flags |= WIRE_SUSPECT;
		return;
	}
	v->detection = WIRE_DETECTION_CRYPTO_MINER;
	v->evidence = evidence;
	v->effect = slot->effects[WIRE_DETECTION_CRYPTO_MINER];
}

/* ---- paths ---- */

static __always_inline bool path_matches(struct exec_scratch *s, u32 slot, u32 list, u32 n)
{
	struct pattern_list l = {.key = {.slot = slot, .list = list}};

	l.text.buffer = s->path;
	l.text.start = s->walk.start;
	l.text.length = WIRE_PATH_MAX - 1 - s->walk.start;
	return pattern_list_matches(&l, n);
}

/* Exemptions go by the file that runs; what is denied, also by the name it was called with. */
static __always_inline bool filename_matches(struct exec_scratch *s, u32 slot, u32 n)
{
	struct pattern_list l = {.key = {.slot = slot, .list = WIRE_PATTERN_DENIED}};

	l.text.buffer = s->filename;
	l.text.length = s->filename_length;
	return pattern_list_matches(&l, n);
}

/* ---- the file, and whose rights ---- */

/* The stronger effect decides; of equals the detection that comes first in its enum: call it in that order. */
static __always_inline bool offer(struct exec_scratch *s, const struct wire_slot *slot, u32 detection, u32 evidence)
{
	struct wire_verdict *v = &scratch_exec(s)->header.verdict;

	if (slot->effects[detection] <= v->effect)
		return false;
	v->detection = detection;
	v->evidence = evidence;
	v->effect = slot->effects[detection];
	return true;
}

/* An accepted connection is what a server started by inetd has too: there only a shell is one. */
static __always_inline void shell_judge(struct exec_scratch *s, const struct wire_slot *slot)
{
	u32 flags = scratch_exec(s)->header.flags;

	if (((flags & WIRE_TIED_OUT) && offer(s, slot, WIRE_DETECTION_REVERSE_SHELL, WIRE_EVIDENCE_DESCRIPTOR)) ||
	    ((flags & WIRE_TIED_IN) && s->standard.shell && offer(s, slot, WIRE_DETECTION_BIND_SHELL, WIRE_EVIDENCE_DESCRIPTOR)))
		sign_set(s, s->standard.holder);
}

static __always_inline void file_judge(struct exec_scratch *s, const struct wire_slot *slot)
{
	u32 flags = scratch_exec(s)->header.flags;
	bool found = false;

	if (flags & WIRE_RUNTIME)
		return;
	if (flags & WIRE_FILE_MODIFIED)
		found = offer(s, slot, WIRE_DETECTION_MODIFIED_BINARY, WIRE_EVIDENCE_FILE);
	else if (flags & WIRE_FILE_NEW)
		found = offer(s, slot, WIRE_DETECTION_NEW_BINARY, WIRE_EVIDENCE_FILE);
	else if (flags & WIRE_MEMFD)
		found = offer(s, slot, WIRE_DETECTION_FILELESS_EXEC, WIRE_EVIDENCE_FILE);
	if (found)
		sign_set(s, s->path + (s->walk.start & (WIRE_PATH_MAX - 1)));
}

static __always_inline bool is_client(struct exec_scratch *s, const void *path)
{
	__builtin_memset(s->scan.token, 0, sizeof(s->scan.token));
	bpf_probe_read_kernel_str(s->scan.token, MINER_TOKEN, path);
	return name_class(&s->scan, MINER_SPACE_CLIENT) == MINER_CLIENT;
}

static __always_inline void client_judge(struct exec_scratch *s, const struct wire_slot *slot, struct linux_binprm *bprm)
{
	if (scratch_exec(s)->header.flags & WIRE_RUNTIME)
		return;
	if ((is_client(s, bprm->file->f_path.dentry->d_name.name) || is_client(s, s->filename)) &&
	    offer(s, slot, WIRE_DETECTION_ENGINE_CLIENT, WIRE_EVIDENCE_NAME))
		sign_set(s, s->scan.key.text);
}

static __always_inline void rights_judge(struct exec_scratch *s, const struct wire_slot *slot)
{
	if ((scratch_exec(s)->header.flags & WIRE_SUID) && offer(s, slot, WIRE_DETECTION_SUID_EXEC, WIRE_EVIDENCE_FILE))
		sign_set(s, s->path + (s->walk.start & (WIRE_PATH_MAX - 1)));
}

/* ---- the verdict ---- */

static __always_inline void denied_judge(struct exec_scratch *s, u32 number, const struct wire_slot *slot)
{
	struct wire_exec *exec = scratch_exec(s);
	struct wire_verdict *v = &exec->header.verdict;

	if (slot->effects[WIRE_DETECTION_DENIED_PROCESS] <= v->effect)
		return;
	if (!path_matches(s, number, WIRE_PATTERN_DENIED, slot->denied)) {
		if (!filename_matches(s, number, slot->denied))
			return;
		sign_set(s, s->filename);
	} else {
		sign_set(s, s->path + (s->walk.start & (WIRE_PATH_MAX - 1)));
	}
	exec->header.flags &= ~WIRE_SUSPECT;
	v->detection = WIRE_DETECTION_DENIED_PROCESS;
	v->evidence = WIRE_EVIDENCE_PATH;
	v->effect = slot->effects[WIRE_DETECTION_DENIED_PROCESS];
}

static __always_inline void note_put(struct exec_scratch *s, u32 pid, u32 flags)
{
	s->note.flags = flags;
	bpf_probe_read_kernel(s->note.sign, sizeof(s->note.sign), scratch_exec(s)->sign);
	if (bpf_map_update_elem(&notes, &pid, &s->note, BPF_ANY))
		count(WIRE_DROPPED_NOTE);
}

static __always_inline void verdict_carry_out(struct wire_verdict *v)
{
	if (v->effect == WIRE_EFFECT_ALERT)
		v->done = WIRE_DONE_ALERT;
	else if (v->effect >= WIRE_EFFECT_PREVENT)
		v->done = bpf_send_signal(SIGKILL) ? WIRE_DONE_FAILED : WIRE_DONE_PREVENT;
}

static __always_inline void filename_read(struct exec_scratch *s, struct linux_binprm *bprm)
{
	long n = bpf_probe_read_kernel_str(s->filename, sizeof(s->filename), bprm->filename);

	s->filename_length = n > 0 ? n - 1 : 0;
}

/* All that does not go by the miners' signs, in the order of the detections. */
static __always_inline void program_judge(struct exec_scratch *s, u32 number, const struct wire_slot *slot,
	struct linux_binprm *bprm)
{
	file_judge(s, slot);
	if (slot->effects[WIRE_DETECTION_ENGINE_CLIENT])
		client_judge(s, slot, bprm);
	rights_judge(s, slot);
	denied_judge(s, number, slot);
}

/* Fills the record's verdict, sign and flags, and carries the verdict out. */
static __always_inline void judge(struct exec_scratch *s, u32 number, struct task_struct *task,
	struct linux_binprm *bprm)
{
	struct wire_exec *exec = scratch_exec(s);
	struct wire_verdict *v = &exec->header.verdict;
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	u32 pid = exec->process.pid, remember = 0;

	bpf_map_delete_elem(&notes, &pid);
	v->slot = number;
	if (number == WIRE_SLOT_KILL) {
		v->effect = WIRE_EFFECT_BLOCK;
		verdict_carry_out(v);
		return;
	}
	if (!slot)
		return;
	if ((exec->header.flags & (WIRE_MEMFD | WIRE_RUNTIME)) == WIRE_MEMFD)
		remember = WIRE_NOTE_OWN;
	if (slot->allowed && path_matches(s, number, WIRE_PATTERN_ALLOWED, slot->allowed)) {
		note_put(s, pid, remember | WIRE_NOTE_ALLOWED);
		return;
	}
	if (slot->effects[WIRE_DETECTION_CRYPTO_MINER])
		miner_judge(s, slot, task, bprm);
	shell_judge(s, slot);
	program_judge(s, number, slot, bprm);
	if (exec->header.flags & WIRE_SUSPECT)
		remember |= WIRE_NOTE_SUSPECT;
	if (remember)
		note_put(s, pid, remember);
	verdict_carry_out(v);
}
