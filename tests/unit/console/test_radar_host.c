/* SPDX-License-Identifier: Apache-2.0 */
/* The host's node on the Radar: there with a badge while something critical fails on the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/radar.h"

#define B(text) ((char *)(uintptr_t)(text))
#define NODE "\"id\":\"host:vm\""

struct fixture {
	struct radar *radar;
	struct buf emitted, whole;
};

static void emit(void *ctx, const char *json, size_t size)
{
	struct fixture *f = ctx;

	buf_put(&f->emitted, json, size);
	buf_putc(&f->emitted, '\n');
}

static bool is_host(void *ctx, const char *address)
{
	(void)ctx;
	return strcmp(address, "172.17.0.1") == 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->emitted = f->whole = BUF_INIT(1u << 20);
	*state = f;
	return radar_new(&f->radar, &(struct radar_config){"vm", NULL, is_host, emit, f});
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	radar_free(f->radar);
	buf_done(&f->emitted);
	buf_done(&f->whole);
	free(f);
	return 0;
}

static const char *whole(struct fixture *f)
{
	buf_reset(&f->whole);
	buf_putc(&f->whole, '{');
	radar_json(f->radar, &f->whole);
	return (const char *)f->whole.data;
}

static bool emitted(struct fixture *f, const char *text)
{
	bool found = f->emitted.data && strstr((char *)f->emitted.data, text);

	buf_reset(&f->emitted);
	return found;
}

static int put(struct fixture *f, struct compliance_finding x)
{
	x.time = x.time ? x.time : 10;
	return radar_finding(f->radar, &x);
}

static struct compliance_finding tcp(bool passed)
{
	return (struct compliance_finding){.id = B("daemon_tcp@/d"), .check = B("daemon_tcp"), .resource = B("daemon"),
		.severity = SEVERITY_CRITICAL, .passed = passed, .cause = B("tcp://0.0.0.0:2375"), .effect = EFFECT_ALERT};
}

static void test_badge_comes_and_goes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, tcp(true)), 0);
	assert_null(strstr(whole(f), NODE)); /* nothing is wrong: no node */
	assert_int_equal(put(f, tcp(false)), 0);
	assert_true(emitted(f, "\"badges\":[\"compliance\",\"daemon on open TCP\"]"));
	assert_non_null(strstr(whole(f), NODE ",\"kind\":\"host\""));
	assert_non_null(strstr(whole(f), "\"color\":\"red\""));
	assert_non_null(strstr(whole(f), "\"reason\":\"tcp://0.0.0.0:2375\",\"worst\":\"critical\""));
	assert_int_equal(put(f, tcp(false)), 0); /* told again: once is enough */
	assert_non_null(strstr(whole(f), "\"badges\":[\"compliance\",\"daemon on open TCP\"]"));
	emitted(f, "");
	assert_int_equal(put(f, tcp(true)), 0);
	assert_true(emitted(f, "{\"op\":\"remove\",\"id\":\"host:vm\"}"));
	assert_null(strstr(whole(f), NODE));
}

static void test_what_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct compliance_finding ignored = tcp(false), mild = tcp(false), container = tcp(false);

	ignored.effect = EFFECT_DISABLE;
	ignored.rule = B("accepted");
	mild.severity = SEVERITY_HIGH;
	container.resource = B("container");
	put(f, ignored);
	put(f, mild);
	put(f, container);
	put(f, (struct compliance_finding){.id = B("x"), .resource = B("daemon")});
	put(f, (struct compliance_finding){.id = B("x")});
	assert_null(strstr(whole(f), NODE));
	assert_false(emitted(f, "op"));
}

static void test_taken_back(void **state)
{
	struct fixture *f = *state;
	struct compliance_finding other = tcp(false);

	put(f, tcp(false));
	put(f, (struct compliance_finding){.id = B("daemon_tcp@/d"), .resource = B("daemon")});
	assert_null(strstr(whole(f), NODE));
	put(f, tcp(false));
	other.id = B("daemon_tcp@/e");
	other.time = 30;
	put(f, other);
	put(f, (struct compliance_finding){.id = B("*"), .resource = B("file"), .time = 100});
	assert_non_null(strstr(whole(f), "(and 1 more)"));
	put(f, (struct compliance_finding){.id = B("*"), .resource = B("daemon"), .time = 20});
	assert_non_null(strstr(whole(f), "daemon on open TCP"));
	assert_null(strstr(whole(f), "(and 1 more)"));
	put(f, (struct compliance_finding){.id = B("*"), .resource = B("daemon"), .time = 31});
	assert_null(strstr(whole(f), NODE));
}

static void test_cap(void **state)
{
	struct fixture *f = *state;
	char id[32];

	for (int i = 0; i < RADAR_FINDINGS_MAX + 5; i++) {
		struct compliance_finding x = tcp(false);
		snprintf(id, sizeof(id), "daemon_tcp@%d", i);
		x.id = id;
		assert_int_equal(put(f, x), i < RADAR_FINDINGS_MAX ? 0 : -ENOBUFS);
	}
	assert_int_equal(radar_counters(f->radar).refused, 5);
}

/* The node is held by its connections as well: the badge goes, the node stays, and the other way round. */
static void test_with_connections(void **state)
{
	struct fixture *f = *state;
	const struct container c = {.id = B("c1"), .name = B("a"), .image = B("i"), .state = CONTAINER_RUNNING};
	const struct container gone = {.id = B("c1"), .name = B("a"), .image = B("i"), .state = CONTAINER_EXITED};
	const struct edge e = {.container = B("c1"), .process = B("/a"), .direction = DIRECTION_OUTBOUND, .proto = PROTO_TCP,
		.address = B("172.17.0.1"), .port = 80, .count = 1};

	assert_int_equal(radar_container(f->radar, &c, 1), 0);
	assert_int_equal(radar_edge(f->radar, &e, 1), 0);
	assert_non_null(strstr(whole(f), NODE));
	put(f, tcp(false));
	assert_non_null(strstr(whole(f), "daemon on open TCP"));
	put(f, tcp(true));
	assert_non_null(strstr(whole(f), NODE));
	assert_null(strstr(whole(f), "daemon on open TCP"));
	put(f, tcp(false));
	radar_container(f->radar, &gone, 2);
	radar_tick(f->radar, 2 + 2 * RADAR_FADE_EXITED_NS);
	assert_null(strstr(whole(f), "container:c1"));
	assert_non_null(strstr(whole(f), NODE));
	put(f, tcp(true));
	assert_null(strstr(whole(f), NODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_badge_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_with_connections, setup, teardown),
	};

	return cmocka_run_group_tests_name("console.radar_host", tests, NULL, NULL);
}
