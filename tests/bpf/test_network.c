/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: what is recorded of them, what is refused, and that repeats are counted, not sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char denied[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: no pools\n"
	"    processes: {crypto_miners: prevent}\n"
	"    network: {denied: {effect: prevent, addresses: [203.0.113.0/24, \"2001:db8::/32\"], ports: [\"3333-3340\", 2375]}}\n";
static const char watched[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: look\n"
	"    network: {denied: {effect: alert, addresses: [127.0.0.0/8]}}\n";

/* A connection to be tried, and the errno that it must end with (0: it goes through). */
struct attempt {
	const char *address;
	uint16_t port;
	int type;
	int times;
	int expected;
};

static socklen_t address_of(const struct attempt *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (void *)out;
	struct sockaddr_in6 *six = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, a->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(a->port);
		return sizeof(*six);
	}
	inet_pton(AF_INET, a->address, &four->sin_addr);
	four->sin_family = AF_INET;
	four->sin_port = htons(a->port);
	return sizeof(*four);
}

static int try_once(const struct attempt *a)
{
	struct sockaddr_storage to;
	socklen_t size = address_of(a, &to);
	int fd = socket(to.ss_family, a->type | SOCK_CLOEXEC, 0), r, saved;
	char byte;

	if (a->type == SOCK_STREAM)
		r = connect(fd, (struct sockaddr *)&to, size);
	else
		r = sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size) == 1 ? 0 : -1;
	saved = r < 0 ? errno : 0;
	if (saved == 0 && a->type == SOCK_STREAM) {
		if (write(fd, "hello", 5) != 5)
			saved = EPIPE;
		shutdown(fd, SHUT_WR);
		while (read(fd, &byte, 1) > 0)
			;
	}
	close(fd);
	return saved;
}

static int try_all(void *ctx)
{
	const struct attempt *a = ctx;
	int r = 0;

	for (int i = 0; i < a->times; i++)
		r = try_once(a);
	return r;
}

static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};

static int listener(uint16_t *ret_port)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(me);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 || listen(fd, 128) < 0)
		return -1;
	getsockname(fd, (struct sockaddr *)&me, &size);
	*ret_port = ntohs(me.sin_port);
	return fd;
}

struct server {
	int port_out; /* pipe: tells the port */
	int clients;
};

/* Accepts, reads to the end, answers three bytes, closes. */
static int serve(void *ctx)
{
	const struct server *server = ctx;
	uint16_t port;
	int fd = listener(&port);
	char buffer[64];

	if (fd < 0 || write(server->port_out, &port, sizeof(port)) != sizeof(port))
		return 1;
	for (int i = 0; i < server->clients; i++) {
		int c = accept(fd, NULL, NULL);

		while (read(c, buffer, sizeof(buffer)) > 0)
			;
		if (write(c, "bye", 3) != 3)
			return 2;
		close(c);
	}
	return 0;
}

static pid_t server_start(struct scene *s, int clients, uint16_t *ret_port)
{
	struct server server = {.clients = clients};
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	server.port_out = fd[1];
	pid = scene_fork(s, serve, &server);
	assert_int_equal(read(fd[0], ret_port, sizeof(*ret_port)), sizeof(*ret_port));
	close(fd[0]);
	close(fd[1]);
	return pid;
}

static void both_ends_are_recorded(void **state)
{
	struct scene *s = *state;
	struct attempt a = {"127.0.0.1", 0, SOCK_STREAM, 1, 0};
	pid_t server, client;
	const struct wire_net *n;

	scene_clear(s);
	scene_policy(s, NULL);
	server = server_start(s, 1, &a.port);
	client = scene_fork(s, try_all, &a);
	assert_int_equal(scene_wait(s, client), 0);
	assert_int_equal(scene_wait(s, server), 0);

	n = scene_net_of(s, server, WIRE_NET_LISTEN);
	assert_int_equal(n->direction, DIRECTION_LISTEN);
	assert_int_equal(n->local_port, a.port);
	assert_memory_equal(n->local, loopback, 16);
	n = scene_net_of(s, client, WIRE_NET_CONNECT);
	assert_int_equal(n->header.cgroup, s->cgroup);
	assert_int_equal(n->direction, DIRECTION_OUTBOUND);
	assert_int_equal(n->proto, IPPROTO_TCP);
	assert_int_equal(n->remote_port, a.port);
	assert_memory_equal(n->remote, loopback, 16);
	assert_int_equal(n->count, 1);
	n = scene_net_of(s, client, WIRE_NET_ESTABLISHED);
	assert_int_not_equal(n->local_port, 0);
	assert_memory_equal(n->local, loopback, 16);
	n = scene_net_of(s, server, WIRE_NET_ACCEPT);
	assert_int_equal(n->direction, DIRECTION_INBOUND);
	assert_int_equal(n->local_port, a.port);
	assert_int_not_equal(n->remote_port, 0);
	n = scene_net_of(s, client, WIRE_NET_CLOSE);
	assert_true(n->bytes_sent >= 5 && n->bytes_sent <= 7); /* the kernel counts SYN and FIN */
	assert_true(n->bytes_received >= 3 && n->bytes_received <= 4);
}

static bool is_net_of(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_NET && ((const struct wire_net *)h)->process.pid == (uint32_t)*(const pid_t *)ctx;
}

static bool is_aggregate(const struct wire_header *h, const void *ctx)
{
	const struct wire_net *n = (const void *)h;

	return is_net_of(h, ctx) && (h->flags & WIRE_AGGREGATED) && n->kind == WIRE_NET_CONNECT;
}

