/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that every parser reads in the same way, or that is refused: for what somebody else reads too. */
#pragma once

#include "base/json.h"

/* Whether text is what a JSON parser may see here: see json_strict.c. 0, or -EBADMSG and a sentence of why. */
int json_strict(const char *text, size_t n, char *why, size_t size);
/* An exact key twice in one object: maps have no other sense of equality, and structs have it too. The tree
 * is of a text of that size which json_strict() took. 0, -EBADMSG, -ENOMEM. */
int json_keys_unique(const struct json *root, size_t text_size);
