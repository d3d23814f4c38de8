/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one event, from a kernel record to Console and flight recorder, without a kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "defender/block.h"
#include "defender/edges.h"
#include "defender/event.h"
#include "defender/fold.h"
#include "defender/hold.h"
#include "defender/recorder.h"
#include "defender/spool.h"
#include "defender/status.h"
#include "stage.h"

#define HEX16 "0123456789abcdef"
#define ID HEX16 HEX16 HEX16 HEX16
#define IMAGE "docker.io/library/web:latest"
#define CG 4242u
#define NO_SLOT UINT32_MAX

#define MINERS(effect) "version: 1\nruntime:\n  - name: stop miners\n    processes: {crypto_miners: " effect "}\n"

static void test_a_record_waits_for_the_name_and_has_it_then(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	stage_cgroup(s, CG, "docker-" ID ".scope", WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .ppid = 1, .start = 100, .text = "/bin/sh|sh|-c|true"});
	stage_exit(s, CG, 10, 100, 3);
	stage_cgroup(s, CG, "docker-" ID ".scope", WIRE_CGROUP_GONE);
	assert_int_equal(recorder_last(s->d->recorder), 0);
	assert_int_equal(hold_count(s->d->hold), 2);
	stage_container(s, ID, "web1", IMAGE);
	assert_int_equal(hold_count(s->d->hold), 0);
	stage_query(s, &(struct ipc_query){.container = (char *)"web1"});
	assert_false(s->events_more);
	/* create, start, exec, exit. */
	assert_int_equal(s->event_count, 4);
	const struct event *x = &s->events[2], *e = &s->events[3];
	assert_int_equal(s->events[1].type, EVENT_START);
	assert_int_equal(s->events[1].time, x->time - 1); /* not when the engine noticed */
	assert_int_equal(x->type, EVENT_EXEC);
	assert_string_equal(x->container, ID);
	assert_string_equal(x->container_name, "web1");
	assert_string_equal(x->image, IMAGE);
	assert_string_equal(x->path, "/bin/sh");
	assert_int_equal(x->args.count, 3);
	assert_string_equal(x->args.items[2], "true");
	assert_string_equal(x->user, "1000");
	assert_int_equal(e->type, EVENT_EXIT);
	assert_int_equal(e->exit_code, 3);
	assert_string_equal(e->path, "/bin/sh");
	assert_string_equal(e->container_name, "web1");
}

static void test_a_nameless_record_is_told_after_its_wait(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .start = 100, .text = "/bin/sh|sh"});
	assert_int_equal(recorder_last(s->d->recorder), 0);
	hold_expire(s->d->hold, time_boot() + 6 * NSEC_PER_SEC);
	assert_int_equal(recorder_last(s->d->recorder), 1);
	/* Nobody came: the next one does not wait. */
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 11, .start = 101, .text = "/bin/sh|sh"});
	assert_int_equal(recorder_last(s->d->recorder), 2);
}

static void test_the_kernel_gets_the_slot_before_the_cgroup_exists(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	stage_policy(s, MINERS("alert"), 1);
	stage_container(s, ID, "web1", IMAGE);
	assert_int_equal(stage_expected(ID), 2);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	assert_int_equal(stage_cgroup_slot(CG), 2);
	stage_policy(s, MINERS("prevent"), 2);
	assert_int_equal(stage_expected(ID), 66);
	assert_int_equal(stage_cgroup_slot(CG), 66);
	assert_string_equal(rules_slot_name(s->d, 2), "stop miners");
	assert_string_equal(rules_slot_name(s->d, 66), "stop miners");
}

static void test_a_policy_that_is_damaged_or_refused_changes_nothing(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	stage_policy(s, MINERS("alert"), 1);
	assert_true(rules_replace(s->d, "garbage", 7) < 0);
	assert_int_equal(s->d->policy->revision, 1);
	stage_kernel.refuse_policy = true;
	stage_policy(s, MINERS("block"), 2);
	assert_int_equal(s->d->policy->revision, 1);
	stage_kernel.refuse_policy = false;
	/* The last good one is there after a restart, without any Console. */
	stage_stop(s);
	stage_start(s, false);
	assert_null(s->d->policy);
	assert_int_equal(rules_load(s->d), 0);
	assert_int_equal(s->d->policy->revision, 1);
}

static const struct wire_verdict alert = {.detection = DETECTION_CRYPTO_MINER, .evidence = EVIDENCE_ARGV,
	.effect = EFFECT_ALERT, .done = DONE_ALERT, .slot = 2};

