/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures judged: see evidence.h. */
#include "trust/evidence.h"

#include <errno.h>
#include <string.h>

#include "trust/manifest.h"

static const struct field_desc signature_fields[] = {
	{1, FIELD_BLOB, "payload", offsetof(struct signature_object, payload), NULL, NULL, "the signed bytes"},
	{2, FIELD_STR, "signature", offsetof(struct signature_object, signature), NULL, NULL, "base64"},
};

static const struct record_desc record_signature = {
	"signature_object", sizeof(struct signature_object), signature_fields, ARRAY_SIZE(signature_fields), "a signature"};

static const struct field_desc manifest_fields[] = {
	{1, FIELD_BLOB, "manifest", offsetof(struct manifest_copy, manifest), NULL, NULL, "its bytes"},
};

static const struct record_desc record_manifest_copy = {
	"manifest_copy", sizeof(struct manifest_copy), manifest_fields, ARRAY_SIZE(manifest_fields), "an index or manifest"};

static const struct field_desc evidence_fields[] = {
	{1, FIELD_RECORDS, "signatures", offsetof(struct trust_evidence, signatures), NULL, &record_signature, "signature objects"},
	{2, FIELD_RECORDS, "manifests", offsetof(struct trust_evidence, manifests), NULL, &record_manifest_copy, "indexes and manifests of the image"},
};

const struct record_desc record_trust_evidence = {"trust_evidence", sizeof(struct trust_evidence), evidence_fields,
	ARRAY_SIZE(evidence_fields), "what speaks for an image"};

void evidence_done(struct trust_evidence *e)
{
	record_done(&record_trust_evidence, e);
}

static const struct signature_object *signature_at(const struct trust_evidence *e, uint32_t i)
{
	return (const struct signature_object *)e->signatures.items + i;
}

static const struct manifest_copy *manifest_at(const struct trust_evidence *e, uint32_t i)
{
	return (const struct manifest_copy *)e->manifests.items + i;
}

static size_t bytes_of(const struct trust_evidence *e)
{
	size_t n = 0;

	for (uint32_t i = 0; i < e->signatures.count; i++)
		n += signature_at(e, i)->payload.size;
	for (uint32_t i = 0; i < e->manifests.count; i++)
		n += manifest_at(e, i)->manifest.size;
	return n;
}

bool evidence_bounded(const struct trust_evidence *e)
{
	if (e->signatures.count > EVIDENCE_SIGNATURES_MAX || e->manifests.count > EVIDENCE_MANIFESTS_MAX ||
		bytes_of(e) > EVIDENCE_BYTES_MAX)
		return false;
	for (uint32_t i = 0; i < e->signatures.count; i++) {
		const struct signature_object *s = signature_at(e, i);
		if (s->payload.size > PAYLOAD_MAX || (s->signature && strlen(s->signature) > SIGNATURE_TEXT_MAX))
			return false;
	}
	return true;
}

/* A zeroed item more at the end of a list, or NULL. */
static void *grow(struct record_list *l, size_t size)
{
	char *p = realloc(l->items, (l->count + 1) * size);

	if (!p)
		return NULL;
	l->items = p;
	return memset(p + l->count * size, 0, size);
}

static int blob_set(struct blob *b, const void *p, size_t n)
{
	b->data = malloc(n ? n : 1);
	if (!b->data)
		return -ENOMEM;
	memcpy(b->data, p, n);
	b->size = (uint32_t)n;
	return 0;
}

static bool blob_is(const struct blob *b, const void *p, size_t n)
{
	return b->size == n && (n == 0 || memcmp(b->data, p, n) == 0);
}

int evidence_add_signature(struct trust_evidence *e, const struct buf *payload, const char *signature)
{
	for (uint32_t i = 0; i < e->signatures.count; i++) {
		const struct signature_object *s = signature_at(e, i);
		if (s->signature && strcmp(s->signature, signature) == 0 && blob_is(&s->payload, payload->data, payload->len))
			return 0;
	}
	if (e->signatures.count == EVIDENCE_SIGNATURES_MAX || payload->len > PAYLOAD_MAX ||
		strlen(signature) > SIGNATURE_TEXT_MAX || bytes_of(e) + payload->len > EVIDENCE_BYTES_MAX)
		return -E2BIG;
	struct signature_object *s = grow(&e->signatures, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = str_set(&s->signature, signature);
	if (r == 0)
		r = blob_set(&s->payload, payload->data, payload->len);
	if (r < 0)
		free(s->signature);
	else
		e->signatures.count++;
	return r;
}

int evidence_add_manifest(struct trust_evidence *e, const void *manifest, size_t n)
{
	for (uint32_t i = 0; i < e->manifests.count; i++)
		if (blob_is(&manifest_at(e, i)->manifest, manifest, n))
			return 0;
	if (e->manifests.count == EVIDENCE_MANIFESTS_MAX || n > MANIFEST_MAX || bytes_of(e) + n > EVIDENCE_BYTES_MAX)
		return -E2BIG;
	struct manifest_copy *x = grow(&e->manifests, sizeof(*x));
	int r = x ? blob_set(&x->manifest, manifest, n) : -ENOMEM;
	if (r == 0)
		e->manifests.count++;
	return r;
}

int evidence_merge(struct trust_evidence *e, const struct trust_evidence *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->signatures.count && r != -ENOMEM; i++) {
		const struct signature_object *s = signature_at(from, i);
		struct buf payload = {.data = s->payload.data, .len = s->payload.size};

		r = evidence_add_signature(e, &payload, s->signature ? s->signature : "");
	}
	for (uint32_t i = 0; i < from->manifests.count && r != -ENOMEM; i++)
		r = evidence_add_manifest(e, manifest_at(from, i)->manifest.data, manifest_at(from, i)->manifest.size);
	return r == -ENOMEM ? r : 0;
}

