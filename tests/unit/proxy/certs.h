/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for the tests, good and bad, made on the spot. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

struct cert_plan {
	const struct identity *issuer; /* NULL = itself */
	const char *cn;		       /* NULL = none */
	int cn_size;		       /* -1 = strlen */
	const char *second_cn;
	const char *groups[4];
	bool authority;
	const char *usage; /* "clientAuth"; NULL = no extended key usage */
	int from_days, to_days; /* validity, from now; both 0 = -1 to 30 */
};

struct identity cert_make(const struct cert_plan *plan);
void cert_done(struct identity *id);
/* The list of what `authority` revoked: that one, as PEM in a malloc'ed text. */
char *cert_revoked(const struct identity *authority, const struct identity *revoked);
/* certificate, key, authority as PEM in one malloc'ed text. */
char *cert_bundle(const struct identity *server, const struct identity *authority);
