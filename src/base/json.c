/* SPDX-License-Identifier: Apache-2.0 */
/* Thin typed layer over cJSON: see json.h. `struct json` is a cJSON node under another name. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#define JSON_MAX_DEPTH 64

static const cJSON *node(const struct json *j)
{
	return (const cJSON *)(const void *)j;
}

static const struct json *wrap(const cJSON *c)
{
	return (const struct json *)(const void *)c;
}

/* cJSON recurses up to 1000 levels; a cheap look beforehand keeps its stack small. */
static bool too_deep(const char *text, size_t n)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_MAX_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

int json_parse(struct json **ret, const char *text, size_t n, struct diag *reterr)
{
	const char *end = NULL;

	if (too_deep(text, n))
		return diag_set(reterr, -EBADMSG, 1, 1, "at most 64 nested levels", "JSON is nested too deeply");
	cJSON *root = cJSON_ParseWithLengthOpts(text, n, &end, false);
	bool trailing = false;
	if (root) {
		for (const char *p = end; p < text + n; p++)
			trailing |= *p != 0 && !strchr(" \t\r\n", *p);
		if (!trailing) {
			*ret = (struct json *)(void *)root;
			return 0;
		}
		cJSON_Delete(root);
	}
	uint32_t line = 1, column = 1;
	for (const char *p = text; end && p < end && p < text + n; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	return diag_set(reterr, -EBADMSG, line, column, trailing ? "one JSON value and nothing after it" : "valid JSON",
		"JSON does not parse");
}

struct json *json_free(struct json *root)
{
	cJSON_Delete((cJSON *)(void *)root);
	return NULL;
}

const struct json *json_get(const struct json *j, const char *key)
{
	return json_is_object(j) ? wrap(cJSON_GetObjectItemCaseSensitive(node(j), key)) : NULL;
}

const struct json *json_path(const struct json *j, const char *dotted)
{
	char key[128];

	while (j && *dotted) {
		size_t n = strcspn(dotted, ".");
		if (n >= sizeof(key))
			return NULL;
		memcpy(key, dotted, n);
		key[n] = 0;
		j = json_get(j, key);
		dotted += n + (dotted[n] == '.');
	}
	return j;
}

const struct json *json_first(const struct json *j)
{
	return json_is_object(j) || json_is_array(j) ? wrap(node(j)->child) : NULL;
}

const struct json *json_next(const struct json *j)
{
	return j ? wrap(node(j)->next) : NULL;
}

const char *json_key(const struct json *j)
{
	return j && node(j)->string ? node(j)->string : "";
}

bool json_is_object(const struct json *j)
{
	return cJSON_IsObject(node(j));
}

bool json_is_array(const struct json *j)
{
	return cJSON_IsArray(node(j));
}

bool json_is_string(const struct json *j)
{
	return cJSON_IsString(node(j));
}

bool json_is_number(const struct json *j)
{
	return cJSON_IsNumber(node(j));
}

bool json_is_null(const struct json *j)
{
	return cJSON_IsNull(node(j));
}

const char *json_str(const struct json *j, const char *otherwise)
{
	return json_is_string(j) ? node(j)->valuestring : otherwise;
}

int64_t json_int(const struct json *j, int64_t otherwise)
{
	if (!json_is_number(j))
		return otherwise;
	double d = node(j)->valuedouble;
	return d >= -9.2e18 && d <= 9.2e18 ? (int64_t)d : otherwise;
}

double json_double(const struct json *j, double otherwise)
{
	return json_is_number(j) ? node(j)->valuedouble : otherwise;
}

bool json_bool(const struct json *j, bool otherwise)
{
	return cJSON_IsBool(node(j)) ? cJSON_IsTrue(node(j)) : otherwise;
}

const char *json_get_str(const struct json *j, const char *key, const char *otherwise)
{
	return json_str(json_get(j, key), otherwise);
}

int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise)
{
	return json_int(json_get(j, key), otherwise);
}

bool json_get_bool(const struct json *j, const char *key, bool otherwise)
{
	return json_bool(json_get(j, key), otherwise);
}

void json_print(const struct json *j, struct buf *out)
{
	char *text = j ? cJSON_PrintUnformatted(node(j)) : NULL;

	if (text)
		buf_puts(out, text);
	else if (j)
		out->failed = out->failed ? out->failed : -ENOMEM;
	else
		buf_puts(out, "null");
	cJSON_free(text);
}

/* Length of the valid UTF-8 sequence at p (1-4), or 0. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

void json_put_strn(struct buf *b, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;

	buf_putc(b, '"');
	while (p < end) {
		size_t run = 0;
		while (p + run < end && p[run] >= 0x20 && p[run] < 0x7f && p[run] != '"' && p[run] != '\\')
			run++;
		buf_put(b, p, run);
		p += run;
		if (p == end)
			break;
		size_t len = utf8_length(p, (size_t)(end - p));
		if (*p == '"' || *p == '\\')
			buf_printf(b, "\\%c", *p);
		else if (*p == '\n')
			buf_puts(b, "\\n");
		else if (*p == '\t')
			buf_puts(b, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			buf_printf(b, "\\u%04x", *p);
		else if (len > 1)
			buf_put(b, p, len);
		else
			buf_puts(b, "\xef\xbf\xbd");
		p += len ? len : 1;
	}
	buf_putc(b, '"');
}

void json_put_str(struct buf *b, const char *s)
{
	if (s)
		json_put_strn(b, s, strlen(s));
	else
		buf_puts(b, "null");
}

void json_put_sep(struct buf *b)
{
	if (b->len && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[')
		buf_putc(b, ',');
}

void json_put_key(struct buf *b, const char *key)
{
	json_put_sep(b);
	json_put_str(b, key);
	buf_putc(b, ':');
}