static void repeats_are_counted(void **state)
{
	struct scene *s = *state;
	struct attempt a = {"127.0.0.1", 0, SOCK_STREAM, 50, 0};
	const struct wire_net *n;
	pid_t server, client;

	scene_clear(s);
	server = server_start(s, 50, &a.port);
	client = scene_fork(s, try_all, &a);
	assert_int_equal(scene_wait(s, client), 0);
	assert_int_equal(scene_wait(s, server), 0);
	scene_settle(s);
	assert_int_equal(scene_count(s, is_net_of, &client), 3); /* the first of connect, established, close */
	assert_int_equal(sensor_flush_aggregates(s->set), 0);
	n = (const void *)scene_await(s, is_aggregate, &client);
	assert_int_equal(n->count, 50);
	assert_true(n->last > n->first);
	scene_clear(s);
	assert_int_equal(sensor_flush_aggregates(s->set), 0);
	assert_int_equal(scene_count(s, is_aggregate, &client), 0);
}

static void denied_is_refused(void **state)
{
	static const struct {
		struct attempt a;
		uint8_t detection, evidence;
	} cases[] = {
		{{"203.0.113.7", 443, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_ADDRESS, EVIDENCE_ADDRESS},
		{{"203.0.113.7", 53, SOCK_DGRAM, 1, EPERM}, DETECTION_DENIED_ADDRESS, EVIDENCE_ADDRESS},
		{{"::ffff:203.0.113.9", 443, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_ADDRESS, EVIDENCE_ADDRESS},
		{{"2001:db8::1", 443, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_ADDRESS, EVIDENCE_ADDRESS},
		{{"2001:db8::1", 53, SOCK_DGRAM, 1, EPERM}, DETECTION_DENIED_ADDRESS, EVIDENCE_ADDRESS},
		{{"127.0.0.1", 3333, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_PORT, EVIDENCE_PORT},
		{{"127.0.0.1", 3340, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_PORT, EVIDENCE_PORT},
		{{"::1", 2375, SOCK_STREAM, 1, EPERM}, DETECTION_DENIED_PORT, EVIDENCE_PORT},
		{{"127.0.0.1", 3341, SOCK_STREAM, 1, ECONNREFUSED}, 0, 0},
		{{"127.0.0.1", 3332, SOCK_STREAM, 1, ECONNREFUSED}, 0, 0},
		{{"127.0.0.1", 2374, SOCK_STREAM, 1, ECONNREFUSED}, 0, 0},
	};
	struct scene *s = *state;

	scene_policy(s, denied);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt a = cases[i].a;
		const struct wire_net *n;
		pid_t pid;

		scene_clear(s);
		pid = scene_fork(s, try_all, &a);
		assert_int_equal(WEXITSTATUS(scene_wait(s, pid)), a.expected);
		n = scene_net_of(s, pid, cases[i].detection ? WIRE_NET_REFUSED : WIRE_NET_CONNECT);
		assert_int_equal(n->header.verdict.detection, cases[i].detection);
		assert_int_equal(n->header.verdict.evidence, cases[i].evidence);
		assert_int_equal(n->header.verdict.done, cases[i].detection ? DONE_PREVENT : DONE_NONE);
		assert_int_equal(n->remote_port, a.port);
		assert_int_equal(n->proto, a.type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	}
}

static void alert_lets_it_through(void **state)
{
	struct scene *s = *state;
	struct attempt a = {"127.0.0.1", 0, SOCK_STREAM, 1, 0};
	const struct wire_net *n;
	pid_t server, client;

	scene_clear(s);
	scene_policy(s, watched);
	server = server_start(s, 1, &a.port);
	client = scene_fork(s, try_all, &a);
	assert_int_equal(scene_wait(s, client), 0);
	assert_int_equal(scene_wait(s, server), 0);
	n = scene_net_of(s, client, WIRE_NET_CONNECT);
	assert_int_equal(n->header.verdict.detection, DETECTION_DENIED_ADDRESS);
	assert_int_equal(n->header.verdict.effect, EFFECT_ALERT);
	assert_int_equal(n->header.verdict.done, DONE_ALERT);
	scene_policy(s, NULL);
}

/* A printing program with a miner's arguments runs, but may not connect; neither may its children. */
static int suspect(void *ctx)
{
	char *argv[] = {(char[]){"grep"}, (char[]){"--donate-level"}, NULL};

	if (!freopen("/dev/null", "w", stdout)) /* it talks, and our output is a test protocol */
		return 124;
	setenv("TALK_TO", "127.0.0.1,1", 1);
	setenv("TALK_SECONDS", "1", 1);
	execv(ctx, argv);
	return 123;
}

static void suspect_is_refused(void **state)
{
	struct scene *s = *state;
	const struct wire_net *n;
	pid_t pid;

	scene_clear(s);
	scene_policy(s, denied);
	pid = scene_fork(s, suspect, (void *)scene_program(s, scene_tool("talker"), "grep"));
	n = scene_net_of(s, pid, WIRE_NET_REFUSED);
	assert_int_equal(n->header.verdict.detection, DETECTION_CRYPTO_MINER);
	assert_int_equal(n->header.verdict.evidence, EVIDENCE_ARGV);
	assert_true(n->header.flags & WIRE_SUSPECT);
	assert_string_equal(n->sign, "--donate-level");
	scene_wait(s, pid);
	assert_true(scene_exec_of(s, pid)->header.flags & WIRE_SUSPECT);
	scene_policy(s, NULL);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_recorded), cmocka_unit_test(repeats_are_counted),
		cmocka_unit_test(denied_is_refused), cmocka_unit_test(alert_lets_it_through),
		cmocka_unit_test(suspect_is_refused),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("network", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
