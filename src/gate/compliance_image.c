/* SPDX-License-Identifier: Apache-2.0 */
/* Section 4 of the benchmark, as far as an image's configuration tells it. See compliance_judge.h. */
#include <stdio.h>
#include <string.h>

#include "gate/compliance_judge.h"
#include "policy/compliance_fails.h"
#include "policy/secret.h"

#define CAUSE_MAX 400
#define NAME_MAX_SHOWN 60

static void judge_user(const struct json *config, judge_fn *fn, void *ctx)
{
	const char *user = json_get_str(config, "User", "");
	char cause[CAUSE_MAX];
	size_t n = strcspn(user, ":");
	bool root = !n || user_is_root(user);

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
		if (!secret_looks(name, eq + 1) || used > sizeof(cause) - sizeof(name) - 32)
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
