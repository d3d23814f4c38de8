/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata of clouds, the API of Kubernetes, engines of other hosts: told by every way to connect, and
 * not confused with their neighbours. The container has a network of its own without a way out, so
 * that nothing leaves: what is not refused by us is unreachable.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "scene.h"

#define MPTCP 262

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: no neighbours\n"
	"    network: {lateral_movement: prevent}\n"
	"    kubernetes: prevent\n";
static const char alert[] = "version: 1\nruntime: [{name: look, threats: alert}]\n";
static const char silent[] = "version: 1\nruntime: [{name: silent, processes: {crypto_miners: prevent}}]\n";

enum way { TCP, UDP, UDP_CONNECTED, NON_BLOCKING, FAST_OPEN, URING, MULTIPATH, CHILD };

struct row {
	const char *what;
	const char *address;
	uint16_t port;
	enum way way;
	int detection; /* 0 = let through */
};

static const struct row rows[] = {
	{"AWS, GCP, Azure and others", "169.254.169.254", 80, TCP, DETECTION_CLOUD_METADATA},
	{"on another port", "169.254.169.254", 443, TCP, DETECTION_CLOUD_METADATA},
	{"mapped into IPv6", "::ffff:169.254.169.254", 80, TCP, DETECTION_CLOUD_METADATA},
	{"without waiting", "169.254.169.254", 80, NON_BLOCKING, DETECTION_CLOUD_METADATA},
	{"with the first bytes", "169.254.169.254", 80, FAST_OPEN, DETECTION_CLOUD_METADATA},
	{"through io_uring", "169.254.169.254", 80, URING, DETECTION_CLOUD_METADATA},
	{"over several paths", "169.254.169.254", 80, MULTIPATH, DETECTION_CLOUD_METADATA},
	{"by a child", "169.254.169.254", 80, CHILD, DETECTION_CLOUD_METADATA},
	{"a task's credentials", "169.254.170.2", 80, TCP, DETECTION_CLOUD_METADATA},
	{"a pod's credentials", "169.254.170.23", 80, TCP, DETECTION_CLOUD_METADATA},
	{"a pod's credentials, IPv6", "fd00:ec2::23", 80, TCP, DETECTION_CLOUD_METADATA},
	{"AWS by IPv6", "fd00:ec2::254", 80, TCP, DETECTION_CLOUD_METADATA},
	{"GCP by IPv6", "fd20:ce::254", 80, TCP, DETECTION_CLOUD_METADATA},
	{"OpenStack by IPv6", "fe80::a9fe:a9fe", 80, TCP, DETECTION_CLOUD_METADATA},
	{"Alibaba", "100.100.100.200", 80, TCP, DETECTION_CLOUD_METADATA},
	{"Azure's wire server", "168.63.129.16", 80, TCP, DETECTION_CLOUD_METADATA},
	{"Azure's wire server, its other port", "168.63.129.16", 32526, TCP, DETECTION_CLOUD_METADATA},
	{"names from Azure", "168.63.129.16", 53, UDP, 0},
	{"names from Azure by TCP", "168.63.129.16", 53, TCP, 0},
	{"probes of Azure's balancers", "168.63.129.16", 8080, TCP, 0},
	{"names from GCP", "169.254.169.254", 53, UDP_CONNECTED, 0},
	{"names from GCP by TCP", "169.254.169.254", 53, TCP, 0},
	{"time from GCP", "169.254.169.254", 123, UDP, 0},
	{"names from AWS", "169.254.169.253", 53, TCP, 0},
	{"a neighbour", "169.254.169.253", 80, TCP, 0},
	{"another neighbour", "169.254.170.3", 80, TCP, 0},
	{"Alibaba's neighbour", "100.100.100.201", 80, TCP, 0},
	{"AWS's names by IPv6", "fd00:ec2::253", 80, TCP, 0},
	{"an IPv6 that ends alike", "2001:db8::254", 80, TCP, 0},
	{"an IPv6 with the bytes elsewhere", "fd00:ec2:0:1::254", 80, TCP, 0},

	{"an API server", "192.0.2.7", 6443, TCP, DETECTION_KUBE_API},
	{"an API server by IPv6", "2001:db8::7", 6443, TCP, DETECTION_KUBE_API},
	{"an API server of this host", "127.0.0.1", 6443, TCP, DETECTION_KUBE_API},
	{"through io_uring", "192.0.2.7", 6443, URING, DETECTION_KUBE_API},
	{"its number by UDP", "192.0.2.7", 6443, UDP, 0},
	{"the port below", "192.0.2.7", 6442, TCP, 0},
	{"the port above", "192.0.2.7", 6444, TCP, 0},

	{"an engine", "192.0.2.7", 2375, TCP, DETECTION_LATERAL_MOVEMENT},
	{"an engine with TLS", "192.0.2.7", 2376, TCP, DETECTION_LATERAL_MOVEMENT},
	{"a swarm", "192.0.2.7", 2377, TCP, DETECTION_LATERAL_MOVEMENT},
	{"etcd", "192.0.2.7", 2379, TCP, DETECTION_LATERAL_MOVEMENT},
	{"etcd's peer", "192.0.2.7", 2380, TCP, DETECTION_LATERAL_MOVEMENT},
	{"kubelet", "192.0.2.7", 10250, TCP, DETECTION_LATERAL_MOVEMENT},
	{"kubelet, read only", "2001:db8::7", 10255, TCP, DETECTION_LATERAL_MOVEMENT},
	{"an engine, mapped", "::ffff:192.0.2.7", 2375, TCP, DETECTION_LATERAL_MOVEMENT},
	{"an engine over several paths", "192.0.2.7", 2375, MULTIPATH, DETECTION_LATERAL_MOVEMENT},
	{"an engine, without waiting", "192.0.2.7", 2375, NON_BLOCKING, DETECTION_LATERAL_MOVEMENT},
	{"an engine of the same pod", "127.0.0.1", 2375, TCP, 0},
	{"an engine of the same pod by IPv6", "::1", 2376, TCP, 0},
	{"an engine of the same pod, mapped", "::ffff:127.0.0.1", 2375, TCP, 0},
	{"its number by UDP", "192.0.2.7", 2375, UDP, 0},
	{"the ports around", "192.0.2.7", 2374, TCP, 0},
	{"the ports around", "192.0.2.7", 2378, TCP, 0},
	{"the ports around", "192.0.2.7", 10256, TCP, 0},
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

static socklen_t address_of(const struct row *row, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (void *)out;
	struct sockaddr_in6 *six = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, row->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(row->port);
		six->sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) ? 1 : 0;
		return sizeof(*six);
	}
	inet_pton(AF_INET, row->address, &four->sin_addr);
	four->sin_family = AF_INET;
	four->sin_port = htons(row->port);
	return sizeof(*four);
}

