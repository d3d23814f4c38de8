/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's URI as dockerd sees it, or a refusal.
 *
 * Go's net/http decodes the path once; gorilla/mux, which dockerd 20.10 and all later versions use
 * with its defaults, cleans the decoded path ("//", "/./", "/../") and answers with a redirect when
 * that changes anything, so that such a path is never carried out: here it is refused. What is left
 * is matched decoded and case-sensitively: "/containers/%63reate" creates. A slash that came as %2F
 * is a slash to dockerd, and none to routers that match the encoded path (podman): it is allowed
 * inside a name only (see action_find). The absolute form ("http://x/...") and fragments are never
 * sent by a client of an engine; dockerd's own parts disagree about them: refused.
 *
 * The query is split at '&' alone. ';' separates for Go before 1.17 and is an error after: refused.
 * Of a repeated key dockerd takes the first value where it wants one: refused, but for lists.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "command/internal.h"

#define QUERY_MAX 512 /* pairs */

/* Keys of which dockerd reads all values. */
static const char *const lists[] = {"t", "names", "changes", "extrahosts", "securityopt", "platform", "type"};

static int refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -EBADMSG;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes n bytes; plus: '+' is a blank. slash: what an encoded slash becomes. NULL = malformed, or
 * a NUL, which no C string can hold. */
static char *decode(const char *s, size_t n, bool plus, char slash)
{
	CLEANUP(free) char *out = malloc(n + 1);
	size_t len = 0;

	for (size_t i = 0; out && i < n; i++) {
		char c = s[i];

		if (c == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return NULL;
			c = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
			i += 2;
			if (c == 0)
				return NULL;
			if (c == '/')
				c = slash;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[len++] = c;
	}
	if (out)
		out[len] = 0;
	return take_ptr(out);
}

/* What mux would redirect: an empty, "." or ".." segment anywhere but at the end, where "" is kept. */
static bool is_clean(const char *path)
{
	for (const char *p = path; *p == '/';) {
		size_t n = strcspn(p + 1, "/");
		const char *segment = p + 1;

		if ((n == 0 && segment[n] == '/') || (n == 1 && segment[0] == '.') ||
			(n == 2 && segment[0] == '.' && segment[1] == '.'))
			return false;
		p = segment + n;
	}
	return true;
}

/* Printable ASCII and nothing that starts a fragment. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '#' || *s == '\\')
			return false;
	return true;
}

static int version_number(const char *s, size_t n, unsigned *ret)
{
	unsigned v = 0;

	if (n == 0 || n > 3 || (n > 1 && s[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EBADMSG;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	*ret = v;
	return 0;
}

/* Takes "/v1.41" off the front. dockerd's router takes any digits and dots for a version. */
static int take_version(struct command_uri *u)
{
	unsigned major = 0, minor = 0;
	size_t n = u->path[1] == 'v' ? 2 + strspn(u->path + 2, "0123456789.") : 0;

	if (n <= 2 || u->path[n] != '/')
		return 0;
	const char *dot = memchr(u->path + 2, '.', n - 2);
	if (!dot || version_number(u->path + 2, (size_t)(dot - u->path - 2), &major) < 0 ||
		version_number(dot + 1, (size_t)(u->path + n - dot - 1), &minor) < 0 || major != 1 || minor == 0)
		return -EBADMSG;
	u->api = minor;
	memmove(u->path, u->path + n, strlen(u->path + n) + 1);
	memmove(u->marked, u->marked + n, strlen(u->marked + n) + 1);
	return 0;
}

static bool is_list(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(lists[i], key) == 0)
			return true;
	return false;
}

static int query_pair(struct command_uri *u, const char *p, size_t n, char *why, size_t size)
{
	const char *equals = memchr(p, '=', n);
	size_t name = equals ? (size_t)(equals - p) : n;
	CLEANUP(free) char *key = decode(p, name, true, '/');
	CLEANUP(free) char *value = equals ? decode(equals + 1, n - name - 1, true, '/') : strdup("");

	if (!key || !value)
		return refuse(why, size, "a query parameter is not encoded as it should be");
	if (u->query.count >= QUERY_MAX)
		return refuse(why, size, "too many query parameters");
	if (!is_list(key) && kv_list_get(&u->query, key)) {
		snprintf(why, size, "query parameter '%.64s' is given twice", key);
		return -EBADMSG;
	}
	return kv_list_add(&u->query, key, value);
}

static int query_parse(struct command_uri *u, const char *query, char *why, size_t size)
{
	if (strchr(query, ';'))
		return refuse(why, size, "';' in the query: what it separates depends on the engine's version");
	while (*query) {
		size_t n = strcspn(query, "&");
		int r = n ? query_pair(u, query, n, why, size) : 0;

		if (r < 0)
			return r;
		query += n + (query[n] == '&');
	}
	return 0;
}

/* Control characters and broken UTF-8 have no place in a path. */
static bool is_path_text(const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return true;
}

int uri_parse(struct command_uri *ret, const char *uri, char *why, size_t size)
{
	size_t n = strcspn(uri, "?");
	int r;

	if (strlen(uri) > COMMAND_URI_MAX)
		return refuse(why, size, "the URI is too long");
	if (uri[0] != '/')
		return refuse(why, size, "the URI is no path");
	if (!is_plain(uri))
		return refuse(why, size, "the URI has characters that belong encoded");
	struct command_uri u = {.path = decode(uri, n, false, '/'), .marked = decode(uri, n, false, URI_SLASH)};
	if (!u.path || !u.marked)
		r = refuse(why, size, "the path is not encoded as it should be");
	else if (!is_path_text(u.path))
		r = refuse(why, size, "the path has control characters or other than ASCII");
	else if (!is_clean(u.path))
		r = refuse(why, size, "the path has empty, '.' or '..' segments");
	else if (take_version(&u) < 0)
		r = refuse(why, size, "the API version is not of the form v1.NN");
	else
		r = query_parse(&u, uri + n + (uri[n] == '?'), why, size);
	if (r < 0) {
		uri_done(&u);
		return r;
	}
	*ret = u;
	return 0;
}

void uri_done(struct command_uri *u)
{
	free(u->path);
	free(u->marked);
	for (uint32_t i = 0; i < u->query.count; i++) {
		free(u->query.items[i].key);
		free(u->query.items[i].value);
	}
	free(u->query.items);
	*u = (struct command_uri){0};
}
