/* SPDX-License-Identifier: Apache-2.0 */
/* Key files into policies: see policy_keys.h. */
#include "ctl/policy_keys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "policy/document.h"
#include "trust/key.h"

static const char pem_begin[] = "-----BEGIN ";

/* Where in the text a place is; columns count characters. */
static size_t offset_of(const struct buf *text, uint32_t line, uint32_t column)
{
	const char *p = (const char *)text->data, *end = p + text->len;

	while (line > 1 && p < end)
		line -= *p++ == '\n';
	while (column > 1 && p < end) {
		p++;
		while (p < end && (*p & 0xc0) == 0x80)
			p++;
		column--;
	}
	return (size_t)(p - (const char *)text->data);
}

static int refuse(const struct node *n, const struct diag *why, const char *path, struct diag *reterr)
{
	return diag_set(reterr, -EINVAL, n->line, n->column, why->expected, "key '%.200s': %.200s", path, why->message);
}

/* The key behind a value: its file's content into out, or nothing when the value is a key itself. */
static int read_key(const struct node *n, const char *file, struct buf *out, struct diag *reterr)
{
	CLEANUP(trust_key_free) struct trust_key *key = NULL;
	const char *slash = strrchr(file, '/'), *value = n->text;
	struct diag why = {0};
	char path[PATH_MAX];

	if (str_has_prefix(value, pem_begin)) {
		int r = trust_key_new(&key, value, strlen(value), &why);
		return r == -EINVAL ? diag_set(reterr, r, n->line, n->column, why.expected, "%.400s", why.message) : r;
	}
	int len = snprintf(path, sizeof(path), "%.*s%s", *value == '/' || !slash ? 0 : (int)(slash - file + 1), file, value);
	int r = len < (int)sizeof(path) ? file_read(path, out) : -ENAMETOOLONG;
	if (r < 0 && r != -ENOMEM) {
		diag_set(&why, r, 0, 0, "the file of a public key, relative to the policy's", "cannot be read: %s", strerror(-r));
		return refuse(n, &why, value, reterr);
	}
	if (r == 0)
		r = trust_key_new(&key, out->data ? (char *)out->data : "", out->len, &why);
	return r == -EINVAL ? refuse(n, &why, value, reterr) : r;
}

/* The text with one value replaced by a quoted string, which is right in YAML and in JSON. */
static int replace(struct buf *text, const struct node *n, const struct buf *key)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(text->max);
	size_t from = offset_of(text, n->line, n->column), to = offset_of(text, n->end_line, n->end_column);

	buf_put(&all, text->data, from);
	json_put_strn(&all, (const char *)key->data, key->len);
	buf_put(&all, text->data + to, text->len - to);
	if (all.failed)
		return all.failed;
	struct buf old = *text;
	*text = all;
	all = old;
	return 0;
}

/* From the last to the first, so that the places of those before stay right. */
static int inline_before(struct buf *text, const struct node *item, const char *file, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT(KEY_PEM_MAX);
	const struct node *n = node_get(item, "key");
	int r = 0;

	if (n && n->kind == NODE_TEXT)
		r = read_key(n, file, &key, reterr);
	if (r == 0 && key.len)
		r = replace(text, n, &key);
	return r;
}

#define KEYS_MAX 1024

/* Every entry of `signatures`, in the order of the text. */
static size_t collect(const struct document *d, const struct node *items[KEYS_MAX])
{
	size_t n = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		const struct node *groups = node_get(node_get(d->roots[i], "trust"), "groups");
		for (const struct node *g = groups && groups->kind == NODE_LIST ? groups->first : NULL; g; g = g->next) {
			const struct node *list = node_get(g, "signatures");
			for (const struct node *s = list && list->kind == NODE_LIST ? list->first : NULL; s && n < KEYS_MAX; s = s->next)
				items[n++] = s;
		}
	}
	return n;
}

int policy_keys_inline(struct buf *text, const char *file, struct diag *reterr)
{
	CLEANUP(document_free) struct document *d = NULL;
	CLEANUP(buf_done) struct buf copy = BUF_INIT(text->max);
	const struct node *items[KEYS_MAX];
	int r = 0;

	if (text->len && memmem(text->data, text->len, "signatures", 10))
		r = document_parse(&d, (const char *)text->data, text->len);
	if (r < 0 || !d || d->broken)
		return r;
	buf_put(&copy, text->data, text->len);
	r = copy.failed;
	for (size_t n = collect(d, items); n > 0 && r == 0; n--)
		r = inline_before(&copy, items[n - 1], file, reterr);
	if (r == -E2BIG)
		r = diag_set(reterr, -EINVAL, 1, 1, "at most 4 MiB", "the policy is too large with its keys in it");
	if (r < 0) {
		if (reterr)
			snprintf(reterr->file, sizeof(reterr->file), "%s", file);
		return r;
	}
	struct buf old = *text;
	*text = copy;
	copy = old;
	return 0;
}
