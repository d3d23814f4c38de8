/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its method to its facts: see command.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "command/internal.h"
#include "policy/secret.h"

/* Query parameters that are nobody's business or too noisy for an audit. */
static const char *const hidden_keys[] = {"session", "buildid"};
/* Of these only the first word is told: the rest may be a secret. */
static const char *const cut_keys[] = {"changes"};

static void parameter_add(struct reading *rd, const char *text)
{
	struct str_list *l = &rd->facts->parameters;

	if (l->count < COMMAND_PARAMETERS_MAX)
		reading_error(rd, str_list_add(l, text));
	else if (l->count == COMMAND_PARAMETERS_MAX)
		reading_error(rd, str_list_add(l, "..."));
}

void parameter(struct reading *rd, const char *name, const char *value)
{
	char text[COMMAND_PARAMETER_MAX + 1];

	if (!rd->facts || !value)
		return;
	int n = snprintf(text, sizeof(text), "%s=%s", name, value);
	if (n >= (int)sizeof(text))
		snprintf(text + sizeof(text) - 4, 4, "...");
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
	parameter_add(rd, text);
}

void parameter_flag(struct reading *rd, const char *name, bool value)
{
	if (value)
		parameter(rd, name, "true");
}

void parameter_number(struct reading *rd, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	if (value)
		parameter(rd, name, text);
}

const char *query_text(const struct reading *rd, const char *key)
{
	return kv_list_get(&rd->uri->query, key);
}

/* httputils.BoolValue of dockerd: everything but these is true. */
bool query_flag(const struct reading *rd, const char *key)
{
	static const char *const no[] = {"", "0", "no", "false", "none"};
	const char *value = query_text(rd, key);
	char word[16];

	if (!value)
		return false;
	while (*value == ' ' || (*value >= '\t' && *value <= '\r'))
		value++;
	size_t n = strcspn(value, " \t\n\v\f\r");
	if (n >= sizeof(word))
		return true;
	memcpy(word, value, n);
	word[n] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (strcasecmp(word, no[i]) == 0)
			return false;
	return true;
}

/* Without what stands before '@' in an address: "https://user:password@host/x". */
static void parameter_address(struct reading *rd, const char *key, const char *value)
{
	const char *slashes = strstr(value, "://");
	const char *host = slashes ? slashes + 3 : value;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	char text[COMMAND_PARAMETER_MAX];

	if (slashes && at)
		snprintf(text, sizeof(text), "%.*s***%s", (int)(host - value), value, at);
	else
		snprintf(text, sizeof(text), "%s", value);
	parameter(rd, key, text);
}

/* Build arguments: a JSON object whose values stay unsaid. */
static void parameter_names(struct reading *rd, const char *key, const char *value)
{
	CLEANUP(json_free) struct json *root = NULL;

	if (json_parse(&root, value, strlen(value), NULL) < 0 || !json_is_object(root)) {
		parameter(rd, key, "(not an object)");
		return;
	}
	for (const struct json *j = json_first(root); j && rd->r == 0; j = json_next(j))
		parameter(rd, key, json_key(j));
}

static bool is_of(const char *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], key) == 0)
			return true;
	return false;
}

static void parameters_of_query(struct reading *rd)
{
	for (uint32_t i = 0; i < rd->uri->query.count && rd->r == 0; i++) {
		const char *key = rd->uri->query.items[i].key, *value = rd->uri->query.items[i].value;

		if (is_of(hidden_keys, ARRAY_SIZE(hidden_keys), key) || !*value) {
			continue;
		} else if (strcmp(key, "buildargs") == 0) {
			parameter_names(rd, key, value);
		} else if (is_of(cut_keys, ARRAY_SIZE(cut_keys), key)) {
			char word[32];

			snprintf(word, sizeof(word), "%.*s", (int)strcspn(value, " \t\n"), value);
			parameter(rd, key, word);
		} else if (secret_looks(key, value)) {
			parameter(rd, key, "***");
		} else {
			parameter_address(rd, key, value);
		}
	}
}

static bool method_known(const char *method)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"};

	return is_of(methods, ARRAY_SIZE(methods), method);
}

/* What the row's reader and the body say, once method and path are clear. */
static void details_read(struct reading *rd, const struct command_input *in)
{
	struct command_facts *f = rd->facts;
	CLEANUP(json_free) struct json *body = NULL;
	size_t n = f->target ? strlen(f->target) : 0;

	if (n && f->target[n - 1] == '/')
		reading_refuse(rd, "the name in the path ends with a slash");
	body_read(rd, in, &body);
	rd->body = body;
	if (rd->r == 0 && f->action->read)
		f->action->read(rd);
	parameters_of_query(rd);
	rd->body = NULL;
}

int command_read(struct command_facts *ret, const struct command_input *in)
{
	struct command_uri u = {0};
	struct command_facts f = {.action = &command_unknown};
	struct reading rd = {.facts = &f, .c = &f.creation, .uri = &u};

	if (!method_known(in->method))
		reading_refuse(&rd, "the method is not one of HTTP's");
	if (rd.r == 0)
		rd.r = uri_parse(&u, in->uri, rd.why, sizeof(rd.why));
	if (rd.r == 0 && action_find(&f.action, in->method, &u, &f.target) < 0)
		reading_refuse(&rd, "an encoded slash in the path stands where a separator would");
	if (rd.r == 0) {
		f.api = u.api;
		details_read(&rd, in);
	}
	f.path = take_ptr(u.path);
	uri_done(&u);
	if (rd.r == -ENOMEM) {
		command_facts_done(&f);
		return rd.r;
	}
	f.readable = rd.r == 0;
	snprintf(f.why, sizeof(f.why), "%s", rd.why);
	for (unsigned char *p = (unsigned char *)f.why; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
	*ret = f;
	return 0;
}

int command_find(const struct command_action **ret, const char *method, const char *uri, char *why, size_t size)
{
	struct command_uri u = {0};
	char *target = NULL;
	int r = uri_parse(&u, uri, why, size);

	if (r < 0)
		return r;
	r = action_find(ret, method, &u, &target);
	if (r == -EBADMSG)
		snprintf(why, size, "an encoded slash in the path stands where a separator would");
	free(target);
	uri_done(&u);
	return r;
}

void command_request(const struct command_facts *f, struct access_request *q)
{
	q->action = f->action->name;
	q->read_only = f->action->flags & COMMAND_READ_ONLY;
	q->dangerous = f->action->flags & COMMAND_DANGEROUS;
	q->hides_builds = f->action->flags & COMMAND_BUILDS;
	q->target = f->target;
	q->image = f->image;
	q->exec_user = f->exec_user;
	q->network = f->network;
	q->creation = f->has_creation ? &f->creation : NULL;
}

void command_facts_done(struct command_facts *f)
{
	free(f->path);
	free(f->target);
	free(f->image);
	free(f->exec_user);
	free(f->network);
	creation_done(&f->creation);
	str_list_done(&f->parameters);
	*f = (struct command_facts){0};
}
