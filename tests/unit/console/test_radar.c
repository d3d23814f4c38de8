/* SPDX-License-Identifier: Apache-2.0 */
/* The Radar's model and the incidents' stories, fed with records: no clock, no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "console/countries.h"
#include "console/incident.h"
#include "console/radar.h"

#define SECOND NSEC_PER_SEC
#define S(text) ((char[]){text})

struct fixture {
	struct radar *radar;
	struct buf emitted; /* a line each */
};

static const char *country(void *ctx, const char *address)
{
	(void)ctx;
	return strncmp(address, "203.0.113.", 10) == 0 ? "SG" : NULL;
}

static bool is_host(void *ctx, const char *address)
{
	(void)ctx;
	return strcmp(address, "172.17.0.1") == 0;
}

static void emit(void *ctx, const char *json, size_t size)
{
	struct fixture *f = ctx;

	buf_put(&f->emitted, json, size);
	buf_putc(&f->emitted, '\n');
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->emitted = BUF_INIT(16u << 20);
	*state = f;
	return radar_new(&f->radar, &(struct radar_config){"vm", country, is_host, emit, f});
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	radar_free(f->radar);
	buf_done(&f->emitted);
	free(f);
	return 0;
}

/* Times that `text` was emitted since the last call. */
static unsigned emitted(struct fixture *f, const char *text)
{
	unsigned n = 0;

	for (const char *p = f->emitted.data ? (char *)f->emitted.data : ""; (p = strstr(p, text)); p++)
		n++;
	return n;
}

static void assert_json(struct fixture *f, const char *expected)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_putc(&b, '{');
	radar_json(f->radar, &b);
	buf_putc(&b, '}');
	assert_int_equal(b.failed, 0);
	assert_string_equal((char *)b.data, expected);
}

static void assert_has(struct fixture *f, const char *part, bool wanted)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	radar_json(f->radar, &b);
	if (!strstr((char *)b.data, part) == wanted)
		fail_msg("%s %s: %s", wanted ? "missing" : "there", part, (char *)b.data);
}

static void put(struct fixture *f, const char *id, enum container_state state, uint64_t now)
{
	static char rule[] = "r", reason[] = "because";
	char address[32];
	char *addresses[] = {address};
	struct container c = {.id = (char *)(uintptr_t)id, .name = (char *)(uintptr_t)id, .image = S("example.org/web:1"),
		.state = state, .addresses = {addresses, 1}};

	snprintf(address, sizeof(address), "10.0.0.%d", id[0] - 'a' + 2);
	if (state == CONTAINER_BLOCKED) {
		c.blocked_by = rule;
		c.blocked_reason = reason;
	}
	assert_int_equal(radar_container(f->radar, &c, now), 0);
}

static struct edge line(const char *container, const char *address, enum direction direction)
{
	static char process[] = "/bin/x";

	return (struct edge){.container = (char *)(uintptr_t)container, .process = process, .direction = direction,
		.proto = PROTO_TCP, .address = (char *)(uintptr_t)address, .port = 80, .count = 1, .bytes_sent = 10};
}

static void connect_to(struct fixture *f, const char *container, const char *address, uint64_t now)
{
	struct edge e = line(container, address, DIRECTION_OUTBOUND);

	assert_int_equal(radar_edge(f->radar, &e, now), 0);
}

static void test_whole_picture(void **state)
{
	struct fixture *f = *state;

	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
	put(f, "a", CONTAINER_RUNNING, SECOND);
	connect_to(f, "a", "203.0.113.7", SECOND);
	radar_tick(f->radar, 2 * SECOND);
	assert_has(f, "{\"id\":\"image:example.org/web:1\",\"kind\":\"image\"", true);
	assert_has(f, "\"containers\":[{\"id\":\"a\",\"name\":\"a\",\"state\":\"running\"}],\"total\":1,\"state\":\"running\","
		"\"color\":\"green\",\"badges\":[\"internet\"],\"country\":null,\"reason\":null,\"worst\":null}", true);
	assert_has(f, "{\"id\":\"container:a\",\"kind\":\"container\",\"parent\":\"image:example.org/web:1\",\"label\":\"a\","
		"\"state\":\"running\",\"color\":\"green\",\"badges\":[\"internet\"],\"reason\":null,\"worst\":null}", true);
	assert_has(f, "{\"id\":\"internet:SG\",\"kind\":\"internet\",\"label\":\"Singapore\",\"country\":\"SG\"}", true);
	assert_has(f, "\"from\":\"container:a\",\"to\":\"internet:SG\",\"proto\":\"tcp\",\"port\":80,\"process\":\"/bin/x\","
		"\"count\":1,\"bytes\":10,\"first\":null,\"last\":null,\"effect\":\"allow\",\"domain\":null,\"country\":\"SG\","
		"\"addresses\":[\"203.0.113.7\"]}", true);
}

