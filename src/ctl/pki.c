/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the proxy's certificates, by OpenSSL: see pki.h. */
#include "ctl/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"

#define CA_DAYS 3650
#define PROXY_DAYS 825
#define RENEW_DAYS 30 /* a proxy's certificate with less than that left is made anew */

CLEANUP_DEFINE(EVP_PKEY, EVP_PKEY_free)
CLEANUP_DEFINE(X509, X509_free)
CLEANUP_DEFINE(BIO, BIO_free)
CLEANUP_DEFINE(BIGNUM, BN_free)
CLEANUP_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

static void authority_done_cleanup_(struct authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
}

static int failed(struct diag *reterr, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	int r = diag_msg(reterr, -EIO, "cannot make %s: %s", what, why ? why : "out of memory");

	ERR_clear_error();
	return r;
}

/* Control characters, and those that turn the direction of text around. */
static bool is_clean(unsigned long c)
{
	return c >= ' ' && !(c >= 0x7f && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

int pki_name_check(const char *what, const char *text, struct diag *reterr)
{
	size_t n = strlen(text);

	if (n == 0 || n > PKI_NAME_MAX)
		return diag_msg(reterr, -EINVAL, "the name of a %s has 1 to %d bytes", what, PKI_NAME_MAX);
	if (text[0] == ' ' || text[n - 1] == ' ')
		return diag_msg(reterr, -EINVAL, "the name of a %s does not begin or end with a space", what);
	for (size_t at = 0; at < n;) {
		unsigned long c;
		int used = UTF8_getc((const unsigned char *)text + at, (int)(n - at), &c);
		if (used <= 0 || !is_clean(c) || c == ',')
			return diag_msg(reterr, -EINVAL, "the name of a %s is clean UTF-8 text without control characters or commas", what);
		at += (size_t)used;
	}
	return 0;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

int pki_host_check(const char *text, struct diag *reterr)
{
	size_t n = strlen(text);
	size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	if (is_address(text) || (n > 0 && n <= 253 && good == n && text[0] != '.' && text[0] != '-'))
		return 0;
	return diag_msg(reterr, -EINVAL, "'%.100s' is neither a host name nor an address", text);
}

/* --- certificates --- */

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	int ok = e && X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -EIO;
}

static int add_name(X509 *cert, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0)
		? 0 : -EIO;
}

/* A certificate with all but its names of extensions and its signature. */
static X509 *blank(EVP_PKEY *key, const char *cn, uint32_t days)
{
	CLEANUP(X509_free) X509 *cert = X509_new();
	unsigned char serial[16];

	if (!cert || RAND_bytes(serial, sizeof(serial)) != 1)
		return NULL;
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always of the same length */
	CLEANUP(BN_free) BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	if (!number || !BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) || !X509_set_version(cert, 2) ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), -300) ||
		!X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) || !X509_set_pubkey(cert, key) || add_name(cert, "CN", cn) < 0)
		return NULL;
	return take_ptr(cert);
}

static int sign(X509 *cert, const struct authority *ca, const char *usage)
{
	if (!X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) ||
		add_extension(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
		add_extension(cert, ca->cert, NID_key_usage, "critical,digitalSignature") < 0 ||
		add_extension(cert, ca->cert, NID_ext_key_usage, usage) < 0 ||
		add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") < 0 ||
		add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid") < 0)
		return -EIO;
	return X509_sign(cert, ca->key, EVP_sha256()) ? 0 : -EIO;
}

static int put_cert(struct buf *out, X509 *cert)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_mem());
	char *data;

	if (!bio || !PEM_write_bio_X509(bio, cert))
		return -EIO;
	long n = BIO_get_mem_data(bio, &data);
	buf_put(out, data, (size_t)n);
	return out->failed;
}

static int put_key(struct buf *out, EVP_PKEY *key)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_secmem());
	char *data;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return -EIO;
	long n = BIO_get_mem_data(bio, &data);
	buf_put(out, data, (size_t)n);
	return out->failed;
}

