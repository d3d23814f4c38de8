/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP messages, read strictly and written anew: see http_head.h. */
#include "proxy/http_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Fields that may stand only once in a request: their second value would be somebody else's truth. */
static const char *const single[] = {"host", "content-length", "transfer-encoding", "content-type", "content-encoding",
	"connection", "upgrade", "expect", "range", "authorization", "x-registry-auth", "x-registry-config"};

/* What a Connection field may name. Another name would make the next hop drop that field. */
static const char *const connection_words[] = {"close", "keep-alive", "upgrade", "te"};

/* Fields of one connection: never passed on as they came. */
static const char *const own[] = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
	"upgrade", "content-length", "expect", "http2-settings", "proxy-authenticate", "proxy-authorization"};

static bool in_list(const char *const *list, size_t n, const char *word, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == size && strncasecmp(list[i], word, size) == 0)
			return true;
	return false;
}

static int bad(struct diag *reterr, const char *what)
{
	return diag_msg(reterr, -EBADMSG, "%s", what);
}

ssize_t http_head_end(const uint8_t *p, size_t n, size_t *scanned)
{
	size_t i = *scanned;

	for (; i < n && i < HTTP_HEAD_MAX; i++) {
		if (p[i] == 0)
			return -EBADMSG;
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return -EBADMSG;
		if (i > 0 && p[i - 1] == '\r' && p[i] != '\n')
			return -EBADMSG;
		/* An empty first line is the end too: the parser then finds no first line. */
		if (p[i] == '\n' && (i == 1 || (i >= 3 && p[i - 2] == '\n')))
			return (ssize_t)i + 1;
	}
	*scanned = i;
	return i == HTTP_HEAD_MAX ? -E2BIG : 0;
}

static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Splits the copy into lines, terminated in place. The next line or NULL. */
static char *next_line(char **at)
{
	char *line = *at, *end = strstr(line, "\r\n");

	if (!end)
		return NULL;
	*end = 0;
	*at = end + 2;
	return line;
}

static int check_method(const char *method, struct diag *reterr)
{
	size_t n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (n == 0 || n > 16 || method[n])
		return bad(reterr, "the method is not a word of capital letters");
	if (strcmp(method, "CONNECT") == 0 || strcmp(method, "TRACE") == 0)
		return bad(reterr, "this method is not for an engine");
	return 0;
}

/* Origin form, of the characters of RFC 3986 only. */
static int check_target(const char *target, struct diag *reterr)
{
	if (target[0] != '/')
		return bad(reterr, "the target does not begin with a slash");
	if (strlen(target) > HTTP_TARGET_MAX)
		return bad(reterr, "the target is too long");
	for (const char *p = target; *p; p++) {
		if (*p == '%') {
			if (!is_hex((unsigned char)p[1]) || !is_hex((unsigned char)p[2]) || (p[1] == '0' && p[2] == '0'))
				return bad(reterr, "the target has a % without two hexadecimal digits, or a NUL");
		} else if (*p <= ' ' || *p >= 127 || strchr("\"#<>\\^`{|}", *p)) {
			return bad(reterr, "the target has a character that must be written with %");
		}
	}
	return 0;
}

static int parse_version(struct http_head *h, const char *text, struct diag *reterr)
{
	if (strncmp(text, "HTTP/1.", 7) != 0 || (text[7] != '0' && text[7] != '1'))
		return bad(reterr, "neither HTTP/1.0 nor HTTP/1.1");
	h->minor = (unsigned)(text[7] - '0');
	return 0;
}

static int request_line(struct http_head *h, char *line, struct diag *reterr)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return bad(reterr, "the first line is not method, target and version");
	*target++ = 0;
	*version++ = 0;
	int r = strlen(version) == 8 ? parse_version(h, version, reterr) : bad(reterr, "neither HTTP/1.0 nor HTTP/1.1");
	if (r == 0)
		r = check_method(line, reterr);
	if (r == 0)
		r = check_target(target, reterr);
	h->method = line;
	h->target = target;
	return r;
}

