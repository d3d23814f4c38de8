/* SPDX-License-Identifier: Apache-2.0 */
/* The Gate between a Defender and an engine that are both of the test: order, absence, errors. */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate/gate.h"
#include "ipc/ipc.h"
#include "unit/runtime/fake_engine.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define MANY 3000

struct fixture {
	struct loop *loop;
	struct fake_engine engine;
	struct ipc_server *server;
	struct ipc_peer *peer;
	struct gate *gate;
	struct gate_options options;
	char socket[64];
	int open_error; /* answer to the next questions for a socket */
	bool mute;	/* no answer to them */
	int opens, containers, containers_at_sync, syncs, stops, stop_error;
	char state[128];
};

static int answer_open(
	struct fixture *f, struct ipc_peer *peer, uint64_t seq, const struct ipc_engine *want)
{
	struct ipc_result result = {.error = f->open_error};
	int ours, theirs;

	f->opens++;
	assert_string_equal(want->socket, f->engine.path);
	assert_int_equal(want->kind, RUNTIME_DOCKER);
	if (f->mute)
		return 0;
	if (f->open_error)
		return ipc_send(peer, IPC_ENGINE_FD, seq, &result);
	theirs = fake_connect(&f->engine);
	assert_true(theirs >= 0);
	ours = ipc_send_fd(peer, IPC_ENGINE_FD, seq, &result, theirs);
	fd_close(theirs);
	return ours;
}

static int on_message(
	void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fixture *f = ctx;

	fd_close(fd);
	switch ((int)type) {
	case IPC_ENGINE_OPEN:
		return answer_open(f, peer, seq, body);
	case IPC_CONTAINER:
		f->containers++;
		break;
	case IPC_SYNCED:
		f->syncs++;
		f->containers_at_sync = f->containers;
		assert_string_equal(((struct ipc_result *)body)->message, f->engine.path);
		break;
	case IPC_RUNTIME:
		snprintf(f->state, sizeof(f->state), "%s", ((struct runtime_status *)body)->state);
		break;
	case IPC_STOP_DONE:
		f->stops++;
		f->stop_error = ((struct ipc_result *)body)->error;
		assert_int_equal(seq, 77);
		break;
	case IPC_FINDING: /* see test_compliance.c */
		break;
	default:
		fail_msg("message %d", type);
	}
	return 0;
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	struct fixture *f = ctx;

	f->peer = peer;
}

static void listen_for_gate(struct fixture *f)
{
	struct ipc_config config = {.loop = f->loop,
		.role = IPC_DEFENDER,
		.accept_roles = IPC_GATE,
		.program = "test",
		.peer_uid = getuid(),
		.on_message = on_message,
		.ctx = f};
	int fd = unix_listen(f->socket, 0600, 4);

	assert_true(fd >= 0);
	assert_int_equal(ipc_server_new(&f->server, &config, fd, on_accept), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop), 0);
	f->engine = (struct fake_engine){.loop = f->loop,
		.stream_fd = -1,
		.answers = {
			{"GET /version", 200, "{\"Version\":\"20.10\"}"},
			{"GET /images/json", 200, "[]"},
			{"GET /containers/json", 200,
				"[{\"Id\":\"" ID
				"\",\"Names\":[\"/a\"],\"Image\":\"i\",\"State\":\"exited\"}]"},
			{"GET /containers/" ID "/json", 200, "{\"State\":{\"Status\":\"exited\"}}"},
		}};
	assert_int_equal(fake_listen(&f->engine), 0);
	snprintf(f->socket, sizeof(f->socket), "/tmp/fake-defender-%d.sock", (int)getpid());
	listen_for_gate(f);
	f->options = (struct gate_options){.socket = f->socket,
		.engines = {{RUNTIME_DOCKER, f->engine.path}},
		.engine_count = 1};
	assert_int_equal(gate_new(&f->gate, f->loop, &f->options, getuid()), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	gate_free(f->gate);
	ipc_peer_free(f->peer);
	ipc_server_free(f->server);
	fake_done(&f->engine);
	unlink(f->socket);
	loop_free(f->loop);
	free(f);
	return 0;
}

#define UNTIL(f, cond)                                                                             \
	for (int turn_ = 0; turn_ < 2000 && !(cond); turn_++)                                      \
		loop_run_once((f)->loop, 5);                                                       \
	assert_true(cond)