static X509 *read_cert(const struct buf *pem)
{
	CLEANUP(BIO_free) BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* --- the authority --- */

static const char *in_dir(const char *dir, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%s/%s", dir, name);
	return out;
}

static int make_authority(const char *dir, struct authority *ca, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key = BUF_INIT(1 << 16);
	char host[HOST_NAME_MAX + 1] = "", name[PKI_NAME_MAX + 1], path[PATH_MAX];

	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "Seawall %.50s", host);
	ca->key = EVP_EC_gen("P-256");
	ca->cert = ca->key ? blank(ca->key, name, CA_DAYS) : NULL;
	if (!ca->cert || !X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) ||
		add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
		add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
		add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash") < 0 ||
		!X509_sign(ca->cert, ca->key, EVP_sha256()) || put_cert(&cert, ca->cert) < 0 || put_key(&key, ca->key) < 0)
		return failed(reterr, "the authority");
	/* The key first: a certificate without it would look like an authority that lost its key. */
	int r = file_write_atomic(in_dir(dir, "ca.key", path), key.data, key.len, 0600);
	OPENSSL_cleanse(key.data, key.len);
	if (r == 0)
		r = file_write_atomic(in_dir(dir, "ca.pem", path), cert.data, cert.len, 0644);
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int read_authority(const char *dir, struct authority *ca, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key = BUF_INIT(1 << 16);
	char path[PATH_MAX];
	int r = file_read(in_dir(dir, "ca.key", path), &key);

	if (r == 0)
		r = file_read(in_dir(dir, "ca.pem", path), &cert);
	if (r < 0)
		return diag_msg(reterr, r, "cannot read '%s' of the authority: %s", path, strerror(-r));
	CLEANUP(BIO_free) BIO *bio = BIO_new_mem_buf(key.data, (int)key.len);
	ca->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	OPENSSL_cleanse(key.data, key.len);
	ca->cert = read_cert(&cert);
	ERR_clear_error();
	if (!ca->key || !ca->cert || X509_check_private_key(ca->cert, ca->key) != 1)
		return diag_msg(reterr, -EINVAL, "ca.pem and ca.key in '%s' do not belong together", dir);
	return 0;
}

static int ensure_authority(const char *dir, struct authority *ca, struct pki_made *made, struct diag *reterr)
{
	char path[PATH_MAX];

	/* A half of it is not made whole here: what it issued would be worthless without a word. */
	if (access(in_dir(dir, "ca.pem", path), F_OK) == 0)
		return read_authority(dir, ca, reterr);
	made->authority = true;
	return make_authority(dir, ca, reterr);
}

/* --- the proxy's certificate --- */

static int push_host(GENERAL_NAMES *names, const char *host)
{
	GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, is_address(host) ? GEN_IPADD : GEN_DNS, host, 0);

	if (!name || !sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		return -EIO;
	}
	return 0;
}

static bool has_host(X509 *cert, const char *host)
{
	return is_address(host) ? X509_check_ip_asc(cert, host, 0) == 1 : X509_check_host(cert, host, 0, 0, NULL) == 1;
}

/* The names of the old one, or this host's own, and those that are asked for. */
static GENERAL_NAMES *proxy_names(X509 *old, const struct str_list *hosts)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = old ? X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL) : NULL;
	char own[HOST_NAME_MAX + 1] = "";

	if (!names) {
		names = GENERAL_NAMES_new();
		gethostname(own, sizeof(own) - 1);
		if (!names || push_host(names, "localhost") < 0 || push_host(names, "127.0.0.1") < 0 || push_host(names, "::1") < 0 ||
			(pki_host_check(own, NULL) == 0 && push_host(names, own) < 0))
			return NULL;
	}
	for (uint32_t i = 0; i < hosts->count; i++)
		if (!(old && has_host(old, hosts->items[i])) && push_host(names, hosts->items[i]) < 0)
			return NULL;
	return take_ptr(names);
}

static bool proxy_is_good(X509 *cert, const struct authority *ca, const struct str_list *hosts)
{
	int days = 0, seconds;

	for (uint32_t i = 0; i < hosts->count; i++)
		if (!has_host(cert, hosts->items[i]))
			return false;
	return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) == 1 && days >= RENEW_DAYS &&
	       X509_verify(cert, X509_get0_pubkey(ca->cert)) == 1;
}

