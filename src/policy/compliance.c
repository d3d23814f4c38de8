/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks that a creation can fail, by their numbers in the CIS Docker Benchmark 1.6.0. To add
 * one: a row here and its function in compliance_fails.c. Not here, because a creation does not show
 * it: 5.9 (which ports are needed), 5.23 and 5.24 (exec: access rules), 5.25 (cgroup in use), 5.28
 * (age of images). Checks of what is no container are in tables of their own: `tables` below.
 */
#include <string.h>

#include "policy/compliance_fails.h"
#include "policy/compliance_host.h"

/* clang-format off */
const struct compliance_check compliance_checks[] = {
	{"root_user", "4.1", SEVERITY_MEDIUM, "Containers do not run as root",
		"give the image a USER or start it with --user", fails_root_user, "container"},
	{"env_secrets", "4.10", SEVERITY_HIGH, "No secrets in the environment",
		"hand secrets over as files: secrets of the orchestrator, or a mounted file", fails_env_secrets, "container"},
	{"apparmor", "5.2", SEVERITY_MEDIUM, "The AppArmor profile is not switched off",
		"leave out apparmor=unconfined, or name a profile of your own", fails_apparmor, "container"},
	{"selinux", "5.3", SEVERITY_MEDIUM, "SELinux is not switched off",
		"leave out label=disable", fails_selinux, "container"},
	{"capabilities", "5.4", SEVERITY_HIGH, "No capabilities are added",
		"leave out --cap-add, or drop all and add the few that are needed", fails_capabilities, "container"},
	{"privileged", "5.5", SEVERITY_CRITICAL, "Containers are not privileged",
		"leave out --privileged and name the devices and capabilities that are needed", fails_privileged, "container"},
	{"sensitive_mounts", "5.6", SEVERITY_HIGH, "System folders of the host are not mounted",
		"mount a folder made for the container, or a volume", fails_sensitive_mounts, "container"},
	{"sshd", "5.7", SEVERITY_MEDIUM, "No SSH server runs in the container",
		"use docker exec, or log in on the host", fails_sshd, "container"},
	{"privileged_ports", "5.8", SEVERITY_LOW, "Ports below 1024 are not published",
		"publish a port from 1024 on, behind a proxy where it must be a low one", fails_privileged_ports, "container"},
	{"host_network", "5.10", SEVERITY_HIGH, "The network of the host is not shared",
		"leave out --network=host and publish the ports that are needed", fails_host_network, "container"},
	{"memory_limit", "5.11", SEVERITY_LOW, "Memory is limited",
		"set --memory", fails_memory_limit, "container"},
	{"cpu_shares", "5.12", SEVERITY_LOW, "CPU has a weight",
		"set --cpu-shares", fails_cpu_shares, "container"},
	{"readonly_root", "5.13", SEVERITY_LOW, "The root file system is read-only",
		"start with --read-only and mount volumes where it writes", fails_readonly_root, "container"},
	{"port_interface", "5.14", SEVERITY_MEDIUM, "Published ports are bound to one address",
		"publish as ADDRESS:PORT:PORT", fails_port_interface, "container"},
	{"restart_policy", "5.15", SEVERITY_LOW, "Restarts are limited",
		"use --restart=on-failure:5", fails_restart_policy, "container"},
	{"host_pid", "5.16", SEVERITY_HIGH, "The processes of the host are not shared",
		"leave out --pid=host", fails_host_pid, "container"},
	{"host_ipc", "5.17", SEVERITY_HIGH, "The IPC namespace of the host is not shared",
		"leave out --ipc=host", fails_host_ipc, "container"},
	{"devices", "5.18", SEVERITY_HIGH, "Devices of the host are not handed over",
		"leave out --device and --device-cgroup-rule", fails_devices, "container"},
	{"ulimits", "5.19", SEVERITY_LOW, "Ulimits are set for the container",
		"set --ulimit where the engine's default does not fit", fails_ulimits, "container"},
	{"shared_mounts", "5.20", SEVERITY_MEDIUM, "Mount propagation is not shared",
		"leave out shared and rshared", fails_shared_mounts, "container"},
	{"host_uts", "5.21", SEVERITY_MEDIUM, "The host name is not shared",
		"leave out --uts=host", fails_host_uts, "container"},
	{"seccomp", "5.22", SEVERITY_HIGH, "The seccomp profile is not switched off",
		"leave out seccomp=unconfined, or name a profile of your own", fails_seccomp, "container"},
	{"no_new_privileges", "5.26", SEVERITY_MEDIUM, "Processes cannot gain privileges",
		"start with --security-opt=no-new-privileges", fails_no_new_privileges, "container"},
	{"healthcheck", "5.27", SEVERITY_LOW, "The health check is not switched off",
		"leave out --no-healthcheck", fails_healthcheck, "container"},
	{"pids_limit", "5.29", SEVERITY_MEDIUM, "The number of processes is limited",
		"set --pids-limit", fails_pids_limit, "container"},
	{"default_bridge", "5.30", SEVERITY_LOW, "The bridge docker0 is not used",
		"make a network and start with --network=NAME", fails_default_bridge, "container"},
	{"host_userns", "5.31", SEVERITY_HIGH, "The user namespace of the host is not shared",
		"leave out --userns=host", fails_host_userns, "container"},
	{"docker_socket", "5.32", SEVERITY_CRITICAL, "The socket of the engine is not mounted",
		"leave out the mount: whoever has the socket is root on the host", fails_docker_socket, "container"},
};
/* clang-format on */
const size_t compliance_check_count = ARRAY_SIZE(compliance_checks);

