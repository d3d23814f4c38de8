/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel offers to the sensors, found out by doing it: each hook is loaded, attached and
 * made to fire. One line each, `feature NAME: yes` or why not. For guests of tests/kernel/run; the
 * hooks look at this process only, so that it does no harm elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define INSN(code_, dst, src, off_, imm_) \
	((struct bpf_insn){.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_)})

/* Counts the calls of this process in the map's only value, and answers `result` to them. */
static int load(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function, int map, int result)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);
	const struct bpf_insn program[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, getpid()),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_1, 0, 0, 1),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int r;

	if (function) {
		r = libbpf_find_vmlinux_btf_id(function, attach);
		if (r <= 0)
			return r ? r : -ENOENT;
		options.attach_btf_id = (uint32_t)r;
	}
	r = bpf_prog_load(type, "feature", "GPL", program, ARRAY_SIZE(program), &options);
	return r < 0 ? -errno : r;
}

/* Calls what is hooked; 0 when the hook was called and, with a result, had its way. */
static int fires(int map, int result)
{
	uint32_t key = 0;
	uint64_t value = 0;
	int r;

	errno = 0;
	r = getpgid(getpid()) < 0 ? -errno : 0;
	bpf_map_lookup_elem(map, &key, &value);
	if (!value)
		return -ENOMSG;
	return r == result ? 0 : -EPROTO;
}

static int trampoline(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function, int result)
{
	CLEANUP(fd_close) int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "feature", 4, 8, 1, NULL), program = -1, link = -1;

	if (map < 0)
		return -errno;
	program = load(type, attach, function, map, result);
	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	return link < 0 ? -errno : fires(map, result);
}

static int btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) < 0 ? -errno : 0;
}

static int fentry(void)
{
	return trampoline(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "security_task_getpgid", 0);
}

static int fmod_ret(void)
{
	return trampoline(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_task_getpgid", -EPERM);
}

static int lsm(void)
{
	return trampoline(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "task_getpgid", -EPERM);
}

static int kprobe(void)
{
	CLEANUP(fd_close) int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "feature", 4, 8, 1, NULL), program = -1, event = -1;
	struct perf_event_attr attr = {.size = sizeof(attr), .config1 = (uintptr_t)"security_task_getpgid"};
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");

	if (!f)
		return -errno;
	if (fscanf(f, "%u", &attr.type) != 1)
		attr.type = 0;
	fclose(f);
	program = load(BPF_PROG_TYPE_KPROBE, 0, NULL, map, 0);
	if (program < 0)
		return program;
	event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0 || ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	return fires(map, 0);
}

static int fanotify(void)
{
	CLEANUP(fd_close) int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);

	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/proc/self/exe") < 0)
		return -errno;
	return 0;
}

static const struct feature {
	const char *name;
	int (*fn)(void);
} features[] = {
	{"btf", btf}, {"lsm", lsm}, {"fmod_ret", fmod_ret}, {"fentry", fentry}, {"kprobe", kprobe},
	{"fanotify_exec_perm", fanotify},
};

static void lsms(void)
{
	char line[256] = "not known";
	FILE *f = fopen("/sys/kernel/security/lsm", "re");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	printf("feature lsms: %s\n", line);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		int r = features[i].fn();

		printf("feature %s: %s\n", features[i].name,
			r == 0 ? "yes" : r == -ENOMSG ? "no (attached, but never called)" : strerror(-r));
		fflush(stdout);
	}
	lsms();
	return 0;
}