static int ensure_proxy(const char *dir, const struct authority *ca, const struct str_list *hosts, struct pki_made *made, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT(1 << 16);
	char path[PATH_MAX];
	int r = file_read(in_dir(dir, made->server ? made->server : "proxy.pem", path), &pem);
	CLEANUP(X509_free) X509 *old = r == 0 ? read_cert(&pem) : NULL;

	ERR_clear_error();
	if (r < 0 && r != -ENOENT)
		return diag_msg(reterr, r, "cannot read '%s': %s", path, strerror(-r));
	if (r == 0 && !old)
		return diag_msg(reterr, -EINVAL, "'%s' has no certificate in it; it is not written over", path);
	if (old && proxy_is_good(old, ca, hosts))
		return 0;
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(X509_free) X509 *cert = key ? blank(key, "Seawall proxy", PROXY_DAYS) : NULL;
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = proxy_names(old, hosts);
	buf_reset(&pem);
	if (!cert || !names || X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1 || sign(cert, ca, "serverAuth") < 0 ||
		put_cert(&pem, cert) < 0 || put_key(&pem, key) < 0)
		return failed(reterr, "the proxy's certificate");
	r = file_write_atomic(path, pem.data, pem.len, 0600);
	OPENSSL_cleanse(pem.data, pem.len);
	made->proxy = r == 0;
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

/* --- the user's --- */

/* Made, never written over, and closed to others from the first byte on. */
static int write_new(const char *path, const struct buf *text, mode_t mode, struct diag *reterr)
{
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : fd_write_all(fd, text->data, text->len);

	if (r < 0 && fd >= 0)
		unlink(path);
	if (r == -EEXIST)
		return diag_msg(reterr, r, "'%s' is there already; nothing was written", path);
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int write_user(const char *out, const struct buf *ca, const struct buf *cert, const struct buf *key, struct diag *reterr)
{
	const struct {
		const char *name;
		const struct buf *text;
		mode_t mode;
	} files[] = {{"key.pem", key, 0600}, {"cert.pem", cert, 0644}, {"ca.pem", ca, 0644}};
	char path[PATH_MAX];
	int r = dir_make(out, 0700);

	if (r < 0)
		return diag_msg(reterr, r, "cannot make the directory '%s': %s", out, strerror(-r));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = write_new(in_dir(out, files[i].name, path), files[i].text, files[i].mode, reterr);
		while (r < 0 && i-- > 0)
			unlink(in_dir(out, files[i].name, path));
		if (r < 0)
			return r;
	}
	return 0;
}

static void tell(X509 *cert, struct pki_made *ret)
{
	CLEANUP(BN_free) BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *text = serial ? BN_bn2hex(serial) : NULL;
	struct tm tm = {0};

	snprintf(ret->serial, sizeof(ret->serial), "%s", text ? text : "");
	OPENSSL_free(text);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
		ret->expires = (uint64_t)timegm(&tm) * NSEC_PER_SEC;
}

static int issue_user(const struct authority *ca, const struct pki_user *user, struct pki_made *ret, struct diag *reterr)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(X509_free) X509 *cert = key ? blank(key, user->name, user->days) : NULL;
	CLEANUP(buf_done) struct buf ca_pem = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf cert_pem = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key_pem = BUF_INIT(1 << 16);
	int r = cert ? 0 : -EIO;

	for (uint32_t i = 0; r == 0 && i < user->groups->count; i++)
		r = add_name(cert, "O", user->groups->items[i]);
	/* It cannot outlive the authority that vouches for it. */
	if (r == 0 && ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(ca->cert)) > 0)
		r = X509_set1_notAfter(cert, X509_get0_notAfter(ca->cert)) ? 0 : -EIO;
	if (r < 0 || sign(cert, ca, "clientAuth") < 0 || put_cert(&ca_pem, ca->cert) < 0 || put_cert(&cert_pem, cert) < 0 ||
		put_key(&key_pem, key) < 0)
		return failed(reterr, "the user's certificate");
	r = write_user(user->out, &ca_pem, &cert_pem, &key_pem, reterr);
	OPENSSL_cleanse(key_pem.data, key_pem.len);
	if (r == 0)
		tell(cert, ret);
	return r;
}

int pki_issue(const char *dir, const struct str_list *hosts, const struct pki_user *user, struct pki_made *ret,
	struct diag *reterr)
{
	__attribute__((cleanup(authority_done_cleanup_))) struct authority ca = {0};
	struct pki_made made = {0};
	int r = dir_make(dir, 0700);
	CLEANUP(fd_close) int lock = r == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (r == 0 && (lock < 0 || fchmod(lock, 0700) < 0 || flock(lock, LOCK_EX) < 0))
		r = -errno;
	if (r < 0)
		return diag_msg(reterr, r, "cannot make or use the directory '%s': %s", dir, strerror(-r));
	r = ensure_authority(dir, &ca, &made, reterr);
	if (r == 0)
		r = ensure_proxy(dir, &ca, hosts, &made, reterr);
	if (r == 0)
		r = issue_user(&ca, user, &made, reterr);
	if (r == 0)
		*ret = made;
	return r;
}

int pki_server(const char *dir, const char *file, const struct str_list *hosts, struct pki_made *ret, struct diag *reterr)
{
	__attribute__((cleanup(authority_done_cleanup_))) struct authority ca = {0};
	struct pki_made made = {.server = file};
	int r = dir_make(dir, 0700);
	CLEANUP(fd_close) int lock = r == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (r == 0 && (lock < 0 || fchmod(lock, 0700) < 0 || flock(lock, LOCK_EX) < 0))
		r = -errno;
	if (r < 0)
		return diag_msg(reterr, r, "cannot make or use the directory '%s': %s", dir, strerror(-r));
	r = ensure_authority(dir, &ca, &made, reterr);
	if (r == 0)
		r = ensure_proxy(dir, &ca, hosts, &made, reterr);
	if (r == 0)
		*ret = made;
	return r;
}