static void test_an_alert_is_one_audit_with_a_count(void **state)
{
	struct stage *s = *state;
	struct stage_exec x = {.cgroup = CG, .pid = 11, .ppid = 10, .start = 200, .verdict = alert, .sign = "--donate-level",
		.text = "/tmp/x|x|--donate-level|1|-p|hunter2"};

	stage_start(s, true);
	stage_policy(s, MINERS("alert"), 5);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .ppid = 1, .start = 100, .text = "/bin/sh|sh|-c|x"});
	stage_exec(s, &x);
	stage_wait(s, s->audit_count == 1);
	const struct audit *a = &s->audits[0];
	assert_string_equal(a->message,
		"crypto miner (T1496): argument '--donate-level' of /tmp/x (pid 11), rule 'stop miners'");
	assert_int_equal(strlen(a->id), 26);
	assert_int_equal(a->kind, AUDIT_RUNTIME);
	assert_int_equal(a->severity, SEVERITY_CRITICAL);
	assert_string_equal(a->techniques.items[0], "T1496");
	assert_string_equal(a->rule, "stop miners");
	assert_int_equal(a->revision, 5);
	assert_int_equal(a->effect, EFFECT_ALERT);
	assert_int_equal(a->done, DONE_ALERT);
	assert_true(a->latency_ns > 0);
	assert_string_equal(a->container.name, "web1");
	assert_string_equal(a->process.args.items[4], "***");
	assert_int_equal(a->process.ancestry.count, 2);
	const struct ancestor *up = a->process.ancestry.items;
	assert_int_equal(up[0].pid, 10);
	assert_string_equal(up[0].path, "/bin/sh");
	assert_string_equal(up[0].args.items[2], "x");
	assert_int_equal(up[1].pid, 1);
	assert_string_equal(up[1].path, "[shim]");
	for (int i = 0; i < 4; i++) {
		x.pid++;
		x.start++;
		stage_exec(s, &x);
	}
	fold_tick(s->d->fold, time_monotonic() + 2 * NSEC_PER_SEC);
	stage_wait(s, s->audit_count == 2);
	assert_string_equal(s->audits[1].id, a->id);
	assert_int_equal(s->audits[1].count, 5);
	assert_true(s->audits[1].last > a->last);
	assert_int_equal(s->audits[1].first, a->first);
	stage_query(s, &(struct ipc_query){.container = (char *)ID});
	uint32_t audits = 0;
	for (uint32_t i = 0; i < s->event_count; i++)
		if (s->events[i].type == EVENT_AUDIT && strcmp(s->events[i].audit, a->id) == 0)
			audits++;
	assert_int_equal(audits, 1);
}

static void test_a_miner_that_ran_before_its_rule_was_known_is_judged_then(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	stage_policy(s, MINERS("prevent"), 1);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	/* A pid that cannot exist: it is long gone when the name comes. */
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 4194999, .start = 100,
		.text = "/usr/bin/nginx|nginx|-a|cryptonight|-o|stratum+tcp://pool:5555"});
	assert_int_equal(s->audit_count, 0);
	stage_container(s, ID, "web1", IMAGE);
	stage_wait(s, s->audit_count == 1);
	assert_int_equal(s->audits[0].detection, DETECTION_CRYPTO_MINER);
	assert_int_equal(s->audits[0].done, DONE_WEAKENED);
	assert_non_null(strstr(s->audits[0].message, "it had ended before it could be stopped"));
}

static void test_audits_come_again_until_acknowledged_and_survive_the_end(void **state)
{
	struct stage *s = *state;
	struct stage_exec x = {.cgroup = CG, .pid = 11, .start = 200, .verdict = alert, .sign = "-o", .text = "/tmp/x|x|-o"};

	s->hold_acks = true;
	stage_start(s, true);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &x);
	stage_wait(s, s->audit_count == 1);
	assert_int_equal(spool_waiting(s->d->spool), 1);
	stage_stop(s);
	stage_wait(s, !s->peer);
	s->hold_acks = false;
	stage_start(s, true);
	/* The gap's own audit comes as well; the old one first. */
	stage_wait(s, s->audit_count == 3);
	assert_string_equal(s->audits[1].id, s->audits[0].id);
	assert_int_equal(s->audits[2].kind, AUDIT_SYSTEM);
	assert_non_null(strstr(s->audits[2].message, "the Defender was stopped"));
	stage_wait(s, spool_waiting(s->d->spool) == 0);
}

static void test_an_unexpected_end_is_told_as_one(void **state)
{
	struct stage *s = *state;
	char path[512];

	stage_start(s, false);
	gap_beat(s->d);
	defender_path(s->d, "heartbeat", path, sizeof(path));
	uint64_t beat[2];
	CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, beat, sizeof(beat), 0), sizeof(beat));
	stage_stop(s);
	assert_int_equal(pwrite(fd, beat, sizeof(beat), 0), sizeof(beat));
	stage_start(s, true);
	stage_wait(s, s->audit_count == 1);
	assert_non_null(strstr(s->audits[0].message, "had ended unexpectedly"));
	stage_query(s, &(struct ipc_query){0});
	assert_int_equal(s->events[0].type, EVENT_GAP);
	assert_true(s->events[0].first < s->events[0].last);
}

