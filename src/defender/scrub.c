/* SPDX-License-Identifier: Apache-2.0 */
/* Which arguments hold secrets: see scrub.h. One table of words, three passes. */
#include "defender/scrub.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/parse.h"

/* A key whose name ends in one of these holds a secret: DB_PASSWORD=x, --api-key x, x-token: x. */
static const char *const secret_words[] = {
	"password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key",
	"access_key", "access-key", "secret_key", "secret-key", "private_key", "private-key",
	"aws_access_key_id", "aws_session_token", "pwd", "pass", "credentials", "authorization",
};
/* Key ids that say themselves what they are (20 capitals and digits). */
static const char *const aws_prefixes[] = {"AKIA", "ASIA"};
#define AWS_ID 20u

struct scrub {
	char *at;
	size_t left;
};

static char stars[] = SCRUBBED;

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* `key` ends in one of the words; short words must be words of their own ("pwd", not "cwpwd"). */
static bool is_secret_key(const char *key, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_words); i++) {
		size_t w = strlen(secret_words[i]);
		if (n < w || strncasecmp(key + n - w, secret_words[i], w) != 0)
			continue;
		if (n == w || w >= 5 || key[n - w - 1] == '-' || key[n - w - 1] == '_')
			return true;
	}
	return false;
}

/* How long the value at v is. A header's value has spaces, so it goes on to the closing quote. */
static size_t value_length(const char *v, char quote, bool header)
{
	char closing[2] = {quote, 0};

	if (quote)
		return strcspn(v, closing);
	return strcspn(v, header ? "'\"\n" : " \t\n'\"&;,");
}

/* Where the value of the key that ends at `p` begins; NULL when none follows. */
static const char *value_start(const char *p, bool is_option, char *quote)
{
	const char *v = p;

	if (*v == '\'' || *v == '"') /* "token": ... */
		v++;
	if (*v == '=' || *v == ':')
		v++;
	else if (!is_option || *v != ' ')
		return NULL;
	while (*v == ' ')
		v++;
	*quote = *v == '\'' || *v == '"' ? *v : 0;
	v += *quote != 0;
	/* "--password --verbose": the next option is no secret. "token://" is an address. */
	return *v && !(is_option && *v == '-') && !str_has_prefix(v, "//") ? v : NULL;
}

/* key=value, "key": "value", Header: value, --key value, anywhere in s. */
static bool hide_values(const char *s, struct buf *out)
{
	bool changed = false;

	while (*s) {
		size_t n = 0;
		char quote = 0;
		while (is_key_char(s[n]))
			n++;
		if (!n) {
			buf_putc(out, *s++);
			continue;
		}
		const char *v = is_secret_key(s, n) ? value_start(s + n, str_has_prefix(s, "--"), &quote) : NULL;
		buf_put(out, s, v ? (size_t)(v - s) : n);
		if (v) {
			bool header = strncasecmp(s + (n < 13 ? 0 : n - 13), "authorization", 13) == 0;
			buf_puts(out, SCRUBBED);
			s = v + value_length(v, quote, header);
			changed = true;
		} else {
			s += n;
		}
	}
	return changed;
}

/* scheme://user:password@host, anywhere in s. */
static bool hide_logins(const char *s, struct buf *out)
{
	bool changed = false;

	for (const char *user; (user = strstr(s, "://")); ) {
		user += 3;
		size_t end = strcspn(user, "/?# \t'\"");
		const char *at = memrchr(user, '@', end);
		const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
		buf_put(out, s, (size_t)((colon ? colon + 1 : user) - s));
		if (colon)
			buf_puts(out, SCRUBBED);
		changed = changed || colon;
		s = colon ? at : user;
	}
	buf_puts(out, s);
	return changed;
}

/* Key ids of AWS, anywhere in s. */
static bool hide_aws(const char *s, struct buf *out)
{
	bool changed = false;

	while (*s) {
		size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
		bool hit = false;
		for (size_t i = 0; n == AWS_ID && i < ARRAY_SIZE(aws_prefixes); i++)
			hit = hit || str_has_prefix(s, aws_prefixes[i]);
		if (hit)
			buf_puts(out, SCRUBBED);
		else
			buf_put(out, s, n ? n : 1);
		s += n ? n : 1;
		changed = changed || hit;
	}
	return changed;
}

/* The argument without its secrets, or NULL when it has none. */
static char *scrub_one(struct scrub *m, const char *s)
{
	bool (*const passes[])(const char *, struct buf *) = {hide_values, hide_logins, hide_aws};
	char *clean = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		if (m->left < strlen(s) + 2)
			return stars;
		struct buf out = BUF_FIXED((uint8_t *)m->at, m->left);
		if (!passes[i](s, &out))
			continue;
		if (out.failed)
			return stars;
		s = clean = m->at;
		m->at += out.len + 1;
		m->left -= out.len + 1;
	}
	return clean;
}

/* Does this argument say that the next one is a secret? */
static bool announces(const char *s, bool miner)
{
	if (miner && strcmp(s, "-p") == 0)
		return true;
	return str_has_prefix(s, "--") && !strchr(s, '=') && is_secret_key(s, strlen(s));
}

uint32_t scrub_args(struct str_list *args, bool miner, char *memory, size_t size)
{
	struct scrub m = {.at = memory, .left = size};
	uint32_t changed = 0;
	bool announced = false;

	for (uint32_t i = 0; i < args->count; i++) {
		char *s = args->items[i];
		char *clean = announced && s[0] != '-' ? stars : scrub_one(&m, s);
		announced = i > 0 && announces(s, miner);
		if (clean) {
			args->items[i] = clean;
			changed++;
		}
	}
	return changed;
}