static void test_where_edges_lead(void **state)
{
	static const struct {
		const char *address, *to; /* NULL = no edge */
	} rows[] = {{"203.0.113.9", "internet:SG"}, {"9.9.9.9", "internet:??"}, {"172.17.0.1", "host:vm"},
		{"10.9.8.7", "network:10.9.8.0/24"}, {"fd00::1", "network:fd00::/64"}, {"10.0.0.3", "container:b"},
		{"127.0.0.1", NULL}, {"::1", NULL}, {"10.0.0.2", NULL}, {"nonsense", NULL}, {NULL, NULL}};
	struct fixture *f = *state;

	put(f, "a", CONTAINER_RUNNING, SECOND);
	put(f, "b", CONTAINER_RUNNING, SECOND);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char to[64];
		uint32_t before = radar_counters(f->radar).edges;
		connect_to(f, "a", rows[i].address, SECOND);
		assert_int_equal(radar_counters(f->radar).edges - before, rows[i].to ? 1 : 0);
		snprintf(to, sizeof(to), "\"to\":\"%s\"", rows[i].to ? rows[i].to : "never");
		assert_has(f, to, rows[i].to);
	}
}

static void test_one_edge_between_two_containers(void **state)
{
	struct fixture *f = *state;
	struct edge in = line("b", "10.0.0.2", DIRECTION_INBOUND), listening = line("b", "0.0.0.0", DIRECTION_LISTEN);
	struct edge foreign = line("b", "203.0.113.5", DIRECTION_INBOUND);

	put(f, "a", CONTAINER_RUNNING, SECOND);
	put(f, "b", CONTAINER_RUNNING, SECOND);
	connect_to(f, "a", "10.0.0.3", SECOND);
	assert_int_equal(radar_edge(f->radar, &in, SECOND), 0);
	assert_int_equal(radar_edge(f->radar, &listening, SECOND), 0);
	assert_int_equal(radar_counters(f->radar).edges, 1);
	assert_int_equal(radar_edge(f->radar, &foreign, SECOND), 0);
	assert_has(f, "\"from\":\"internet:SG\",\"to\":\"container:b\"", true);
}

static void test_counters_are_absolute_for_each_address(void **state)
{
	struct fixture *f = *state;
	struct edge e = line("a", "203.0.113.7", DIRECTION_OUTBOUND);

	put(f, "a", CONTAINER_RUNNING, SECOND);
	e.count = 5;
	radar_edge(f->radar, &e, SECOND);
	radar_edge(f->radar, &e, SECOND); /* said twice is not counted twice */
	e.address = S("203.0.113.8");
	e.count = 2;
	radar_edge(f->radar, &e, SECOND);
	e.count = 3;
	e.effect = EFFECT_PREVENT;
	radar_edge(f->radar, &e, SECOND);
	e.effect = EFFECT_DISABLE;
	radar_edge(f->radar, &e, SECOND);
	assert_has(f, "\"count\":8,", true);
	assert_has(f, "\"effect\":\"prevent\"", true);
	assert_has(f, "\"addresses\":[\"203.0.113.7\",\"203.0.113.8\"]", true);
}

