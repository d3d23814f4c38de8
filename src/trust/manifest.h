/* SPDX-License-Identifier: Apache-2.0 */
/* Image manifests and indexes, of OCI and of Docker: what is needed of them, with limits. */
#pragma once

#include "base/json.h"
#include "trust/digest.h"

#define MANIFEST_MAX (512u << 10)
#define MANIFEST_ITEMS_MAX 512

#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_SIGNATURE "application/vnd.dev.cosign.simplesigning.v1+json"
#define ANNOTATION_SIGNATURE "dev.cosignproject.cosign/signature"
#define ANNOTATION_NAME "org.opencontainers.image.ref.name"

/* One entry of `manifests` or `layers`. Borrowed from the manifest. */
struct descriptor {
	const char *media_type, *digest; /* digest: a valid one */
	uint64_t size;
	const char *os, *architecture;	 /* of an index; "" = not said */
	const char *signature;		 /* of a signature object's layer, else NULL */
	const char *name;		 /* of an index: annotation ref.name, else NULL */
};

struct manifest {
	struct json *json;
	bool index;
	struct descriptor config; /* of no index; digest NULL = none */
	struct descriptor *items; /* manifests of an index, layers otherwise */
	uint32_t count;
};

/* -EBADMSG: no manifest, or over the limits. */
int manifest_parse(struct manifest *ret, const void *data, size_t n);
void manifest_done(struct manifest *m);
static inline void manifest_done_cleanup_(struct manifest *m)
{
	manifest_done(m);
}

/* Whether these bytes are an index that lists the digest. */
bool manifest_lists(const void *data, size_t n, const char *digest);
bool manifest_is_signature(const struct manifest *m); /* has layers of cosign's type */
/* Of an index: the manifest for this machine's platform, else the only one there is, else NULL. */
const struct descriptor *manifest_platform(const struct manifest *m);
/* Adds the diff ids of an image configuration to `ret`, base first. -EBADMSG. */
struct str_list;
int config_layers(const void *data, size_t n, struct str_list *ret);
