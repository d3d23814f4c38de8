/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: what an engine takes over, with its half-closed states, and much data in little memory. */
#include "stage.h"

#include <errno.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

static struct stage s;
static struct client c;

static int up(void **state)
{
	stage_up(&s, NULL);
	s.verdict.hijack = true;
	assert_true(client_up(&c, &s, &s.alice));
	return 0;
}

static int up_old(void **state)
{
	stage_up(&s, NULL);
	s.verdict.hijack = true;
	s.max_version = TLS1_2_VERSION;
	assert_true(client_up(&c, &s, &s.alice));
	assert_int_equal(SSL_version(c.ssl), TLS1_2_VERSION);
	return 0;
}

static int down(void **state)
{
	client_down(&c);
	for (int i = 0; i < s.engine_count; i++)
		s.engines[i] = fd_close(s.engines[i]);
	for (int i = 0; i < 20; i++)
		stage_turn(&s);
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	stage_down(&s);
	return 0;
}

#define H "Host: d\r\n"
#define ATTACH "POST /containers/a/attach HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
#define OVER "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

static void attach(void)
{
	SAY(&c, ATTACH);
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0,
		"POST /containers/a/attach HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	engine_say(&s, 0, OVER "early");
	client_expect(&c, OVER);
	client_expect(&c, "early");
}

/* echo hi | docker run -i ... cat: the client's end of sending reaches the engine, whose answer still comes. */
static void the_client_ends_its_half(void **state)
{
	attach();
	SAY(&c, "hi\n");
	engine_expect(&s, 0, "hi\n");
	assert_int_equal(SSL_shutdown(c.ssl), 0);
	engine_expect_end(&s, 0);
	engine_say(&s, 0, "bye\n");
	client_expect(&c, "bye\n");
	shutdown(s.engines[0], SHUT_RDWR);
	client_expect_end(&c);
	assert_int_equal(proxy_counters(s.proxy)->hijacked, 1);
}

/* The same without a word of TLS, as some clients do it. */
static void the_client_shuts_its_socket(void **state)
{
	attach();
	shutdown(c.fd, SHUT_WR);
	engine_expect_end(&s, 0);
	engine_say(&s, 0, "bye\n");
	client_expect(&c, "bye\n");
	shutdown(s.engines[0], SHUT_RDWR);
	client_expect_end(&c);
}

static void the_engine_ends_its_half(void **state)
{
	attach();
	engine_say(&s, 0, "out");
	assert_int_equal(shutdown(s.engines[0], SHUT_WR), 0);
	client_expect(&c, "out");
	client_expect_end(&c);
	SAY(&c, "still here");
	engine_expect(&s, 0, "still here");
	assert_int_equal(SSL_shutdown(c.ssl), 1);
	engine_expect_end(&s, 0);
}

static void the_engine_dies(void **state)
{
	attach();
	fd_close(s.engines[0]);
	s.engines[0] = -1;
	client_expect_end(&c);
	for (int i = 0; i < 50; i++)
		stage_turn(&s);
	SAY(&c, "more");
}

static void the_client_dies(void **state)
{
	attach();
	client_kill(&c);
	engine_expect_end(&s, 0);
	for (int i = 0; i < 50 && proxy_counters(s.proxy)->connections; i++) {
		send(s.engines[0], "x", 1, MSG_NOSIGNAL);
		stage_turn(&s);
	}
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	assert_true(client_up(&c, &s, &s.alice));
}

/* Bytes that come behind the request belong to the stream, when it becomes one. */
static void early_input(void **state)
{
	SAY(&c, ATTACH "typed ahead");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	stage_turn(&s);
	char bytes[20];
	assert_int_equal(recv(s.engines[0], bytes, sizeof(bytes), MSG_DONTWAIT), -1); /* not before it is one */
	engine_say(&s, 0, OVER);
	engine_expect(&s, 0, "typed ahead");
}

