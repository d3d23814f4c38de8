/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's JSON into our records: see docker_json.h. */
#include "runtime/docker_json.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"

/* Attributes of a container event that are not labels of the container. */
static const char *const own_attributes[] = {
	"image", "name", "exitCode", "signal", "oldName", "execID", "execDuration"};

static const struct {
	const char *name;
	enum container_state state;
} states[] = {
	{"created", CONTAINER_CREATED},
	{"running", CONTAINER_RUNNING},
	{"paused", CONTAINER_PAUSED},
	{"restarting", CONTAINER_EXITED}, /* between two lives: nothing of it runs */
	{"removing", CONTAINER_EXITED},
	{"exited", CONTAINER_EXITED},
	{"dead", CONTAINER_EXITED},
};

static enum docker_object object_of(const char *type)
{
	static const char *const names[] = {"", "container", "network", "image"};

	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		if (strcmp(type, names[i]) == 0)
			return (enum docker_object)i;
	return DOCKER_OTHER;
}

/* timeNano passes through a double and is right to 256 ns only. */
static uint64_t event_time(const struct json *root)
{
	int64_t nano = json_get_int(root, "timeNano", 0);
	int64_t seconds = json_get_int(root, "time", 0);

	if (nano > 0)
		return (uint64_t)nano;
	return seconds > 0 && seconds < 9000000000 ? (uint64_t)seconds * NSEC_PER_SEC : 0;
}

int docker_json_event(const struct json *root, struct docker_event *ret)
{
	struct docker_event e = {
		.object = object_of(json_get_str(root, "Type", "")),
		.action = json_get_str(root, "Action", NULL),
		.id = json_str(json_path(root, "Actor.ID"), NULL),
		.attributes = json_path(root, "Actor.Attributes"),
		.time = event_time(root),
	};

	if (e.object == DOCKER_NETWORK)
		e.id = json_get_str(e.attributes, "container", NULL);
	if (e.object == DOCKER_OTHER || !e.action || !e.id)
		return -EBADMSG;
	*ret = e;
	return 0;
}

static bool is_own_attribute(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_attributes); i++)
		if (strcmp(key, own_attributes[i]) == 0)
			return true;
	return false;
}

int docker_json_attributes(const struct json *attributes, struct inventory_entry *e, bool labels)
{
	const char *name = json_get_str(attributes, "name", "");
	const char *image = json_get_str(attributes, "image", "");
	int r = 0;

	if (*name)
		r = inventory_set_text(
			&e->container.name, name + (*name == '/'), INVENTORY_NAME_MAX);
	if (r == 0 && *image)
		r = inventory_set_text(&e->image_ref, image, INVENTORY_IMAGE_MAX);
	if (!labels)
		return r;
	for (const struct json *j = json_first(attributes); j && r == 0; j = json_next(j))
		if (json_is_string(j) && !is_own_attribute(json_key(j)))
			r = inventory_add_label(&e->container, json_key(j), json_str(j, ""));
	return r < 0 ? r : inventory_name_from_labels(&e->container);
}

static int set_labels(const struct json *labels, struct container *c)
{
	int r = 0;

	if (!json_is_object(labels))
		return 0;
	kv_list_done(&c->labels);
	for (const struct json *j = json_first(labels); j && r == 0; j = json_next(j))
		if (json_is_string(j))
			r = inventory_add_label(c, json_key(j), json_str(j, ""));
	return r < 0 ? r : inventory_name_from_labels(c);
}

/* NetworkSettings.Networks: name -> {IPAddress, GlobalIPv6Address}. */
static int set_networks(const struct json *networks, struct container *c)
{
	int r = 0;

	if (!json_is_object(networks))
		return 0;
	str_list_done(&c->networks);
	str_list_done(&c->addresses);
	for (const struct json *j = json_first(networks); j && r == 0; j = json_next(j)) {
		r = inventory_add_item(&c->networks, json_key(j), INVENTORY_NAME_MAX);
		if (r == 0)
			r = inventory_add_item(&c->addresses, json_get_str(j, "IPAddress", ""), 64);
		if (r == 0)
			r = inventory_add_item(
				&c->addresses, json_get_str(j, "GlobalIPv6Address", ""), 64);
	}
	return r;
}

static void set_state(const char *name, struct container *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(name, states[i].name) == 0)
			c->state = states[i].state;
	if (c->state != CONTAINER_RUNNING && c->state != CONTAINER_PAUSED)
		c->pid = 0;
}

