/* SPDX-License-Identifier: Apache-2.0 */
/* The values of the areas of the gates: keys, capabilities, paths of the host, checks: see values.h. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"
#include "policy/gates.h"
#include "policy/suggest.h"
#include "policy/values.h"

#define MESSAGE_BYTES_MAX 400 /* fits into a refusal with its rule */

static int add(void *target, const char *text)
{
	return target ? str_list_add(target, text) : 0;
}

/* ---- trust ---- */

int value_digest(struct walk *w, const struct node *n, void *target)
{
	char lower[72];

	if (!str_has_prefix(n->text, "sha256:") || strlen(n->text) != 71 ||
		!str_is_hex(n->text + 7, 64))
		return schema_error(
			w, n, "sha256: and 64 hexadecimal digits", "bad digest '%.80s'", n->text);
	for (size_t i = 0; i < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)n->text[i]);
	return add(target, lower);
}

/* Base 64 between the two lines, and nothing behind them. */
static bool is_pem(const char *text)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
	size_t body = 0;

	if (!str_has_prefix(text, begin))
		return false;
	for (text += sizeof(begin) - 1; *text && *text != '-'; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("+/=\r\n \t", *text))
			return false;
		body += isalnum((unsigned char)*text) != 0;
	}
	return body > 32 && str_has_prefix(text, end) &&
	       strspn(text + sizeof(end) - 1, "\r\n \t") == strlen(text + sizeof(end) - 1);
}

int value_key(struct walk *w, const struct node *n, void *target)
{
	const char *text = n->text + strspn(n->text, " \t\r\n");

	if (is_pem(text))
		return add(target, text);
	if (strchr(text, '\n') || str_has_prefix(text, "-----"))
		return schema_error(w, n, "-----BEGIN PUBLIC KEY-----, base64, -----END PUBLIC KEY-----",
			"the key is no public key in PEM");
	return schema_error(w, n, "the text of the key, from -----BEGIN PUBLIC KEY----- on",
		"the key '%.64s' is not a PEM text; a file is read by `seawall policy apply`", n->text);
}

/* ---- compliance ---- */

int value_check(struct walk *w, const struct node *n, void *target)
{
	const struct compliance_check *check = compliance_check(n->key->text);
	struct check_effect *to = target;
	struct suggestion near = SUGGESTION(n->key->text);

	if (check && to)
		to->check = check;
	if (check)
		return !check->fails && n->kind == NODE_TEXT && strcmp(n->text, "block") == 0
			       ? schema_warning(w, n,
					 "'%s' is no check of new containers: it is told, nothing can be blocked",
					 check->id)
			       : 0;
	for (size_t i = 0; (check = compliance_check_at(i)); i++)
		suggestion_offer(&near, check->id);
	if (near.best)
		return schema_error(w, n->key, "the name of a check",
			"unknown check '%.64s', did you mean '%s'?", n->key->text, near.best);
	return schema_error(
		w, n->key, "the name of a check", "unknown check '%.64s'", n->key->text);
}

/* ---- access ---- */

static bool one_line(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return false;
	return true;
}

int value_message(struct walk *w, const struct node *n, void *target)
{
	if (strlen(n->text) > MESSAGE_BYTES_MAX || !one_line(n->text))
		return schema_error(w, n, "a text of at most 400 bytes in one line",
			"'%s' is too long or has line breaks", node_label(n));
	return target ? str_set(target, n->text) : 0;
}

int value_fact(struct walk *w, const struct node *n, void *target)
{
	if (target)
		*(int *)target = n->text[0] == 't' ? FACT_YES : FACT_NO;
	return 0;
}

int value_pattern(struct walk *w, const struct node *n, void *target)
{
	if (pattern_check(n->text) < 0 || strlen(n->text) > POLICY_PATH_MAX || !one_line(n->text))
		return schema_error(w, n,
			"a text of at most 255 bytes with `*` only at its beginning and/or end",
			"bad pattern '%.128s'", n->text);
	return add(target, n->text);
}

int value_user(struct walk *w, const struct node *n, void *target)
{
	return *n->text ? value_pattern(w, n, target) : add(target, "");
}

static const char *const capability_names[] = {"ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE",
	"BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
	"FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
	"MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
	"NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN",
	"SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"};

int value_capability(struct walk *w, const struct node *n, void *target)
{
	const char *text = n->text + (strncasecmp(n->text, "CAP_", 4) == 0 ? 4 : 0);
	struct suggestion near = SUGGESTION(text);

	if (strcmp(text, "*") == 0)
		return add(target, "*");
	for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++) {
		if (strcasecmp(capability_names[i], text) == 0)
			return add(target, capability_names[i]);
		suggestion_offer(&near, capability_names[i]);
	}
	if (near.best)
		return schema_error(w, n, "a capability such as NET_ADMIN, or `*`",
			"unknown capability '%.64s', did you mean '%s'?", n->text, near.best);
	return schema_error(w, n, "a capability such as NET_ADMIN, or `*`",
		"unknown capability '%.64s'", n->text);
}

/* Whether a path has a part that would keep it from ever being met: "//", ".", "..". */
static bool unclean(const char *path)
{
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t n = strcspn(p + 1, "/");

		if ((n == 0 && p[1]) || (n == 1 && p[1] == '.') ||
			(n == 2 && p[1] == '.' && p[2] == '.'))
			return true;
	}
	return false;
}

int value_bind(struct walk *w, const struct node *n, void *target)
{
	char path[POLICY_PATH_MAX + 1];
	size_t len = strlen(n->text);
	uint32_t before = w->messages->errors;
	int r = value_path(w, n, NULL);

	if (r < 0 || w->messages->errors != before)
		return r;
	if (unclean(n->text))
		return schema_error(w, n, "a path without `//`, `.` and `..`",
			"the path '%.128s' can never be met", n->text);
	memcpy(path, n->text, len + 1);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	return add(target, path);
}

int value_host_namespace(struct walk *w, const struct node *n, void *target)
{
	int bit = enum_from_name(&host_namespace_names, n->text);
	static const char expected[] = "network, pid, ipc, uts, user or cgroup";
	struct suggestion near = SUGGESTION(n->text);

	if (bit >= 0) {
		if (target)
			*(unsigned *)target |= 1u << bit;
		return 0;
	}
	for (int i = 0; i < host_namespace_names.count; i++)
		suggestion_offer(&near, host_namespace_names.names[i]);
	if (near.best)
		return schema_error(w, n, expected, "unknown namespace '%.64s', did you mean '%s'?",
			n->text, near.best);
	return schema_error(w, n, expected, "unknown namespace '%.64s'", n->text);
}