/* When it does not, they are never read as a request. */
static void no_request_behind_a_stream(void **state)
{
	SAY(&c, ATTACH "GET /smuggled HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
	client_expect(&c, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
	client_expect_end(&c);
	assert_int_equal(s.judged, 1);
}

/* exec start: the body is judged, then the engine takes the connection over. */
static void judged_and_taken_over(void **state)
{
	s.verdict = (struct proxy_verdict){.answer = PROXY_NEED_BODY};
	s.second.hijack = true;
	SAY(&c, "POST /exec/a/start HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}keys");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "Content-Length: 2\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n{}");
	engine_say(&s, 0, OVER "prompt");
	client_expect(&c, OVER "prompt");
	engine_expect(&s, 0, "keys");
	assert_int_equal(s.judged, 2);
}

static void an_answer_that_is_a_stream(void **state)
{
	SAY(&c, "POST /exec/a/start HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "{}");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\nraw");
	client_expect(&c, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\nraw");
	SAY(&c, "in");
	engine_expect(&s, 0, "in");
	assert_int_equal(proxy_counters(s.proxy)->hijacked, 1);
}

/* A stream only where the judge said so: else it is an ordinary answer until its end. */
static void no_stream_without_leave(void **state)
{
	s.verdict.hijack = false;
	SAY(&c, ATTACH "GET /smuggled HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "POST /containers/a/attach HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nraw");
	client_expect(&c, "Connection: close\r\n\r\nraw");
	shutdown(s.engines[0], SHUT_RDWR);
	client_expect_end(&c);
	assert_int_equal(s.judged, 1);
	assert_int_equal(proxy_counters(s.proxy)->hijacked, 0);
}

/* Chunks of events reach the client as they come, not when a buffer is full. */
static void events(void **state)
{
	SAY(&c, "GET /events HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	s.verdict.hijack = false;
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	client_expect(&c, "\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		engine_say(&s, 0, "4\r\ntick\r\n");
		client_expect(&c, "4\r\ntick\r\n");
	}
}

/* A client that leaves a quiet stream is noticed without a next event. */
static void who_leaves_the_events(void **state)
{
	for (int polite = 0; polite < 2; polite++) {
		s.verdict.hijack = false;
		SAY(&c, "GET /events HTTP/1.1\r\n" H "\r\n");
		stage_wait_engine(&s, polite + 1);
		engine_expect(&s, polite, "\r\n\r\n");
		engine_say(&s, polite, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		client_expect(&c, "\r\n\r\n");
		if (polite)
			client_down(&c);
		else
			client_kill(&c);
		engine_expect_end(&s, polite);
		assert_true(client_up(&c, &s, &s.alice));
	}
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

#define PIECE 65536

/* Engine side of a transfer that the test turns: reads or writes what goes, `pace` bytes a turn. */
static size_t engine_step(bool reads, uint8_t *bytes, size_t pace)
{
	ssize_t n = reads ? recv(s.engines[0], bytes, pace, MSG_DONTWAIT) : send(s.engines[0], bytes, pace, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

/* 200 MB to the engine as one chunked body; half way it does not read for a while, and the client has to
 * wait: memory stays what it was. */
static void much_up(void **state)
{
	static uint8_t out[PIECE], in[PIECE * 4];
	const size_t pieces = 200 * 1000 * 1000 / PIECE;
	CLEANUP(buf_done) struct buf chunk = BUF_INIT(PIECE + 100);
	size_t before = heap(), peak = 0, sent = 0, heard = 0, at = 0;
	uint64_t begun = time_monotonic();
	int stuck = 0;

	s.verdict.hijack = false;
	memset(out, 'u', sizeof(out));
	SAY(&c, "POST /images/load HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "Transfer-Encoding: chunked\r\n\r\n");
	buf_printf(&chunk, "%x\r\n", PIECE);
	buf_put(&chunk, out, PIECE);
	buf_puts(&chunk, "\r\n");
	while (heard < pieces * PIECE) {
		bool halts = heard > pieces * PIECE / 2 && stuck < 500;
		size_t n = sent < pieces ? (size_t)client_try(&c, chunk.data + at, chunk.len - at) : 0;
		at += n;
		sent += at == chunk.len;
		at = at == chunk.len ? 0 : at;
		stuck = halts ? (n ? 0 : stuck + 1) : stuck;
		assert_int_equal(loop_run_once(s.loop, 0), 0);
		heard += halts ? 0 : engine_step(true, in, sizeof(in));
		if (heap() > peak)
			peak = heap();
	}
	assert_int_equal(stuck, 500);
	print_message("# 200 MB up: %.0f ms, heap %zu KiB above the start\n", (double)(time_monotonic() - begun) / 1e6, (peak - before) / 1024);
	assert_true(peak - before < 1u << 20);
	SAY(&c, "0\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	client_expect(&c, "HTTP/1.1 200 OK\r\n");
}

/* 200 MB from the engine; the client reads, and half way does not read at all for a while: then the
 * engine has to wait, and nothing grows. */
static void much_down_slowly(void **state)
{
	static uint8_t out[PIECE];
	const size_t total = 200 * 1000 * 1000;
	size_t before = heap(), peak = 0, sent = 0, heard = 0;
	int stuck = 0;

	s.verdict.hijack = false;
	SAY(&c, "GET /images/x/get HTTP/1.1\r\n" H "\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n");
	client_expect(&c, "\r\n\r\n");
	while (heard + c.heard.len < total) {
		size_t n = sent < total ? engine_step(false, out, total - sent < PIECE ? total - sent : PIECE) : 0;
		sent += n;
		bool halts = heard > total / 2 && stuck < 500;
		stuck = halts ? (n ? 0 : stuck + 1) : stuck;
		assert_int_equal(loop_run_once(s.loop, 0), 0);
		if (!halts)
			client_poll(&c);
		heard += c.heard.len;
		buf_reset(&c.heard);
		if (heap() > peak)
			peak = heap();
	}
	assert_int_equal(stuck, 500); /* the engine really had to wait */
	print_message("# 200 MB down: heap %zu KiB above the start\n", (peak - before) / 1024);
	assert_true(peak - before < 1u << 20);
	assert_int_equal(heard, total);
}

/* Both ways at once through a stream that was taken over; neither waits for the other. */
static void both_ways(void **state)
{
	static uint8_t out[PIECE], in[PIECE];
	const size_t total = 8u << 20;
	size_t up_sent = 0, up_heard = 0, down_sent = 0;

	attach();
	while (up_heard < total || c.heard.len < total) {
		if (up_sent < total)
			up_sent += (size_t)client_try(&c, out, total - up_sent < PIECE ? total - up_sent : PIECE);
		if (down_sent < total)
			down_sent += engine_step(false, out, total - down_sent < PIECE ? total - down_sent : PIECE);
		assert_int_equal(loop_run_once(s.loop, 0), 0);
		up_heard += engine_step(true, in, sizeof(in));
		client_poll(&c);
	}
	assert_int_equal(c.heard.len, total);
	assert_int_equal(up_heard, total);
}

/* An engine that answers before it has read the body: build contexts that it does not like. */
static void an_early_answer(void **state)
{
	static uint8_t junk[PIECE];

	s.verdict.hijack = false;
	SAY(&c, "POST /build HTTP/1.1\r\n" H "Content-Length: 100000000\r\n\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		client_try(&c, junk, sizeof(junk));
		stage_turn(&s);
	}
	engine_say(&s, 0, "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!");
	client_expect(&c, "\r\n\r\nno!");
	client_expect_end(&c);
	assert_int_equal(c.heard.len, 0);
	assert_int_equal(s.judged, 1); /* the rest of the body is no request */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_client_ends_its_half, up, down),
		cmocka_unit_test_setup_teardown(the_client_ends_its_half, up_old, down),
		cmocka_unit_test_setup_teardown(the_engine_ends_its_half, up_old, down),
		cmocka_unit_test_setup_teardown(judged_and_taken_over, up, down),
		cmocka_unit_test_setup_teardown(the_client_shuts_its_socket, up, down),
		cmocka_unit_test_setup_teardown(the_engine_ends_its_half, up, down),
		cmocka_unit_test_setup_teardown(the_engine_dies, up, down),
		cmocka_unit_test_setup_teardown(the_client_dies, up, down),
		cmocka_unit_test_setup_teardown(early_input, up, down),
		cmocka_unit_test_setup_teardown(no_request_behind_a_stream, up, down),
		cmocka_unit_test_setup_teardown(an_answer_that_is_a_stream, up, down),
		cmocka_unit_test_setup_teardown(no_stream_without_leave, up, down),
		cmocka_unit_test_setup_teardown(events, up, down),
		cmocka_unit_test_setup_teardown(who_leaves_the_events, up, down),
		cmocka_unit_test_setup_teardown(much_up, up, down),
		cmocka_unit_test_setup_teardown(much_down_slowly, up, down),
		cmocka_unit_test_setup_teardown(both_ways, up, down),
		cmocka_unit_test_setup_teardown(an_early_answer, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
