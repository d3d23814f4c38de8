/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about an image: see trust_facts.h. */
#include "ctl/trust_facts.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "ctl/engine_ask.h"
#include "ctl/state.h"
#include "policy/policy.h"
#include "trust/store.h"

#define ENGINE_SOCKET "/var/run/docker.sock"
#define ENGINE_MS 5000
#define INSPECT_MAX (4u << 20)

void trust_facts_done(struct trust_facts *f)
{
	free(f->id);
	str_list_done(&f->repo_digests);
	str_list_done(&f->layers);
	evidence_done(&f->evidence);
	*f = (struct trust_facts){0};
}

const char *trust_store_dir(char *out)
{
	return state_path("registry/signatures", out);
}

int trust_remote_open(struct remote **ret, const struct reference *ref, bool push)
{
	struct remote_config config = {
		.ca_file = getenv("SSL_CERT_FILE"),
		.insecure = getenv("SEAWALL_INSECURE_REGISTRIES"),
		.user = getenv("SEAWALL_REGISTRY_USER"),
		.password = getenv("SEAWALL_REGISTRY_PASSWORD"),
		.deadline = time_monotonic() + FACTS_DEADLINE_MS * NSEC_PER_MSEC,
		.push = push,
	};

	return remote_new(ret, ref, &config);
}

/* ---- the engine ---- */

/* Characters that mean something in a URL are escaped, but for those of image names. */
static void put_escaped(struct buf *b, const char *name)
{
	for (const char *p = name; *p; p++) {
		if (strchr("/:@._-", *p) || (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
			buf_putc(b, *p);
		else
			buf_printf(b, "%%%02X", (unsigned char)*p);
	}
}

/* The engine's answer to an inspect. -ENOENT: it has no such image, or there is no engine. */
static int inspect(const char *image, struct buf *out)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	const char *host = getenv("DOCKER_HOST");

	buf_puts(&path, "/images/");
	put_escaped(&path, image);
	buf_puts(&path, "/json");
	if (path.failed)
		return -ENOENT;
	struct engine_ask q = {.host = host && *host ? host : ENGINE_SOCKET, .path = (char *)path.data, .timeout_ms = ENGINE_MS};
	return engine_ask(&q, out) == 200 ? 0 : -ENOENT;
}

/* What registries and the store say about one digest of the engine's. Trouble is kept, not fatal. */
static int take_evidence(struct trust_facts *f, const char *repo_digest)
{
	CLEANUP(remote_free) struct remote *remote = NULL;
	CLEANUP(evidence_done) struct trust_evidence found = {0};
	struct reference ref, asked;
	char path[PATH_MAX], theirs[REFERENCE_TEXT_MAX], ours[REFERENCE_TEXT_MAX];

	if (reference_parse(repo_digest, &ref, NULL) < 0 || !*ref.digest)
		return 0;
	int r = store_read(trust_store_dir(path), ref.digest, &found);
	if (r == 0 && found.signatures.count == 0) {
		/* The tag may lead to an index that was signed as a whole. */
		bool same = reference_parse(f->name, &asked, NULL) == 0 &&
			    strcmp(reference_name(&asked, ours, sizeof(ours)), reference_name(&ref, theirs, sizeof(theirs))) == 0;
		r = trust_remote_open(&remote, &ref, false);
		if (r == 0)
			r = source_evidence(remote_source(remote), ref.digest, same ? asked.tag : NULL, &found);
	}
	if (r < 0 && r != -ENOMEM)
		snprintf(f->trouble, sizeof(f->trouble), "signatures of %.200s cannot be had: %.250s", repo_digest,
			remote && *remote_source(remote)->why ? remote_source(remote)->why : strerror(-r));
	return r == -ENOMEM ? r : evidence_merge(&f->evidence, &found);
}

/*
 * An image without digests (built here, or loaded from an archive) may be what its name leads to in
 * the registry: then that manifest names its id.
 */
static int take_by_name(struct trust_facts *f)
{
	CLEANUP(remote_free) struct remote *remote = NULL;
	struct reference ref;
	char path[PATH_MAX], digest[DIGEST_SIZE];

	if (reference_parse(f->name, &ref, NULL) < 0 || !*ref.tag)
		return 0;
	int r = trust_remote_open(&remote, &ref, false);
	if (r == 0)
		r = source_manifests(remote_source(remote), ref.tag, digest, &f->evidence);
	if (r == 0)
		r = store_read(trust_store_dir(path), digest, &f->evidence);
	if (r == 0 && f->evidence.signatures.count == 0)
		r = source_evidence(remote_source(remote), digest, NULL, &f->evidence);
	return r == -ENOMEM ? r : 0;
}

static int from_engine(struct trust_facts *f, const char *image, bool signatures)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(INSPECT_MAX);
	CLEANUP(json_free) struct json *root = NULL;
	int r = inspect(image, &body);

	if (r == 0)
		r = json_parse(&root, body.data ? (char *)body.data : "", body.len, NULL);
	if (r < 0)
		return r;
	f->from = "engine";
	r = str_set(&f->id, json_get_str(root, "Id", NULL));
	for (const struct json *j = json_first(json_path(root, "RootFS.Layers")); j && r == 0; j = json_next(j))
		r = str_list_add(&f->layers, json_str(j, ""));
	for (const struct json *j = json_first(json_get(root, "RepoDigests")); j && r == 0; j = json_next(j)) {
		const char *at = strchr(json_str(j, ""), '@');
		if (!at || !digest_valid(at + 1))
			continue;
		r = str_list_add(&f->repo_digests, at + 1);
		if (r == 0 && signatures)
			r = take_evidence(f, json_str(j, ""));
	}
	if (r == 0 && signatures && f->repo_digests.count == 0)
		r = take_by_name(f);
	return r;
}