/* One connect by a ring, without liburing. Its errno, or 0. */
static int uring_connect(int fd, const struct sockaddr_storage *to, socklen_t size)
{
	struct io_uring_params p = {};
	int ring = (int)syscall(SYS_io_uring_setup, 1, &p), r;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqe;

	if (ring < 0)
		return ENOSYS;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return ENOSYS;
	*sqe = (struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)to, .off = size};
	*(uint32_t *)(void *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	r = ((struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes))->res;
	close(ring);
	return r < 0 ? -r : 0;
}

static int attempt(const struct row *row)
{
	bool datagram = row->way == UDP || row->way == UDP_CONNECTED;
	struct sockaddr_storage to;
	socklen_t size = address_of(row, &to);
	int fd = socket(to.ss_family, datagram ? SOCK_DGRAM : SOCK_STREAM, row->way == MULTIPATH ? MPTCP : 0), r = 0, status;

	if (fd < 0)
		return 200;
	switch (row->way) {
	case UDP:
		r = sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size) == 1 ? 0 : -1;
		break;
	case FAST_OPEN:
		r = sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, size) == 1 ? 0 : -1;
		break;
	case URING:
		return uring_connect(fd, &to, size);
	case CHILD:
		if (fork() == 0)
			_exit(connect(fd, (struct sockaddr *)&to, size) < 0 ? errno : 0);
		wait(&status);
		return WEXITSTATUS(status);
	case NON_BLOCKING:
		fcntl(fd, F_SETFL, O_NONBLOCK);
		r = connect(fd, (struct sockaddr *)&to, size);
		break;
	case TCP: case UDP_CONNECTED: case MULTIPATH:
		r = connect(fd, (struct sockaddr *)&to, size);
		break;
	}
	return r < 0 ? errno : 0;
}

