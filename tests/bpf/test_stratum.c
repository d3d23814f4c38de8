/* SPDX-License-Identifier: Apache-2.0 */
/* Stratum in the first bytes of a stream, over the loopback: what reaches the other side. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char prevent[] = "version: 1\nruntime:\n  - {name: stop, processes: {crypto_miners: prevent, allowed: [\"*/fine\"]}}\n";
static const char alert[] = "version: 1\nruntime:\n  - {name: look, processes: {crypto_miners: alert}}\n";

#define SUBSCRIBE "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"x/1.0\"]}\n"
#define WALLET "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DsBBvsRpJwRKZq"

struct talk {
	struct sockaddr_in6 to;
	const char *text;
	bool split; /* one segment for each byte */
};

static int talk(void *ctx)
{
	const struct talk *t = ctx;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	size_t n = strlen(t->text);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (connect(fd, (const struct sockaddr *)&t->to, sizeof(t->to)) < 0)
		return errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (size_t i = 0; i < n; i += t->split ? 1 : n)
		if (write(fd, t->text + i, t->split ? 1 : n) < 0)
			return errno;
	shutdown(fd, SHUT_WR);
	poll(&p, 1, 300); /* the other side closes when it has all */
	return 0;
}

/* What the listener got, up to the end or until the talker has left. */
static size_t heard(struct scene *s, const char *address, const char *text, bool split, pid_t *ret_pid, char *out, size_t size)
{
	struct sockaddr_in6 me = {.sin6_family = AF_INET6};
	struct talk t = {.text = text, .split = split};
	socklen_t length = sizeof(me);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	size_t n = 0;
	ssize_t r;

	inet_pton(AF_INET6, address, &me.sin6_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&t.to, &length);
	*ret_pid = scene_fork(s, talk, &t);
	client = accept(fd, NULL, NULL);
	assert_true(client >= 0);
	fcntl(client, F_SETFL, O_NONBLOCK);
	scene_wait(s, *ret_pid);
	while (n < size && (r = read(client, out + n, size - n)) > 0)
		n += (size_t)r;
	close(client);
	close(fd);
	return n;
}

static bool is_hit(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_PAYLOAD_HIT && ((const struct wire_payload *)h)->process.pid == (uint32_t)*(const pid_t *)ctx;
}

static const struct wire_payload *hit_of(struct scene *s, pid_t pid)
{
	return (const void *)scene_await(s, is_hit, &pid);
}

static void miners_are_cut_off(void **state)
{
	static const struct {
		const char *address, *text, *sign;
		bool split;
	} cases[] = {
		{"::1", SUBSCRIBE, "mining.subscribe", false},
		{"::ffff:127.0.0.1", SUBSCRIBE, "mining.subscribe", false},
		{"::ffff:127.0.0.1", SUBSCRIBE, "mining.subscribe", true},
		{"::ffff:127.0.0.1", " \r\n [ {\"params\":[],\t\"method\" : \"mining.authorize\" } ]", "mining.authorize", true},
		{"::1", "{\"method\":\"\\u006dining\\u002Econfigure\"}", "mining.configure", false},
		{"::1", "{\"method\":\"eth_submitLogin\",\"params\":[\"0x1\"]}", "eth_submitLogin", false},
		{"::1", "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"" WALLET "\",\"pass\":\"x\"}}", "login", false},
		{"::1", "{\"params\":{\"agent\":\"XMRig/6\",\"login\":\"x\"},\"method\":\"login\"}", "login", true},
	};
	struct scene *s = *state;
	char got[1024];

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wire_payload *p;
		size_t n;
		pid_t pid;

		scene_clear(s);
		n = heard(s, cases[i].address, cases[i].text, cases[i].split, &pid, got, sizeof(got));
		p = hit_of(s, pid);
		assert_int_equal(p->header.verdict.detection, DETECTION_CRYPTO_MINER);
		assert_int_equal(p->header.verdict.evidence, EVIDENCE_STRATUM);
		assert_int_equal(p->header.verdict.done, DONE_PREVENT);
		assert_int_equal(p->header.cgroup, s->cgroup);
		assert_string_equal(p->sign, cases[i].sign);
		assert_true(p->size > 0 && p->size <= strlen(cases[i].text));
		assert_memory_equal(p->data, cases[i].text, p->size);
		assert_int_not_equal(p->remote_port, 0);
		assert_int_not_equal(p->local_port, 0);
		assert_int_equal(p->remote[15], 1);
		/* Whole, nothing leaves; in pieces, the piece that completes the sign never does. */
		assert_true(cases[i].split ? n < strlen(cases[i].text) - 1 : n == 0);
	}
}

static void others_pass(void **state)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n{\"method\":\"mining.subscribe\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":[{\"to\":\"0x1\"},\"latest\"],\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"rootUri\":null}}",
		"{\"method\":\"login\",\"params\":{\"username\":\"bob\",\"password\":\"secret\"}}",
		"{\"method\":\"login\",\"params\":{\"login\":\"bob\",\"pass\":\"secret\"}}",
		"{\"text\":\"mining.subscribe\",\"method\":\"post\"}",
		"mining.subscribe",
	};
	struct scene *s = *state;
	char got[1024];
	pid_t pid;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scene_clear(s);
		assert_int_equal(heard(s, "::1", texts[i], i % 2, &pid, got, sizeof(got)), strlen(texts[i]));
		assert_memory_equal(got, texts[i], strlen(texts[i]));
		scene_settle(s);
		assert_int_equal(scene_count(s, is_hit, &pid), 0);
	}
}

static void a_large_stream_passes(void **state)
{
	static char text[65536], got[65536];
	struct scene *s = *state;
	pid_t pid;

	memset(text, ' ', sizeof(text) - 1);
	text[0] = '{';
	assert_int_equal(heard(s, "::1", text, false, &pid, got, sizeof(got)), strlen(text));
}

static void alert_only_tells(void **state)
{
	struct scene *s = *state;
	char got[1024];
	pid_t pid;

	scene_clear(s);
	scene_policy(s, alert);
	assert_int_equal(heard(s, "::1", SUBSCRIBE, false, &pid, got, sizeof(got)), strlen(SUBSCRIBE));
	assert_int_equal(hit_of(s, pid)->header.verdict.done, DONE_ALERT);
	scene_policy(s, NULL);
	scene_clear(s);
	assert_int_equal(heard(s, "::1", SUBSCRIBE, false, &pid, got, sizeof(got)), strlen(SUBSCRIBE));
	scene_settle(s);
	assert_int_equal(scene_count(s, is_hit, &pid), 0);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(miners_are_cut_off), cmocka_unit_test(others_pass),
		cmocka_unit_test(a_large_stream_passes), cmocka_unit_test(alert_only_tells),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("stratum", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
