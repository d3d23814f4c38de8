/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one pattern form of scopes, paths and names: literal text with `*` leading and/or trailing;
 * compared without regard to ASCII case when asked. A `*` elsewhere is an error.
 */
#pragma once

#include <stdbool.h>

/* 0, or -EINVAL: empty, or `*` in the middle. */
int pattern_check(const char *pattern);
bool pattern_match(const char *pattern, const char *text, bool ignore_case);
