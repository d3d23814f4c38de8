/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: a request being read, and Go's way of reading JSON. */
#pragma once

#include "base/json.h"
#include "command/command.h"

/* A URI taken apart as Go's net/http and dockerd's router do: see uri.c. Owned. */
struct command_uri {
	char *path;   /* decoded, without version */
	char *marked; /* the same, with URI_SLASH where a slash had been encoded */
	unsigned api; /* minor number of the version, 0 = none */
	struct kv_list query;
};

#define URI_SLASH '\1'

int uri_parse(struct command_uri *ret, const char *uri, char *why, size_t size);
void uri_done(struct command_uri *u);
/* The row for a method and path; target gets what stood for {name}. -EBADMSG: dockerd might
 * see another row. */
int action_find(const struct command_action **ret, const char *method, const struct command_uri *u, char **target);

/*
 * One request being read. Failure latches: the first reading_refuse() or lack of memory is kept and
 * everything later is harmless, so that readers are straight lines.
 */
struct reading {
	struct command_facts *facts; /* NULL: only a creation is read */
	struct creation *c;
	const struct command_uri *uri;
	const struct json *body; /* NULL = none */
	bool hidden;		 /* there may be a body that the plugin is not shown: also a form */
	int r;			 /* 0, -EBADMSG, -ENOMEM */
	char why[256];
};

void reading_refuse(struct reading *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reading_error(struct reading *rd, int r); /* negative ones latch */
/* Values, at most one; NULL = not given. Repeated scalar keys were refused before. */
const char *query_text(const struct reading *rd, const char *key);
bool query_flag(const struct reading *rd, const char *key); /* dockerd's idea of true */

/* "name=value" for the audit. */
void parameter(struct reading *rd, const char *name, const char *value);
void parameter_flag(struct reading *rd, const char *name, bool value); /* nothing when false */
void parameter_number(struct reading *rd, const char *name, int64_t value); /* nothing when 0 */

/*
 * Members of an object that Go decodes into a struct: keys are compared under case folding, two of
 * them for one field are refused, null is nothing, a value of another type is refused. NULL (or
 * `otherwise`) where there is none; obj may be NULL.
 */
const struct json *field(struct reading *rd, const struct json *obj, const char *key);
const struct json *field_object(struct reading *rd, const struct json *obj, const char *key);
const struct json *field_array(struct reading *rd, const struct json *obj, const char *key);
const char *field_text(struct reading *rd, const struct json *obj, const char *key);
bool field_flag(struct reading *rd, const struct json *obj, const char *key);
int64_t field_number(struct reading *rd, const struct json *obj, const char *key, int64_t otherwise);
/* Calls fn for each string of a list. A single string counts as one (Go's StrSlice) if `single`. */
typedef void text_fn(struct reading *rd, const char *text);
void field_texts(struct reading *rd, const struct json *obj, const char *key, bool single, text_fn *fn);
/* Calls fn for each object of a list (nulls are left out). */
typedef void object_fn(struct reading *rd, const struct json *obj);
void field_objects(struct reading *rd, const struct json *obj, const char *key, object_fn *fn);
/* Calls fn for each member of a map of strings. */
typedef void pair_fn(struct reading *rd, const char *key, const char *value);
void field_pairs(struct reading *rd, const struct json *obj, const char *key, pair_fn *fn);
/* The value of an exact key in a map of strings, or NULL. */
const char *map_text(struct reading *rd, const struct json *map, const char *key);

/* list_put: appends, with the cap of creation.h. text_put: replaces *to, "" is kept as "". */
void list_put(struct reading *rd, struct str_list *l, const char *text);
void text_put(struct reading *rd, char **to, const char *text);
/* Sets *to to the canonical name; refuses what is no image name. */
void image_put(struct reading *rd, char **to, const char *name);

/* Parts of a creation. */
void config_read(struct reading *rd, const struct json *config);   /* container.Config */
void host_read(struct reading *rd, const struct json *host);	   /* container.HostConfig */
void limits_read(struct reading *rd, const struct json *host);	   /* of HostConfig: its limits */
void endpoints_read(struct reading *rd, const struct json *networking); /* NetworkingConfig */
void environment_read(struct reading *rd, const char *entry);	   /* "NAME=value" */
void healthcheck_read(struct reading *rd, const struct json *check);
void arguments_read(struct reading *rd, const char *text);
void label_read(struct reading *rd, const char *key, const char *value);
void capability_add(struct reading *rd, const char *name);
void security_read(struct reading *rd, const char *option);
void paths_read(struct reading *rd, const struct json *host);
void bind_read(struct reading *rd, const char *bind);
void mount_read(struct reading *rd, const struct json *mount);
void tmpfs_read(struct reading *rd, const char *target, const char *options);
/* A volume of `driver` with options; name and target nullable. */
void volume_read(struct reading *rd, struct mount_fact *m, const char *driver, const struct json *options);
/* Appends *m, taking what it owns; it is zeroed in any case. */
void mount_put(struct reading *rd, struct mount_fact *m);
/* A path made absolute and clean: "//", ".", "..". NULL = no memory. */
char *path_clean(const char *path);

/* Readers of the table. */
void read_container_create(struct reading *rd);
void read_container_update(struct reading *rd);
void read_container_start(struct reading *rd);
void read_exec_create(struct reading *rd);
void read_checkpoint_create(struct reading *rd);
void read_commit(struct reading *rd);
void read_image_create(struct reading *rd);
void read_image_build(struct reading *rd);
void read_image_named(struct reading *rd);
void read_image_tag(struct reading *rd);
void read_plugin_pull(struct reading *rd);
void read_plugin_set(struct reading *rd);
void read_volume_create(struct reading *rd);
void read_network_create(struct reading *rd);
void read_network_connect(struct reading *rd);
void read_network_named(struct reading *rd);
void read_service(struct reading *rd);
void read_named_body(struct reading *rd); /* secrets, configs: only the name */
void read_query_name(struct reading *rd); /* target is ?name= */

/* Whether the body is there as it has to be; parses it into *ret (nullable result). */
void body_read(struct reading *rd, const struct command_input *in, struct json **ret);
