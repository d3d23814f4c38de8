/* SPDX-License-Identifier: Apache-2.0 */
/* The model that radar.c changes and radar_json.c writes. */
#pragma once

#include "console/radar.h"

#define RADAR_ADDRESSES_MAX 16 /* remembered of one edge */
#define RADAR_ID_SIZE 1024

enum radar_state { RADAR_HIDDEN, RADAR_RUNNING, RADAR_PAUSED, RADAR_BLOCKED, RADAR_EXITED, RADAR_REFUSED, RADAR_STATE_COUNT_ };

/* All that lives in a tree begins with its id: the trees share one comparison. */
struct radar_image {
	char *id; /* "image:..." */
	char *name, *group;
	struct radar_container *containers; /* newest first */
	bool dirty;
};

struct radar_container {
	char *id; /* "container:..."; of a refused one that has no id yet "refused:NAME@IMAGE" */
	char *label;
	struct radar_image *image;
	struct radar_container *next_of_image;
	enum radar_state state;
	enum severity worst;
	char *reason;
	struct str_list addresses;
	bool incident, learning, untrusted, internet, privileged;
	uint32_t edge_count;
	uint64_t gone; /* when it is to leave; 0 = it stays */
	bool stranger; /* a "refused:" one */
	bool gated;    /* refused for what it is; that the command was denied says less */
	bool dirty;
};

struct radar_place { /* a node that is no container */
	char *id; /* "internet:SG", "host:NAME", "network:10.0.0.0/24" */
	uint32_t uses; /* edges, and 1 for critical findings; without one the node goes */
	bool critical; /* the host: compliance has critical findings */
	bool open_tcp; /* ... and one is an engine that takes commands from everybody */
	char *reason;  /* the first of them */
};

struct radar_address {
	char *text;
	uint64_t count, bytes;
};

struct radar_edge {
	char *id;
	char *from, *to;
	struct radar_container *owner;
	struct radar_place *place; /* NULL between containers */
	enum proto proto;
	uint32_t port;
	char *process, *domain;
	const char *country; /* code, of the country table */
	struct radar_address addresses[RADAR_ADDRESSES_MAX];
	uint32_t address_count;
	uint64_t count, bytes, first, last;
	enum effect effect;
	bool dirty;
};

struct radar_owner { /* of an address */
	char *address;
	struct radar_container *container;
};

struct radar {
	struct radar_config config;
	void *images, *containers, *places, *edges, *owners; /* tsearch trees */
	void *findings; /* the host's critical ones */
	uint32_t finding_count;
	struct radar_counters counters;
	uint64_t step;  /* when waiting changes are to be emitted; UINT64_MAX = none wait */
	uint64_t fade;  /* when the next container leaves; UINT64_MAX = none does */
};

int radar_by_id(const void *a, const void *b);
void *radar_find(void *const *tree, const char *id);
/* The container with this node id, made of `c` if there is none; NULL = a cap was reached. */
struct radar_container *radar_container_get(struct radar *r, const char *id, const struct container *c);
void radar_set_state(struct radar *r, struct radar_container *x, enum radar_state state, uint64_t now);
void radar_touch(struct radar *r, struct radar_container *c, bool at_once, uint64_t now);
struct radar_place *radar_place_get(struct radar *r, const char *id);
void radar_place_release(struct radar *r, struct radar_place *p); /* one use less */
void radar_place_touch(struct radar *r, const struct radar_place *p);

/* radar_gates.c */
bool radar_is_refusal(const struct audit *a);
int radar_refuse(struct radar *r, const struct audit *a, uint64_t now);
void radar_findings_free(struct radar *r);

void radar_put_image(const struct radar_image *i, struct buf *out);
void radar_put_container(const struct radar_container *c, struct buf *out);
void radar_put_place(const struct radar_place *p, struct buf *out);
void radar_put_edge(const struct radar_edge *e, struct buf *out);
