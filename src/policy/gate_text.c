/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the gates: names of effects, and the form of a refusal. */
#include <string.h>

#include "policy/gates.h"

static const char *const gate_effects[] = {"ignore", "alert", "block"};
const struct enum_names gate_effect_names = {gate_effects, ARRAY_SIZE(gate_effects)};

static const char *const access_effects[] = {"allow", "alert", "deny"};
const struct enum_names access_effect_names = {access_effects, ARRAY_SIZE(access_effects)};

static const char *const access_audits[] = {"all", "denied", "none", "counted"};
const struct enum_names access_audit_names = {access_audits, ARRAY_SIZE(access_audits)};

static const char *const host_namespaces[] = {"network", "pid", "ipc", "uts", "user", "cgroup"};
const struct enum_names host_namespace_names = {host_namespaces, ARRAY_SIZE(host_namespaces)};

/* Bytes of the sequence that begins so, by its first byte; 0 for none. */
static size_t length_of(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* Bytes of a good character of UTF-8 that is no control character, or 0. */
static size_t character(const unsigned char *p)
{
	size_t n = length_of(p[0]);

	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, halves of UTF-16, beyond the last. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	/* C1; separators of lines and paragraphs; marks that turn the direction of text. */
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae)
		return 0;
	return n == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 0 : n;
}

void gate_clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	while (*p) {
		size_t n = character(p);

		if (n == 0)
			*p = '?';
		p += n ? n : 1;
	}
}

const char *gate_refusal_text(
	const struct gate_verdict *v, const char *subject, char *out, size_t size)
{
	if (v->rule)
		snprintf(out, size, "[Seawall] %s blocked by rule '%s': %s", subject, v->rule,
			v->reason);
	else
		snprintf(out, size, "[Seawall] %s blocked: %s", subject, v->reason);
	gate_clean(out);
	return out;
}
