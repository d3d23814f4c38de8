/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the proxy and what it issues: read again with OpenSSL, and never written over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/command.h"
#include "ctl/pki.h"
#include "ctl/pki_revoke.h"

static char dir[64], pki[96], out[96];
static struct pki_made made;
static struct diag diag;
static const struct str_list nobody;

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/seawall-user-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(pki, sizeof(pki), "%s/state/pki", dir);
	snprintf(out, sizeof(out), "%s/alice", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
	return system(command);
}

/* A list of up to three names, until the next call. */
static struct str_list list(const char *a, const char *b, const char *c)
{
	static char words[3][40];
	static char *items[3] = {words[0], words[1], words[2]};
	const char *from[] = {a, b, c};
	uint32_t n = 0;

	for (; n < 3 && from[n]; n++)
		snprintf(words[n], sizeof(words[n]), "%s", from[n]);
	return (struct str_list){items, n};
}

static const char *in(const char *folder, const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static X509 *cert_of(const char *path)
{
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
	assert_non_null(cert);
	fclose(f);
	return cert;
}

static int issue(const char *name, const struct str_list *groups, const struct str_list *hosts)
{
	diag = (struct diag){0};
	return pki_issue(pki, hosts, &(struct pki_user){.name = name, .groups = groups, .days = 10, .out = out}, &made, &diag);
}

static void must(const char *name, const struct str_list *groups, const struct str_list *hosts)
{
	if (issue(name, groups, hosts) < 0)
		fail_msg("%s", diag.message);
}

/* As a TLS peer would look at it. */
static void good_for(const char *path, int purpose)
{
	X509 *cert = cert_of(path), *ca = cert_of(in(pki, "ca.pem"));
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	assert_int_equal(X509_verify_cert(ctx), 1);
	X509_STORE_CTX_cleanup(ctx);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose == X509_PURPOSE_SSL_CLIENT ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
	assert_int_not_equal(X509_verify_cert(ctx), 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(cert);
	X509_free(ca);
}

static void a_user_and_all_that_is_needed(void **state)
{
	struct str_list groups = list("ops", "\u00e4rzte", NULL);
	char text[200] = "";

	must("J\u00f6rg", &groups, &nobody);
	assert_true(made.authority && made.proxy);
	assert_int_equal(strlen(made.serial), 32);
	assert_true(made.expires > time_now() + 9 * 86400 * NSEC_PER_SEC && made.expires < time_now() + 11 * 86400 * NSEC_PER_SEC);
	assert_int_equal(mode_of(pki), 0700);
	assert_int_equal(mode_of(in(pki, "ca.key")), 0600);
	assert_int_equal(mode_of(in(pki, "proxy.pem")), 0600);
	assert_int_equal(mode_of(out), 0700);
	assert_int_equal(mode_of(in(out, "key.pem")), 0600);
	good_for(in(out, "cert.pem"), X509_PURPOSE_SSL_CLIENT);
	good_for(in(pki, "proxy.pem"), X509_PURPOSE_SSL_SERVER);
	X509 *cert = cert_of(in(out, "cert.pem"));
	BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT);
	BIO_read(bio, text, sizeof(text) - 1);
	assert_string_equal(text, "CN=J\u00f6rg,O=ops,O=\u00e4rzte");
	BIO_free(bio);
	/* The key belongs to it. */
	FILE *f = fopen(in(out, "key.pem"), "re");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	EVP_PKEY_free(key);
	fclose(f);
	X509_free(cert);
}

static void nothing_is_written_over(void **state)
{
	struct stat before, after;
	char other[96];

	must("alice", &nobody, &nobody);
	assert_int_equal(stat(in(out, "key.pem"), &before), 0);
	assert_int_equal(issue("mallory", &nobody, &nobody), -EEXIST);
	assert_non_null(strstr(diag.message, "key.pem' is there already"));
	assert_int_equal(stat(in(out, "key.pem"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* One of three in the way: the other two are not left behind. */
	snprintf(other, sizeof(other), "%s/bob", dir);
	snprintf(out, sizeof(out), "%s", other);
	assert_int_equal(mkdir(out, 0755), 0);
	assert_int_equal(symlink("/nowhere", in(out, "ca.pem")), 0);
	assert_int_equal(issue("bob", &nobody, &nobody), -EEXIST);
	assert_int_equal(access(in(out, "key.pem"), F_OK), -1);
	assert_int_equal(access(in(out, "cert.pem"), F_OK), -1);
}

static void the_authority_stays(void **state)
{
	char first[sizeof(made.serial)];

	must("alice", &nobody, &nobody);
	snprintf(first, sizeof(first), "%s", made.serial);
	snprintf(out, sizeof(out), "%s/bob", dir);
	must("bob", &nobody, &nobody);
	assert_false(made.authority || made.proxy);
	assert_string_not_equal(first, made.serial);
	good_for(in(out, "cert.pem"), X509_PURPOSE_SSL_CLIENT);
	/* Half an authority is a mistake to be told, not to be mended in silence. */
	snprintf(out, sizeof(out), "%s/carol", dir);
	assert_int_equal(unlink(in(pki, "ca.key")), 0);
	assert_int_equal(issue("carol", &nobody, &nobody), -ENOENT);
	assert_non_null(strstr(diag.message, "ca.key"));
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(file_write_atomic(in(pki, "ca.key"), "rubbish", 7, 0600), 0);
	assert_int_equal(issue("carol", &nobody, &nobody), -EINVAL);
}

static void names_of_the_proxy(void **state)
{
	struct str_list hosts = list("engine.example", "192.0.2.7", "2001:db8::7");

	must("alice", &nobody, &nobody);
	for (int again = 0; again < 2; again++) {
		snprintf(out, sizeof(out), "%s/user%d", dir, again);
		must("bob", &nobody, &hosts);
		assert_int_equal(made.proxy, !again); /* only when a name is missing */
		X509 *cert = cert_of(in(pki, "proxy.pem"));
		assert_int_equal(X509_check_host(cert, "engine.example", 0, 0, NULL), 1);
		assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
		assert_int_equal(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
		assert_int_equal(X509_check_ip_asc(cert, "2001:db8::7", 0), 1);
		assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
		assert_int_not_equal(X509_check_host(cert, "other.example", 0, 0, NULL), 1);
		X509_free(cert);
	}
	/* What is not a certificate of ours is somebody's file. */
	assert_int_equal(file_write_atomic(in(pki, "proxy.pem"), "notes", 5, 0600), 0);
	snprintf(out, sizeof(out), "%s/carol", dir);
	assert_int_equal(issue("carol", &nobody, &nobody), -EINVAL);
}

static void names_that_are_none(void **state)
{
	static char long_name[PKI_NAME_MAX + 2];
	static const char *const bad[] = {"", " alice", "alice ", "al\nice", "al\tice", "a\x7f" "b", "al\xc2\x85" "ice", "\xff", "\xc3", "a,b",
		"\xe2\x80\xae" "ecila", "\xed\xa0\x80", long_name};
	static const char *const bad_hosts[] = {"", "a b", ".x", "-x", "a/b", "*", "a_b", "1.2.3.4:80", "DNS:x"};

	memset(long_name, 'a', PKI_NAME_MAX + 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (pki_name_check("user", bad[i], &diag) != -EINVAL)
			fail_msg("taken: '%s'", bad[i]);
	assert_int_equal(pki_name_check("user", "O'Neil @ home \u5c71", NULL), 0);
	for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(*bad_hosts); i++)
		if (pki_host_check(bad_hosts[i], &diag) != -EINVAL)
			fail_msg("taken: '%s'", bad_hosts[i]);
	assert_int_equal(pki_host_check("xn--a.example", NULL), 0);
	assert_int_equal(pki_host_check("::1", NULL), 0);
}

/* "seawall user cert", these words, and -o with the directory when `with_out`. */
static int run(const char *words, bool with_out)
{
	char text[400], *argv[20];
	const char *args[20];
	struct call call;
	int argc = 0;

	snprintf(text, sizeof(text), "seawall user cert %s%s%s", words, with_out ? " -o " : "", with_out ? out : "");
	for (char *p = text; p; argc++) {
		argv[argc] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = 0;
	}
	assert_int_equal(command_parse(&call, argc, argv, args, &diag), 0);
	/* What it prints is for people, not for the reader of the test's results. */
	fflush(stdout);
	int keep = dup(1);
	assert_non_null(freopen("/dev/null", "w", stdout));
	int r = call.command->run(&call);
	fflush(stdout);
	dup2(keep, 1);
	close(keep);
	return r;
}

static void the_command(void **state)
{
	char state_dir[96];

	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	setenv("SEAWALL_STATE", state_dir, 1);
	assert_int_equal(run("alice", false), CTL_CANNOT);
	assert_int_equal(run("alice --days 0", true), CTL_CANNOT);
	assert_int_equal(run("alice --groups ops,,dev", true), CTL_CANNOT);
	assert_int_equal(run("alice --host a/b", true), CTL_CANNOT);
	assert_int_equal(access(state_dir, F_OK), -1); /* a mistake leaves nothing behind */
	assert_int_equal(run("alice --groups ops,dev --host=a.example --days 7", true), CTL_DONE);
	assert_int_equal(access(in(out, "cert.pem"), R_OK), 0);
	assert_int_equal(run("alice --json", true), CTL_CANNOT);
}

/* By name all of them, once; the list grows, is the authority's, and says nothing of others. */
static void what_is_taken_back(void **state)
{
	struct str_list serials = {0}, none = {0}, file = {0};
	char bob[120], again[120];
	X509_REVOKED *entry;

	must("alice", &nobody, &nobody);
	X509 *alice_cert = cert_of(in(out, "cert.pem"));
	snprintf(bob, sizeof(bob), "%s/bob", dir);
	snprintf(again, sizeof(again), "%s/alice2", dir);
	assert_int_equal(pki_issue(pki, &nobody, &(struct pki_user){.name = "bob", .groups = &nobody, .days = 10, .out = bob}, &made, &diag), 0);
	X509 *bob_cert = cert_of(in(bob, "cert.pem"));
	assert_int_equal(pki_issue(pki, &nobody, &(struct pki_user){.name = "alice", .groups = &nobody, .days = 10, .out = again}, &made, &diag), 0);
	assert_int_equal(pki_revoke(pki, "alice", NULL, &serials, &diag), 0);
	assert_int_equal(serials.count, 2);
	assert_int_equal(pki_revoke(pki, "alice", NULL, &none, &diag), 0);
	assert_int_equal(none.count, 0);
	assert_int_equal(pki_revoke(pki, "carol", in(bob, "cert.pem"), &none, &diag), -EINVAL);
	FILE *f = fopen(in(pki, "crl.pem"), "re");
	assert_non_null(f);
	X509_CRL *list = PEM_read_X509_CRL(f, NULL, NULL, NULL);
	fclose(f);
	X509 *ca = cert_of(in(pki, "ca.pem"));
	assert_int_equal(X509_CRL_verify(list, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_CRL_get0_by_cert(list, &entry, alice_cert), 1);
	assert_int_equal(X509_CRL_get0_by_cert(list, &entry, bob_cert), 0);
	X509_CRL_free(list);
	assert_int_equal(unlink(in(pki, "issued")), 0);
	assert_int_equal(pki_revoke(pki, "bob", NULL, &none, &diag), 0);
	assert_int_equal(none.count, 0);
	assert_int_equal(pki_revoke(pki, "bob", in(bob, "cert.pem"), &file, &diag), 0);
	assert_int_equal(file.count, 1);
	str_list_done(&serials);
	str_list_done(&file);
	X509_free(ca);
	X509_free(alice_cert);
	X509_free(bob_cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_user_and_all_that_is_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_written_over, setup, teardown),
		cmocka_unit_test_setup_teardown(the_authority_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(names_of_the_proxy, setup, teardown),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test_setup_teardown(the_command, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
