/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of every kind sign and verify; what is no key, or too weak, is refused with the right words. */
#include "unit/trust/keys.h"

static void signs_and_verifies(void **state)
{
	static const struct {
		const char *kind, *name;
	} rows[] = {{"P-256", "ECDSA P-256"}, {"P-384", "ECDSA P-384"}, {"ED25519", "Ed25519"}, {"RSA-2048", "RSA"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct pair p, other;
		CLEANUP(buf_done) struct buf data = BUF_INIT(100), s = BUF_INIT(4096);

		pair_make(&p, rows[i].kind);
		pair_make(&other, rows[i].kind);
		CLEANUP(trust_key_free) struct trust_key *k = key_of(&p), *o = key_of(&other);
		buf_puts(&data, "what is signed");
		assert_string_equal(trust_key_kind(k), rows[i].name);
		assert_true(digest_valid(trust_key_fingerprint(k)));
		assert_string_not_equal(trust_key_fingerprint(k), trust_key_fingerprint(o));
		assert_int_equal(trust_key_sign(p.secret, strlen(p.secret), &data, &s, NULL), 0);
		assert_int_equal(trust_key_verify(k, data.data, data.len, &s), 0);
		assert_int_equal(trust_key_verify(o, data.data, data.len, &s), -EKEYREJECTED);
		assert_int_equal(trust_key_verify(k, data.data, data.len - 1, &s), -EKEYREJECTED);
		s.data[s.len / 2] ^= 1;
		assert_int_equal(trust_key_verify(k, data.data, data.len, &s), -EKEYREJECTED);
		s.len = 0;
		assert_int_equal(trust_key_verify(k, data.data, data.len, &s), -EKEYREJECTED);
	}
}

/* P-384 with its own hash too: newer signers do that. */
static void takes_both_hashes_of_p384(void **state)
{
	static struct pair p;
	unsigned char s[256];
	size_t n = sizeof(s);

	pair_make(&p, "P-384");
	CLEANUP(trust_key_free) struct trust_key *k = key_of(&p);
	BIO *b = BIO_new_mem_buf(p.secret, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit_ex(c, NULL, "SHA384", NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(c, s, &n, (const unsigned char *)"x", 1), 1);
	struct buf sig = {.data = s, .len = n};
	assert_int_equal(trust_key_verify(k, "x", 1, &sig), 0);
	assert_int_equal(trust_key_verify(k, "y", 1, &sig), -EKEYREJECTED);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	BIO_free(b);
}

static void refused(const char *pem, const char *words)
{
	CLEANUP(trust_key_free) struct trust_key *k = NULL;
	struct diag d = {0};

	assert_int_equal(trust_key_new(&k, pem, strlen(pem), &d), -EINVAL);
	assert_non_null(strstr(d.message, words));
	assert_true(*d.expected);
}

static void refuses_what_is_no_key(void **state)
{
	static struct pair p, weak, curve;
	static char text[20000];

	pair_make(&p, "P-256");
	pair_make(&weak, "RSA-1024");
	pair_make(&curve, "P-521");
	refused("", "not a public key");
	refused("ssh-ed25519 AAAA", "not a public key");
	refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key");
	refused(p.secret, "private key");
	refused("-----BEGIN CERTIFICATE-----\n", "certificate");
	refused(weak.public, "not supported");
	refused(curve.public, "not supported");
	snprintf(text, sizeof(text), "%s%s", p.public, weak.public);
	refused(text, "more than one");
	memset(text, 'x', sizeof(text) - 1);
	refused(text, "too long");
}

/* A password is asked of nobody. */
static void refuses_private_keys_that_it_cannot_use(void **state)
{
	static struct pair p;
	CLEANUP(buf_done) struct buf data = BUF_INIT(10), s = BUF_INIT(4096);
	struct diag d = {0};

	pair_make(&p, "P-256");
	buf_puts(&data, "x");
	assert_int_equal(trust_key_sign(p.public, strlen(p.public), &data, &s, &d), -EINVAL);
	BIO *b = BIO_new_mem_buf(p.secret, -1), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	assert_int_equal(PEM_write_bio_PrivateKey(out, key, EVP_aes_256_cbc(), (const unsigned char *)"pw", 2, NULL, NULL), 1);
	int n = BIO_read(out, p.secret, sizeof(p.secret) - 1);
	assert_int_equal(trust_key_sign(p.secret, (size_t)n, &data, &s, &d), -EINVAL);
	assert_int_equal(s.len, 0);
	EVP_PKEY_free(key);
	BIO_free(b);
	BIO_free(out);
}

static void base64_is_strict(void **state)
{
	static const struct {
		const char *text, *bytes;
	} good[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmFy\n", "foobar"}};
	static const char *const bad[] = {"Z", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm9 v", "Zm9-", "====", "Z===", "=AAA"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(100), again = BUF_INIT(100);
		assert_int_equal(base64_decode(good[i].text, strlen(good[i].text), &out), 0);
		assert_int_equal(out.len, strlen(good[i].bytes));
		assert_memory_equal(out.data ? out.data : (uint8_t *)"", good[i].bytes, out.len);
		base64_encode(out.data, out.len, &again);
		assert_int_equal(again.len, strcspn(good[i].text, "\n"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(100);
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &out), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(takes_both_hashes_of_p384),
		cmocka_unit_test(refuses_what_is_no_key),
		cmocka_unit_test(refuses_private_keys_that_it_cannot_use),
		cmocka_unit_test(base64_is_strict),
	};

	return cmocka_run_group_tests_name("trust.key", tests, NULL, NULL);
}