static void test_changes_wait_but_turns_do_not(void **state)
{
	struct fixture *f = *state;
	struct edge e = line("a", "9.9.9.9", DIRECTION_OUTBOUND);

	put(f, "a", CONTAINER_RUNNING, SECOND);
	connect_to(f, "a", "9.9.9.9", SECOND);
	radar_tick(f->radar, 2 * SECOND);
	buf_reset(&f->emitted);
	for (uint64_t n = 0; n < 1000; n++) { /* within one step */
		e.count = n + 2;
		radar_edge(f->radar, &e, 2 * SECOND + n);
	}
	assert_int_equal(emitted(f, "\n"), 0);
	assert_int_equal(radar_due(f->radar), 2 * SECOND + RADAR_STEP_NS);
	assert_int_equal(radar_tick(f->radar, 2 * SECOND + RADAR_STEP_NS), UINT64_MAX);
	assert_int_equal(emitted(f, "\"op\":\"edge\""), 1);
	assert_int_equal(emitted(f, "\"count\":1001,"), 1);
	buf_reset(&f->emitted);
	put(f, "a", CONTAINER_BLOCKED, 3 * SECOND);
	assert_int_equal(emitted(f, "\"state\":\"blocked\",\"color\":\"red\",\"badges\":[\"internet\"],\"reason\":\"because\""), 1);
}

static void test_blocked_and_exited_fade(void **state)
{
	struct fixture *f = *state;

	put(f, "a", CONTAINER_RUNNING, SECOND);
	put(f, "b", CONTAINER_RUNNING, SECOND);
	connect_to(f, "a", "9.9.9.9", SECOND);
	connect_to(f, "b", "10.0.0.2", SECOND);
	put(f, "a", CONTAINER_BLOCKED, 10 * SECOND);
	put(f, "a", CONTAINER_EXITED, 11 * SECOND); /* the engine's word of the end does not hide ours */
	assert_has(f, "\"state\":\"blocked\"", true);
	put(f, "b", CONTAINER_EXITED, 20 * SECOND);
	radar_tick(f->radar, 34 * SECOND);
	assert_has(f, "container:b", true);
	buf_reset(&f->emitted);
	radar_tick(f->radar, 35 * SECOND);
	assert_has(f, "container:b", false);
	assert_int_equal(emitted(f, "{\"op\":\"remove\",\"id\":\"container:b\"}"), 1);
	assert_has(f, "container:a", true);
	radar_tick(f->radar, 70 * SECOND);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
	assert_int_equal(radar_due(f->radar), UINT64_MAX);
	assert_int_equal(radar_counters(f->radar).containers, 0);
	assert_int_equal(radar_counters(f->radar).edges, 0);
	put(f, "c", CONTAINER_REMOVED, 80 * SECOND); /* never seen alive: not shown to fade */
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
}

static void test_findings_colour_and_block(void **state)
{
	struct fixture *f = *state;
	struct audit a = {.container = {.id = S("a")}, .severity = SEVERITY_MEDIUM, .done = DONE_ALERT, .message = S("m")};

	put(f, "a", CONTAINER_RUNNING, SECOND);
	radar_audit(f->radar, &a, SECOND);
	assert_has(f, "\"color\":\"yellow\"", true);
	radar_incident(f->radar, "a", true, SECOND);
	assert_has(f, "\"badges\":[\"incident\"]", true);
	a.severity = SEVERITY_CRITICAL;
	a.done = DONE_BLOCK;
	radar_audit(f->radar, &a, SECOND);
	assert_has(f, "\"state\":\"blocked\",\"color\":\"red\",\"badges\":[\"incident\"],\"reason\":\"m\",\"worst\":\"critical\"", true);
	put(f, "a", CONTAINER_RUNNING, 2 * SECOND); /* started again */
	assert_has(f, "\"state\":\"running\"", true);
	radar_tick(f->radar, 100 * SECOND);
	assert_has(f, "container:a", true);
}

static struct audit refusal(enum audit_kind kind, const char *id, const char *name)
{
	static char message[] = "[Seawall] no", image[] = "example.org/web:1";

	return (struct audit){.kind = kind, .done = DONE_BLOCK, .severity = SEVERITY_HIGH, .message = message,
		.container = {.id = (char *)(uintptr_t)id, .name = (char *)(uintptr_t)name, .image = image}};
}