static int status_line(struct http_head *h, char *line, struct diag *reterr)
{
	size_t n = strlen(line);

	if (n < 12 || line[8] != ' ' || parse_version(h, line, reterr) < 0 || strspn(line + 9, "0123456789") != 3 ||
		(line[12] && line[12] != ' '))
		return bad(reterr, "the first line of the answer is not version, status and reason");
	h->status = (unsigned)(line[9] - '0') * 100 + (unsigned)(line[10] - '0') * 10 + (unsigned)(line[11] - '0');
	h->reason = line[12] ? line + 13 : "";
	return h->status < 100 ? bad(reterr, "the status of the answer is below 100") : 0;
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 127)
			return false;
	return true;
}

static int field_line(struct http_head *h, char *line, bool request, struct diag *reterr)
{
	char *colon = strchr(line, ':');

	if (*line == ' ' || *line == '\t')
		return bad(reterr, "a header field goes on in a second line");
	if (!colon || colon == line)
		return bad(reterr, "a header line has no name");
	for (char *p = line; p < colon; p++)
		if (!is_token_char((unsigned char)*p) || (request && *p != '-' && strchr("!#$%&'*+.^_`|~", *p)))
			return bad(reterr, "the name of a header field has another character than letters, digits and -");
	*colon = 0;
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t n = strlen(value);
	while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		value[--n] = 0;
	if (!printable(value))
		return bad(reterr, "a header field has a control character");
	if (request && in_list(single, ARRAY_SIZE(single), line, strlen(line)) && http_head_value(h, line))
		return bad(reterr, "a header field that can stand only once stands twice");
	if (h->field_count == HTTP_FIELDS_MAX)
		return bad(reterr, "too many header fields");
	h->fields[h->field_count++] = (struct http_field){line, value};
	return 0;
}

const char *http_head_value(const struct http_head *h, const char *name)
{
	for (unsigned i = 0; i < h->field_count; i++)
		if (strcasecmp(h->fields[i].name, name) == 0)
			return h->fields[i].value;
	return NULL;
}

