/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Defender on a stage: its kernel is played by the test (sensor_* of stage.c remember what they
 * are told), its Console is a real IPC server that keeps what it receives. State is a directory
 * below /tmp, removed at the end.
 */
#pragma once

#include "defender/defender.h"

#define STAGE_KEEP 256

struct stage {
	char dir[64];
	struct loop *loop;
	struct defender *d;
	struct ipc_server *console;
	struct ipc_peer *peer; /* the Defender, as the Console sees it */
	bool hold_acks;
	struct audit audits[STAGE_KEEP]; /* in order of arrival */
	uint32_t audit_count;
	struct container containers[STAGE_KEEP];
	uint32_t container_count;
	struct edge edges[STAGE_KEEP];
	uint32_t edge_count;
	struct compliance_finding findings[STAGE_KEEP];
	uint32_t finding_count;
	struct event events[STAGE_KEEP]; /* of the last query */
	uint32_t event_count;
	bool events_last, events_more;
	int events_error;
	struct ipc_processes processes;
	bool has_processes;
	struct status status;
	uint32_t status_count;
};

/* The kernel's memory, as the Defender filled it. */
struct stage_kernel {
	struct {
		char id[129];
		uint32_t slot;
	} expected[64];
	uint32_t expected_count;
	struct {
		uint64_t id;
		uint32_t slot;
	} cgroups[64];
	uint32_t cgroup_count;
	uint32_t policies; /* applied */
	bool refuse_policy;
};
extern struct stage_kernel stage_kernel;
uint32_t stage_expected(const char *id);    /* slot, UINT32_MAX when not expected */
uint32_t stage_cgroup_slot(uint64_t cgroup);

int stage_setup(void **state);
int stage_teardown(void **state);
/* Makes (again) the Defender on the same state directory; with_console: and waits for the link. */
void stage_start(struct stage *s, bool with_console);
void stage_stop(struct stage *s);

/* Turns the loop until cond holds; fails after 5 s. */
#define stage_wait(s, cond)                                                                        \
	do {                                                                                       \
		uint64_t deadline_ = time_monotonic() + 5 * NSEC_PER_SEC;                           \
		while (!(cond) && time_monotonic() < deadline_)                                     \
			assert_int_equal(loop_run_once((s)->loop, 10), 0);                          \
		assert_true(cond);                                                                 \
	} while (0)

/* Kernel records. text: path and arguments divided by '|'. */
struct stage_exec {
	uint64_t cgroup;
	uint32_t pid, ppid;
	uint64_t start;
	const char *text;
	struct wire_verdict verdict;
	const char *sign;
	uint16_t flags;
};
void stage_exec(struct stage *s, const struct stage_exec *e);
void stage_fork(struct stage *s, uint64_t cgroup, uint32_t pid, uint32_t ppid, uint64_t start);
void stage_exit(struct stage *s, uint64_t cgroup, uint32_t pid, uint64_t start, int code);
void stage_cgroup(struct stage *s, uint64_t cgroup, const char *leaf, enum wire_cgroup_kind kind);
void stage_net(struct stage *s, struct wire_net *n, const char *address, uint16_t port);
/* The engine tells of a container. */
void stage_container(struct stage *s, const char *id, const char *name, const char *image);
/* A policy text takes effect as if the Console had sent it. */
void stage_policy(struct stage *s, const char *yaml, uint64_t revision);
/* Asks for events and waits for the whole answer. */
void stage_query(struct stage *s, const struct ipc_query *q);
