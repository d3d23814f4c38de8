/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the checks look at: see compliance_fails.h. A setting that is absent has failed where the
 * engine's default is the bad case (no limit, writable root), and has not where it is the good one
 * (profiles) or is not known (the image's user and health check).
 */
#include "policy/compliance_fails.h"

#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "policy/bind.h"

#define SAY(...) (snprintf(why, size, __VA_ARGS__), true)

/* "a, b and so on" of a list, behind `head`. */
static bool say_list(char *why, size_t size, const char *head, const struct str_list *l)
{
	struct buf b = BUF_FIXED((uint8_t *)why, size);

	buf_puts(&b, head);
	for (uint32_t i = 0; i < l->count && !b.failed; i++)
		buf_printf(&b, "%s %.64s", i ? "," : "", l->items[i]);
	return l->count > 0;
}

bool user_is_root(const char *user)
{
	size_t n = strcspn(user, ":");
	const char *digits = user + (*user == '+' || *user == '-');

	if (n == 4 && memcmp(user, "root", 4) == 0)
		return true;
	/* Numbers as the engines read them: "0", "00", "+0". */
	return digits < user + n && strspn(digits, "0") == (size_t)(user + n - digits);
}

bool fails_root_user(const struct creation *c, char *why, size_t size)
{
	return c->user && user_is_root(c->user) && SAY("user %.64s", c->user);
}

bool fails_env_secrets(const struct creation *c, char *why, size_t size)
{
	return say_list(why, size, "variables that look like secrets:", &c->secret_envs);
}

bool fails_apparmor(const struct creation *c, char *why, size_t size)
{
	return c->apparmor == FACT_NO && SAY("AppArmor is switched off");
}

bool fails_selinux(const struct creation *c, char *why, size_t size)
{
	return c->selinux == FACT_NO && SAY("SELinux is switched off");
}

bool fails_capabilities(const struct creation *c, char *why, size_t size)
{
	return say_list(why, size, "capabilities added:", &c->capabilities);
}

bool fails_privileged(const struct creation *c, char *why, size_t size)
{
	return c->privileged == FACT_YES && SAY("the container is privileged");
}

/* ---- mounts ---- */

/* The root of the host, one of its system folders, or something in one that can be written. */
static bool sensitive(const char *path, bool readonly)
{
	static const char *const folders[] = {
		"/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"};

	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (strcmp(path, folders[i]) == 0 || (!readonly && bind_within(folders[i], path)))
			return true;
	return false;
}

bool fails_sensitive_mounts(const struct creation *c, char *why, size_t size)
{
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct mount_fact *m = &c->mounts[i];

		if (m->kind != MOUNT_BIND || !m->source)
			continue;
		if (sensitive(m->source, m->readonly))
			return SAY("mounts %.160s of the host", m->source);
		if (m->resolved && sensitive(m->resolved, m->readonly))
			return SAY("mounts %.100s of the host, which is %.100s", m->source, m->resolved);
	}
	return false;
}

bool fails_shared_mounts(const struct creation *c, char *why, size_t size)
{
	for (uint32_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].shared)
			return SAY("the mount %.160s is shared",
				c->mounts[i].target ? c->mounts[i].target : "");
	return false;
}

/* The sockets of the engines, and any path that is named like one. */
bool fails_docker_socket(const struct creation *c, char *why, size_t size)
{
	static const char *const sockets[] = {"/run/docker.sock", "*/docker.sock",
		"/run/containerd/containerd.sock", "*/containerd.sock", "/run/podman/podman.sock",
		"*/podman.sock", "/run/crio/crio.sock", "*/crio.sock"};

	for (uint32_t i = 0; i < c->mount_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(sockets); k++)
			if (mount_reaches(sockets[k], &c->mounts[i]))
				return SAY("mounts %.160s of the host", c->mounts[i].source);
	return false;
}

/* ---- ports, networks ---- */

/* "0.0.0.0:80", "[::]:80", ":80", "80": where the port begins, and the length of the address. */
static const char *port_of(const char *published, size_t *ret_address)
{
	const char *colon = strrchr(published, ':');

	*ret_address = colon ? (size_t)(colon - published) : 0;
	return colon ? colon + 1 : published;
}