/* ---- registries and layouts ---- */

static int take_image(struct trust_facts *f, struct source *s, const char *reference, const char *tag, bool signatures)
{
	CLEANUP(source_image_done) struct source_image image = {0};
	int r = source_image(s, reference, &image, &f->evidence);

	if (r == 0)
		r = str_set(&f->id, image.id);
	for (uint32_t i = 0; i < image.digests.count && r == 0 && signatures; i++)
		r = source_evidence(s, image.digests.items[i], tag, &f->evidence);
	f->repo_digests = image.digests;
	image.digests = (struct str_list){0};
	f->layers = image.layers;
	image.layers = (struct str_list){0};
	return r;
}

static int say(struct source *s, int r, const char *image, struct diag *reterr)
{
	if (r == -ENOENT)
		return diag_msg(reterr, r, "there is no image '%.200s'", image);
	return r < 0 ? diag_msg(reterr, r, "cannot read '%.200s': %.250s", image, *s->why ? s->why : strerror(-r)) : 0;
}

static int from_layout(struct trust_facts *f, const char *image, const char *dir, bool signatures, struct diag *reterr)
{
	CLEANUP(layout_free) struct layout *l = NULL;
	struct reference ref;
	char digest[DIGEST_SIZE];
	int r = layout_open(&l, dir, reterr);

	if (r == 0)
		r = layout_find(l, image, digest, reterr);
	if (r < 0)
		return r;
	f->from = "layout";
	bool named = reference_parse(image, &ref, NULL) == 0;
	return say(layout_source(l), take_image(f, layout_source(l), digest, named ? ref.tag : NULL, signatures), image, reterr);
}

static int from_registry(struct trust_facts *f, const char *image, bool signatures, struct diag *reterr)
{
	CLEANUP(remote_free) struct remote *remote = NULL;
	char path[PATH_MAX];
	struct reference ref;
	int r = reference_parse(image, &ref, reterr);

	if (r == 0)
		r = trust_remote_open(&remote, &ref, false);
	if (r < 0)
		return r;
	f->from = "registry";
	r = take_image(f, remote_source(remote), *ref.digest ? ref.digest : ref.tag, ref.tag, signatures);
	for (uint32_t i = 0; i < f->repo_digests.count && r == 0 && signatures; i++)
		r = store_read(trust_store_dir(path), f->repo_digests.items[i], &f->evidence);
	return say(remote_source(remote), r, image, reterr);
}

int trust_facts_get(struct trust_facts *ret, const char *image, const char *layout, bool signatures, struct diag *reterr)
{
	int r;

	if (strlen(image) >= REFERENCE_TEXT_MAX - 32)
		return diag_msg(reterr, -EINVAL, "the image name is too long");
	image_canonical(image, ret->name, sizeof(ret->name));
	if (layout) {
		r = from_layout(ret, image, layout, signatures, reterr);
	} else {
		r = from_engine(ret, image, signatures);
		if (r == -ENOENT)
			r = from_registry(ret, image, signatures, reterr);
		else if (r < 0)
			diag_msg(reterr, r, "the engine's answer cannot be read: %s", strerror(-r));
	}
	ret->image = (struct image_facts){
		.name = ret->name,
		.id = ret->id,
		.repo_digests = &ret->repo_digests,
		.layers = &ret->layers,
		.signed_by = trust_signed_by,
		.ctx = &ret->evidence,
	};
	return r;
}
