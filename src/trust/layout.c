/* SPDX-License-Identifier: Apache-2.0 */
/* OCI layouts: see layout.h. */
#include "trust/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "policy/image.h"
#include "policy/policy.h"
#include "trust/reference.h"

#define ENTRIES_MAX 1024

struct layout {
	struct source source;
	int dir;
	char path[4096];
	struct json *index;
};

static struct layout *layout_of(struct source *s)
{
	return container_of(s, struct layout, source);
}

/* A regular file below the directory; its names hold no "..". */
static int read_file(int dir, const char *name, struct buf *out)
{
	CLEANUP(fd_close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_all(fd, out);
}

static int read_index(struct layout *l, struct json **ret, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(LAYOUT_INDEX_MAX);
	CLEANUP(json_free) struct json *index = NULL;
	int r = read_file(l->dir, "index.json", &text), n = 0;

	if (r == 0)
		r = json_parse(&index, text.data ? (char *)text.data : "", text.len, reterr);
	for (const struct json *j = json_first(json_get(index, "manifests")); j && r == 0; j = json_next(j))
		r = ++n <= ENTRIES_MAX && digest_valid(json_get_str(j, "digest", NULL)) ? 0 : -EBADMSG;
	if (r == 0 && !json_is_array(json_get(index, "manifests")))
		r = -EBADMSG;
	if (r == 0)
		*ret = take_ptr(index);
	return r;
}

bool layout_is(const char *dir)
{
	char path[4096];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/index.json", dir) < (int)sizeof(path) && stat(path, &st) == 0;
}

/* ---- as a source ---- */

static int get_blob(struct source *s, const char *digest, struct buf *out)
{
	char name[128];

	if (!digest_valid(digest))
		return -ENOENT;
	snprintf(name, sizeof(name), "blobs/sha256/%s", strchr(digest, ':') + 1);
	return read_file(layout_of(s)->dir, name, out);
}

/* Whether an annotation is the tag, or a whole name with that tag. */
static bool is_named(const struct json *entry, const char *tag)
{
	const char *name = json_get_str(json_get(entry, "annotations"), ANNOTATION_NAME, NULL);
	const char *colon = name ? strrchr(name, ':') : NULL;

	return name && (strcmp(name, tag) == 0 || (colon && !strchr(colon, '/') && strcmp(colon + 1, tag) == 0));
}

static const struct json *find_entry(const struct layout *l, const char *tag)
{
	for (const struct json *j = json_first(json_get(l->index, "manifests")); j; j = json_next(j))
		if (is_named(j, tag))
			return j;
	return NULL;
}

static int get_manifest(struct source *s, const char *reference, struct buf *out)
{
	const struct json *entry = digest_valid(reference) ? NULL : find_entry(layout_of(s), reference);
	const char *digest = entry ? json_get_str(entry, "digest", "") : reference;
	int r = get_blob(s, digest, out);

	if (r == 0 && !digest_fits(digest, out->data, out->len))
		r = -EBADMSG;
	if (r == -EBADMSG)
		snprintf(s->why, sizeof(s->why), "a blob of the layout does not fit its name");
	return r;
}

/* All that is listed: whether it is a signature of the digest is seen by its payload. */
static int get_referrers(struct source *s, const char *digest, struct buf *out)
{
	json_print(layout_of(s)->index, out);
	return out->failed;
}

static int write_file(struct layout *l, const char *name, const struct buf *data)
{
	char path[8192];

	if (snprintf(path, sizeof(path), "%s/%s", l->path, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return file_write_atomic(path, data->data, data->len, 0644);
}

static int put_blob(struct source *s, const char *digest, const struct buf *data)
{
	char name[128];

	snprintf(name, sizeof(name), "blobs/sha256/%s", strchr(digest, ':') + 1);
	int r = write_file(layout_of(s), name, data);
	if (r < 0)
		snprintf(s->why, sizeof(s->why), "cannot write %s: %s", name, strerror(-r));
	return r;
}

/* The index with one more entry, and without the one that had the tag. */
static void make_index(const struct layout *l, const char *tag, const char *entry, struct buf *out)
{
	buf_puts(out, "{\"schemaVersion\":2");
	for (const struct json *j = json_first(l->index); j; j = json_next(j)) {
		if (strcmp(json_key(j), "schemaVersion") == 0 || strcmp(json_key(j), "manifests") == 0)
			continue;
		json_put_key(out, json_key(j));
		json_print(j, out);
	}
	buf_puts(out, ",\"manifests\":[");
	for (const struct json *j = json_first(json_get(l->index, "manifests")); j; j = json_next(j)) {
		if (is_named(j, tag))
			continue;
		json_put_sep(out);
		json_print(j, out);
	}
	json_put_sep(out);
	buf_printf(out, "%s]}", entry);
}

static int put_manifest(struct source *s, const char *tag, const struct buf *data)
{
	struct layout *l = layout_of(s);
	CLEANUP(buf_done) struct buf index = BUF_INIT(LAYOUT_INDEX_MAX);
	CLEANUP(json_free) struct json *now = NULL;
	char digest[DIGEST_SIZE], entry[512];
	int r = digest_of(data->data, data->len, digest);

	if (r == 0)
		r = put_blob(s, digest, data);
	/* Others may have written to the layout since it was opened. */
	if (r == 0)
		r = read_index(l, &now, NULL);
	if (r < 0)
		return r;
	json_free(l->index);
	l->index = take_ptr(now);
	snprintf(entry, sizeof(entry), "{\"mediaType\":\"" MEDIA_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu,\"annotations\":{\"" ANNOTATION_NAME "\":\"%s\"}}",
		digest, data->len, tag);
	make_index(l, tag, entry, &index);
	r = index.failed ? index.failed : write_file(l, "index.json", &index);
	if (r == 0)
		r = json_parse(&now, (char *)index.data, index.len, NULL);
	if (r == 0) {
		json_free(l->index);
		l->index = take_ptr(now);
	}
	if (r < 0)
		snprintf(s->why, sizeof(s->why), "cannot write index.json: %s", strerror(-r));
	return r;
}

static const struct source_ops layout_ops = {
	.manifest = get_manifest,
	.blob = get_blob,
	.referrers = get_referrers,
	.put_blob = put_blob,
	.put_manifest = put_manifest,
};

/* ---- life ---- */

int layout_open(struct layout **ret, const char *dir, struct diag *reterr)
{
	CLEANUP(layout_free) struct layout *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->source.ops = &layout_ops;
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = l->dir < 0 ? -errno : snprintf(l->path, sizeof(l->path), "%s", dir) < (int)sizeof(l->path) ? 0 : -ENAMETOOLONG;
	if (r == 0)
		r = read_index(l, &l->index, NULL);
	if (r < 0)
		return diag_set(reterr, r, 0, 0, "a directory with index.json and blobs/, as 'skopeo copy ... oci:DIR:TAG' makes",
			"'%.200s' is no OCI layout: %s", dir, strerror(-r));
	*ret = take_ptr(l);
	return 0;
}

struct layout *layout_free(struct layout *l)
{
	if (!l)
		return NULL;
	if (l->dir >= 0)
		fd_close(l->dir);
	json_free(l->index);
	free(l);
	return NULL;
}

struct source *layout_source(struct layout *l)
{
	return &l->source;
}

int layout_each(struct layout *l, layout_fn *fn, void *ctx)
{
	int r = 0;

	for (const struct json *j = json_first(json_get(l->index, "manifests")); j && r == 0; j = json_next(j)) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX);
		CLEANUP(manifest_done) struct manifest m = {0};
		const char *digest = json_get_str(j, "digest", "");

		r = get_manifest(&l->source, digest, &text);
		if (r == 0)
			r = manifest_parse(&m, text.data, text.len);
		if (r == 0)
			r = fn(ctx, digest, &text, &m);
		else if (r != -ENOMEM)
			r = 0; /* a broken entry spoils no other */
	}
	return r;
}

/* The entry that has this name, the more exact way first. */
static const struct json *find_image(const struct layout *l, const char *name)
{
	char wanted[IMAGE_NAME_MAX], listed[IMAGE_NAME_MAX];
	struct reference ref;

	image_canonical(name, wanted, sizeof(wanted));
	bool has_tag = reference_parse(name, &ref, NULL) == 0;
	for (int exactness = 0; exactness < 3; exactness++) {
		for (const struct json *j = json_first(json_get(l->index, "manifests")); j; j = json_next(j)) {
			const char *note = json_get_str(json_get(j, "annotations"), ANNOTATION_NAME, NULL);
			if (note && (exactness == 0   ? strcmp(note, name) == 0
					    : exactness == 1 ? strcmp(image_canonical(note, listed, sizeof(listed)), wanted) == 0
							     : has_tag && strcmp(note, ref.tag) == 0))
				return j;
		}
	}
	return NULL;
}

struct single {
	const struct layout *layout;
	char digest[DIGEST_SIZE];
	unsigned count;
	bool named;
};

static int take_single(void *ctx, const char *digest, const struct buf *text, const struct manifest *m)
{
	struct single *s = ctx;

	if (manifest_is_signature(m) || strcmp(s->digest, digest) == 0)
		return 0;
	snprintf(s->digest, sizeof(s->digest), "%s", digest);
	s->count++;
	for (const struct json *j = json_first(json_get(s->layout->index, "manifests")); j; j = json_next(j))
		if (strcmp(json_get_str(j, "digest", ""), digest) == 0)
			s->named |= json_get_str(json_get(j, "annotations"), ANNOTATION_NAME, NULL) != NULL;
	return 0;
}

int layout_find(struct layout *l, const char *name, char ret_digest[DIGEST_SIZE], struct diag *reterr)
{
	const struct json *entry = name ? find_image(l, name) : NULL;
	struct single single = {.layout = l};
	struct reference ref;

	if (entry || (name && reference_parse(name, &ref, NULL) == 0 && *ref.digest)) {
		snprintf(ret_digest, DIGEST_SIZE, "%s", entry ? json_get_str(entry, "digest", "") : ref.digest);
		return 0;
	}
	int r = layout_each(l, take_single, &single);
	if (r < 0)
		return r;
	if (single.count != 1 || (name && single.named))
		return diag_msg(reterr, -ENOENT, "none of the %u images of the layout is called '%.200s'", single.count, name ? name : "");
	snprintf(ret_digest, DIGEST_SIZE, "%s", single.digest);
	return 0;
}