/* A table of checks of host, daemon, files or images is a row here. */
static const struct {
	const struct compliance_check *checks;
	const size_t *count;
} tables[] = {
	{compliance_checks, &compliance_check_count},
	{compliance_host_checks, &compliance_host_check_count},
};

const struct compliance_check *compliance_check_at(size_t i)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		if (i < *tables[t].count)
			return &tables[t].checks[i];
		i -= *tables[t].count;
	}
	return NULL;
}

const struct compliance_check *compliance_check(const char *id)
{
	const struct compliance_check *c;

	for (size_t i = 0; (c = compliance_check_at(i)); i++)
		if (strcmp(c->id, id) == 0)
			return c;
	return NULL;
}

/* ---- judging ---- */

static const struct compliance_rule *rule_of(const struct policy *p, const struct policy_subject *s)
{
	return p ? policy_first_rule(p, p->compliance, p->compliance_count, sizeof(*p->compliance), s)
		 : NULL;
}

enum gate_effect policy_compliance_effect(const struct policy *p, const struct policy_subject *s,
	const char *check, const char **ret_rule)
{
	const struct compliance_rule *rule = rule_of(p, s);

	if (ret_rule)
		*ret_rule = NULL;
	for (uint32_t i = 0; rule && i < rule->check_count; i++) {
		if (strcmp(rule->checks[i].check->id, check) != 0)
			continue;
		if (ret_rule)
			*ret_rule = rule->name;
		return rule->checks[i].effect;
	}
	return GATE_IGNORE;
}

/* One failing check: a stronger effect begins the reason anew, the same one is added to it. */
static void take_failure(struct gate_verdict *v, const struct check_effect *e, const char *why)
{
	if (e->effect < v->effect)
		return;
	if (e->effect > v->effect) {
		v->effect = e->effect;
		v->reason[0] = 0;
		snprintf(v->remedy, sizeof(v->remedy), "%s", e->check->remedy);
	}
	size_t n = strlen(v->reason);
	snprintf(v->reason + n, sizeof(v->reason) - n, "%s%s%s%s%s: %s", n ? "; " : "", e->check->id,
		e->check->cis ? " (CIS " : "", e->check->cis ? e->check->cis : "",
		e->check->cis ? ")" : "", why);
}

struct gate_verdict policy_judge_compliance(const struct policy *p, const struct policy_subject *s,
	const struct creation *c, compliance_fn *each, void *ctx)
{
	struct gate_verdict v = {.kind = AUDIT_COMPLIANCE};
	const struct compliance_rule *rule = rule_of(p, s);

	if (!rule)
		return v;
	v.rule = rule->name;
	for (uint32_t i = 0; i < rule->check_count; i++) {
		const struct check_effect *e = &rule->checks[i];
		char why[256] = "";

		if (e->effect == GATE_IGNORE || !e->check->fails ||
			!e->check->fails(c, why, sizeof(why)))
			continue;
		gate_clean(why);
		if (each)
			each(ctx, e->check, e->effect, why);
		take_failure(&v, e, why);
	}
	gate_clean(v.reason);
	return v;
}
