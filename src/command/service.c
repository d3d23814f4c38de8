/* SPDX-License-Identifier: Apache-2.0 */
/* A service of a swarm: the containers it will make on its nodes, in swarm's own words. */
#include <string.h>

#include "command/internal.h"

static void capability_read(struct reading *rd, const char *name)
{
	capability_add(rd, name);
}

static void sysctl_read(struct reading *rd, const char *key, const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s=%s", key, value);
	list_put(rd, &rd->c->sysctls, text);
	parameter(rd, "sysctl", text);
}

/* {"SELinuxContext": {"Disable": true}, "Seccomp": {"Mode": "unconfined"}, ...} */
static void privileges_read(struct reading *rd, const struct json *privileges)
{
	const char *seccomp = field_text(rd, field_object(rd, privileges, "Seccomp"), "Mode");
	const char *apparmor = field_text(rd, field_object(rd, privileges, "AppArmor"), "Mode");

	if (field_flag(rd, field_object(rd, privileges, "SELinuxContext"), "Disable"))
		security_read(rd, "label=disable");
	if (seccomp && strcmp(seccomp, "unconfined") == 0)
		security_read(rd, "seccomp=unconfined");
	if (apparmor && strcmp(apparmor, "disabled") == 0)
		security_read(rd, "apparmor=unconfined");
	if (field_flag(rd, privileges, "NoNewPrivileges"))
		security_read(rd, "no-new-privileges");
}

static void container_read(struct reading *rd, const struct json *spec)
{
	struct creation *c = rd->c;
	const char *user = field_text(rd, spec, "User");

	image_put(rd, &c->image, field_text(rd, spec, "Image"));
	text_put(rd, &rd->facts->image, c->image);
	parameter(rd, "image", c->image);
	text_put(rd, &c->user, user ? user : "");
	if (user && *user)
		parameter(rd, "user", user);
	c->privileged = FACT_NO;
	c->readonly_root = field_flag(rd, spec, "ReadOnly") ? FACT_YES : FACT_NO;
	field_texts(rd, spec, "CapabilityAdd", false, capability_read);
	privileges_read(rd, field_object(rd, spec, "Privileges"));
	field_objects(rd, spec, "Mounts", mount_read);
	field_pairs(rd, spec, "Sysctls", sysctl_read);
	c->ulimits = json_first(field_array(rd, spec, "Ulimits")) != NULL;
	field_texts(rd, spec, "Command", false, arguments_read);
	field_texts(rd, spec, "Args", false, arguments_read);
	field_texts(rd, spec, "Env", false, environment_read);
	field_pairs(rd, spec, "Labels", label_read);
	healthcheck_read(rd, field_object(rd, spec, "Healthcheck"));
}

static void network_read(struct reading *rd, const struct json *network)
{
	const char *name = field_text(rd, network, "Target");

	if (!name)
		return;
	list_put(rd, &rd->c->networks, name);
	parameter(rd, "network", name);
	if (strcmp(name, "host") == 0)
		rd->c->host_namespaces |= HOST_NETWORK;
}

static void port_read(struct reading *rd, const struct json *port)
{
	char text[48];

	snprintf(text, sizeof(text), "0.0.0.0:%lld", (long long)field_number(rd, port, "PublishedPort", 0));
	list_put_long(rd, &rd->c->ports, text);
	parameter(rd, "port", text);
}

/* A plugin as a service: {"Remote": ..., "Privileges": [...]} is installed on every node. */
static void plugin_read(struct reading *rd, const struct json *plugin)
{
	if (plugin)
		parameter(rd, "plugin", field_text(rd, plugin, "Remote"));
}

void read_service(struct reading *rd)
{
	const struct json *task = field_object(rd, rd->body, "TaskTemplate");
	const struct json *limits = field_object(rd, field_object(rd, task, "Resources"), "Limits");
	const char *restart = field_text(rd, field_object(rd, task, "RestartPolicy"), "Condition");
	const char *name = field_text(rd, rd->body, "Name");

	if (!json_is_object(rd->body)) {
		reading_refuse(rd, "the body is no object");
		return;
	}
	rd->facts->has_creation = true;
	if (!rd->facts->target)
		text_put(rd, &rd->facts->target, name);
	text_put(rd, &rd->c->name, name);
	container_read(rd, field_object(rd, task, "ContainerSpec"));
	plugin_read(rd, field_object(rd, task, "PluginSpec"));
	rd->c->memory = field_number(rd, limits, "MemoryBytes", 0);
	rd->c->pids = field_number(rd, limits, "Pids", 0);
	text_put(rd, &rd->c->restart_policy, restart && *restart ? restart : NULL);
	field_objects(rd, task, "Networks", network_read);
	field_objects(rd, rd->body, "Networks", network_read);
	field_objects(rd, field_object(rd, rd->body, "EndpointSpec"), "Ports", port_read);
}