static int row_child(void *ctx)
{
	return network_make() ? attempt(ctx) : 201;
}

static bool is_attempt(const struct wire_header *h, const void *ctx)
{
	const struct wire_net *n = (const void *)h;
	const struct row *row = ctx;

	return h->type == WIRE_NET && n->remote_port == row->port && (n->kind == WIRE_NET_CONNECT || n->kind == WIRE_NET_REFUSED);
}

static const struct wire_net *row_run(struct scene *s, const struct row *row, int *ret_error)
{
	scene_clear(s);
	*ret_error = WEXITSTATUS(scene_run(s, row_child, (void *)(uintptr_t)row));
	if (*ret_error >= 200)
		fail_msg("%s: could not be played: %d", row->what, *ret_error);
	return (const void *)scene_await(s, is_attempt, row);
}

static void each_is_told_apart(void **state)
{
	struct scene *s = *state;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int error;
		const struct wire_net *n = row_run(s, row, &error);

		if ((int)n->header.verdict.detection != row->detection)
			fail_msg("%s (%s): detection %d instead of %d", row->what, row->address, n->header.verdict.detection, row->detection);
		if ((error == EPERM) != (row->detection != 0))
			fail_msg("%s (%s): %s", row->what, row->address, strerror(error));
		if (row->detection) {
			assert_int_equal(n->kind, WIRE_NET_REFUSED);
			assert_int_equal(n->header.verdict.done, DONE_PREVENT);
		}
	}
}

static void alert_only_tells(void **state)
{
	static const struct row row = {"metadata", "169.254.169.254", 80, TCP, DETECTION_CLOUD_METADATA};
	struct scene *s = *state;
	const struct wire_net *n;
	int error;

	scene_policy(s, alert);
	n = row_run(s, &row, &error);
	assert_int_equal(error, ENETUNREACH);
	assert_int_equal(n->header.verdict.detection, DETECTION_CLOUD_METADATA);
	assert_int_equal(n->header.verdict.done, DONE_ALERT);
	scene_policy(s, silent);
	n = row_run(s, &row, &error);
	assert_int_equal(error, ENETUNREACH);
	assert_int_equal(n->header.verdict.detection, 0);
}

/* Serves on an engine's port; the client leaves the container before it calls. */
static int serve(void *ctx)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(2375), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd, status;

	if (!network_make())
		return 200;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 || listen(fd, 1) < 0)
		return 201;
	if (fork() == 0) {
		int out = open(ctx, O_WRONLY | O_CLOEXEC), c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (write(out, "0", 1) != 1)
			_exit(202);
		_exit(connect(c, (struct sockaddr *)&me, sizeof(me)) < 0 ? errno : 0);
	}
	if (accept(fd, NULL, NULL) < 0)
		return 203;
	wait(&status);
	return WEXITSTATUS(status);
}

static bool is_judged(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_NET && h->verdict.detection;
}

static void servers_are_quiet(void **state)
{
	struct scene *s = *state;
	char outside[300];
	pid_t pid;

	snprintf(outside, sizeof(outside), "%s/cgroup.procs", sensor_cgroup_root(s->set));
	scene_clear(s);
	scene_policy(s, prevent);
	pid = scene_fork(s, serve, outside);
	assert_int_equal(WEXITSTATUS(scene_wait(s, pid)), 0);
	assert_int_equal(scene_net_of(s, pid, WIRE_NET_LISTEN)->local_port, 2375);
	assert_int_equal(scene_net_of(s, pid, WIRE_NET_ACCEPT)->direction, DIRECTION_INBOUND);
	assert_int_equal(scene_count(s, is_judged, NULL), 0);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_apart), cmocka_unit_test(alert_only_tells), cmocka_unit_test(servers_are_quiet),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("destinations", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
