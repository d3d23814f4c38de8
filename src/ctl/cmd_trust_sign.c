/* SPDX-License-Identifier: Apache-2.0 */
/* seawall trust sign, import: signature objects into registries, layouts and the local store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/parse.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/trust_facts.h"
#include "trust/store.h"

/* Where the image to sign is, and under which name it is signed. */
struct target {
	struct layout *layout;
	struct remote *remote;
	struct source *source; /* of one of the two */
	char digest[DIGEST_SIZE];
	char name[REFERENCE_TEXT_MAX];
};

static void target_done_cleanup_(struct target *t)
{
	layout_free(t->layout);
	remote_free(t->remote);
}

/* "oci:DIR[:TAG]", "DIR" or "DIR:TAG"; false: not a layout. */
static bool split_layout(const char *text, char dir[PATH_MAX], const char **ret_tag)
{
	bool sure = str_has_prefix(text, "oci:");

	if (sure)
		text += strlen("oci:");
	*ret_tag = NULL;
	snprintf(dir, PATH_MAX, "%s", text);
	char *colon = strrchr(dir, ':');
	if (!layout_is(dir) && colon && !strchr(colon, '/')) {
		*colon = 0;
		*ret_tag = text + (colon - dir) + 1;
	}
	return sure || layout_is(dir);
}

static int open_layout(struct target *t, const char *dir, const char *name, struct diag *reterr)
{
	struct reference ref;
	int r = layout_open(&t->layout, dir, reterr);

	if (r == 0)
		r = layout_find(t->layout, name, t->digest, reterr);
	if (r < 0)
		return r;
	t->source = layout_source(t->layout);
	/* A bare tag says nothing about whose image it is. */
	if (name && strpbrk(name, "/:") && reference_parse(name, &ref, NULL) == 0)
		reference_name(&ref, t->name, sizeof(t->name));
	return 0;
}

static int open_registry(struct target *t, const char *image, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf manifest = BUF_INIT(MANIFEST_MAX);
	struct reference ref;
	int r = reference_parse(image, &ref, reterr);

	if (r == 0)
		r = trust_remote_open(&t->remote, &ref, true);
	if (r < 0)
		return r;
	t->source = remote_source(t->remote);
	reference_name(&ref, t->name, sizeof(t->name));
	r = source_resolve(t->source, *ref.digest ? ref.digest : ref.tag, t->digest, &manifest);
	if (r == -ENOENT)
		return diag_msg(reterr, r, "the registry has no image '%.200s' (push it first: a signature is of what is there)", image);
	return r < 0 ? diag_msg(reterr, r, "cannot read '%.200s': %.250s", image, *t->source->why ? t->source->why : strerror(-r)) : 0;
}

static int target_open(struct target *t, struct call *c, struct diag *reterr)
{
	const char *tag, *layout = call_value(c, "layout");
	char dir[PATH_MAX];

	if (layout)
		return open_layout(t, layout, c->args[0], reterr);
	if (split_layout(c->args[0], dir, &tag))
		return open_layout(t, dir, tag, reterr);
	return open_registry(t, c->args[0], reterr);
}

static int make_signature(struct call *c, const struct target *t, struct buf *payload, struct buf *signature, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT(KEY_PEM_MAX);
	const char *file = call_value(c, "key");
	struct trust_payload what = {0};
	int r = file_read(file, &key);

	if (r < 0)
		return diag_msg(reterr, r, "cannot read the key '%.200s': %s", file, strerror(-r));
	snprintf(what.digest, sizeof(what.digest), "%s", t->digest);
	snprintf(what.reference, sizeof(what.reference), "%s", t->name);
	payload_make(&what, payload);
	r = payload->failed ? payload->failed : trust_key_sign(key.data ? (char *)key.data : "", key.len, payload, signature, reterr);
	if (key.data)
		explicit_bzero(key.data, key.len);
	return r;
}

int cmd_trust_sign(struct call *c)
{
	__attribute__((cleanup(target_done_cleanup_))) struct target t = {0};
	CLEANUP(buf_done) struct buf payload = BUF_INIT(PAYLOAD_MAX), signature = BUF_INIT(SIGNATURE_TEXT_MAX);
	struct diag diag = {0};
	char tag[DIGEST_SIZE + 8];

	if (!call_value(c, "key"))
		return cannot_say("'trust sign' needs --key FILE, an unencrypted PEM private key");
	int r = target_open(&t, c, &diag);
	if (r < 0) {
		cannot(&diag);
		return r == -ENOENT ? CTL_NO : CTL_CANNOT;
	}
	r = make_signature(c, &t, &payload, &signature, &diag);
	if (r < 0)
		return cannot(&diag);
	r = source_sign(t.source, t.digest, &payload, &signature);
	if (r < 0)
		return cannot_say("cannot write the signature: %s", *t.source->why ? t.source->why : strerror(-r));
	reference_signature_tag(t.digest, tag, sizeof(tag));
	if (!c->json) {
		printf("signed %s (signature under the tag %s)\n", t.digest, tag);
		return CTL_DONE;
	}
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	buf_puts(&b, "{\"image\":");
	json_put_str(&b, c->args[0]);
	buf_printf(&b, ",\"digest\":\"%s\",\"tag\":\"%s\"}", t.digest, tag);
	puts(b.failed ? "{}" : (char *)b.data);
	return CTL_DONE;
}

int cmd_trust_import(struct call *c)
{
	CLEANUP(layout_free) struct layout *l = NULL;
	struct store_import counts;
	struct diag diag = {0};
	char dir[PATH_MAX], path[PATH_MAX];
	const char *tag;

	split_layout(c->args[0], dir, &tag);
	if (layout_open(&l, dir, &diag) < 0 || store_import_layout(trust_store_dir(path), l, &counts, &diag) < 0)
		return cannot(&diag);
	if (c->json)
		printf("{\"images\":%u,\"signatures\":%u}\n", counts.images, counts.signatures);
	else
		printf("%u signatures, %u of images that are in the layout too\n", counts.signatures, counts.images);
	return counts.signatures ? CTL_DONE : CTL_NO;
}
