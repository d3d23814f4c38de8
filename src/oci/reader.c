/* SPDX-License-Identifier: Apache-2.0 */
/* Strict getters: see reader.h. */
#include "oci/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

int oci_fail(struct oci_reader *r, int error, const char *fmt, ...)
{
	va_list ap;

	if (r->failed)
		return r->failed;
	va_start(ap, fmt);
	vsnprintf(r->why, OCI_WHY_MAX, fmt, ap);
	va_end(ap);
	return r->failed = error;
}

/* Go folds more than ASCII ("\u017f" is an s to it): a key with such letters is nobody's honest key. */
static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

const struct json *oci_member(struct oci_reader *r, const struct json *j, const char *key)
{
	const struct json *found = NULL;

	for (const struct json *m = json_is_object(j) ? json_first(j) : NULL; m && !r->failed; m = json_next(m)) {
		if (!is_ascii(json_key(m)))
			oci_fail(r, -EBADMSG, "beside '%s' there is a key that is not ASCII", key);
		else if (strcasecmp(json_key(m), key) != 0)
			continue;
		else if (strcmp(json_key(m), key) != 0)
			oci_fail(r, -EBADMSG, "'%s' is spelt in another way", key);
		else if (found)
			oci_fail(r, -EBADMSG, "'%s' is there twice", key);
		found = m;
	}
	return r->failed || json_is_null(found) ? NULL : found;
}

const struct json *oci_object(struct oci_reader *r, const struct json *j, const char *key)
{
	const struct json *m = oci_member(r, j, key);

	if (m && !json_is_object(m))
		oci_fail(r, -EBADMSG, "'%s' is not an object", key);
	return r->failed ? NULL : m;
}

const struct json *oci_list(struct oci_reader *r, const struct json *j, const char *key)
{
	const struct json *m = oci_member(r, j, key);

	if (m && !json_is_array(m))
		oci_fail(r, -EBADMSG, "'%s' is not a list", key);
	return r->failed ? NULL : json_first(m);
}

static const char *bounded(struct oci_reader *r, const struct json *m, const char *key)
{
	const char *text = json_str(m, NULL);

	if (!text)
		oci_fail(r, -EBADMSG, "'%s' is not a text", key);
	else if (strlen(text) >= OCI_TEXT_MAX)
		oci_fail(r, -E2BIG, "'%s' is longer than %d bytes", key, OCI_TEXT_MAX);
	return r->failed ? "" : text;
}

const char *oci_text(struct oci_reader *r, const struct json *j, const char *key)
{
	const struct json *m = oci_member(r, j, key);

	return m ? bounded(r, m, key) : "";
}

const char *oci_item(struct oci_reader *r, const struct json *j, const char *of)
{
	return bounded(r, j, of);
}

int64_t oci_number(struct oci_reader *r, const struct json *j, const char *key, int64_t otherwise)
{
	const struct json *m = oci_member(r, j, key);

	if (m && !json_is_number(m))
		oci_fail(r, -EBADMSG, "'%s' is not a number", key);
	return r->failed || !m ? otherwise : json_int(m, otherwise);
}

bool oci_flag(struct oci_reader *r, const struct json *j, const char *key)
{
	const struct json *m = oci_member(r, j, key);
	bool value = json_bool(m, false);

	if (m && json_bool(m, true) != value)
		oci_fail(r, -EBADMSG, "'%s' is neither true nor false", key);
	return value;
}

void oci_add(struct oci_reader *r, struct str_list *list, const char *text, const char *of)
{
	if (r->failed)
		return;
	if (list->count >= CREATION_LIST_MAX)
		oci_fail(r, -E2BIG, "more than %d %s", CREATION_LIST_MAX, of);
	else if (str_list_add(list, text) < 0)
		oci_fail(r, -ENOMEM, "out of memory");
}

void oci_set(struct oci_reader *r, char **field, const char *text)
{
	if (!r->failed && str_set(field, text) < 0)
		oci_fail(r, -ENOMEM, "out of memory");
}

bool oci_contains(const struct str_list *list, const char *text)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}