static void test_a_gap_is_in_the_story_of_those_who_lived_then(void **state)
{
	struct stage *s = *state;
	const char *old = "aaaaaaaa", *young = "bbbbbbbb", *dead = "cccccccc";
	struct container gone = {.id = (char *)(uintptr_t)dead, .name = (char *)"dead", .state = CONTAINER_REMOVED};

	stage_start(s, true);
	stage_container(s, old, "old", IMAGE);
	stage_container(s, dead, "dead", IMAGE);
	assert_int_equal(containers_upsert(s->d, &gone), 0);
	gap_note(s->d, time_now() - 1, time_now(), 1, "nothing was seen");
	stage_container(s, young, "young", IMAGE);
	stage_query(s, &(struct ipc_query){.container = (char *)"old"});
	assert_int_equal(s->event_count, 3);
	assert_int_equal(s->events[2].type, EVENT_GAP);
	stage_query(s, &(struct ipc_query){.container = (char *)"young"});
	assert_int_equal(s->event_count, 2);
	assert_int_equal(s->events[0].type, EVENT_CREATE);
	stage_query(s, &(struct ipc_query){.container = (char *)"dead"});
	assert_int_equal(s->event_count, 3);
	assert_int_equal(s->events[2].type, EVENT_REMOVE);
	/* Born while nobody looked: the gap reaches beyond its first row. */
	gap_note(s->d, time_now() - 1, time_now() + 1000 * NSEC_PER_SEC, 1, "nothing was seen");
	stage_container(s, "dddddddd", "born", IMAGE);
	stage_query(s, &(struct ipc_query){.container = (char *)"born"});
	assert_int_equal(s->event_count, 3);
	assert_int_equal(s->events[0].type, EVENT_GAP);
}

static void test_connections_become_edges_and_repeats_their_count(void **state)
{
	struct stage *s = *state;
	struct wire_net n = {.header.cgroup = CG, .process = {.pid = 10, .start = 100}, .kind = WIRE_NET_CONNECT,
		.proto = IPPROTO_TCP, .direction = DIRECTION_OUTBOUND, .count = 1, .first = 50, .last = 50};

	stage_start(s, true);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .start = 100, .text = "/bin/wget|wget"});
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 11, .start = 101, .text = "/bin/wget|wget"});
	stage_net(s, &n, "203.0.113.7", 80);
	stage_wait(s, s->edge_count == 1);
	assert_string_equal(s->edges[0].container, ID);
	assert_string_equal(s->edges[0].process, "/bin/wget");
	assert_string_equal(s->edges[0].address, "203.0.113.7");
	assert_int_equal(s->edges[0].port, 80);
	assert_int_equal(s->edges[0].direction, DIRECTION_OUTBOUND);
	assert_int_equal(s->edges[0].count, 1);
	n.header.flags = WIRE_AGGREGATED;
	n.count = 5;
	stage_net(s, &n, "203.0.113.7", 80);
	n.count = 7;
	stage_net(s, &n, "203.0.113.7", 80);
	/* Another process of the same program, and a close with its bytes. */
	n.process = (struct wire_process){.pid = 11, .start = 101};
	n.header.flags = 0;
	n.count = 1;
	stage_net(s, &n, "203.0.113.7", 80);
	n.kind = WIRE_NET_CLOSE;
	n.bytes_sent = 30;
	n.bytes_received = 400;
	stage_net(s, &n, "203.0.113.7", 80);
	edges_send(s->d, false);
	stage_wait(s, s->edge_count == 2);
	assert_int_equal(s->edges[1].count, 8);
	assert_int_equal(s->edges[1].bytes_sent, 30);
	assert_int_equal(s->edges[1].bytes_received, 400);
}

static void test_a_port_scanner_ends_in_others(void **state)
{
	struct stage *s = *state;
	struct wire_net n = {.header.cgroup = CG, .process = {.pid = 10, .start = 100}, .kind = WIRE_NET_CONNECT,
		.proto = IPPROTO_TCP, .direction = DIRECTION_OUTBOUND, .count = 1, .first = 50, .last = 50};

	stage_start(s, false);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	for (uint16_t port = 1; port <= 1000; port++)
		stage_net(s, &n, "203.0.113.7", port);
	assert_int_equal(edges_overflowed(s->d->edges), 1000 - 256);
	stage_stop(s);
}

