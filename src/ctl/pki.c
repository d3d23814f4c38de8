/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the proxy's certificates, by OpenSSL: see pki.h. */
#include "ctl/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cert.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ctl/pki_revoke.h"

#define CA_DAYS 3650
#define PROXY_DAYS 825
#define RENEW_DAYS 30 /* a proxy's certificate with less than that left is made anew */

CLEANUP_DEFINE(X509, X509_free)
CLEANUP_DEFINE(BIO, BIO_free)
CLEANUP_DEFINE(BIGNUM, BN_free)
CLEANUP_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)

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

/* What is no authority. */
static int sign(X509 *cert, const struct cert_pair *ca, const char *usage)
{
	const struct cert_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, usage},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid"},
	};

	return cert_sign(cert, ca, extensions, ARRAY_SIZE(extensions));
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

static int make_authority(const char *dir, struct cert_pair *ca, struct diag *reterr)
{
	static const struct cert_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,keyCertSign,cRLSign"},
		{NID_subject_key_identifier, "hash"},
	};
	CLEANUP(buf_done) struct buf cert = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key = BUF_INIT(1 << 16);
	char host[HOST_NAME_MAX + 1] = "", name[PKI_NAME_MAX + 1], path[PATH_MAX];

	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "Seawall %.50s", host);
	if (cert_new(ca, name, CA_DAYS) < 0 || cert_sign(ca->cert, ca, extensions, ARRAY_SIZE(extensions)) < 0 ||
		cert_put(&cert, ca->cert) < 0 || cert_put_key(&key, ca->key) < 0)
		return failed(reterr, "the authority");
	/* The key first: a certificate without it would look like an authority that lost its key. */
	int r = file_write_atomic(in_dir(dir, "ca.key", path), key.data, key.len, 0600);
	OPENSSL_cleanse(key.data, key.len);
	if (r == 0)
		r = file_write_atomic(in_dir(dir, "ca.pem", path), cert.data, cert.len, 0644);
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int read_authority(const char *dir, struct cert_pair *ca, struct diag *reterr)
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

static int ensure_authority(const char *dir, struct cert_pair *ca, struct pki_made *made, struct diag *reterr)
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

static bool proxy_is_good(X509 *cert, const struct cert_pair *ca, const struct str_list *hosts)
{
	int days = 0, seconds;

	for (uint32_t i = 0; i < hosts->count; i++)
		if (!has_host(cert, hosts->items[i]))
			return false;
	return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) == 1 && days >= RENEW_DAYS &&
	       X509_verify(cert, X509_get0_pubkey(ca->cert)) == 1;
}

static int ensure_proxy(const char *dir, const struct cert_pair *ca, const struct str_list *hosts, struct pki_made *made, struct diag *reterr)
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
	CLEANUP(cert_pair_done) struct cert_pair own = {0};
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = proxy_names(old, hosts);
	buf_reset(&pem);
	if (!names || cert_new(&own, "Seawall proxy", PROXY_DAYS) < 0 ||
		X509_add1_ext_i2d(own.cert, NID_subject_alt_name, names, 0, 0) != 1 || sign(own.cert, ca, "serverAuth") < 0 ||
		cert_put(&pem, own.cert) < 0 || cert_put_key(&pem, own.key) < 0)
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

static int issue_user(const struct cert_pair *ca, const struct pki_user *user, struct pki_made *ret, struct diag *reterr)
{
	CLEANUP(cert_pair_done) struct cert_pair own = {0};
	CLEANUP(buf_done) struct buf ca_pem = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf cert_pem = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key_pem = BUF_INIT(1 << 16);
	int r = cert_new(&own, user->name, user->days);

	for (uint32_t i = 0; r == 0 && i < user->groups->count; i++)
		r = cert_add_name(own.cert, "O", user->groups->items[i]);
	/* It cannot outlive the authority that vouches for it. */
	if (r == 0 && ASN1_TIME_compare(X509_get0_notAfter(own.cert), X509_get0_notAfter(ca->cert)) > 0)
		r = X509_set1_notAfter(own.cert, X509_get0_notAfter(ca->cert)) ? 0 : -EIO;
	if (r < 0 || sign(own.cert, ca, "clientAuth") < 0 || cert_put(&ca_pem, ca->cert) < 0 || cert_put(&cert_pem, own.cert) < 0 ||
		cert_put_key(&key_pem, own.key) < 0)
		return failed(reterr, "the user's certificate");
	r = write_user(user->out, &ca_pem, &cert_pem, &key_pem, reterr);
	OPENSSL_cleanse(key_pem.data, key_pem.len);
	if (r == 0)
		tell(own.cert, ret);
	return r;
}

/* Opens the directory, ours alone meanwhile, and the authority in it. A descriptor that holds the lock, or -errno. */
static int open_authority(const char *dir, struct cert_pair *ca, struct pki_made *made, struct diag *reterr)
{
	int r = dir_make(dir, 0700);
	CLEANUP(fd_close) int lock = r == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (r == 0 && (lock < 0 || fchmod(lock, 0700) < 0 || flock(lock, LOCK_EX) < 0))
		r = -errno;
	if (r < 0)
		return diag_msg(reterr, r, "cannot make or use the directory '%s': %s", dir, strerror(-r));
	r = ensure_authority(dir, ca, made, reterr);
	return r < 0 ? r : take_fd(lock);
}

int pki_issue(const char *dir, const struct str_list *hosts, const struct pki_user *user, struct pki_made *ret,
	struct diag *reterr)
{
	CLEANUP(cert_pair_done) struct cert_pair ca = {0};
	struct pki_made made = {0};
	CLEANUP(fd_close) int lock = open_authority(dir, &ca, &made, reterr);
	int r = lock < 0 ? lock : ensure_proxy(dir, &ca, hosts, &made, reterr);

	if (r == 0)
		r = issue_user(&ca, user, &made, reterr);
	if (r == 0)
		r = pki_note(dir, user->name, made.serial, reterr);
	if (r == 0)
		*ret = made;
	return r;
}

int pki_server(const char *dir, const char *file, const struct str_list *hosts, struct pki_made *ret, struct diag *reterr)
{
	CLEANUP(cert_pair_done) struct cert_pair ca = {0};
	struct pki_made made = {.server = file};
	CLEANUP(fd_close) int lock = open_authority(dir, &ca, &made, reterr);
	int r = lock < 0 ? lock : ensure_proxy(dir, &ca, hosts, &made, reterr);

	if (r == 0)
		*ret = made;
	return r;
}
