/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scans, and busy clients that are none. Each row plays in a network of its own, where the loopback
 * answers for all of 127.0.0.0/8: a port without a listener is refused there at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char alert[] = "version: 1\nruntime: [{name: look, network: {port_scan: alert}}]\n";
static const char block[] = "version: 1\nruntime: [{name: stop, network: {port_scan: block}}]\n";
static const char silent[] = "version: 1\nruntime: [{name: silent, network: {port_scan: disable}}]\n";

#define HOST(n) (0x7f000100u + (uint32_t)(n))
#define OPEN 7000 /* a listener on every address */

enum play { PORTS, HOSTS, GRID, IPV6, NON_BLOCKING, ABANDONED, SLOWLY, PROCESSES, RETRY, THREADS, BROWSER, BALANCER, FEW, DATAGRAMS, TWICE };

struct row {
	const char *what;
	enum play play;
	const char *sign; /* NULL = quiet */
};

static const struct row rows[] = {
	{"ports of one host", PORTS, "25 closed ports of one host"},
	{"one port of many hosts", HOSTS, "one closed port of 25 hosts"},
	{"ports of several hosts", GRID, "25 closed ports of several hosts"},
	{"by IPv6", IPV6, "25 closed ports of one host"},
	{"without waiting", NON_BLOCKING, "25 closed ports of one host"},
	{"closed before there is an answer", ABANDONED, "one closed port of 25 hosts"},
	{"with pauses", SLOWLY, "25 closed ports of one host"},
	{"a process for each", PROCESSES, "25 closed ports of one host"},
	{"one dead server, again and again", RETRY, NULL},
	{"one dead server, from many threads", THREADS, NULL},
	{"a browser with some dead links", BROWSER, NULL},
	{"a balancer", BALANCER, NULL},
	{"a few dead servers", FEW, NULL},
	{"datagrams", DATAGRAMS, NULL},
	{"some dead servers, all of them twice", TWICE, NULL},
};

static bool network_make(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && close(fd) == 0;
}

static int call_v4(uint32_t host, uint16_t port, int flags)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), r = connect(fd, (struct sockaddr *)&to, sizeof(to));
	int error = r < 0 ? errno : 0;

	if (error == EINPROGRESS) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		poll(&p, 1, 1000);
	}
	close(fd);
	return error;
}

static void call_v6(uint16_t port)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r = connect(fd, (struct sockaddr *)&to, sizeof(to));

	(void)r;
	close(fd);
}

static void *retry(void *ctx)
{
	for (int i = 0; i < 20; i++)
		call_v4(HOST(1), 9, 0);
	return ctx;
}

static void threads(void)
{
	pthread_t thread[50];

	for (int i = 0; i < 50; i++)
		pthread_create(&thread[i], NULL, retry, NULL);
	for (int i = 0; i < 50; i++)
		pthread_join(thread[i], NULL);
}

/* Its owner never accepts and its queue is full: who connects waits for an answer that does not come. */
static void abandoned(void)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(OPEN + 1)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 || listen(fd, 0) < 0)
		return;
	for (int i = 0; i < 60; i++) {
		struct sockaddr_in to = me;
		int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		to.sin_addr.s_addr = htonl(HOST(i));
		if (connect(c, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
			return;
		if (i > 5) /* the first ones fill the queue */
			close(c);
	}
}

static void server_open(void)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(OPEN)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 || listen(fd, 1024) < 0)
		_exit(201);
}

static int datagrams(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < 100; i++) {
		struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(i + 1)), .sin_addr.s_addr = htonl(HOST(1))};

		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ECONNREFUSED)
			return 202;
	}
	return 0;
}

static void one(enum play play, int i)
{
	switch (play) {
	case HOSTS:
		call_v4(HOST(i), 22, 0);
		break;
	case GRID:
		call_v4(HOST(i % 5), (uint16_t)(1 + i / 5), 0);
		break;
	case IPV6:
		call_v6((uint16_t)(i + 1));
		break;
	case NON_BLOCKING:
		call_v4(HOST(1), (uint16_t)(i + 1), SOCK_NONBLOCK);
		break;
	case SLOWLY:
		poll(NULL, 0, 40);
		call_v4(HOST(1), (uint16_t)(i + 1), 0);
		break;
	case PROCESSES:
		if (fork() == 0) {
			call_v4(HOST(1), (uint16_t)(i + 1), 0);
			_exit(0);
		}
		wait(NULL);
		break;
	default:
		call_v4(HOST(1), (uint16_t)(i + 1), 0);
		break;
	}
}

static void lookalike(enum play play)
{
	server_open();
	for (int i = 0; i < 120; i++) {
		if (play == BALANCER || (play == BROWSER && i % 3))
			call_v4(HOST(i), OPEN, 0);
		else if (play == BROWSER)
			call_v4(HOST(i), 443, 0);
		else if (play == TWICE || play == FEW)
			call_v4(HOST(i % 24), 443, 0);
	}
}

static int row_child(void *ctx)
{
	enum play play = ((const struct row *)ctx)->play;

	if (!network_make())
		return 200;
	if (play == RETRY)
		return retry(NULL) != NULL;
	if (play == THREADS)
		threads();
	else if (play == ABANDONED)
		abandoned();
	else if (play == DATAGRAMS)
		return datagrams();
	else if (play > THREADS)
		lookalike(play);
	else
		for (int i = 0; i < 30; i++)
			one(play, i);
	return 0;
}

static bool is_scan(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_NET && ((const struct wire_net *)h)->kind == WIRE_NET_SCAN;
}

/* Another container of the same name: what was counted before is not its. */
static void container_anew(struct scene *s)
{
	for (int i = 0; i < 100 && rmdir(s->dir) < 0 && errno == EBUSY; i++)
		poll(NULL, 0, 20); /* the last process is still leaving */
	assert_int_equal(mkdir(s->dir, 0755), 0);
	s->cgroup = sensor_cgroup_id(s->set, strrchr(s->dir, '/'));
	scene_clear(s);
}

static int row_run(struct scene *s, const struct row *row, const char *policy)
{
	container_anew(s);
	scene_policy(s, policy);
	int r = WEXITSTATUS(scene_run(s, row_child, (void *)(uintptr_t)row));
	if (r)
		fail_msg("%s: could not be played: %d", row->what, r);
	if (row->sign) {
		const struct wire_net *n = (const void *)scene_await(s, is_scan, NULL);

		assert_int_equal(n->header.verdict.detection, DETECTION_PORT_SCAN);
		assert_int_equal(n->header.verdict.done, DONE_ALERT);
		assert_string_equal(n->sign, row->sign);
		assert_true(n->process.pid != 0);
	}
	scene_settle(s);
	return (int)scene_count(s, is_scan, NULL);
}

static void each_is_told_apart(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = row_run(*state, &rows[i], alert);

		/* Those that go on are told again at each multiple. */
		if (rows[i].sign ? n < 1 || n > 2 : n != 0)
			fail_msg("%s: told %d times", rows[i].what, n);
	}
}

static void the_rule_decides(void **state)
{
	static const struct row quiet = {"disabled", PORTS, NULL};

	assert_int_equal(row_run(*state, &rows[0], block), 1);
	assert_int_equal(row_run(*state, &quiet, silent), 0);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told_apart), cmocka_unit_test(the_rule_decides)};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("scan", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