/* ---- judging ---- */

/* What a signature may name: the manifest itself, and the indexes that list it. */
struct targets {
	const char *digest;
	char indexes[EVIDENCE_MANIFESTS_MAX][DIGEST_SIZE];
	unsigned count;
};

static void targets_init(struct targets *t, const struct trust_evidence *e, const char *digest)
{
	*t = (struct targets){.digest = digest};
	for (uint32_t i = 0; i < e->manifests.count && i < EVIDENCE_MANIFESTS_MAX; i++) {
		const struct blob *b = &manifest_at(e, i)->manifest;
		if (manifest_lists(b->data, b->size, digest) && digest_of(b->data, b->size, t->indexes[t->count]) == 0)
			t->count++;
	}
}

static bool is_target(const struct targets *t, const char *digest, bool *ret_index)
{
	*ret_index = false;
	if (strcmp(t->digest, digest) == 0)
		return true;
	for (unsigned i = 0; i < t->count; i++)
		if (strcmp(t->indexes[i], digest) == 0)
			return *ret_index = true;
	return false;
}

/* How near a signature came to being valid: the best reason of many is told. */
enum nearness { NEAR_NOTHING, NEAR_MALFORMED, NEAR_OTHER_IMAGE, NEAR_KEY, NEAR_VALID };

static enum nearness judge(const struct signature_object *s, const struct targets *t, const struct trust_key *key,
	struct trust_finding *found)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT(SIGNATURE_TEXT_MAX);
	const char *text = s->signature ? s->signature : "";
	struct diag diag = {0};

	if (payload_parse((const char *)s->payload.data, s->payload.size, &found->payload, &diag) < 0) {
		snprintf(found->why, sizeof(found->why), "its signature is malformed: %.200s", diag.message);
		return NEAR_MALFORMED;
	}
	if (base64_decode(text, strlen(text), &raw) < 0) {
		snprintf(found->why, sizeof(found->why), "its signature is malformed: not base64");
		return NEAR_MALFORMED;
	}
	if (!is_target(t, found->payload.digest, &found->by_index)) {
		snprintf(found->why, sizeof(found->why), "the signature found is of another image, %.19s...", found->payload.digest);
		return NEAR_OTHER_IMAGE;
	}
	if (trust_key_verify(key, s->payload.data, s->payload.size, &raw) < 0) {
		snprintf(found->why, sizeof(found->why), "it is signed, but not by this key");
		return NEAR_KEY;
	}
	found->why[0] = 0;
	return NEAR_VALID;
}

int evidence_check(const struct trust_evidence *e, const char *digest, const struct trust_key *key, struct trust_finding *ret)
{
	struct targets t;
	struct trust_finding best = {.why = "no signature is known for it"};
	enum nearness nearest = NEAR_NOTHING;

	targets_init(&t, e, digest);
	for (uint32_t i = 0; i < e->signatures.count && i < EVIDENCE_SIGNATURES_MAX && nearest != NEAR_VALID; i++) {
		struct trust_finding found = {0};
		enum nearness near = judge(signature_at(e, i), &t, key, &found);
		if (near > nearest) {
			nearest = near;
			best = found;
		}
	}
	*ret = best;
	return nearest == NEAR_VALID ? 0 : nearest == NEAR_NOTHING ? -ENOENT : -EKEYREJECTED;
}

static bool checks(const struct trust_evidence *e, const char *digest, const struct trust_key *key)
{
	struct trust_finding found;

	return digest_valid(digest) && evidence_check(e, digest, key, &found) == 0;
}

/* Of an index, its users know only the id of what they chose from it: the manifest names it too. */
static bool checks_by_id(const struct trust_evidence *e, const char *id, const struct trust_key *key)
{
	bool good = false;

	for (uint32_t i = 0; i < e->manifests.count && i < EVIDENCE_MANIFESTS_MAX && !good; i++) {
		CLEANUP(manifest_done) struct manifest m = {0};
		const struct blob *b = &manifest_at(e, i)->manifest;
		char digest[DIGEST_SIZE];

		if (manifest_parse(&m, b->data, b->size) == 0 && m.config.digest && strcmp(m.config.digest, id) == 0 &&
			digest_of(b->data, b->size, digest) == 0)
			good = checks(e, digest, key);
	}
	return good;
}

bool trust_signed_by(void *ctx, const char *key_pem, const struct image_facts *image)
{
	const struct trust_evidence *e = ctx;
	CLEANUP(trust_key_free) struct trust_key *key = NULL;
	const char *at = image->name ? strchr(image->name, '@') : NULL;

	if (!e || e->signatures.count == 0 || trust_key_new(&key, key_pem, strlen(key_pem), NULL) < 0)
		return false;
	if ((at && checks(e, at + 1, key)) || (image->id && (checks(e, image->id, key) || checks_by_id(e, image->id, key))))
		return true;
	for (uint32_t i = 0; image->repo_digests && i < image->repo_digests->count; i++)
		if (checks(e, image->repo_digests->items[i], key))
			return true;
	return false;
}
