/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's framing, whole and in pieces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/grpc.h"

struct seen {
	int count;
	size_t sizes[8];
	char last[64];
	int answer;
};

static int on_message(void *ctx, const uint8_t *message, size_t n)
{
	struct seen *s = ctx;

	s->sizes[s->count++ % 8] = n;
	if (n < sizeof(s->last)) {
		memcpy(s->last, message, n);
		s->last[n] = 0;
	}
	return s->answer;
}

static void test_pieces(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	grpc_put(&b, "first", 5);
	grpc_put(&b, "", 0);
	grpc_put(&b, "third one", 9);
	for (size_t piece = 1; piece <= b.len; piece++) {
		struct grpc_stream s;
		struct seen seen = {0};
		grpc_stream_init(&s);
		for (size_t at = 0; at < b.len; at += piece)
			assert_int_equal(
				grpc_stream_feed(&s, b.data + at,
					b.len - at < piece ? b.len - at : piece, on_message, &seen),
				0);
		assert_int_equal(seen.count, 3);
		assert_int_equal(seen.sizes[1], 0);
		assert_string_equal(seen.last, "third one");
		grpc_stream_done(&s);
	}
}

/* A message beyond the limit is passed over, whatever follows is seen. */
static void test_too_long(void **state)
{
	static const uint8_t head[] = {0, 0x7f, 0xff, 0xff, 0xff};
	static uint8_t zeros[1 << 20];
	struct grpc_stream s;
	struct seen seen = {0};
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);

	grpc_stream_init(&s);
	assert_int_equal(grpc_stream_feed(&s, head, sizeof(head), on_message, &seen), 0);
	assert_int_equal(s.skipped, 1);
	for (uint32_t left = 0x7fffffff; left;) {
		uint32_t part = left < sizeof(zeros) ? left : sizeof(zeros);
		assert_int_equal(grpc_stream_feed(&s, zeros, part, on_message, &seen), 0);
		left -= part;
	}
	assert_int_equal(seen.count, 0);
	grpc_put(&b, "after", 5);
	assert_int_equal(grpc_stream_feed(&s, b.data, b.len, on_message, &seen), 0);
	assert_string_equal(seen.last, "after");
	grpc_stream_done(&s);
}

static void test_bad(void **state)
{
	static const uint8_t compressed[] = {1, 0, 0, 0, 1, 'x'};
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);
	struct grpc_stream s;
	struct seen seen = {.answer = -EPROTO};

	grpc_stream_init(&s);
	assert_int_equal(
		grpc_stream_feed(&s, compressed, sizeof(compressed), on_message, &seen), -EBADMSG);
	grpc_stream_reset(&s);
	grpc_put(&b, "ab", 2);
	grpc_put(&b, "cd", 2);
	assert_int_equal(grpc_stream_feed(&s, b.data, b.len, on_message, &seen), -EPROTO);
	assert_int_equal(seen.count, 1);
	grpc_stream_done(&s);
}

static void test_single(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);
	const uint8_t *message;
	size_t n;

	grpc_put(&b, "ab", 2);
	assert_int_equal(grpc_single(b.data, b.len, &message, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(grpc_single(b.data, b.len - 1, &message, &n), -EBADMSG);
	assert_int_equal(grpc_single(b.data, 4, &message, &n), -EBADMSG);
	assert_int_equal(grpc_single(b.data, 0, &message, &n), -EBADMSG);
	grpc_put(&b, "cd", 2);
	assert_int_equal(grpc_single(b.data, b.len, &message, &n), -EBADMSG);
	b.data[0] = 1;
	assert_int_equal(grpc_single(b.data, 7, &message, &n), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_single),
	};

	return cmocka_run_group_tests_name("runtime.grpc", tests, NULL, NULL);
}
