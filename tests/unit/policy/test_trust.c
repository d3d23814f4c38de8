/* SPDX-License-Identifier: Apache-2.0 */
/* Trusted images: which group an image is in, and what the rules say; with the names, digests and layers that engines give. */
#include "support.h"

#include "policy/gates.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define LIST(...) {(char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)}

static const char groups[] =
	"version: 1\n"
	"trust:\n"
	"  groups:\n"
	"    - {name: ours, images: [\"registry.local:5000/*\", \"-registry.local:5000/debug/*\"]}\n"
	"    - {name: tag, images: [nginx, \"registry.other/app:1.0\"]}\n"
	"    - {name: every nginx, images: [\"nginx:*\"]}\n"
	"    - {name: digest, digests: [\"" A "\"]}\n"
	"    - {name: base, base_layers: [\"" A "\", \"" B "\"]}\n"
	"    - {name: signed, signatures: [{key: \"" TEST_KEY "\"}]}\n"
	"    - {name: ours and signed, images: [\"registry.local:5000/*\"], signatures: [{key: \"" TEST_KEY "\"}]}\n"
	"  rules: []\n";

enum { OURS, TAG, EVERY, DIGEST, BASE, SIGNED, BOTH, GROUPS };

static int asked; /* how often somebody was asked for signatures */

static bool is_signed(void *ctx, const char *key_pem, const struct image_facts *image)
{
	asked++;
	assert_non_null(strstr(key_pem, "-----BEGIN PUBLIC KEY-----\nMFkw"));
	return *(bool *)ctx;
}

static bool in(const struct policy *p, uint32_t group, const struct image_facts *image)
{
	return policy_trust_group(p, &group, 1, image) == (int)group;
}

static void test_names(void **state)
{
	static const struct { const char *name; int group; bool in; } rows[] = {
		{"registry.local:5000/shop/till:7", OURS, true},
		{"registry.local:5000/shop/till@" C, OURS, true},
		{"registry.local:5000/debug/sh:1", OURS, false},
		{"registry.local:5000/debug/sh@" C, OURS, false},
		{"registry.local:50001/shop/till:7", OURS, false},
		{"registry.local/shop/till:7", OURS, false},
		{"docker.io/registry.local/till:7", OURS, false},
		{"evil.example/registry.local:5000/till", OURS, false},
		{"docker.io/library/nginx:latest", TAG, true},
		{"docker.io/library/nginx:1.25", TAG, false},
		{"docker.io/library/nginx-evil:latest", TAG, false},
		{"docker.io/evil/nginx:latest", TAG, false},
		{"evil.example/library/nginx:latest", TAG, false},
		{"registry.other/app:1.0", TAG, true},
		{"registry.other/app:1.0.1", TAG, false},
		/* The engine looks at the digest alone: the tag beside it is what the asker says. */
		{"docker.io/library/nginx:latest@" C, TAG, false},
		{"registry.other/app:1.0@" C, TAG, false},
		{"docker.io/library/nginx@" C, TAG, false},
		{"docker.io/library/nginx:1.25", EVERY, true},
		{"docker.io/library/nginx@" C, EVERY, true},
		{"docker.io/library/nginx:1.25@" C, EVERY, true},
		{"docker.io/library/nginxx@" C, EVERY, false},
		{C, OURS, false},
		{C, TAG, false},
		{"", OURS, false},
		{NULL, OURS, false},
	};
	CLEANUP(policy_unref) struct policy *p = must_load(groups);

	assert_int_equal(p->trust_group_count, GROUPS);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image_facts image = {.name = rows[i].name, .id = B};

		if (in(p, (uint32_t)rows[i].group, &image) != rows[i].in)
			fail_msg("row %zu: %s", i, rows[i].name ? rows[i].name : "NULL");
	}
}

