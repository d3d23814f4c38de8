/* SPDX-License-Identifier: Apache-2.0 */
/* Section 4 of the benchmark, as far as an image's configuration tells it. See compliance_judge.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "gate/compliance_judge.h"

#define CAUSE_MAX 400
#define NAME_MAX_SHOWN 60
#define SECRET_MIN 4 /* bytes; a shorter value is a switch, not a secret */

/* Words of names, as parts between '_' or '-': "DB_PASSWORD" carries one, "PASSWORDLESS" does not. */
static const char *const secret_words[] = {"PASSWORD", "PASSWD", "PASSPHRASE", "PWD", "SECRET", "SECRETS", "TOKEN",
	"APIKEY", "CREDENTIAL", "CREDENTIALS", "PRIVATEKEY", "ACCESSKEY", "SECRETKEY"};
static const char *const secret_pairs[] = {"API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY", "AUTH_KEY",
	"ENCRYPTION_KEY", "SIGNING_KEY", "MASTER_KEY"};
/* What a name ends in when its value says where the secret is, or what it is like. */
static const char *const harmless_ends[] = {"_FILE", "_PATH", "_DIR", "_URL", "_URI", "_HOST", "_NAME", "_LENGTH",
	"_EXPIRY", "_TTL", "_ISSUER", "_ALGORITHM", "_TYPE", "_ID"};
/* How values begin that are secrets by their form, whatever the name. */
static const char *const secret_values[] = {"AKIA", "ASIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-",
	"xoxp-", "sk_live_", "rk_live_", "-----BEGIN", "AGE-SECRET-KEY-", "npm_", "dckr_pat_"};

static bool part_of_name(const char *name, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(name, word); p; p = strstr(p + 1, word))
		if ((p == name || p[-1] == '_') && (!p[n] || p[n] == '_' || isdigit((unsigned char)p[n])))
			return true;
	return false;
}

static bool any_part(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (part_of_name(name, words[i]))
			return true;
	return false;
}

static bool secret_by_name(const char *name)
{
	char upper[128];
	size_t n = 0;

	for (; name[n] && n < sizeof(upper) - 1; n++)
		upper[n] = name[n] == '-' || name[n] == '.' ? '_' : (char)toupper((unsigned char)name[n]);
	upper[n] = 0;
	if (strcmp(upper, "PWD") == 0 || strcmp(upper, "OLDPWD") == 0)
		return false; /* the shell's own */
	for (size_t i = 0; i < ARRAY_SIZE(harmless_ends); i++)
		if (str_has_suffix(upper, harmless_ends[i]))
			return false;
	return any_part(upper, secret_words, ARRAY_SIZE(secret_words)) ||
	       any_part(upper, secret_pairs, ARRAY_SIZE(secret_pairs));
}

bool compliance_secret_env(const char *name, const char *value)
{
	static const char *const switches[] = {"true", "false", "none", "null", "required", "optional"};

	for (size_t i = 0; i < ARRAY_SIZE(secret_values); i++)
		if (str_has_prefix(value, secret_values[i]) && strlen(value) >= strlen(secret_values[i]) + 8)
			return true;
	/* A user and a password in an address: "postgres://app:hunter2@db/shop". */
	const char *scheme = strstr(value, "://"), *at = scheme ? strchr(scheme, '@') : NULL;
	const char *colon = scheme ? strchr(scheme + 3, ':') : NULL, *slash = scheme ? strchr(scheme + 3, '/') : NULL;
	if (at && colon && colon + 1 < at && (!slash || at < slash) && colon[1] != '$')
		return true;
	if (strlen(value) < SECRET_MIN || value[0] == '$' || value[0] == '/')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (strcasecmp(value, switches[i]) == 0)
			return false;
	return secret_by_name(name);
}

static void judge_user(const struct json *config, judge_fn *fn, void *ctx)
{
	const char *user = json_get_str(config, "User", "");
	char cause[CAUSE_MAX];
	size_t n = strcspn(user, ":");
	bool zero = n > 0 && strspn(user, "0") == n;
	bool root = !n || zero || (n == 4 && strncmp(user, "root", 4) == 0);

	snprintf(cause, sizeof(cause), "its user is '%.60s'", user);
	fn(ctx, "image_user", !root, !root ? "" : n ? cause : "it names no user: its processes are root");
}

static void judge_health(const struct json *config, judge_fn *fn, void *ctx)
{
	const struct json *test = json_path(config, "Healthcheck.Test");
	bool off = strcmp(json_str(json_first(test), "NONE"), "NONE") == 0;

	fn(ctx, "image_healthcheck", !off, off ? "it has no HEALTHCHECK" : "");
}

static void judge_secrets(const struct json *config, judge_fn *fn, void *ctx)
{
	char cause[CAUSE_MAX] = "", name[NAME_MAX_SHOWN + 1];
	size_t used = 0, found = 0;

	for (const struct json *j = json_first(json_get(config, "Env")); j; j = json_next(j)) {
		const char *text = json_str(j, ""), *eq = strchr(text, '=');
		if (!eq)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
		/* The name is told, the value never. */
		if (!compliance_secret_env(name, eq + 1) || used > sizeof(cause) - sizeof(name) - 32)
			continue;
		used += (size_t)snprintf(cause + used, sizeof(cause) - used, "%s%s", found++ ? ", " : "its environment has ", name);
	}
	fn(ctx, "image_secrets", !found, cause);
}

void compliance_judge_image(const struct json *image, judge_fn *fn, void *ctx)
{
	const struct json *config = json_get(image, "Config");

	if (!json_is_object(config))
		return;
	judge_user(config, fn, ctx);
	judge_health(config, fn, ctx);
	judge_secrets(config, fn, ctx);
}
