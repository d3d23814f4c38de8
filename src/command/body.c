/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the body that we see is the body that dockerd reads, all of it, and in the way it reads it.
 *
 * What dockerd does: a body is asked for as JSON by its Content-Type in most handlers, and read as JSON
 * whatever its type in others (commit, swarm, plugins). A body of type
 * application/x-www-form-urlencoded or multipart/form-data is merged into the query by net/http, with
 * precedence over it, in every handler: such a type is always refused. The authorization plugin is
 * shown a body only if it is of type application/json, and
 *   - never from 1 MiB on, silently until 29.3.1: CVE-2026-34040 (the handler still reads it);
 *   - until 18.09 and again from 19.03 to 27.1.0 only if Content-Length is above 0, so that a chunked
 *     one, or one behind "Content-Length: 0", is hidden from it: CVE-2024-41110.
 * So: a body that is judged must be there, and as long as announced.
 *
 * One thing the plugin cannot see: of two Content-Type headers net/http acts by the first, and the
 * plugin is shown the last. A form sent as an archive that way (image_build, image_load, an import,
 * container_archive_put) can still replace the query of that request. The proxy sees both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json_strict.h"
#include "base/parse.h"
#include "command/internal.h"

enum presence { BODY_NONE, BODY_WHOLE, BODY_UNSEEN };

struct seen {
	const char *type;     /* Content-Type, NULL = none */
	const char *encoding; /* Content-Encoding */
	const char *transfer; /* Transfer-Encoding */
	bool has_length;
	uint64_t length;
};

static void header_text(struct reading *rd, const struct command_header *h, const char **to)
{
	if (*to)
		reading_refuse(rd, "header %s is given twice", h->name);
	*to = h->value;
}

static void headers_read(struct reading *rd, const struct command_input *in, struct seen *s)
{
	const char *length = NULL;

	for (size_t i = 0; i < in->header_count && rd->r == 0; i++) {
		const struct command_header *h = &in->headers[i];

		if (strcasecmp(h->name, "Content-Type") == 0)
			header_text(rd, h, &s->type);
		else if (strcasecmp(h->name, "Content-Encoding") == 0)
			header_text(rd, h, &s->encoding);
		else if (strcasecmp(h->name, "Transfer-Encoding") == 0)
			header_text(rd, h, &s->transfer);
		else if (strcasecmp(h->name, "Content-Length") == 0)
			header_text(rd, h, &length);
	}
	if (length && (strlen(length) == 0 || length[strspn(length, "0123456789")] ||
			      parse_u64(length, 0, INT64_MAX, &s->length) < 0))
		reading_refuse(rd, "Content-Length is no number");
	s->has_length = length != NULL;
	if (s->transfer && strcasecmp(s->transfer, "chunked") != 0)
		reading_refuse(rd, "Transfer-Encoding is not chunked");
	if (s->transfer && s->has_length)
		reading_refuse(rd, "both Content-Length and Transfer-Encoding are given");
}

/* Whether the media type, up to its parameters and without regard to case, is `name`. */
static bool type_is(const char *type, const char *name)
{
	size_t n = strlen(name);

	type += strspn(type, " \t");
	return strncasecmp(type, name, n) == 0 && (type[n] == 0 || strchr("; \t,", type[n]));
}

/* application/json, alone or as UTF-8. What else a parameter may say, dockerd ignores or refuses. */
static bool type_is_json(const char *type)
{
	static const char *const forms[] = {
		"application/json", "application/json;charset=utf-8", "application/json; charset=utf-8",
		"application/json;charset=\"utf-8\"", "application/json; charset=\"utf-8\""};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (strcasecmp(type, forms[i]) == 0)
			return true;
	return false;
}

/* Without a length it may be chunked. Without a type too, dockerd makes no form of it, and refuses it
 * where a body is allowed to be missing; where it must be there, it is missing either way. */
static enum presence presence_authz(const struct command_input *in, const struct seen *s)
{
	if (in->body_size > 0)
		return BODY_WHOLE;
	if (s->has_length)
		return s->length > 0 ? BODY_UNSEEN : BODY_NONE;
	bool form = strcmp(in->method, "POST") == 0 || strcmp(in->method, "PUT") == 0 || strcmp(in->method, "PATCH") == 0;
	return s->type && form ? BODY_UNSEEN : BODY_NONE;
}

static enum presence presence_proxy(const struct command_input *in)
{
	if (!in->body_whole)
		return BODY_UNSEEN;
	return in->body_size > 0 ? BODY_WHOLE : BODY_NONE;
}

static void json_read(struct reading *rd, const struct command_input *in, struct json **ret)
{
	char why[160];
	CLEANUP(json_free) struct json *root = NULL;

	if (in->body_size > COMMAND_BODY_MAX) {
		reading_refuse(rd, "the body is too large to be judged");
		return;
	}
	if (json_strict(in->body, in->body_size, why, sizeof(why)) < 0) {
		reading_refuse(rd, "the body cannot be judged: %s", why);
		return;
	}
	int r = json_parse(&root, in->body, in->body_size, NULL);
	if (r == -ENOMEM)
		reading_error(rd, r);
	else if (r < 0)
		reading_refuse(rd, "the body does not parse");
	if (r < 0)
		return;
	r = json_keys_unique(root, in->body_size);
	if (r == -ENOMEM)
		reading_error(rd, r);
	else if (r < 0)
		reading_refuse(rd, "a key is in the body twice");
	else
		*ret = take_ptr(root);
}

static void length_check(struct reading *rd, const struct command_input *in, const struct seen *s)
{
	bool known = in->mode == COMMAND_AUTHZ ? in->body_size > 0 : in->body_whole;

	if (s->has_length && known && s->length != in->body_size)
		reading_refuse(rd, "Content-Length is %llu, but the body that was shown has %zu bytes",
			(unsigned long long)s->length, in->body_size);
}

void body_read(struct reading *rd, const struct command_input *in, struct json **ret)
{
	unsigned flags = rd->facts->action->flags;
	struct seen s = {0};

	headers_read(rd, in, &s);
	if (s.type && (type_is(s.type, "application/x-www-form-urlencoded") || type_is(s.type, "multipart/form-data")))
		reading_refuse(rd, "a form in the body would override the query");
	length_check(rd, in, &s);
	enum presence there = in->mode == COMMAND_AUTHZ ? presence_authz(in, &s) : presence_proxy(in);
	rd->hidden = in->mode == COMMAND_AUTHZ && there == BODY_UNSEEN;
	if (rd->r < 0 || (flags & (COMMAND_STREAMS | COMMAND_HIJACKS)))
		return;
	if (!(flags & (COMMAND_BODY | COMMAND_BODY_MAYBE))) {
		/* Nobody reads it, unless it is a form: of two types the plugin is shown the other one. */
		if (rd->hidden)
			reading_refuse(rd, "it has a body that was not shown");
		return;
	}
	if (there == BODY_UNSEEN)
		reading_refuse(rd, "its body was not shown, or not all of it");
	else if (there == BODY_NONE && (flags & COMMAND_BODY))
		reading_refuse(rd, "it has no body");
	else if (there == BODY_WHOLE && (!s.type || !type_is_json(s.type)))
		reading_refuse(rd, "its body is not of type application/json");
	else if (there == BODY_WHOLE && s.encoding && strcasecmp(s.encoding, "identity") != 0)
		reading_refuse(rd, "its body is encoded (%.32s)", s.encoding);
	else if (there == BODY_WHOLE)
		json_read(rd, in, ret);
}
