/* SPDX-License-Identifier: Apache-2.0 */
/* TLS with client certificates, by OpenSSL: see tls.h. */
#include "proxy/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

CLEANUP_DEFINE(BIO, BIO_free)
CLEANUP_DEFINE(X509, X509_free)
CLEANUP_DEFINE(EVP_PKEY, EVP_PKEY_free)
CLEANUP_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)

#define DEPTH 4 /* of intermediate authorities */

struct tls_server {
	SSL_CTX *ctx;
	STACK_OF(X509) *authorities;
	STACK_OF(X509_CRL) *revoked; /* NULL or empty: nothing is */
};

struct tls {
	SSL *ssl;
	bool wants_write;
};

/* Certificates before the key are the server's, the ones after it those of the clients' authorities. */
static int take_item(struct tls_server *s, const char *name, const unsigned char *der, long size)
{
	SSL_CTX *ctx = s->ctx;
	bool key_seen = SSL_CTX_get0_privatekey(ctx) != NULL;

	if (strcmp(name, PEM_STRING_X509) == 0) {
		CLEANUP(X509_free) X509 *cert = d2i_X509(NULL, &der, size);
		if (!cert)
			return -EINVAL;
		if (!key_seen && !SSL_CTX_get0_certificate(ctx))
			return SSL_CTX_use_certificate(ctx, cert) == 1 ? 0 : -EINVAL;
		if (!key_seen)
			return SSL_CTX_add1_chain_cert(ctx, cert) == 1 ? 0 : -EINVAL;
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) != 1 || SSL_CTX_add_client_CA(ctx, cert) != 1)
			return -EINVAL;
		return X509_add_cert(s->authorities, cert, X509_ADD_FLAG_UP_REF) == 1 ? 0 : -ENOMEM;
	}
	if (strcmp(name, PEM_STRING_X509_CRL) == 0) {
		X509_CRL *list = d2i_X509_CRL(NULL, &der, size);
		if (list && sk_X509_CRL_push(s->revoked, list) > 0)
			return 0;
		X509_CRL_free(list);
		return -EINVAL;
	}
	if (strcmp(name, PEM_STRING_PKCS8INF) == 0 || strcmp(name, PEM_STRING_ECPRIVATEKEY) == 0 ||
		strcmp(name, PEM_STRING_RSA) == 0) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &der, size);
		return key && !key_seen && SSL_CTX_use_PrivateKey(ctx, key) == 1 ? 0 : -EINVAL;
	}
	return 0; /* parameters and the like */
}

/* A list that nobody here has signed would revoke nothing, without a word. */
static bool list_is_good(struct tls_server *s, X509_CRL *list)
{
	for (int i = 0; i < sk_X509_num(s->authorities); i++) {
		X509 *ca = sk_X509_value(s->authorities, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(ca)) == 0 &&
			X509_CRL_verify(list, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	return false;
}

static int check_lists(struct tls_server *s, struct diag *reterr)
{
	int r = 0;

	for (int i = 0; i < sk_X509_CRL_num(s->revoked) && r == 0; i++)
		if (!list_is_good(s, sk_X509_CRL_value(s->revoked, i)))
			r = diag_msg(reterr, -EINVAL, "a list of revoked certificates is not signed by an authority of the clients");
	ERR_clear_error();
	return r;
}

static int load(struct tls_server *s, const void *pem, size_t size, struct diag *reterr)
{
	CLEANUP(BIO_free) BIO *bio = size < INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
	char *name, *header;
	unsigned char *data;
	long n;
	int r = bio ? 0 : -ENOMEM;

	while (r == 0 && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
		r = take_item(s, name, data, n);
		if (r < 0)
			diag_msg(reterr, r, "a part of the TLS certificates and keys (%s) cannot be used", name);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)n);
	}
	ERR_clear_error();
	if (r == 0 && (SSL_CTX_check_private_key(s->ctx) != 1 || !sk_X509_num(s->authorities)))
		r = diag_msg(reterr, -EINVAL, "the TLS certificate, its key or the authority of the clients is missing");
	return r < 0 ? r : check_lists(s, reterr);
}

int tls_server_new(struct tls_server **ret, const void *pem, size_t size, struct diag *reterr)
{
	CLEANUP(tls_server_free) struct tls_server *s = calloc(1, sizeof(*s));

	/* No configuration of the host has a say in this, and where we run there is none to be read. */
	if (!s || OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -ENOMEM;
	s->ctx = SSL_CTX_new(TLS_server_method());
	s->authorities = sk_X509_new_null();
	s->revoked = sk_X509_CRL_new_null();
	if (!s->ctx || !s->authorities || !s->revoked)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION);
	SSL_CTX_set_security_level(s->ctx, 2);
	/* A socket that ends without a goodbye is no error: what we still have to say can be said. That a
	 * body was cut is seen by its framing. */
	SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* A resumed session would be a client whose certificate nobody looked at. */
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(s->ctx, 0);
	SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(s->ctx, DEPTH);
	int r = load(s, pem, size, reterr);
	if (r == 0)
		*ret = take_ptr(s);
	return r;
}

struct tls_server *tls_server_free(struct tls_server *s)
{
	if (s) {
		SSL_CTX_free(s->ctx);
		sk_X509_pop_free(s->authorities, X509_free);
		sk_X509_CRL_pop_free(s->revoked, X509_CRL_free);
	}
	free(s);
	return NULL;
}