static void test_processes_of_a_container(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .ppid = 1, .start = 100, .text = "/bin/sh|sh|-c|x"});
	stage_fork(s, CG, 11, 10, 200);
	stage_fork(s, CG, 12, 10, 300);
	stage_exit(s, CG, 12, 300, 0);
	assert_int_equal(ipc_send(s->peer, IPC_QUERY_PROCESSES, 1, &(struct ipc_query){.container = (char *)"web1"}), 0);
	stage_wait(s, s->has_processes);
	assert_int_equal(s->processes.error, 0);
	assert_int_equal(s->processes.processes.count, 2);
	const struct process *p = s->processes.processes.items;
	assert_string_equal(p[0].path, "/bin/sh");
	assert_string_equal(p[0].args.items[1], "-c");
	assert_int_equal(p[1].pid, 11);
	assert_int_equal(p[1].ppid, 10);
	assert_string_equal(p[1].path, "/bin/sh");
	s->has_processes = false;
	assert_int_equal(ipc_send(s->peer, IPC_QUERY_PROCESSES, 2, &(struct ipc_query){.container = (char *)"none"}), 0);
	stage_wait(s, s->has_processes);
	assert_int_equal(s->processes.error, -ENOENT);
}

static void test_queries_by_time_limit_and_continuation(void **state)
{
	struct stage *s = *state;
	uint64_t after = 0, seen = 0;

	stage_start(s, true);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	for (uint32_t i = 0; i < 50; i++)
		stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 100 + i, .start = 1000 + i, .text = "/bin/true|true"});
	for (int page = 0; page < 20; page++) {
		stage_query(s, &(struct ipc_query){.container = (char *)HEX16, .limit = 13, .after = after});
		for (uint32_t i = 0; i < s->event_count; i++)
			assert_true(s->events[i].seq > after);
		seen += s->event_count;
		if (!s->events_more)
			break;
		assert_int_equal(s->event_count, 13);
		after = s->events[s->event_count - 1].seq;
	}
	assert_int_equal(seen, 52);
	stage_query(s, &(struct ipc_query){.since = time_now() + NSEC_PER_SEC});
	assert_int_equal(s->event_count, 0);
	assert_int_equal(s->events_error, 0);
	stage_query(s, &(struct ipc_query){.container = (char *)"other"});
	assert_int_equal(s->event_count, 0);
	assert_int_equal(s->events_error, -ENOENT);
}

static void test_a_removed_container_is_told_and_stays_findable(void **state)
{
	struct stage *s = *state;
	struct container gone = {.id = (char *)ID, .name = (char *)"web1", .state = CONTAINER_REMOVED};

	stage_start(s, true);
	stage_container(s, ID, "web1", IMAGE);
	stage_cgroup(s, CG, ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CG, .pid = 10, .start = 100, .text = "/bin/true|true"});
	assert_int_equal(containers_upsert(s->d, &gone), 0);
	assert_int_equal(stage_expected(ID), NO_SLOT);
	stage_wait(s, s->container_count && s->containers[s->container_count - 1].state == CONTAINER_REMOVED);
	container_table_expire(s->d->containers, UINT64_MAX);
	assert_null(container_table_by_id(s->d->containers, ID));
	stage_query(s, &(struct ipc_query){.container = (char *)"web1"});
	assert_int_equal(s->event_count, 4);
	assert_int_equal(s->events[3].type, EVENT_REMOVE);
}

static void test_status_says_what_is_weakened(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	stage_policy(s, "version: 1\nruntime:\n  - name: feeds\n    feeds: alert\n", 9);
	status_tick(s->d);
	stage_wait(s, s->status.policy_revision == 9);
	assert_true(s->status.defender.rss > 0);
	assert_true(s->status.ready);
	bool said = false;
	for (uint32_t i = 0; i < s->status.warnings.count; i++)
		said = said || strcmp(s->status.warnings.items[i], "rule 'feeds': feed_ip is not detected by this version") == 0;
	assert_true(said);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_record_waits_for_the_name_and_has_it_then),
		CASE(test_a_nameless_record_is_told_after_its_wait),
		CASE(test_the_kernel_gets_the_slot_before_the_cgroup_exists),
		CASE(test_a_policy_that_is_damaged_or_refused_changes_nothing),
		CASE(test_an_alert_is_one_audit_with_a_count),
		CASE(test_a_miner_that_ran_before_its_rule_was_known_is_judged_then),
		CASE(test_audits_come_again_until_acknowledged_and_survive_the_end),
		CASE(test_an_unexpected_end_is_told_as_one),
		CASE(test_a_gap_is_in_the_story_of_those_who_lived_then),
		CASE(test_connections_become_edges_and_repeats_their_count),
		CASE(test_a_port_scanner_ends_in_others),
		CASE(test_processes_of_a_container),
		CASE(test_queries_by_time_limit_and_continuation),
		CASE(test_a_removed_container_is_told_and_stays_findable),
		CASE(test_status_says_what_is_weakened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
