/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: the contract's example, several texts, limits, hostile input, speed; and the binary and JSON forms. */
#include "support.h"

#include <errno.h>

#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "policy/gates.h"
#include "policy/grammar.h"

/* Our own time: what else the machine does in the meantime is not the parser's fault. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void test_contract(void **state)
{
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = load_text(contract_policy, &m);

	assert_non_null(p);
	assert_int_equal(m.errors, 0);
	assert_int_equal(p->collection_count, 2);
	assert_int_equal(p->runtime_count, 1);
	assert_string_equal(p->text, contract_policy);
	const struct runtime_rule *r = &p->runtime[0];
	assert_string_equal(r->name, "stop miners");
	assert_ptr_equal(r->name, r->head.name);
	assert_int_equal(r->effects[DETECTION_CRYPTO_MINER], EFFECT_BLOCK);
	assert_int_equal(r->effects[DETECTION_BIND_SHELL], EFFECT_PREVENT);
	assert_int_equal(r->effects[DETECTION_FEED_IP], EFFECT_BLOCK);
	assert_int_equal(r->effects[DETECTION_DENIED_PORT], EFFECT_PREVENT);
	assert_int_equal(r->effects[DETECTION_MOUNT], EFFECT_DISABLE);
	assert_int_equal(r->network.ports[1].from, 3333);
	assert_int_equal(r->network.ports[1].to, 3340);
	assert_int_equal(r->network.addresses[0].prefix, 96 + 24);
	assert_string_equal(r->processes.paths.items[1], "*/socat");
	assert_string_equal(r->files.paths.items[0], "/etc/ld.so.preload");
	policy_messages_done(&m);
}

/* Each setting that nothing enforces is told with its line. */
static void test_warnings(void **state)
{
	static const struct { uint32_t line; const char *key; } expected[] = {
		{14, "model"}, {17, "domains"}, {18, "sensitive"},
		{18, "denied"}, {20, "feeds"}, {21, "custom"}, {28, "vulnerabilities"},
	};
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = load_text(contract_policy, &m);

	assert_int_equal(m.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char text[128];

		snprintf(text, sizeof(text), "'%s' is accepted, not enforced by this version", expected[i].key);
		assert_string_equal(m.items[i].diag.message, text);
		assert_int_equal(m.items[i].diag.line, expected[i].line);
		assert_int_equal(m.items[i].level, POLICY_WARNING);
	}
	policy_messages_done(&m);
}

/* Every effect key of the tables: each allowed effect reaches each of its detections. */
static void check_effects(const struct schema *map, const char *section)
{
	for (uint32_t i = 0; i < map->field_count; i++) {
		const struct schema_field *f = &map->fields[i];

		if (!f->detections && f->schema->kind == SCHEMA_MAP && !section)
			check_effects(f->schema, f->name);
		for (int e = 0; f->detections && e < EFFECT_COUNT_; e++) {
			char text[256];
			struct policy_messages m;

			snprintf(text, sizeof(text), "version: 1\nruntime: [{name: a, %s%s%s: %s%s}]\n", section ? section : "",
				section ? ": {" : "", f->name, enum_name(&effect_names, e), section ? "}" : "");
			CLEANUP(policy_unref) struct policy *p = load_text(text, &m);
			bool allowed = !f->schema->allowed || (f->schema->allowed & 1u << e);
			assert_int_equal(p != NULL, allowed);
			for (const enum detection *d = f->detections; p && *d; d++)
				assert_int_equal(p->runtime[0].effects[*d], e);
			policy_messages_done(&m);
		}
	}
}

static void test_effect_keys(void **state)
{
	check_effects(&grammar_runtime_rule, NULL);
}

static void walk_schema(const struct schema *s, int depth)
{
	assert_true(depth < 16);
	assert_true(s->kind == SCHEMA_CHOICE || s->kind == SCHEMA_ANY || s->expected != NULL);
	assert_true(s->field_count < 64); /* walk_map() keeps that many */
	if (s->item)
		walk_schema(s->item, depth + 1);
	for (uint32_t i = 0; i < s->field_count; i++) {
		assert_non_null(s->fields[i].doc);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(s->fields[i].name, s->fields[k].name);
		walk_schema(s->fields[i].schema, depth + 1);
	}
}

