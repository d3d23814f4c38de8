/* SPDX-License-Identifier: Apache-2.0 */
/* Image names: see image.h and policy.h. */
#include "policy/image.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"
#include "policy/policy.h"

static const char hub[] = "docker.io/";
static const char official[] = "library/";

/* "sha256:..." or 64 digits: an image without a name. */
static bool is_id(const char *name)
{
	const char *hex = str_has_prefix(name, "sha256:") ? name + 7 : name;

	return strlen(hex) == 64 && str_is_hex(hex, 64);
}

/* A first component with a dot, a port or a capital, or localhost, is a registry; else it is a user's
 * name. */
static bool has_registry(const char *name)
{
	size_t n = strcspn(name, "/");

	for (size_t i = 0; i < n && name[n] == '/'; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			return true;

	return name[n] == '/' && (memchr(name, '.', n) || memchr(name, ':', n) ||
					 (n == 9 && memcmp(name, "localhost", 9) == 0));
}

static bool has_tag_or_digest(const char *name)
{
	const char *last = strrchr(name, '/');

	return strpbrk(last ? last : name, ":@") != NULL;
}

const char *image_canonical(const char *name, char *out, size_t size)
{
	const char *registry = "", *folder = "", *tag = "";

	if (is_id(name)) {
		snprintf(out, size, "%s%s", str_has_prefix(name, "sha256:") ? "" : "sha256:", name);
		return out;
	}
	if (str_has_prefix(name, "index.docker.io/"))
		name += strlen("index.");
	if (!has_registry(name))
		registry = hub;
	if (*registry || str_has_prefix(name, hub)) {
		const char *rest = *registry ? name : name + strlen(hub);

		if (!strchr(rest, '/'))
			folder = official;
		registry = hub;
		name = rest;
	}
	if (!has_tag_or_digest(name))
		tag = ":latest";
	snprintf(out, size, "%s%s%s%s", registry, folder, name, tag);
	return out;
}

const char *image_pattern(const char *pattern, char *out, size_t size)
{
	if (!strchr(pattern, '*'))
		return image_canonical(pattern, out, size);
	snprintf(out, size, "%s", pattern);
	return out;
}

/* One more name: the first n bytes of another. */
static void names_put(struct image_names *names, const char *text, size_t n)
{
	char *to = names->texts[names->count++];

	memcpy(to, text, n);
	to[n] = 0;
}

void image_names_init(struct image_names *names, const char *image)
{
	char full[IMAGE_NAME_MAX];

	names->count = 0;
	image_canonical(image, full, sizeof(full));
	size_t n = strlen(full), digest = strcspn(full, "@");
	names_put(names, full, n);
	if (digest < n) {
		names_put(names, full, digest);
		full[digest] = 0;
		n = digest;
		if (!has_tag_or_digest(full) && n + 1 < sizeof(full)) {
			full[n] = ':';
			names_put(names, full, n + 1);
			return;
		}
	}
	if (str_has_suffix(full, ":latest"))
		names_put(names, full, n - strlen(":latest"));
}

bool image_names_match(const struct image_names *names, const char *pattern)
{
	static const char *const prefixes[] = {hub, official};

	for (unsigned i = 0; i < names->count; i++) {
		const char *text = names->texts[i];

		if (pattern_match(pattern, text, true))
			return true;
		for (size_t k = 0; k < ARRAY_SIZE(prefixes) && str_has_prefix(text, prefixes[k]);
			k++) {
			text += strlen(prefixes[k]);
			if (pattern_match(pattern, text, true))
				return true;
		}
	}
	return false;
}

const char *image_familiar(const char *canonical, char *out, size_t size)
{
	static const char library[] = "library/", latest[] = ":latest";
	const char *name = canonical;

	if (str_has_prefix(name, hub)) {
		name += sizeof(hub) - 1;
		if (str_has_prefix(name, library))
			name += sizeof(library) - 1;
	}
	snprintf(out, size, "%s", name);
	if (str_has_suffix(out, latest))
		out[strlen(out) - (sizeof(latest) - 1)] = 0;
	return out;
}
