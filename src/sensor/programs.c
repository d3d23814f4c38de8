/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of BPF programs and their loading. A program that this kernel refuses is named by the
 * only verifier log that is not empty; it is switched off, its reason kept, and the rest is loaded
 * again. Without the programs marked `security` nothing would be protected: then loading fails.
 *
 * What stops an exec is chosen here: BPF LSM where it is called (EPERM); else a trampoline before the LSMs
 * (EPERM); sched_process_exec is always there, judges what they cannot, and kills.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/banned.h"
#include "base/clock.h"
#include "base/log.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

#define WANTED_BY(...) ((const enum detection[]){__VA_ARGS__, DETECTION_NONE})

const struct sensor_program sensor_programs[] = {
	{"on_exec", "exec", true, SENSOR_ATTACH_TRACE, "exec_kill"},
	{"on_fork", "fork", false, SENSOR_ATTACH_TRACE, NULL},
	{"on_exit", "exit", true, SENSOR_ATTACH_TRACE, NULL},
	{"on_cgroup_mkdir", "cgroup_made", true, SENSOR_ATTACH_TRACE, NULL},
	{"on_cgroup_rmdir", "cgroup_gone", true, SENSOR_ATTACH_TRACE, NULL},
	{"on_connect4", "connect_ipv4", false, SENSOR_ATTACH_CGROUP, "refuse_connect_ipv4"},
	{"on_connect6", "connect_ipv6", false, SENSOR_ATTACH_CGROUP, "refuse_connect_ipv6"},
	{"on_sendmsg4", "send_ipv4", false, SENSOR_ATTACH_CGROUP, "refuse_send_ipv4"},
	{"on_sendmsg6", "send_ipv6", false, SENSOR_ATTACH_CGROUP, "refuse_send_ipv6"},
	{"on_tcp_state", "tcp_state", false, SENSOR_ATTACH_TRACE, NULL},
	{"on_capable", "privileged_calls", false, SENSOR_ATTACH_TRACE, "privileged_calls_kill",
		WANTED_BY(DETECTION_MOUNT, DETECTION_NAMESPACE_ESCAPE, DETECTION_PTRACE, DETECTION_KERNEL_MODULE, DETECTION_BPF_LOAD,
			DETECTION_RAW_SOCKET, DETECTION_PRIVILEGE_ESCALATION)},
	{"on_unix_connect", "engine_socket", false, SENSOR_ATTACH_TRACE, "engine_socket_kill", WANTED_BY(DETECTION_ENGINE_SOCKET)},
	{"on_sock_create", "raw_socket", false, SENSOR_ATTACH_CGROUP, "refuse_raw_socket"},
	{"on_egress", "stratum", false, SENSOR_ATTACH_CGROUP, "drop_stratum"},
	/* In the order in which they are tried. */
	{"on_lsm_probe", NULL, false, SENSOR_ATTACH_LSM_PROBE, NULL},
	{"on_exec_lsm", NULL, false, SENSOR_ATTACH_LSM, "exec_lsm"},
	{"on_exec_fmod_ret", NULL, false, SENSOR_ATTACH_FMOD_RET, "exec_fmod_ret"},
};
const size_t sensor_programs_count = ARRAY_SIZE(sensor_programs);
static_assert(ARRAY_SIZE(sensor_programs) <= SENSOR_PROGRAMS_MAX, "room for each program's state");

static int libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	log_debug("libbpf: %s", line);
	return 0;
}

/* The last line of a verifier log that says something: the statistics follow it. */
static void log_reason(const char *log, char *out, size_t size)
{
	const char *end = log + strlen(log), *line = end;

	while (end > log) {
		while (end > log && end[-1] == '\n')
			end--;
		for (line = end; line > log && line[-1] != '\n'; line--)
			;
		if (end > line && strncmp(line, "processed ", 10) != 0 && strncmp(line, "verification time", 17) != 0)
			break;
		end = line;
	}
	if (end > line)
		snprintf(out, size, "refused by this kernel: %.*s", (int)(end - line), line);
	else
		snprintf(out, size, "refused by this kernel");
}

