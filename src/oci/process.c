/* SPDX-License-Identifier: Apache-2.0 */
/* `process` of config.json: what runs first, as whom, with which rights, told what. */
#include "oci/reader.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/secret.h"

/* What Docker and containerd give to everybody; podman and CRI-O give less. */
static const char *const default_capabilities[] = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL",
	"MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"};

/* The kernel's, up to CAP_AUDIT_READ (Linux 3.16): who has all of these has all. */
static const char *const all_capabilities[] = {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL",
	"SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
	"SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"};

static const char *const capability_sets[] = {"bounding", "permitted", "effective", "inheritable", "ambient"};

static bool in(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* Kubernetes tells each container of every service: long lists are honest, and cut. Secrets are
 * looked for in all of them. */
static void read_env(struct oci_reader *r, const struct json *process)
{
	char name[OCI_TEXT_MAX];

	for (const struct json *j = oci_list(r, process, "env"); j && !r->failed; j = json_next(j)) {
		const char *entry = json_str(j, NULL);
		if (!entry) {
			oci_fail(r, -EBADMSG, "'env' is not a list of texts");
			return;
		}
		size_t n = strcspn(entry, "=");
		n = n < sizeof(name) ? n : sizeof(name) - 1;
		memcpy(name, entry, n);
		name[n] = 0;
		const char *value = strchr(entry, '=') ? strchr(entry, '=') + 1 : "";
		if (r->c->env_names.count < CREATION_LIST_MAX)
			oci_add(r, &r->c->env_names, name, "variables");
		if (r->c->secret_envs.count < CREATION_LIST_MAX && secret_looks(name, value))
			oci_add(r, &r->c->secret_envs, name, "variables");
	}
}

/* Cut: they are shown and matched by their beginning. */
static void read_args(struct oci_reader *r, const struct json *process)
{
	char arg[OCI_TEXT_MAX];

	for (const struct json *j = oci_list(r, process, "args"); j && !r->failed; j = json_next(j)) {
		if (!json_is_string(j))
			oci_fail(r, -EBADMSG, "'args' is not a list of texts");
		snprintf(arg, sizeof(arg), "%s", json_str(j, ""));
		if (r->c->args.count < CREATION_LIST_MAX)
			oci_add(r, &r->c->args, arg, "arguments");
	}
}

static void add_capability(struct oci_reader *r, struct str_list *seen, const char *text)
{
	char name[64];
	size_t n = 0;

	if (strncasecmp(text, "CAP_", 4) == 0)
		text += 4;
	for (; text[n] && n < sizeof(name) - 1; n++)
		name[n] = text[n] >= 'a' && text[n] <= 'z' ? (char)(text[n] - 32) : text[n];
	name[n] = 0;
	if (n && !oci_contains(seen, name))
		oci_add(r, seen, name, "capabilities");
}

static void read_capabilities(struct oci_reader *r, const struct json *capabilities)
{
	CLEANUP(str_list_done) struct str_list seen = {0};
	size_t known = 0;

	for (size_t i = 0; i < ARRAY_SIZE(capability_sets); i++)
		for (const struct json *j = oci_list(r, capabilities, capability_sets[i]); j && !r->failed; j = json_next(j))
			add_capability(r, &seen, oci_item(r, j, "capabilities"));
	for (size_t i = 0; i < ARRAY_SIZE(all_capabilities); i++)
		known += oci_contains(&seen, all_capabilities[i]);
	r->capabilities = seen.count;
	if (known == ARRAY_SIZE(all_capabilities))
		oci_add(r, &r->c->capabilities, "ALL", "capabilities");
	for (uint32_t i = 0; i < seen.count; i++)
		if (!in(default_capabilities, ARRAY_SIZE(default_capabilities), seen.items[i]))
			oci_add(r, &r->c->capabilities, seen.items[i], "capabilities");
}

/* Absent says nothing: the host may have no such thing. */
static void read_confinement(struct oci_reader *r, const struct json *process)
{
	const char *apparmor = oci_text(r, process, "apparmorProfile"), *selinux = oci_text(r, process, "selinuxLabel");

	if (*apparmor)
		r->c->apparmor = strcmp(apparmor, "unconfined") == 0 ? FACT_NO : FACT_YES;
	if (*selinux)
		r->c->selinux = strstr(selinux, ":spc_t:") || strstr(selinux, ":unconfined_t:") ? FACT_NO : FACT_YES;
	if (r->c->apparmor == FACT_NO)
		oci_add(r, &r->c->security_options, "apparmor=unconfined", "options");
	if (r->c->selinux == FACT_NO)
		oci_add(r, &r->c->security_options, "label=disable", "options");
	r->c->no_new_privileges = oci_flag(r, process, "noNewPrivileges") ? FACT_YES : FACT_NO;
}

void oci_read_process(struct oci_reader *r, const struct json *process)
{
	const struct json *user = oci_object(r, process, "user");
	char text[64];

	read_args(r, process);
	read_env(r, process);
	read_capabilities(r, oci_object(r, process, "capabilities"));
	read_confinement(r, process);
	/* Asked for without their numbers, root is meant. */
	int64_t uid = oci_number(r, user, "uid", 0), gid = oci_number(r, user, "gid", 0);
	snprintf(text, sizeof(text), "%lld:%lld", (long long)uid, (long long)gid);
	oci_set(r, &r->c->user, text);
}
