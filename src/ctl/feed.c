/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow: see feed.h. */
#include "ctl/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/output.h"

#define PAGE 1000
#define PAGES_MAX 1000
/* Clocks of a list and of its writers differ a little: read again from this much before. */
#define OVERLAP (2 * NSEC_PER_SEC)

void feed_filter(struct feed *f, const char *name, const char *value)
{
	char escaped[800];
	size_t n = strlen(f->query);

	if (value)
		snprintf(f->query + n, sizeof(f->query) - n, "&%s=%s", name,
			client_escape(value, escaped, sizeof(escaped)));
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return (h ^ 0xff) * 1099511628211ull;
}

/* Identifies one state of one entry: a repeat has a higher count, an incident another update. */
static uint64_t entry_hash(const struct json *item)
{
	uint64_t h = hash_text(14695981039346656037ull, json_get_str(item, "id", ""));

	h = hash_text(h, json_get_str(item, "updated", ""));
	h = hash_text(h, json_get_str(item, "state", ""));
	return (h ^ (uint64_t)json_get_int(item, "count", 0)) * 1099511628211ull | 1;
}

/* Wall ns of the last thing that the entry tells of; 0 = none. */
static uint64_t entry_time(const struct json *item)
{
	static const char *const fields[] = {"updated", "last", "time"};
	uint64_t latest = 0, t;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (time_parse(json_get_str(item, fields[i], ""), &t) == 0 && t > latest)
			latest = t;
	return latest;
}

static void show(struct feed *f, const struct json *item)
{
	uint64_t h = entry_hash(item), t = entry_time(item);

	f->seen[h % FEED_SEEN] = h;
	if (t > f->newest)
		f->newest = t;
	if (f->json)
		print_json(item);
	else
		f->print(item);
}

static bool shown(const struct feed *f, const struct json *item)
{
	uint64_t h = entry_hash(item);

	return f->seen[h % FEED_SEEN] == h;
}

static void show_reversed(struct feed *f, const struct json *items, uint64_t limit, size_t *count)
{
	const struct json *all[PAGE];
	size_t n = 0;

	for (const struct json *i = json_first(items); i && n < PAGE && n < limit; i = json_next(i))
		all[n++] = i;
	while (n--)
		if (!shown(f, all[n])) {
			show(f, all[n]);
			++*count;
		}
}

static int get_page(struct feed *f, const char *cursor, uint64_t left, struct reply *ret)
{
	char path[4096], escaped[512];
	int n = snprintf(path, sizeof(path), "%s?limit=%" PRIu64 "%s", f->path,
		left < PAGE ? left : PAGE, f->query);

	if (f->since[0])
		n += snprintf(path + n, sizeof(path) - (size_t)n, "&since=%s",
			client_escape(f->since, escaped, sizeof(escaped)));
	if (cursor)
		snprintf(path + n, sizeof(path) - (size_t)n, "&cursor=%s",
			client_escape(cursor, escaped, sizeof(escaped)));
	return client_get(f->client, path, ret);
}

/* The API gives the newest first: all pages are taken, then printed from the last back. */
int feed_list(struct feed *f, size_t *ret_count)
{
	struct reply *pages = calloc(PAGES_MAX, sizeof(*pages));
	uint64_t left = f->limit ? f->limit : UINT64_MAX;
	uint64_t sizes[PAGES_MAX];
	const char *cursor = NULL;
	char next[512];
	size_t n = 0;
	int r = pages ? CTL_DONE : CTL_CANNOT;

	*ret_count = 0;
	while (r == CTL_DONE && left && n < PAGES_MAX) {
		r = get_page(f, cursor, left, &pages[n]);
		sizes[n] = left;
		for (const struct json *i = json_first(json_get(pages[n].json, "items")); i && left;
			i = json_next(i))
			left--;
		const struct json *more = json_get(pages[n++].json, "next");
		if (!json_is_string(more) && !json_is_number(more))
			break;
		snprintf(next, sizeof(next), "%s", json_str(more, ""));
		if (json_is_number(more))
			snprintf(next, sizeof(next), "%" PRId64, json_int(more, 0));
		cursor = next;
	}
	while (n--) {
		if (r == CTL_DONE)
			show_reversed(f, json_get(pages[n].json, "items"), sizes[n], ret_count);
		reply_done(&pages[n]);
	}
	free(pages);
	fflush(stdout);
	return r;
}

static int on_open(void *ctx)
{
	struct feed *f = ctx;
	struct client *streaming = f->client;
	struct diag diag = {0};
	size_t count;
	int r;

	if (f->newest > OVERLAP)
		time_format(f->newest - OVERLAP, f->since, sizeof(f->since));
	/* The stream's own connection is busy: this is asked over another. */
	r = client_new(&f->client, &diag);
	if (r == 0) {
		feed_list(f, &count);
		client_free(f->client);
	}
	f->client = streaming;
	return r;
}

static int on_event(void *ctx, const struct sse_event *e)
{
	CLEANUP(json_free) struct json *item = NULL;
	struct feed *f = ctx;

	if (strcmp(e->name, f->event) != 0 || json_parse(&item, e->data, strlen(e->data), NULL) < 0)
		return 0;
	if (f->wanted && !f->wanted(f->ctx, item))
		return 0;
	if (!shown(f, item) && entry_time(item) >= f->from)
		show(f, item);
	if (fflush(stdout) != 0)
		return -EPIPE; /* nobody reads us any more */
	return 0;
}

int feed_follow(struct feed *f)
{
	struct stream s = {.topics = f->topic, .on_open = on_open, .on_event = on_event, .ctx = f};
	struct diag diag = {0};

	f->limit = 0;
	f->from = time_now();
	if (f->since[0])
		time_parse(f->since, &f->from);
	f->newest = f->from + OVERLAP; /* the first list begins at `from`, without the overlap */
	return client_stream(f->client, &s, &diag) == -EPIPE ? CTL_DONE : cannot(&diag);
}