static void test_tables(void **state)
{
	walk_schema(&grammar_policy, 0);
}

static void test_several_sources(void **state)
{
	static const char rules[] = "version: 1\nruntime: [{name: a, scope: [late], processes: {crypto_miners: alert}}]";
	static const char more[] = "collections: [{name: late, hosts: [h1]}]\n---\nruntime: [{name: b}]\n";
	struct policy_source sources[] = {{"a.yaml", rules, strlen(rules)}, {"b.yaml", more, strlen(more)}};
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = NULL, *again = NULL;

	assert_int_equal(policy_load(&p, sources, 2, &m), 0);
	assert_int_equal(p->runtime_count, 2);
	assert_string_equal(p->collections[p->runtime[0].scope[0]].name, "late");
	policy_messages_done(&m);
	again = must_load(p->text);
	assert_int_equal(again->runtime_count, 2);
	assert_string_equal(again->text, p->text);

	sources[1] = (struct policy_source){"b.yaml", rules, strlen(rules)};
	CLEANUP(policy_unref) struct policy *none = NULL;
	assert_int_equal(policy_load(&none, sources, 2, &m), -EINVAL);
	assert_null(none);
	assert_string_equal(m.items[0].diag.file, "a.yaml"); /* unknown collection */
	assert_string_equal(m.items[1].diag.file, "b.yaml");
	assert_string_equal(m.items[1].diag.message, "the name 'a' is taken already, in line 2 of a.yaml");
	policy_messages_done(&m);
}

static void test_json_is_yaml(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(
		"{\"version\": 1, \"runtime\": [{\"name\": \"j\", \"disabled\": true, \"processes\": {\"crypto_miners\": \"block\"}}]}");

	assert_true(p->runtime[0].disabled);
	assert_int_equal(p->runtime[0].effects[DETECTION_CRYPTO_MINER], EFFECT_BLOCK);
}

/* Refused at once, whatever the size, with a place and one message. */
static void test_hostile(void **state)
{
	static char big[6 << 20];
	struct { const char *text; size_t size; const char *message; } rows[] = {
		{big, sizeof(big), "the file is too large: 6291456 bytes"},
		{"\x7f" "ELF\x02\x01", 6, "control character 0x7f"},
		{"version: 1\0", 11, "control character 0x00"},
		{"a: \xff\xfe", 5, "byte 0xff is not UTF-8 text"},
		{"a: &x [b]\nc: *x", 15, "YAML anchors are not supported"},
		{"a: *x", 5, "YAML aliases are not supported"},
		{"a: !!str x", 10, "YAML tags are not supported"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 42, "nested too deeply"},
	};
	uint64_t began = cpu_ns();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *p = NULL;
		struct policy_messages m;
		struct policy_source s = {"bad", rows[i].text, rows[i].size};

		assert_int_equal(policy_load(&p, &s, 1, &m), -EINVAL);
		assert_null(p);
		assert_int_equal(m.errors, 1);
		assert_string_equal(m.items[0].diag.message, rows[i].message);
		assert_true(m.items[0].diag.line > 0);
		policy_messages_done(&m);
	}
	memset(big, '[', sizeof(big));
	struct policy_messages m;
	struct policy *p = NULL;
	assert_int_equal(policy_load(&p, &(struct policy_source){"deep", big, POLICY_TEXT_MAX}, 1, &m), -EINVAL);
	policy_messages_done(&m);
	assert_true(cpu_ns() - began < NSEC_PER_SEC);
}

