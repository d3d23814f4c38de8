/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of the API that grow at one end (audits, incidents): read page by page, printed oldest
 * first, and followed without loss: after each (re)connection of the stream the list is read again
 * from the last entry seen, and what was printed before is not printed twice.
 */
#pragma once

#include "ctl/client.h"

#define FEED_SEEN 8192

struct feed {
	struct client *client;
	const char *path;  /* "/audits" */
	const char *topic; /* of the stream */
	const char *event; /* name of its events */
	char query[3072];  /* filters: "&kind=runtime" */
	char since[64];	   /* RFC 3339 or "" */
	uint64_t limit;	   /* of the newest entries, 0 = all */
	bool json;
	void (*print)(const struct json *item); /* for people */
	bool (*wanted)(
		void *ctx, const struct json *item); /* the filters, on what the stream brings */
	void *ctx;
	uint64_t seen[FEED_SEEN]; /* hashes of what was printed, by hash; an overwritten one may
				     repeat */
	uint64_t newest;	  /* wall ns of the newest entry */
	uint64_t from; /* following: what ended before is not news, even when it is told again */
};

/* Appends "&name=value" when value is not NULL. */
void feed_filter(struct feed *f, const char *name, const char *value);
/* Prints the list. Returns an exit code; *ret_count entries were printed. */
int feed_list(struct feed *f, size_t *ret_count);
/* Goes on for ever. Returns an exit code when the Console refuses. */
int feed_follow(struct feed *f);