static struct bpf_program *program_of(const struct sensor_set *s, size_t i)
{
	return bpf_object__find_program_by_name(s->bpf->obj, sensor_programs[i].program);
}

static bool given_up(const struct sensor_program_state *state)
{
	return state->reason[0];
}

static __attribute__((format(printf, 3, 4))) void give_up(struct sensor_set *s, size_t i, const char *format, ...)
{
	va_list args;

	s->states[i].state = sensor_program_optional(&sensor_programs[i]) ? SENSOR_OFF : SENSOR_FAILED;
	va_start(args, format);
	vsnprintf(s->states[i].reason, sizeof(s->states[i].reason), format, args);
	va_end(args);
}

/* Gives up the programs of a kind; false when there was none left. */
static bool kind_give_up(struct sensor_set *s, enum sensor_attach kind, const char *why)
{
	bool any = false;

	for (size_t i = 0; i < sensor_programs_count; i++)
		if (sensor_programs[i].attach == kind && !given_up(&s->states[i])) {
			give_up(s, i, "%s", why);
			any = true;
		}
	return any;
}

/* Kernels before 6.17 tell the end of a process differently: see bpf/kernel_drift.bpf.h. */
static bool exit_has_group_dead(const struct btf *btf)
{
	const struct btf_type *t;
	bool has = false;
	int id;

	id = btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
	t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* pointer */
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* function */
	if (t && btf_is_func_proto(t))
		has = btf_vlen(t) == 3; /* context, task, group_dead */
	return has;
}

/* What hooks an exec to refuse it, by kind: the function, and the program that would be loaded for it. */
static const struct {
	enum sensor_attach kind;
	const char *function;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *missing;
} refusals[] = {
	{SENSOR_ATTACH_LSM_PROBE, "bpf_lsm_bprm_creds_from_file", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "this kernel was built without BPF LSM"},
	{SENSOR_ATTACH_LSM, "bpf_lsm_bprm_creds_from_file", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "this kernel was built without BPF LSM"},
	{SENSOR_ATTACH_FMOD_RET, "security_bprm_creds_from_file", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN,
		"this kernel has no such function to hook"},
};

/* Whether the kernel takes a program of this type there at all: one that does nothing tells it for less than ours. */
static int hook_try(enum bpf_prog_type type, enum bpf_attach_type attach, int function)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = (uint32_t)function);
	int fd = bpf_prog_load(type, NULL, "GPL", nothing, ARRAY_SIZE(nothing), &options);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* What can be known before our programs are loaded: each refused load would cost the whole of it again. */
static void kernel_ask(struct sensor_set *s, const struct btf *btf)
{
	char why[sizeof(s->states[0].reason)];

	s->exit_has_group_dead = exit_has_group_dead(btf);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		int function = btf__find_by_name_kind(btf, refusals[i].function, BTF_KIND_FUNC);
		int r = function < 0 ? 0 : hook_try(refusals[i].type, refusals[i].attach, function);

		snprintf(why, sizeof(why), "refused by this kernel: %s", strerror(-r));
		if (function < 0 || r < 0)
			kind_give_up(s, refusals[i].kind, function < 0 ? refusals[i].missing : why);
	}
}

/* May an exec be refused here, as far as is known? */
static bool refusing(const struct sensor_set *s)
{
	for (size_t i = 0; i < sensor_programs_count; i++)
		if (sensor_programs[i].attach >= SENSOR_ATTACH_LSM && !given_up(&s->states[i]))
			return true;
	return false;
}

/* A tracepoint that this kernel does not have would fail the load of all, without a word. */
static bool tracepoint_missing(const struct btf *btf, const struct bpf_program *p)
{
	static const char section[] = "tp_btf/";
	const char *name = bpf_program__section_name(p);
	char type[128];

	if (strncmp(name, section, sizeof(section) - 1) != 0)
		return false;
	snprintf(type, sizeof(type), "btf_trace_%s", name + sizeof(section) - 1);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) < 0;
}

static void tracepoints_check(struct sensor_set *s, const struct btf *btf)
{
	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct bpf_program *p = program_of(s, i);

		if (p && !given_up(&s->states[i]) && tracepoint_missing(btf, p))
			give_up(s, i, "this kernel has no tracepoint %s", bpf_program__section_name(p) + strlen("tp_btf/"));
	}
}

