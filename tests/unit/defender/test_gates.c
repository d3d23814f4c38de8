/* SPDX-License-Identifier: Apache-2.0 */
/* The Defender's side of the gates, with a Gate that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "defender/block.h"
#include "defender/event.h"
#include "defender/gates.h"
#include "stage.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"
#define POLICY "version: 1\nruntime:\n  - {name: stop, processes: {crypto_miners: block}}\n"

/* What the Gate was told. */
struct fake_gate {
	struct ipc_client *client;
	int shim, authz; /* listening sockets */
	uint64_t revision;
	uint32_t policies, policy_size, pings;
	uint64_t acked, admitted;
	int error;
	char message[512];
	char *bundle; /* said at the next admission; borrowed */
};

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fake_gate *g = ctx;
	const struct ipc_listener *l = body;
	const struct ipc_blob *b = body;
	const struct ipc_result *r = body;

	(void)peer;
	switch ((int)type) {
	case IPC_POLICY:
		g->policies++;
		g->revision = b->revision;
		g->policy_size = b->data.size;
		break;
	case IPC_LISTENER:
		assert_true(fd >= 0);
		*(l->kind == IPC_LISTENER_SHIM ? &g->shim : &g->authz) = fd;
		return 0;
	case IPC_GATE_AUDIT_ACK:
		g->acked = ((struct ipc_seq *)body)->seq;
		break;
	case IPC_ADMITTED:
		g->admitted = seq;
		g->error = r->error;
		snprintf(g->message, sizeof(g->message), "%s", r->message ? r->message : "");
		break;
	case IPC_PING:
		g->pings++;
		break;
	}
	fd_close(fd);
	return 0;
}

static void join(struct stage *s, struct fake_gate *g)
{
	struct ipc_config c = {.loop = s->loop, .role = IPC_GATE, .accept_roles = IPC_DEFENDER, .program = "test",
		.peer_uid = (uid_t)-1, .on_message = on_message, .ctx = g};
	char path[128];

	*g = (struct fake_gate){.shim = -1, .authz = -1};
	snprintf(path, sizeof(path), "%s/gate/defender.sock", s->dir);
	assert_int_equal(ipc_client_new(&g->client, &c, path, NULL), 0);
	stage_wait(s, g->authz >= 0 && g->shim >= 0 && g->policies);
}

static void leave(struct stage *s, struct fake_gate *g)
{
	ipc_client_free(g->client);
	fd_close(g->shim);
	fd_close(g->authz);
	stage_wait(s, !s->d->gate);
}

/* 0 when the socket is there, root's alone. */
static int is_there(struct stage *s, const char *name)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "%s/gate/%s", s->dir, name);
	if (stat(path, &st) < 0)
		return -1;
	assert_int_equal(st.st_mode & 0777, 0600);
	return 0;
}

/* The policy comes first, and the sockets are root's. */
static void test_gets_policy_and_sockets(void **state)
{
	struct stage *s = *state;
	struct fake_gate g;

	stage_start(s, true);
	join(s, &g);
	assert_int_equal(g.policy_size, 0); /* none was applied */
	stage_policy(s, POLICY, 7);
	stage_wait(s, g.policies == 2);
	assert_int_equal(g.revision, 7);
	assert_true(g.policy_size > 0);
	assert_int_equal(is_there(s, "shim.sock"), 0);
	assert_int_equal(is_there(s, "authz.sock"), 0);
	leave(s, &g);
}

static void send_audit(struct fake_gate *g, uint64_t seq, const char *id, enum audit_kind kind, const char *verdict)
{
	struct audit a = {.id = (char *)(uintptr_t)id, .time = time_now(), .kind = kind, .count = 1,
		.message = (char *)(uintptr_t)"alice may not", .command = {.user = (char *)(uintptr_t)"alice",
			.action = (char *)(uintptr_t)"container_create", .verdict = (char *)(uintptr_t)verdict}};

	a.first = a.last = a.time;
	assert_int_equal(ipc_send(ipc_client_peer(g->client), IPC_GATE_AUDIT, seq, &a), 0);
}

