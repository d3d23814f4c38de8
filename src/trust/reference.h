/* SPDX-License-Identifier: Apache-2.0 */
/* An image name taken apart by the grammar of the distribution specification, for asking a registry. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "trust/digest.h"

#define REFERENCE_NAME_MAX 255 /* registry and repository together, as Docker has it */
#define REFERENCE_TEXT_MAX 512

struct reference {
	char registry[REFERENCE_NAME_MAX + 1];	 /* "docker.io", "127.0.0.1:5000" */
	char repository[REFERENCE_NAME_MAX + 1]; /* "library/nginx" */
	char tag[129];				 /* "" = none */
	char digest[DIGEST_SIZE];		 /* "" = none */
};

/* Any name that users write; short ones are Docker Hub's. -EINVAL with a sentence. */
int reference_parse(const char *name, struct reference *ret, struct diag *reterr);
/* "docker.io/library/nginx" into out; returns out. */
const char *reference_name(const struct reference *r, char *out, size_t size);
/* The tag under which cosign puts signatures of a digest: "sha256-HEX.sig". Returns out. */
const char *reference_signature_tag(const char *digest, char *out, size_t size);
/* Whether the registry is this host itself by its name: 127.0.0.0/8, ::1, localhost. */
bool registry_is_loopback(const char *registry);
