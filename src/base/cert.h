/* SPDX-License-Identifier: Apache-2.0 */
/* Making certificates, by OpenSSL: EC P-256 throughout. In a library of its own (dep_cert). */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* A certificate and its key. */
struct cert_pair {
	EVP_PKEY *key;
	X509 *cert;
};

void cert_pair_done(struct cert_pair *p);
static inline void cert_pair_done_cleanup_(struct cert_pair *p)
{
	cert_pair_done(p);
}

struct cert_extension {
	int nid;
	const char *value; /* as in OpenSSL's configuration files */
};

/* A new key and a certificate for it, from now on, with neither extensions nor signature. -EIO. */
int cert_new(struct cert_pair *ret, const char *cn, uint32_t days);
/* One more part of the subject's name, UTF-8: "O". -EIO. */
int cert_add_name(X509 *cert, const char *field, const char *text);
/* Adds the extensions and the signature of `ca`, which for a certificate of its own is the pair itself. -EIO. */
int cert_sign(X509 *cert, const struct cert_pair *ca, const struct cert_extension *extensions, size_t n);
/* Append PEM. Whoever takes the key out of the buffer wipes it. */
int cert_put(struct buf *out, X509 *cert);
int cert_put_key(struct buf *out, EVP_PKEY *key);
