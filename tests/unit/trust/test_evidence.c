/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads read strictly; signatures judged; what an index says holds for what it lists. */
#include "trust/manifest.h"
#include "unit/trust/keys.h"

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define ONE "sha256:" HEX("1")
#define TWO "sha256:" HEX("2")
#define CONFIG "sha256:" HEX("c")
#define TYPE "cosign container image signature"

static struct pair alice, bob;

static void reads_payloads(void **state)
{
	static const struct {
		const char *text, *reference; /* reference NULL: refused */
	} rows[] = {
		{"{\"critical\":{\"identity\":{\"docker-reference\":\"r/a\"},\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"},\"optional\":null}", "r/a"},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"},\"optional\":{\"a\":1}}", ""},
		{"{\"critical\":{\"identity\":{\"docker-reference\":\"\"},\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}", ""},
		{"{\"critical\":{\"identity\":{\"docker-reference\":7},\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"identity\":{\"docker-reference\":\"a\\nb\"},\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"identity\":{\"docker-reference\":\"b\303\274cher\"},\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"atomic container signature\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\",\"docker-manifest-digest\":\"" TWO "\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"},\"critical\":{}}", NULL},
		{"{\"critical\":{\"image\":{\"Docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"sha256:1\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\\u0000\"},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":[\"" ONE "\"]},\"type\":\"" TYPE "\"}}", NULL},
		{"{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}} x", NULL},
		{"[]", NULL}, {"null", NULL}, {"", NULL}, {"{", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trust_payload p = {0};
		int r = payload_parse(rows[i].text, strlen(rows[i].text), &p, NULL);
		assert_int_equal(r, rows[i].reference ? 0 : -EBADMSG);
		if (r == 0) {
			assert_string_equal(p.digest, ONE);
			assert_string_equal(p.reference, rows[i].reference);
		}
	}
}

static void payload_limits(void **state)
{
	static char text[PAYLOAD_MAX + 2];
	int n = snprintf(text, sizeof(text), "{\"critical\":{\"image\":{\"docker-manifest-digest\":\"" ONE "\"},\"type\":\"" TYPE "\"}}");
	struct trust_payload p;

	memset(text + n, ' ', sizeof(text) - (size_t)n);
	assert_int_equal(payload_parse(text, PAYLOAD_MAX, &p, NULL), 0);
	assert_int_equal(payload_parse(text, PAYLOAD_MAX + 1, &p, NULL), -EBADMSG);
}

static void judges(void **state)
{
	CLEANUP(evidence_done) struct trust_evidence e = {0};
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice), *b = key_of(&bob);
	struct trust_finding f;

	assert_int_equal(evidence_check(&e, ONE, a, &f), -ENOENT);
	assert_true(*f.why);
	sign(&e, &alice, TWO);
	assert_int_equal(evidence_check(&e, ONE, a, &f), -EKEYREJECTED);
	assert_non_null(strstr(f.why, "another image"));
	sign(&e, &bob, ONE);
	assert_int_equal(evidence_check(&e, ONE, a, &f), -EKEYREJECTED);
	assert_non_null(strstr(f.why, "not by this key"));
	assert_int_equal(evidence_check(&e, ONE, b, &f), 0);
	assert_string_equal(f.why, "");
	assert_string_equal(f.payload.reference, "registry.test/app");
	assert_false(f.by_index);
	assert_int_equal(evidence_check(&e, TWO, a, &f), 0);
	assert_int_equal(evidence_check(&e, TWO, b, &f), -EKEYREJECTED);
}

/* A good signature whose payload, or whose bytes, were changed afterwards. */
static void notices_changes(void **state)
{
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice);
	struct trust_finding f;

	for (int what = 0; what < 3; what++) {
		CLEANUP(evidence_done) struct trust_evidence e = {0};
		struct signature_object *s;

		sign(&e, &alice, ONE);
		s = e.signatures.items;
		if (what == 0) /* the digest in the payload, after it was signed */
			memcpy(memmem(s->payload.data, s->payload.size, ONE, strlen(ONE)), TWO, strlen(TWO));
		else if (what == 1) /* a blank more */
			*(char *)memmem(s->payload.data, s->payload.size, "null", 4) = ' ', memcpy(memmem(s->payload.data, s->payload.size, " ull", 4), "{}  ", 4);
		else
			s->signature[10] = s->signature[10] == 'A' ? 'B' : 'A';
		assert_int_equal(evidence_check(&e, what == 0 ? TWO : ONE, a, &f), -EKEYREJECTED);
	}
}