static int maps_size(struct sensor_set *s)
{
	const struct sensor_config *c = &s->config;
	int cpus = libbpf_num_possible_cpus();
	int r = 0;

	if (cpus < 0)
		return cpus;
	r = bpf_map__set_max_entries(s->bpf->maps.exec_scratches, (uint32_t)cpus);
	if (!r && refusing(s))
		r = bpf_map__set_max_entries(s->bpf->maps.refuse_scratches, (uint32_t)cpus);
	if (!r && c->security_ring_bytes)
		r = bpf_map__set_max_entries(s->bpf->maps.security_ring, (uint32_t)c->security_ring_bytes);
	if (!r && c->bulk_ring_bytes)
		r = bpf_map__set_max_entries(s->bpf->maps.bulk_ring, (uint32_t)c->bulk_ring_bytes);
	return r;
}

/* btf: the kernel's, or NULL where it tells nothing of itself. */
static int object_open(struct sensor_set *s, const struct btf *btf)
{
	s->bpf = seawall_bpf__open();
	if (!s->bpf)
		return -errno;
	s->bpf->rodata->self_pid = s->config.self_pid;
	s->bpf->rodata->use_cgroup_v1 = s->config.cgroup_v1 != NULL;
	s->bpf->rodata->hierarchy = s->hierarchy;
	s->bpf->rodata->exit_has_group_dead = s->exit_has_group_dead;
	if (btf)
		tracepoints_check(s, btf);
	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct bpf_program *p = program_of(s, i);

		if (!p)
			return -ENOENT;
		s->states[i].log[0] = 0;
		bpf_program__set_log_buf(p, s->states[i].log, SENSOR_LOG_SIZE);
		bpf_program__set_autoload(p, !given_up(&s->states[i]));
	}
	return maps_size(s);
}

/*
 * Gives up the program whose log is not empty. Where a kernel takes no programs of a kind at all, there is
 * no log: then it is one of the optional kinds. False when there is nothing left to give up.
 */
static bool refused_mark(struct sensor_set *s, int error)
{
	char why[sizeof(s->states[0].reason)];

	for (size_t i = 0; i < sensor_programs_count; i++)
		if (!given_up(&s->states[i]) && s->states[i].log[0]) {
			log_reason(s->states[i].log, why, sizeof(why));
			give_up(s, i, "%s", why);
			return true;
		}
	snprintf(why, sizeof(why), "refused by this kernel: %s", strerror(-error));
	if (kind_give_up(s, SENSOR_ATTACH_LSM_PROBE, why) | kind_give_up(s, SENSOR_ATTACH_LSM, why))
		return true;
	return kind_give_up(s, SENSOR_ATTACH_FMOD_RET, why);
}

static int security_missing(const struct sensor_set *s, struct diag *reterr)
{
	for (size_t i = 0; i < sensor_programs_count; i++)
		if (sensor_programs[i].security && s->states[i].state == SENSOR_FAILED)
			return diag_msg(reterr, -EOPNOTSUPP, "the sensor '%s' cannot run: %s",
				sensor_programs[i].name, s->states[i].reason);
	return 0;
}

static int object_load(struct sensor_set *s, const struct btf *btf, struct diag *reterr)
{
	int r;

	for (;;) {
		r = object_open(s, btf);
		if (r < 0)
			return diag_msg(reterr, r, "cannot open the BPF programs");
		r = seawall_bpf__load(s->bpf);
		if (!r)
			return 0;
		if (!refused_mark(s, r))
			return diag_msg(reterr, r, "cannot load the BPF programs: %s", strerror(-r));
		r = security_missing(s, reterr);
		if (r < 0)
			return r;
		seawall_bpf__destroy(take_ptr(s->bpf));
	}
}

