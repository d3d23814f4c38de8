/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and bodies: what must be taken, and each way in which two parsers could disagree. */
#include "stage.h"

#include <errno.h>

#include "proxy/http_body.h"

#define H "Host: d\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST /x HTTP/1.1\r\n" H

static const struct {
	const char *name, *text;
} smuggling[] = {
	{"bare LF after the first line", "GET / HTTP/1.1\nHost: d\r\n\r\n"},
	{"bare LF after a field", "GET / HTTP/1.1\r\nHost: d\n\r\n"},
	{"bare LF as the end", GET "\n"},
	{"bare CR in a field", GET "X: a\rb\r\n\r\n"},
	{"CR CR LF", GET "X: a\r\r\n\r\n"},
	{"empty line first", "\r\n" GET "\r\n"},
	{"a field that goes on", GET "X: a\r\n b\r\n\r\n"},
	{"a field that goes on, first", "GET / HTTP/1.1\r\n Host: d\r\n\r\n"},
	{"a field that goes on with a tab", GET "Content-Length: 1\r\n\t0\r\n\r\n"},
	{"space before the colon", POST "Content-Length : 5\r\n\r\n"},
	{"tab before the colon", POST "Transfer-Encoding\t: chunked\r\n\r\n"},
	{"no colon", GET "X\r\n\r\n"},
	{"no name", GET ": x\r\n\r\n"},
	{"underscore for dash", POST "Content_Length: 5\r\n\r\n"},
	{"high byte in a name", GET "X\xff: x\r\n\r\n"},
	{"control character in a value", GET "X: a\x01\r\n\r\n"},
	{"DEL in a value", GET "X: a\x7f\r\n\r\n"},
	{"length twice, differing", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
	{"length twice, the same", POST "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"},
	{"length as a list", POST "Content-Length: 5, 5\r\n\r\n"},
	{"length with a sign", POST "Content-Length: +5\r\n\r\n"},
	{"negative length", POST "Content-Length: -1\r\n\r\n"},
	{"length in hexadecimal", POST "Content-Length: 0x10\r\n\r\n"},
	{"length with a zero in front", POST "Content-Length: 010\r\n\r\n"},
	{"length with a space inside", POST "Content-Length: 1 0\r\n\r\n"},
	{"empty length", POST "Content-Length: \r\n\r\n"},
	{"length beyond 64 bits", POST "Content-Length: 18446744073709551621\r\n\r\n"},
	{"length and chunked", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"chunked and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
	{"chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"chunked twice in one", POST "Transfer-Encoding: chunked, chunked\r\n\r\n"},
	{"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	{"identity", POST "Transfer-Encoding: identity\r\n\r\n"},
	{"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n"},
	{"chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n"},
	{"chunked with a vertical tab", POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n"},
	{"empty coding", POST "Transfer-Encoding:\r\n\r\n"},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"HTTP/0.9", "GET /\r\n\r\n"},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n"},
	{"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n"},
	{"HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n"},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n"},
	{"http in small letters", "GET / http/1.1\r\n" H "\r\n"},
	{"no version", "GET / \r\n" H "\r\n"},
	{"two spaces", "GET  / HTTP/1.1\r\n" H "\r\n"},
	{"a space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n"},
	{"a space at the end", "GET / HTTP/1.1 \r\n" H "\r\n"},
	{"tab for space", "GET\t/\tHTTP/1.1\r\n" H "\r\n"},
	{"absolute form", "GET http://d/info HTTP/1.1\r\n" H "\r\n"},
	{"authority form", "CONNECT d:80 HTTP/1.1\r\n" H "\r\n"},
	{"asterisk form", "OPTIONS * HTTP/1.1\r\n" H "\r\n"},
	{"TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n"},
	{"small letters in the method", "get / HTTP/1.1\r\n" H "\r\n"},
	{"a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n"},
	{"a backslash", "GET /a\\b HTTP/1.1\r\n" H "\r\n"},
	{"a high byte in the target", "GET /a\xc3\xa4 HTTP/1.1\r\n" H "\r\n"},
	{"a broken %", "GET /a%2 HTTP/1.1\r\n" H "\r\n"},
	{"%zz", "GET /a%zz HTTP/1.1\r\n" H "\r\n"},
	{"%00", "GET /a%00 HTTP/1.1\r\n" H "\r\n"},
	{"no host", "GET / HTTP/1.1\r\n\r\n"},
	{"two hosts", GET "Host: e\r\n\r\n"},
	{"two types", POST "Content-Type: a\r\nContent-Type: b\r\n\r\n"},
	{"Connection drops the length", POST "Connection: Content-Length\r\nContent-Length: 5\r\n\r\n"},
	{"Connection drops the coding", POST "Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"Connection drops who it is", GET "Connection: X-Registry-Auth\r\n\r\n"},
	{"Connection with an empty word", GET "Connection: close,,upgrade\r\n\r\n"},
	{"Connection twice", GET "Connection: close\r\nConnection: upgrade\r\n\r\n"},
	{"Upgrade with more in it", GET "Connection: upgrade\r\nUpgrade: tcp, h2c\r\n\r\n"},
	{"an expectation that nobody knows", POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n"},
	{"Expect in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"},
};

static int parse(struct http_head *h, const char *text, size_t n)
{
	size_t scanned = 0;
	struct diag diag = {0};
	ssize_t end = http_head_end((const uint8_t *)text, n, &scanned);

	if (end <= 0)
		return end == 0 ? -EAGAIN : (int)end;
	int r = http_request_parse(h, (const uint8_t *)text, (size_t)end, &diag);
	assert_true(r != -EBADMSG || *diag.message);
	return r;
}

static void what_could_be_read_two_ways(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(smuggling); i++) {
		struct http_head h = {0};
		int r = parse(&h, smuggling[i].text, strlen(smuggling[i].text));
		if (r != -EBADMSG)
			fail_msg("%s: %d", smuggling[i].name, r);
		http_head_done(&h);
	}
	struct http_head h = {0};
	assert_int_equal(parse(&h, GET "X: a\0b\r\n\r\n", sizeof(GET "X: a\0b\r\n\r\n") - 1), -EBADMSG);
	http_head_done(&h);
}

/* On the wire: 400, the end, and the engine has never heard of it, nor of what came behind. */
static void and_so_on_the_wire(void **state)
{
	struct stage s;

	stage_up(&s, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(smuggling); i++) {
		struct client c;
		assert_true(client_up(&c, &s, &s.alice));
		client_say(&c, smuggling[i].text, strlen(smuggling[i].text));
		SAY(&c, "0\r\n\r\nGET /smuggled HTTP/1.1\r\n" H "\r\n");
		client_expect(&c, "HTTP/1.1 400 Bad Request\r\n");
		client_expect(&c, "Connection: close\r\n");
		client_expect(&c, "{\"message\":\"[Seawall] malformed request: ");
		client_expect_end(&c);
		client_kill(&c);
		if (s.judged || s.engine_count)
			fail_msg("%s: was judged", smuggling[i].name);
	}
	assert_int_equal(proxy_counters(s.proxy)->malformed, ARRAY_SIZE(smuggling));
	assert_int_equal(proxy_counters(s.proxy)->connections, 0);
	assert_non_null(strstr(s.refused, "alice: "));
	stage_down(&s);
}

static int parse_text(struct http_head *h, const char *text)
{
	return parse(h, text, strlen(text));
}

static void good_requests(void **state)
{
	struct http_head h = {0};

	assert_int_equal(parse_text(&h, "POST /v1.41/exec/ab/start?x=%2F HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
				   "Content-Type:application/json\r\nContent-Length: \t 26 \t\r\n\r\n"), 0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.target, "/v1.41/exec/ab/start?x=%2F");
	assert_string_equal(h.upgrade, "tcp");
	assert_string_equal(http_head_value(&h, "content-TYPE"), "application/json");
	assert_int_equal(h.framing, HTTP_LENGTH);
	assert_int_equal(h.length, 26);
	assert_false(h.close);
	http_head_done(&h);
	assert_int_equal(parse_text(&h, POST "Transfer-Encoding: Chunked\r\nExpect: 100-continue\r\nConnection: keep-alive, Close\r\n\r\n"), 0);
	assert_int_equal(h.framing, HTTP_CHUNKED);
	assert_true(h.expect_continue && h.close && !h.upgrade);
	http_head_done(&h);
	assert_int_equal(parse_text(&h, "HEAD /_ping HTTP/1.0\r\n\r\n"), 0);
	assert_int_equal(h.framing, HTTP_NO_BODY);
	assert_true(h.close);
	http_head_done(&h);
	/* Upgrade without Connection is nothing to us, and h2c settings are not passed on. */
	assert_int_equal(parse_text(&h, GET "Upgrade: tcp\r\nHTTP2-Settings: x\r\nX-Empty:\r\n\r\n"), 0);
	assert_null(h.upgrade);
	http_head_done(&h);
}

static void how_it_is_written_anew(void **state)
{
	CLEANUP(http_head_done) struct http_head h = {0};
	CLEANUP(buf_done) struct buf out = BUF_INIT(10000);

	assert_int_equal(parse_text(&h, "POST /a HTTP/1.1\r\nhost:  d \r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nTrailer: x\r\n"
				   "Connection: keep-alive\r\nExpect: 100-continue\r\nX-Y:z\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
	http_request_put(&out, &h, &(struct http_rewrite){.framing = HTTP_LENGTH, .length = 7});
	assert_string_equal((char *)out.data, "POST /a HTTP/1.1\r\nhost: d\r\nX-Y: z\r\nContent-Length: 7\r\n\r\n");
	buf_reset(&out);
	http_request_put(&out, &h, &(struct http_rewrite){.framing = HTTP_CHUNKED, .upgrade = "tcp"});
	assert_string_equal((char *)out.data,
		"POST /a HTTP/1.1\r\nhost: d\r\nX-Y: z\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
}

static void the_limits_of_a_head(void **state)
{
	static char text[HTTP_HEAD_MAX + 100];
	struct http_head h = {0};
	size_t scanned = 0, n = (size_t)snprintf(text, sizeof(text), GET);

	memset(text + n, 'a', sizeof(text) - n);
	memcpy(text + n, "X: ", 3);
	assert_int_equal(http_head_end((uint8_t *)text, HTTP_HEAD_MAX - 1, &scanned), 0);
	assert_int_equal(http_head_end((uint8_t *)text, sizeof(text), &scanned), -E2BIG);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(parse(&h, text, sizeof(text)), 0);
	http_head_done(&h);
	for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X: y\r\n");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	assert_int_equal(parse(&h, text, n), -EBADMSG);
	http_head_done(&h);
}

static int answer(struct http_head *h, const char *text, const char *method)
{
	http_head_done(h);
	return http_answer_parse(h, (const uint8_t *)text, strlen(text), method, NULL);
}

static void answers(void **state)
{
	CLEANUP(http_head_done) struct http_head h = {0};
	static const char *const bad[] = {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/2 200\r\n\r\n",
		"ICY 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nX y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(answer(&h, bad[i], "GET"), -EBADMSG);
	assert_int_equal(answer(&h, "HTTP/1.1 200 OK\r\n\r\n", "GET"), 0);
	assert_int_equal(h.framing, HTTP_UNTIL_CLOSE);
	assert_true(h.close);
	assert_int_equal(answer(&h, "HTTP/1.1 200 OK\r\nX_Y: z\r\nContent-Length: 9\r\n\r\n", "HEAD"), 0);
	assert_int_equal(h.framing, HTTP_NO_BODY);
	assert_int_equal(answer(&h, "HTTP/1.1 204\r\nContent-Length: 9\r\n\r\n", "GET"), 0);
	assert_int_equal(h.framing, HTTP_NO_BODY);
	assert_int_equal(answer(&h, "HTTP/1.1 404 Not Found\r\nConnection: Close\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"), 0);
	assert_int_equal(h.framing, HTTP_CHUNKED);
	assert_true(h.close);
	assert_string_equal(h.reason, "Not Found");
}

/* The payload of a chunked body fed in pieces of this size, or NULL: malformed; "..." at its end: more to come. */
static const char *chunked(const char *text, size_t piece, bool drop)
{
	static char out[300];
	struct buf b = BUF_FIXED((uint8_t *)out, sizeof(out));
	struct http_body body;
	size_t n = strlen(text), at = 0;

	http_body_init(&body, HTTP_CHUNKED, 0, drop);
	out[0] = 0;
	while (at < n && !body.done) {
		const uint8_t *data;
		size_t size;
		ssize_t used = http_body_read(&body, (const uint8_t *)text + at, n - at < piece ? n - at : piece, &data, &size);
		if (used < 0)
			return NULL;
		buf_put(&b, data, size);
		at += (size_t)used;
	}
	if (!body.done)
		buf_puts(&b, "...");
	else if (at < n)
		buf_printf(&b, "|%zu", n - at);
	return out;
}

static void chunks(void **state)
{
	static const char *const bad[] = {"\r\n", "5;x=y\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n", " 5\r\nhello\r\n", "5\nhello\r\n", "0x5\r\nhello\r\n",
		"+5\r\nhello\r\n", "-1\r\n", "g\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "0\r\nX: y\r\n\r\n",
		"0\r\n\n", "0\r\n\r\r", "0\n\r\n", "ffffffffffffffff\r\n", "0000000000000000\r\n", "5\r\nhell\r\n0\r\n\r\n"};

	for (size_t piece = 1; piece < 30; piece++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			if (chunked(bad[i], piece, false))
				fail_msg("taken: %s", bad[i]);
		assert_string_equal(chunked("5\r\nhello\r\n0A\r\n, world...\r\n0\r\n\r\nGET", piece, false), "hello, world...|3");
		assert_string_equal(chunked("0\r\n\r\n", piece, false), "");
		assert_string_equal(chunked("5\r\nhel", piece, false), "hel...");
		assert_string_equal(chunked("3\r\nabc\r\n000\r\n", piece, false), "abc...");
		assert_string_equal(chunked("1\r\na\r\n0\r\nX: y\r\nZ: z\r\n\r\nmore", piece, true), "a|4");
		assert_null(chunked("1\r\na\r\n0\r\nX: y\nZ: z\r\n\r\n", piece, true));
	}
}

static void lengths(void **state)
{
	struct http_body body;
	const uint8_t *data;
	size_t size;

	http_body_init(&body, HTTP_LENGTH, 5, false);
	assert_int_equal(http_body_read(&body, (const uint8_t *)"abc", 3, &data, &size), 3);
	assert_int_equal(size, 3);
	assert_false(body.done);
	assert_int_equal(http_body_read(&body, (const uint8_t *)"defgh", 5, &data, &size), 2);
	assert_true(body.done);
	assert_int_equal(http_body_read(&body, (const uint8_t *)"gh", 2, &data, &size), 0);
	http_body_init(&body, HTTP_LENGTH, 0, false);
	assert_true(body.done);
	http_body_init(&body, HTTP_NO_BODY, 9, false);
	assert_true(body.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_be_read_two_ways),
		cmocka_unit_test(and_so_on_the_wire),
		cmocka_unit_test(good_requests),
		cmocka_unit_test(how_it_is_written_anew),
		cmocka_unit_test(the_limits_of_a_head),
		cmocka_unit_test(answers),
		cmocka_unit_test(chunks),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
