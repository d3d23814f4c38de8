/* SPDX-License-Identifier: Apache-2.0 */
/* What is JSON for every parser, and what is JSON for some only. */
#include "support.h"

#include "base/json_strict.h"

static const char *const good[] = {
	"{}", "[]", "null", "true", " \t\r\n{ \"a\" : [ 1 , -0 , 0.5 , 1e3 , -1.5E-7 , 10 ] , \"b\" : { } } \n",
	"\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "[[],[[]],{\"a\":{}}]", "\"\"",
};

static const char *const bad[] = {
	"", " ", "{", "}", "[", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[,1]", "{,}", "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}",
	/* numbers */
	"01", "-", "-01", "1.", ".5", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "--1", "1.e1",
	/* words */
	"truex", "True", "nul", "tru",
	/* strings */
	"\"", "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u00zz\"", "\"a\nb\"", "\"\x01\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800x\"",
	"\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"", "\"\xf5\x80\x80\x80\"", "\"\xc3\"",
	/* around */
	"\xef\xbb\xbf{}", "{}{}", "{} x", "{}\x0b", "\x0c{}", "{}]", "[}", "{]", "/* c */ {}", "{} // c", "\xff\xfe{\0",
};

static void test_good(void **state)
{
	char why[256];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP(json_free) struct json *j = NULL;

		print_message("%s\n", good[i]);
		assert_int_equal(json_strict(good[i], strlen(good[i]), why, sizeof(why)), 0);
		assert_int_equal(json_parse(&j, good[i], strlen(good[i]), NULL), 0);
	}
}

static void test_bad(void **state)
{
	char why[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why[0] = 0;
		if (json_strict(bad[i], strlen(bad[i]), why, sizeof(why)) != -EBADMSG)
			fail_msg("passes: %s", bad[i]);
		assert_true(why[0]);
	}
	/* A NUL after the value, which a C string would hide. */
	assert_int_equal(json_strict("{}\0", 3, why, sizeof(why)), -EBADMSG);
	assert_int_equal(json_strict("{\"a\0b\":1}", 9, why, sizeof(why)), -EBADMSG);
}

/* Every proper beginning of a text that must be closed is refused. */
static void test_truncated(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"\\ud83d\\ude00\xc3\xa9\"},null,-1.5e3],\"c\":true}";
	char why[256];

	assert_int_equal(json_strict(text, sizeof(text) - 1, why, sizeof(why)), 0);
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(json_strict(text, n, why, sizeof(why)), -EBADMSG);
}

static void test_limits(void **state)
{
	char deep[200], why[256];
	static char wide[200000];
	CLEANUP(json_free) struct json *j = NULL;

	memset(deep, '[', 60);
	memset(deep + 60, ']', 60);
	assert_int_equal(json_strict(deep, 120, why, sizeof(why)), 0);
	assert_int_equal(json_parse(&j, deep, 120, NULL), 0);
	memset(deep, '[', 61);
	memset(deep + 61, ']', 61);
	assert_int_equal(json_strict(deep, 122, why, sizeof(why)), -EBADMSG);
	for (size_t i = 0; i < sizeof(wide); i++)
		wide[i] = i == 0 ? '[' : i % 2 ? '1' : ',';
	wide[131068] = ']';
	assert_int_equal(json_strict(wide, 131069, why, sizeof(why)), 0);
	wide[131068] = ',';
	wide[131072] = ']';
	assert_int_equal(json_strict(wide, 131073, why, sizeof(why)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("command.strict", tests, NULL, NULL);
}
