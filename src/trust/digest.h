/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of contents, "sha256:" and 64 lower-case digits, and base64: the two texts of bytes. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

#define DIGEST_SIZE 72 /* with its terminator */

bool digest_valid(const char *text); /* NULL: no */
/* The digest of n bytes into out; -EIO when the library fails. */
int digest_of(const void *p, size_t n, char out[DIGEST_SIZE]);
/* Whether the n bytes have this digest. */
bool digest_fits(const char *digest, const void *p, size_t n);

/* Standard alphabet, padded; line breaks and blanks at the ends only. -EBADMSG, or out->failed. */
int base64_decode(const char *text, size_t n, struct buf *out);
void base64_encode(const void *p, size_t n, struct buf *out);
