/* SPDX-License-Identifier: Apache-2.0 */
/* The list of revoked certificates, by OpenSSL: see pki_revoke.h. */
#include "ctl/pki_revoke.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"

#define LIST_DAYS 3650	     /* no date of ours makes a revoked certificate good again */
#define FILE_MAX_ (8u << 20) /* of `issued` and crl.pem: some hundred thousand certificates */

CLEANUP_DEFINE(EVP_PKEY, EVP_PKEY_free)
CLEANUP_DEFINE(X509, X509_free)
CLEANUP_DEFINE(X509_CRL, X509_CRL_free)
CLEANUP_DEFINE(X509_REVOKED, X509_REVOKED_free)
CLEANUP_DEFINE(ASN1_TIME, ASN1_TIME_free)
CLEANUP_DEFINE(BIO, BIO_free)
CLEANUP_DEFINE(BIGNUM, BN_free)
CLEANUP_DEFINE(ASN1_INTEGER, ASN1_INTEGER_free)

static const char *in_dir(const char *dir, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%s/%s", dir, name);
	return out;
}

int pki_note(const char *dir, const char *name, const char *serial, struct diag *reterr)
{
	char path[PATH_MAX];
	CLEANUP(buf_done) struct buf line = BUF_INIT(1024);
	CLEANUP(fd_close) int fd = open(in_dir(dir, "issued", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	buf_printf(&line, "%s %s\n", serial, name);
	int r = fd < 0 ? -errno : line.failed ? line.failed : fd_write_all(fd, line.data, line.len);
	return r < 0 ? diag_msg(reterr, r, "the certificate was made, but not noted in '%s' (%s): 'user revoke --cert' takes it back",
			       path, strerror(-r))
		     : 0;
}

/* --- what is to be revoked --- */

static int serials_of_name(const char *dir, const char *name, struct str_list *serials, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX_);
	char path[PATH_MAX];
	int r = file_read(in_dir(dir, "issued", path), &text);

	if (r == -ENOENT)
		return 0;
	buf_putc(&text, 0);
	if (r < 0 || text.failed)
		return diag_msg(reterr, r < 0 ? r : text.failed, "cannot read '%s': %s", path, strerror(r < 0 ? -r : -text.failed));
	char *rest = (char *)text.data;
	for (char *line; r == 0 && (line = strsep(&rest, "\n"));) {
		char *blank = strchr(line, ' ');
		if (!blank || strcmp(blank + 1, name) != 0)
			continue;
		*blank = 0;
		r = str_list_add(serials, line);
	}
	return r;
}

static X509 *read_cert(const char *path, struct diag *reterr)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new_file(path, "re");
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	ERR_clear_error();
	if (!cert)
		diag_msg(reterr, -EINVAL, "'%s' has no certificate in it", path);
	return cert;
}

static int serial_of_file(const char *path, const char *name, X509 *ca, struct str_list *serials, struct diag *reterr)
{
	CLEANUP(X509_free) X509 *cert = read_cert(path, reterr);
	char cn[256] = "";

	if (!cert)
		return -EINVAL;
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof(cn));
	if (X509_verify(cert, X509_get0_pubkey(ca)) != 1 || strcmp(cn, name) != 0) {
		ERR_clear_error();
		return diag_msg(reterr, -EINVAL, "'%s' is no certificate of '%s' that this authority issued", path, name);
	}
	CLEANUP(BN_free) BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *text = number ? BN_bn2hex(number) : NULL;
	int r = text ? str_list_add(serials, text) : -ENOMEM;
	OPENSSL_free(text);
	return r;
}

/* --- the list --- */

static int broken(struct diag *reterr, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	int r = diag_msg(reterr, -EIO, "cannot make %s: %s", what, why ? why : "out of memory");

	ERR_clear_error();
	return r;
}

/* The list as it is, or a new one. One that is not ours is not written over. */
static int open_list(const char *dir, X509 *ca, X509_CRL **ret, struct diag *reterr)
{
	char path[PATH_MAX];

	if (access(in_dir(dir, "crl.pem", path), F_OK) < 0) {
		CLEANUP(X509_CRL_free) X509_CRL *list = X509_CRL_new();
		if (!list || !X509_CRL_set_version(list, 1) || !X509_CRL_set_issuer_name(list, X509_get_subject_name(ca)))
			return broken(reterr, "the list of revoked certificates");
		*ret = take_ptr(list);
		return 0;
	}
	CLEANUP(BIO_free) BIO *bio = BIO_new_file(path, "re");
	CLEANUP(X509_CRL_free) X509_CRL *list = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	bool ours = list && X509_CRL_verify(list, X509_get0_pubkey(ca)) == 1;
	ERR_clear_error();
	if (!ours)
		return diag_msg(reterr, -EINVAL, "'%s' is no list of this authority; it is not written over", path);
	*ret = take_ptr(list);
	return 0;
}

