/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signed the images that are here, asked of seawall-registry in the background, for what is said of
 * containers that run: a few questions at a time, each answer kept and asked for anew from time to time
 * as long as somebody wants it. What a creation waits for is not taken from here: see judge.h.
 */
#pragma once

#include "base/loop.h"
#include "trust/lookup.h"

struct signers;
struct signer; /* what is known of one image */

/* Something else is known of an image of this name than before. From the loop. */
typedef void signers_news_fn(void *ctx, const char *name);

/* registry: borrowed for good; NULL: nothing is ever known. */
int signers_new(struct signers **ret, struct loop *loop, struct registry_client *registry, signers_news_fn *fn, void *ctx);
struct signers *signers_free(struct signers *s);
CLEANUP_DEFINE(struct signers, signers_free)

/* Other keys: what was known is forgotten. NULL ok; both are borrowed until the next call. */
void signers_policy(struct signers *s, const struct policy *p);
/* What is known, borrowed until the loop turns; NULL: nothing yet, fn will tell. The image is borrowed
 * for the call. */
const struct signer *signers_find(struct signers *s, const struct image_facts *image);
/* image_facts.signed_by; ctx is a struct signer. */
bool signers_signed_by(void *ctx, const char *key_pem, const struct image_facts *image);
/* Why something may be missing, one sentence; NULL = nothing went wrong. */
const char *signer_trouble(const struct signer *s);
