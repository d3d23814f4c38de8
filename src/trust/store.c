/* SPDX-License-Identifier: Apache-2.0 */
/* The local store of signatures: see store.h. */
#include "trust/store.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fd.h"

#define FILE_MAX (2u << 20)

static int file_of(const char *dir, const char *digest, char path[PATH_MAX])
{
	if (!digest_valid(digest))
		return -EINVAL;
	return snprintf(path, PATH_MAX, "%s/sha256-%s", dir, strchr(digest, ':') + 1) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int store_read(const char *dir, const char *digest, struct trust_evidence *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	CLEANUP(evidence_done) struct trust_evidence found = {0};
	char path[PATH_MAX];
	int r = file_of(dir, digest, path);

	if (r == 0)
		r = file_read(path, &text);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == 0)
		r = record_decode(&record_trust_evidence, &found, text.data ? text.data : (const uint8_t *)"", text.len);
	if (r == 0)
		r = evidence_bounded(&found) ? evidence_merge(e, &found) : -EBADMSG;
	return r;
}

int store_add(const char *dir, const char *digest, const struct trust_evidence *e)
{
	CLEANUP(evidence_done) struct trust_evidence all = {0};
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	char path[PATH_MAX];
	int r = file_of(dir, digest, path);

	if (r == 0)
		r = store_read(dir, digest, &all);
	/* A broken file is replaced. */
	if (r == 0 || r == -EBADMSG)
		r = evidence_merge(&all, e);
	if (r == 0)
		r = dir_make(dir, 0755);
	record_encode(&record_trust_evidence, &all, &text);
	if (r == 0)
		r = text.failed ? text.failed : file_write_atomic(path, text.data ? text.data : (const uint8_t *)"", text.len, 0644);
	return r;
}

/* ---- import ---- */

struct import {
	const char *dir;
	struct layout *layout;
	struct store_import *counts;
};

/* What an index says holds for each manifest in it: there they find the index with its signatures. */
static int add_children(struct import *i, const struct manifest *m, const struct trust_evidence *e)
{
	int r = 0;

	for (uint32_t k = 0; m->index && k < m->count && r == 0; k++)
		r = store_add(i->dir, m->items[k].digest, e);
	return r;
}

static int import_image(void *ctx, const char *digest, const struct buf *text, const struct manifest *m)
{
	struct import *i = ctx;
	CLEANUP(evidence_done) struct trust_evidence e = {0};

	if (manifest_is_signature(m))
		return 0;
	int r = source_signatures(layout_source(i->layout), digest, &e);
	if (r < 0 || e.signatures.count == 0)
		return r;
	i->counts->images++;
	i->counts->signatures += e.signatures.count;
	r = store_add(i->dir, digest, &e);
	if (r == 0 && m->index)
		r = evidence_add_manifest(&e, text->data, text->len);
	return r < 0 ? r : add_children(i, m, &e);
}

/* Signatures come also alone, without the image that they are about. */
static int import_signatures(void *ctx, const char *digest, const struct buf *text, const struct manifest *m)
{
	struct import *i = ctx;
	int r = 0;

	for (uint32_t k = 0; manifest_is_signature(m) && k < m->count && r == 0; k++) {
		CLEANUP(buf_done) struct buf payload = BUF_INIT(PAYLOAD_MAX), image = BUF_INIT(MANIFEST_MAX);
		CLEANUP(evidence_done) struct trust_evidence e = {0};
		struct source *s = layout_source(i->layout);
		struct trust_payload parsed;

		if (!m->items[k].signature || s->ops->blob(s, m->items[k].digest, &payload) < 0 ||
			payload_parse((char *)payload.data, payload.len, &parsed, NULL) < 0 ||
			s->ops->blob(s, parsed.digest, &image) == 0)
			continue;
		r = evidence_add_signature(&e, &payload, m->items[k].signature);
		if (r == 0)
			r = store_add(i->dir, parsed.digest, &e);
		i->counts->signatures++;
	}
	return r;
}

int store_import_layout(const char *dir, struct layout *l, struct store_import *ret, struct diag *reterr)
{
	struct import i = {.dir = dir, .layout = l, .counts = ret};

	*ret = (struct store_import){0};
	int r = layout_each(l, import_image, &i);
	if (r == 0)
		r = layout_each(l, import_signatures, &i);
	return r < 0 ? diag_msg(reterr, r, "cannot keep signatures in %s: %s", dir, strerror(-r)) : 0;
}
