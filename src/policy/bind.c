/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the host in mounts: see bind.h. */
#include "policy/bind.h"

#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"

#define PATH_BYTES 4096 /* PATH_MAX: nothing longer can be mounted */

static const char old_run[] = "/var/run";

/* /var/run leads to /run wherever it is not the same: both are kept by the shorter name. */
static const char *one_run(const char *path)
{
	size_t n = sizeof(old_run) - 1;

	return str_has_prefix(path, old_run) && (path[n] == '/' || path[n] == 0) ? path + n - 4
										 : path;
}

bool bind_within(const char *pattern, const char *path)
{
	char part[PATH_BYTES];
	size_t len = strlen(path);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (strcmp(pattern, "/") == 0 || strcmp(path, "/") == 0)
		return strcmp(pattern, path) == 0;
	if (len >= sizeof(part))
		return false;
	pattern = one_run(pattern);
	path = one_run(path);
	/* The path and each folder above it, but not the root. */
	for (const char *end = path; *end;) {
		end += strcspn(end + 1, "/") + 1;
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = 0;
		if (pattern_match(pattern, part, false))
			return true;
	}
	return false;
}

/* Whether the folder `path` holds what the literal pattern begins with. */
static bool holds(const char *path, const char *pattern)
{
	size_t n = strlen(path);

	return strcmp(path, "/") == 0 ||
	       (strncmp(pattern, path, n) == 0 && (pattern[n] == '/' || pattern[n] == 0));
}

bool bind_reaches(const char *pattern, const char *path)
{
	if (strlen(path) >= PATH_BYTES)
		return true; /* nothing is known of it but that it is not honest */
	if (bind_within(pattern, path) || strcmp(path, "/") == 0)
		return true;
	if (pattern[0] == '*' || path[0] != '/' || strcmp(pattern, "/") == 0)
		return false;
	return holds(path, pattern) || holds(one_run(path), one_run(pattern));
}

bool mount_reaches(const char *pattern, const struct mount_fact *m)
{
	if (m->kind != MOUNT_BIND)
		return false;
	return (m->source && bind_reaches(pattern, m->source)) ||
	       (m->resolved && bind_reaches(pattern, m->resolved));
}

bool mount_within(const char *pattern, const struct mount_fact *m)
{
	return m->kind == MOUNT_BIND && m->source && bind_within(pattern, m->source) &&
	       (!m->resolved || bind_within(pattern, m->resolved));
}
