/* SPDX-License-Identifier: Apache-2.0 */
/* The same on hosts whose containers are told apart by a v1 hierarchy: processes, and a connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: stop\n"
	"    processes: {crypto_miners: prevent}\n"
	"    network: {denied: {effect: prevent, ports: [3333]}}\n";

static int miner(void *ctx)
{
	char name[] = "xmrig", *argv[] = {name, NULL};

	execv(ctx, argv);
	return 123;
}

static void exec_is_judged(void **state)
{
	struct scene *s = *state;
	const struct wire_exec *e;
	int status;
	pid_t pid;

	scene_policy(s, prevent);
	pid = scene_fork(s, miner, (void *)scene_tool("first_byte"));
	status = scene_wait(s, pid);
	assert_true(WIFSIGNALED(status));
	e = scene_exec_of(s, pid);
	assert_int_equal(e->header.cgroup, s->cgroup);
	assert_int_equal(e->header.verdict.detection, DETECTION_CRYPTO_MINER);
}

static int knock(void *ctx)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(3333), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

static void connection_is_refused(void **state)
{
	struct scene *s = *state;
	pid_t pid = scene_fork(s, knock, NULL);

	assert_int_equal(WEXITSTATUS(scene_wait(s, pid)), EPERM);
	assert_int_equal(scene_net_of(s, pid, WIRE_NET_REFUSED)->header.cgroup, s->cgroup);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {cmocka_unit_test(exec_is_judged), cmocka_unit_test(connection_is_refused)};
	int r = scene_open(&scene, "pids");

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("v1", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
