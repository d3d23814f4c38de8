/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's JSON into our records. Pure: text in, fields out, no I/O. Every member may be absent, of
 * another type or hostile; what cannot be used is left as it was.
 */
#pragma once

#include "base/json.h"
#include "runtime/inventory.h"

enum docker_object { DOCKER_OTHER, DOCKER_CONTAINER, DOCKER_NETWORK, DOCKER_IMAGE };

/* One line of /events; borrowed from the parsed line. */
struct docker_event {
	enum docker_object object;
	const char *action; /* "create", "die", ... */
	const char *id;	    /* of the container (also of a network event's), or of the image */
	uint64_t time;	    /* wall ns */
	const struct json *attributes;
};

/* -EBADMSG when it is not an event of an object that can be named. */
int docker_json_event(const struct json *root, struct docker_event *ret);

/* Name, image and labels of a container event. Labels are taken only when `labels` (see below). */
int docker_json_attributes(const struct json *attributes, struct inventory_entry *e, bool labels);

/*
 * One item of /containers/json: everything it knows. -EBADMSG without an id.
 */
int docker_json_item_id(const struct json *item, const char **ret);
int docker_json_item(const struct json *item, struct inventory_entry *e);

/* /containers/ID/json. state: also state, pid, times and exit code. -EBADMSG: not an object. */
int docker_json_inspect(const struct json *root, struct inventory_entry *e, bool state);

/* What a stop order needs to know of /containers/ID/json. */
struct docker_restart {
	bool running;	  /* or about to be */
	bool restarts;	  /* the policy says so */
	bool auto_remove; /* no policy can be set, and none is needed */
};
void docker_json_restart(const struct json *root, struct docker_restart *ret);
