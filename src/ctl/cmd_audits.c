/* SPDX-License-Identifier: Apache-2.0 */
/* seawall audits, incidents: what was found, listed and followed. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/pattern.h"
#include "ctl/command.h"
#include "ctl/feed.h"
#include "ctl/output.h"

static void print_audit(const struct json *a)
{
	/* What was done, or for what nobody had to stop, what it is. */
	const char *effect = json_get_str(a, "done", json_get_str(a, "kind", "-"));
	const char *severity = json_get_str(a, "severity", "-");
	const char *container = json_str(
		json_path(a, "container.name"), json_str(json_path(a, "container.id"), "-"));
	int64_t count = json_get_int(a, "count", 1);
	char when[64];

	printf("%s%s%s  %s%-8s%s %s%-8s%s ", tint(TINT_DIM),
		time_short(
			json_get_str(a, "last", json_get_str(a, "time", "")), when, sizeof(when)),
		tint(TINT_NONE), tint(tint_of(effect)), effect, tint(TINT_NONE),
		tint(tint_of(severity)), severity, tint(TINT_NONE));
	print_text(container);
	fputs("  ", stdout);
	print_text(json_get_str(a, "message", ""));
	if (count > 1)
		printf("  (%ld times)", (long)count);
	putchar('\n');
}

static void print_incident(const struct json *i)
{
	const char *severity = json_get_str(i, "severity", "-"),
		   *state = json_get_str(i, "state", "-");
	char when[64];

	printf("%s%s%s  ", tint(TINT_BOLD), json_get_str(i, "id", "-"), tint(TINT_NONE));
	printf("%s  %s%s%s %s%s%s  ",
		time_short(json_get_str(i, "updated", ""), when, sizeof(when)),
		tint(tint_of(severity)), severity, tint(TINT_NONE), tint(tint_of(state)), state,
		tint(TINT_NONE));
	print_text(json_get_str(i, "category", "-"));
	fputs("  ", stdout);
	print_text(json_str(json_path(i, "container.name"), "-"));
	printf("  %ld audits\n", (long)json_get_int(i, "audits", 0));
	if (json_get_str(i, "story", NULL)) {
		fputs("    ", stdout);
		print_text(json_get_str(i, "story", ""));
		putchar('\n');
	}
}

/* Options that are a field of the audit, by the same name. */
static const char *const field_filters[] = {"kind", "detection", "severity", "effect", "done", "incident"};

/* Of the command to an engine that the audit tells of; user and action may have stars. */
static const char *const command_filters[] = {"user", "action", "verdict"};

/* The value of an option that only some of the commands have. */
static const char *value_of(const struct call *c, const char *name)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->command->options[i].name; i++)
		if (strcmp(c->command->options[i].name, name) == 0)
			return c->values[i];
	return NULL;
}

static bool list_says(const struct json *list, const char *text)
{
	for (const struct json *i = json_first(list); i; i = json_next(i))
		if (strcasestr(json_str(i, ""), text))
			return true;
	return false;
}

/* As the Console looks for `text`: store/audit_words.c. */
static bool audit_says(const struct json *audit, const char *text)
{
	static const char *const paths[] = {"message", "rule", "container.name", "container.image",
		"container.id", "file", "process.path", "network.address", "network.domain",
		"command.user", "command.address", "command.action", "command.target",
		"command.path"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcasestr(json_str(json_path(audit, paths[i]), ""), text))
			return true;
	return list_says(json_path(audit, "command.groups"), text) ||
	       list_says(json_path(audit, "command.parameters"), text);
}

static bool command_wanted(const struct call *c, const struct json *audit)
{
	bool access = strcmp(json_get_str(audit, "kind", ""), "access") == 0;
	const struct json *command = json_get(audit, "command");

	for (size_t i = 0; i < ARRAY_SIZE(command_filters); i++) {
		const char *want = value_of(c, command_filters[i]);
		const char *otherwise = access && i == 0 ? "local socket" : "";
		if (want && !pattern_match(want,
				    json_get_str(command, command_filters[i], otherwise), true))
			return false;
	}
	return true;
}

/* The Console filters lists; the stream brings everything, so the same is asked here. */
static bool audit_wanted(void *ctx, const struct json *audit)
{
	const struct call *c = ctx;
	const char *container = value_of(c, "container"), *text = value_of(c, "text");

	for (size_t i = 0; i < ARRAY_SIZE(field_filters); i++) {
		const char *want = value_of(c, field_filters[i]);
		if (want && strcmp(want, json_get_str(audit, field_filters[i], "")) != 0)
			return false;
	}
	if (!command_wanted(c, audit) || (text && !audit_says(audit, text)))
		return false;
	return !container ||
	       strcmp(container, json_str(json_path(audit, "container.name"), "")) == 0 ||
	       str_has_prefix(json_str(json_path(audit, "container.id"), ""), container);
}

