/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refusing an exec: execve returns EPERM and the caller goes on, where sched_process_exec can only kill
 * the new program. Hooked where the kernel has opened the file that will run (a script's interpreter) and
 * computed its rights, and can still turn back. What is judged here: the file, its path, its name, whose
 * rights. Not here: arguments, which lie in memory that no process has yet; sched_process_exec judges them.
 *
 * Two ways to the same place, one of which is attached: BPF LSM, where it is among the kernel's LSMs,
 * else a trampoline on the function that asks the LSMs. See src/sensor/programs.c.
 */
#include "exec.bpf.h"

/* Unlike a tracepoint these programs can be preempted: memory is taken, and who finds it taken leaves the
 * exec to sched_process_exec. */
struct refuse_scratch {
	u32 taken;
	u32 pad;
	struct exec_scratch exec;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set to the number of CPUs */
	__type(key, u32);
	__type(value, struct refuse_scratch);
} refuse_scratches SEC(".maps");

/* ---- the caller's arguments, for the record ---- */

#define CALLER_ARGS 1024
#define CALLER_ARG_MAX 4096

#if defined(__TARGET_ARCH_x86)
#define NR_EXECVE 59
#define NR_EXECVEAT 322
#else
#define NR_EXECVE 221
#define NR_EXECVEAT 281
#endif

static __always_inline u64 caller_argv(struct task_struct *task)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	u32 nr = call_number(regs);

	if (call_is_compat(task))
		return 0;
	return nr == NR_EXECVE ? call_argument(regs, 1) : nr == NR_EXECVEAT ? call_argument(regs, 2) : 0;
}

static long caller_arg(u32 i, struct exec_scratch **ctx)
{
	struct exec_scratch *s = *ctx;
	u32 at = scratch_exec(s)->args_size, path = scratch_exec(s)->path_size;
	u64 text = 0;
	long n;

	if (bpf_probe_read_user(&text, sizeof(text), (void *)(s->args_at + i * sizeof(text)))) {
		scratch_exec(s)->header.flags |= WIRE_ARGS_UNREADABLE;
		return 1;
	}
	if (!text)
		return 1;
	if (at > WIRE_ARGS_MAX - CALLER_ARG_MAX || path > WIRE_PATH_MAX) {
		scratch_exec(s)->header.flags |= WIRE_ARGS_TRUNCATED;
		return 1;
	}
	n = read_user_str(s->record + sizeof(struct wire_exec) + path + at, CALLER_ARG_MAX, (void *)text);
	if (n < 0) {
		scratch_exec(s)->header.flags |= WIRE_ARGS_UNREADABLE;
		return 1;
	}
	if (n == CALLER_ARG_MAX)
		scratch_exec(s)->header.flags |= WIRE_ARGS_TRUNCATED;
	scratch_exec(s)->args_size = at + n;
	return 0;
}

static __always_inline void caller_args_fill(struct exec_scratch *s, struct task_struct *task)
{
	s->args_at = caller_argv(task);
	if (s->args_at)
		bpf_loop(CALLER_ARGS, caller_arg, &s, 0);
	else
		scratch_exec(s)->header.flags |= WIRE_ARGS_UNREADABLE; /* an exec of 32-bit code, io_uring's, the kernel's own */
}

/* ---- the verdict ---- */

/* Does what cannot be judged here ask for more than what was found? Then it is left to sched_process_exec. */
static __always_inline bool may_get_stronger(const struct wire_slot *slot, const struct wire_verdict *v)
{
	return slot->effects[WIRE_DETECTION_CRYPTO_MINER] > v->effect ||
	       slot->effects[WIRE_DETECTION_REVERSE_SHELL] > v->effect || slot->effects[WIRE_DETECTION_BIND_SHELL] > v->effect;
}

/* Fills the verdict as judge() would without arguments; true when the exec is to be refused. */
static __always_inline bool refuse_judge(struct exec_scratch *s, u32 number, struct linux_binprm *bprm)
{
	struct wire_verdict *v = &scratch_exec(s)->header.verdict;
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	u32 class_;

	v->slot = number;
	/* Of a blocked container nothing is left alive: it is killed. */
	if (!slot || number == WIRE_SLOT_KILL)
		return false;
	if (slot->allowed && path_matches(s, number, WIRE_PATTERN_ALLOWED, slot->allowed))
		return false;
	filename_read(s, bprm);
	if (slot->effects[WIRE_DETECTION_CRYPTO_MINER] && miner_named(s, bprm, &class_)) {
		offer(s, slot, WIRE_DETECTION_CRYPTO_MINER, WIRE_EVIDENCE_NAME);
		sign_set(s, s->scan.key.text);
	}
	program_judge(s, number, slot, bprm);
	return v->effect >= WIRE_EFFECT_PREVENT && !may_get_stronger(slot, v);
}

static __always_inline int refuse(struct exec_scratch *s, struct task_struct *task, struct wire_cgroup_entry *entry,
	struct linux_binprm *bprm, bool rights_known)
{
	struct wire_exec *exec = scratch_exec(s);

	__builtin_memset(exec, 0, sizeof(*exec));
	header_fill(&exec->header, WIRE_EXEC, entry->container);
	process_fill(&exec->process, task);
	exec->argc = bprm->argc;
	file_fill(exec, bprm->file);
	task_fill(exec, task, bprm->cred, entry->container);
	if (!rights_known)
		exec->header.flags &= ~WIRE_SUID;
	path_fill(s, bprm->file, task);
	if (!refuse_judge(s, entry->slot, bprm))
		return 0;
	exec->header.flags |= WIRE_REFUSED;
	exec->header.verdict.done = WIRE_DONE_PREVENT;
	caller_args_fill(s, task);
	ancestors_fill(exec, task);
	exec_send(s);
	return -EPERM;
}

static __always_inline int exec_check(struct linux_binprm *bprm, bool rights_known)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_cgroup_entry *entry = task_container(task);
	u32 cpu = bpf_get_smp_processor_id();
	struct refuse_scratch *s;
	int r;

	if (!entry || entry->slot < WIRE_SLOT_FIRST || task->tgid == self_pid)
		return 0;
	s = bpf_map_lookup_elem(&refuse_scratches, &cpu);
	if (!s || __sync_lock_test_and_set(&s->taken, 1))
		return 0;
	r = refuse(&s->exec, task, entry, bprm, rights_known);
	__sync_lock_test_and_set(&s->taken, 0);
	return r;
}

SEC("lsm/bprm_creds_from_file")
int BPF_PROG(on_exec_lsm, struct linux_binprm *bprm)
{
	return exec_check(bprm, true);
}

/* Before the LSMs, which may yet take borrowed rights back from a traced process: those are judged after the exec. */
SEC("fmod_ret/security_bprm_creds_from_file")
int BPF_PROG(on_exec_fmod_ret, struct linux_binprm *bprm)
{
	return exec_check(bprm, bprm->unsafe == 0);
}

/* ---- is it called at all? ---- */

bool lsm_called = false;

/* An LSM program attaches also where BPF is not among the kernel's LSMs, and is never called. */
SEC("lsm/task_getpgid")
int BPF_PROG(on_lsm_probe)
{
	lsm_called = true;
	return 0;
}
