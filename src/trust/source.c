/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a registry or layout: see source.h. */
#include "trust/source.h"

#include <errno.h>
#include <string.h>

#include "trust/reference.h"

static int failed(struct source *s, int r, const char *why)
{
	if (r < 0 && r != -ENOENT && !s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
	return r;
}

int source_resolve(struct source *s, const char *reference, char ret_digest[DIGEST_SIZE], struct buf *out)
{
	char digest[DIGEST_SIZE];

	s->why[0] = 0;
	int r = s->ops->manifest(s, reference, out);
	if (r == 0)
		r = digest_of(out->data, out->len, digest);
	if (r < 0)
		return r;
	if (digest_valid(reference) && strcmp(reference, digest) != 0)
		return failed(s, -EBADMSG, "the manifest has another digest than was asked for");
	snprintf(ret_digest, DIGEST_SIZE, "%s", digest);
	return 0;
}

static int get_blob(struct source *s, const struct descriptor *d, struct buf *out)
{
	int r = d->size <= out->max ? s->ops->blob(s, d->digest, out) : -EFBIG;

	if (r == 0 && !digest_fits(d->digest, out->data, out->len))
		r = failed(s, -EBADMSG, "a blob has another digest than was asked for");
	return failed(s, r, "a blob cannot be had");
}

/* The signature objects of one manifest that are about the digest. A broken one spoils no other. */
static int take_signatures(struct source *s, const struct buf *manifest, const char *digest, struct trust_evidence *e)
{
	CLEANUP(manifest_done) struct manifest m = {0};
	int r = manifest_parse(&m, manifest->data, manifest->len);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (uint32_t i = 0; !m.index && i < m.count; i++) {
		CLEANUP(buf_done) struct buf payload = BUF_INIT(PAYLOAD_MAX);
		struct trust_payload parsed;

		if (strcmp(m.items[i].media_type, MEDIA_SIGNATURE) != 0 || !m.items[i].signature)
			continue;
		if (e->signatures.count == EVIDENCE_SIGNATURES_MAX)
			break;
		r = get_blob(s, &m.items[i], &payload);
		if (r == -ETIMEDOUT || r == -ENOMEM)
			return r;
		if (r < 0 || payload_parse((char *)payload.data, payload.len, &parsed, NULL) < 0 || strcmp(parsed.digest, digest) != 0)
			continue;
		if (evidence_add_signature(e, &payload, m.items[i].signature) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* Signatures that refer to the image by `subject`, as OCI 1.1 has it. */
static int take_referrers(struct source *s, const char *digest, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT(MANIFEST_MAX);
	CLEANUP(manifest_done) struct manifest m = {0};
	int r = s->ops->referrers(s, digest, &list);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = manifest_parse(&m, list.data, list.len);
	for (uint32_t i = 0; r == 0 && m.index && i < m.count && i < EVIDENCE_SIGNATURES_MAX; i++) {
		CLEANUP(buf_done) struct buf one = BUF_INIT(MANIFEST_MAX);
		char real[DIGEST_SIZE];

		r = source_resolve(s, m.items[i].digest, real, &one);
		if (r == 0)
			r = take_signatures(s, &one, digest, e);
		else if (r != -ETIMEDOUT && r != -ENOMEM)
			r = 0;
	}
	return r == -EBADMSG ? 0 : r;
}

int source_signatures(struct source *s, const char *digest, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf manifest = BUF_INIT(MANIFEST_MAX);
	char tag[DIGEST_SIZE + 8], real[DIGEST_SIZE];
	int r = source_resolve(s, reference_signature_tag(digest, tag, sizeof(tag)), real, &manifest);

	if (r == 0)
		r = take_signatures(s, &manifest, digest, e);
	if (r == 0 || r == -ENOENT)
		r = take_referrers(s, digest, e);
	return r;
}

/* The index under the tag, when it lists the digest: what is said of it holds for all in it. */
static int take_index(struct source *s, const char *digest, const char *tag, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX);
	char real[DIGEST_SIZE];
	int r = source_resolve(s, tag, real, &text);

	if (r < 0 || strcmp(real, digest) == 0 || !manifest_lists(text.data, text.len, digest))
		return r == -ENOENT ? 0 : r;
	r = evidence_add_manifest(e, text.data, text.len);
	return r < 0 ? r : source_signatures(s, real, e);
}

/* Of an index: the manifest for this machine, signed by itself. */
static int take_platform(struct source *s, const char *digest, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX), inner = BUF_INIT(MANIFEST_MAX);
	CLEANUP(manifest_done) struct manifest m = {0};
	char real[DIGEST_SIZE];
	int r = source_resolve(s, digest, real, &text);

	if (r < 0 || manifest_parse(&m, text.data, text.len) < 0)
		return r == -ENOENT ? 0 : r;
	const struct descriptor *d = manifest_platform(&m);
	r = d ? source_resolve(s, d->digest, real, &inner) : -ENOENT;
	if (r == 0)
		r = evidence_add_manifest(e, inner.data, inner.len);
	if (r == 0)
		r = source_signatures(s, real, e);
	return r == -ENOENT ? 0 : r;
}

int source_evidence(struct source *s, const char *digest, const char *tag, struct trust_evidence *e)
{
	uint32_t before = e->signatures.count;
	int r = source_signatures(s, digest, e);

	if (r == 0 && tag && *tag)
		r = take_index(s, digest, tag, e);
	if (r == 0 && e->signatures.count == before)
		r = take_platform(s, digest, e);
	return r;
}

int source_manifests(struct source *s, const char *tag, char ret_digest[DIGEST_SIZE], struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX), inner = BUF_INIT(MANIFEST_MAX);
	CLEANUP(manifest_done) struct manifest m = {0};
	char digest[DIGEST_SIZE], real[DIGEST_SIZE];
	int r = source_resolve(s, tag, digest, &text);

	if (r == 0)
		r = evidence_add_manifest(e, text.data, text.len);
	if (r == 0)
		r = failed(s, manifest_parse(&m, text.data, text.len), "the manifest is malformed");
	const struct descriptor *d = r == 0 ? manifest_platform(&m) : NULL;
	if (d && source_resolve(s, d->digest, real, &inner) == 0)
		r = evidence_add_manifest(e, inner.data, inner.len);
	if (r == 0)
		snprintf(ret_digest, DIGEST_SIZE, "%s", digest);
	return r;
}

void source_image_done(struct source_image *i)
{
	struct str_list *const lists[] = {&i->digests, &i->layers};

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		for (uint32_t n = 0; n < lists[k]->count; n++)
			free(lists[k]->items[n]);
		free(lists[k]->items);
		*lists[k] = (struct str_list){0};
	}
}