int tls_new(struct tls **ret, struct tls_server *s, int fd)
{
	CLEANUP(tls_free) struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ssl = SSL_new(s->ctx);
	if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1)
		return -ENOMEM;
	SSL_set_accept_state(t->ssl);
	*ret = take_ptr(t);
	return 0;
}

struct tls *tls_free(struct tls *t)
{
	if (t)
		SSL_free(t->ssl);
	free(t);
	return NULL;
}

bool tls_wants_write(const struct tls *t)
{
	return t->wants_write;
}

/* What a call that returned r <= 0 means. */
static int trouble(struct tls *t, int r)
{
	int saved = errno;
	int why = SSL_get_error(t->ssl, r);

	ERR_clear_error();
	t->wants_write = why == SSL_ERROR_WANT_WRITE;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	return why != SSL_ERROR_SYSCALL ? -EPROTO : saved ? -saved : -EPIPE;
}

int tls_handshake(struct tls *t, struct diag *reterr)
{
	ERR_clear_error();
	int r = SSL_do_handshake(t->ssl);
	if (r != 1) {
		const char *why = ERR_reason_error_string(ERR_peek_error());
		long verdict = SSL_get_verify_result(t->ssl);

		if (verdict != X509_V_OK)
			why = X509_verify_cert_error_string(verdict);
		r = trouble(t, r);
		if (r == -EAGAIN)
			return r;
		return diag_msg(reterr, verdict != X509_V_OK ? -EACCES : -EPROTO, "TLS: %s", why ? why : "the client broke off");
	}
	/* The handshake fails without a good certificate; whoever changes that must also come past here. */
	if (!SSL_get0_peer_certificate(t->ssl) || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return diag_msg(reterr, -EACCES, "TLS: there is no client certificate of the authority");
	return 0;
}

static bool is_revoked(const struct tls_server *s, X509 *cert)
{
	X509_REVOKED *entry;

	for (int i = 0; i < sk_X509_CRL_num(s->revoked); i++) {
		X509_CRL *list = sk_X509_CRL_value(s->revoked, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(cert)) == 0 &&
			X509_CRL_get0_by_cert(list, &entry, cert) == 1)
			return true;
	}
	return false;
}

int tls_check(struct tls *t, struct tls_server *s, struct diag *reterr)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	CLEANUP(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	/* The handshake looked at all but the lists. */
	if (SSL_get_SSL_CTX(t->ssl) == s->ctx && !sk_X509_CRL_num(s->revoked))
		return 0;
	if (!ctx || X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(s->ctx), cert, SSL_get_peer_cert_chain(t->ssl)) != 1 ||
		X509_STORE_CTX_set_default(ctx, "ssl_client") != 1)
		return -ENOMEM;
	X509_STORE_CTX_set_depth(ctx, DEPTH);
	int ok = X509_verify_cert(ctx);
	ERR_clear_error();
	if (ok != 1)
		return diag_msg(reterr, -EACCES, "TLS: %s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (is_revoked(s, sk_X509_value(chain, i)))
			return diag_msg(reterr, -EACCES, "TLS: the certificate was revoked");
	return 0;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_read(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	return r > 0 ? r : trouble(t, r);
}

ssize_t tls_write(struct tls *t, const void *p, size_t n)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_write(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (r > 0)
		return r;
	r = trouble(t, r);
	return r ? r : -EPIPE;
}

int tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_shutdown(t->ssl);
	if (r >= 0)
		return 0;
	r = trouble(t, r);
	/* Once it is said, waiting for the client's answer is not what we came for. */
	return (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) && !t->wants_write ? 0 : r;
}

/* UTF-8 without what a terminal or a log would stumble over. */
static bool clean(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] == 127 || (s[i] == 0xc2 && i + 1 < n && s[i + 1] < 0xa0))
			return false;
	return n > 0 && n <= TLS_NAME_MAX;
}

static char *name_text(X509_NAME *name, int at)
{
	ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	unsigned char *text = NULL;
	int n = ASN1_STRING_to_UTF8(&text, value);
	char *copy = n > 0 && clean(text, (size_t)n) ? strndup((char *)text, (size_t)n) : NULL;

	OPENSSL_free(text);
	ERR_clear_error();
	return copy;
}

static int read_groups(X509_NAME *name, struct str_list *groups)
{
	for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_organizationName, at)) >= 0;) {
		CLEANUP(free) char *text = name_text(name, at);
		if (!text || groups->count == TLS_GROUPS_MAX || str_list_add(groups, text) < 0)
			return -EINVAL;
	}
	return 0;
}

int tls_identity(struct tls *t, char **ret_user, struct str_list *ret_groups, struct diag *reterr)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
	int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return diag_msg(reterr, -EINVAL, "the client certificate does not have exactly one common name (CN)");
	CLEANUP(free) char *user = name_text(name, at);
	if (!user)
		return diag_msg(reterr, -EINVAL, "the common name (CN) of the client certificate is too long or not clean text");
	int r = read_groups(name, ret_groups);
	if (r < 0)
		return diag_msg(reterr, r, "an organization (O) of the client certificate is too long or not clean text");
	*ret_user = take_ptr(user);
	return 0;
}
