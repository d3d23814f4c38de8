/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from registries and signers: the first byte chooses what the rest is: a payload, a
 * manifest, a configuration, a challenge, a key, evidence as it is stored and sent, frames of the
 * Gate's questions, base64.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust/manifest.h"
#include "trust/registry_wire.h"
#include "trust/remote.h"

static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEERFypvVtwHfUkjuD8ZRXHWntsxwJ\n"
			  "rFyDF4MZ2XbWTnCEhCwUxCCLWx6U49EJ3GlByXPRKP8Pk7TLgZ2LcIf8rQ==\n"
			  "-----END PUBLIC KEY-----\n";
#define DIGEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static void payload(const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf again = BUF_INIT(4 * PAYLOAD_MAX);
	struct trust_payload one, two;

	if (payload_parse(p, n, &one, NULL) < 0)
		return;
	payload_make(&one, &again);
	if (again.failed || payload_parse((char *)again.data, again.len, &two, NULL) < 0 || strcmp(one.digest, two.digest) != 0)
		abort();
}

static void manifest(const char *p, size_t n)
{
	CLEANUP(manifest_done) struct manifest m = {0};

	if (manifest_parse(&m, p, n) < 0)
		return;
	if (m.count > MANIFEST_ITEMS_MAX || (manifest_is_signature(&m) && m.index))
		abort();
	for (uint32_t i = 0; i < m.count; i++)
		if (!digest_valid(m.items[i].digest) || (m.index && !manifest_lists(p, n, m.items[i].digest)))
			abort();
	manifest_platform(&m);
}

static void config(const char *p, size_t n)
{
	struct str_list layers = {0};

	config_layers(p, n, &layers);
	for (uint32_t i = 0; i < layers.count; i++)
		free(layers.items[i]);
	free(layers.items);
}

static void challenge(const char *p, size_t n)
{
	struct challenge c;
	char *text = strndup(p, n);

	if (text && challenge_parse(text, &c) == 0 && !*c.realm)
		abort();
	free(text);
}

static void key(const char *p, size_t n)
{
	CLEANUP(trust_key_free) struct trust_key *k = NULL;

	if (trust_key_new(&k, p, n, NULL) == 0 && !digest_valid(trust_key_fingerprint(k)))
		abort();
}

/* Nothing that can be made up here is signed by the key, whose other half is gone. */
static void evidence(const char *p, size_t n)
{
	CLEANUP(evidence_done) struct trust_evidence e = {0}, copy = {0};
	struct trust_finding found;
	static struct trust_key *k;

	if (!k && trust_key_new(&k, pem, strlen(pem), NULL) < 0)
		abort();
	if (record_decode(&record_trust_evidence, &e, p, n) < 0 || !evidence_bounded(&e))
		return;
	if (evidence_check(&e, DIGEST, k, &found) == 0)
		abort();
	if (evidence_merge(&copy, &e) == 0 && !evidence_bounded(&copy))
		abort();
	if (trust_signed_by(&e, pem, &(struct image_facts){.name = "a@" DIGEST, .id = DIGEST}))
		abort();
}

static void frames(const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf in = BUF_INIT(1u << 20);
	uint64_t id;
	int r = 1;

	buf_put(&in, p, n);
	while (r == 1) {
		struct registry_question q = {0};
		r = registry_frame_take(&in, REGISTRY_QUESTION_MAX, &record_registry_question, &id, &q);
		record_done(&record_registry_question, &q);
	}
}

static void base64(const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(1u << 20), text = BUF_INIT(2u << 20);

	while (n && strchr(" \t\r\n", p[n - 1]))
		n--;
	if (base64_decode(p, n, &bytes) < 0)
		return;
	base64_encode(bytes.data, bytes.len, &text);
	if (text.len != n || (n && memcmp(text.data, p, n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const char *, size_t) = {payload, manifest, config, challenge, key, evidence, frames, base64};

	if (size)
		kinds[data[0] % ARRAY_SIZE(kinds)]((const char *)data + 1, size - 1);
	return 0;
}