static bool program_attach(struct sensor_set *s, size_t i, int cgroup_fd)
{
	struct sensor_program_state *state = &s->states[i];
	struct bpf_program *p = program_of(s, i);

	if (given_up(state))
		return false;
	if (sensor_programs[i].attach == SENSOR_ATTACH_CGROUP)
		state->link = bpf_program__attach_cgroup(p, cgroup_fd);
	else
		state->link = bpf_program__attach(p);
	if (state->link)
		state->state = SENSOR_ON;
	else
		give_up(s, i, "cannot attach: %s", strerror(errno));
	return state->link;
}

/* Attaches the probe, calls what it hooks, and takes it away again: is BPF among the kernel's LSMs? */
static void lsm_probe(struct sensor_set *s, size_t i)
{
	if (!program_attach(s, i, -1)) {
		kind_give_up(s, SENSOR_ATTACH_LSM, s->states[i].reason);
		return;
	}
	(void)getpgid(getpid());
	bpf_link__destroy(take_ptr(s->states[i].link));
	s->states[i].state = SENSOR_OFF;
	if (!s->bpf->bss->lsm_called)
		kind_give_up(s, SENSOR_ATTACH_LSM, "bpf is not among this kernel's LSMs (lsm= at its command line)");
}

static void programs_attach(struct sensor_set *s, int cgroup_fd)
{
	for (size_t i = 0; i < sensor_programs_count; i++)
		if (sensor_programs[i].attach == SENSOR_ATTACH_LSM_PROBE)
			lsm_probe(s, i);
		else if (program_attach(s, i, cgroup_fd) && sensor_programs[i].attach == SENSOR_ATTACH_LSM)
			kind_give_up(s, SENSOR_ATTACH_FMOD_RET, "not needed: exec_lsm is on");
}

static bool wanted(const struct sensor_program *p, const struct policy *policy)
{
	for (uint32_t i = 0; policy && i < policy->runtime_count; i++)
		for (const enum detection *d = p->wanted_by; *d && !policy->runtime[i].disabled; d++)
			if (policy->runtime[i].effects[*d] != EFFECT_DISABLE)
				return true;
	return false;
}

void sensor_programs_want(struct sensor_set *s, const struct policy *policy)
{
	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct sensor_program_state *state = &s->states[i];

		if (!sensor_programs[i].wanted_by || (given_up(state) && !state->idle))
			continue;
		state->idle = !wanted(&sensor_programs[i], policy);
		if (state->idle) {
			bpf_link__destroy(take_ptr(state->link));
			state->state = SENSOR_OFF;
			snprintf(state->reason, sizeof(state->reason), "no rule asks for it");
		} else if (!state->link) {
			state->reason[0] = 0;
			program_attach(s, i, -1);
		}
	}
}

int sensor_programs_start(struct sensor_set *s, struct diag *reterr)
{
	CLEANUP(fd_close) int cgroup_fd = -1;
	int r = 0;

	libbpf_set_print(libbpf_print);
	for (size_t i = 0; i < sensor_programs_count; i++) {
		s->states[i].log = calloc(1, SENSOR_LOG_SIZE);
		if (!s->states[i].log)
			return -ENOMEM;
	}
	struct btf *btf = btf__load_vmlinux_btf();
	if (btf)
		kernel_ask(s, btf);
	r = object_load(s, btf, reterr);
	btf__free(btf);
	for (size_t i = 0; i < sensor_programs_count; i++)
		free(take_ptr(s->states[i].log));
	if (r < 0)
		return r;
	r = sensor_miner_table_load(s);
	if (r == 0)
		r = sensor_calls_load(s);
	if (r < 0)
		return diag_msg(reterr, r, "cannot put the tables of words and system calls into the kernel: %s", strerror(-r));
	cgroup_fd = open(s->cgroup2_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	programs_attach(s, cgroup_fd);
	sensor_programs_want(s, NULL); /* now it is known whether they could be */
	s->verified_at = time_now();
	return security_missing(s, reterr);
}

void sensor_programs_stop(struct sensor_set *s)
{
	for (size_t i = 0; i < sensor_programs_count; i++) {
		bpf_link__destroy(take_ptr(s->states[i].link));
		free(take_ptr(s->states[i].log));
	}
	if (s->bpf)
		seawall_bpf__destroy(take_ptr(s->bpf));
}
