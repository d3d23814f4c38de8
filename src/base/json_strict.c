/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a text is JSON in the strictest sense (RFC 8259), before the library sees it. Parsers agree
 * about such text; about everything else they do not: ours would skip a byte order mark and control
 * characters, take 01 and 1. for numbers and end a string at \u0000; Go replaces broken UTF-8 and lone
 * surrogates; some read the first of two values, some neither. No recursion, one pass, hard limits.
 */
#include "base/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define STRICT_DEPTH_MAX 60 /* below json_parse()'s own */
#define STRICT_VALUES_MAX 65536

struct scan {
	const unsigned char *p, *end;
	const char *bad; /* first complaint */
	uint32_t values;
	unsigned depth;
	char open[STRICT_DEPTH_MAX]; /* '{' or '[' */
};

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static int peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Four hex digits at p, or -1. */
static int code_unit(const struct scan *s, const unsigned char *p)
{
	int v = 0;

	if (s->end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = p[i];
		int d = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* After "\u": NUL and halves of surrogate pairs are refused. */
static bool escape_unicode(struct scan *s)
{
	int v = code_unit(s, s->p);

	if (v <= 0 || (v >= 0xdc00 && v <= 0xdfff))
		return false;
	s->p += 4;
	if (v < 0xd800 || v > 0xdbff)
		return true;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return false;
	v = code_unit(s, s->p + 2);
	s->p += 6;
	return v >= 0xdc00 && v <= 0xdfff;
}

/* One character of a string that is not ASCII: valid UTF-8 without overlong forms and surrogates. */
static bool utf8(struct scan *s)
{
	unsigned c = *s->p;
	unsigned n = c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;

	if (!n || s->end - s->p <= (ptrdiff_t)n)
		return false;
	for (unsigned i = 1; i <= n; i++)
		if ((s->p[i] & 0xc0) != 0x80)
			return false;
	unsigned second = s->p[1];
	if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) ||
		(c == 0xf4 && second > 0x8f))
		return false;
	s->p += n + 1;
	return true;
}

static void string(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"') {
		bool ok = true;

		if (*s->p < 0x20) {
			ok = false;
		} else if (*s->p == '\\') {
			int c = s->end - s->p > 1 ? s->p[1] : 0;

			s->p += 2;
			ok = c == 'u' ? escape_unicode(s) : c && strchr("\"\\/bfnrt", c);
		} else if (*s->p >= 0x80) {
			ok = utf8(s);
		} else {
			s->p++;
		}
		if (!ok) {
			s->bad = "a string has bytes or escapes that parsers read differently";
			return;
		}
	}
	if (s->p >= s->end)
		s->bad = "a string does not end";
	else
		s->p++;
}

static bool digits(struct scan *s)
{
	const unsigned char *from = s->p;

	while (is_digit(peek(s)))
		s->p++;
	return s->p > from;
}

static void number(struct scan *s)
{
	bool ok;

	if (peek(s) == '-')
		s->p++;
	if (peek(s) == '0') {
		s->p++;
		ok = !is_digit(peek(s));
	} else {
		ok = digits(s);
	}
	if (ok && peek(s) == '.') {
		s->p++;
		ok = digits(s);
	}
	if (ok && (peek(s) == 'e' || peek(s) == 'E')) {
		s->p++;
		if (peek(s) == '+' || peek(s) == '-')
			s->p++;
		ok = digits(s);
	}
	if (!ok)
		s->bad = "a number is not of JSON's form";
}

static void word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
			s->p += n;
			return;
		}
	}
	s->bad = "it is not JSON";
}

/* A member's key and colon, where an object expects one. */
static void key(struct scan *s)
{
	blanks(s);
	if (peek(s) == '"')
		string(s);
	else
		s->bad = "a key is no string";
	blanks(s);
	if (!s->bad && peek(s) == ':')
		s->p++;
	else if (!s->bad)
		s->bad = "it is not JSON";
}

/* A value, or the opening of one. True: something was opened and its first item comes next. */
static bool value(struct scan *s)
{
	int c;

	blanks(s);
	c = peek(s);
	if (++s->values > STRICT_VALUES_MAX) {
		s->bad = "it has too many values";
	} else if (c == '{' || c == '[') {
		if (s->depth >= STRICT_DEPTH_MAX) {
			s->bad = "it is nested too deeply";
			return false;
		}
		s->open[s->depth++] = (char)c;
		s->p++;
		blanks(s);
		if (peek(s) != (c == '{' ? '}' : ']'))
			return true;
		s->p++;
		s->depth--;
	} else if (c == '"') {
		string(s);
	} else if (c == '-' || is_digit(c)) {
		number(s);
	} else {
		word(s);
	}
	return false;
}

/* After a value: closes what ends here. True: another item follows. */
static bool next(struct scan *s)
{
	while (s->depth > 0) {
		char open = s->open[s->depth - 1];
		int c;

		blanks(s);
		c = peek(s);
		if (c == ',') {
			s->p++;
			return true;
		}
		if (c != (open == '{' ? '}' : ']')) {
			s->bad = "it is not JSON";
			return false;
		}
		s->p++;
		s->depth--;
	}
	return false;
}

int json_strict(const char *text, size_t n, char *why, size_t size)
{
	struct scan s = {.p = (const unsigned char *)text, .end = (const unsigned char *)text + n};
	bool more = true;

	while (more && !s.bad) {
		if (s.depth > 0 && s.open[s.depth - 1] == '{')
			key(&s);
		if (!s.bad && !value(&s) && !s.bad)
			more = next(&s);
	}
	blanks(&s);
	if (!s.bad && s.p != s.end)
		s.bad = "something follows the JSON value";
	if (!s.bad)
		return 0;
	snprintf(why, size, "%s", s.bad);
	return -EBADMSG;
}

/* ---- keys ---- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool object_unique(const struct json *obj, const char **keys, size_t max)
{
	size_t n = 0;

	for (const struct json *j = json_first(obj); j && n < max; j = json_next(j))
		keys[n++] = json_key(j);
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return false;
	return true;
}

/* The tree has at most STRICT_DEPTH_MAX levels. */
static bool tree_unique(const struct json *j, const char **keys, size_t max)
{
	if (json_is_object(j) && !object_unique(j, keys, max))
		return false;
	for (const struct json *i = json_first(j); i; i = json_next(i))
		if (!tree_unique(i, keys, max))
			return false;
	return true;
}

int json_keys_unique(const struct json *root, size_t text_size)
{
	size_t max = text_size / 4 + 1; /* a member takes four bytes and more */
	CLEANUP(free) const char **keys = malloc(max * sizeof(*keys));

	return !keys ? -ENOMEM : tree_unique(root, keys, max) ? 0 : -EBADMSG;
}
