/* SPDX-License-Identifier: Apache-2.0 */
/* Routing and multipart bodies: what must match, and each way to break a body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/http.h"
#include "http/multipart.h"

static const struct http_route routes[] = {
	{HTTP_GET, "/a", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
	{HTTP_GET, "/a/{id}", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
	{HTTP_POST, "/a/{id}/ack", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
	{HTTP_GET, "/files/*", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
	{HTTP_PUT, "/a", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
};

static struct http_match find(const char *method, const char *path)
{
	return http_route_find(routes, ARRAY_SIZE(routes), method, path);
}

static void test_route_parameters(void **state)
{
	(void)state;
	assert_ptr_equal(find("GET", "/a").route, &routes[0]);
	assert_ptr_equal(find("PUT", "/a").route, &routes[4]);
	struct http_match m = find("GET", "/a/web-1");
	assert_ptr_equal(m.route, &routes[1]);
	assert_int_equal(m.param_count, 1);
	assert_memory_equal(m.params[0].name, "id", 2);
	assert_int_equal(m.params[0].value_size, strlen("web-1"));
	m = find("POST", "/a/x/ack");
	assert_ptr_equal(m.route, &routes[2]);
	assert_int_equal(m.params[0].value_size, 1);
	m = find("GET", "/files/a/b/c.js");
	assert_ptr_equal(m.route, &routes[3]);
	assert_string_equal(m.params[0].value, "a/b/c.js");
}

static void test_route_misses(void **state)
{
	static const char *const paths[] = {"", "/", "/b", "/a/", "/a//ack", "/a/x/", "/a/x/ackk", "/aa", "a", "/A"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct http_match m = find("GET", paths[i]);
		if (m.route || m.path_known)
			fail_msg("'%s' found %s", paths[i], m.route ? m.route->path : "a path");
	}
	assert_ptr_equal(find("HEAD", "/a").route, &routes[0]);
	assert_null(find("DELETE", "/a").route);
	assert_true(find("DELETE", "/a").path_known);
	assert_null(find("get", "/a").route);
}

#define TYPE "multipart/form-data; boundary=XX"
#define HEAD "Content-Disposition: form-data; name=\"f\"; filename=\"a b.yaml\"\r\n\r\n"

static struct multipart_part parts[MULTIPART_MAX];

static int parse(const char *type, const char *body)
{
	struct diag d = {0};
	int n = multipart_parse(type, body, strlen(body), parts, &d);

	if (n == -EBADMSG)
		assert_true(*d.message);
	return n;
}

static void test_multipart_good(void **state)
{
	(void)state;
	assert_int_equal(parse(TYPE, "--XX\r\n" HEAD "one\r\ntwo\r\n--XX\r\n" HEAD "\r\n--XX--\r\n"), 2);
	assert_string_equal(parts[0].filename, "a b.yaml");
	assert_string_equal(parts[0].name, "f");
	assert_int_equal(parts[0].size, strlen("one\r\ntwo"));
	assert_memory_equal(parts[0].data, "one\r\ntwo", parts[0].size);
	assert_int_equal(parts[1].size, 0);
	assert_int_equal(parse("multipart/form-data; charset=x; boundary=\"X X\"", "--X X\r\n" HEAD "a\r\n--X X--"), 1);
	assert_int_equal(parse(TYPE, "--XX\r\nX-Other: y\r\n\r\nnameless\r\n--XX--"), 1);
	assert_string_equal(parts[0].filename, "");
	assert_int_equal(parse(TYPE, "--XX--"), 0);
}

static void test_multipart_bad(void **state)
{
	static const char *const bodies[] = {"", "XX", "--XY\r\n", "--XX", "--XX\r\n", "--XX\r\n" HEAD "text",
		"--XX\r\n" HEAD "text\r\n--XX", "--XX\r\nno head end", "--XX\r\n" HEAD "a\r\n--XX\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		if (parse(TYPE, bodies[i]) != -EBADMSG)
			fail_msg("taken: %s", bodies[i]);
	assert_int_equal(parse("multipart/form-data", "--XX--"), -EBADMSG);
	assert_int_equal(parse("multipart/form-data; boundary=", "--XX--"), -EBADMSG);
	assert_int_equal(parse("application/yaml", "--XX--"), -ENOTSUP);
	assert_int_equal(multipart_parse(NULL, "", 0, parts, NULL), -ENOTSUP);
}

static void test_multipart_too_many(void **state)
{
	static char body[8192];
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= MULTIPART_MAX; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "--XX\r\nA: b\r\n\r\nx\r\n");
	snprintf(body + n, sizeof(body) - n, "--XX--");
	assert_int_equal(parse(TYPE, body), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_parameters),
		cmocka_unit_test(test_route_misses),
		cmocka_unit_test(test_multipart_good),
		cmocka_unit_test(test_multipart_bad),
		cmocka_unit_test(test_multipart_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
