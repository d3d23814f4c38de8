/* SPDX-License-Identifier: Apache-2.0 */
/* Image names and scopes: the canonical form, subjects without a name, long and odd ones. */
#include "support.h"

#include "policy/image.h"
#include "policy/suggest.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_canonical(void **state)
{
	static const char *const rows[][2] = {
		{"alpine", "docker.io/library/alpine:latest"},
		{"alpine:3.20", "docker.io/library/alpine:3.20"},
		{"alice/tool", "docker.io/alice/tool:latest"},
		{"library/alpine", "docker.io/library/alpine:latest"},
		{"docker.io/alpine", "docker.io/library/alpine:latest"},
		{"docker.io/library/alpine:latest", "docker.io/library/alpine:latest"},
		{"index.docker.io/library/alpine", "docker.io/library/alpine:latest"},
		{"index.docker.io/alpine:1", "docker.io/library/alpine:1"},
		{"quay.io/a/b", "quay.io/a/b:latest"},
		{"quay.io/b", "quay.io/b:latest"},
		{"registry:5000/b", "registry:5000/b:latest"},
		{"registry:5000/b:1", "registry:5000/b:1"},
		{"localhost/b", "localhost/b:latest"},
		{"localhosts/b", "docker.io/localhosts/b:latest"},
		{"alpine@sha256:" DIGEST, "docker.io/library/alpine@sha256:" DIGEST},
		{"alpine:3@sha256:" DIGEST, "docker.io/library/alpine:3@sha256:" DIGEST},
		{"sha256:" DIGEST, "sha256:" DIGEST},
		{DIGEST, "sha256:" DIGEST},
		{"a/b/c/d", "docker.io/a/b/c/d:latest"},
	};
	char out[512], again[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(image_canonical(rows[i][0], out, sizeof(out)), rows[i][1]);
		assert_string_equal(image_canonical(out, again, sizeof(again)), rows[i][1]); /* stays so */
	}
}

static void test_pattern_names(void **state)
{
	static const struct { const char *image, *pattern; bool fits; } rows[] = {
		{"nginx", "nginx*", true}, {"nginx", "*nginx", true}, {"nginx", "*/nginx", true}, {"nginx", "library/nginx*", true},
		{"nginx", "docker.io/*", true}, {"nginx", "*:latest", true}, {"nginx:1", "*:latest", false}, {"nginx:1", "*/nginx", false},
		{"nginx:1", "nginx:*", true}, {"quay.io/nginx", "nginx*", false}, {"quay.io/library/nginx", "library/*", false},
		{"alice/nginx", "nginx*", false}, {"alice/nginx", "alice/*", true}, {"alice/nginx", "*", true},
		{"nginx:1@sha256:" DIGEST, "nginx:1*", true}, {"nginx:1@sha256:" DIGEST, "*:1", true}, {"NGINX", "nginx*", true},
		{"nginx@sha256:" DIGEST, "*@sha256:" DIGEST, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image_names names;

		image_names_init(&names, rows[i].image);
		if (image_names_match(&names, rows[i].pattern) != rows[i].fits)
			fail_msg("'%s' and '%s'", rows[i].image, rows[i].pattern);
	}
}

/* An image name of any length is cut, never overrun. */
static void test_long_image(void **state)
{
	char *name = malloc(100000);
	struct image_names names;
	char out[64];

	memset(name, 'a', 99999);
	name[99999] = 0;
	image_names_init(&names, name);
	assert_true(image_names_match(&names, "*aaa*"));
	assert_int_equal(strlen(image_canonical(name, out, sizeof(out))), sizeof(out) - 1);
	free(name);
}

/* Every field: a subject that has no such thing fits only `*`, and what only excludes. */
static void test_unknown_subject(void **state)
{
	static const char *const fields[] = {"images", "containers", "labels", "namespaces", "clusters", "hosts"};
	static const struct { const char *pattern; bool fits; } rows[] = {
		{"\"*\"", true}, {"\"a:*\"", false}, {"\"*:a*\"", false}, {"\"-a:b\"", true}, {"\"-*\"", false}, {"\"a:b\", \"*\"", true},
		{"\"*\", \"-a:b\"", true},
	};

	for (size_t f = 0; f < ARRAY_SIZE(fields); f++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			char text[256];

			snprintf(text, sizeof(text), "version: 1\ncollections: [{name: c, %s: [%s]}]\nruntime: [{name: r, scope: [c]}]", fields[f], rows[i].pattern);
			CLEANUP(policy_unref) struct policy *p = must_load(text);
			bool fits = policy_runtime_rule(p, &(struct policy_subject){0}) != NULL;
			if (fits != rows[i].fits)
				fail_msg("%s %s", fields[f], rows[i].pattern);
		}
}

static void test_no_policy(void **state)
{
	struct event e = {.type = EVENT_EXEC, .path = (char *)"/usr/bin/xmrig"};

	assert_null(policy_runtime_rule(NULL, &(struct policy_subject){0}));
	assert_int_equal(policy_match_event(NULL, &e).detection, DETECTION_NONE);
	assert_int_equal(policy_match_payload(NULL, "x", 1).detection, DETECTION_NONE);
	assert_int_equal(policy_match_suspect(NULL, &e).detection, DETECTION_NONE);
}

/* Other kinds of events and events without what they should have are not judged, and do no harm. */
static void test_odd_events(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(
		"version: 1\nruntime: [{name: r, processes: {crypto_miners: block, denied: {effect: block, paths: [\"*\"]}},"
		" network: {denied: {effect: block, addresses: [0.0.0.0/0], ports: [1-65535]}}}]");
	const struct runtime_rule *r = &p->runtime[0];

	for (int type = 0; type < EVENT_TYPE_COUNT_; type++) {
		struct event e = {.type = (enum event_type)type};

		assert_int_equal(policy_match_event(r, &e).detection, DETECTION_NONE);
	}
	struct event e = {.type = EVENT_CONNECT, .address = (char *)"no address", .port = 70000};
	assert_int_equal(policy_match_event(r, &e).detection, DETECTION_NONE);
	e.address = (char *)"203.0.113.1/8";
	assert_int_equal(policy_match_event(r, &e).detection, DETECTION_NONE);
	e.address = (char *)"203.0.113.1";
	assert_int_equal(policy_match_event(r, &e).detection, DETECTION_DENIED_ADDRESS);
	e.address = (char *)"2001:db8::1";
	assert_int_equal(policy_match_event(r, &e).detection, DETECTION_NONE);
}

static void test_suggestions(void **state)
{
	static const char *const known[] = {"block", "alert", "prevent", "disable", "crypto_miners"};
	static const char *const rows[][2] = {
		{"blok", "block"}, {"blcok", "block"}, {"Alert", "alert"}, {"prevnet", "prevent"}, {"disabled", "disable"},
		{"crypto-miners", "crypto_miners"}, {"kill", NULL}, {"", NULL}, {"zzzzzzzzzz", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct suggestion s = SUGGESTION(rows[i][0]);

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			suggestion_offer(&s, known[k]);
		if (rows[i][1])
			assert_string_equal(s.best, rows[i][1]);
		else
			assert_null(s.best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_pattern_names),
		cmocka_unit_test(test_long_image),
		cmocka_unit_test(test_unknown_subject),
		cmocka_unit_test(test_no_policy),
		cmocka_unit_test(test_odd_events),
		cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests_name("policy.names", tests, NULL, NULL);
}