/* Acknowledged when it is spooled; repeats are a count of the first; other commands are other audits. */
static void test_audits(void **state)
{
	struct stage *s = *state;
	struct fake_gate g;

	stage_start(s, true);
	join(s, &g);
	send_audit(&g, 1, "A1", AUDIT_ACCESS, "deny");
	stage_wait(s, g.acked == 1 && s->audit_count == 1);
	assert_string_equal(s->audits[0].command.user, "alice");
	assert_string_equal(s->audits[0].host, "stage");
	send_audit(&g, 2, "A2", AUDIT_ACCESS, "deny");
	send_audit(&g, 3, "A3", AUDIT_ACCESS, "allow");
	stage_wait(s, g.acked == 3 && s->audit_count == 2);
	assert_string_equal(s->audits[1].id, "A3");
	leave(s, &g);
}

/* A Gate that speaks of what only the Defender sees has been taken over. */
static void test_refuses_other_kinds(void **state)
{
	struct stage *s = *state;
	struct fake_gate g;

	stage_start(s, true);
	join(s, &g);
	send_audit(&g, 1, "A1", AUDIT_RUNTIME, "deny");
	stage_wait(s, !s->d->gate);
	assert_int_equal(s->audit_count, 0);
	ipc_client_free(g.client);
	fd_close(g.shim);
	fd_close(g.authz);
}

static void ask(struct stage *s, struct fake_gate *g, uint64_t seq, const struct container *c)
{
	struct ipc_admission a = {.container = *c, .bundle = g->bundle};

	assert_int_equal(ipc_send(ipc_client_peer(g->client), IPC_ADMIT, seq, &a), 0);
	stage_wait(s, g->admitted == seq);
}

static void block(struct stage *s, const char *id)
{
	struct happening h = {.entry = container_table_by_id(s->d->containers, id)};
	struct outcome o = {.detection = DETECTION_CRYPTO_MINER, .effect = EFFECT_BLOCK, .done = DONE_BLOCK, .rule = "stop"};

	assert_non_null(h.entry);
	h.e = (struct event){.time = time_now(), .type = EVENT_EXEC, .path = (char *)(uintptr_t)"/bin/x",
		.container_name = h.entry->info.name};
	block_remember(s->d, &h, &o);
}

/* Known by name before anything of it runs; refused when it, or the same of its pod, was blocked. */
static void test_admission(void **state)
{
	struct stage *s = *state;
	struct fake_gate g;
	struct container c = {.id = (char *)(uintptr_t)ID, .name = (char *)(uintptr_t)"miner", .state = CONTAINER_CREATED,
		.runtime = RUNTIME_CONTAINERD, .pod = (char *)(uintptr_t)"pod-1", .namespace_ = (char *)(uintptr_t)"pay"};

	stage_start(s, true);
	stage_policy(s, POLICY, 1);
	join(s, &g);
	ask(s, &g, 1, &c);
	assert_int_equal(g.error, 0);
	assert_string_equal(container_table_by_id(s->d->containers, ID)->info.name, "miner");
	assert_int_not_equal(stage_expected(ID), UINT32_MAX); /* the kernel waits for it */
	block(s, ID);
	ask(s, &g, 2, &c);
	assert_int_equal(g.error, -EPERM);
	assert_non_null(strstr(g.message, "[Seawall] container blocked by rule 'stop'"));
	c.id = (char *)(uintptr_t)OTHER; /* kubelet's next try */
	ask(s, &g, 3, &c);
	assert_int_equal(g.error, -EPERM);
	c.name = (char *)(uintptr_t)"sidecar";
	ask(s, &g, 4, &c);
	assert_int_equal(g.error, 0);
	leave(s, &g);
}

/* While the Gate is away the sockets stay for a moment, then they go, and come back with it. */
static void test_absent_gate(void **state)
{
	struct stage *s = *state;
	struct fake_gate g;

	stage_start(s, true);
	join(s, &g);
	leave(s, &g);
	gates_tick(s->d);
	assert_int_equal(is_there(s, "authz.sock"), 0);
	uint64_t until = time_monotonic() + 6 * NSEC_PER_SEC;
	while (is_there(s, "authz.sock") == 0 && time_monotonic() < until) {
		loop_run_once(s->loop, 50);
		gates_tick(s->d);
	}
	assert_int_equal(is_there(s, "authz.sock"), -1);
	join(s, &g);
	assert_int_equal(is_there(s, "authz.sock"), 0);
	gates_tick(s->d);
	stage_wait(s, g.pings > 0);
	leave(s, &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gets_policy_and_sockets, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_audits, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_refuses_other_kinds, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_admission, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_absent_gate, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("defender.gates", tests, NULL, NULL);
}
