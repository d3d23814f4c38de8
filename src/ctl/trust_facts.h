/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of an image when a trust rule is asked about it here: from the engine, a registry or
 * a layout, with the signatures that speak for it.
 */
#pragma once

#include "trust/layout.h"
#include "trust/reference.h"
#include "trust/remote.h"

#define FACTS_DEADLINE_MS 15000

struct trust_facts {
	char name[REFERENCE_TEXT_MAX]; /* canonical */
	char *id;
	struct str_list repo_digests; /* digests alone */
	struct str_list layers;
	struct trust_evidence evidence;
	const char *from;     /* "engine", "registry", "layout" */
	char trouble[512];    /* why signatures may be missing; "" = nothing */
	struct image_facts image; /* of all this, for the policy */
};

void trust_facts_done(struct trust_facts *f);
static inline void trust_facts_done_cleanup_(struct trust_facts *f)
{
	trust_facts_done(f);
}

/*
 * Fills *ret (zeroed). layout: a directory, or NULL: the engine, and where it has not the image its
 * registry. signatures: whether anybody will ask for them. -ENOENT: there is no such image; another
 * -errno; both with a sentence.
 */
int trust_facts_get(struct trust_facts *ret, const char *image, const char *layout, bool signatures, struct diag *reterr);

/* The repository of an image, as the environment has it: SEAWALL_INSECURE_REGISTRIES,
 * SEAWALL_REGISTRY_USER, SEAWALL_REGISTRY_PASSWORD. */
int trust_remote_open(struct remote **ret, const struct reference *ref, bool push);
/* Directory of imported signatures. out: PATH_MAX bytes; returns out. */
const char *trust_store_dir(char *out);
