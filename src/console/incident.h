/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents: the runtime audits of one container that follow each other within ten minutes are one
 * attack, with a category, the worst severity and a story that a person can read. Pure.
 */
#pragma once

#include "base/buf.h"
#include "model/records.h"

#define INCIDENT_WINDOW_NS (10 * 60 * 1000000000ull)

/* Whether the audit belongs into an incident at all. */
bool incident_wants(const struct audit *a);
/* A new one for its first audit. -ENOMEM. *ret must be zeroed. */
int incident_open(struct incident *ret, const struct audit *first);
/* Another audit of it: severity, category and time; fresh = not a repeat of one counted before. */
int incident_add(struct incident *i, const struct audit *a, bool fresh);
/* The paragraph: audits in time order, then what the container had been connected to before. */
struct incident_story {
	const struct audit *audits;
	uint32_t audit_count; /* the first ones */
	const struct edge *edges;
	uint32_t edge_count;
	const char *(*country)(void *ctx, const char *address);
	void *ctx;
};
void incident_tell(const struct incident *i, const struct incident_story *s, struct buf *out);