/* The manifest of an image that is none of many platforms any more. */
static int read_image(struct source *s, const struct manifest *m, struct source_image *ret)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT(CONFIG_MAX);

	if (!m->config.digest)
		return failed(s, -EBADMSG, "the manifest names no configuration");
	snprintf(ret->id, sizeof(ret->id), "%s", m->config.digest);
	int r = get_blob(s, &m->config, &config);
	if (r == 0)
		r = config_layers(config.data, config.len, &ret->layers);
	return failed(s, r, "the image's configuration is malformed");
}

int source_image(struct source *s, const char *reference, struct source_image *ret, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX), inner_text = BUF_INIT(MANIFEST_MAX);
	CLEANUP(manifest_done) struct manifest m = {0}, inner = {0};
	char digest[DIGEST_SIZE];
	int r = source_resolve(s, reference, digest, &text);

	if (r == 0)
		r = str_list_add(&ret->digests, digest);
	if (r == 0)
		r = failed(s, manifest_parse(&m, text.data, text.len), "the manifest is malformed");
	if (r < 0 || !m.index)
		return r < 0 ? r : read_image(s, &m, ret);
	const struct descriptor *d = manifest_platform(&m);
	if (!d)
		return failed(s, -ENOTSUP, "the index has no manifest for this machine's platform");
	r = evidence_add_manifest(e, text.data, text.len);
	if (r == 0)
		r = source_resolve(s, d->digest, digest, &inner_text);
	if (r == 0)
		r = str_list_add(&ret->digests, digest);
	if (r == 0)
		r = failed(s, manifest_parse(&inner, inner_text.data, inner_text.len), "the manifest is malformed");
	if (r == 0 && inner.index)
		r = failed(s, -EBADMSG, "an index within an index");
	return r < 0 ? r : read_image(s, &inner, ret);
}

