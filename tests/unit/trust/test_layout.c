/* SPDX-License-Identifier: Apache-2.0 */
/* OCI layouts: found by name, signed, read again, imported into the local store; broken ones. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "trust/layout.h"
#include "trust/reference.h"
#include "trust/store.h"
#include "unit/trust/keys.h"

static struct pair alice;

struct fixture {
	char dir[64], store[80];
	char config[DIGEST_SIZE], one[DIGEST_SIZE], index[DIGEST_SIZE];
};

static void put(struct fixture *f, const char *text, char digest[DIGEST_SIZE])
{
	char path[256];

	assert_int_equal(digest_of(text, strlen(text), digest), 0);
	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", f->dir, digest + 7);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void put_index(struct fixture *f, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/index.json", f->dir);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

/* An image under the tag "1", and an index that lists it under the whole name r.test/app:all. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char text[2048], folder[128];

	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-layout-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
	snprintf(folder, sizeof(folder), "%s/blobs/sha256", f->dir);
	assert_int_equal(dir_make(folder, 0755), 0);
	put(f, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:1111111111111111111111111111111111111111111111111111111111111111\"]}}", f->config);
	snprintf(text, sizeof(text), "{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":119},\"layers\":[]}", f->config);
	put(f, text, f->one);
	snprintf(text, sizeof(text), "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":1}]}", f->one);
	put(f, text, f->index);
	snprintf(text, sizeof(text),
		"{\"schemaVersion\":2,\"mediaType\":\"x\",\"manifests\":[{\"digest\":\"%s\",\"size\":1,\"annotations\":{\"org.opencontainers.image.ref.name\":\"1\"}},"
		"{\"digest\":\"%s\",\"size\":1,\"annotations\":{\"org.opencontainers.image.ref.name\":\"r.test/app:all\"}}]}",
		f->one, f->index);
	put_index(f, text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	char command[128];
	struct fixture *f = *state;

	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct layout *open_layout(struct fixture *f)
{
	struct layout *l = NULL;

	assert_int_equal(layout_open(&l, f->dir, NULL), 0);
	return l;
}

static void finds_by_name(void **state)
{
	struct fixture *f = *state;
	CLEANUP(layout_free) struct layout *l = open_layout(f);
	char digest[DIGEST_SIZE], name[256];
	static const char *const tagged[] = {"1", "app:1", "any.test/app:1"};

	for (size_t i = 0; i < ARRAY_SIZE(tagged); i++) {
		assert_int_equal(layout_find(l, tagged[i], digest, NULL), 0);
		assert_string_equal(digest, f->one);
	}
	assert_int_equal(layout_find(l, "r.test/app:all", digest, NULL), 0);
	assert_string_equal(digest, f->index);
	snprintf(name, sizeof(name), "app@%s", f->index);
	assert_int_equal(layout_find(l, name, digest, NULL), 0);
	assert_string_equal(digest, f->index);
	/* the whole name is another image's; the tag alone is no name here */
	assert_int_equal(layout_find(l, "other.test/app:all", digest, NULL), -ENOENT);
	assert_int_equal(layout_find(l, "app:2", digest, NULL), -ENOENT);
	assert_int_equal(layout_find(l, NULL, digest, NULL), -ENOENT);
}

static void reads_an_image_through_its_index(void **state)
{
	struct fixture *f = *state;
	CLEANUP(layout_free) struct layout *l = open_layout(f);
	CLEANUP(source_image_done) struct source_image image = {0};
	CLEANUP(evidence_done) struct trust_evidence e = {0};

	assert_int_equal(source_image(layout_source(l), f->index, &image, &e), 0);
	assert_string_equal(image.id, f->config);
	assert_int_equal(image.digests.count, 2);
	assert_string_equal(image.digests.items[0], f->index);
	assert_string_equal(image.digests.items[1], f->one);
	assert_int_equal(image.layers.count, 1);
	assert_int_equal(e.manifests.count, 1);
}

static void sign_in_layout(struct layout *l, const char *digest, const struct pair *p)
{
	CLEANUP(buf_done) struct buf payload = BUF_INIT(PAYLOAD_MAX), raw = BUF_INIT(4096);
	struct trust_payload what = {0};

	snprintf(what.digest, sizeof(what.digest), "%s", digest);
	payload_make(&what, &payload);
	assert_int_equal(trust_key_sign(p->secret, strlen(p->secret), &payload, &raw, NULL), 0);
	int r = source_sign(layout_source(l), digest, &payload, &raw);
	if (r < 0)
		fail_msg("%d %s", r, layout_source(l)->why);
}

static unsigned signatures_of(struct layout *l, const char *digest)
{
	CLEANUP(evidence_done) struct trust_evidence e = {0};

	assert_int_equal(source_signatures(layout_source(l), digest, &e), 0);
	return e.signatures.count;
}

