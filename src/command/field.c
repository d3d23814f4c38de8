/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as Go's encoding/json decodes it into structs: keys are compared without regard to case, also
 * over the two characters outside ASCII that fold into it, and of several keys for one field the last
 * one wins. We never guess which: two of them are refused.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command/internal.h"

void reading_refuse(struct reading *rd, const char *fmt, ...)
{
	va_list args;

	if (rd->r < 0)
		return;
	rd->r = -EBADMSG;
	va_start(args, fmt);
	vsnprintf(rd->why, sizeof(rd->why), fmt, args);
	va_end(args);
}

void reading_error(struct reading *rd, int r)
{
	if (r < 0 && rd->r == 0) {
		rd->r = r;
		snprintf(rd->why, sizeof(rd->why), "%s", strerror(-r));
	}
}

/* The next character of a key, folded as Go does it: KELVIN SIGN and LATIN SMALL LETTER LONG S. */
static int folded(const char **p)
{
	unsigned char c = (unsigned char)**p;

	if (c == 0xe2 && (unsigned char)(*p)[1] == 0x84 && (unsigned char)(*p)[2] == 0xaa) {
		*p += 3;
		return 'k';
	}
	if (c == 0xc5 && (unsigned char)(*p)[1] == 0xbf) {
		*p += 2;
		return 's';
	}
	(*p)++;
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool same_field(const char *a, const char *b)
{
	while (*a && *b)
		if (folded(&a) != folded(&b))
			return false;
	return !*a && !*b;
}

const struct json *field(struct reading *rd, const struct json *obj, const char *key)
{
	const struct json *found = NULL;

	if (!json_is_object(obj))
		return NULL;
	for (const struct json *j = json_first(obj); j; j = json_next(j)) {
		if (!same_field(json_key(j), key))
			continue;
		if (found) {
			reading_refuse(rd, "'%s' is in the body twice", key);
			return NULL;
		}
		found = j;
	}
	return json_is_null(found) ? NULL : found;
}

static void wrong_type(struct reading *rd, const char *key, const char *expected)
{
	reading_refuse(rd, "'%s' in the body is not %s", key, expected);
}

const struct json *field_object(struct reading *rd, const struct json *obj, const char *key)
{
	const struct json *j = field(rd, obj, key);

	if (j && !json_is_object(j)) {
		wrong_type(rd, key, "an object");
		return NULL;
	}
	return j;
}

const struct json *field_array(struct reading *rd, const struct json *obj, const char *key)
{
	const struct json *j = field(rd, obj, key);

	if (j && !json_is_array(j)) {
		wrong_type(rd, key, "a list");
		return NULL;
	}
	return j;
}

const char *field_text(struct reading *rd, const struct json *obj, const char *key)
{
	const struct json *j = field(rd, obj, key);

	if (j && !json_is_string(j))
		wrong_type(rd, key, "a string");
	return json_str(j, NULL);
}

bool field_flag(struct reading *rd, const struct json *obj, const char *key)
{
	const struct json *j = field(rd, obj, key);
	bool value = json_bool(j, false);

	/* Of another type it has no value: neither default comes out. */
	if (j && value != json_bool(j, true))
		wrong_type(rd, key, "true or false");
	return value;
}

int64_t field_number(struct reading *rd, const struct json *obj, const char *key, int64_t otherwise)
{
	const struct json *j = field(rd, obj, key);

	if (j && !json_is_number(j))
		wrong_type(rd, key, "a number");
	return json_int(j, otherwise);
}

void field_texts(struct reading *rd, const struct json *obj, const char *key, bool single, text_fn *fn)
{
	const struct json *list = field(rd, obj, key);

	if (single && json_is_string(list)) {
		fn(rd, json_str(list, ""));
		return;
	}
	if (list && !json_is_array(list))
		wrong_type(rd, key, "a list of strings");
	for (const struct json *j = json_is_array(list) ? json_first(list) : NULL; j && rd->r == 0; j = json_next(j)) {
		if (json_is_string(j))
			fn(rd, json_str(j, ""));
		else if (!json_is_null(j))
			wrong_type(rd, key, "a list of strings");
	}
}

void field_objects(struct reading *rd, const struct json *obj, const char *key, object_fn *fn)
{
	const struct json *list = field_array(rd, obj, key);

	for (const struct json *j = json_first(list); j && rd->r == 0; j = json_next(j)) {
		if (json_is_object(j))
			fn(rd, j);
		else if (!json_is_null(j))
			wrong_type(rd, key, "a list of objects");
	}
}

void field_pairs(struct reading *rd, const struct json *obj, const char *key, pair_fn *fn)
{
	const struct json *map = field_object(rd, obj, key);

	for (const struct json *j = json_first(map); j && rd->r == 0; j = json_next(j)) {
		if (json_is_string(j) || json_is_null(j))
			fn(rd, json_key(j), json_str(j, ""));
		else
			wrong_type(rd, key, "a map of strings");
	}
}

/* Keys of maps are what they are; that none is there twice was seen when the body was parsed. */
const char *map_text(struct reading *rd, const struct json *map, const char *key)
{
	const struct json *j = json_get(map, key);

	if (j && !json_is_string(j) && !json_is_null(j))
		wrong_type(rd, key, "a string");
	return json_str(j, NULL);
}