/* ---- signing ---- */

static void put_layer(struct buf *out, const struct buf *payload, const char *digest, const struct buf *signature)
{
	buf_printf(out, "{\"mediaType\":\"" MEDIA_SIGNATURE "\",\"size\":%zu,\"digest\":\"%s\",\"annotations\":{\"" ANNOTATION_SIGNATURE "\":\"",
		payload->len, digest);
	base64_encode(signature->data, signature->len, out);
	buf_puts(out, "\"}}");
}

/* The layers that are there already, as they are. */
static int put_old_layers(struct source *s, const char *tag, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX);
	CLEANUP(manifest_done) struct manifest m = {0};
	char digest[DIGEST_SIZE];
	int r = source_resolve(s, tag, digest, &text);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = failed(s, manifest_parse(&m, text.data, text.len), "the signatures that are there cannot be read");
	if (r == 0 && m.index)
		r = failed(s, -EBADMSG, "there is something else under the signatures' tag");
	if (r == 0 && m.count >= EVIDENCE_SIGNATURES_MAX)
		r = failed(s, -E2BIG, "there are 64 signatures already");
	for (const struct json *j = r == 0 ? json_first(json_get(m.json, "layers")) : NULL; j; j = json_next(j)) {
		json_print(j, out);
		buf_putc(out, ',');
	}
	return r;
}

/* The diff ids of a signature's configuration are the layers themselves. */
static int make_config(const struct buf *layers, struct buf *out)
{
	CLEANUP(json_free) struct json *list = NULL;
	int r = json_parse(&list, (char *)layers->data, layers->len, NULL);

	buf_puts(out, "{\"architecture\":\"\",\"created\":\"0001-01-01T00:00:00Z\",\"history\":[],\"os\":\"\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
	for (const struct json *j = json_first(list); j; j = json_next(j)) {
		json_put_sep(out);
		json_put_str(out, json_get_str(j, "digest", ""));
	}
	buf_puts(out, "]},\"config\":{}}");
	return r;
}

int source_sign(struct source *s, const char *digest, const struct buf *payload, const struct buf *signature)
{
	CLEANUP(buf_done) struct buf layers = BUF_INIT(MANIFEST_MAX), config = BUF_INIT(CONFIG_MAX), manifest = BUF_INIT(MANIFEST_MAX);
	char tag[DIGEST_SIZE + 8], payload_digest[DIGEST_SIZE], config_digest[DIGEST_SIZE] = "";

	reference_signature_tag(digest, tag, sizeof(tag));
	int r = digest_of(payload->data, payload->len, payload_digest);
	buf_putc(&layers, '[');
	if (r == 0)
		r = put_old_layers(s, tag, &layers);
	put_layer(&layers, payload, payload_digest, signature);
	buf_putc(&layers, ']');
	if (r == 0)
		r = layers.failed ? layers.failed : make_config(&layers, &config);
	if (r == 0)
		r = config.failed ? config.failed : digest_of(config.data, config.len, config_digest);
	if (r == 0)
		r = s->ops->put_blob(s, payload_digest, payload);
	if (r == 0)
		r = s->ops->put_blob(s, config_digest, &config);
	buf_printf(&manifest, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_MANIFEST "\",\"config\":{\"mediaType\":\"" MEDIA_CONFIG "\",\"size\":%zu,\"digest\":\"%s\"},\"layers\":",
		config.len, config_digest);
	if (layers.data)
		buf_put(&manifest, layers.data, layers.len);
	buf_putc(&manifest, '}');
	if (r == 0)
		r = manifest.failed ? manifest.failed : s->ops->put_manifest(s, tag, &manifest);
	return failed(s, r, "the signature cannot be written");
}
