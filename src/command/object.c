/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about volumes, networks, plugins, secrets and configs. */
#include <stdio.h>
#include <string.h>

#include "command/internal.h"

/*
 * A volume of the local driver mounts what its options say when a container uses it by name: then
 * nothing is seen of it. So the creation of the volume is judged as that mount.
 */
void read_volume_create(struct reading *rd)
{
	struct mount_fact m = {.kind = MOUNT_VOLUME};
	const char *name = field_text(rd, rd->body, "Name"), *driver = field_text(rd, rd->body, "Driver");

	if (!json_is_object(rd->body)) {
		reading_refuse(rd, "the body is no object");
		return;
	}
	rd->facts->has_creation = true;
	if (name && *name) {
		text_put(rd, &rd->facts->target, name);
		text_put(rd, &m.source, name);
	}
	volume_read(rd, &m, driver, field_object(rd, rd->body, "DriverOpts"));
	field_pairs(rd, rd->body, "Labels", label_read);
	mount_put(rd, &m);
}

static void option_read(struct reading *rd, const char *key, const char *value)
{
	char text[COMMAND_PARAMETER_MAX];

	snprintf(text, sizeof(text), "%s=%s", key, value);
	parameter(rd, "option", text);
}

void read_network_create(struct reading *rd)
{
	const char *name = field_text(rd, rd->body, "Name"), *driver = field_text(rd, rd->body, "Driver");

	text_put(rd, &rd->facts->target, name);
	text_put(rd, &rd->facts->network, name);
	if (driver && *driver)
		parameter(rd, "driver", driver);
	parameter_flag(rd, "attachable", field_flag(rd, rd->body, "Attachable"));
	parameter_flag(rd, "internal", field_flag(rd, rd->body, "Internal"));
	field_pairs(rd, rd->body, "Options", option_read);
}

void read_network_connect(struct reading *rd)
{
	const char *container = field_text(rd, rd->body, "Container");

	read_network_named(rd);
	if (container && *container)
		parameter(rd, "container", container);
}

void read_network_named(struct reading *rd)
{
	text_put(rd, &rd->facts->network, rd->facts->target);
}

/* What the client agrees to give: [{"Name": "mount", "Value": ["/"]}]. */
static void grant_read(struct reading *rd, const struct json *grant)
{
	const char *name = field_text(rd, grant, "Name");
	const struct json *values = field_array(rd, grant, "Value");
	char text[COMMAND_PARAMETER_MAX];

	snprintf(text, sizeof(text), "%s", name ? name : "");
	for (const struct json *j = json_first(values); j; j = json_next(j)) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", j == json_first(values) ? ":" : ",", json_str(j, ""));
	}
	parameter(rd, "grants", text);
}

void read_plugin_pull(struct reading *rd)
{
	const char *name = query_text(rd, "name");

	image_put(rd, &rd->facts->image, query_text(rd, "remote"));
	if (!rd->facts->target)
		text_put(rd, &rd->facts->target, name && *name ? name : rd->facts->image);
	if (rd->body && !json_is_array(rd->body) && !json_is_null(rd->body))
		reading_refuse(rd, "the body is no list");
	for (const struct json *j = json_is_array(rd->body) ? json_first(rd->body) : NULL; j && rd->r == 0; j = json_next(j))
		grant_read(rd, j);
}

/* ["NAME=value"]: only what is set is told. */
void read_plugin_set(struct reading *rd)
{
	char name[128];

	if (!json_is_array(rd->body)) {
		reading_refuse(rd, "the body is no list");
		return;
	}
	for (const struct json *j = json_first(rd->body); j && rd->r == 0; j = json_next(j)) {
		const char *text = json_str(j, "");

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
		parameter(rd, "set", name);
	}
}

void read_named_body(struct reading *rd)
{
	text_put(rd, &rd->facts->target, field_text(rd, rd->body, "Name"));
}

void read_query_name(struct reading *rd)
{
	text_put(rd, &rd->facts->target, query_text(rd, "name"));
}
