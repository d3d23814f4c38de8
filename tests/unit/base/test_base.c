/* SPDX-License-Identifier: Apache-2.0 */
/* The base library to the edge: buffers, readers, JSON, strict parsing, patterns, times, files, loop. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/pattern.h"
#include "base/proc.h"

static void buffers_keep_their_limit(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10);

	(void)state;
	buf_puts(&b, "0123456789");
	assert_int_equal(b.failed, 0);
	assert_string_equal((char *)b.data, "0123456789");
	buf_putc(&b, 'x');
	assert_int_equal(b.failed, -E2BIG);
	buf_puts(&b, "");
	assert_int_equal(b.len, 10);
	buf_reset(&b);
	buf_printf(&b, "%d-%s", 7, "ab");
	assert_string_equal((char *)b.data, "7-ab");
	buf_consume(&b, 2);
	assert_string_equal((char *)b.data, "ab");
}

static void readers_never_pass_the_end(void **state)
{
	struct reader r = READER("\x01\x02\x03\x04\x05", 5);

	(void)state;
	assert_int_equal(reader_u32(&r), 0x04030201);
	assert_int_equal(reader_u16(&r), 0);
	assert_int_equal(r.failed, -EBADMSG);
	assert_int_equal(reader_u8(&r), 0);
}

static void crc_matches_the_published_check_value(void **state)
{
	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

static void json_escapes_what_is_hostile(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "\"plain\""},
		{"q\"b\\", "\"q\\\"b\\\\\""},
		{"\n\t\x01\x7f", "\"\\n\\t\\u0001\\u007f\""},
		{"\xc3\xa9", "\"\xc3\xa9\""},
		{"\xff\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
		json_put_str(&b, rows[i].in);
		assert_string_equal((char *)b.data, rows[i].out);
	}
}

static void json_reading_has_limits_and_places(void **state)
{
	CLEANUP(json_free) struct json *j = NULL;
	struct diag d = {0};
	char deep[400];

	(void)state;
	assert_int_equal(json_parse(&j, "{\"a\":\n[1,]}", 11, &d), -EBADMSG);
	assert_int_equal(d.line, 2);
	assert_int_equal(json_parse(&j, "{} x", 4, &d), -EBADMSG);
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_int_equal(json_parse(&j, deep, 400, &d), -EBADMSG);
	assert_int_equal(json_parse(&j, "{\"a\":{\"b\":\"c\",\"n\":12}}", 23, &d), 0);
	assert_string_equal(json_str(json_path(j, "a.b"), ""), "c");
	assert_int_equal(json_int(json_path(j, "a.n"), 0), 12);
	assert_null(json_path(j, "a.b.c"));
}

static void numbers_are_whole_or_refused(void **state)
{
	uint64_t v = 42;

	(void)state;
	assert_int_equal(parse_u64("12", 0, 100, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(parse_u64("12x", 0, 100, &v), -EINVAL);
	assert_int_equal(parse_u64("-1", 0, 100, &v), -EINVAL);
	assert_int_equal(parse_u64("", 0, 100, &v), -EINVAL);
	assert_int_equal(parse_u64("101", 0, 100, &v), -ERANGE);
	assert_int_equal(parse_u64("99999999999999999999", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(v, 12);
	assert_int_equal(parse_duration("250ms", &v), 0);
	assert_int_equal(v, 250000000);
	assert_int_equal(parse_duration("7d", &v), 0);
	assert_int_equal(parse_duration("7", &v), -EINVAL);
	assert_int_equal(parse_size("1G", &v), 0);
	assert_int_equal(v, 1 << 30);
}

static void addresses_are_mapped(void **state)
{
	uint8_t a[16], prefix;
	char text[64];

	(void)state;
	assert_int_equal(parse_cidr("203.0.113.0/24", a, &prefix), 0);
	assert_int_equal(prefix, 120);
	assert_string_equal(address_format(a, text, sizeof(text)), "203.0.113.0");
	assert_int_equal(parse_cidr("2001:db8::1", a, &prefix), 0);
	assert_int_equal(prefix, 128);
	assert_string_equal(address_format(a, text, sizeof(text)), "2001:db8::1");
	assert_int_equal(parse_cidr("203.0.113.0/33", a, &prefix), -ERANGE);
	assert_int_equal(parse_cidr("203.0.113", a, &prefix), -EINVAL);
	assert_int_equal(parse_cidr("", a, &prefix), -EINVAL);
}

static void patterns_match_at_their_stars(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool yes;
	} rows[] = {
		{"*", "", true}, {"*", "x", true}, {"a", "a", true}, {"a", "A", true}, {"a", "ab", false},
		{"a*", "ab", true}, {"*b", "ab", true}, {"*b", "ba", false}, {"*an*", "banana", true},
		{"*an*", "bnn", false}, {"**", "x", true}, {"ab*", "a", false}, {"*/socat", "/usr/bin/socat", true},
		{"*/socat", "socat", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(pattern_match(rows[i].pattern, rows[i].text, true), rows[i].yes);
	assert_false(pattern_match("a", "A", false));
	assert_int_equal(pattern_check("a*b"), -EINVAL);
	assert_int_equal(pattern_check(""), -EINVAL);
	assert_int_equal(pattern_check("*a*"), 0);
}