/* A digest is the configuration's, a manifest's, or the one in the name; the name does not matter. */
static void test_digests(void **state)
{
	struct str_list manifests = LIST((char *)C, (char *)A), others = LIST((char *)C);
	struct image_facts rows[] = {
		{.name = "x", .id = A}, {.name = "y", .id = A}, {.name = "x", .id = B, .repo_digests = &manifests},
		{.name = "x@" A}, {.name = A}, {.name = "docker.io/evil/x:1@" A, .id = B},
		{.name = "x", .id = B, .repo_digests = &others}, {.name = "x"}, {.name = "x@" C}, {.name = "x@" B, .id = C}, {0},
	};
	CLEANUP(policy_unref) struct policy *p = must_load(groups);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (in(p, DIGEST, &rows[i]) != (i < 6))
			fail_msg("row %zu", i);
}

static void test_layers(void **state)
{
	struct str_list lists[] = {LIST((char *)A, (char *)B), LIST((char *)A, (char *)B, (char *)C), LIST((char *)A), LIST((char *)B, (char *)A),
		LIST((char *)C, (char *)A, (char *)B), LIST((char *)A, (char *)C, (char *)B), {NULL, 0}};
	CLEANUP(policy_unref) struct policy *p = must_load(groups);

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (in(p, BASE, &(struct image_facts){.name = "x", .layers = &lists[i]}) != (i < 2))
			fail_msg("row %zu", i);
	assert_false(in(p, BASE, &(struct image_facts){.name = "x"})); /* not here yet */
}

static void test_signatures(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(groups);
	bool yes = true, no = false;
	struct image_facts image = {.name = "registry.local:5000/a:1", .signed_by = is_signed, .ctx = &yes};

	assert_true(in(p, SIGNED, &image));
	assert_true(in(p, BOTH, &image));
	image.ctx = &no;
	assert_false(in(p, SIGNED, &image));
	image.signed_by = NULL;
	assert_false(in(p, SIGNED, &image));
	/* Lists are ANDed, and nobody looks for signatures in vain. */
	image = (struct image_facts){.name = "docker.io/library/a:1", .signed_by = is_signed, .ctx = &yes};
	asked = 0;
	assert_false(in(p, BOTH, &image));
	assert_int_equal(asked, 0);
}

static void test_first_of_several(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(groups);
	struct image_facts image = {.name = "docker.io/library/nginx:latest", .id = A};

	assert_int_equal(policy_trust_group(p, (uint32_t[]){OURS, DIGEST, TAG}, 3, &image), DIGEST);
	assert_int_equal(policy_trust_group(p, (uint32_t[]){OURS, TAG, DIGEST}, 3, &image), TAG);
	assert_int_equal(policy_trust_group(p, NULL, 0, &image), -1);
	assert_int_equal(policy_trust_group(p, (uint32_t[]){9999}, 1, &image), -1);
}

