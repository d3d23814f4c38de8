/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place where images and their signatures lie: a repository of a registry (remote.h) or an OCI
 * layout directory (layout.h). What is asked of it is the same for both, and what it hands out is
 * checked here against the digest that was asked for.
 */
#pragma once

#include "trust/evidence.h"
#include "trust/manifest.h"

#define CONFIG_MAX (2u << 20) /* bytes of an image's configuration */

struct source;

/* All: 0, -ENOENT: there is none; another -errno with a sentence in source->why. */
struct source_ops {
	/* Appends the manifest of a tag or digest. */
	int (*manifest)(struct source *s, const char *reference, struct buf *out);
	int (*blob)(struct source *s, const char *digest, struct buf *out);
	/* Appends an index of manifests that may hold signatures of the digest. */
	int (*referrers)(struct source *s, const char *digest, struct buf *out);
	int (*put_blob)(struct source *s, const char *digest, const struct buf *data);
	int (*put_manifest)(struct source *s, const char *tag, const struct buf *data);
};

struct source {
	const struct source_ops *ops;
	char why[256]; /* of the last failure, for people */
};

/* The digest of the manifest under a tag or digest, and its bytes. -ENOENT. */
int source_resolve(struct source *s, const char *reference, char ret_digest[DIGEST_SIZE], struct buf *out);
/* Adds every signature object of the digest. 0 also when there is none. */
int source_signatures(struct source *s, const char *digest, struct trust_evidence *e);
/*
 * Adds all that speaks for the image: the signatures of the digest; when `tag` (nullable) names an
 * index that lists it, that index and its signatures; and when the digest is itself an index without
 * a signature, the manifest for this machine's platform and its signatures.
 */
int source_evidence(struct source *s, const char *digest, const char *tag, struct trust_evidence *e);
/*
 * The digest that the tag leads to; adds its manifest, and of an index the one for this machine: by
 * them an image of which only the id is known can be told.
 */
int source_manifests(struct source *s, const char *tag, char ret_digest[DIGEST_SIZE], struct trust_evidence *e);

/* What an image is, by its manifest. Owned. */
struct source_image {
	char id[DIGEST_SIZE];	 /* of its configuration */
	struct str_list digests; /* its manifest; when it was found through an index, that first */
	struct str_list layers;	 /* diff ids, base first */
};

void source_image_done(struct source_image *i);
static inline void source_image_done_cleanup_(struct source_image *i)
{
	source_image_done(i);
}
/* Follows an index to this machine's platform, and adds the index to `e`. */
int source_image(struct source *s, const char *reference, struct source_image *ret, struct trust_evidence *e);

/* Adds a signature object to those of the digest and puts them under cosign's tag. */
int source_sign(struct source *s, const char *digest, const struct buf *payload, const struct buf *signature);