int docker_json_item_id(const struct json *item, const char **ret)
{
	const char *id = json_get_str(item, "Id", "");

	if (!inventory_id_ok(id))
		return -EBADMSG;
	*ret = id;
	return 0;
}

int docker_json_item(const struct json *item, struct inventory_entry *e)
{
	struct container *c = &e->container;
	const char *name = json_str(json_first(json_get(item, "Names")), "");
	const char *image = json_get_str(item, "Image", "");
	int64_t created = json_get_int(item, "Created", 0);
	int r = inventory_set_text(
		&e->image_id, json_get_str(item, "ImageID", ""), INVENTORY_ID_MAX);

	if (r == 0 && *name)
		r = inventory_set_text(&c->name, name + (*name == '/'), INVENTORY_NAME_MAX);
	if (r == 0 && *image)
		r = inventory_set_text(&e->image_ref, image, INVENTORY_IMAGE_MAX);
	if (r == 0)
		r = set_labels(json_get(item, "Labels"), c);
	if (r == 0)
		r = set_networks(json_path(item, "NetworkSettings.Networks"), c);
	if (created > 0 && created < 9000000000 && !c->created)
		c->created = (uint64_t)created * NSEC_PER_SEC;
	set_state(json_get_str(item, "State", ""), c);
	return r;
}

/* Docker writes "never" as the year 1. */
static uint64_t time_of(const struct json *j, const char *key)
{
	const char *text = json_get_str(j, key, "");
	uint64_t t;

	if (str_has_prefix(text, "0001-") || !str_has_suffix(text, "Z") || time_parse(text, &t) < 0)
		return 0;
	return t;
}

static void set_run(const struct json *state, struct container *c)
{
	int64_t pid = json_get_int(state, "Pid", 0);
	bool ended = c->state == CONTAINER_EXITED;

	c->pid = pid > 0 && pid <= INT32_MAX ? (uint32_t)pid : 0;
	c->exit_code = (int32_t)json_get_int(state, "ExitCode", 0);
	set_state(json_get_str(state, "Status", ""), c);
	/* The answer may be ahead of the start event; a quick restart is another run all the same. */
	if (ended && c->state != CONTAINER_EXITED)
		c->started = time_of(state, "StartedAt");
	else
		inventory_set_time(&c->started, time_of(state, "StartedAt"));
	/* Docker tells of one that runs when its life before this one ended. */
	inventory_set_time(
		&c->finished, c->state == CONTAINER_EXITED ? time_of(state, "FinishedAt") : 0);
}

int docker_json_inspect(const struct json *root, struct inventory_entry *e, bool state)
{
	struct container *c = &e->container;
	const char *name = json_get_str(root, "Name", "");
	const char *image = json_str(json_path(root, "Config.Image"), "");
	const struct json *host = json_get(root, "HostConfig");
	const char *policy = json_str(json_path(host, "RestartPolicy.Name"), "");

	if (!json_is_object(root))
		return -EBADMSG;
	uint64_t created = time_of(root, "Created");
	if (created)
		inventory_set_time(&c->created, created);
	c->privileged = json_get_bool(host, "Privileged", false);
	if (state && json_is_object(json_get(root, "State")))
		set_run(json_get(root, "State"), c);
	int r = inventory_set_text(&e->image_id, json_get_str(root, "Image", ""), INVENTORY_ID_MAX);
	if (r == 0 && *name)
		r = inventory_set_text(&c->name, name + (*name == '/'), INVENTORY_NAME_MAX);
	if (r == 0 && *image)
		r = inventory_set_text(&e->image_ref, image, INVENTORY_IMAGE_MAX);
	if (r == 0)
		r = inventory_set_text(&c->restart_policy, *policy ? policy : "no", 32);
	if (r == 0)
		r = set_labels(json_path(root, "Config.Labels"), c);
	if (r == 0)
		r = set_networks(json_path(root, "NetworkSettings.Networks"), c);
	return r;
}

void docker_json_restart(const struct json *root, struct docker_restart *ret)
{
	const struct json *state = json_get(root, "State"), *host = json_get(root, "HostConfig");
	const char *policy = json_str(json_path(host, "RestartPolicy.Name"), "");

	*ret = (struct docker_restart){
		.running = json_get_bool(state, "Running", false) ||
			   json_get_bool(state, "Restarting", false),
		.restarts = *policy && strcmp(policy, "no") != 0,
		.auto_remove = json_get_bool(host, "AutoRemove", false),
	};
}
