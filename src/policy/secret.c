/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value looks like a secret: by what it is called, and by the shapes of known tokens. */
#include "policy/secret.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/parse.h"

/* Parts of names. */
static const char *const words[] = {"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY",
	"ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL", "AUTH_KEY", "ENCRYPTION_KEY", "SIGNING_KEY"};

/* Their ends. */
static const char *const ends[] = {"_PASS", "_PWD"};

/* Beginnings of values, and how many more characters of a token follow at least. */
static const struct {
	const char *prefix;
	size_t more;
} shapes[] = {
	{"AKIA", 12}, {"ASIA", 12}, {"AIza", 12}, {"ghp_", 12}, {"gho_", 12}, {"ghs_", 12}, {"github_pat_", 5},
	{"glpat-", 10}, {"xoxb-", 11}, {"xoxp-", 11}, {"xoxa-", 16}, {"sk_live_", 8}, {"rk_live_", 8}, {"sk-", 32},
	{"npm_", 30}, {"dckr_pat_", 16}, {"hvs.", 20}, {"eyJ", 40}, {"eyJhbGciOi", 6}, {"-----BEGIN ", 5},
};

static bool name_tells(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	size_t n = strlen(name);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (n >= strlen(ends[i]) && strcasecmp(name + n - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

/* "POSTGRES_PASSWORD_FILE=/run/secrets/x", "TOKEN_TTL=3600", "REQUIRE_PASSWORD=yes" hold none. */
static bool harmless(const char *name, const char *value)
{
	size_t n = strlen(name);

	if (!*value || (n > 5 && strcasecmp(name + n - 5, "_FILE") == 0) || value[0] == '/')
		return true;
	static const char *const plain[] = {"true", "false", "yes", "no", "on", "off", "none"};
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (strcasecmp(value, plain[i]) == 0)
			return true;
	return value[strspn(value, "0123456789")] == 0 && strlen(value) < 6 && strcasestr(name, "TTL");
}

/* scheme://user:password@host */
static bool has_login(const char *value)
{
	const char *start = strstr(value, "://");
	size_t n = start ? strcspn(start + 3, "/?# ") : 0;
	const char *at = start ? memchr(start + 3, '@', n) : NULL;
	const char *colon = at ? memchr(start + 3, ':', (size_t)(at - start - 3)) : NULL;

	return colon && at > colon + 1;
}

bool secret_looks(const char *name, const char *value)
{
	if (name_tells(name) && !harmless(name, value))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (str_has_prefix(value, shapes[i].prefix) && strlen(value) >= strlen(shapes[i].prefix) + shapes[i].more)
			return true;
	return has_login(value);
}
