/* SPDX-License-Identifier: Apache-2.0 */
/* A self-signed certificate for this host: see tls.h. */
#include "console/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define VALID_DAYS 3650

CLEANUP_DEFINE(EVP_PKEY, EVP_PKEY_free)
CLEANUP_DEFINE(X509, X509_free)
CLEANUP_DEFINE(BIO, BIO_free)

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	int ok = e && X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -EIO;
}

static int fill(X509 *cert, EVP_PKEY *key)
{
	char host[HOST_NAME_MAX + 1] = "localhost", names[HOST_NAME_MAX + 80];
	unsigned char serial[16];
	X509_NAME *name = X509_get_subject_name(cert);

	gethostname(host, sizeof(host) - 1);
	snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:%s", host);
	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return -EIO;
	serial[0] &= 0x7f; /* a serial number is positive */
	BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	int ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) && X509_set_version(cert, 2) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -300) &&
		X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) && X509_set_pubkey(cert, key) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Seawall Console", -1, -1, 0) &&
		X509_set_issuer_name(cert, name);
	BN_free(number);
	/* It is its own authority: clients pin it as the one they trust. */
	if (!ok || add_extension(cert, NID_subject_alt_name, names) < 0 ||
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
		add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") < 0 ||
		add_extension(cert, NID_ext_key_usage, "serverAuth") < 0 ||
		add_extension(cert, NID_subject_key_identifier, "hash") < 0)
		return -EIO;
	return X509_sign(cert, key, EVP_sha256()) ? 0 : -EIO;
}

static int write_bio(const char *path, BIO *bio, mode_t mode)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);

	return size > 0 ? file_write_atomic(path, data, (size_t)size, mode) : -EIO;
}

static int make(const char *cert_path, const char *key_path)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(X509_free) X509 *cert = X509_new();
	CLEANUP(BIO_free) BIO *key_bio = BIO_new(BIO_s_mem());
	CLEANUP(BIO_free) BIO *cert_bio = BIO_new(BIO_s_mem());

	if (!key || !cert || !key_bio || !cert_bio)
		return -ENOMEM;
	int r = fill(cert, key);
	if (r < 0)
		return r;
	if (!PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) || !PEM_write_bio_X509(cert_bio, cert))
		return -EIO;
	r = write_bio(key_path, key_bio, 0600);
	return r < 0 ? r : write_bio(cert_path, cert_bio, 0644);
}

int tls_ensure(const char *dir, struct buf *cert, struct buf *key, struct diag *reterr)
{
	char cert_path[PATH_MAX], key_path[PATH_MAX];
	int r = 0;

	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	if (access(cert_path, R_OK) < 0 || access(key_path, R_OK) < 0)
		r = make(cert_path, key_path);
	if (r == 0)
		r = file_read(cert_path, cert);
	if (r == 0)
		r = file_read(key_path, key);
	return r < 0 ? diag_msg(reterr, r, "cannot make or read the certificate in '%s'", dir) : 0;
}