/* The largest policy that is allowed: every collection with as many patterns as fit in 4 MB. */
static void test_large(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POLICY_TEXT_MAX);
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = NULL;

	buf_puts(&b, "version: 1\ncollections:\n");
	for (int c = 0; c < POLICY_COLLECTIONS_MAX; c++) {
		buf_printf(&b, "  - name: collection-%d\n", c);
		for (int f = 0; f < 6; f++) {
			static const char *const keys[] = {"images", "containers", "namespaces", "clusters", "hosts", "labels"};

			buf_printf(&b, "    %s: [", keys[f]);
			for (int i = 0; i < 62; i++)
				buf_printf(&b, "%si%d%s", i ? ", " : "", 10 + i, f == 5 ? ":abc" : "-abc");
			buf_puts(&b, "]\n");
		}
	}
	assert_int_equal(b.failed, 0);
	assert_true(b.len > POLICY_TEXT_MAX * 3 / 4);
	uint64_t began = cpu_ns();
	int r = policy_load(&p, &(struct policy_source){"large", (char *)b.data, b.len}, 1, &m);
	uint64_t took = cpu_ns() - began;
	char line[1024];
	for (uint32_t i = 0; r < 0 && i < m.count; i++)
		print_error("%s\n", diag_format(&m.items[i].diag, line, sizeof(line)));
	assert_int_equal(r, 0);
	print_message("# %zu bytes in %llu ms\n", b.len, (unsigned long long)(took / NSEC_PER_MSEC));
	policy_messages_done(&m);
#ifndef __SANITIZE_ADDRESS__
	assert_true(took < NSEC_PER_SEC);
#endif
}

static void test_error_cap(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct policy_messages m;

	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "wrong%d: 1\n", i);
	assert_null(load_text((char *)b.data, &m));
	assert_int_equal(m.count, 51);
	assert_string_equal(m.items[50].diag.message, "more errors than 50; the rest is not shown");
	policy_messages_done(&m);
}

/* Everything of the areas of the gates is kept as it was written. */
static void test_gates(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(gates_policy);

	assert_int_equal(p->trust_group_count, 2);
	const struct trust_group *g = &p->trust_groups[0];
	assert_string_equal(g->name, "every kind");
	assert_string_equal(g->notes, "two\nlines");
	assert_string_equal(g->images.items[0].text, "docker.io/library/nginx:latest");
	assert_true(g->images.items[1].exclude);
	assert_string_equal(g->digests.items[1], DIGEST_B);
	assert_string_equal(g->base_layers.items[0], DIGEST_B);
	assert_non_null(strstr(g->keys.items[0], "KEY-----\nMFkw"));
	assert_int_equal(p->trust_count, 2);
	assert_true(p->trust[0].disabled);
	assert_int_equal(p->trust[0].scope_count, 2);
	assert_int_equal(p->trust[0].scope[0], 1);
	assert_int_equal(p->trust[0].allowed.items[1], 1);
	assert_int_equal(p->trust[0].denied.items[0], 1);
	assert_int_equal(p->trust[0].effect, GATE_ALERT);
	assert_int_equal(p->trust[1].effect, GATE_BLOCK);

	assert_int_equal(p->compliance_count, 2);
	assert_int_equal(p->compliance[0].check_count, 3);
	assert_string_equal(p->compliance[0].checks[1].check->id, "docker_socket");
	assert_int_equal(p->compliance[0].checks[1].effect, GATE_ALERT);
	assert_string_equal(p->compliance[0].owner, "o");

	assert_int_equal(p->access_count, 3);
	const struct access_rule *a = &p->access[0];
	assert_string_equal(a->users.items[1], "");
	assert_string_equal(a->groups.items[0], "ops");
	assert_int_equal(a->actions.count, 3);
	assert_int_equal(a->when.privileged, FACT_NO);
	assert_string_equal(a->when.capabilities.items[0], "NET_ADMIN");
	assert_string_equal(a->when.binds.items[0], "/etc");
	assert_string_equal(a->when.binds.items[1], "/");
	assert_int_equal(a->when.host_namespaces, HOST_CGROUP | HOST_NETWORK);
	assert_int_equal(a->when.addresses.items[0].prefix, 96 + 24);
	assert_int_equal(a->effect, ACCESS_DENY);
	assert_int_equal(a->audit, ACCESS_AUDIT_DENIED);
	assert_string_equal(a->message, "ask the platform team");
	assert_int_equal(p->access[1].when.privileged, FACT_YES);
	assert_int_equal(p->access[1].audit, ACCESS_AUDIT_COUNTED);
	assert_int_equal(p->access[2].when.privileged, FACT_UNKNOWN);
	assert_int_equal(p->access[2].audit, ACCESS_AUDIT_NONE);
}