/* Through an index, and only when that index lists the manifest. */
static void index_counts_for_its_manifests(void **state)
{
	static const char index[] = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"m\",\"digest\":\"" ONE "\",\"size\":3}]}";
	CLEANUP(evidence_done) struct trust_evidence e = {0};
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice);
	char digest[DIGEST_SIZE];
	struct trust_finding f;

	assert_int_equal(digest_of(index, strlen(index), digest), 0);
	sign(&e, &alice, digest);
	assert_int_equal(evidence_check(&e, ONE, a, &f), -EKEYREJECTED); /* the index itself is not at hand */
	assert_int_equal(evidence_add_manifest(&e, index, strlen(index)), 0);
	assert_int_equal(evidence_check(&e, ONE, a, &f), 0);
	assert_true(f.by_index);
	assert_int_equal(evidence_check(&e, TWO, a, &f), -EKEYREJECTED);
	/* the same words with a byte more are another index */
	struct manifest_copy *copy = e.manifests.items;
	copy->manifest.data[1] = ' ';
	assert_int_equal(evidence_check(&e, ONE, a, &f), -EKEYREJECTED);
}

static bool asked(struct trust_evidence *e, const struct pair *p, const char *name, const char *id, const char *repo_digest)
{
	char *item = (char *)(uintptr_t)repo_digest;
	struct str_list digests = {.items = &item, .count = repo_digest != NULL};
	struct image_facts facts = {.name = name, .id = id, .repo_digests = &digests};

	return trust_signed_by(e, p->public, &facts);
}

static void answers_the_policy(void **state)
{
	static const char manifest[] = "{\"schemaVersion\":2,\"config\":{\"digest\":\"" CONFIG "\",\"size\":2},\"layers\":[]}";
	CLEANUP(evidence_done) struct trust_evidence e = {0}, by_config = {0};
	char digest[DIGEST_SIZE];

	sign(&e, &alice, ONE);
	assert_true(asked(&e, &alice, "docker.io/a:1", NULL, ONE));
	assert_false(asked(&e, &bob, "docker.io/a:1", NULL, ONE));
	assert_false(asked(&e, &alice, "docker.io/a:1", NULL, TWO));
	assert_false(asked(&e, &alice, "docker.io/a:1", NULL, NULL));
	assert_true(asked(&e, &alice, "docker.io/a@" ONE, NULL, NULL));
	assert_true(asked(&e, &alice, "docker.io/a:1@" ONE, NULL, NULL));
	assert_false(asked(&e, &alice, "docker.io/a@" TWO, NULL, NULL));
	assert_true(asked(&e, &alice, "docker.io/a:1", ONE, NULL)); /* an engine whose ids are manifests */
	assert_false(trust_signed_by(NULL, alice.public, &(struct image_facts){.name = "x"}));
	assert_int_equal(digest_of(manifest, strlen(manifest), digest), 0);
	sign(&by_config, &alice, digest);
	assert_int_equal(evidence_add_manifest(&by_config, manifest, strlen(manifest)), 0);
	assert_true(asked(&by_config, &alice, "docker.io/a:1", CONFIG, TWO));
	assert_false(asked(&by_config, &alice, "docker.io/a:1", ONE, TWO));
	assert_false(asked(&by_config, &bob, "docker.io/a:1", CONFIG, TWO));
}

static void keeps_its_limits(void **state)
{
	CLEANUP(evidence_done) struct trust_evidence e = {0}, copy = {0};
	char signature[16];
	struct buf payload = {.data = (uint8_t *)(uintptr_t) "{}", .len = 2};

	for (int i = 0; i < EVIDENCE_SIGNATURES_MAX; i++) {
		snprintf(signature, sizeof(signature), "%08d", i);
		assert_int_equal(evidence_add_signature(&e, &payload, signature), 0);
	}
	assert_int_equal(evidence_add_signature(&e, &payload, "00000000"), 0); /* there already */
	assert_int_equal(evidence_add_signature(&e, &payload, "more"), -E2BIG);
	assert_int_equal(e.signatures.count, EVIDENCE_SIGNATURES_MAX);
	assert_true(evidence_bounded(&e));
	assert_int_equal(evidence_merge(&copy, &e), 0);
	assert_int_equal(copy.signatures.count, EVIDENCE_SIGNATURES_MAX);
	CLEANUP(buf_done) struct buf big = BUF_INIT(PAYLOAD_MAX + 1);
	while (big.len <= PAYLOAD_MAX)
		buf_putc(&big, 'x');
	CLEANUP(evidence_done) struct trust_evidence none = {0};
	assert_int_equal(evidence_add_signature(&none, &big, "x"), -E2BIG);
}

static int setup(void **state)
{
	pair_make(&alice, "P-256");
	pair_make(&bob, "P-256");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_payloads),
		cmocka_unit_test(payload_limits),
		cmocka_unit_test(judges),
		cmocka_unit_test(notices_changes),
		cmocka_unit_test(index_counts_for_its_manifests),
		cmocka_unit_test(answers_the_policy),
		cmocka_unit_test(keeps_its_limits),
	};

	return cmocka_run_group_tests_name("trust.evidence", tests, setup, NULL);
}
