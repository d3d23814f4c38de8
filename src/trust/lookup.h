/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that speaks for one image, asked of seawall-registry: for each of its digests, or, where it has
 * none, for what its name leads to. On the loop, within one deadline.
 */
#pragma once

#include "trust/digest.h"
#include "trust/registry_client.h"

#define LOOKUP_DIGESTS_MAX 8

struct trust_lookup;

struct trust_lookup_result {
	struct trust_evidence evidence; /* for image_facts.ctx of trust_signed_by() */
	char digest[DIGEST_SIZE]; /* of what the name leads to; "": it was asked for by digests, or there is none */
	int error;	 /* 0, or why something may be missing: -ETIMEDOUT, -EHOSTUNREACH, -EACCES, ... */
	char why[256];	 /* of it, one sentence */
};

typedef void trust_lookup_fn(void *ctx, const struct trust_lookup_result *r);

/*
 * Asks; fn comes once, from the loop, and may free the lookup. The image is borrowed for the call only:
 * its name and repo_digests are looked at. -EINVAL: there is nothing to ask for; -errno of
 * registry_client_ask() when nobody could be asked: fn is not called then.
 */
int trust_lookup_start(struct trust_lookup **ret, struct registry_client *c, const struct image_facts *image, uint32_t deadline_ms,
	trust_lookup_fn *fn, void *ctx);
/* Before the callback: it will not come. NULL ok. */
struct trust_lookup *trust_lookup_free(struct trust_lookup *l);
CLEANUP_DEFINE(struct trust_lookup, trust_lookup_free)
