/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook's certificate and manifest: made once, named right, the same every time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ctl/spawn.h"
#include "ctl/webhook_cert.h"

static void test_address(void **state)
{
	static const struct {
		const char *text, *host; /* host NULL: refused */
		unsigned port;
		bool service;
	} rows[] = {
		{"192.0.2.7:8443", "192.0.2.7", 8443, true},
		{"[2001:db8::7]:1", "2001:db8::7", 1, true},
		{"127.0.0.1:8443", "127.0.0.1", 8443, false},
		{"[::1]:8443", "::1", 8443, false},
		{"node.example:65535", "node.example", 65535, false},
		{"192.0.2.7", NULL, 0, false},
		{":8443", NULL, 0, false},
		{"192.0.2.7:0", NULL, 0, false},
		{"192.0.2.7:65536", NULL, 0, false},
		{"a b:1", NULL, 0, false},
		{"x\"\ny: z:1", NULL, 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diag diag = {0};
		char host[256];
		unsigned port;
		int r = webhook_address(rows[i].text, host, sizeof(host), &port, &diag);

		assert_int_equal(r, rows[i].host ? 0 : -EINVAL);
		if (!rows[i].host) {
			assert_true(diag.message[0] != 0);
			continue;
		}
		assert_string_equal(host, rows[i].host);
		assert_int_equal(port, rows[i].port);
		assert_int_equal(webhook_has_service(host), rows[i].service);
	}
}

static void test_manifest(void **state)
{
	char *own = (char *)"shop-system";
	struct str_list exempt = {&own, 1};
	struct webhook_manifest m = {.host = "192.0.2.7", .port = 8443, .closed = true, .exempt = &exempt, .ca = "PEM"};
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf url = BUF_INIT(1 << 16);

	webhook_manifest_put(&b, &m);
	buf_putc(&b, 0);
	const char *text = (const char *)b.data;
	assert_non_null(strstr(text, "kind: Endpoints"));
	assert_non_null(strstr(text, "- ip: \"192.0.2.7\""));
	assert_non_null(strstr(text, "caBundle: UEVN\n"));
	assert_non_null(strstr(text, "failurePolicy: Fail"));
	assert_null(strstr(text, "Ignore"));
	assert_non_null(strstr(text, "values: [kube-system, kube-node-lease, seawall, shop-system]"));
	m.host = "::1";
	m.closed = false;
	webhook_manifest_put(&url, &m);
	buf_putc(&url, 0);
	assert_null(strstr((const char *)url.data, "Endpoints"));
	assert_non_null(strstr((const char *)url.data, "url: \"https://[::1]:8443/admission\""));
	assert_non_null(strstr((const char *)url.data, "failurePolicy: Ignore"));
}

static void test_certificate(void **state)
{
	char dir[] = "/tmp/seawall-webhook-XXXXXX", path[128];
	char *name = (char *)"node.example";
	struct str_list none = {0}, hosts = {&name, 1};
	struct diag diag = {0};
	struct stat st;
	bool made;

	assert_non_null(mkdtemp(dir));
	setenv("SEAWALL_STATE", dir, 1);
	unsetenv("SEAWALL_WEBHOOK");
	snprintf(path, sizeof(path), "%s/pki/" WEBHOOK_CERT_FILE, dir);
	assert_int_equal(webhook_renew(&diag), 0); /* nobody wants it */
	assert_int_equal(stat(path, &st), -1);
	setenv("SEAWALL_WEBHOOK", "127.0.0.1:8443", 1);
	assert_int_equal(webhook_renew(&diag), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(webhook_cert(&none, &made, &diag), 0);
	assert_false(made);
	assert_int_equal(webhook_cert(&hosts, &made, &diag), 0);
	assert_true(made);
	assert_int_equal(webhook_renew(&diag), 0);
	assert_int_equal(webhook_cert(&hosts, &made, &diag), 0); /* the name stays */
	assert_false(made);
	assert_int_equal(spawn_words(0, "rm", "-rf", dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_certificate),
	};

	return cmocka_run_group_tests_name("ctl.webhook", tests, NULL, NULL);
}
