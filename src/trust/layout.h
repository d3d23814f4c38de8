/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/sha256/`. Made by
 * skopeo, umoci, `cosign save`, docker buildx. Nothing outside the directory is read, by symlinks
 * neither.
 */
#pragma once

#include "trust/source.h"

#define LAYOUT_INDEX_MAX (4u << 20)

struct layout;

/* -errno with a sentence: no layout. */
int layout_open(struct layout **ret, const char *dir, struct diag *reterr);
struct layout *layout_free(struct layout *l);
CLEANUP_DEFINE(struct layout, layout_free)
struct source *layout_source(struct layout *l);

/*
 * The digest under which the layout lists an image: `name` is an annotated name, one that means the
 * same, one with an annotated tag, or one with a digest. NULL, or a layout whose images have no names:
 * the only image that is no signature. -ENOENT with a sentence.
 */
int layout_find(struct layout *l, const char *name, char ret_digest[DIGEST_SIZE], struct diag *reterr);
/* Called for each manifest and index that is listed. Negative ends with it. */
typedef int layout_fn(void *ctx, const char *digest, const struct buf *text, const struct manifest *m);
int layout_each(struct layout *l, layout_fn *fn, void *ctx);
/* Whether the directory looks like a layout. */
bool layout_is(const char *dir);
