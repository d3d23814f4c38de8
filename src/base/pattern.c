/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with a leading and/or trailing star: see pattern.h. */
#include "base/pattern.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int pattern_check(const char *pattern)
{
	size_t n = strlen(pattern);

	for (size_t i = 1; i + 1 < n; i++)
		if (pattern[i] == '*')
			return -EINVAL;
	return n ? 0 : -EINVAL;
}

static bool same(const char *a, const char *b, size_t n, bool ignore_case)
{
	return ignore_case ? strncasecmp(a, b, n) == 0 : memcmp(a, b, n) == 0;
}

bool pattern_match(const char *pattern, const char *text, bool ignore_case)
{
	size_t p = strlen(pattern), t = strlen(text);
	bool lead = p && pattern[0] == '*';
	bool trail = p > 1 && pattern[p - 1] == '*';

	if (lead) {
		pattern++;
		p--;
	}
	if (trail)
		p--;
	if (p > t)
		return false;
	if (!lead && !trail)
		return p == t && same(pattern, text, p, ignore_case);
	if (!lead)
		return same(pattern, text, p, ignore_case);
	if (!trail)
		return same(pattern, text + t - p, p, ignore_case);
	for (size_t i = 0; i + p <= t; i++)
		if (same(pattern, text + i, p, ignore_case))
			return true;
	return false;
}
