/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are: the state directory and the programs that belong together. */
#pragma once

#include <limits.h>
#include <stddef.h>

#include "base/diag.h"

#define STATE_URL "https://127.0.0.1:8083"
#define STATE_LISTEN "127.0.0.1:8083"

/* $SEAWALL_STATE made absolute, without making it. out: PATH_MAX bytes. Returns out. */
const char *state_dir(char *out);
/* state_dir()/name. out: PATH_MAX bytes. Returns out. */
const char *state_path(const char *name, char *out);
/* $SEAWALL_URL, or https:// of $SEAWALL_LISTEN, or the default; without a slash at the end. */
const char *state_url(char *out, size_t size);

/*
 * Full path of a program of ours: beside this one, elsewhere in the build tree, or under
 * libexec/seawall. 0 or -ENOENT with a sentence.
 */
int program_find(const char *name, char *out, struct diag *reterr);
