/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: the loaded set. Nobody else includes this. */
#pragma once

#include <bpf/libbpf.h>

#include "sensor/sensor.h"

#define SENSOR_PROGRAMS_MAX 32
#define SENSOR_LOG_SIZE (256 << 10) /* of each program while loading; touched only by a refused one */

/* The last three need the kernel's trampolines, and the probe answers for the LSM: see programs.c. */
enum sensor_attach {
	SENSOR_ATTACH_TRACE, SENSOR_ATTACH_CGROUP,
	SENSOR_ATTACH_LSM_PROBE, SENSOR_ATTACH_LSM, SENSOR_ATTACH_FMOD_RET,
};

/* One row for each BPF program; see programs.c. */
struct sensor_program {
	const char *program; /* function in bpf/ */
	const char *name;    /* shown to people; NULL = it is no sensor */
	bool security;       /* without it there is no protection: loading fails */
	enum sensor_attach attach;
	const char *enforcer; /* what it can prevent, NULL = it only looks */
	const enum detection *wanted_by; /* attached only while a rule asks for one of these; NULL = always */
};

/* Is its kind one that kernels may lack? Then its absence is no failure: something else does its work. */
static inline bool sensor_program_optional(const struct sensor_program *p)
{
	return p->attach >= SENSOR_ATTACH_LSM_PROBE;
}

extern const struct sensor_program sensor_programs[];
extern const size_t sensor_programs_count;

struct sensor_program_state {
	enum sensor_state state;
	bool idle; /* off because no rule asks for it */
	char reason[160]; /* not empty: given up */
	struct bpf_link *link;
	char *log; /* the verifier's, while loading */
};

struct seawall_bpf;

struct sensor_ring {
	struct ring_buffer *ring;
	int timer;  /* wakes the reader for records that did not */
	int budget; /* left in the present drain */
	int handled;
};

struct sensor_set {
	struct seawall_bpf *bpf;
	struct sensor_config config;
	char cgroup_root[256]; /* mount of the watched hierarchy */
	char cgroup2_root[256]; /* mount of the v2 hierarchy: where cgroup programs are attached */
	uint32_t hierarchy;
	bool exit_has_group_dead; /* bpf/kernel_drift.bpf.h */
	struct sensor_program_state states[SENSOR_PROGRAMS_MAX];
	uint64_t verified_at;
	sensor_record_fn *fn;
	void *ctx;
	struct sensor_ring security, bulk;
	uint64_t invalid; /* records that failed their check */
	uint64_t blind_ms, blind_checked, blind_drops;
	uint32_t bank;
	uint64_t flushed; /* boot time of the last flush */
};

/* programs.c: opens, loads (switching off what this kernel refuses) and attaches. */
int sensor_programs_start(struct sensor_set *s, struct diag *reterr);
void sensor_programs_stop(struct sensor_set *s);
/* Attaches what the rules of the policy ask for and detaches what none asks for: it costs the whole host. */
void sensor_programs_want(struct sensor_set *s, const struct policy *policy);
/* policy.c: puts the words of src/policy/miner.c into the kernel. */
int sensor_miner_table_load(struct sensor_set *s);
/* policy.c: and the system calls of src/policy/calls.c. */
int sensor_calls_load(struct sensor_set *s);
/* status.c: adds the time since the last call to blind_ms when a security record was lost in it. */
void sensor_blind_measure(struct sensor_set *s);
/* cgroup.c: finds the mounts. */
int sensor_cgroup_find(struct sensor_set *s, struct diag *reterr);
