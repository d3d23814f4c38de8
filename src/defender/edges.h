/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who talks to whom: connections added up by container, program and other side. Bounded for the
 * host and for each container; what is beyond goes into one edge named "(others)". A new edge is
 * sent at once, changed ones once a second.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct defender;
struct edge_table;
struct happening;
struct outcome;

int edges_new(struct edge_table **ret);
struct edge_table *edges_free(struct edge_table *t);
CLEANUP_DEFINE(struct edge_table, edges_free)

/* A WIRE_NET or WIRE_PAYLOAD_HIT record of a container. Returns how many connections it adds: the
 * kernel's counters are absolute for each process and kind. */
uint64_t edges_observe(struct defender *d, const struct happening *h, const struct outcome *o);
/* Sends what changed; `all` after a new connection to the Console. */
void edges_send(struct defender *d, bool all);
void edges_forget(struct edge_table *t, uint32_t owner);
uint64_t edges_overflowed(const struct edge_table *t);