/* Groups of other texts, and `everything` in the scope of every area. */
static void test_references(void **state)
{
	static const char rules[] = "version: 1\ntrust: {rules: [{name: r, scope: [everything], allowed: [late, later], effect: block}]}\n"
		"compliance: [{name: c, scope: [h, everything], checks: {privileged: block}}]\ncollections: [{name: h, hosts: [h]}]\n";
	static const char more[] = "trust: {groups: [{name: later, images: [a]}]}\n---\ntrust: {groups: [{name: late, images: [b]}]}\n";
	struct policy_source sources[] = {{"a.yaml", rules, strlen(rules)}, {"b.yaml", more, strlen(more)}};
	struct policy_messages m;
	CLEANUP(policy_unref) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, sources, 2, &m), 0);
	policy_messages_done(&m);
	assert_string_equal(p->trust_groups[p->trust[0].allowed.items[0]].name, "late");
	assert_string_equal(p->trust_groups[p->trust[0].allowed.items[1]].name, "later");
	assert_int_equal(p->trust[0].scope_count, 0);
	assert_int_equal(p->compliance[0].scope_count, 0);
}

static void check_encode(const char *text)
{
	CLEANUP(policy_unref) struct policy *p = must_load(text), *back = NULL;
	CLEANUP(buf_done) struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20), a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);

	p->revision = 77;
	policy_encode(p, &first);
	assert_int_equal(first.failed, 0);
	assert_int_equal(policy_decode(&back, first.data, first.len), 0);
	assert_int_equal(back->revision, 77);
	policy_encode(back, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	policy_to_json(p, &a);
	policy_to_json(back, &b);
	assert_string_equal((char *)a.data, (char *)b.data);
	for (uint32_t i = 0; i < p->runtime_count; i++)
		assert_memory_equal(p->runtime[i].effects, back->runtime[i].effects, sizeof(p->runtime[i].effects));
}

static void test_encode(void **state)
{
	check_encode(contract_policy);
	check_encode(gates_policy);
}

/* No prefix, no longer form and no changed byte is ever misread: refused, or a policy that encodes again. */
static void check_hostile(const char *text)
{
	CLEANUP(policy_unref) struct policy *p = must_load(text);
	CLEANUP(buf_done) struct buf good = BUF_INIT(1 << 20);

	policy_encode(p, &good);
	for (size_t n = 0; n < good.len; n++) {
		struct policy *back = NULL;

		assert_int_equal(policy_decode(&back, good.data, n), -EBADMSG);
		assert_null(back);
	}
	for (size_t i = 0; i < good.len * 4; i++) {
		static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x2a};
		CLEANUP(policy_unref) struct policy *back = NULL;
		CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 20);

		good.data[i / 4] ^= flips[i % 4];
		if (policy_decode(&back, good.data, good.len) == 0) {
			policy_encode(back, &again);
			assert_int_equal(again.failed, 0);
		}
		good.data[i / 4] ^= flips[i % 4];
	}
	buf_putc(&good, 0);
	struct policy *back = NULL;
	assert_int_equal(policy_decode(&back, good.data, good.len), -EBADMSG);
}

static void test_decode_hostile(void **state)
{
	check_hostile(contract_policy);
	check_hostile(gates_policy);
}

