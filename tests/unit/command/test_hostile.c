/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests made to be read in two ways. Each row says how it must be taken: REFUSED, or JUDGED for
 * what dockerd makes of it (then `expect` is among the parameters, or no row expects anything).
 */
#include "support.h"

enum taken { REFUSED, JUDGED };

#define CREATE "/v1.41/containers/create"
#define OPEN "{\"Image\":\"nginx\",\"HostConfig\":{\"Privileged\":true}}"
#define PLAIN "{\"Image\":\"nginx\"}"
#define TYPE "Content-Type: application/json"

struct row {
	const char *name;
	enum command_mode mode;
	const char *method, *uri, *headers, *body;
	enum taken taken;
	const char *action; /* JUDGED */
	const char *expect; /* JUDGED: a parameter, NULL = none asked for */
};

static const struct row bodies[] = {
	{"a plain creation", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, OPEN, JUDGED, "container_create", "privileged=true"},
	{"the same by the plugin", COMMAND_AUTHZ, "POST", CREATE, JSON_HEADERS, OPEN, JUDGED, "container_create", "privileged=true"},
	{"chunked, and shown to the plugin", COMMAND_AUTHZ, "POST", CREATE, TYPE, OPEN, JUDGED, "container_create", "privileged=true"},
	/* CVE-2024-41110: the plugin is not shown the body. */
	{"CVE-2024-41110, length 0", COMMAND_AUTHZ, "POST", CREATE, TYPE "\nContent-Length: 0", NULL, REFUSED, NULL, NULL},
	{"CVE-2024-41110, chunked", COMMAND_AUTHZ, "POST", CREATE, TYPE, NULL, REFUSED, NULL, NULL},
	{"CVE-2024-41110, an exec", COMMAND_AUTHZ, "POST", "/v1.41/containers/a/exec", TYPE "\nContent-Length: 0", NULL, REFUSED, NULL, NULL},
	{"CVE-2024-41110, a volume", COMMAND_AUTHZ, "POST", "/volumes/create", TYPE, NULL, REFUSED, NULL, NULL},
	{"CVE-2024-41110, a service", COMMAND_AUTHZ, "POST", "/services/create", "Content-Type: text/plain", NULL, REFUSED, NULL, NULL},
	{"length 0 beside a body", COMMAND_AUTHZ, "POST", CREATE, TYPE "\nContent-Length: 0", PLAIN, REFUSED, NULL, NULL},
	/* CVE-2026-34040: from 1 MiB on the plugin is not shown it. */
	{"CVE-2026-34040", COMMAND_AUTHZ, "POST", CREATE, TYPE "\nContent-Length: 1048577", NULL, REFUSED, NULL, NULL},
	{"CVE-2026-34040, a start", COMMAND_AUTHZ, "POST", "/v1.23/containers/a/start", TYPE "\nContent-Length: 1048577", NULL, REFUSED, NULL, NULL},
	{"CVE-2026-34040, a commit", COMMAND_AUTHZ, "POST", "/commit?container=a", TYPE "\nContent-Length: 2000000", NULL, REFUSED, NULL, NULL},
	{"CVE-2026-34040, chunked", COMMAND_AUTHZ, "POST", "/v1.23/containers/a/start", TYPE, NULL, REFUSED, NULL, NULL},
	{"shorter than announced", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length: 500", OPEN, REFUSED, NULL, NULL},
	{"shorter than announced, plugin", COMMAND_AUTHZ, "POST", CREATE, TYPE "\nContent-Length: 500", OPEN, REFUSED, NULL, NULL},
	{"longer than announced", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length: 5", OPEN, REFUSED, NULL, NULL},
	{"two lengths", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length: {LEN}\nContent-Length: 3", OPEN, REFUSED, NULL, NULL},
	{"a length with a sign", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length: +17", PLAIN, REFUSED, NULL, NULL},
	{"an empty length", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length:", PLAIN, REFUSED, NULL, NULL},
	{"length and chunks", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Length: {LEN}\nTransfer-Encoding: chunked", PLAIN, REFUSED, NULL, NULL},
	{"chunks", COMMAND_PROXY, "POST", CREATE, TYPE "\nTransfer-Encoding: chunked", OPEN, JUDGED, "container_create", "privileged=true"},
	{"other chunks", COMMAND_PROXY, "POST", CREATE, TYPE "\nTransfer-Encoding: gzip, chunked", OPEN, REFUSED, NULL, NULL},
	{"gzip", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS "\nContent-Encoding: gzip", OPEN, REFUSED, NULL, NULL},
	{"identity", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS "\nContent-Encoding: identity", OPEN, JUDGED, "container_create", "privileged=true"},
	/* types */
	{"no type", COMMAND_PROXY, "POST", CREATE, "Content-Length: {LEN}", OPEN, REFUSED, NULL, NULL},
	{"text", COMMAND_PROXY, "POST", CREATE, "Content-Type: text/plain\nContent-Length: {LEN}", OPEN, REFUSED, NULL, NULL},
	{"text to swarm, which reads it", COMMAND_PROXY, "POST", "/services/create", "Content-Type: text/plain\nContent-Length: {LEN}", PLAIN, REFUSED, NULL, NULL},
	{"a form", COMMAND_PROXY, "POST", "/images/create?fromImage=ours%2Fx", "Content-Type: application/x-www-form-urlencoded\nContent-Length: {LEN}", "fromImage=evil", REFUSED, NULL, NULL},
	{"a form in capitals", COMMAND_PROXY, "POST", "/build", "Content-Type: APPLICATION/X-WWW-FORM-URLENCODED;a=b", "remote=http://evil", REFUSED, NULL, NULL},
	{"a multipart form", COMMAND_PROXY, "POST", "/containers/a/rename?name=b", "Content-Type: multipart/form-data; boundary=x", "--x", REFUSED, NULL, NULL},
	{"a form that the plugin is told of", COMMAND_AUTHZ, "POST", "/images/create?fromImage=a", "Content-Type: application/x-www-form-urlencoded\nContent-Length: 14", NULL, REFUSED, NULL, NULL},
	{"a form behind another type", COMMAND_AUTHZ, "POST", "/images/create?fromImage=a", "Content-Type: text/plain\nContent-Length: 14", NULL, REFUSED, NULL, NULL},
	{"a chunked form behind another type", COMMAND_AUTHZ, "POST", "/containers/a/rename?name=b", "Content-Type: text/plain", NULL, REFUSED, NULL, NULL},
	{"a type without a body", COMMAND_AUTHZ, "DELETE", "/containers/a", TYPE, NULL, JUDGED, "container_delete", NULL},
	{"two types", COMMAND_PROXY, "POST", CREATE, TYPE "\nContent-Type: text/plain", OPEN, REFUSED, NULL, NULL},
	{"capitals", COMMAND_PROXY, "POST", CREATE, "content-type: Application/JSON\nContent-Length: {LEN}", OPEN, JUDGED, "container_create", "privileged=true"},
	{"a charset", COMMAND_PROXY, "POST", CREATE, "Content-Type: application/json; charset=UTF-8\nContent-Length: {LEN}", OPEN, JUDGED, "container_create", "privileged=true"},
	{"another charset", COMMAND_PROXY, "POST", CREATE, "Content-Type: application/json; charset=utf-16\nContent-Length: {LEN}", OPEN, REFUSED, NULL, NULL},
	{"a broken parameter", COMMAND_PROXY, "POST", CREATE, "Content-Type: application/json; x\nContent-Length: {LEN}", OPEN, REFUSED, NULL, NULL},
	{"a longer type", COMMAND_PROXY, "POST", CREATE, "Content-Type: application/jsonx\nContent-Length: {LEN}", OPEN, REFUSED, NULL, NULL},
	/* JSON */
	{"a key twice", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"HostConfig\":{\"Privileged\":false,\"Privileged\":true}}", REFUSED, NULL, NULL},
	{"a key twice, in two cases", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"HostConfig\":{\"Privileged\":false,\"privileged\":true}}", REFUSED, NULL, NULL},
	{"an object twice, in two cases", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{},\"hostconfig\":{\"Privileged\":true}}", REFUSED, NULL, NULL},
	{"a key twice, once escaped", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"Im\\u0061ge\":\"b\"}", REFUSED, NULL, NULL},
	{"a key twice where nobody looks", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"X\":[{\"y\":1,\"y\":2}]}", REFUSED, NULL, NULL},
	{"another case", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"image\":\"a\",\"HOSTCONFIG\":{\"PRIVILEGED\":true}}", JUDGED, "container_create", "privileged=true"},
	{"an escaped key", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Privil\\u0065ged\":true}}", JUDGED, "container_create", "privileged=true"},
	{"a long s", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Ho\xc5\xbftConfig\":{\"Privileged\":true}}", JUDGED, "container_create", "privileged=true"},
	{"a long s beside", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{},\"Ho\xc5\xbftConfig\":{\"Privileged\":true}}", REFUSED, NULL, NULL},
	{"a kelvin sign", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Networ\xe2\x84\xaaMode\":\"host\"}}", JUDGED, "container_create", "network=host"},
	{"a second value", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, PLAIN OPEN, REFUSED, NULL, NULL},
	{"a byte order mark", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "\xef\xbb\xbf" PLAIN, REFUSED, NULL, NULL},
	{"an escaped NUL", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\\u0000b\"}", REFUSED, NULL, NULL},
	{"broken UTF-8", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\xff\"}", REFUSED, NULL, NULL},
	{"a string for true", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Privileged\":\"true\"}}", REFUSED, NULL, NULL},
	{"a number for true", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Privileged\":1}}", REFUSED, NULL, NULL},
	{"null for false", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"nginx\",\"HostConfig\":{\"Privileged\":null}}", JUDGED, "container_create", "image=docker.io/library/nginx:latest"},
	{"a string for a list", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Binds\":\"/:/host\"}}", REFUSED, NULL, NULL},
	{"a list for an object", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":[]}", REFUSED, NULL, NULL},
	{"a string for a number", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"Memory\":\"1\"}}", REFUSED, NULL, NULL},
	{"a list as the body", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "[]", REFUSED, NULL, NULL},
	{"null as the body", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "null", REFUSED, NULL, NULL},
	{"a single capability", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"HostConfig\":{\"CapAdd\":\"sys_admin\"}}", JUDGED, "container_create", "cap=SYS_ADMIN"},
	/* HostConfig's members in the outer object: dockerd up to 20.10 takes them where it has no inner one. */
	{"no inner HostConfig", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"Privileged\":true,\"Binds\":[\"/:/h\"]}", JUDGED, "container_create", "privileged=true"},
	{"null for the inner HostConfig", COMMAND_PROXY, "POST", CREATE, JSON_HEADERS, "{\"Image\":\"a\",\"HostConfig\":null,\"Binds\":[\"/:/h\"]}", JUDGED, "container_create", "bind=/:/h"},
	/* start */
	{"settings at start", COMMAND_PROXY, "POST", "/v1.23/containers/a/start", JSON_HEADERS, "{\"Privileged\":true}", REFUSED, NULL, NULL},
	{"settings at start, new API", COMMAND_PROXY, "POST", "/v1.41/containers/a/start", JSON_HEADERS, "{\"Binds\":[]}", REFUSED, NULL, NULL},
	{"an empty object at start", COMMAND_PROXY, "POST", "/v1.23/containers/a/start", JSON_HEADERS, "{}", JUDGED, "container_start", NULL},
	{"a plain start", COMMAND_AUTHZ, "POST", "/v1.41/containers/a/start", "Content-Type: text/plain\nContent-Length: 0", NULL, JUDGED, "container_start", NULL},
	{"a start by curl", COMMAND_AUTHZ, "POST", "/containers/a/start", "User-Agent: curl", NULL, JUDGED, "container_start", NULL},
	{"a commit by the docker program", COMMAND_AUTHZ, "POST", "/v1.41/commit?author=&comment=&container=a&repo=&tag=", JSON_HEADERS, "null\n", JUDGED, "container_commit", "container=a"},
	{"a swarm's settings", COMMAND_AUTHZ, "POST", "/swarm/init", JSON_HEADERS, "{}", JUDGED, "swarm_init", NULL},
	/* archives are not judged, and may be of any length */
	{"a build", COMMAND_AUTHZ, "POST", "/build?t=a&networkmode=host", "Content-Type: application/x-tar", NULL, JUDGED, "image_build", "networkmode=host"},
	{"an archive", COMMAND_AUTHZ, "PUT", "/containers/a/archive?path=/", "Content-Type: application/x-tar\nContent-Length: 99999999", NULL, JUDGED, "container_archive_put", "path=/"},
	{"credentials", COMMAND_AUTHZ, "POST", "/auth", TYPE "\nContent-Length: 50", NULL, JUDGED, "system_auth", NULL},
};

static const struct row paths[] = {
	{"two slashes", COMMAND_PROXY, "POST", "//containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"two slashes inside", COMMAND_PROXY, "POST", "/containers//create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"a dot", COMMAND_PROXY, "POST", "/./containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"two dots", COMMAND_PROXY, "POST", "/info/../containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"encoded dots", COMMAND_PROXY, "POST", "/info/%2e%2e/containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"half encoded dots", COMMAND_PROXY, "GET", "/info/.%2E/x", "", NULL, REFUSED, NULL, NULL},
	{"dots at the end", COMMAND_PROXY, "GET", "/containers/..", "", NULL, REFUSED, NULL, NULL},
	{"encoded twice is another name", COMMAND_PROXY, "POST", "/containers/%2563reate", JSON_HEADERS, OPEN, JUDGED, "unknown", NULL},
	{"an encoded separator", COMMAND_PROXY, "POST", "/containers%2fcreate", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"an encoded separator after the version", COMMAND_PROXY, "POST", "/v1.41%2Fcontainers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"an encoded separator after a name", COMMAND_PROXY, "POST", "/containers/a%2fexec", JSON_HEADERS, "{\"Cmd\":[\"sh\"]}", REFUSED, NULL, NULL},
	{"an encoded separator before a name", COMMAND_PROXY, "DELETE", "/images%2fa", "", NULL, REFUSED, NULL, NULL},
	{"a backslash", COMMAND_PROXY, "GET", "/containers\\json", "", NULL, REFUSED, NULL, NULL},
	{"absolute", COMMAND_PROXY, "POST", "http://x/containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"absolute, other scheme", COMMAND_PROXY, "POST", "foo:/containers/create", JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"no slash", COMMAND_PROXY, "GET", "info", "", NULL, REFUSED, NULL, NULL},
	{"nothing", COMMAND_PROXY, "GET", "", "", NULL, REFUSED, NULL, NULL},
	{"a star", COMMAND_PROXY, "OPTIONS", "*", "", NULL, REFUSED, NULL, NULL},
	{"a fragment", COMMAND_PROXY, "GET", "/containers/json#/auth", "", NULL, REFUSED, NULL, NULL},
	{"a NUL", COMMAND_PROXY, "GET", "/containers/json%00x", "", NULL, REFUSED, NULL, NULL},
	{"a control character", COMMAND_PROXY, "GET", "/containers/a%0ab/json", "", NULL, REFUSED, NULL, NULL},
	{"the mark of an encoded slash", COMMAND_PROXY, "GET", "/images/a%01b/json", "", NULL, REFUSED, NULL, NULL},
	{"a blank", COMMAND_PROXY, "GET", "/containers/a b/json", "", NULL, REFUSED, NULL, NULL},
	{"more than ASCII", COMMAND_PROXY, "GET", "/containers/\xc3\xa9/json", "", NULL, REFUSED, NULL, NULL},
	{"more than ASCII, encoded", COMMAND_PROXY, "GET", "/containers/%c3%a9/json", "", NULL, REFUSED, NULL, NULL},
	{"half an escape", COMMAND_PROXY, "GET", "/containers/json%2", "", NULL, REFUSED, NULL, NULL},
	{"a wrong escape", COMMAND_PROXY, "GET", "/containers/%zz/json", "", NULL, REFUSED, NULL, NULL},
	{"a slash at the end of a name", COMMAND_PROXY, "DELETE", "/containers/a/", "", NULL, REFUSED, NULL, NULL},
	{"version 2", COMMAND_PROXY, "GET", "/v2.0/info", "", NULL, REFUSED, NULL, NULL},
	{"half a version", COMMAND_PROXY, "GET", "/v1/info", "", NULL, REFUSED, NULL, NULL},
	{"more than a version", COMMAND_PROXY, "GET", "/v1.41.0/info", "", NULL, REFUSED, NULL, NULL},
	{"a version with a zero", COMMAND_PROXY, "GET", "/v1.041/info", "", NULL, REFUSED, NULL, NULL},
	{"dots for a version", COMMAND_PROXY, "GET", "/v.../info", "", NULL, REFUSED, NULL, NULL},
	{"an encoded version", COMMAND_PROXY, "POST", "/v1%2e41/containers/create", JSON_HEADERS, OPEN, JUDGED, "container_create", "privileged=true"},
	{"two versions", COMMAND_PROXY, "POST", "/v1.41/v1.41/containers/create", JSON_HEADERS, OPEN, JUDGED, "unknown", NULL},
	{"a method in small letters", COMMAND_PROXY, "post", CREATE, JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	{"no method", COMMAND_PROXY, "", CREATE, JSON_HEADERS, OPEN, REFUSED, NULL, NULL},
	/* the end of the URI made dockerd think of credentials and hide the body (docker < 23) */
	{"/auth in the query", COMMAND_AUTHZ, "POST", CREATE "?name=a/auth", TYPE "\nContent-Length: 50", NULL, REFUSED, NULL, NULL},
};

static const struct row queries[] = {
	{"a value twice", COMMAND_PROXY, "POST", "/images/create?fromImage=a&fromImage=b", "", NULL, REFUSED, NULL, NULL},
	{"a value twice, once encoded", COMMAND_PROXY, "POST", "/images/create?fromImage=a&from%49mage=b", "", NULL, REFUSED, NULL, NULL},
	{"an empty value twice", COMMAND_PROXY, "POST", "/images/create?fromImage&fromImage=b", "", NULL, REFUSED, NULL, NULL},
	{"a list", COMMAND_PROXY, "POST", "/build?t=a&t=b", "Content-Type: application/x-tar", NULL, JUDGED, "image_build", "t=b"},
	{"a semicolon", COMMAND_PROXY, "POST", "/images/create?fromImage=a;tag=b", "", NULL, REFUSED, NULL, NULL},
	{"an encoded semicolon is a value", COMMAND_PROXY, "POST", "/containers/a/rename?name=b%3Bc", "", NULL, JUDGED, "container_rename", "name=b;c"},
	{"an encoded ampersand is a value", COMMAND_PROXY, "POST", "/containers/a/rename?name=b%26name=c", "", NULL, JUDGED, "container_rename", "name=b&name=c"},
	{"a plus", COMMAND_PROXY, "POST", "/containers/a/rename?name=b+c", "", NULL, JUDGED, "container_rename", "name=b c"},
	{"another case is another key", COMMAND_PROXY, "POST", "/images/create?FromImage=evil&fromImage=nginx", "", NULL, JUDGED, "image_create", "fromImage=nginx"},
	{"a NUL", COMMAND_PROXY, "POST", "/images/create?fromImage=nginx%00", "", NULL, REFUSED, NULL, NULL},
	{"a NUL in a key", COMMAND_PROXY, "POST", "/images/create?fromImage%00=x", "", NULL, REFUSED, NULL, NULL},
	{"a wrong escape", COMMAND_PROXY, "POST", "/images/create?fromImage=%g1", "", NULL, REFUSED, NULL, NULL},
	{"a control character is replaced", COMMAND_PROXY, "POST", "/containers/a/rename?name=b%1b%5Bm", "", NULL, JUDGED, "container_rename", "name=b?[m"},
	{"a question mark is a value", COMMAND_PROXY, "POST", "/containers/a/rename?name=b?name=c", "", NULL, JUDGED, "container_rename", "name=b?name=c"},
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct command_facts f = ask(r->mode, r->method, r->uri, r->headers, r->body);

		print_message("%s: %s\n", r->name, f.readable ? f.action->name : f.why);
		assert_int_equal(f.readable, r->taken == JUDGED);
		assert_int_equal(f.why[0] != 0, r->taken == REFUSED);
		if (r->taken == JUDGED)
			assert_string_equal(f.action->name, r->action);
		if (r->taken == JUDGED && r->expect)
			assert_list(&f.parameters, r->expect);
		command_facts_done(&f);
	}
}

static void test_bodies(void **state)
{
	check(bodies, ARRAY_SIZE(bodies));
}

static void test_paths(void **state)
{
	check(paths, ARRAY_SIZE(paths));
}

static void test_queries(void **state)
{
	check(queries, ARRAY_SIZE(queries));
}

/* A body that the proxy did not read to its end. */
static void test_unread(void **state)
{
	struct command_header type = {"Content-Type", "application/json"};
	struct command_input in = {.mode = COMMAND_PROXY, .method = "POST", .uri = CREATE, .headers = &type, .header_count = 1,
		.body = PLAIN, .body_size = strlen(PLAIN)};
	struct command_facts f;

	assert_int_equal(command_read(&f, &in), 0);
	assert_false(f.readable);
	command_facts_done(&f);
	in.uri = "/containers/a/kill";
	assert_int_equal(command_read(&f, &in), 0);
	assert_true(f.readable);
	command_facts_done(&f);
}

/* More than any list may have. */
static void test_too_many(void **state)
{
	static char body[65536];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"HostConfig\":{\"Binds\":[");

	for (int i = 0; i < CREATION_MOUNTS_MAX + 1; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s\"/a%d:/b\"", i ? "," : "", i);
	snprintf(body + n, sizeof(body) - n, "]}}");
	struct command_facts f = post(CREATE, body);
	assert_false(f.readable);
	command_facts_done(&f);
	n = (size_t)snprintf(body, sizeof(body), "{\"HostConfig\":{\"CapAdd\":[");
	for (int i = 0; i < CREATION_LIST_MAX + 1; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s\"X%d\"", i ? "," : "", i);
	snprintf(body + n, sizeof(body) - n, "]}}");
	f = post(CREATE, body);
	assert_false(f.readable);
	command_facts_done(&f);
	n = (size_t)snprintf(body, sizeof(body), "/images/create?");
	for (int i = 0; i < 600; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "a%d&", i);
	f = ask(COMMAND_PROXY, "POST", body, "", NULL);
	assert_false(f.readable);
	command_facts_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests_name("command.hostile", tests, NULL, NULL);
}