static void signs_and_reads_again(void **state)
{
	struct fixture *f = *state;
	static struct pair bob;
	char digest[DIGEST_SIZE];

	pair_make(&bob, "ED25519");
	{
		CLEANUP(layout_free) struct layout *l = open_layout(f);
		assert_int_equal(signatures_of(l, f->one), 0);
		sign_in_layout(l, f->one, &alice);
		assert_int_equal(signatures_of(l, f->one), 1);
	}
	CLEANUP(layout_free) struct layout *l = open_layout(f);
	sign_in_layout(l, f->one, &bob);
	assert_int_equal(signatures_of(l, f->one), 2); /* the first one is still there */
	assert_int_equal(signatures_of(l, f->index), 0);
	assert_int_equal(layout_find(l, "1", digest, NULL), 0);
	assert_string_equal(digest, f->one);
	CLEANUP(evidence_done) struct trust_evidence e = {0};
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice), *b = key_of(&bob);
	struct trust_finding found;
	assert_int_equal(source_evidence(layout_source(l), f->one, NULL, &e), 0);
	assert_int_equal(evidence_check(&e, f->one, a, &found), 0);
	assert_int_equal(evidence_check(&e, f->one, b, &found), 0);
}

/* Both ways between an index and its manifests. */
static void evidence_crosses_indexes(void **state)
{
	struct fixture *f = *state;
	CLEANUP(layout_free) struct layout *l = open_layout(f);
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice);
	CLEANUP(evidence_done) struct trust_evidence up = {0}, down = {0};
	struct trust_finding found;
	struct image_facts facts = {.name = "r.test/app:all", .id = f->config};

	sign_in_layout(l, f->one, &alice);
	assert_int_equal(source_evidence(layout_source(l), f->index, NULL, &down), 0);
	assert_int_equal(evidence_check(&down, f->index, a, &found), -EKEYREJECTED);
	assert_true(trust_signed_by(&down, alice.public, &facts)); /* by the id that the manifest names */
	sign_in_layout(l, f->index, &alice);
	CLEANUP(layout_free) struct layout *again = open_layout(f);
	assert_int_equal(source_evidence(layout_source(again), f->one, "all", &up), 0);
	assert_int_equal(up.manifests.count, 1);
	assert_int_equal(up.signatures.count, 2);
}

static void imports(void **state)
{
	struct fixture *f = *state;
	CLEANUP(trust_key_free) struct trust_key *a = key_of(&alice);
	CLEANUP(evidence_done) struct trust_evidence e = {0}, none = {0};
	struct store_import counts;
	struct trust_finding found;
	CLEANUP(layout_free) struct layout *l = open_layout(f);

	assert_int_equal(store_import_layout(f->store, l, &counts, NULL), 0);
	assert_int_equal(counts.signatures, 0);
	sign_in_layout(l, f->index, &alice);
	for (int i = 0; i < 2; i++) { /* twice is once */
		assert_int_equal(store_import_layout(f->store, l, &counts, NULL), 0);
		assert_int_equal(counts.signatures, 1);
		assert_int_equal(counts.images, 1);
	}
	assert_int_equal(store_read(f->store, f->one, &e), 0);
	assert_int_equal(e.signatures.count, 1);
	assert_int_equal(evidence_check(&e, f->one, a, &found), 0);
	assert_true(found.by_index);
	assert_int_equal(store_read(f->store, f->config, &none), 0);
	assert_int_equal(none.signatures.count, 0);
	assert_int_equal(store_read("/nonexistent", f->one, &none), 0);
	assert_int_equal(store_read(f->store, "../x", &none), -EINVAL);
}

static void broken_store_files(void **state)
{
	struct fixture *f = *state;
	CLEANUP(evidence_done) struct trust_evidence e = {0}, good = {0};
	char path[256];

	assert_int_equal(dir_make(f->store, 0755), 0);
	snprintf(path, sizeof(path), "%s/sha256-%s", f->store, f->one + 7);
	assert_int_equal(file_write_atomic(path, "nonsense", 8, 0644), 0);
	assert_int_equal(store_read(f->store, f->one, &e), -EBADMSG);
	sign(&good, &alice, f->one);
	assert_int_equal(store_add(f->store, f->one, &good), 0);
	assert_int_equal(store_read(f->store, f->one, &e), 0);
	assert_int_equal(e.signatures.count, 1);
}

/* A blob that is not what its name says, one outside the layout, and no layouts at all. */
static void hostile_layouts(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "{", "[]", "{\"manifests\":{}}", "{\"manifests\":[{\"digest\":\"sha256:../../x\"}]}", "{\"manifests\":[1]}"};
	struct layout *l = open_layout(f);
	CLEANUP(buf_done) struct buf out = BUF_INIT(MANIFEST_MAX);
	char path[256], digest[DIGEST_SIZE];
	struct diag d = {0};

	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", f->dir, f->one + 7);
	assert_int_equal(file_write_atomic(path, "{}", 2, 0644), 0);
	assert_int_equal(source_resolve(layout_source(l), "1", digest, &out), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(source_resolve(layout_source(l), f->one, digest, &out), -ELOOP);
	layout_free(l);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_index(f, bad[i]);
		l = NULL;
		assert_true(layout_open(&l, f->dir, &d) < 0);
		assert_null(l);
		assert_true(*d.message);
	}
	assert_true(layout_open(&l, "/nonexistent", NULL) < 0);
}

static int setup_keys(void **state)
{
	pair_make(&alice, "P-256");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_an_image_through_its_index, setup, teardown),
		cmocka_unit_test_setup_teardown(signs_and_reads_again, setup, teardown),
		cmocka_unit_test_setup_teardown(evidence_crosses_indexes, setup, teardown),
		cmocka_unit_test_setup_teardown(imports, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_store_files, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_layouts, setup, teardown),
	};

	return cmocka_run_group_tests_name("trust.layout", tests, setup_keys, NULL);
}