/* 1: added, 0: it is there already. */
static int add(X509_CRL *list, const char *serial)
{
	BIGNUM *raw = NULL;
	X509_REVOKED *known;
	int ok = BN_hex2bn(&raw, serial);
	CLEANUP(BN_free) BIGNUM *number = raw;
	CLEANUP(ASN1_INTEGER_free) ASN1_INTEGER *integer = ok ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	CLEANUP(X509_REVOKED_free) X509_REVOKED *entry = X509_REVOKED_new();
	CLEANUP(ASN1_TIME_free) ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	if (!integer || !entry || !now)
		return -EIO;
	if (X509_CRL_get0_by_serial(list, &known, integer) == 1)
		return 0;
	if (!X509_REVOKED_set_serialNumber(entry, integer) || !X509_REVOKED_set_revocationDate(entry, now) ||
		!X509_CRL_add0_revoked(list, entry))
		return -EIO;
	entry = NULL;
	return 1;
}

static int write_list(const char *dir, X509_CRL *list, EVP_PKEY *key, struct diag *reterr)
{
	CLEANUP(ASN1_TIME_free) ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	CLEANUP(ASN1_TIME_free) ASN1_TIME *next = X509_time_adj_ex(NULL, LIST_DAYS, 0, NULL);
	CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_mem());
	char path[PATH_MAX];
	char *data;

	if (!now || !next || !bio || !X509_CRL_set1_lastUpdate(list, now) || !X509_CRL_set1_nextUpdate(list, next) ||
		!X509_CRL_sort(list) || !X509_CRL_sign(list, key, EVP_sha256()) || !PEM_write_bio_X509_CRL(bio, list))
		return broken(reterr, "the list of revoked certificates");
	long n = BIO_get_mem_data(bio, &data);
	int r = file_write_atomic(in_dir(dir, "crl.pem", path), data, (size_t)n, 0644);
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static EVP_PKEY *read_key(const char *dir, X509 *ca, struct diag *reterr)
{
	char path[PATH_MAX];
	CLEANUP(BIO_free) BIO *bio = BIO_new_file(in_dir(dir, "ca.key", path), "re");
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	if (!key || X509_check_private_key(ca, key) != 1) {
		ERR_clear_error();
		diag_msg(reterr, -EINVAL, "'%s' is not there, or not the key of ca.pem", path);
		return NULL;
	}
	return take_ptr(key);
}

static int revoke_all(const char *dir, X509 *ca, EVP_PKEY *key, const struct str_list *serials, struct str_list *ret, struct diag *reterr)
{
	CLEANUP(X509_CRL_free) X509_CRL *list = NULL;
	int r = open_list(dir, ca, &list, reterr);

	for (uint32_t i = 0; i < serials->count && r >= 0; i++) {
		r = add(list, serials->items[i]);
		if (r < 0)
			return broken(reterr, "an entry of the list");
		r = r ? str_list_add(ret, serials->items[i]) : 0;
	}
	return r < 0 || !ret->count ? r : write_list(dir, list, key, reterr);
}

int pki_revoke(const char *dir, const char *name, const char *cert_path, struct str_list *ret, struct diag *reterr)
{
	CLEANUP(str_list_done) struct str_list serials = {0};
	CLEANUP(fd_close) int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX];

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return diag_msg(reterr, -errno, "there is no authority in '%s': %s", dir, strerror(errno));
	CLEANUP(X509_free) X509 *ca = read_cert(in_dir(dir, "ca.pem", path), reterr);
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = ca ? read_key(dir, ca, reterr) : NULL;
	if (!key)
		return -EINVAL;
	int r = cert_path ? serial_of_file(cert_path, name, ca, &serials, reterr) : serials_of_name(dir, name, &serials, reterr);
	return r < 0 ? r : revoke_all(dir, ca, key, &serials, ret, reterr);
}
