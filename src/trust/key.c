/* SPDX-License-Identifier: Apache-2.0 */
/* Keys over OpenSSL's EVP: see key.h. */
#include "trust/key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "trust/digest.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

enum key_kind { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA, KEY_KIND_COUNT_ };

static const struct {
	const char *name;
	const char *hashes[2]; /* tried in this order; NULL first: the scheme hashes itself */
} kinds[KEY_KIND_COUNT_] = {
	[KEY_P256] = {"ECDSA P-256", {"SHA256"}},
	[KEY_P384] = {"ECDSA P-384", {"SHA256", "SHA384"}},
	[KEY_ED25519] = {"Ed25519", {NULL}},
	[KEY_RSA] = {"RSA", {"SHA256"}},
};

struct trust_key {
	EVP_PKEY *pkey;
	enum key_kind kind;
	char fingerprint[FINGERPRINT_SIZE];
};

static void bio_cleanup_(BIO **b)
{
	BIO_free(*b);
}

static void pkey_cleanup_(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void context_cleanup_(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

void trust_init(void)
{
	static const char sample[] = "";
	char digest[DIGEST_SIZE];

	/* The configuration file could load engines of its own and is out of reach in a sandbox. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	digest_of(sample, 0, digest);
}

/* Nobody is asked for a password, least of all on a terminal that a daemon has not. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
	return -1;
}

static int kind_of(EVP_PKEY *p, enum key_kind *ret)
{
	char curve[64] = "";

	if (EVP_PKEY_is_a(p, "ED25519")) {
		*ret = KEY_ED25519;
		return 0;
	}
	if (EVP_PKEY_is_a(p, "RSA")) {
		*ret = KEY_RSA;
		return EVP_PKEY_get_bits(p) >= RSA_BITS_MIN && EVP_PKEY_get_bits(p) <= RSA_BITS_MAX ? 0 : -EINVAL;
	}
	if (!EVP_PKEY_is_a(p, "EC") || !EVP_PKEY_get_group_name(p, curve, sizeof(curve), NULL))
		return -EINVAL;
	*ret = strcmp(curve, "prime256v1") == 0 ? KEY_P256 : KEY_P384;
	return *ret == KEY_P256 || strcmp(curve, "secp384r1") == 0 ? 0 : -EINVAL;
}

static int take_fingerprint(struct trust_key *k)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(k->pkey, &der);

	if (n <= 0)
		return -EINVAL;
	int r = digest_of(der, (size_t)n, k->fingerprint);
	OPENSSL_free(der);
	return r;
}

static const char key_kinds[] = "a PEM public key: ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more";

/* The commonest mistakes have their own sentences. */
static int refuse_text(const char *pem, size_t n, struct diag *reterr)
{
	if (n > KEY_PEM_MAX)
		return diag_set(reterr, -EINVAL, 0, 0, key_kinds, "too long for a public key");
	if (memchr(pem, 0, n))
		return diag_set(reterr, -EINVAL, 0, 0, key_kinds, "not a public key");
	if (memmem(pem, n, "PRIVATE KEY-----", 16))
		return diag_set(reterr, -EINVAL, 0, 0, key_kinds, "this is a private key, which belongs to the signer alone");
	if (memmem(pem, n, "BEGIN CERTIFICATE", 17))
		return diag_set(reterr, -EINVAL, 0, 0, key_kinds, "this is a certificate");
	return 0;
}

/* Whether only white space is left: a second key would silently not count. */
static bool only_blanks(BIO *b)
{
	char rest[256];
	int n;

	while ((n = BIO_read(b, rest, sizeof(rest))) > 0)
		for (int i = 0; i < n; i++)
			if (!strchr(" \t\r\n", rest[i]) || !rest[i])
				return false;
	return true;
}

int trust_key_new(struct trust_key **ret, const char *pem, size_t n, struct diag *reterr)
{
	CLEANUP(trust_key_free) struct trust_key *k = calloc(1, sizeof(*k));
	int r = refuse_text(pem, n, reterr);

	if (r < 0)
		return r;
	__attribute__((cleanup(bio_cleanup_))) BIO *b = BIO_new_mem_buf(pem, (int)n);
	if (!k || !b)
		return -ENOMEM;
	k->pkey = PEM_read_bio_PUBKEY(b, NULL, no_password, NULL);
	ERR_clear_error();
	if (!k->pkey)
		return diag_set(reterr, -EINVAL, 0, 0, key_kinds, "not a public key");
	if (!only_blanks(b))
		return diag_set(reterr, -EINVAL, 0, 0, "one key for each entry", "there is more than one key, or text behind it");
	r = kind_of(k->pkey, &k->kind);
	if (r == 0)
		r = take_fingerprint(k);
	ERR_clear_error();
	if (r < 0)
		return diag_set(reterr, r, 0, 0, key_kinds, "a public key of a kind that is not supported");
	*ret = take_ptr(k);
	return 0;
}

struct trust_key *trust_key_free(struct trust_key *k)
{
	if (!k)
		return NULL;
	EVP_PKEY_free(k->pkey);
	free(k);
	return NULL;
}

const char *trust_key_kind(const struct trust_key *k)
{
	return kinds[k->kind].name;
}

const char *trust_key_fingerprint(const struct trust_key *k)
{
	return k->fingerprint;
}

static bool verify_with(EVP_PKEY *p, const char *hash, const void *data, size_t n, const struct buf *signature)
{
	__attribute__((cleanup(context_cleanup_))) EVP_MD_CTX *c = EVP_MD_CTX_new();

	return c && EVP_DigestVerifyInit_ex(c, NULL, hash, NULL, NULL, p, NULL) == 1 &&
	       EVP_DigestVerify(c, signature->data, signature->len, data, n) == 1;
}

int trust_key_verify(const struct trust_key *k, const void *data, size_t n, const struct buf *signature)
{
	const char *const *hashes = kinds[k->kind].hashes;
	bool good = signature->len && verify_with(k->pkey, hashes[0], data, n, signature);

	if (!good && signature->len && hashes[1])
		good = verify_with(k->pkey, hashes[1], data, n, signature);
	ERR_clear_error();
	return good ? 0 : -EKEYREJECTED;
}

int trust_key_sign(const char *pem, size_t pem_size, const struct buf *data, struct buf *out, struct diag *reterr)
{
	static const char expected[] = "an unencrypted PEM private key, as `openssl ecparam -name prime256v1 -genkey` makes";
	enum key_kind kind;
	size_t size = 0;

	if (pem_size > KEY_PEM_MAX)
		return diag_set(reterr, -EINVAL, 0, 0, expected, "too long for a private key");
	__attribute__((cleanup(bio_cleanup_))) BIO *b = BIO_new_mem_buf(pem, (int)pem_size);
	__attribute__((cleanup(context_cleanup_))) EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (!b || !c)
		return -ENOMEM;
	__attribute__((cleanup(pkey_cleanup_))) EVP_PKEY *p = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	ERR_clear_error();
	if (!p || kind_of(p, &kind) < 0)
		return diag_set(reterr, -EINVAL, 0, 0, expected, "not a private key that can be used here");
	if (EVP_DigestSignInit_ex(c, NULL, kinds[kind].hashes[0], NULL, NULL, p, NULL) != 1 ||
		EVP_DigestSign(c, NULL, &size, data->data, data->len) != 1)
		return diag_msg(reterr, -EINVAL, "the key cannot sign");
	uint8_t *room = buf_room(out, size);
	if (!room)
		return -ENOMEM;
	if (EVP_DigestSign(c, room, &size, data->data, data->len) != 1)
		return diag_msg(reterr, -EINVAL, "the key cannot sign");
	out->len += size;
	return 0;
}
