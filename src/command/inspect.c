/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is there: GET /containers/ID/json in the words of a creation. */
#include <errno.h>
#include <string.h>

#include "command/internal.h"

/* What it really has mounted, by the engine's word: also what came from other containers. */
static void mounted_read(struct reading *rd, const struct json *mount)
{
	struct mount_fact m = {.kind = MOUNT_BIND, .shared = false};
	const char *type = field_text(rd, mount, "Type"), *source = field_text(rd, mount, "Source");
	const char *target = field_text(rd, mount, "Destination"), *spread = field_text(rd, mount, "Propagation");

	if (!type || strcmp(type, "bind") != 0 || !source || !target)
		return;
	for (uint32_t i = 0; i < rd->c->mount_count; i++)
		if (rd->c->mounts[i].target && strcmp(rd->c->mounts[i].target, target) == 0)
			return;
	m.readonly = !field_flag(rd, mount, "RW");
	m.shared = spread && (strcmp(spread, "shared") == 0 || strcmp(spread, "rshared") == 0);
	text_put(rd, &m.source, source);
	text_put(rd, &m.target, target);
	mount_put(rd, &m);
}

static void names_read(struct reading *rd, const struct json *inspect)
{
	const char *name = field_text(rd, inspect, "Name"), *digest = field_text(rd, inspect, "Image");

	text_put(rd, &rd->c->id, field_text(rd, inspect, "Id"));
	if (name)
		text_put(rd, &rd->c->name, name + (*name == '/'));
	text_put(rd, &rd->c->digest, digest && *digest ? digest : NULL);
}

/* An odd name is kept as it is: it is not worth losing the rest for it. */
static void image_read(struct reading *rd, const char *name)
{
	if (rd->r < 0)
		return;
	image_put(rd, &rd->c->image, name);
	if (rd->r == -EBADMSG) {
		rd->r = 0;
		text_put(rd, &rd->c->image, name);
	}
}

int command_read_inspect(struct creation *c, const struct json *inspect)
{
	struct reading rd = {.c = c};
	const struct json *config, *host;

	if (!json_is_object(inspect))
		return -EBADMSG;
	config = field_object(&rd, inspect, "Config");
	host = field_object(&rd, inspect, "HostConfig");
	if (!config || !host)
		reading_refuse(&rd, "it has no Config or no HostConfig");
	names_read(&rd, inspect);
	host_read(&rd, host);
	field_objects(&rd, inspect, "Mounts", mounted_read);
	config_read(&rd, config);
	image_read(&rd, field_text(&rd, config, "Image"));
	for (const struct json *j = json_first(json_path(inspect, "NetworkSettings.Networks")); j && rd.r == 0; j = json_next(j)) {
		bool there = false;

		for (uint32_t i = 0; i < c->networks.count; i++)
			there |= strcmp(c->networks.items[i], json_key(j)) == 0;
		if (!there)
			list_put(&rd, &c->networks, json_key(j));
	}
	if (rd.r < 0)
		creation_done(c);
	return rd.r;
}
