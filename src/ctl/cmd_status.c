/* SPDX-License-Identifier: Apache-2.0 */
/* seawall status, containers, radar: the present state, asked once. */
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"

/* Asks `path` and hands the answer to `print`, or prints it as JSON: the items of a list one a
 * line. */
static int ask(struct call *c, const char *path, void (*print)(const struct json *))
{
	CLEANUP(client_free) struct client *client = NULL;
	CLEANUP(reply_done) struct reply reply = {0};
	struct diag diag = {0};

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	int r = client_get(client, path, &reply);
	if (r != CTL_DONE)
		return r;
	const struct json *items = json_get(reply.json, "items");
	if (!c->json)
		print(reply.json);
	else if (!items)
		print_json(reply.json);
	for (const struct json *i = c->json ? json_first(items) : NULL; i; i = json_next(i))
		print_json(i);
	return CTL_DONE;
}

static void print_parts(const char *title, const struct json *list, const char *name_key)
{
	for (const struct json *i = json_first(list); i; i = json_next(i)) {
		const char *state = json_get_str(i, "state", "-"),
			   *reason = json_get_str(i, "reason", "");
		const char *more = json_get_str(i, "socket", "");
		printf("%-12s %-20s %s%s%s  ", title, json_get_str(i, name_key, "-"),
			tint(tint_of(state)), state, tint(TINT_NONE));
		print_text(*reason ? reason : more);
		putchar('\n');
		title = "";
	}
}

static void print_status(const struct json *s)
{
	const struct json *events = json_get(s, "events"), *defender = json_get(s, "defender");
	bool ready = json_get_bool(s, "ready", false);

	printf("%-12s %s%s%s\n", "enforcement", tint(ready ? TINT_GREEN : TINT_RED),
		ready ? "on" : "not on yet", tint(TINT_NONE));
	printf("%-12s %s, kernel %s\n", "version", json_get_str(s, "version", "-"),
		json_get_str(s, "kernel", "-"));
	printf("%-12s revision %ld, %ld containers running\n", "policy",
		(long)json_get_int(s, "policy_revision", 0),
		(long)json_get_int(s, "containers", 0));
	printf("%-12s pid %ld, %.1f MB, %.1f %% of a core\n", "defender",
		(long)json_get_int(defender, "pid", 0),
		json_double(json_get(defender, "rss"), 0) / 1e6,
		json_double(json_get(defender, "cpu_percent"), 0));
	printf("%-12s %ld seen, %ld + %ld dropped, blind for %ld ms\n", "events",
		(long)json_get_int(events, "seen", 0),
		(long)json_get_int(events, "dropped_security", 0),
		(long)json_get_int(events, "dropped_bulk", 0),
		(long)json_get_int(events, "blind_ms", 0));
	print_parts("sensors", json_get(s, "sensors"), "name");
	print_parts("enforcers", json_get(s, "enforcers"), "name");
	print_parts("engines", json_get(s, "runtimes"), "kind");
	for (const struct json *w = json_first(json_get(s, "warnings")); w; w = json_next(w)) {
		printf("%s%-12s%s ", tint(TINT_YELLOW), "warning", tint(TINT_NONE));
		print_text(json_str(w, ""));
		putchar('\n');
	}
}

/* Exit 1 when enforcement is not on: scripts ask `seawall status` and want yes or no. */
int cmd_status(struct call *c)
{
	CLEANUP(client_free) struct client *client = NULL;
	CLEANUP(reply_done) struct reply reply = {0};
	struct diag diag = {0};

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	int r = client_get(client, "/status", &reply);
	if (r != CTL_DONE)
		return r;
	if (c->json)
		print_json(reply.json);
	else
		print_status(reply.json);
	return json_get_bool(reply.json, "ready", false) ? CTL_DONE : CTL_NO;
}

static void print_containers(const struct json *answer)
{
	static const char *const titles[] = {
		"CONTAINER", "NAME", "IMAGE", "STATE", "STARTED", "RULE", "BLOCKED BY", NULL};
	struct table t;
	char ago[32], id[16];

	table_init(&t, titles, 2);
	for (const struct json *i = json_first(json_get(answer, "items")); i; i = json_next(i)) {
		snprintf(id, sizeof(id), "%.12s", json_get_str(i, "id", ""));
		table_add(&t, id);
		table_add(&t, json_get_str(i, "name", NULL));
		table_add(&t, json_get_str(i, "image", NULL));
		table_add(&t, json_get_str(i, "state", NULL));
		table_add(&t, time_ago(json_get_str(i, "started", NULL), ago, sizeof(ago)));
		table_add(&t, json_get_str(i, "rule", NULL));
		table_add(&t, json_get_str(i, "blocked_by", NULL));
	}
	table_print(&t, "no containers");
}

int cmd_containers(struct call *c)
{
	return ask(c, call_flag(c, "all") ? "/containers?all=1" : "/containers", print_containers);
}

static const char *label_of(const struct json *nodes, const char *id)
{
	for (const struct json *n = json_first(nodes); n; n = json_next(n))
		if (strcmp(json_get_str(n, "id", ""), id) == 0)
			return json_get_str(n, "label", id);
	return id;
}

static void print_radar(const struct json *answer)
{
	static const char *const titles[] = {
		"FROM", "TO", "PROTO", "PORT", "PROCESS", "COUNT", "EFFECT", NULL};
	const struct json *nodes = json_get(answer, "nodes");
	struct table t;
	char port[16], count[24];
	int shown = 0;

	for (const struct json *n = json_first(nodes); n; n = json_next(n)) {
		const char *state = json_get_str(n, "state", "");
		printf("%-10s ", json_get_str(n, "kind", "-"));
		print_text(json_get_str(n, "label", "-"));
		const char *reason = json_get_str(n, "reason", "");
		printf("  %s%s%s%s", tint(tint_of(state)), state, tint(TINT_NONE),
			*reason ? "  " : "");
		print_text(reason);
		putchar('\n');
		shown++;
	}
	if (shown)
		putchar('\n');
	table_init(&t, titles, 4);
	for (const struct json *e = json_first(json_get(answer, "edges")); e; e = json_next(e)) {
		snprintf(port, sizeof(port), "%ld", (long)json_get_int(e, "port", 0));
		snprintf(count, sizeof(count), "%ld", (long)json_get_int(e, "count", 0));
		table_add(&t, label_of(nodes, json_get_str(e, "from", "-")));
		table_add(&t, label_of(nodes, json_get_str(e, "to", "-")));
		table_add(&t, json_get_str(e, "proto", NULL));
		table_add(&t, port);
		table_add(&t, json_get_str(e, "process", NULL));
		table_add(&t, count);
		table_add(&t, json_get_str(e, "effect", NULL));
	}
	table_print(&t, "no connections");
}

int cmd_radar(struct call *c)
{
	return ask(c, "/radar", print_radar);
}
