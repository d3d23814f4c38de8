/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to the JSON library. Reading: a tree with limits and typed getters. Writing: text
 * straight into a buf, no tree. Strings of containers and clients are escaped here: control
 * characters and invalid UTF-8 (replaced by U+FFFD) never leave as they came.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

struct json; /* a node; borrowed from its root unless said otherwise */

/* Parses n bytes (at most 64 nested levels). -EBADMSG with line and column in reterr, -ENOMEM. */
int json_parse(struct json **ret, const char *text, size_t n, struct diag *reterr);
struct json *json_free(struct json *root);
CLEANUP_DEFINE(struct json, json_free)

/* Members and items: NULL when absent, or when `j` is NULL or of another type. */
const struct json *json_get(const struct json *j, const char *key);
const struct json *json_path(const struct json *j, const char *dotted); /* "HostConfig.Memory" */
const struct json *json_first(const struct json *j); /* first item/member of an array/object */
const struct json *json_next(const struct json *j);
const char *json_key(const struct json *j); /* of an object's member */
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
bool json_is_number(const struct json *j);
bool json_is_null(const struct json *j);

/* Value or the given default when absent or of another type. */
const char *json_str(const struct json *j, const char *otherwise);
int64_t json_int(const struct json *j, int64_t otherwise);
double json_double(const struct json *j, double otherwise);
bool json_bool(const struct json *j, bool otherwise);
/* json_str(json_get(j, key), otherwise) and so on. */
const char *json_get_str(const struct json *j, const char *key, const char *otherwise);
int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise);
bool json_get_bool(const struct json *j, const char *key, bool otherwise);

/* Appends j as compact text. */
void json_print(const struct json *j, struct buf *out);

/* Writer pieces. A quoted, escaped string; NULL is written as null. */
void json_put_str(struct buf *b, const char *s);
void json_put_strn(struct buf *b, const char *s, size_t n);
/* "key": with a comma before it unless the last byte is { or [ . */
void json_put_key(struct buf *b, const char *key);
void json_put_sep(struct buf *b); /* the comma alone, for array items */
