/* SPDX-License-Identifier: Apache-2.0 */
/* Rights at a registry: a token for the asking, or a name and password. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "trust/remote_internal.h"

/* The next `name="value"`; moves *p behind it. */
static int next_pair(const char **p, char *name, size_t name_size, struct buf *value)
{
	const char *s = *p + strspn(*p, " \t,");
	size_t n = strcspn(s, "= \t,\"");

	if (!*s)
		return 0;
	if (s[n] != '=' || n == 0 || n >= name_size)
		return -EBADMSG;
	snprintf(name, name_size, "%.*s", (int)n, s);
	s += n + 1;
	if (*s != '"') {
		n = strcspn(s, " \t,\"");
		buf_put(value, s, n);
		*p = s + n;
		return value->failed ? -EBADMSG : 1;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		if ((unsigned char)*s < 0x20)
			return -EBADMSG;
		buf_putc(value, *s);
	}
	if (*s != '"' || value->failed)
		return -EBADMSG;
	*p = s + 1;
	return 1;
}

int challenge_parse(const char *header, struct challenge *ret)
{
	struct challenge c = {0};
	const char *p = header + strspn(header, " \t");
	char name[32];
	int r;

	if (strncasecmp(p, "bearer ", 7) != 0)
		return -EBADMSG;
	p += 7;
	for (;;) {
		char text[512];
		struct buf value = BUF_FIXED((uint8_t *)text, sizeof(text));

		text[0] = 0;
		r = next_pair(&p, name, sizeof(name), &value);
		if (r <= 0)
			break;
		if (strcasecmp(name, "realm") == 0)
			snprintf(c.realm, sizeof(c.realm), "%s", text);
		else if (strcasecmp(name, "service") == 0 && strlen(text) < sizeof(c.service))
			snprintf(c.service, sizeof(c.service), "%s", text);
		else if (strcasecmp(name, "scope") == 0)
			snprintf(c.scope, sizeof(c.scope), "%s", text);
	}
	if (r < 0 || !*c.realm || strpbrk(c.realm, " <>\"\\^`{|}"))
		return -EBADMSG;
	*ret = c;
	return 0;
}

static int basic(struct remote *r, struct buf *line)
{
	CLEANUP(buf_done) struct buf pair = BUF_INIT(1024);

	buf_printf(&pair, "%s:%s", r->config.user, r->config.password ? r->config.password : "");
	if (pair.failed)
		return -EINVAL;
	buf_puts(line, "Authorization: Basic ");
	base64_encode(pair.data, pair.len, line);
	explicit_bzero(pair.data, pair.len);
	return line->failed;
}

static int token_url(struct remote *r, const struct challenge *c, char out[URL_MAX])
{
	char scope[2 * REFERENCE_NAME_MAX];

	/* Our own words for what is wanted: a registry has no say in it. */
	snprintf(scope, sizeof(scope), "repository:%s:pull%s", r->ref.repository, r->config.push ? ",push" : "");
	char *service = curl_easy_escape(r->curl, c->service, 0), *what = curl_easy_escape(r->curl, scope, 0);
	int n = service && what ? snprintf(out, URL_MAX, "%s%cservice=%s&scope=%s", c->realm, strchr(c->realm, '?') ? '&' : '?', service, what) : -1;
	curl_free(service);
	curl_free(what);
	if (n < 0 || n >= URL_MAX)
		return -EBADMSG;
	return str_has_prefix(out, "https://") || (r->plain && str_has_prefix(out, "http://")) ? 0 : -EBADMSG;
}

static int take_token(struct remote *r, const struct buf *answer)
{
	CLEANUP(json_free) struct json *root = NULL;
	int e = json_parse(&root, answer->data ? (char *)answer->data : "", answer->len, NULL);
	const char *token = json_get_str(root, "token", json_get_str(root, "access_token", ""));

	if (e < 0 || !*token || strlen(token) > TOKEN_MAX || strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") != strlen(token))
		return -EACCES;
	snprintf(r->authorization, sizeof(r->authorization), "Authorization: Bearer %s", token);
	return 0;
}

int remote_authorize(struct remote *r, const char *challenge)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(2 * TOKEN_MAX);
	struct buf line = BUF_FIXED((uint8_t *)r->authorization, sizeof(r->authorization));
	struct exchange x = {.out = &answer};
	struct challenge c;
	static const char refused[] = "it wants rights that we have not";

	r->authorization[0] = 0;
	int e = challenge_parse(challenge, &c);
	if (e < 0 && r->config.user && strncasecmp(challenge, "basic", 5) == 0)
		return basic(r, &line);
	if (e == 0)
		e = token_url(r, &c, x.url);
	if (e == 0 && r->config.user) {
		e = basic(r, &line);
		x.headers = curl_slist_append(NULL, r->authorization);
	}
	if (e == 0) {
		e = remote_exchange(r, &x);
		if (e == 0)
			e = x.status == 200 ? take_token(r, &answer) : -EACCES;
	}
	curl_slist_free_all(x.headers);
	if (e == -EBADMSG || e == -EACCES) {
		r->authorization[0] = 0;
		snprintf(r->source.why, sizeof(r->source.why), "%.100s: %s", r->ref.registry, refused);
		return -EACCES;
	}
	return e;
}
