/* SPDX-License-Identifier: Apache-2.0 */
/* seawall compliance: what passes, what fails, why and how to mend it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"

#define PAGE 1000
#define PAGES_MAX 2000

static const char *const resources[] = {"host", "daemon", "file", "image", "container"};
static const char *const severities[] = {"low", "medium", "high", "critical"};

/* All that is listed, and what of it counts. */
struct report {
	struct call *call;
	struct client *client;
	struct reply *pages;
	size_t page_count;
	const struct json **items;
	size_t count;
	size_t passed, failed, blocked;
};

static bool is_passed(const struct json *f)
{
	return json_get_bool(f, "passed", false);
}

/* What a rule ignores has not failed. */
static bool is_failed(const struct json *f)
{
	return !is_passed(f) && strcmp(json_get_str(f, "effect", ""), "disable") != 0;
}

static void report_done(struct report *r)
{
	for (size_t i = 0; i < r->page_count; i++)
		reply_done(&r->pages[i]);
	free(r->pages);
	free(r->items);
}
static inline void report_done_cleanup_(struct report *r)
{
	report_done(r);
}

static void add_filter(char *path, size_t size, const char *name, const char *value)
{
	char escaped[512];
	size_t n = strlen(path);

	if (value)
		snprintf(path + n, size - n, "&%s=%s", name, client_escape(value, escaped, sizeof(escaped)));
}

static int take_items(struct report *r, const struct json *list)
{
	for (const struct json *i = json_first(list); i; i = json_next(i)) {
		const struct json **more = reallocarray(r->items, r->count + 1, sizeof(*more));
		if (!more)
			return cannot_say("out of memory");
		r->items = more;
		r->items[r->count++] = i;
		r->passed += is_passed(i);
		r->failed += is_failed(i);
		r->blocked += is_failed(i) && strcmp(json_get_str(i, "effect", ""), "block") == 0;
	}
	return CTL_DONE;
}

static int fetch(struct report *r)
{
	char path[2048];
	const char *cursor = NULL;
	int e = CTL_DONE;

	r->pages = calloc(PAGES_MAX, sizeof(*r->pages));
	if (!r->pages)
		return cannot_say("out of memory");
	while (e == CTL_DONE && r->page_count < PAGES_MAX) {
		struct reply *page = &r->pages[r->page_count];
		snprintf(path, sizeof(path), "/compliance?limit=%d", PAGE);
		add_filter(path, sizeof(path), "container", call_value(r->call, "container"));
		add_filter(path, sizeof(path), "resource", call_value(r->call, "resource"));
		add_filter(path, sizeof(path), "severity", call_value(r->call, "severity"));
		add_filter(path, sizeof(path), "cursor", cursor);
		r->page_count++;
		e = client_get(r->client, path, page);
		if (e == CTL_DONE)
			e = take_items(r, json_get(page->json, "items"));
		cursor = json_get_str(page->json, "next", NULL);
		if (!cursor || !*cursor)
			break;
	}
	return e;
}

/* --- order: by resource, failed first, the worst first, by number --- */

static int place_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return (int)n;
}

static int compare(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	int r = place_of(json_get_str(x, "resource", ""), resources, ARRAY_SIZE(resources)) -
		place_of(json_get_str(y, "resource", ""), resources, ARRAY_SIZE(resources));

	if (!r)
		r = is_failed(y) - is_failed(x);
	if (!r)
		r = place_of(json_get_str(y, "severity", ""), severities, ARRAY_SIZE(severities)) -
			place_of(json_get_str(x, "severity", ""), severities, ARRAY_SIZE(severities));
	if (!r)
		r = strverscmp(json_get_str(x, "cis", ""), json_get_str(y, "cis", ""));
	return r ? r : strcmp(json_get_str(x, "id", ""), json_get_str(y, "id", ""));
}

/* --- for people --- */

/* A container by its name. */
static void print_target(const struct json *f)
{
	print_text(json_str(json_path(f, "container.name"), json_get_str(f, "target", "-")));
}

static void print_line(const char *title, const char *text)
{
	if (!text || !*text)
		return;
	printf("%s           %-6s%s ", tint(TINT_DIM), title, tint(TINT_NONE));
	print_text(text);
	putchar('\n');
}

