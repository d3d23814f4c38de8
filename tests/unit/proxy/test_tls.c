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

/* Takes certificate and authority, with this list; NULL: it does not. */
static int reload(const struct identity *server, const struct identity *ca, char *list, struct diag *diag)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT(1 << 16);
	char *bundle = cert_bundle(server, ca);

	buf_puts(&pem, bundle);
	buf_puts(&pem, list ? list : "");
	free(bundle);
	free(list);
	return proxy_reload(s.proxy, pem.data, pem.len, diag);
}

static void wait_broken(struct client *c)
{
	for (int turn = 0; turn < 1000 && !c->broken && !c->eof; turn++) {
		stage_turn(&s);
		client_poll(c);
	}
	assert_true(c->broken || c->eof);
}

/* Out at once, with a stream in the middle; everybody else goes on, and new ones come in by the new list. */
static void a_revoked_one_is_out(void **state)
{
	struct identity bob = cert_make(&(struct cert_plan){.issuer = &s.ca, .cn = "bob", .usage = "clientAuth"});
	struct client a, b;

	assert_true(client_up(&a, &s, &s.alice));
	assert_true(client_up(&b, &s, &bob));
	SAY(&a, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	stage_wait_engine(&s, 1);
	engine_expect(&s, 0, "\r\n\r\n");
	engine_say(&s, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
	client_expect(&a, "ab");
	assert_int_equal(reload(&s.server, &s.ca, cert_revoked(&s.ca, &s.alice), NULL), 0);
	assert_string_equal(s.refused, "alice: TLS: the certificate was revoked");
	wait_broken(&a);
	engine_expect_end(&s, 0);
	client_kill(&a);
	SAY(&b, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	stage_wait_engine(&s, 2);
	engine_expect(&s, 1, "GET /x");
	assert_false(client_up(&a, &s, &s.alice));
	assert_non_null(strstr(s.refused, "revoked"));
	client_kill(&a);
	client_kill(&b);
	cert_done(&bob);
}

/* Another authority: who has none of its certificates is out; a handshake that was under way meanwhile too. */
static void another_authority(void **state)
{
	struct identity server = cert_make(&(struct cert_plan){.issuer = &s.ca, .cn = "proxy2", .usage = "serverAuth"});
	struct identity carol = cert_make(&(struct cert_plan){.issuer = &s.stranger_ca, .cn = "carol", .usage = "clientAuth"});
	struct client a, half, c;

	assert_true(client_up(&a, &s, &s.alice));
	client_dial(&half, &s, &s.alice);
	for (int i = 0; i < 5; i++)
		stage_turn(&s);
	assert_int_equal(proxy_counters(s.proxy)->strangers, 1);
	assert_int_equal(reload(&server, &s.stranger_ca, NULL, NULL), 0);
	wait_broken(&a);
	assert_false(client_handshake(&half));
	assert_true(client_up(&c, &s, &carol));
	X509 *shown = SSL_get1_peer_certificate(c.ssl);
	assert_int_equal(X509_cmp(shown, server.cert), 0);
	X509_free(shown);
	client_kill(&a);
	client_kill(&half);
	client_kill(&c);
	cert_done(&server);
	cert_done(&carol);
}

/* What is not good changes nothing. */
static void a_bad_reload(void **state)
{
	struct diag diag = {0};
	struct client a;

	assert_true(client_up(&a, &s, &s.alice));
	assert_int_equal(reload(&s.server, &s.ca, cert_revoked(&s.stranger_ca, &s.alice), &diag), -EINVAL);
	assert_non_null(strstr(diag.message, "not signed by an authority"));
	assert_int_equal(reload(&s.server, NULL, NULL, &diag), -EINVAL);
	SAY(&a, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	stage_wait_engine(&s, 1);
	client_kill(&a);
}

static int up_flood(void **state)
{
	stage_up(&s, &(struct proxy_limits){.strangers = 4, .handshakes = 10, .handshake_ms = 5000});
	return 0;
}

/* Connections that show nothing: no more than a few at a time, no more of one address than a few a second. Who is in
 * stays in, and who has shown a good certificate is not counted. */
static void a_flood(void **state)
{
	struct client in, more, mute[12];

	assert_true(client_up(&in, &s, &s.alice));
	for (int i = 0; i < 12; i++) {
		client_dial(&mute[i], &s, &s.alice);
		stage_turn(&s);
	}
	for (int turn = 0; turn < 1000 && proxy_counters(s.proxy)->accepted < 13; turn++)
		stage_turn(&s);
	assert_int_equal(proxy_counters(s.proxy)->strangers, 4);
	assert_int_equal(proxy_counters(s.proxy)->turned_away, 8);
	assert_true(client_up(&more, &s, &s.alice)); /* the one that is there the longest makes room */
	client_kill(&more);
	for (int i = 0; i < 40; i++) {
		client_kill(&mute[i % 12]);
		client_dial(&mute[i % 12], &s, &s.alice);
		stage_turn(&s);
	}
	for (int turn = 0; turn < 1000 && proxy_counters(s.proxy)->accepted < 54; turn++)
		stage_turn(&s);
	assert_true(proxy_counters(s.proxy)->throttled > 10);
	SAY(&in, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	stage_wait_engine(&s, 1);
	for (int i = 0; i < 12; i++)
		client_kill(&mute[i]);
	client_kill(&in);
}

/* Good ones are not counted, however many. */
static void many_good_ones(void **state)
{
	struct client c;

	for (int i = 0; i < 60; i++) {
		assert_true(client_up(&c, &s, &s.alice));
		client_kill(&c);
	}
	assert_int_equal(proxy_counters(s.proxy)->throttled, 0);
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
		cmocka_unit_test_setup_teardown(a_revoked_one_is_out, up, down),
		cmocka_unit_test_setup_teardown(another_authority, up, down),
		cmocka_unit_test_setup_teardown(a_bad_reload, up, down),
		cmocka_unit_test_setup_teardown(a_flood, up_flood, down),
		cmocka_unit_test_setup_teardown(many_good_ones, up_flood, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
