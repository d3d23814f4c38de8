/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder: events into a bounded journal, and out again by container and time. */
#pragma once

#include "journal/journal.h"
#include "model/records.h"

struct recorder;

int recorder_open(struct recorder **ret, const char *dir, uint64_t max_bytes);
struct recorder *recorder_close(struct recorder *r);
CLEANUP_DEFINE(struct recorder, recorder_close)

/* Borrowed event; it is numbered by the journal. What cannot be kept is counted. */
void recorder_put(struct recorder *r, const struct event *e);
/* To the kernel's page cache, from where kill -9 takes nothing. After each batch. */
void recorder_flush(struct recorder *r);
uint64_t recorder_lost(const struct recorder *r); /* events that found no room */
int recorder_error(const struct recorder *r);     /* why, now: 0 or -errno */
uint64_t recorder_last(const struct recorder *r);

struct recorder_query {
	const char *container; /* id, id prefix (4 digits at least) or name; NULL = all */
	uint64_t since, until, after;
};

#define RECORDER_PAGE 128u

/* One step of reading. */
struct recorder_page {
	struct event events[RECORDER_PAGE]; /* matching ones, decoded; recorder_page_done() frees them */
	uint32_t count;
	uint64_t next; /* q->after of the next step */
	bool end;
};

/* Looks at a bounded number of records after q->after. The page must be zeroed. */
int recorder_read(struct recorder *r, const struct recorder_query *q, struct recorder_page *page);
void recorder_page_done(struct recorder_page *page);