static void test_sync(void **state)
{
	struct fixture *f = *state;

	UNTIL(f, f->syncs == 1);
	assert_true(f->containers_at_sync >= 1);
	assert_string_equal(f->state, "connected");
}

/* More containers than the connection takes at once: all of them, and only then "complete". */
static void test_many(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf list = BUF_INIT(64u << 20);
	static char label[1024];

	memset(label, 'x', sizeof(label) - 1);
	for (int i = 0; i < MANY; i++)
		buf_printf(&list,
			"%c{\"Id\":\"%064x\",\"Image\":\"i\",\"State\":\"exited\",\"Labels\":{"
			"\"l\":\"%s\"}}",
			i ? ',' : '[', i, label);
	buf_putc(&list, ']');
	assert_int_equal(list.failed, 0);
	signal(SIGCHLD, SIG_IGN); /* of the writer of this long answer */
	fake_find(&f->engine, "GET /containers/json")->body = (char *)list.data;
	UNTIL(f, f->syncs == 1);
	assert_true(f->containers_at_sync >= MANY);
	fake_find(&f->engine, "GET /containers/json")->body = "[]";
}

static void test_refused_socket(void **state)
{
	struct fixture *f = *state;

	f->open_error = -ENOENT;
	UNTIL(f, f->opens == 3);
	assert_string_equal(f->state, "away: No such file or directory");
	f->open_error = 0;
	UNTIL(f, f->syncs == 1);
}

/* A Defender that is back is told everything again, and asked again what it did not answer. */
static void test_defender_comes_back(void **state)
{
	struct fixture *f = *state;

	f->mute = true;
	UNTIL(f, f->opens == 1);
	f->peer = ipc_peer_free(f->peer);
	f->mute = false;
	UNTIL(f, f->syncs == 1);
	int before = f->containers, opens = f->opens;
	f->peer = ipc_peer_free(f->peer);
	UNTIL(f, f->syncs == 2);
	assert_true(f->containers > before);
	assert_int_equal(f->opens, opens); /* the engine's connections were not touched */
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	struct ipc_stop stop = {.container = (char *)(uintptr_t)ID, .runtime = RUNTIME_CONTAINERD};

	UNTIL(f, f->syncs == 1);
	assert_int_equal(ipc_send(f->peer, IPC_STOP, 77, &stop), 0);
	UNTIL(f, f->stops == 1);
	assert_int_equal(f->stop_error, -ENOENT);
	stop.runtime = RUNTIME_DOCKER;
	stop.container = (char *)(uintptr_t) "a/../b";
	assert_int_equal(ipc_send(f->peer, IPC_STOP, 77, &stop), 0);
	UNTIL(f, f->stops == 2);
	assert_int_equal(f->stop_error, -EINVAL);
	stop.container = (char *)(uintptr_t)ID;
	assert_int_equal(ipc_send(f->peer, IPC_STOP, 77, &stop), 0);
	UNTIL(f, f->stops == 3);
	assert_int_equal(f->stop_error, 0);
}

static void test_options(void **state)
{
	static const char *const good[] = {"seawall-gate", "--docker", "/d.sock", "--containerd",
		"/c.sock", "--root", "/r", NULL};
	static const char *const unknown[] = {"seawall-gate", "--doker", "/d.sock", NULL};
	static const char *const rest[] = {"seawall-gate", "rest", NULL};
	struct gate_options o = {0}, none = {0};

	assert_int_equal(gate_options_parse(&o, 7, (char **)(uintptr_t)good), 0);
	assert_int_equal(o.engine_count, 2);
	assert_int_equal(o.engines[1].kind, RUNTIME_CONTAINERD);
	assert_string_equal(o.engines[1].socket, "/c.sock");
	assert_string_equal(o.socket, "/r/defender.sock");
	optind = 0;
	assert_int_equal(gate_options_parse(&none, 3, (char **)(uintptr_t)unknown), 3);
	optind = 0;
	assert_int_equal(gate_options_parse(&none, 2, (char **)(uintptr_t)rest), 3);
	optind = 0;
	free((char *)(uintptr_t)o.socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defender_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("gate.gate", tests, NULL, NULL);
}