static void test_what_a_gate_refuses_is_shown_and_fades(void **state)
{
	struct fixture *f = *state;
	struct audit a = refusal(AUDIT_TRUST, NULL, "worm");

	assert_int_equal(radar_audit(f->radar, &a, SECOND), 0);
	assert_has(f, "{\"id\":\"refused:worm@example.org/web:1\",\"kind\":\"container\",\"parent\":\"image:example.org/web:1\","
		"\"label\":\"worm\",\"state\":\"refused\",\"color\":\"red\",\"badges\":[\"untrusted\"],\"reason\":\"[Seawall] no\","
		"\"worst\":\"high\"}", true);
	assert_has(f, "\"containers\":[{\"id\":\"refused:worm@example.org/web:1\",\"name\":\"worm\",\"state\":\"refused\"}],"
		"\"total\":1,\"state\":\"refused\"", true);
	assert_int_equal(emitted(f, "\"kind\":\"container\""), 1);
	radar_audit(f->radar, &a, 11 * SECOND); /* tried again: one node, and its time begins anew */
	assert_int_equal(emitted(f, "\"kind\":\"container\""), 1);
	radar_tick(f->radar, 21 * SECOND);
	assert_has(f, "worm", true);
	assert_int_equal(radar_tick(f->radar, 31 * SECOND), UINT64_MAX);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
	assert_int_equal(radar_counters(f->radar).strangers, 0);
	radar_audit(f->radar, &a, 32 * SECOND);
	a.kind = AUDIT_ACCESS; /* the command of it was denied, which says less */
	a.command.action = S("container_create");
	a.message = S("denied");
	radar_audit(f->radar, &a, 32 * SECOND);
	assert_has(f, "\"reason\":\"[Seawall] no\"", true);
	a = refusal(AUDIT_TRUST, NULL, NULL); /* a pull is called as its image */
	radar_audit(f->radar, &a, 40 * SECOND);
	assert_has(f, "\"label\":\"example.org/web:1\",\"state\":\"refused\"", true);
}

static void test_a_refused_container_is_what_it_becomes(void **state)
{
	struct fixture *f = *state;
	struct audit a = refusal(AUDIT_COMPLIANCE, "a", "a");

	put(f, "a", CONTAINER_CREATED, SECOND); /* made by the engine, its start refused */
	assert_has(f, "container:a", false);
	radar_audit(f->radar, &a, SECOND);
	assert_has(f, "\"id\":\"container:a\"", true);
	put(f, "a", CONTAINER_CREATED, 2 * SECOND); /* the engine tells of it again */
	put(f, "a", CONTAINER_EXITED, 2 * SECOND);
	assert_has(f, "\"state\":\"refused\",\"color\":\"red\",\"badges\":[],\"reason\":\"[Seawall] no\"", true);
	put(f, "a", CONTAINER_RUNNING, 3 * SECOND); /* mended and started */
	assert_has(f, "\"state\":\"running\"", true);
	assert_has(f, "[Seawall] no", false);
	radar_tick(f->radar, 100 * SECOND);
	assert_has(f, "container:a", true);
	radar_audit(f->radar, &a, 100 * SECOND); /* a second start of what runs */
	assert_has(f, "\"state\":\"running\"", true);
}

static void test_what_is_no_refusal(void **state)
{
	struct fixture *f = *state;
	struct audit a = refusal(AUDIT_ACCESS, NULL, "x");

	a.command.action = S("container_exec_create");
	radar_audit(f->radar, &a, SECOND);
	a = refusal(AUDIT_TRUST, NULL, "x");
	a.done = DONE_ALERT; /* told, and let go on */
	radar_audit(f->radar, &a, SECOND);
	a = refusal(AUDIT_RUNTIME, NULL, "x");
	radar_audit(f->radar, &a, SECOND);
	a = refusal(AUDIT_TRUST, NULL, "x");
	a.container.image = NULL; /* nothing that could be shown */
	radar_audit(f->radar, &a, SECOND);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
	put(f, "a", CONTAINER_RUNNING, SECOND);
	a = refusal(AUDIT_ACCESS, "a", "a");
	a.command.action = S("container_exec_create"); /* the command was denied, the container goes on */
	radar_audit(f->radar, &a, SECOND);
	assert_has(f, "\"state\":\"running\"", true);
	a = refusal(AUDIT_ACCESS, NULL, "y");
	a.command.action = S("container_create");
	radar_audit(f->radar, &a, SECOND);
	assert_has(f, "\"label\":\"y\",\"state\":\"refused\"", true);
}

