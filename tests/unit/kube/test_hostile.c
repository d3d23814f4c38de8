/* SPDX-License-Identifier: Apache-2.0 */
/* What two readers could read differently, and what is too much, is refused with the reason. */
#include "support.h"

static void test_unreadable(void **state)
{
	static const struct {
		const char *file, *why;
		bool uid; /* an answer can name it */
	} rows[] = {
		{"duplicate_image", "a key is in it twice", true},
		{"no_uid", "there is no request with a uid", false},
		{"wrong_version", "it is no AdmissionReview of admission.k8s.io/v1", true},
		{"image_no_text", "'image' is not a text", true},
		{"image_no_name", "container 'web': 'Evil Miner' is no name of an image", true},
		{"cut", NULL, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(kube_review_done) struct kube_review v;

		review_read(rows[i].file, &v);
		assert_false(v.readable);
		assert_true(v.why[0] != 0);
		if (rows[i].why)
			assert_string_equal(v.why, rows[i].why);
		assert_int_equal(v.uid && *v.uid, rows[i].uid);
	}
}

static void test_text(const char *text, size_t n, const char *why)
{
	CLEANUP(kube_review_done) struct kube_review v = {0};

	assert_int_equal(kube_review_read(&v, text, n), 0);
	assert_false(v.readable);
	assert_non_null(strstr(v.why, why));
	assert_string_equal(v.action, "unknown");
}

static void test_limits(void **state)
{
	static char text[KUBE_REVIEW_MAX + 1], deep[200];

	memset(text, ' ', sizeof(text));
	test_text(text, sizeof(text), "larger than");
	memset(deep, '[', sizeof(deep));
	test_text(deep, sizeof(deep), "too deeply");
	test_text("", 0, "JSON");
	test_text("[]", 2, "not an object");
	test_text("{}{}", 4, "follows");
	test_text("{\"a\":1,\"a\":2}", 13, "twice");
}

/* What is not even parsed is refused under its uid: else it would be let in where the webhook may be absent. */
static void test_padded(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(KUBE_BODY_MAX);
	static const char head[] = "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"ab-12\",\"x\":[";

	buf_puts(&b, head);
	for (int i = 0; i < 70000; i++)
		buf_puts(&b, i ? ",1" : "1");
	buf_puts(&b, "]}}");
	for (int i = 0; i < 2; i++) { /* too many values, then too many bytes */
		CLEANUP(kube_review_done) struct kube_review v = {0};

		assert_int_equal(kube_review_read(&v, (const char *)b.data, b.len), 0);
		assert_false(v.readable);
		assert_string_equal(v.uid, "ab-12");
		while (b.len <= KUBE_REVIEW_MAX)
			buf_putc(&b, ' ');
	}
}

/* As many containers as an object can hold. */
static void test_many(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);
	CLEANUP(kube_review_done) struct kube_review v = {0};

	buf_puts(&b, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"1\",\"operation\":\"CREATE\","
		"\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\"},\"object\":{\"spec\":{\"containers\":[");
	for (int i = 0; i <= KUBE_CONTAINERS_MAX; i++)
		buf_printf(&b, "%s{\"name\":\"c%d\",\"image\":\"a\"}", i ? "," : "", i);
	buf_puts(&b, "]}}}}");
	assert_int_equal(kube_review_read(&v, (const char *)b.data, b.len), 0);
	assert_false(v.readable);
	assert_non_null(strstr(v.why, "containers"));
}

static void test_relative(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("mounts_relative", &v);
	assert_true(v.readable);
	assert_int_equal(v.creations[0].mount_count, 3);
	assert_string_equal(v.creations[0].mounts[0].source, "/");
	assert_string_equal(v.creations[0].mounts[0].target, "/x");
	assert_string_equal(v.creations[0].mounts[1].target, "/");
	assert_int_equal(v.creations[0].mounts[2].kind, MOUNT_VOLUME);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_padded),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_relative),
	};

	corpus = argc == 2 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
