/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of BPF programs and their loading. A program that this kernel refuses is named by the
 * only verifier log that is not empty; it is switched off, its reason kept, and the rest is loaded
 * again. Without the programs marked `security` nothing would be protected: then loading fails.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/banned.h"
#include "base/clock.h"
#include "base/log.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

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
	{"on_capable", "privileged_calls", false, SENSOR_ATTACH_TRACE, "privileged_calls_kill"},
	{"on_egress", "stratum", false, SENSOR_ATTACH_CGROUP, "drop_stratum"},
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

/* Kernels before 6.17 tell the end of a process differently: see bpf/kernel_drift.bpf.h. */
static bool exit_has_group_dead(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	bool has = false;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
	t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* pointer */
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* function */
	if (t && btf_is_func_proto(t))
		has = btf_vlen(t) == 3; /* context, task, group_dead */
	btf__free(btf);
	return has;
}

static int maps_size(struct sensor_set *s)
{
	const struct sensor_config *c = &s->config;
	int cpus = libbpf_num_possible_cpus();
	int r = 0;

	if (cpus < 0)
		return cpus;
	r = bpf_map__set_max_entries(s->bpf->maps.exec_scratches, (uint32_t)cpus);
	if (!r && c->security_ring_bytes)
		r = bpf_map__set_max_entries(s->bpf->maps.security_ring, (uint32_t)c->security_ring_bytes);
	if (!r && c->bulk_ring_bytes)
		r = bpf_map__set_max_entries(s->bpf->maps.bulk_ring, (uint32_t)c->bulk_ring_bytes);
	return r;
}

static int object_open(struct sensor_set *s)
{
	s->bpf = seawall_bpf__open();
	if (!s->bpf)
		return -errno;
	s->bpf->rodata->self_pid = s->config.self_pid;
	s->bpf->rodata->use_cgroup_v1 = s->config.cgroup_v1 != NULL;
	s->bpf->rodata->hierarchy = s->hierarchy;
	s->bpf->rodata->exit_has_group_dead = exit_has_group_dead();
	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct bpf_program *p = program_of(s, i);

		if (!p)
			return -ENOENT;
		s->states[i].log[0] = 0;
		bpf_program__set_log_buf(p, s->states[i].log, SENSOR_LOG_SIZE);
		bpf_program__set_autoload(p, s->states[i].state != SENSOR_FAILED);
	}
	return maps_size(s);
}

/* Marks the program whose log is not empty as failed. False when there is none. */
static bool refused_mark(struct sensor_set *s)
{
	for (size_t i = 0; i < sensor_programs_count; i++)
		if (s->states[i].state != SENSOR_FAILED && s->states[i].log[0]) {
			s->states[i].state = SENSOR_FAILED;
			log_reason(s->states[i].log, s->states[i].reason, sizeof(s->states[i].reason));
			return true;
		}
	return false;
}

static int security_missing(const struct sensor_set *s, struct diag *reterr)
{
	for (size_t i = 0; i < sensor_programs_count; i++)
		if (sensor_programs[i].security && s->states[i].state == SENSOR_FAILED)
			return diag_msg(reterr, -EOPNOTSUPP, "the sensor '%s' cannot run: %s",
				sensor_programs[i].name, s->states[i].reason);
	return 0;
}

static int object_load(struct sensor_set *s, struct diag *reterr)
{
	int r;

	for (;;) {
		r = object_open(s);
		if (r < 0)
			return diag_msg(reterr, r, "cannot open the BPF programs");
		r = seawall_bpf__load(s->bpf);
		if (!r)
			return 0;
		if (!refused_mark(s))
			return diag_msg(reterr, r, "cannot load the BPF programs: %s", strerror(-r));
		r = security_missing(s, reterr);
		if (r < 0)
			return r;
		seawall_bpf__destroy(take_ptr(s->bpf));
	}
}

static void program_attach(struct sensor_set *s, size_t i, int cgroup_fd)
{
	struct sensor_program_state *state = &s->states[i];
	struct bpf_program *p = program_of(s, i);

	if (state->state == SENSOR_FAILED)
		return;
	if (sensor_programs[i].attach == SENSOR_ATTACH_CGROUP)
		state->link = bpf_program__attach_cgroup(p, cgroup_fd);
	else
		state->link = bpf_program__attach(p);
	if (state->link) {
		state->state = SENSOR_ON;
		return;
	}
	state->state = SENSOR_FAILED;
	snprintf(state->reason, sizeof(state->reason), "cannot attach: %s", strerror(errno));
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
	r = object_load(s, reterr);
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
	for (size_t i = 0; i < sensor_programs_count; i++)
		program_attach(s, i, cgroup_fd);
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
