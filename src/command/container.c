/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about one container: create, update, start, exec, checkpoint, commit. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/internal.h"
#include "policy/secret.h"

static void list_add(struct reading *rd, struct str_list *l, const char *text, unsigned max)
{
	if (l->count >= max)
		reading_refuse(rd, "a list in the request has more than %u entries", max);
	if (rd->r == 0)
		reading_error(rd, str_list_add(l, text));
}

void list_put(struct reading *rd, struct str_list *l, const char *text)
{
	list_add(rd, l, text, CREATION_LIST_MAX);
}

void list_put_long(struct reading *rd, struct str_list *l, const char *text)
{
	list_add(rd, l, text, COMMAND_LONG_MAX);
}

void text_put(struct reading *rd, char **to, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy) {
		reading_error(rd, -ENOMEM);
		return;
	}
	free(*to);
	*to = copy;
}

void arguments_read(struct reading *rd, const char *text)
{
	list_put_long(rd, &rd->c->args, text);
}

void label_read(struct reading *rd, const char *key, const char *value)
{
	if (rd->c->labels.count >= CREATION_LIST_MAX)
		reading_refuse(rd, "the request has more than %d labels", CREATION_LIST_MAX);
	if (rd->r == 0)
		reading_error(rd, kv_list_add(&rd->c->labels, key, value));
}

void environment_read(struct reading *rd, const char *entry)
{
	size_t n = strcspn(entry, "=");
	char name[256];

	if (n >= sizeof(name)) {
		reading_refuse(rd, "the name of an environment variable is too long");
		return;
	}
	memcpy(name, entry, n);
	name[n] = 0;
	list_put_long(rd, &rd->c->env_names, name);
	if (entry[n] == '=' && secret_looks(name, entry + n + 1))
		list_put_long(rd, &rd->c->secret_envs, name);
}

/* The program alone, and of a whole command line in one word the first word: the rest may be secret. */
static void program_tell(struct reading *rd)
{
	char word[COMMAND_PARAMETER_MAX];

	if (!rd->c->args.count)
		return;
	const char *program = rd->c->args.items[0];
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(program, " \t\n"), program);
	parameter(rd, "program", word);
}

static void check_word(struct reading *rd, const char *word)
{
	if (rd->c->healthcheck == FACT_UNKNOWN && *word)
		rd->c->healthcheck = strcmp(word, "NONE") == 0 ? FACT_NO : FACT_YES;
}

void healthcheck_read(struct reading *rd, const struct json *check)
{
	field_texts(rd, check, "Test", true, check_word);
}

void config_read(struct reading *rd, const struct json *config)
{
	struct creation *c = rd->c;
	const char *user = field_text(rd, config, "User");

	text_put(rd, &c->user, user ? user : "");
	if (user && *user)
		parameter(rd, "user", user);
	field_texts(rd, config, "Entrypoint", true, arguments_read);
	field_texts(rd, config, "Cmd", true, arguments_read);
	program_tell(rd);
	field_texts(rd, config, "Env", false, environment_read);
	for (uint32_t i = 0; i < c->secret_envs.count; i++)
		parameter(rd, "secret_env", c->secret_envs.items[i]);
	field_pairs(rd, config, "Labels", label_read);
	healthcheck_read(rd, field_object(rd, config, "Healthcheck"));
	parameter_flag(rd, "healthcheck_off", c->healthcheck == FACT_NO);
}

void endpoints_read(struct reading *rd, const struct json *networking)
{
	const struct json *endpoints = field_object(rd, networking, "EndpointsConfig");

	for (const struct json *j = json_first(endpoints); j && rd->r == 0; j = json_next(j)) {
		bool there = false;

		for (uint32_t i = 0; i < rd->c->networks.count; i++)
			there |= strcmp(rd->c->networks.items[i], json_key(j)) == 0;
		if (there)
			continue;
		list_put(rd, &rd->c->networks, json_key(j));
		parameter(rd, "network", json_key(j));
		/* Not told apart from network mode by those who ask whose network it is. */
		if (strcmp(json_key(j), "host") == 0)
			rd->c->host_namespaces |= HOST_NETWORK;
	}
}

/*
 * The body is the Config with a HostConfig in it. dockerd up to 20.10 takes the members of HostConfig
 * from the outer object where there is no inner one (or null): read so always, which says too much of
 * a newer dockerd, never too little.
 */
void read_container_create(struct reading *rd)
{
	struct command_facts *f = rd->facts;
	const char *name = query_text(rd, "name");

	if (!json_is_object(rd->body)) {
		reading_refuse(rd, "the body is no object");
		return;
	}
	f->has_creation = true;
	if (name && *name) {
		name += *name == '/';
		text_put(rd, &rd->c->name, name);
		text_put(rd, &f->target, name);
	}
	image_put(rd, &rd->c->image, field_text(rd, rd->body, "Image"));
	text_put(rd, &f->image, rd->c->image);
	parameter(rd, "image", f->image);
	const struct json *host = field_object(rd, rd->body, "HostConfig");
	host_read(rd, host ? host : rd->body);
	endpoints_read(rd, field_object(rd, rd->body, "NetworkingConfig"));
	config_read(rd, rd->body);
}

/* Limits and restart policy, both at the top. */
void read_container_update(struct reading *rd)
{
	if (!json_is_object(rd->body)) {
		reading_refuse(rd, "the body is no object");
		return;
	}
	limits_read(rd, rd->body);
}

/* API before 1.24 took a HostConfig here, which would replace the one that was judged at creation. */
void read_container_start(struct reading *rd)
{
	if (rd->body && !json_is_null(rd->body) && (!json_is_object(rd->body) || json_first(rd->body)))
		reading_refuse(rd, "settings at start replace those of the creation (API before 1.24)");
}

void read_exec_create(struct reading *rd)
{
	struct command_facts *f = rd->facts;
	const char *user = field_text(rd, rd->body, "User");
	bool privileged = field_flag(rd, rd->body, "Privileged");

	if (!json_is_object(rd->body)) {
		reading_refuse(rd, "the body is no object");
		return;
	}
	f->has_creation = true;
	rd->c->privileged = privileged ? FACT_YES : FACT_NO;
	text_put(rd, &f->exec_user, user ? user : "");
	text_put(rd, &rd->c->user, user ? user : "");
	parameter_flag(rd, "privileged", privileged);
	if (user && *user)
		parameter(rd, "user", user);
	field_texts(rd, rd->body, "Cmd", true, arguments_read);
	program_tell(rd);
	field_texts(rd, rd->body, "Env", false, environment_read);
}

/* Its files may go to any folder of the host. */
void read_checkpoint_create(struct reading *rd)
{
	const char *folder = field_text(rd, rd->body, "CheckpointDir");

	parameter(rd, "checkpoint", field_text(rd, rd->body, "CheckpointID"));
	if (folder && *folder)
		parameter(rd, "folder", folder);
}

void read_commit(struct reading *rd)
{
	struct command_facts *f = rd->facts;
	const char *repo = query_text(rd, "repo"), *tag = query_text(rd, "tag");
	char name[1024];

	text_put(rd, &f->target, query_text(rd, "container"));
	if (repo && *repo) {
		snprintf(name, sizeof(name), "%s%s%s", repo, tag && *tag ? ":" : "", tag ? tag : "");
		image_put(rd, &f->image, name);
	}
	if (rd->body)
		config_read(rd, rd->body);
}
