/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between two peers on one loop: order, descriptors, roles, hostile bytes, reconnection. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ipc/ipc.h"

struct side {
	int messages, closed, connected, why;
	uint64_t last_seq;
	char text[64];
	int fd;
	struct ipc_peer *peer;
};

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct side *s = ctx;

	(void)peer;
	s->messages++;
	s->last_seq = seq;
	if (type == IPC_AUDIT)
		snprintf(s->text, sizeof(s->text), "%s", ((struct audit *)body)->message);
	fd_close(s->fd);
	s->fd = fd;
	return 0;
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct side *s = ctx;

	(void)peer;
	s->closed++;
	s->why = why;
	s->peer = NULL;
}

static void on_connect(void *ctx, struct ipc_peer *peer)
{
	struct side *s = ctx;

	s->connected++;
	s->peer = peer;
}

static struct ipc_config config_of(struct loop *l, struct side *s, enum ipc_role role, unsigned accept)
{
	return (struct ipc_config){.loop = l, .role = role, .accept_roles = accept, .program = "test", .peer_uid = getuid(),
		.on_message = on_message, .on_closed = on_closed, .ctx = s};
}

#define UNTIL(loop, cond)                                                                          \
	for (int turn_ = 0; turn_ < 2000 && !(cond); turn_++)                                      \
		loop_run_once((loop), 5);                                                          \
	assert_true(cond)

struct pair {
	struct loop *loop;
	struct side defender, other;
	struct ipc_peer *to_other, *to_defender;
};

