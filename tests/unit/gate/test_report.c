/* SPDX-License-Identifier: Apache-2.0 */
/* Audits on their way to a Defender that is quick, silent, away or new: which arrive, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/report.h"

#define MANY (REPORT_KEPT_MAX + 900)

struct fixture {
	struct loop *loop;
	struct report *report;
	struct ipc_config ours, theirs;
	struct ipc_peer *peer, *defender;
	bool silent;
	uint64_t last; /* seq of the last that arrived */
	uint32_t arrived, told; /* commands; words about lost ones */
	char words[256];
};

static int on_audit(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fixture *f = ctx;
	const struct audit *a = body;

	assert_int_equal(type, IPC_GATE_AUDIT);
	assert_int_equal(fd, -1);
	assert_non_null(a->id);
	assert_true(seq > f->last);
	f->last = seq;
	if (a->kind == AUDIT_SYSTEM) {
		f->told++;
		snprintf(f->words, sizeof(f->words), "%s", a->message);
	} else {
		f->arrived++;
	}
	if (!f->silent)
		ipc_send(peer, IPC_GATE_AUDIT_ACK, 0, &(struct ipc_seq){seq});
	return 0;
}

static int on_ack(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fixture *f = ctx;

	assert_int_equal(type, IPC_GATE_AUDIT_ACK);
	report_ack(f->report, peer, ((const struct ipc_seq *)body)->seq);
	return 0;
}

static void run(struct fixture *f)
{
	for (int quiet = 0; quiet < 3;) {
		uint32_t before = f->arrived + f->told, waiting = report_waiting(f->report);
		loop_run_once(f->loop, 2);
		quiet = before == f->arrived + f->told && waiting == report_waiting(f->report) ? quiet + 1 : 0;
	}
}

static void connect_both(struct fixture *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(ipc_peer_new(&f->peer, &f->ours, fds[0]), 0);
	assert_int_equal(ipc_peer_new(&f->defender, &f->theirs, fds[1]), 0);
	run(f);
}

static void cut(struct fixture *f)
{
	f->peer = ipc_peer_free(f->peer);
	f->defender = ipc_peer_free(f->defender);
	f->last = 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(report_new(&f->report), 0);
	f->ours = (struct ipc_config){.loop = f->loop, .role = IPC_GATE, .accept_roles = IPC_DEFENDER, .program = "gate",
		.peer_uid = getuid(), .on_message = on_ack, .ctx = f};
	f->theirs = (struct ipc_config){.loop = f->loop, .role = IPC_DEFENDER, .accept_roles = IPC_GATE, .program = "defender",
		.peer_uid = getuid(), .on_message = on_audit, .ctx = f};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cut(f);
	report_free(f->report);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void tell(struct fixture *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct audit a = {.kind = AUDIT_ACCESS, .message = (char *)(uintptr_t)"a command"};
		report_audit(f->report, f->peer, &a);
		assert_null(a.id); /* the caller's stays as it was */
	}
}

static void test_quick(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	tell(f, 10);
	assert_int_equal(report_waiting(f->report), 10);
	assert_false(report_busy(f->report));
	run(f);
	assert_int_equal(f->arrived, 10);
	assert_int_equal(report_waiting(f->report), 0);
	assert_int_equal(report_lost(f->report), 0);
}

/* More than can be kept, and none is lost: they were under way. */
static void test_silent_for_a_while(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	f->silent = true;
	tell(f, REPORT_BUSY);
	assert_false(report_busy(f->report));
	tell(f, MANY - REPORT_BUSY);
	assert_true(report_busy(f->report));
	run(f);
	assert_int_equal(f->arrived, MANY);
	assert_int_equal(report_waiting(f->report), REPORT_KEPT_MAX);
	ipc_send(f->defender, IPC_GATE_AUDIT_ACK, 0, &(struct ipc_seq){f->last});
	run(f);
	assert_int_equal(report_waiting(f->report), 0);
	assert_int_equal(report_lost(f->report), 0);
	assert_int_equal(f->told, 0);
}

/* Its end takes those with it that made room; the others come again, and then word of those. */
static void test_silent_and_gone(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	f->silent = true;
	tell(f, MANY);
	ipc_send(f->defender, IPC_GATE_AUDIT_ACK, 0, &(struct ipc_seq){400});
	run(f);
	cut(f);
	f->silent = false;
	f->arrived = 0;
	connect_both(f);
	report_again(f->report, f->peer);
	run(f);
	assert_int_equal(f->arrived, REPORT_KEPT_MAX);
	assert_int_equal(report_lost(f->report), MANY - REPORT_KEPT_MAX - 400);
	assert_int_equal(f->told, 1);
	assert_int_equal(strncmp(f->words, "500 records of commands", 23), 0);
	assert_int_equal(report_waiting(f->report), 0);
}

static void test_away(void **state)
{
	struct fixture *f = *state;

	tell(f, MANY);
	assert_int_equal(report_lost(f->report), 900);
	connect_both(f);
	report_again(f->report, f->peer);
	run(f);
	assert_int_equal(f->arrived, REPORT_KEPT_MAX);
	assert_int_equal(f->told, 1);
	tell(f, 1);
	run(f);
	assert_int_equal(f->arrived, REPORT_KEPT_MAX + 1);
	assert_int_equal(f->told, 1); /* once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quick, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_for_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
	};

	return cmocka_run_group_tests_name("gate.report", tests, NULL, NULL);
}