static void test_rules(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(
		"version: 1\n"
		"collections: [{name: lab, namespaces: [lab]}, {name: shop, hosts: [shop*]}]\n"
		"trust:\n"
		"  groups: [{name: ours, images: [\"ours/*\"]}, {name: bad, images: [\"ours/bad:*\"]}, {name: signed, digests: [\"" A "\"]}]\n"
		"  rules:\n"
		"    - {name: off, disabled: true, denied: [ours], effect: block}\n"
		"    - {name: lab, scope: [lab], allowed: [ours], effect: ignore}\n"
		"    - {name: shop, scope: [shop], denied: [bad], effect: alert}\n"
		"    - {name: only ours, allowed: [ours, signed], denied: [bad], effect: block}\n");
	static const struct { const char *image, *id, *namespace_, *host, *rule; enum gate_effect effect; const char *reason; } rows[] = {
		{"docker.io/ours/a:1", NULL, NULL, "h", "only ours", GATE_IGNORE, "image docker.io/ours/a:1 is in the allowed group 'ours'"},
		{"docker.io/ours/bad:1", NULL, NULL, "h", "only ours", GATE_BLOCK, "image docker.io/ours/bad:1 is in the denied group 'bad'"},
		{"docker.io/ours/bad:1", A, NULL, "h", "only ours", GATE_BLOCK, "image docker.io/ours/bad:1 is in the denied group 'bad'"},
		{"docker.io/ours/bad@" C, A, NULL, "h", "only ours", GATE_BLOCK, "image docker.io/ours/bad@" C " is in the denied group 'bad'"},
		{"docker.io/library/x:1", NULL, NULL, "h", "only ours", GATE_BLOCK, "image docker.io/library/x:1 is in no allowed group (ours, signed)"},
		{"docker.io/library/x:1", A, NULL, "h", "only ours", GATE_IGNORE, "image docker.io/library/x:1 is in the allowed group 'signed'"},
		{NULL, B, NULL, "h", "only ours", GATE_BLOCK, "image " B " is in no allowed group (ours, signed)"},
		{"docker.io/library/x:1", NULL, "lab", "h", "lab", GATE_IGNORE, "image docker.io/library/x:1 is in no allowed group (ours)"},
		{"docker.io/library/x:1", NULL, NULL, "shop1", "shop", GATE_IGNORE, ""},
		{"docker.io/ours/bad:1", NULL, NULL, "shop1", "shop", GATE_ALERT, "image docker.io/ours/bad:1 is in the denied group 'bad'"},
		{"evil\x1b[2J\n\xff", NULL, NULL, "h", "only ours", GATE_BLOCK, "image evil?[2J?? is in no allowed group (ours, signed)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy_subject s = {.image = rows[i].image, .namespace_ = rows[i].namespace_, .host = rows[i].host};
		struct gate_verdict v = policy_judge_trust(p, &s, &(struct image_facts){.name = rows[i].image, .id = rows[i].id});

		if (v.effect != rows[i].effect || strcmp(v.rule, rows[i].rule) != 0 || strcmp(v.reason, rows[i].reason) != 0 || v.kind != AUDIT_TRUST)
			fail_msg("row %zu: %d %s: %s", i, (int)v.effect, v.rule, v.reason);
		assert_int_equal(v.remedy[0] != 0, v.effect != GATE_IGNORE || strstr(v.reason, "no allowed") != NULL);
	}
}

static void test_no_rule(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(groups);
	struct policy_subject s = {.image = "x"};
	struct gate_verdict v = policy_judge_trust(p, &s, &(struct image_facts){.name = "x"});

	assert_null(v.rule);
	assert_int_equal(v.effect, GATE_IGNORE);
	v = policy_judge_trust(NULL, &s, &(struct image_facts){.name = "x"});
	assert_null(v.rule);
}

/* What a user wrote never ends the line, turns it, or leaves half a character. */
static void test_refusal(void **state)
{
	struct gate_verdict v = {.rule = "only ours", .reason = "image x is in no allowed group (ours, signed)"};
	char out[256], small[64];

	assert_string_equal(gate_refusal_text(&v, "image", out, sizeof(out)),
		"[Seawall] image blocked by rule 'only ours': image x is in no allowed group (ours, signed)");
	snprintf(v.reason, sizeof(v.reason), "%s", "a\nb\tc\x7f\xc2\x9b" "d\xe2\x80\xae" "e\xc3\xa4" "f\xff\xed\xa0");
	gate_refusal_text(&v, "command", out, sizeof(out));
	assert_string_equal(out, "[Seawall] command blocked by rule 'only ours': a?b?c???d???e\xc3\xa4" "f???");
	memset(v.reason, 'x', sizeof(v.reason));
	memcpy(v.reason + 15, "\xc3\xa4", 2);
	v.reason[sizeof(v.reason) - 1] = 0;
	gate_refusal_text(&v, "command", small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	assert_int_equal(small[sizeof(small) - 2], '?'); /* the first half of an umlaut */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_first_of_several),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests_name("policy.trust", tests, NULL, NULL);
}