static void pair_open(struct pair *p, enum ipc_role other)
{
	int fds[2];

	*p = (struct pair){.defender.fd = -1, .other.fd = -1};
	assert_int_equal(loop_new(&p->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	struct ipc_config d = config_of(p->loop, &p->defender, IPC_DEFENDER, IPC_CONSOLE | IPC_GATE);
	struct ipc_config o = config_of(p->loop, &p->other, other, IPC_DEFENDER);
	assert_int_equal(ipc_peer_new(&p->to_other, &d, fds[0]), 0);
	assert_int_equal(ipc_peer_new(&p->to_defender, &o, fds[1]), 0);
	UNTIL(p->loop, ipc_peer_role(p->to_other) && ipc_peer_role(p->to_defender));
}

static void pair_close(struct pair *p)
{
	if (!p->defender.closed)
		ipc_peer_free(p->to_other);
	if (!p->other.closed)
		ipc_peer_free(p->to_defender);
	fd_close(p->defender.fd);
	fd_close(p->other.fd);
	loop_free(p->loop);
}

static void many_messages_arrive_in_order(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, IPC_CONSOLE);
	for (uint64_t i = 1; i <= 5000; i++) {
		char text[64];
		snprintf(text, sizeof(text), "audit %llu", (unsigned long long)i);
		struct audit a = {.message = text};
		assert_int_equal(ipc_send(p.to_other, IPC_AUDIT, i, &a), 0);
	}
	UNTIL(p.loop, p.other.messages == 5000);
	assert_int_equal(p.other.last_seq, 5000);
	assert_string_equal(p.other.text, "audit 5000");
	pair_close(&p);
}

static void descriptors_stay_with_their_frame(void **state)
{
	struct pair p;
	struct stat sent, got;
	int pipes[2];

	(void)state;
	pair_open(&p, IPC_GATE);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct ipc_result ok = {0};
	struct ipc_stop stop = {.container = (char *)"abc", .runtime = RUNTIME_DOCKER};
	assert_int_equal(ipc_send(p.to_other, IPC_STOP, 1, &stop), 0);
	assert_int_equal(ipc_send_fd(p.to_other, IPC_ENGINE_FD, 2, &ok, pipes[0]), 0);
	UNTIL(p.loop, p.other.messages == 2);
	assert_true(p.other.fd >= 0);
	assert_int_equal(fstat(pipes[0], &sent), 0);
	assert_int_equal(fstat(p.other.fd, &got), 0);
	assert_int_equal(sent.st_ino, got.st_ino);
	assert_int_equal(ipc_send(p.to_other, IPC_STOP, 3, &stop), 0);
	UNTIL(p.loop, p.other.messages == 3);
	assert_int_equal(p.other.fd, -1);
	fd_close(pipes[0]);
	fd_close(pipes[1]);
	pair_close(&p);
}

static void the_wrong_sender_is_refused(void **state)
{
	struct pair p;
	struct audit a = {0};
	struct ipc_seq ack = {.seq = 1};

	(void)state;
	pair_open(&p, IPC_GATE);
	assert_int_equal(ipc_send(p.to_defender, IPC_AUDIT, 1, &a), -EINVAL);
	assert_int_equal(ipc_send(p.to_defender, IPC_AUDIT_ACK, 1, &ack), -EINVAL);
	pair_close(&p);
}

static void a_full_queue_says_so(void **state)
{
	struct pair p;
	char *big = malloc(1u << 20);

	(void)state;
	memset(big, 'x', (1u << 20) - 1);
	big[(1u << 20) - 1] = 0;
	struct audit a = {.message = big};
	pair_open(&p, IPC_CONSOLE);
	int r = 0;
	for (int i = 0; i < 64 && r == 0; i++)
		r = ipc_send(p.to_other, IPC_AUDIT, (uint64_t)i, &a);
	assert_int_equal(r, -ENOBUFS);
	int queued = p.other.messages;
	UNTIL(p.loop, ipc_queued(p.to_other) == 0);
	assert_true(p.other.messages > queued);
	assert_int_equal(ipc_send(p.to_other, IPC_AUDIT, 99, &a), 0);
	UNTIL(p.loop, p.other.last_seq == 99);
	free(big);
	pair_close(&p);
}

static void garbage_ends_only_its_own_connection(void **state)
{
	static const char *const inputs[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0" /* before HELLO */,
		"\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\0\0\0" /* huge */};
	static const size_t sizes[] = {26, 16, 16};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		CLEANUP(loop_free) struct loop *l = NULL;
		struct side s = {.fd = -1};
		struct ipc_peer *peer;
		int fds[2];

		assert_int_equal(loop_new(&l), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		struct ipc_config c = config_of(l, &s, IPC_DEFENDER, IPC_GATE);
		assert_int_equal(ipc_peer_new(&peer, &c, fds[0]), 0);
		assert_int_equal(write(fds[1], inputs[i], sizes[i]), sizes[i]);
		UNTIL(l, s.closed == 1);
		assert_int_equal(s.why, -EPROTO);
		assert_int_equal(s.messages, 0);
		fd_close(fds[1]);
	}
}

static void a_stranger_is_not_served(void **state)
{
	CLEANUP(loop_free) struct loop *l = NULL;
	struct side s = {.fd = -1};
	struct ipc_peer *peer = NULL;
	int fds[2];

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	struct ipc_config c = config_of(l, &s, IPC_DEFENDER, IPC_GATE);
	c.peer_uid = getuid() + 1;
	assert_int_equal(ipc_peer_new(&peer, &c, fds[0]), -EACCES);
	fd_close(fds[1]);
}

static void a_client_comes_back(void **state)
{
	CLEANUP(loop_free) struct loop *l = NULL;
	struct side gate = {.fd = -1}, defender = {.fd = -1};
	char dir[] = "/tmp/seawall-ipc-XXXXXX", path[64];
	struct ipc_server *server = NULL;
	struct ipc_client *client = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(loop_new(&l), 0);
	struct ipc_config g = config_of(l, &gate, IPC_GATE, IPC_DEFENDER);
	struct ipc_config d = config_of(l, &defender, IPC_DEFENDER, IPC_GATE);
	assert_int_equal(ipc_client_new(&client, &g, path, on_connect), 0);
	for (int round = 1; round <= 3; round++) {
		assert_int_equal(ipc_server_new(&server, &d, unix_listen(path, 0600, 8), on_connect), 0);
		UNTIL(l, gate.connected == round && defender.connected == round);
		assert_non_null(ipc_client_peer(client));
		ipc_server_free(server);
		ipc_peer_free(defender.peer);
		UNTIL(l, gate.closed == round);
		assert_null(ipc_client_peer(client));
	}
	ipc_client_free(client);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_messages_arrive_in_order),
		cmocka_unit_test(descriptors_stay_with_their_frame),
		cmocka_unit_test(the_wrong_sender_is_refused),
		cmocka_unit_test(a_full_queue_says_so),
		cmocka_unit_test(garbage_ends_only_its_own_connection),
		cmocka_unit_test(a_stranger_is_not_served),
		cmocka_unit_test(a_client_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