static bool incident_wanted(void *ctx, const struct json *incident)
{
	const char *want = call_value(ctx, "state");

	return !want || strcmp(want, json_get_str(incident, "state", "")) == 0;
}

/* --since and --until as the API takes them, --limit. 0, or -EINVAL with the sentence printed. */
static int take_common(struct feed *f, struct call *c, uint64_t otherwise)
{
	const char *limit = call_value(c, "limit");

	f->json = c->json;
	f->limit = otherwise;
	if (limit && parse_u64(limit, 0, UINT32_MAX, &f->limit) < 0)
		return cannot_say("--limit '%s': expected a number", limit);
	return CTL_DONE;
}

static int take_time(const char *option, const char *text, char *out, size_t size)
{
	uint64_t t;

	if (time_parse(text, &t) < 0)
		return cannot_say("--%s '%s': expected RFC 3339 such as 2026-01-31T12:00:00Z, or a "
				  "span such as 5m",
			option, text);
	time_format(t, out, size);
	return CTL_DONE;
}

static int run_feed(struct feed *f, struct call *c, const char *nothing)
{
	CLEANUP(client_free) struct client *client = NULL;
	struct diag diag = {0};
	size_t count;

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	f->client = client;
	f->ctx = c;
	if (call_flag(c, "follow"))
		return feed_follow(f);
	int r = feed_list(f, &count);
	if (r == CTL_DONE && !count && !c->json)
		fprintf(stderr, "%s\n", nothing);
	return r;
}

static bool command_of_engine_wanted(void *ctx, const struct json *audit)
{
	return strcmp(json_get_str(audit, "kind", ""), "access") == 0 && audit_wanted(ctx, audit);
}

/* kind: the only one, or NULL. */
static int list_audits(struct call *c, const char *kind, const char *nothing)
{
	static struct feed f; /* its table of what was seen is large for a stack */
	const char *since = call_value(c, "since"), *until = call_value(c, "until");
	char until_text[TIME_TEXT_SIZE];
	int r = take_common(&f, c, since ? 0 : 100);

	f.path = "/audits";
	f.topic = "audits";
	f.event = "audit";
	f.print = print_audit;
	f.wanted = kind ? command_of_engine_wanted : audit_wanted;
	if (r == CTL_DONE && since)
		r = take_time("since", since, f.since, sizeof(f.since));
	if (r == CTL_DONE && until)
		r = take_time("until", until, until_text, sizeof(until_text));
	if (r != CTL_DONE)
		return r;
	feed_filter(&f, "until", until ? until_text : NULL);
	feed_filter(&f, "kind", kind);
	feed_filter(&f, "container", value_of(c, "container"));
	feed_filter(&f, "text", value_of(c, "text"));
	for (size_t i = 0; i < ARRAY_SIZE(field_filters); i++)
		feed_filter(&f, field_filters[i], value_of(c, field_filters[i]));
	for (size_t i = 0; i < ARRAY_SIZE(command_filters); i++)
		feed_filter(&f, command_filters[i], value_of(c, command_filters[i]));
	return run_feed(&f, c, nothing);
}

int cmd_audits(struct call *c)
{
	return list_audits(c, NULL, "no audits");
}

int cmd_access_log(struct call *c)
{
	return list_audits(c, "access", "no commands");
}

int cmd_incidents(struct call *c)
{
	static struct feed f;
	int r = take_common(&f, c, 100);

	if (r != CTL_DONE)
		return r;
	f.path = "/incidents";
	f.topic = "incidents";
	f.event = "incident";
	f.print = print_incident;
	f.wanted = incident_wanted;
	feed_filter(&f, "state", call_value(c, "state"));
	return run_feed(&f, c, "no incidents");
}

static int one_incident(
	struct call *c, const char *method, const char *suffix, void (*print)(const struct json *))
{
	CLEANUP(client_free) struct client *client = NULL;
	CLEANUP(reply_done) struct reply reply = {0};
	struct diag diag = {0};
	char id[256], path[320];

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	snprintf(path, sizeof(path), "/incidents/%s%s", client_escape(c->args[0], id, sizeof(id)),
		suffix);
	int r = client_send(client, &(struct request){.method = method, .path = path}, &reply);
	if (r != CTL_DONE)
		return r;
	if (c->json)
		print_json(reply.json);
	else
		print(reply.json);
	return CTL_DONE;
}

static void print_incident_whole(const struct json *i)
{
	print_incident(i);
	for (const struct json *a = json_first(json_get(i, "items")); a; a = json_next(a)) {
		fputs("    ", stdout);
		print_audit(a);
	}
}

int cmd_incidents_show(struct call *c)
{
	return one_incident(c, NULL, "", print_incident_whole);
}

int cmd_incidents_ack(struct call *c)
{
	return one_incident(c, "POST", "/ack", print_incident);
}
