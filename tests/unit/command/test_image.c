/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls, imports, builds, tags: which image it is about. */
#include "support.h"

#define DIGEST "sha256:0123456789012345678901234567890123456789012345678901234567890123"

static void test_names(void **state)
{
	static const struct {
		const char *uri, *image; /* NULL = refused */
	} rows[] = {
		{"/images/create?fromImage=nginx&tag=1", "docker.io/library/nginx:1"},
		{"/images/create?fromImage=nginx:1", "docker.io/library/nginx:1"},
		{"/images/create?fromImage=nginx:", "docker.io/library/nginx:latest"},
		{"/images/create?fromImage=nginx&tag=" DIGEST, "docker.io/library/nginx@" DIGEST},
		{"/images/create?fromImage=index.docker.io/a/b&tag=c", "docker.io/a/b:c"},
		{"/images/create?fromImage=reg.example:5000/a%2Fb&tag=c", "reg.example:5000/a/b:c"},
		{"/images/create?fromImage=REG.example/a&tag=c", "REG.example/a:c"},
		{"/images/create?fromImage=nginx:1&tag=2", NULL},
		{"/images/create?fromImage=nginx@" DIGEST "&tag=2", NULL},
		{"/images/create?fromImage=EVIL/nginx&tag=1", NULL},
		{"/images/create?fromImage=Nginx&tag=1", NULL},
		{"/images/create?fromImage=nginx%20&tag=1", NULL},
		{"/images/create?fromImage=%2Fnginx&tag=1", NULL},
		{"/images/create?fromImage=a//b&tag=1", NULL},
		{"/images/create?fromImage=https://nginx", NULL},
		{"/images/create?fromSrc=-&repo=mine&tag=2", "docker.io/library/mine:2"},
		{"/images/create?fromSrc=http://x/y.tar&repo=mine", "docker.io/library/mine:latest"},
		{"/images/x/tag?repo=ours/a&tag=2", "docker.io/ours/a:2"},
		{"/images/ours/a/push?tag=2", "docker.io/ours/a:latest"},
		{"/commit?container=c&repo=mine", "docker.io/library/mine:latest"},
		{"/build?t=a:1&t=b:2", "docker.io/library/a:1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct command_facts f = ask(COMMAND_PROXY, "POST", rows[i].uri, "", NULL);

		print_message("%s: %s\n", rows[i].uri, f.readable ? f.image : f.why);
		assert_int_equal(f.readable, rows[i].image != NULL);
		if (rows[i].image)
			assert_string_equal(f.image, rows[i].image);
		command_facts_done(&f);
	}
}

static void test_all_tags(void **state)
{
	struct command_facts f = ask(COMMAND_PROXY, "POST", "/images/create?fromImage=nginx", "", NULL);

	assert_list(&f.parameters, "all_tags=true");
	command_facts_done(&f);
	f = ask(COMMAND_PROXY, "POST", "/images/create?fromImage=nginx&tag=1", "", NULL);
	assert_false(list_has(&f.parameters, "all_tags=true"));
	command_facts_done(&f);
}

/* Nothing that is secret, and nothing that no one needs. */
static void test_build(void **state)
{
	struct command_facts f = ask(COMMAND_PROXY, "POST",
		"/v1.41/build?t=a&networkmode=host&version=2&session=abc&buildargs=%7B%22TOKEN%22%3A%22hidden1%22%7D"
		"&remote=https%3A%2F%2Fuser%3Ahidden2%40h%2Fx.git&extrahosts=a%3A1&cgroupparent=/x&dockerfile=D",
		"X-Registry-Config: hidden3", NULL);

	assert_true(f.readable);
	assert_string_equal(f.network, "host");
	assert_list(&f.parameters, "builder=buildkit");
	assert_list(&f.parameters, "buildargs=TOKEN");
	assert_list(&f.parameters, "extrahosts=a:1");
	assert_list(&f.parameters, "cgroupparent=/x");
	for (uint32_t i = 0; i < f.parameters.count; i++) {
		assert_null(strstr(f.parameters.items[i], "hidden"));
		assert_null(strstr(f.parameters.items[i], "session"));
	}
	command_facts_done(&f);
	f = ask(COMMAND_PROXY, "POST", "/commit?container=c&changes=ENV+SECRET=hidden", "", NULL);
	assert_string_equal(f.target, "c");
	assert_list(&f.parameters, "changes=ENV");
	command_facts_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all_tags),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests_name("command.image", tests, NULL, NULL);
}
