/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runtime.c and the engines share, and nobody else includes: the life of a connection is in
 * runtime.c, what is said over it in docker.c and containerd.c.
 */
#pragma once

#include "runtime/client.h"
#include "runtime/inventory.h"
#include "runtime/runtime.h"

struct engine_ops {
	enum runtime_kind kind;
	bool http2;
	int (*init)(struct runtime *rt); /* sets rt->engine */
	void (*done)(struct runtime *rt);
	/* A new client is there: take the first picture and follow the events. */
	int (*connect)(struct runtime *rt);
	/* The connection is lost; rt->client and all that was asked go after this. */
	void (*disconnect)(struct runtime *rt);
	int (*stop)(struct runtime *rt, const char *id, uint64_t seq);
	int (*image)(const struct runtime *rt, const char *ref, struct runtime_image *ret); /* nullable */
	int (*spec)(struct runtime *rt, const char *id, client_done_fn *fn, void *ctx); /* nullable; connected */
	int (*image_look)(struct runtime *rt, const char *id); /* nullable; connected */
};

struct runtime {
	struct loop *loop;
	const struct engine_ops *ops;
	void *engine; /* state of the engine's own file */
	struct runtime_listener listener;
	struct client *client; /* NULL while away */
	struct inventory *inventory;
	struct loop_source *retry;
	uint64_t delay_ms;
	struct runtime_status status;
	unsigned generation; /* of the connection */
	bool lost;	     /* the retry timer ends this connection */
	bool synced;
	bool opening;  /* the listener owes a socket */
	const char *header;
	bool unwanted; /* and the client that asked for it is gone */
};

extern const struct engine_ops docker_ops, containerd_ops;

/* The connection is of no use any more; everything of it goes when the loop turns. */
void runtime_lost(struct runtime *rt, int error, const char *why);
/* The engine answered and told its version. */
void runtime_connected(struct runtime *rt, const char *version);
/* The first picture is complete: what no one confirmed is gone. */
void runtime_complete(struct runtime *rt);
void runtime_changed(struct runtime *rt, struct inventory_entry *e);
void runtime_removed(struct runtime *rt, struct inventory_entry *e);
/* inventory_get() of this engine, marked as confirmed by this connection. */
int runtime_entry(struct runtime *rt, const char *id, struct inventory_entry **ret);
