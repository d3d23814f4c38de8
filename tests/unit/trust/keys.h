/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of the tests, made when they run; a signature object made with one. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "trust/evidence.h"

struct pair {
	char secret[8192], public[4096];
};

static inline EVP_PKEY *key_make(const char *kind)
{
	if (strcmp(kind, "P-256") == 0 || strcmp(kind, "P-384") == 0 || strcmp(kind, "P-521") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
	if (strncmp(kind, "RSA-", 4) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
	return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static inline void pair_make(struct pair *p, const char *kind)
{
	EVP_PKEY *key = key_make(kind);
	BIO *b = BIO_new(BIO_s_mem());

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL), 1);
	int n = BIO_read(b, p->secret, sizeof(p->secret) - 1);
	assert_true(n > 0);
	p->secret[n] = 0;
	assert_int_equal(PEM_write_bio_PUBKEY(b, key), 1);
	n = BIO_read(b, p->public, sizeof(p->public) - 1);
	assert_true(n > 0);
	p->public[n] = 0;
	BIO_free(b);
	EVP_PKEY_free(key);
}

static inline struct trust_key *key_of(const struct pair *p)
{
	struct trust_key *k = NULL;

	assert_int_equal(trust_key_new(&k, p->public, strlen(p->public), NULL), 0);
	return k;
}

/* Adds a good signature of the digest. */
static inline void sign(struct trust_evidence *e, const struct pair *p, const char *digest)
{
	CLEANUP(buf_done) struct buf payload = BUF_INIT(PAYLOAD_MAX), raw = BUF_INIT(4096), text = BUF_INIT(8192);
	struct trust_payload what = {.reference = "registry.test/app"};

	snprintf(what.digest, sizeof(what.digest), "%s", digest);
	payload_make(&what, &payload);
	assert_int_equal(trust_key_sign(p->secret, strlen(p->secret), &payload, &raw, NULL), 0);
	base64_encode(raw.data, raw.len, &text);
	assert_int_equal(evidence_add_signature(e, &payload, (char *)text.data), 0);
}
