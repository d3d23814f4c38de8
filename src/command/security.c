/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, security options and the kernel's paths that are hidden from a container. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "command/internal.h"

/* In every list of Docker's own, since it has them: without them the list was replaced. */
static const char *const always_masked[] = {"/proc/kcore", "/sys/firmware"};
static const char *const always_readonly[] = {"/proc/sys", "/proc/sysrq-trigger"};

/* "cap_sys_admin", "SYS_ADMIN": SYS_ADMIN. */
void capability_add(struct reading *rd, const char *name)
{
	char text[64];
	const char *known = creation_capability(name, text);

	if (!known) {
		reading_refuse(rd, "a capability has no name");
		return;
	}
	if (!*known)
		return;
	for (uint32_t i = 0; i < rd->c->capabilities.count; i++)
		if (strcmp(rd->c->capabilities.items[i], text) == 0)
			return;
	list_put(rd, &rd->c->capabilities, text);
	parameter(rd, "cap", text);
}

/* A profile given as JSON: unconfined when it allows what it does not name, and names nothing. */
static enum fact profile_confines(struct reading *rd, const char *profile)
{
	CLEANUP(json_free) struct json *root = NULL;

	if (*profile != '{')
		return strcmp(profile, "unconfined") == 0 ? FACT_NO : FACT_YES;
	if (json_parse(&root, profile, strlen(profile), NULL) < 0) {
		reading_refuse(rd, "a seccomp profile does not parse");
		return FACT_UNKNOWN;
	}
	const char *action = field_text(rd, root, "defaultAction");
	bool open = action && (strcmp(action, "SCMP_ACT_ALLOW") == 0 || strcmp(action, "SCMP_ACT_LOG") == 0);
	return open && !json_first(field_array(rd, root, "syscalls")) ? FACT_NO : FACT_YES;
}

static void option_read(struct reading *rd, const char *key, const char *value)
{
	struct creation *c = rd->c;

	if (strcmp(key, "seccomp") == 0)
		c->seccomp = profile_confines(rd, value);
	else if (strcmp(key, "apparmor") == 0)
		c->apparmor = strcmp(value, "unconfined") == 0 ? FACT_NO : FACT_YES;
	else if (strcmp(key, "label") == 0 && (strcmp(value, "disable") == 0 || str_has_prefix(value, "type:spc_t")))
		c->selinux = FACT_NO;
	else if (strcmp(key, "label") == 0 && c->selinux == FACT_UNKNOWN)
		c->selinux = FACT_YES;
	else if (strcmp(key, "no-new-privileges") == 0)
		c->no_new_privileges = strchr("1tT", *value) && *value ? FACT_YES : FACT_NO;
}

/* "KEY=VALUE", in old form "KEY:VALUE", or a word alone. */
void security_read(struct reading *rd, const char *option)
{
	size_t n = strcspn(option, strchr(option, '=') ? "=" : ":");
	const char *value = option[n] ? option + n + 1 : "";
	char key[64], text[COMMAND_PARAMETER_MAX];

	if (n >= sizeof(key)) {
		reading_refuse(rd, "a security option is not known");
		return;
	}
	memcpy(key, option, n);
	key[n] = 0;
	if (!option[n] && strcmp(key, "no-new-privileges") == 0)
		rd->c->no_new_privileges = FACT_YES;
	else if (!option[n] && strcmp(key, "disable") == 0)
		rd->c->selinux = FACT_NO;
	else
		option_read(rd, key, value);
	snprintf(text, sizeof(text), "%s%s%s", key, option[n] ? "=" : "", *value == '{' ? "(a profile)" : value);
	list_put(rd, &rd->c->security_options, text);
	parameter(rd, "security", text);
}

/* Whether a list is there and lacks one of what Docker's own list has. */
static bool lacks(struct reading *rd, const struct json *list, const char *const *paths, size_t n)
{
	for (size_t i = 0; list && i < n; i++) {
		bool there = false;

		for (const struct json *j = json_first(list); j; j = json_next(j))
			there |= strcmp(json_str(j, ""), paths[i]) == 0;
		if (!there)
			return true;
	}
	return false;
}

/* The command line says "systempaths=unconfined", the API sends two empty lists. */
void paths_read(struct reading *rd, const struct json *host)
{
	const struct json *masked = field_array(rd, host, "MaskedPaths");
	const struct json *readonly = field_array(rd, host, "ReadonlyPaths");

	if (lacks(rd, masked, always_masked, ARRAY_SIZE(always_masked)) ||
		lacks(rd, readonly, always_readonly, ARRAY_SIZE(always_readonly))) {
		list_put(rd, &rd->c->security_options, "systempaths=unconfined");
		parameter(rd, "security", "systempaths=unconfined");
	}
}
