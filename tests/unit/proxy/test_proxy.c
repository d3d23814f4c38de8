/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through the proxy: judged, passed on as judged, and what is said when that cannot be. */
#include "stage.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

static struct stage s;
static struct client c;

static int up(void **state)
{
	stage_up(&s, NULL);
	assert_true(client_up(&c, &s, &s.alice));
	return 0;
}

static int down(void **state)
{
	client_down(&c);
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	assert_int_equal(proxy_counters(s.proxy)->body_bytes, 0);
	stage_down(&s);
	return 0;
}

#define H "Host: d\r\n"

static void allowed(void **state)
{
	SAY(&c, "GET /v1.41/info?a=b HTTP/1.1\r\nhost:d\r\nX-A:  b \r\nConnection: keep-alive\r\n\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "GET /v1.41/info?a=b HTTP/1.1\r\nhost: d\r\nX-A: b\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nServer:Docker\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
	client_expect(&c, "HTTP/1.1 200 OK\r\nServer: Docker\r\nContent-Length: 5\r\n\r\nhello");
	assert_int_equal(s.judged, 1);
	assert_string_equal(s.method, "GET");
	assert_string_equal(s.target, "/v1.41/info?a=b");
	assert_int_equal(proxy_counters(s.proxy)->allowed, 1);
}

static void denied(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_DENY};
	snprintf(s.verdict_text, sizeof(s.verdict_text), "[Seawall] command blocked by rule '%s': no\n", "x \"y\"");
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n");
	client_expect(&c, "\r\n\r\n{\"message\":\"[Seawall] command blocked by rule 'x \\\"y\\\"': no\\n\"}\n");
	/* The connection is still good. */
	SAY(&c, "HEAD /b HTTP/1.1\r\n" H "\r\nDELETE /c HTTP/1.1\r\n" H "\r\n");
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\n");
	client_expect(&c, "\r\n\r\nHTTP/1.1 403 Forbidden\r\n");
	assert_int_equal(s.engine_count, 0);
	assert_int_equal(proxy_counters(s.proxy)->denied, 3);
	assert_string_equal(s.method, "DELETE");
}

static void denied_before_its_body(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_DENY, .status = 451};
	SAY(&c, "POST /build HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	client_expect(&c, "HTTP/1.1 451 Refused\r\n");
	client_expect(&c, "Connection: close\r\n");
	client_expect_end(&c);
	assert_int_equal(s.judged, 1);
	/* What it still sends is heard by nobody, and does not take the answer from it either. */
	static char junk[100000];
	client_try(&c, junk, sizeof(junk));
	for (int i = 0; i < 20; i++)
		stage_turn(&s);
}

