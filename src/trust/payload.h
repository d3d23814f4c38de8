/* SPDX-License-Identifier: Apache-2.0 */
/* What a signature says: the "simple signing" JSON that cosign signs. */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "trust/digest.h"

#define PAYLOAD_MAX (64u << 10)
#define PAYLOAD_REFERENCE_MAX 512

struct trust_payload {
	char digest[DIGEST_SIZE];	       /* of the manifest that is signed */
	char reference[PAYLOAD_REFERENCE_MAX]; /* the name it was signed under; "" = none given */
};

/* Strict: each key that matters exactly once, of its type and form. -EBADMSG with a sentence. */
int payload_parse(const char *text, size_t n, struct trust_payload *ret, struct diag *reterr);
void payload_make(const struct trust_payload *p, struct buf *out);
