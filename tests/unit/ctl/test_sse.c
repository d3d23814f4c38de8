/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events come out the same however the bytes are cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/sse.h"

struct heard {
	char text[512];
	int end_after; /* events, 0 = never */
	int count;
};

static int on_event(void *ctx, const struct sse_event *e)
{
	struct heard *h = ctx;
	size_t n = strlen(h->text);

	snprintf(h->text + n, sizeof(h->text) - n, "[%s|%s|%s]", e->id, e->name, e->data);
	return ++h->count == h->end_after ? -ECANCELED : 0;
}

static const struct {
	const char *bytes, *events;
} rows[] = {
	{"data: a\n\n", "[|message|a]"},
	{"id: 7\nevent: audit\ndata: {\"x\":1}\n\n", "[7|audit|{\"x\":1}]"},
	{": a comment\n\ndata:b\n\n", "[|message|b]"},
	{"data: one\ndata: two\n\n", "[|message|one\ntwo]"},
	{"id: 1\ndata: a\n\ndata: b\n\n", "[1|message|a][1|message|b]"},
	{"event: x\n\ndata: c\n\n", "[|message|c]"},
	{"data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[|message|a][|message|b][|message|c]"},
	{"data: never ended\n", ""},
	{"unknown: field\nretry: 5\ndata: d\n\n", "[|message|d]"},
	{"data\n\n", "[|message|]"},
};

static void any_cut_gives_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t cut = 1; cut <= strlen(rows[i].bytes); cut++) {
			struct heard h = {0};
			struct sse s;
			sse_init(&s, on_event, &h);
			for (size_t at = 0; at < strlen(rows[i].bytes); at += cut) {
				size_t left = strlen(rows[i].bytes) - at;
				assert_int_equal(
					sse_feed(&s, rows[i].bytes + at, left < cut ? left : cut),
					0);
			}
			sse_done(&s);
			assert_string_equal(h.text, rows[i].events);
		}
}

static void the_callback_ends_it(void **state)
{
	struct heard h = {.end_after = 1};
	struct sse s;

	sse_init(&s, on_event, &h);
	assert_int_equal(sse_feed(&s, "data: a\n\ndata: b\n\n", 18), -ECANCELED);
	assert_int_equal(h.count, 1);
	sse_done(&s);
}

static void too_large_is_refused(void **state)
{
	static const char chunk[65536] = "data: ";
	struct heard h = {0};
	struct sse s;
	int r = 0;

	sse_init(&s, on_event, &h);
	for (size_t fed = 0; r == 0 && fed < 2 * (size_t)SSE_EVENT_MAX; fed += 6)
		r = sse_feed(&s, chunk, 6);
	assert_int_equal(r, -E2BIG);
	sse_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same),
		cmocka_unit_test(the_callback_ends_it),
		cmocka_unit_test(too_large_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
