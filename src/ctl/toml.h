/* SPDX-License-Identifier: Apache-2.0 */
/* The little of TOML that is read here: names and plain texts. What has escapes is none of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TOML_PARTS_MAX 12
#define TOML_PART_MAX 128

/* A dotted name, quotes taken off. */
struct toml_name {
	char parts[TOML_PARTS_MAX][TOML_PART_MAX];
	int count;
};

/* Reads a dotted name up to `close`; returns what follows that, or NULL. */
const char *toml_read_name(const char *p, const char *end, char close, struct toml_name *ret);
/* The text in quotes of `key = "value"`, from behind the '='; false = something else. */
bool toml_read_text(const char *p, const char *end, char *out, size_t size);