/* What no policy can say is refused, each at its own place. */
static void test_decode_limits(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(gates_policy);
	struct access_when *when = &p->access[0].when;
	struct { uint32_t *field; uint32_t bad; } rows[] = {
		{&p->trust[0].allowed.items[0], 2}, {&p->trust[0].scope[0], 2}, {(uint32_t *)&p->trust[0].effect, GATE_EFFECT_COUNT_},
		{(uint32_t *)&p->compliance[0].checks[0].effect, GATE_EFFECT_COUNT_}, {(uint32_t *)&p->access[0].effect, ACCESS_EFFECT_COUNT_},
		{(uint32_t *)&p->access[0].audit, ACCESS_AUDIT_COUNT_}, {(uint32_t *)&when->privileged, FACT_YES + 1}, {&when->host_namespaces, 0x40},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf wire = BUF_INIT(1 << 20);
		struct policy *back = NULL;
		uint32_t good = *rows[i].field;

		*rows[i].field = rows[i].bad;
		policy_encode(p, &wire);
		*rows[i].field = good;
		if (policy_decode(&back, wire.data, wire.len) != -EBADMSG)
			fail_msg("row %zu", i);
	}
	/* A check that this version does not know is left out, not refused. */
	CLEANUP(buf_done) struct buf wire = BUF_INIT(1 << 20);
	CLEANUP(policy_unref) struct policy *back = NULL;
	const struct compliance_check newer = {.id = "of_a_newer_version"}, *known = p->compliance[0].checks[1].check;
	p->compliance[0].checks[1].check = &newer;
	policy_encode(p, &wire);
	p->compliance[0].checks[1].check = known;
	assert_int_equal(policy_decode(&back, wire.data, wire.len), 0);
	assert_int_equal(back->compliance[0].check_count, 2);
	assert_string_equal(back->compliance[0].checks[1].check->id, "host_pid");
}

/* The form is JSON with every effect key, and itself a policy that means the same. */
static void test_form(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(contract_policy);
	CLEANUP(buf_done) struct buf form = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	CLEANUP(json_free) struct json *j = NULL;

	policy_to_json(p, &form);
	assert_int_equal(json_parse(&j, (char *)form.data, form.len, NULL), 0);
	const struct json *rule = json_first(json_get(j, "runtime"));
	assert_string_equal(json_str(json_path(rule, "processes.crypto_miners"), ""), "block");
	assert_string_equal(json_str(json_path(rule, "network.port_scan"), ""), "alert");
	assert_string_equal(json_str(json_first(json_path(rule, "network.denied.addresses")), ""), "203.0.113.0/24");
	CLEANUP(policy_unref) struct policy *back = must_load((char *)form.data);
	policy_to_json(back, &again);
	assert_string_equal((char *)form.data, (char *)again.data);
}

static void test_form_of_gates(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(gates_policy);
	CLEANUP(buf_done) struct buf form = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	CLEANUP(json_free) struct json *j = NULL;

	policy_to_json(p, &form);
	assert_int_equal(json_parse(&j, (char *)form.data, form.len, NULL), 0);
	assert_string_equal(json_str(json_path(json_first(json_path(j, "trust.rules")), "effect"), ""), "alert");
	assert_string_equal(json_str(json_path(json_first(json_get(j, "compliance")), "checks.privileged"), ""), "block");
	const struct json *rule = json_first(json_get(j, "access"));
	assert_string_equal(json_str(json_first(json_path(rule, "when.binds")), ""), "/etc");
	assert_string_equal(json_str(json_path(rule, "audit"), ""), "denied");
	CLEANUP(policy_unref) struct policy *back = must_load((char *)form.data);
	policy_to_json(back, &again);
	assert_string_equal((char *)form.data, (char *)again.data);
	assert_int_equal(back->access[0].when.privileged, FACT_NO);
	assert_string_equal(back->trust_groups[0].keys.items[0], p->trust_groups[0].keys.items[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_effect_keys),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_several_sources),
		cmocka_unit_test(test_json_is_yaml),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_error_cap),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode_hostile),
		cmocka_unit_test(test_decode_limits),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_form_of_gates),
	};

	return cmocka_run_group_tests_name("policy.load", tests, NULL, NULL);
}
