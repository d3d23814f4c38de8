/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for the tests: see certs.h. */
#include "certs.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void need(bool what)
{
	if (!what)
		abort();
}

static void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	need(e && X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

static void entry(X509_NAME *name, const char *key, const char *value, int n)
{
	need(X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, (const unsigned char *)value, n, -1, 0));
}

struct identity cert_make(const struct cert_plan *plan)
{
	static int serial;
	struct identity id = {EVP_EC_gen("P-256"), X509_new()};
	X509_NAME *name = X509_get_subject_name(id.cert);
	X509 *issuer = plan->issuer ? plan->issuer->cert : id.cert;
	bool days = plan->from_days || plan->to_days;

	if (plan->cn)
		entry(name, "CN", plan->cn, plan->cn_size ? plan->cn_size : -1);
	if (plan->second_cn)
		entry(name, "CN", plan->second_cn, -1);
	for (int i = 0; i < 4 && plan->groups[i]; i++)
		entry(name, "O", plan->groups[i], -1);
	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
	X509_time_adj_ex(X509_getm_notBefore(id.cert), days ? plan->from_days : -1, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(id.cert), days ? plan->to_days : 30, 0, NULL);
	X509_set_pubkey(id.cert, id.key);
	X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
	extension(id.cert, issuer, NID_basic_constraints, plan->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (plan->usage)
		extension(id.cert, issuer, NID_ext_key_usage, plan->usage);
	need(X509_sign(id.cert, plan->issuer ? plan->issuer->key : id.key, EVP_sha256()) > 0);
	return id;
}

void cert_done(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	*id = (struct identity){0};
}

char *cert_bundle(const struct identity *server, const struct identity *authority)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;

	if (server)
		need(PEM_write_bio_X509(bio, server->cert) && PEM_write_bio_PKCS8PrivateKey(bio, server->key, NULL, NULL, 0, NULL, NULL));
	if (authority)
		need(PEM_write_bio_X509(bio, authority->cert));
	long n = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)n);
	BIO_free(bio);
	return text;
}

char *cert_revoked(const struct identity *authority, const struct identity *revoked)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509_CRL *list = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	char *data, *text;

	need(X509_CRL_set_version(list, 1) && X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->cert)) &&
		X509_CRL_set1_lastUpdate(list, now) && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->cert)) &&
		X509_REVOKED_set_revocationDate(entry, now) && X509_CRL_add0_revoked(list, entry) && X509_CRL_sort(list) &&
		X509_CRL_sign(list, authority->key, EVP_sha256()) && PEM_write_bio_X509_CRL(bio, list));
	long n = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)n);
	X509_CRL_free(list);
	ASN1_TIME_free(now);
	BIO_free(bio);
	return text;
}
