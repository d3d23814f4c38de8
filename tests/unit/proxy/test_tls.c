/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, and as whom. The first test is the stranger. */
#include "stage.h"

#include <errno.h>
#include <unistd.h>

static struct stage s;

static int up(void **state)
{
	stage_up(&s, NULL);
	return 0;
}

static int down(void **state)
{
	stage_down(&s);
	return 0;
}

static void refused(const struct identity *id, const char *why)
{
	struct client c;

	if (client_up(&c, &s, id))
		fail_msg("let in, not refused with '%s'", why);
	assert_non_null(strstr(s.refused, why));
	assert_int_equal(s.judged, 0);
	client_kill(&c);
	assert_int_equal(proxy_counters(s.proxy)->requests, 0);
}

static void refused_plan(const struct cert_plan *plan, const char *why)
{
	struct identity id = cert_make(plan);

	refused(&id, why);
	cert_done(&id);
}

static void an_unknown_authority(void **state)
{
	/* It has the same name as ours, and an own key. */
	refused_plan(&(struct cert_plan){.issuer = &s.stranger_ca, .cn = "alice", .usage = "clientAuth"}, "TLS: ");
}

static void no_certificate(void **state)
{
	refused(NULL, "TLS: ");
}

static void expired_or_not_yet(void **state)
{
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "alice", .usage = "clientAuth", .from_days = -9, .to_days = -1},
		"certificate has expired");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "alice", .usage = "clientAuth", .from_days = 2, .to_days = 9},
		"not yet valid");
}

static void self_signed(void **state)
{
	refused_plan(&(struct cert_plan){.cn = "alice", .usage = "clientAuth"}, "self");
}

static void a_server_is_no_client(void **state)
{
	refused(&s.server, "purpose");
}

static void a_client_is_no_authority(void **state)
{
	struct identity mallory = cert_make(&(struct cert_plan){.issuer = &s.alice, .cn = "mallory", .usage = "clientAuth"});
	struct client c;

	client_dial(&c, &s, &mallory);
	assert_int_equal(SSL_add1_chain_cert(c.ssl, s.alice.cert), 1);
	assert_false(client_handshake(&c));
	assert_non_null(strstr(s.refused, "TLS: invalid CA certificate"));
	client_kill(&c);
	cert_done(&mallory);
}

static void names_that_are_none(void **state)
{
	static const char nul[] = "alice\0.evil";
	static char long_name[TLS_NAME_MAX + 8]; /* in bytes: a name has 64 characters at most */

	for (size_t i = 0; i < TLS_NAME_MAX + 3; i += 3)
		memcpy(long_name + i, "\u5c71", 3);
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = long_name, .usage = "clientAuth"}, "clean text");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = nul, .cn_size = sizeof(nul) - 1, .usage = "clientAuth"}, "clean text");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "al\nice", .usage = "clientAuth"}, "clean text");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "al\xc2\x85" "ice", .usage = "clientAuth"}, "clean text");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .groups = {"ops"}, .usage = "clientAuth"}, "exactly one common name");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "alice", .second_cn = "root", .usage = "clientAuth"},
		"exactly one common name");
	refused_plan(&(struct cert_plan){.issuer = &s.ca, .cn = "alice", .groups = {"ops", "a\tb"}, .usage = "clientAuth"},
		"organization (O)");
}

static void asks(const struct identity *id, const char *user, const char *groups)
{
	struct client c;

	s.verdict = (struct proxy_verdict){.answer = PROXY_DENY};
	assert_true(client_up(&c, &s, id));
	SAY(&c, "GET /v1.41/info HTTP/1.1\r\nHost: x\r\n\r\n");
	client_expect(&c, "HTTP/1.1 403 Forbidden\r\n");
	assert_string_equal(s.user, user);
	assert_string_equal(s.groups, groups);
	assert_string_equal(s.address, "127.0.0.1");
	client_down(&c);
}

static void user_and_groups(void **state)
{
	struct identity umlaut = cert_make(&(struct cert_plan){.issuer = &s.ca, .cn = "J\u00f6rg \u5c71", .groups = {"\u00e4rzte"}, .usage = "clientAuth"});
	struct identity plain = cert_make(&(struct cert_plan){.issuer = &s.ca, .cn = "bob"});

	asks(&s.alice, "alice", "ops;dev;");
	asks(&umlaut, "J\u00f6rg \u5c71", "\u00e4rzte;");
	asks(&plain, "bob", ""); /* without a usage it is good for all */
	cert_done(&umlaut);
	cert_done(&plain);
}

/* Plain HTTP at a TLS port, an offer of TLS 1.1 only, and nothing at all. */
static void no_tls(void **state)
{
	static const char plain[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct client c;

	for (int i = 0; i < 2; i++) {
		uint64_t bad = proxy_counters(s.proxy)->bad_handshakes;
		client_dial(&c, &s, &s.alice);
		if (i == 0)
			assert_int_equal(write(c.fd, plain, sizeof(plain) - 1), sizeof(plain) - 1);
		else
			SSL_set_max_proto_version(c.ssl, TLS1_1_VERSION);
		for (int turn = 0; turn < 1000 && proxy_counters(s.proxy)->bad_handshakes == bad; turn++) {
			if (i)
				SSL_do_handshake(c.ssl);
			stage_turn(&s);
		}
		assert_int_equal(proxy_counters(s.proxy)->bad_handshakes, bad + 1);
		client_kill(&c);
	}
	assert_int_equal(s.judged, 0);
}

static void bad_bundles(void **state)
{
	char *only_server = cert_bundle(&s.server, NULL), *only_ca = cert_bundle(NULL, &s.ca);
	struct identity mixed = {s.alice.key, s.server.cert};
	char *wrong_key = cert_bundle(&mixed, &s.ca), *good = cert_bundle(&s.server, &s.ca);
	const char *bad[] = {"", "rubbish", only_server, only_ca, wrong_key,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
	CLEANUP(tls_server_free) struct tls_server *server = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct diag diag = {0};
		assert_int_equal(tls_server_new(&server, bad[i], strlen(bad[i]), &diag), -EINVAL);
		assert_true(*diag.message);
	}
	assert_int_equal(tls_server_new(&server, good, strlen(good), NULL), 0);
	free(only_server);
	free(only_ca);
	free(wrong_key);
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_unknown_authority, up, down),
		cmocka_unit_test_setup_teardown(no_certificate, up, down),
		cmocka_unit_test_setup_teardown(expired_or_not_yet, up, down),
		cmocka_unit_test_setup_teardown(self_signed, up, down),
		cmocka_unit_test_setup_teardown(a_server_is_no_client, up, down),
		cmocka_unit_test_setup_teardown(a_client_is_no_authority, up, down),
		cmocka_unit_test_setup_teardown(names_that_are_none, up, down),
		cmocka_unit_test_setup_teardown(user_and_groups, up, down),
		cmocka_unit_test_setup_teardown(no_tls, up, down),
		cmocka_unit_test_setup_teardown(bad_bundles, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
