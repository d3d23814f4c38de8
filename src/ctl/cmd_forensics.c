/* SPDX-License-Identifier: Apache-2.0 */
/* seawall forensics: the flight recorder of one container, oldest first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"

#define PAGE 10000

static void print_args(const struct json *event)
{
	const struct json *args = json_get(event, "args");

	if (!json_first(args)) {
		print_text(json_get_str(event, "path", ""));
		return;
	}
	for (const struct json *a = json_first(args); a; a = json_next(a)) {
		print_text(json_str(a, ""));
		putchar(' ');
	}
	if (json_get_bool(event, "args_truncated", false))
		fputs("…", stdout);
}

static void print_network(const struct json *e)
{
	const char *country = json_get_str(e, "country", NULL),
		   *domain = json_get_str(e, "domain", NULL);

	printf("%s %s:%ld", json_get_str(e, "proto", ""), json_get_str(e, "address", "?"),
		(long)json_get_int(e, "port", 0));
	if (domain) {
		fputs(" ", stdout);
		print_text(domain);
	}
	if (country)
		printf(" (%s)", country);
	printf(" by ");
	print_text(json_get_str(e, "path", "?"));
}

static void print_event(const struct json *e)
{
	const char *type = json_get_str(e, "type", "-");
	int64_t count = json_get_int(e, "count", 1);
	char when[64];

	printf("%s%s%s  %s%-8s%s %7ld  ", tint(TINT_DIM),
		time_short(json_get_str(e, "time", ""), when, sizeof(when)), tint(TINT_NONE),
		strcmp(type, "audit") == 0 ? tint(TINT_RED) : "", type, tint(TINT_NONE),
		(long)json_get_int(e, "pid", 0));
	if (json_get_str(e, "message", NULL))
		print_text(json_get_str(e, "message", ""));
	else if (json_get_str(e, "address", NULL))
		print_network(e);
	else
		print_args(e);
	if (strcmp(type, "exit") == 0 && json_get_int(e, "exit_signal", 0))
		printf(" killed by signal %ld", (long)json_get_int(e, "exit_signal", 0));
	else if (strcmp(type, "exit") == 0 && json_get_int(e, "exit_code", 0))
		printf(" exit code %ld", (long)json_get_int(e, "exit_code", 0));
	if (count > 1)
		printf("  (%ld times)", (long)count);
	putchar('\n');
}

/* Adds &since= or &until= of the option. */
static int add_time(struct call *c, const char *option, char *path, size_t size)
{
	const char *text = call_value(c, option);
	char formatted[TIME_TEXT_SIZE], escaped[128];
	uint64_t t;

	if (!text)
		return CTL_DONE;
	if (time_parse(text, &t) < 0)
		return cannot_say("--%s '%s': expected RFC 3339 such as 2026-01-31T12:00:00Z, or a "
				  "span such as 5m",
			option, text);
	size_t n = strlen(path);
	snprintf(path + n, size - n, "&%s=%s", option,
		client_escape(
			time_format(t, formatted, sizeof(formatted)), escaped, sizeof(escaped)));
	return CTL_DONE;
}

/* Every page that came, and their events, which are put in order over all of them. */
struct story {
	struct reply *pages;
	const struct json **events;
	size_t page_count, event_count;
};

static void story_done(struct story *s)
{
	for (size_t i = 0; i < s->page_count; i++)
		reply_done(&s->pages[i]);
	free(s->pages);
	free(s->events);
}

static void story_done_cleanup_(struct story *s)
{
	story_done(s);
}

static int story_add(struct story *s, const struct json *items)
{
	size_t n = s->event_count;

	for (const struct json *e = json_first(items); e; e = json_next(e))
		n++;
	const struct json **events = realloc(s->events, (n + 1) * sizeof(*events));
	if (!events)
		return cannot_say("out of memory: ask for less with --since, --until or --limit");
	s->events = events;
	for (const struct json *e = json_first(items); e; e = json_next(e))
		events[s->event_count++] = e;
	return CTL_DONE;
}

/* Fetches one page; *cursor becomes that of the next, "" at the end. */
static int story_page(struct story *s, struct client *client, const char *base, char cursor[512])
{
	char path[2048], escaped[512];
	struct reply *pages = realloc(s->pages, (s->page_count + 1) * sizeof(*pages));

	if (!pages)
		return cannot_say("out of memory: ask for less with --since, --until or --limit");
	s->pages = pages;
	struct reply *reply = &pages[s->page_count++];
	*reply = (struct reply){0};
	snprintf(path, sizeof(path), "%s%s%s", base, *cursor ? "&cursor=" : "",
		client_escape(cursor, escaped, sizeof(escaped)));
	int r = client_get(client, path, reply);
	if (r != CTL_DONE)
		return r;
	const struct json *next = json_get(reply->json, "next");
	snprintf(cursor, 512, "%s", json_str(next, ""));
	if (json_is_number(next))
		snprintf(cursor, 512, "%" PRId64, json_int(next, 0));
	return story_add(s, json_get(reply->json, "items"));
}

/* RFC 3339 in UTC with nanoseconds sorts as text; seq decides between equals. */
static int by_time(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	int r = strcmp(json_get_str(x, "time", ""), json_get_str(y, "time", ""));

	if (r)
		return r;
	int64_t m = json_get_int(x, "seq", 0), n = json_get_int(y, "seq", 0);
	return m < n ? -1 : m > n;
}

int cmd_forensics(struct call *c)
{
	CLEANUP(client_free) struct client *client = NULL;
	const char *limit = call_value(c, "limit");
	struct diag diag = {0};
	char base[1024], id[512], cursor[512] = "";
	uint64_t left = 0;

	if (limit && parse_u64(limit, 0, UINT64_MAX, &left) < 0)
		return cannot_say("--limit '%s': expected a number", limit);
	if (!left)
		left = UINT64_MAX;
	snprintf(base, sizeof(base), "/forensics/%s?limit=%d",
		client_escape(c->args[0], id, sizeof(id)), PAGE);
	int r = add_time(c, "since", base, sizeof(base));
	if (r == CTL_DONE)
		r = add_time(c, "until", base, sizeof(base));
	if (r != CTL_DONE)
		return r;
	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	CLEANUP(story_done) struct story story = {0};
	do
		r = story_page(&story, client, base, cursor);
	while (r == CTL_DONE && *cursor && story.event_count < left);
	if (r != CTL_DONE)
		return r;
	qsort(story.events, story.event_count, sizeof(*story.events), by_time);
	for (size_t i = 0; i < story.event_count && i < left; i++)
		c->json ? print_json(story.events[i]) : print_event(story.events[i]);
	return CTL_DONE;
}
