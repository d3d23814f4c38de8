/* SPDX-License-Identifier: Apache-2.0 */
/* container.HostConfig: what a container gets of its host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "command/internal.h"

/* Modes of namespaces: "host" or "container:ID"; what else there is stays inside. */
static const struct {
	const char *key;
	unsigned flag;
	const char *parameter;
} modes[] = {
	{"NetworkMode", HOST_NETWORK, "network"},
	{"PidMode", HOST_PID, "pid"},
	{"IpcMode", HOST_IPC, "ipc"},
	{"UTSMode", HOST_UTS, "uts"},
	{"UsernsMode", HOST_USER, "userns"},
	{"CgroupnsMode", HOST_CGROUP, "cgroupns"},
};

static void mode_read(struct reading *rd, const struct json *host, size_t i)
{
	const char *mode = field_text(rd, host, modes[i].key);
	bool network = modes[i].flag == HOST_NETWORK, other = false;

	if (!mode || !*mode) {
		if (network)
			list_put(rd, &rd->c->networks, "bridge");
		return;
	}
	parameter(rd, modes[i].parameter, mode);
	if (strcasecmp(mode, "host") == 0) {
		rd->c->host_namespaces |= modes[i].flag;
	} else if (str_has_prefix(mode, "container:")) {
		list_put(rd, &rd->c->joins, mode + strlen("container:"));
		other = true;
	}
	if (network && !other)
		list_put(rd, &rd->c->networks, strcmp(mode, "default") == 0 ? "bridge" : mode);
}

static void capability_read(struct reading *rd, const char *name)
{
	capability_add(rd, name);
}

/* "CONTAINER[:ro]": its mounts come along. */
static void volumes_from_read(struct reading *rd, const char *text)
{
	char name[256];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
	list_put(rd, &rd->c->joins, name);
	parameter(rd, "volumes_from", text);
}

static void device_read(struct reading *rd, const struct json *device)
{
	const char *path = field_text(rd, device, "PathOnHost");
	CLEANUP(free) char *clean = path ? path_clean(path) : NULL;

	if (!path)
		return;
	if (!clean) {
		reading_error(rd, -ENOMEM);
		return;
	}
	list_put(rd, &rd->c->devices, clean);
	parameter(rd, "device", clean);
}

static void device_rule_read(struct reading *rd, const char *rule)
{
	char text[128];

	snprintf(text, sizeof(text), "rule:%s", rule);
	list_put(rd, &rd->c->devices, text);
	parameter(rd, "device_rule", rule);
}

static void device_id_read(struct reading *rd, const char *id)
{
	char text[256];

	snprintf(text, sizeof(text), "request:%s", id);
	list_put(rd, &rd->c->devices, text);
	parameter(rd, "device_request", id);
}

/* Devices by driver (GPUs, CDI): what they become is up to the driver. */
static void device_request_read(struct reading *rd, const struct json *request)
{
	uint32_t before = rd->c->devices.count;
	const char *driver = field_text(rd, request, "Driver");

	field_texts(rd, request, "DeviceIDs", false, device_id_read);
	if (rd->c->devices.count == before)
		device_id_read(rd, driver && *driver ? driver : "any");
}

static void sysctl_read(struct reading *rd, const char *key, const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s=%s", key, value);
	list_put(rd, &rd->c->sysctls, text);
	parameter(rd, "sysctl", text);
}

static void port_put(struct reading *rd, const char *address, const char *port)
{
	char text[128];

	snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:%s" : "%s:%s", *address ? address : "0.0.0.0",
		*port ? port : "0");
	list_put_long(rd, &rd->c->ports, text);
	parameter(rd, "port", text);
}

static void binding_read(struct reading *rd, const struct json *binding)
{
	const char *address = field_text(rd, binding, "HostIp"), *port = field_text(rd, binding, "HostPort");

	port_put(rd, address ? address : "", port ? port : "");
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} */
static void ports_read(struct reading *rd, const struct json *host)
{
	const struct json *map = field_object(rd, host, "PortBindings");

	for (const struct json *j = json_first(map); j && rd->r == 0; j = json_next(j)) {
		if (!json_is_array(j) && !json_is_null(j))
			reading_refuse(rd, "'PortBindings' in the body has a member that is not a list");
		for (const struct json *b = json_is_array(j) ? json_first(j) : NULL; b; b = json_next(b))
			if (json_is_object(b))
				binding_read(rd, b);
	}
	if (field_flag(rd, host, "PublishAllPorts"))
		port_put(rd, "", "*");
}

void limits_read(struct reading *rd, const struct json *host)
{
	struct creation *c = rd->c;
	const struct json *restart = field_object(rd, host, "RestartPolicy");
	const char *policy = field_text(rd, restart, "Name");

	c->memory = field_number(rd, host, "Memory", 0);
	c->pids = field_number(rd, host, "PidsLimit", 0);
	c->cpu_shares = field_number(rd, host, "CpuShares", 0);
	c->ulimits = json_first(field_array(rd, host, "Ulimits")) != NULL;
	parameter_number(rd, "memory", c->memory);
	parameter_number(rd, "pids", c->pids);
	parameter_number(rd, "cpu_shares", c->cpu_shares);
	parameter_flag(rd, "ulimits", c->ulimits);
	if (policy && *policy) {
		text_put(rd, &c->restart_policy, policy);
		parameter(rd, "restart", policy);
	}
}

static void group_read(struct reading *rd, const char *group)
{
	parameter(rd, "group", group);
}

static void confinement_read(struct reading *rd, const struct json *host)
{
	struct creation *c = rd->c;
	const char *runtime = field_text(rd, host, "Runtime"), *parent = field_text(rd, host, "CgroupParent");

	c->privileged = field_flag(rd, host, "Privileged") ? FACT_YES : FACT_NO;
	parameter_flag(rd, "privileged", c->privileged == FACT_YES);
	field_texts(rd, host, "CapAdd", true, capability_read);
	/* The whole list instead of additions: API 1.40 of some releases. */
	field_texts(rd, host, "Capabilities", true, capability_read);
	field_texts(rd, host, "SecurityOpt", false, security_read);
	paths_read(rd, host);
	c->readonly_root = field_flag(rd, host, "ReadonlyRootfs") ? FACT_YES : FACT_NO;
	if (runtime && *runtime) {
		text_put(rd, &c->runtime, runtime);
		parameter(rd, "runtime", runtime);
	}
	if (parent && *parent)
		parameter(rd, "cgroup_parent", parent);
	const char *log = field_text(rd, field_object(rd, host, "LogConfig"), "Type");
	if (log && *log)
		parameter(rd, "log_driver", log);
	field_texts(rd, host, "GroupAdd", false, group_read);
	parameter_number(rd, "oom_score_adj", field_number(rd, host, "OomScoreAdj", 0));
}

void host_read(struct reading *rd, const struct json *host)
{
	confinement_read(rd, host);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		mode_read(rd, host, i);
	field_texts(rd, host, "Binds", false, bind_read);
	field_objects(rd, host, "Mounts", mount_read);
	field_pairs(rd, host, "Tmpfs", tmpfs_read);
	field_texts(rd, host, "VolumesFrom", false, volumes_from_read);
	field_objects(rd, host, "Devices", device_read);
	field_objects(rd, host, "DeviceRequests", device_request_read);
	field_texts(rd, host, "DeviceCgroupRules", false, device_rule_read);
	field_pairs(rd, host, "Sysctls", sysctl_read);
	field_pairs(rd, host, "Annotations", label_read);
	ports_read(rd, host);
	limits_read(rd, host);
}
