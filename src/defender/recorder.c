/* SPDX-License-Identifier: Apache-2.0 */
/* Events in a journal: see recorder.h. */
#include "defender/recorder.h"

#include <errno.h>
#include <string.h>

#include "defender/event.h"

#define SEGMENT_BYTES (4u << 20)
#define STEP_RECORDS 4096u /* looked at in one step, so that no query keeps the loop from its work */
#define STEP_BYTES (256u << 10) /* of matching ones: half a frame of the largest events */
#define PREFIX_MIN 4u

struct recorder {
	struct journal *journal;
	uint64_t lost;
	int error;
	uint8_t encoded[EVENT_ENCODED_MAX];
};

int recorder_open(struct recorder **ret, const char *dir, uint64_t max_bytes)
{
	CLEANUP(recorder_close) struct recorder *r = calloc(1, sizeof(*r));
	struct journal_config c = {.dir = dir, .max_bytes = max_bytes,
		.segment_bytes = max_bytes / 8 < SEGMENT_BYTES ? max_bytes / 8 : SEGMENT_BYTES};

	if (!r)
		return -ENOMEM;
	int e = journal_open(&r->journal, &c);
	if (e < 0)
		return e;
	*ret = take_ptr(r);
	return 0;
}

struct recorder *recorder_close(struct recorder *r)
{
	if (r)
		journal_close(r->journal);
	free(r);
	return NULL;
}

static void note(struct recorder *r, int e, bool lost)
{
	r->lost += lost && e < 0;
	r->error = e;
}

void recorder_put(struct recorder *r, const struct event *e)
{
	struct buf out = BUF_FIXED(r->encoded, sizeof(r->encoded));

	record_encode(&event_desc, e, &out);
	note(r, out.failed ? out.failed : journal_append(r->journal, e->time, out.data, (uint32_t)out.len, NULL), true);
}

void recorder_flush(struct recorder *r)
{
	note(r, journal_flush(r->journal), false);
}

uint64_t recorder_lost(const struct recorder *r)
{
	return r->lost;
}

int recorder_error(const struct recorder *r)
{
	return r->error;
}

uint64_t recorder_last(const struct recorder *r)
{
	return journal_last(r->journal);
}

struct step {
	const struct recorder_query *q;
	struct recorder_page *page;
	uint32_t looked, bytes;
	bool full;
};

static bool same(const uint8_t *p, size_t n, const char *s)
{
	return p && n == strlen(s) && memcmp(p, s, n) == 0;
}

static bool matches(const struct recorder_query *q, uint64_t wall, const void *data, uint32_t size)
{
	size_t n = 0;

	if (q->until && wall > q->until)
		return false;
	if (!q->container)
		return true;
	const uint8_t *id = record_peek(&event_desc, "container", data, size, &n);
	size_t want = strlen(q->container);
	if (id && want >= PREFIX_MIN && n >= want && memcmp(id, q->container, want) == 0)
		return true;
	/* A gap is everybody's; query.c decides whether it belongs to the story. */
	if (!id)
		return true;
	const uint8_t *name = record_peek(&event_desc, "container_name", data, size, &n);
	return same(name, n, q->container);
}

static int look(void *ctx, uint64_t seq, uint64_t wall, const void *data, uint32_t size)
{
	struct step *s = ctx;
	struct recorder_page *p = s->page;

	p->next = seq;
	s->looked++;
	if (matches(s->q, wall, data, size)) {
		struct event *e = &p->events[p->count];
		int r = record_decode(&event_desc, e, data, size);
		if (r == -ENOMEM)
			return r;
		if (r == 0) {
			e->seq = seq;
			p->count++;
			s->bytes += size;
		}
	}
	s->full = p->count == RECORDER_PAGE || s->looked == STEP_RECORDS || s->bytes > STEP_BYTES;
	return s->full;
}

int recorder_read(struct recorder *r, const struct recorder_query *q, struct recorder_page *page)
{
	struct step s = {.q = q, .page = page};

	page->next = q->after;
	int e = journal_read(r->journal, q->after, q->since, look, &s);
	if (e < 0)
		recorder_page_done(page);
	page->end = e < 0 || !s.full;
	return e;
}

void recorder_page_done(struct recorder_page *page)
{
	for (uint32_t i = 0; i < page->count; i++)
		record_done(&event_desc, &page->events[i]);
	page->count = 0;
}
