/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What speaks for an image: signature objects, the indexes that its manifest is listed in, and
 * manifests that name its configuration, as collected from a registry, a layout or the local store. All of it is hostile until
 * evidence_check() has verified it with a key; nothing here is believed because of where it came from.
 */
#pragma once

#include "model/record.h"
#include "policy/gates.h"
#include "trust/key.h"
#include "trust/payload.h"

#define EVIDENCE_SIGNATURES_MAX 64
#define EVIDENCE_MANIFESTS_MAX 8
#define EVIDENCE_BYTES_MAX (1u << 20) /* all payloads and indexes together */
#define SIGNATURE_TEXT_MAX 4096	      /* base64 of an RSA signature of 16384 bits: 2732 */

struct signature_object {
	struct blob payload;
	char *signature; /* base64, as found */
};

/* The bytes of an index or manifest, so that whoever asks can see for himself what it lists and names. */
struct manifest_copy {
	struct blob manifest;
};

struct trust_evidence {
	struct record_list signatures; /* struct signature_object */
	struct record_list manifests;  /* struct manifest_copy */
};

extern const struct record_desc record_trust_evidence;

void evidence_done(struct trust_evidence *e);
static inline void evidence_done_cleanup_(struct trust_evidence *e)
{
	evidence_done(e);
}

/* Adds a copy unless it is there already. 0, -E2BIG when there is no more room, -ENOMEM. */
int evidence_add_signature(struct trust_evidence *e, const struct buf *payload, const char *signature);
int evidence_add_manifest(struct trust_evidence *e, const void *manifest, size_t n);
/* Adds all of `from`; what finds no room is left out, -ENOMEM. */
int evidence_merge(struct trust_evidence *e, const struct trust_evidence *from);
/* Whether it is within the limits above: for what was decoded. */
bool evidence_bounded(const struct trust_evidence *e);

/* What evidence_check() found. */
struct trust_finding {
	struct trust_payload payload; /* of the signature that is valid */
	bool by_index;		      /* the index that lists the manifest is what was signed */
	char why[256];		      /* not valid: the best reason there is, one sentence without dot */
};

/*
 * Whether a signature of the manifest `digest`, or of an index that lists it, is valid under the
 * key. 0; -ENOENT: there is none at all; -EKEYREJECTED: none that is valid, see ret->why.
 */
int evidence_check(const struct trust_evidence *e, const char *digest, const struct trust_key *key, struct trust_finding *ret);

/*
 * image_facts.signed_by; ctx is a struct trust_evidence. True when a manifest of the image passes
 * evidence_check(): one of its repo_digests, the digest in its name, its id (where that is one of a
 * manifest), or a manifest at hand whose configuration is the image's id.
 */
bool trust_signed_by(void *ctx, const char *key_pem, const struct image_facts *image);