static void test_ever_new_names_do_not_fill_the_radar(void **state)
{
	struct fixture *f = *state;
	char name[32];

	for (int i = 0; i < 3 * RADAR_STRANGERS_MAX; i++) {
		snprintf(name, sizeof(name), "worm%d", i);
		struct audit a = refusal(AUDIT_TRUST, NULL, name);
		assert_int_equal(radar_audit(f->radar, &a, SECOND), i < RADAR_STRANGERS_MAX ? 0 : -ENOBUFS);
	}
	assert_int_equal(radar_counters(f->radar).strangers, RADAR_STRANGERS_MAX);
	assert_int_equal(radar_counters(f->radar).refused, 2 * RADAR_STRANGERS_MAX);
	for (uint64_t due = SECOND; due != UINT64_MAX;)
		due = radar_tick(f->radar, due + RADAR_FADE_REFUSED_NS);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
}

static void test_critical_findings_mark_the_host(void **state)
{
	struct fixture *f = *state;
	struct compliance_finding tcp = {.id = S("tcp@1"), .resource = S("daemon"), .severity = SEVERITY_CRITICAL,
		.title = S("should"), .cause = S("dockerd listens")};
	struct compliance_finding second = tcp, mild = tcp, inside = tcp;

	mild.id = S("mild");
	mild.severity = SEVERITY_HIGH;
	inside.id = S("inside");
	inside.resource = S("container");
	radar_finding(f->radar, &mild);
	radar_finding(f->radar, &inside);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
	radar_finding(f->radar, &tcp);
	assert_json(f, "{\"nodes\":[{\"id\":\"host:vm\",\"kind\":\"host\",\"label\":\"vm\",\"country\":null,\"color\":\"red\","
		"\"badges\":[\"compliance\"],\"reason\":\"dockerd listens\",\"worst\":\"critical\"}],\"edges\":[]}");
	buf_reset(&f->emitted);
	radar_finding(f->radar, &tcp); /* looked at again: nothing new to tell */
	assert_int_equal(emitted(f, "\n"), 0);
	second.id = S("socket@2");
	radar_finding(f->radar, &second);
	assert_has(f, "dockerd listens (and 1 more)", true);
	put(f, "a", CONTAINER_RUNNING, SECOND);
	connect_to(f, "a", "172.17.0.1", SECOND);
	tcp.passed = second.passed = true;
	radar_finding(f->radar, &tcp);
	radar_finding(f->radar, &second);
	assert_has(f, "{\"id\":\"host:vm\",\"kind\":\"host\",\"label\":\"vm\",\"country\":null}", true); /* the edge keeps it */
	put(f, "a", CONTAINER_EXITED, SECOND);
	radar_tick(f->radar, 100 * SECOND);
	assert_json(f, "{\"nodes\":[],\"edges\":[]}");
}