static void print_finding(const struct json *f)
{
	bool failed = is_failed(f);
	const char *word = is_passed(f) ? "pass" : failed ? "FAIL" : "ignored", *severity = json_get_str(f, "severity", "-");
	const char *effect = json_get_str(f, "effect", ""), *rule = json_get_str(f, "rule", NULL);

	printf("  %s%-8s%s %-7s ", tint(failed ? TINT_RED : is_passed(f) ? TINT_GREEN : TINT_DIM), word, tint(TINT_NONE),
		json_get_str(f, "cis", "-"));
	print_text(json_get_str(f, "title", json_get_str(f, "check", "-")));
	fputs(": ", stdout);
	print_target(f);
	if (failed)
		printf("  %s%s%s", tint(tint_of(severity)), severity, tint(TINT_NONE));
	putchar('\n');
	if (is_passed(f))
		return;
	print_line("why", json_get_str(f, "cause", ""));
	if (failed)
		print_line("mend", json_get_str(f, "remedy", ""));
	if (rule) {
		printf("%s           %-6s%s %s by rule '", tint(TINT_DIM), "rule", tint(TINT_NONE),
			strcmp(effect, "disable") == 0 ? "ignored" : strcmp(effect, "block") == 0 ? "blocked" : "alerted");
		print_text(rule);
		fputs("'\n", stdout);
	}
}

static void print_report(struct report *r, bool failed_only)
{
	const char *group = "";

	for (size_t i = 0; i < r->count; i++) {
		const char *resource = json_get_str(r->items[i], "resource", "-");
		if (failed_only && !is_failed(r->items[i]))
			continue;
		if (strcmp(resource, group) != 0)
			printf("%s%s%s%s\n", *group ? "\n" : "", tint(TINT_BOLD), resource, tint(TINT_NONE));
		group = resource;
		print_finding(r->items[i]);
	}
	size_t counted = r->passed + r->failed;
	if (!counted) {
		fputs("nothing was looked at yet\n", stderr);
		return;
	}
	printf("%s%zu of %zu checks pass (%zu %%)", *group ? "\n" : "", r->passed, counted, r->passed * 100 / counted);
	if (r->count > counted)
		printf(", %zu ignored", r->count - counted);
	if (r->blocked)
		printf(", %zu fail that a rule blocks", r->blocked);
	putchar('\n');
}

/* An unknown word must not look like a clean report. */
static int check_word(struct call *c, const char *option, const char *const *words, size_t n)
{
	const char *value = call_value(c, option);

	if (!value || place_of(value, words, n) < (int)n)
		return CTL_DONE;
	const char *near = word_nearest(value, words, n);
	return near ? cannot_say("--%s '%s' is unknown: did you mean '%s'?", option, value, near)
		    : cannot_say("--%s '%s' is unknown", option, value);
}

static int check_container(struct report *r)
{
	CLEANUP(reply_done) struct reply reply = {0};
	const char *container = call_value(r->call, "container");
	char path[640], escaped[512];

	if (!container || r->count)
		return CTL_DONE;
	snprintf(path, sizeof(path), "/containers/%s", client_escape(container, escaped, sizeof(escaped)));
	return client_get(r->client, path, &reply);
}

int cmd_compliance(struct call *c)
{
	CLEANUP(client_free) struct client *client = NULL;
	CLEANUP(report_done) struct report r = {.call = c};
	bool failed_only = call_flag(c, "failed");
	struct diag diag = {0};
	int e = check_word(c, "resource", resources, ARRAY_SIZE(resources));

	if (e == CTL_DONE)
		e = check_word(c, "severity", severities, ARRAY_SIZE(severities));
	if (e != CTL_DONE)
		return e;
	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	r.client = client;
	e = fetch(&r);
	if (e != CTL_DONE)
		return CTL_CANNOT;
	e = check_container(&r);
	if (e != CTL_DONE)
		return e;
	if (r.count)
		qsort(r.items, r.count, sizeof(*r.items), compare);
	for (size_t i = 0; c->json && i < r.count; i++)
		if (!failed_only || is_failed(r.items[i]))
			print_json(r.items[i]);
	if (!c->json)
		print_report(&r, failed_only);
	return r.blocked ? CTL_NO : CTL_DONE;
}