/* Calls fn for each word of a list with commas; false as soon as fn says so or a word is empty. */
static bool each_word(const char *list, bool (*fn)(struct http_head *h, const char *word, size_t n), struct http_head *h)
{
	for (const char *p = list;; p++) {
		p += strspn(p, " \t");
		size_t n = strcspn(p, ","), word = n;
		while (word && (p[word - 1] == ' ' || p[word - 1] == '\t'))
			word--;
		if (!word || !fn(h, p, word))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

static bool connection_word(struct http_head *h, const char *word, size_t n)
{
	if (n == 5 && strncasecmp(word, "close", n) == 0)
		h->close = true;
	if (n == 7 && strncasecmp(word, "upgrade", n) == 0)
		h->upgrade = http_head_value(h, "upgrade");
	return in_list(connection_words, ARRAY_SIZE(connection_words), word, n);
}

static bool any_word(struct http_head *h, const char *word, size_t n)
{
	if (n == 5 && strncasecmp(word, "close", n) == 0)
		h->close = true;
	return true;
}

/* Digits only, no zero in front, no list: what strtoul would also take is not for us. */
static int parse_length(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");
	uint64_t v = 0;

	if (n == 0 || text[n] || n > 18 || (text[0] == '0' && n > 1))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	*ret = v;
	return 0;
}

static unsigned field_times(const struct http_head *h, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->field_count; i++)
		n += strcasecmp(h->fields[i].name, name) == 0;
	return n;
}

/* What Content-Length and Transfer-Encoding say. none: the framing when neither is there. */
static int find_framing(struct http_head *h, enum http_framing none, struct diag *reterr)
{
	const char *length = http_head_value(h, "content-length"), *coding = http_head_value(h, "transfer-encoding");

	if (length && coding)
		return bad(reterr, "both Content-Length and Transfer-Encoding");
	if (field_times(h, "content-length") > 1 || field_times(h, "transfer-encoding") > 1)
		return bad(reterr, "the length of the body is told twice");
	h->framing = none;
	if (coding) {
		if (strcasecmp(coding, "chunked") != 0)
			return bad(reterr, "a Transfer-Encoding other than chunked");
		if (h->minor == 0)
			return bad(reterr, "Transfer-Encoding in HTTP/1.0");
		h->framing = HTTP_CHUNKED;
	} else if (length) {
		if (parse_length(length, &h->length) < 0)
			return bad(reterr, "Content-Length is not a plain number");
		h->framing = HTTP_LENGTH;
	}
	return 0;
}

/* Copies the head and splits it into its first line and its fields. */
static int split(struct http_head *h, const uint8_t *p, size_t n, bool request, struct diag *reterr)
{
	char *at, *line;

	*h = (struct http_head){.text = malloc(n + 1)};
	if (!h->text)
		return -ENOMEM;
	memcpy(h->text, p, n);
	h->text[n] = 0;
	at = h->text;
	line = next_line(&at);
	if (!line)
		return bad(reterr, "there is no first line");
	int r = request ? request_line(h, line, reterr) : status_line(h, line, reterr);
	while (r == 0 && (line = next_line(&at)) && *line)
		r = field_line(h, line, request, reterr);
	if (r == 0 && (!line || at != h->text + n))
		return bad(reterr, "the head does not end with its empty line");
	return r;
}

static int check_request(struct http_head *h, struct diag *reterr)
{
	const char *expect = http_head_value(h, "expect"), *connection = http_head_value(h, "connection");

	h->close = h->minor == 0;
	if (h->minor == 1 && !http_head_value(h, "host"))
		return bad(reterr, "there is no Host field");
	if (connection && !each_word(connection, connection_word, h))
		return bad(reterr, "Connection names something else than close, keep-alive or upgrade");
	if (h->upgrade && (!*h->upgrade || h->minor == 0))
		h->upgrade = NULL;
	if (h->upgrade && strspn(h->upgrade, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./") !=
		strlen(h->upgrade))
		return bad(reterr, "Upgrade is not one plain word");
	if (expect) {
		if (strcasecmp(expect, "100-continue") != 0 || h->minor == 0)
			return bad(reterr, "an expectation other than 100-continue");
		h->expect_continue = h->framing != HTTP_NO_BODY;
	}
	return 0;
}

int http_request_parse(struct http_head *h, const uint8_t *p, size_t n, struct diag *reterr)
{
	int r = split(h, p, n, true, reterr);

	if (r == 0)
		r = find_framing(h, HTTP_NO_BODY, reterr);
	if (r == 0)
		r = check_request(h, reterr);
	return r;
}

int http_answer_parse(struct http_head *h, const uint8_t *p, size_t n, const char *method, struct diag *reterr)
{
	int r = split(h, p, n, false, reterr);

	if (r == 0)
		r = find_framing(h, HTTP_UNTIL_CLOSE, reterr);
	if (r < 0)
		return r;
	if (h->status < 200 || h->status == 204 || h->status == 304 || strcmp(method, "HEAD") == 0) {
		h->framing = HTTP_NO_BODY;
		h->length = 0;
	}
	const char *connection = http_head_value(h, "connection");
	h->close = h->minor == 0 || h->framing == HTTP_UNTIL_CLOSE;
	if (connection)
		each_word(connection, any_word, h);
	return 0;
}

void http_head_done(struct http_head *h)
{
	free(h->text);
	*h = (struct http_head){0};
}

static void put_fields(struct buf *out, const struct http_head *h, const struct http_rewrite *how)
{
	for (unsigned i = 0; i < h->field_count; i++) {
		const struct http_field *f = &h->fields[i];
		if (in_list(own, ARRAY_SIZE(own), f->name, strlen(f->name)) &&
			!(how->keep_length && strcasecmp(f->name, "content-length") == 0))
			continue;
		buf_puts(out, f->name);
		buf_puts(out, ": ");
		buf_puts(out, f->value);
		buf_puts(out, "\r\n");
	}
	if (how->framing == HTTP_LENGTH)
		buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)how->length);
	else if (how->framing == HTTP_CHUNKED)
		buf_puts(out, "Transfer-Encoding: chunked\r\n");
	if (how->upgrade)
		buf_printf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n", how->upgrade);
	else if (how->close)
		buf_puts(out, "Connection: close\r\n");
	buf_puts(out, "\r\n");
}

void http_request_put(struct buf *out, const struct http_head *h, const struct http_rewrite *how)
{
	buf_printf(out, "%s %s HTTP/1.1\r\n", h->method, h->target);
	if (h->minor == 0 && !http_head_value(h, "host"))
		buf_puts(out, "Host: docker\r\n");
	put_fields(out, h, how);
}

void http_answer_put(struct buf *out, const struct http_head *h, const struct http_rewrite *how)
{
	buf_printf(out, "HTTP/1.1 %u %s\r\n", h->status, h->reason);
	put_fields(out, h, how);
}