static void test_a_container_cannot_grow_without_end(void **state)
{
	struct fixture *f = *state;
	struct edge e = line("a", "9.9.9.9", DIRECTION_OUTBOUND);
	int r = 0;

	put(f, "a", CONTAINER_RUNNING, SECOND);
	for (uint32_t port = 1; port <= 5000; port++) {
		e.port = port;
		r = radar_edge(f->radar, &e, SECOND);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(radar_counters(f->radar).edges, RADAR_EDGES_PER_CONTAINER);
	assert_int_equal(radar_counters(f->radar).refused, 5000 - RADAR_EDGES_PER_CONTAINER);
}

static void test_hidden_until_it_runs(void **state)
{
	struct fixture *f = *state;

	put(f, "a", CONTAINER_CREATED, SECOND);
	connect_to(f, "a", "9.9.9.9", SECOND);
	assert_has(f, "\"id\":\"image:", false);
	assert_has(f, "\"edges\":[]", true);
	buf_reset(&f->emitted);
	put(f, "a", CONTAINER_RUNNING, 2 * SECOND);
	radar_tick(f->radar, 3 * SECOND);
	assert_true(emitted(f, "\"id\":\"container:a\",\"kind\":\"container\"") >= 1);
	assert_int_equal(emitted(f, "\"op\":\"edge\""), 1);
}

static void test_incident_story(void **state)
{
	CLEANUP(buf_done) struct buf story = BUF_INIT(16384);
	struct ancestor parent = {.pid = 1, .path = S("/bin/sh")};
	char *argv[] = {S("nginx"), S("-o"), S("stratum+tcp://p:1")};
	struct audit audits[3];
	struct edge before = {.direction = DIRECTION_OUTBOUND, .address = S("203.0.113.7"), .port = 5555, .first = SECOND};
	struct incident i = {0};

	(void)state;
	audits[0] = (struct audit){.id = S("x"), .time = 1795451602 * SECOND, .kind = AUDIT_RUNTIME,
		.detection = DETECTION_CRYPTO_MINER, .severity = SEVERITY_HIGH, .rule = S("stop"), .done = DONE_ALERT,
		.evidence = EVIDENCE_ARGV, .process = {.pid = 9, .path = S("/usr/bin/nginx"), .args = {argv, 3},
		.ancestry = {&parent, 1}}, .container = {.id = S("c"), .name = S("web"), .image = S("img")}};
	audits[1] = audits[0]; /* the same again: no sentence of its own */
	audits[2] = audits[0];
	audits[2].done = DONE_BLOCK;
	audits[2].severity = SEVERITY_CRITICAL;
	assert_true(incident_wants(&audits[0]));
	assert_int_equal(incident_open(&i, &audits[0]), 0);
	for (int n = 0; n < 3; n++)
		assert_int_equal(incident_add(&i, &audits[n], n != 1), 0);
	assert_int_equal(i.severity, SEVERITY_CRITICAL);
	assert_int_equal(i.audits, 2);
	incident_tell(&i, &(struct incident_story){audits, 3, &before, 1, country, NULL}, &story);
	assert_string_equal((char *)story.data,
		"At 16:33:22 UTC /usr/bin/nginx (pid 9, parent /bin/sh), started as `nginx -o stratum+tcp://p:1`, in container web"
		" (image img) was recognised as Crypto miner by its arguments; rule 'stop' raised an alert and let it go on."
		" At 16:33:22 UTC /usr/bin/nginx (pid 9, parent /bin/sh) was recognised as Crypto miner by its arguments; rule"
		" 'stop' blocked the container: every process of it was killed. Before that it had connected to 203.0.113.7:5555"
		" (SG). In all 2 findings, the last at 16:33:22 UTC.");
	record_done(&incident_desc, &i);
}

static void test_countries(void **state)
{
	(void)state;
	assert_string_equal(country_name("SG"), "Singapore");
	assert_string_equal(country_name("ZW"), "Zimbabwe");
	assert_string_equal(country_name("AD"), "Andorra");
	assert_string_equal(country_name("XX"), "XX");
	assert_null(country_code("XX"));
	assert_null(country_code("sg"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_picture),
		TEST(test_where_edges_lead),
		TEST(test_one_edge_between_two_containers),
		TEST(test_counters_are_absolute_for_each_address),
		TEST(test_changes_wait_but_turns_do_not),
		TEST(test_blocked_and_exited_fade),
		TEST(test_findings_colour_and_block),
		TEST(test_what_a_gate_refuses_is_shown_and_fades),
		TEST(test_a_refused_container_is_what_it_becomes),
		TEST(test_what_is_no_refusal),
		TEST(test_ever_new_names_do_not_fill_the_radar),
		TEST(test_critical_findings_mark_the_host),
		TEST(test_a_container_cannot_grow_without_end),
		TEST(test_hidden_until_it_runs),
		TEST(test_incident_story),
		TEST(test_countries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