bool fails_privileged_ports(const struct creation *c, char *why, size_t size)
{
	for (uint32_t i = 0; i < c->ports.count; i++) {
		size_t address;
		unsigned long port = strtoul(port_of(c->ports.items[i], &address), NULL, 10);

		if (port > 0 && port < 1024)
			return SAY("publishes port %lu", port);
	}
	return false;
}

bool fails_port_interface(const struct creation *c, char *why, size_t size)
{
	static const char *const all[] = {"", "0.0.0.0", "::", "[::]", "*"};

	for (uint32_t i = 0; i < c->ports.count; i++) {
		size_t n;
		const char *port = port_of(c->ports.items[i], &n);

		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			if (strlen(all[k]) == n && memcmp(all[k], c->ports.items[i], n) == 0)
				return SAY("publishes port %.32s on every address", port);
	}
	return false;
}

bool fails_default_bridge(const struct creation *c, char *why, size_t size)
{
	for (uint32_t i = 0; i < c->networks.count; i++)
		if (strcmp(c->networks.items[i], "bridge") == 0 ||
			strcmp(c->networks.items[i], "default") == 0)
			return SAY("is on the default bridge");
	return false;
}

/* ---- namespaces ---- */

static bool shares(const struct creation *c, enum host_namespace which, char *why, size_t size)
{
	return (c->host_namespaces & which) && SAY("shares that of the host");
}

bool fails_host_network(const struct creation *c, char *why, size_t size)
{
	return shares(c, HOST_NETWORK, why, size);
}

bool fails_host_pid(const struct creation *c, char *why, size_t size)
{
	return shares(c, HOST_PID, why, size);
}

bool fails_host_ipc(const struct creation *c, char *why, size_t size)
{
	return shares(c, HOST_IPC, why, size);
}

bool fails_host_uts(const struct creation *c, char *why, size_t size)
{
	return shares(c, HOST_UTS, why, size);
}

bool fails_host_userns(const struct creation *c, char *why, size_t size)
{
	return shares(c, HOST_USER, why, size);
}

/* ---- limits and the rest ---- */

bool fails_memory_limit(const struct creation *c, char *why, size_t size)
{
	return c->memory <= 0 && SAY("no limit of memory");
}

bool fails_cpu_shares(const struct creation *c, char *why, size_t size)
{
	return c->cpu_shares <= 0 && SAY("no CPU shares");
}

bool fails_pids_limit(const struct creation *c, char *why, size_t size)
{
	return c->pids <= 0 && SAY("no limit of processes");
}

bool fails_ulimits(const struct creation *c, char *why, size_t size)
{
	return !c->ulimits && SAY("no ulimits of its own");
}

bool fails_readonly_root(const struct creation *c, char *why, size_t size)
{
	return c->readonly_root != FACT_YES && SAY("the root file system can be written");
}

bool fails_no_new_privileges(const struct creation *c, char *why, size_t size)
{
	return c->no_new_privileges != FACT_YES && SAY("no-new-privileges is not set");
}

bool fails_seccomp(const struct creation *c, char *why, size_t size)
{
	return c->seccomp == FACT_NO && SAY("seccomp is switched off");
}

bool fails_healthcheck(const struct creation *c, char *why, size_t size)
{
	return c->healthcheck == FACT_NO && SAY("the health check is switched off");
}

bool fails_devices(const struct creation *c, char *why, size_t size)
{
	return say_list(why, size, "devices of the host:", &c->devices);
}

bool fails_restart_policy(const struct creation *c, char *why, size_t size)
{
	static const char *const endless[] = {"always", "unless-stopped"};

	for (size_t i = 0; c->restart_policy && i < ARRAY_SIZE(endless); i++)
		if (strcmp(c->restart_policy, endless[i]) == 0)
			return SAY("restarts without end (%s)", endless[i]);
	return false;
}

bool fails_sshd(const struct creation *c, char *why, size_t size)
{
	for (uint32_t i = 0; i < c->args.count; i++) {
		const char *slash = strrchr(c->args.items[i], '/');
		const char *program = slash ? slash + 1 : c->args.items[i];

		if (strcmp(program, "sshd") == 0 || strcmp(program, "dropbear") == 0)
			return SAY("starts %s", program);
	}
	return false;
}
