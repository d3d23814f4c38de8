/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of signers in PEM: ECDSA P-256 and P-384, Ed25519, RSA of 2048 bits and more. Signatures
 * are those of cosign: ECDSA in DER over SHA-256 (P-384 also over SHA-384), RSA PKCS#1 v1.5 over
 * SHA-256, Ed25519 over the bytes themselves.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"

#define KEY_PEM_MAX 16384
#define FINGERPRINT_SIZE 72

/* Loads what the crypto library would otherwise look for later, when files are out of reach. Call
 * before a sandbox; harmless twice. */
void trust_init(void);

struct trust_key;

/* One public key and nothing else but white space and comments before it. -EINVAL with a sentence,
 * -ENOMEM. */
int trust_key_new(struct trust_key **ret, const char *pem, size_t n, struct diag *reterr);
struct trust_key *trust_key_free(struct trust_key *k);
CLEANUP_DEFINE(struct trust_key, trust_key_free)

const char *trust_key_kind(const struct trust_key *k);	      /* "ECDSA P-256" */
const char *trust_key_fingerprint(const struct trust_key *k); /* "sha256:..." of its DER form */
/* 0, or -EKEYREJECTED: not this key's signature of these bytes. */
int trust_key_verify(const struct trust_key *k, const void *data, size_t n, const struct buf *signature);

/* Signs with an unencrypted private key; the signature's bytes are appended to out. -EINVAL with a
 * sentence. */
int trust_key_sign(const char *pem, size_t pem_size, const struct buf *data, struct buf *out, struct diag *reterr);
