/* SPDX-License-Identifier: Apache-2.0 */
/* Image names: canonical forms, what a registry is asked for, and what is no name at all. */
#include "policy/image.h"
#include "policy/policy.h"
#include "trust/reference.h"
#include "unit/trust/keys.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

static void takes_names_apart(void **state)
{
	static const struct {
		const char *name, *registry, *repository, *tag, *digest;
	} rows[] = {
		{"alpine", "docker.io", "library/alpine", "latest", ""},
		{"alpine:3", "docker.io", "library/alpine", "3", ""},
		{"docker.io/alpine", "docker.io", "library/alpine", "latest", ""},
		{"index.docker.io/alpine", "docker.io", "library/alpine", "latest", ""},
		{"library/alpine", "docker.io", "library/alpine", "latest", ""},
		{"team/app", "docker.io", "team/app", "latest", ""},
		{"a/b/c/d:x", "docker.io", "a/b/c/d", "x", ""},
		{"quay.io/team/app", "quay.io", "team/app", "latest", ""},
		{"localhost/app", "localhost", "app", "latest", ""},
		{"localhost:5000/app", "localhost:5000", "app", "latest", ""},
		{"127.0.0.1:5000/app:1", "127.0.0.1:5000", "app", "1", ""},
		{"registry.local:5000/team/app:1.0_rc-2", "registry.local:5000", "team/app", "1.0_rc-2", ""},
		{"[::1]:5000/app", "[::1]:5000", "app", "latest", ""},
		{"alpine@" DIGEST, "docker.io", "library/alpine", "", DIGEST},
		{"alpine:3@" DIGEST, "docker.io", "library/alpine", "3", DIGEST},
		{"host:1/app:3@" DIGEST, "host:1", "app", "3", DIGEST},
		{"a--b/c__d.e-f", "docker.io", "a--b/c__d.e-f", "latest", ""},
		{"xn--bcher-kva.example/app", "xn--bcher-kva.example", "app", "latest", ""},
		{"Registry.Example/app", "Registry.Example", "app", "latest", ""},
		{"MyHost/app", "MyHost", "app", "latest", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reference r;
		int n = reference_parse(rows[i].name, &r, NULL);
		if (n < 0)
			fail_msg("%s is refused", rows[i].name);
		assert_string_equal(r.registry, rows[i].registry);
		assert_string_equal(r.repository, rows[i].repository);
		assert_string_equal(r.tag, rows[i].tag);
		assert_string_equal(r.digest, rows[i].digest);
	}
}

static void refuses_what_is_no_name(void **state)
{
	static const char *const rows[] = {"", " ", "Alpine", "team/App", "a//b", "/a", "a/", "a:", "a:b:c", "a@", "a@sha256:12",
		"a@md5:" HEX64, "a@SHA256:" HEX64, "a@" DIGEST "0", "a:-x", "a:.x", "a b", "a\tb", "a\nb", "b\303\274cher", "b\303\274cher.example/a",
		"-a", "a-", "a..b", "a___b", "a.-b", "host:0/a", "host:65536/a", "host:x/a", "host:1:2/a", "http://host/a", "ho_st.x/a",
		"-host.x/a", "host-.x/a", "host..x/a", "[::1/a", "[::1]x/a", "[1.2.3.4]/a", "[::1/64]:1/a", "user@host/a", "a/../b", "host.x/../../a",
		"a?b", "a#b", "a%2fb", "host.x/a;b", HEX64, DIGEST, "sha256:" HEX64 "/a"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reference r;
		if (reference_parse(rows[i], &r, NULL) != -EINVAL)
			fail_msg("'%s' is taken for %s %s %s", rows[i], r.registry, r.repository, r.tag);
	}
}

/* The longest that engines take, one more, and far too long. */
static void lengths(void **state)
{
	static char name[5000], canonical[IMAGE_NAME_MAX];
	struct reference r;

	memset(name, 'a', sizeof(name) - 1);
	memcpy(name, "host.x/", 7);
	name[REFERENCE_NAME_MAX] = 0;
	assert_int_equal(reference_parse(name, &r, NULL), 0);
	name[REFERENCE_NAME_MAX] = 'a';
	name[REFERENCE_NAME_MAX + 1] = 0;
	assert_int_equal(reference_parse(name, &r, NULL), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(reference_parse(name, &r, NULL), -EINVAL);
	image_canonical(name, canonical, sizeof(canonical));
	assert_int_equal(strlen(canonical), sizeof(canonical) - 1);
	struct image_names names;
	image_names_init(&names, name);
	assert_true(image_names_match(&names, "docker.io/library/*"));
	memset(name, 0, sizeof(name));
	memset(name, 'a', 3);
	name[3] = ':';
	memset(name + 4, 't', 128);
	assert_int_equal(reference_parse(name, &r, NULL), 0);
	name[4 + 128] = 't';
	assert_int_equal(reference_parse(name, &r, NULL), -EINVAL);
}

/* What rules see of a name, however it is written. */
static void canonical_forms(void **state)
{
	static const struct {
		const char *name, *canonical;
	} rows[] = {
		{"nginx", "docker.io/library/nginx:latest"}, {"nginx:1", "docker.io/library/nginx:1"},
		{"docker.io/nginx", "docker.io/library/nginx:latest"}, {"docker.io/library/nginx:latest", "docker.io/library/nginx:latest"},
		{"index.docker.io/library/nginx", "docker.io/library/nginx:latest"}, {"team/nginx", "docker.io/team/nginx:latest"},
		{"localhost/nginx", "localhost/nginx:latest"}, {"h:5000/nginx", "h:5000/nginx:latest"},
		{"h:5000/a/nginx:2", "h:5000/a/nginx:2"}, {"nginx@" DIGEST, "docker.io/library/nginx@" DIGEST},
		{"nginx:1@" DIGEST, "docker.io/library/nginx:1@" DIGEST}, {HEX64, DIGEST}, {DIGEST, DIGEST},
		{"HOST/nginx", "HOST/nginx:latest"}, {"[::1]:5000/nginx", "[::1]:5000/nginx:latest"},
		/* what only looks like an id */
		{"0123456789abcdef", "docker.io/library/0123456789abcdef:latest"},
	};
	char out[IMAGE_NAME_MAX], again[IMAGE_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(image_canonical(rows[i].name, out, sizeof(out)), rows[i].canonical);
		assert_string_equal(image_canonical(out, again, sizeof(again)), out);
	}
}

static void knows_loopback(void **state)
{
	static const char *const yes[] = {"localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:5000", "127.255.1.2:80", "[::1]:5000"};
	static const char *const no[] = {"localhost.example", "127.0.0.1.example:80", "128.0.0.1", "registry.local:5000", "docker.io", "0127.0.0.1", "[::2]:5000", "127", "127.0.0.1/8"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(registry_is_loopback(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (registry_is_loopback(no[i]))
			fail_msg("%s is taken for loopback", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_names_apart),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(lengths),
		cmocka_unit_test(canonical_forms),
		cmocka_unit_test(knows_loopback),
	};

	return cmocka_run_group_tests_name("trust.reference", tests, NULL, NULL);
}
