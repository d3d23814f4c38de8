/* SPDX-License-Identifier: Apache-2.0 */
/* Making certificates: see cert.h. */
#include "base/cert.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

CLEANUP_DEFINE(BIO, BIO_free)
CLEANUP_DEFINE(BIGNUM, BN_free)

#define SKEW_SECONDS 300 /* that the clock of another host may be behind */

void cert_pair_done(struct cert_pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	*p = (struct cert_pair){0};
}

int cert_add_name(X509 *cert, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0)
		? 0 : -EIO;
}

static int set_serial(X509 *cert)
{
	unsigned char serial[16];

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return -EIO;
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always of the same length */
	CLEANUP(BN_free) BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) ? 0 : -EIO;
}

int cert_new(struct cert_pair *ret, const char *cn, uint32_t days)
{
	CLEANUP(cert_pair_done) struct cert_pair p = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};

	if (!p.key || !p.cert || set_serial(p.cert) < 0 || !X509_set_version(p.cert, 2) ||
		!X509_gmtime_adj(X509_getm_notBefore(p.cert), -SKEW_SECONDS) ||
		!X509_time_adj_ex(X509_getm_notAfter(p.cert), (int)days, 0, NULL) || !X509_set_pubkey(p.cert, p.key) ||
		cert_add_name(p.cert, "CN", cn) < 0)
		return -EIO;
	*ret = p;
	p = (struct cert_pair){0};
	return 0;
}

static int add_extension(X509 *cert, X509 *issuer, const struct cert_extension *x)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, x->nid, x->value);
	int ok = e && X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -EIO;
}

int cert_sign(X509 *cert, const struct cert_pair *ca, const struct cert_extension *extensions, size_t n)
{
	int r = X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) ? 0 : -EIO;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_extension(cert, ca->cert, &extensions[i]);
	return r == 0 && X509_sign(cert, ca->key, EVP_sha256()) ? 0 : -EIO;
}

static int put(struct buf *out, BIO *bio)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);

	buf_put(out, data, (size_t)n);
	return out->failed;
}

int cert_put(struct buf *out, X509 *cert)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_X509(bio, cert) ? put(out, bio) : -EIO;
}

int cert_put_key(struct buf *out, EVP_PKEY *key)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_secmem());

	return bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) ? put(out, bio) : -EIO;
}