static void times_round_trip(void **state)
{
	char text[TIME_TEXT_SIZE];
	uint64_t t = 1795448031000000001ull, back;

	(void)state;
	assert_string_equal(time_format(t, text, sizeof(text)), "2026-11-23T15:33:51.000000001Z");
	assert_int_equal(time_parse(text, &back), 0);
	assert_int_equal(back, t);
	assert_int_equal(time_parse("2026-11-23T16:33:51.000000001+01:00", &back), 0);
	assert_int_equal(back, t);
	assert_int_equal(time_parse("yesterday", &back), -EINVAL);
	assert_int_equal(time_parse("5m", &back), 0);
	assert_true(time_now() - back >= 300 * NSEC_PER_SEC);
}

static void files_are_replaced_whole(void **state)
{
	char dir[] = "/tmp/seawall-base-XXXXXX", path[128], deep[160];
	CLEANUP(buf_done) struct buf b = BUF_INIT(8);
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(file_write_atomic(path, "12345678", 8, 0600), 0);
	assert_int_equal(file_read(path, &b), 0);
	assert_int_equal(b.len, 8);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_write_atomic(path, "123456789", 9, 0600), 0);
	buf_reset(&b);
	assert_int_equal(file_read(path, &b), -EFBIG);
	snprintf(deep, sizeof(deep), "%s/a/b", dir);
	assert_int_equal(dir_make(deep, 0700), 0);
	assert_int_equal(dir_make(deep, 0700), 0);
	assert_int_equal(dir_make(path, 0700), -ENOTDIR);
	rmdir(deep);
	snprintf(deep, sizeof(deep), "%s/a", dir);
	rmdir(deep);
	unlink(path);
	rmdir(dir);
}

struct turns {
	struct loop *loop;
	struct loop_source *a, *b;
	int calls;
};

static int free_the_other(void *ctx)
{
	struct turns *t = ctx;

	t->calls++;
	t->a = loop_source_free(t->a);
	t->b = loop_source_free(t->b);
	return 0;
}

static void a_freed_source_is_never_called(void **state)
{
	struct turns t = {0};

	(void)state;
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(loop_add_timer(t.loop, &t.a, 0, 0, free_the_other, &t), 0);
	assert_int_equal(loop_add_timer(t.loop, &t.b, 0, 0, free_the_other, &t), 0);
	for (int i = 0; i < 5; i++)
		loop_run_once(t.loop, 10);
	assert_int_equal(t.calls, 1);
	loop_free(t.loop);
}

static int on_signal(void *ctx, int signo)
{
	assert_int_equal(signo, SIGUSR1);
	loop_quit(ctx);
	return 0;
}

static void signals_arrive_in_the_loop(void **state)
{
	CLEANUP(loop_free) struct loop *l = NULL;

	(void)state;
	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(loop_add_signal(l, NULL, SIGUSR1, on_signal, l), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_run(l), 0);
}

static void proc_reads_ourselves(void **state)
{
	struct proc_stat st;
	char path[1024];
	uint32_t uid;

	(void)state;
	assert_int_equal(proc_stat_read(getpid(), &st), 0);
	assert_int_equal(st.ppid, getppid());
	assert_true(st.start_boot_ns > 0 && st.start_boot_ns < time_boot());
	assert_int_equal(proc_uid(getpid(), &uid), 0);
	assert_int_equal(uid, getuid());
	assert_int_equal(proc_exe(getpid(), path, sizeof(path)), 0);
	assert_true(str_has_suffix(path, "test_base"));
	assert_int_equal(proc_cgroup(getpid(), NULL, path, sizeof(path)), 0);
	assert_true(proc_rss(getpid()) > 4096);
	assert_int_equal(proc_stat_read(4194304, &st), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_keep_their_limit),
		cmocka_unit_test(readers_never_pass_the_end),
		cmocka_unit_test(crc_matches_the_published_check_value),
		cmocka_unit_test(json_escapes_what_is_hostile),
		cmocka_unit_test(json_reading_has_limits_and_places),
		cmocka_unit_test(numbers_are_whole_or_refused),
		cmocka_unit_test(addresses_are_mapped),
		cmocka_unit_test(patterns_match_at_their_stars),
		cmocka_unit_test(times_round_trip),
		cmocka_unit_test(files_are_replaced_whole),
		cmocka_unit_test(a_freed_source_is_never_called),
		cmocka_unit_test(signals_arrive_in_the_loop),
		cmocka_unit_test(proc_reads_ourselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