static void whole_body(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	SAY(&c, "POST /containers/create HTTP/1.1\r\n" H "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
	client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(s.judged, 1);
	SAY(&c, "4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n");
	stage_wait_engine(&s, 1);
	/* With its length now, and without the expectation. */
	engine_expect(&s, 0, "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
	assert_int_equal(s.judged, 2);
	assert_int_equal(s.body.len, 7);
	assert_memory_equal(s.body.data, "{\"a\":1}", 7);
	engine_say(&s, 0, "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
	client_expect(&c, "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
	/* No body at all is complete at once. */
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
	engine_expect(&s, 0, "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(s.judged, 3);
	engine_say(&s, 0, "HTTP/1.1 204 No Content\r\n\r\n");
	client_expect(&c, "HTTP/1.1 204 No Content\r\n\r\n");
	s.second = (struct proxy_verdict){.answer = PROXY_DENY};
	SAY(&c, "POST /b HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\n" H "\r\n");
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\n");
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\n");
	assert_string_equal(s.target, "/c");
	assert_int_equal(s.engine_count, 1);
}

static void too_large_to_judge(void **state)
{
	static char body[1u << 20];

	memset(body, 'x', sizeof(body));
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	/* One mebibyte is taken. */
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n");
	client_say(&c, body, sizeof(body));
	stage_wait_engine(&s, 1);
	assert_int_equal(s.body.len, sizeof(body));
	assert_false(s.oversize);
	engine_expect(&s, 0, "\r\n\r\nxxxxx");
	engine_say(&s, 0, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	client_expect(&c, "HTTP/1.1 500 No\r\n");
	client_expect_end(&c); /* the body was not sent to its end */
	client_down(&c);
	/* One byte more is not, said or not. */
	for (int chunked = 0; chunked < 2; chunked++) {
		assert_true(client_up(&c, &s, &s.alice));
		s.second = (struct proxy_verdict){.answer = PROXY_ALLOW};
		if (chunked) {
			SAY(&c, "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n100001\r\n");
			client_say(&c, body, sizeof(body));
			SAY(&c, "x\r\n0\r\n\r\n");
		} else {
			SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n");
		}
		client_expect(&c, "HTTP/1.1 413 Content Too Large\r\n");
		client_expect(&c, "too large to be judged");
		client_expect_end(&c);
		assert_true(s.oversize);
		if (!chunked)
			client_down(&c);
	}
	assert_int_equal(s.engine_count, 1);
	assert_int_equal(proxy_counters(s.proxy)->oversize, 2);
}

static void a_cut_body(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc");
	client_down(&c);
	assert_int_equal(s.judged, 1);
	assert_int_equal(s.engine_count, 0);
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	/* Malformed chunks: nothing is judged, nothing passed on. */
	assert_true(client_up(&c, &s, &s.alice));
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloGET");
	client_expect(&c, "HTTP/1.1 400 Bad Request\r\n");
	client_expect_end(&c);
	assert_int_equal(s.judged, 2);
	assert_int_equal(s.engine_count, 0);
}

static void later(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_LATER};
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	while (!s.judged)
		stage_turn(&s);
	for (int i = 0; i < 10; i++)
		stage_turn(&s);
	assert_int_equal(s.engine_count, 0);
	assert_int_equal(proxy_decide(s.proxy, s.id + 1, &s.verdict), -ENOENT);
	assert_int_equal(proxy_decide(s.proxy, s.id, &(struct proxy_verdict){.answer = PROXY_ALLOW}), 0);
	assert_int_equal(proxy_decide(s.proxy, s.id, &(struct proxy_verdict){.answer = PROXY_ALLOW}), -ENOENT);
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "GET /a HTTP/1.1\r\n");
	engine_say(&s, 0, "HTTP/1.1 204 No Content\r\n\r\n");
	client_expect(&c, "HTTP/1.1 204");
	SAY(&c, "GET /b HTTP/1.1\r\n" H "\r\n");
	while (s.judged < 2)
		stage_turn(&s);
	/* Anything but "allow" is a denial; the text is the proxy's own by then. */
	char text[] = "blocked before";
	assert_int_equal(proxy_decide(s.proxy, s.id, &(struct proxy_verdict){.answer = PROXY_LATER, .message = text}), 0);
	memset(text, 'x', sizeof(text) - 1);
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\n");
	client_expect(&c, "{\"message\":\"blocked before\"}");
	s.decide_inside = true;
	SAY(&c, "GET /i HTTP/1.1\r\n" H "\r\n");
	engine_expect(&s, 0, "GET /i HTTP/1.1\r\nHost: d\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 204 No Content\r\n\r\n");
	client_expect(&c, "HTTP/1.1 204");
	s.decide_inside = false;
	/* Gone while it waited. */
	SAY(&c, "GET /c HTTP/1.1\r\n" H "\r\n");
	while (s.judged < 4)
		stage_turn(&s);
	client_kill(&c);
	assert_int_equal(proxy_decide(s.proxy, s.id, &(struct proxy_verdict){.answer = PROXY_ALLOW}), -ENOENT);
	assert_true(client_up(&c, &s, &s.alice));
}

/* One engine connection serves many requests, one after the other, in their order. */
static void pipelined(void **state)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(1u << 20);
	char text[100];

	for (int i = 0; i < 50; i++)
		buf_printf(&all, "POST /r%d HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n%02d", i, i);
	client_say(&c, all.data, all.len);
	stage_wait_engine(&s, 1);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "POST /r%d HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n%02d", i, i);
		engine_expect(&s, 0, text);
		assert_int_equal(s.judged, i + 1); /* the next is not looked at before this one is answered */
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na%02d", i);
		engine_say(&s, 0, text);
		client_expect(&c, text);
	}
	assert_int_equal(s.engine_count, 1);
}

static void many_small_requests(void **state)
{
	uint64_t begun = time_monotonic();

	for (int i = 0; i < 500; i++) {
		SAY(&c, "GET /_ping HTTP/1.1\r\n" H "\r\n");
		stage_wait_engine(&s, 1);
		engine_expect(&s, 0, "\r\n\r\n");
		engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
		client_expect(&c, "\r\n\r\nOK");
	}
	print_message("# 500 requests on one connection: %.0f ms\n", (double)(time_monotonic() - begun) / 1e6);
	assert_int_equal(proxy_counters(s.proxy)->requests, 500);
	assert_int_equal(s.engine_count, 1);
}

static void engines_that_fail(void **state)
{
	s.open_error = -ECONNREFUSED;
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	client_expect(&c, "HTTP/1.1 502 Bad Gateway\r\n");
	client_expect(&c, "the engine gives no answer: Connection refused");
	client_expect_end(&c);
	s.open_error = 0;
	static const char *const bad[] = {"", "HTTP/1.1 200 OK\r\nContent-", "rubbish\r\n\r\n", "HTTP/1.1 200 OK\nX: y\n\n",
		"HTTP/1.1 101 Over\r\nUpgrade: tcp\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nxy"};
	for (int i = 0; i < (int)ARRAY_SIZE(bad); i++) {
		client_down(&c);
		assert_true(client_up(&c, &s, &s.alice));
		SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
		stage_wait_engine(&s, i + 1);
		engine_expect(&s, i, "\r\n\r\n");
		engine_say(&s, i, bad[i]);
		shutdown(s.engines[i], SHUT_RDWR);
		client_expect(&c, "HTTP/1.1 502 Bad Gateway\r\n");
		client_expect_end(&c);
	}
	assert_int_equal(proxy_counters(s.proxy)->engine_failed, ARRAY_SIZE(bad) + 1);
}

/* Cut in the middle, an answer must not look whole. */
static void a_cut_answer(void **state)
{
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	client_expect(&c, "3\r\nabc\r\n");
	shutdown(s.engines[0], SHUT_RDWR);
	for (int i = 0; i < 1000 && !c.broken; i++) {
		stage_turn(&s);
		client_poll(&c);
	}
	assert_true(c.broken && !c.eof);
	assert_int_equal(c.heard.len, 0);
}

/* An engine connection with something left on it, or that ends, is not used again. */
static void a_stale_engine(void **state)
{
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
	client_expect(&c, "\r\n\r\na");
	SAY(&c, "GET /b HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 2);
	engine_expect(&s, 1, "GET /b");
	engine_expect(&s, 1, "\r\n\r\n");
	engine_say(&s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
	client_expect(&c, "\r\n\r\nb");
	shutdown(s.engines[1], SHUT_RDWR);
	stage_turn(&s);
	SAY(&c, "GET /c HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 3);
	engine_expect(&s, 2, "GET /c");
	/* Poison that comes between two requests. */
	engine_expect(&s, 2, "\r\n\r\n");
	engine_say(&s, 2, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
	client_expect(&c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
	engine_say(&s, 2, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
	stage_turn(&s);
	SAY(&c, "HEAD /d HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 4);
	engine_expect(&s, 3, "HEAD /d HTTP/1.1\r\nHost: d\r\n\r\n");
	engine_say(&s, 3, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
	client_expect(&c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
	SAY(&c, "GET /e HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	engine_expect(&s, 3, "GET /e HTTP/1.1\r\nHost: d\r\n\r\n");
	engine_say(&s, 3, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
	shutdown(s.engines[3], SHUT_RDWR);
	client_expect(&c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
	client_expect_end(&c);
}

static void old_clients(void **state)
{
	SAY(&c, "GET /a HTTP/1.0\r\n\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "GET /a HTTP/1.1\r\nHost: docker\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n");
	client_expect(&c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
	client_expect_end(&c);
}

/* Nobody is told later that an engine came for him. */
static void an_engine_that_comes_late(void **state)
{
	int pair[2];

	s.hold = true;
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	while (!s.judged)
		stage_turn(&s);
	client_kill(&c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	proxy_upstream(s.proxy, s.id, pair[1]);
	assert_int_equal(write(pair[0], "x", 1), -1); /* closed at once */
	fd_close(pair[0]);
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	assert_true(client_up(&c, &s, &s.alice));
}

static void wait_timeouts(uint64_t n)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;

	while (proxy_counters(s.proxy)->timeouts < n && time_monotonic() < until)
		stage_turn(&s);
	assert_int_equal(proxy_counters(s.proxy)->timeouts, n);
}

static int up_impatient(void **state)
{
	static const struct proxy_limits limits = {
		.connections = 4, .handshake_ms = 300, .idle_ms = 600, .head_ms = 300, .body_ms = 300, .judge_ms = 300, .open_ms = 300, .bodies = 1000};

	stage_up(&s, &limits);
	assert_true(client_up(&c, &s, &s.alice));
	return 0;
}

static void who_is_too_slow(void **state)
{
	wait_timeouts(1);
	client_expect_end(&c); /* idle: a proper end */
	client_down(&c);
	assert_true(client_up(&c, &s, &s.alice));
	SAY(&c, "GET /a HT");
	wait_timeouts(2);
	client_expect(&c, "HTTP/1.1 408 Request Timeout\r\n");
	client_down(&c);
	assert_true(client_up(&c, &s, &s.alice));
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc");
	wait_timeouts(3);
	client_expect(&c, "HTTP/1.1 408 Request Timeout\r\n");
	client_down(&c);
	assert_true(client_up(&c, &s, &s.alice));
	s.verdict = (struct proxy_verdict){.answer = PROXY_ALLOW};
	s.hold = true;
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	wait_timeouts(4);
	client_expect(&c, "HTTP/1.1 502 Bad Gateway\r\n");
	client_down(&c);
	client_dial(&c, &s, &s.alice);
	wait_timeouts(5);
	assert_non_null(strstr(s.refused, "handshake"));
	client_kill(&c);
	assert_true(client_up(&c, &s, &s.alice));
	s.verdict = (struct proxy_verdict){.answer = PROXY_LATER};
	SAY(&c, "GET /a HTTP/1.1\r\n" H "\r\n");
	wait_timeouts(6);
	client_expect(&c, "HTTP/1.1 503 Service Unavailable\r\n");
	client_expect_end(&c);
	assert_int_equal(proxy_decide(s.proxy, s.id, &(struct proxy_verdict){.answer = PROXY_ALLOW}), -ENOENT);
}

static void all_bodies_together(void **state)
{
	static char body[800];
	struct client other;

	assert_true(client_up(&other, &s, &s.alice));
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	SAY(&c, "POST /a HTTP/1.1\r\n" H "Content-Length: 900\r\n\r\n");
	client_say(&c, body, sizeof(body));
	SAY(&other, "POST /a HTTP/1.1\r\n" H "Content-Length: 900\r\n\r\n");
	client_say(&other, body, sizeof(body));
	client_expect(&other, "HTTP/1.1 503 Service Unavailable\r\n");
	client_down(&other);
	assert_int_equal(proxy_counters(s.proxy)->body_bytes, 800);
}

static void more_than_there_is_room_for(void **state)
{
	struct client others[3], late, mute;

	for (int i = 0; i < 2; i++)
		assert_true(client_up(&others[i], &s, &s.alice));
	/* Who has not shown who he is goes first. */
	client_dial(&mute, &s, NULL);
	for (int i = 0; i < 10; i++)
		stage_turn(&s);
	assert_int_equal(proxy_counters(s.proxy)->connections, 4);
	assert_true(client_up(&others[2], &s, &s.alice));
	assert_int_equal(proxy_counters(s.proxy)->turned_away, 1);
	assert_false(client_up(&late, &s, &s.alice));
	assert_int_equal(proxy_counters(s.proxy)->connections, 4);
	assert_int_equal(proxy_counters(s.proxy)->turned_away, 2);
	client_kill(&late);
	client_kill(&mute);
	for (int i = 0; i < 3; i++)
		client_down(&others[i]);
	assert_int_equal(proxy_counters(s.proxy)->connections, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(allowed, up, down),
		cmocka_unit_test_setup_teardown(denied, up, down),
		cmocka_unit_test_setup_teardown(denied_before_its_body, up, down),
		cmocka_unit_test_setup_teardown(whole_body, up, down),
		cmocka_unit_test_setup_teardown(too_large_to_judge, up, down),
		cmocka_unit_test_setup_teardown(a_cut_body, up, down),
		cmocka_unit_test_setup_teardown(later, up, down),
		cmocka_unit_test_setup_teardown(pipelined, up, down),
		cmocka_unit_test_setup_teardown(many_small_requests, up, down),
		cmocka_unit_test_setup_teardown(engines_that_fail, up, down),
		cmocka_unit_test_setup_teardown(a_cut_answer, up, down),
		cmocka_unit_test_setup_teardown(a_stale_engine, up, down),
		cmocka_unit_test_setup_teardown(old_clients, up, down),
		cmocka_unit_test_setup_teardown(an_engine_that_comes_late, up, down),
		cmocka_unit_test_setup_teardown(who_is_too_slow, up_impatient, down),
		cmocka_unit_test_setup_teardown(all_bodies_together, up_impatient, down),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for, up_impatient, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
