/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Radar's model: nodes and edges out of containers, connections and audits, and the small steps
 * by which a watching page follows. Pure: time comes in, JSON goes out through a callback. What a
 * container can grow (edges, addresses of an edge) is capped and counted.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/records.h"

struct radar;

#define RADAR_CONTAINERS_MAX 20000
#define RADAR_EDGES_PER_CONTAINER 256
#define RADAR_FADE_BLOCKED_NS (60 * 1000000000ull)
#define RADAR_FADE_EXITED_NS (15 * 1000000000ull)
#define RADAR_FADE_REFUSED_NS (20 * 1000000000ull)
#define RADAR_STRANGERS_MAX 64 /* refused before they had an id, at a time */
#define RADAR_FINDINGS_MAX 256
#define RADAR_STEP_NS (100 * 1000000ull) /* at most 10 updates a second of one node or edge */

struct radar_config {
	const char *host;                                       /* name of the host; borrowed for good */
	const char *(*country)(void *ctx, const char *address); /* code or NULL */
	bool (*is_host)(void *ctx, const char *address);        /* the host's own address; nullable */
	void (*emit)(void *ctx, const char *json, size_t size); /* {"op":...}; nullable */
	void *ctx;
};

/* Private, link-local, loopback and the like: no country is asked for. */
bool radar_is_private(const char *address);

int radar_new(struct radar **ret, const struct radar_config *config);
struct radar *radar_free(struct radar *r);
CLEANUP_DEFINE(struct radar, radar_free)

/* `now` is any clock in ns that does not go back. -ENOMEM; -ENOBUFS when a cap was reached. */
int radar_container(struct radar *r, const struct container *c, uint64_t now);
int radar_edge(struct radar *r, const struct edge *e, uint64_t now);
int radar_audit(struct radar *r, const struct audit *a, uint64_t now);
/* A critical finding about the host itself gives its node a badge; passed or gone, it takes it back
 * (without a check and with id "*": all of its resource that were told before its time). */
int radar_finding(struct radar *r, const struct compliance_finding *f);
void radar_incident(struct radar *r, const char *container, bool open, uint64_t now);
/* Emits what waited and lets go what has faded. Time of the next needed call, UINT64_MAX = none. */
uint64_t radar_tick(struct radar *r, uint64_t now);
uint64_t radar_due(const struct radar *r); /* the same without doing anything */
/* "nodes":[...],"edges":[...] */
void radar_json(const struct radar *r, struct buf *out);

struct radar_counters {
	uint32_t containers, edges, strangers;
	uint64_t refused; /* over a cap */
};
struct radar_counters radar_counters(const struct radar *r);
