/* SPDX-License-Identifier: Apache-2.0 */
/* What containerd.c, its picture and its events share, and nobody else includes. */
#pragma once

#include "containerd.pb-c.h"
#include "runtime/engine.h"
#include "runtime/grpc.h"

#define CONTAINERD_TIMEOUT_MS 30000
#define CONTAINERD_NAMESPACES_MAX 64

struct containerd {
	struct runtime *rt;
	struct grpc_stream events;
	/* The picture that is being taken: one namespace after the other. */
	struct grpc_stream list;
	struct str_list namespaces;
	uint32_t at; /* index of the namespace that is being listed */
	bool listing, list_again;
	struct loop_source *second_look;
};

struct containerd_call {
	const char *method;	/* "/containerd.services.tasks.v1.Tasks/List" */
	const char *namespace_; /* NULL = none */
	const ProtobufCMessage *message;
	const char *key; /* of the answer, and what failed for people */
	size_t max;
	client_data_fn *on_data;
	client_done_fn *on_done;
};

/* Loses the connection when it cannot be sent. */
void containerd_call(struct containerd *d, const struct containerd_call *call);
/* Says whether the answer is of no use, having lost the connection for it. */
bool containerd_failed(struct containerd *d, const struct client_result *res);
/* The one message of an answer, to be freed by protobuf_c_message_free_unpacked(); or NULL. */
void *containerd_message(const struct client_result *res, const ProtobufCMessageDescriptor *type);
/* Is this namespace ours to report? Docker's own is reported by Docker. */
bool containerd_watches(const char *namespace_);
uint64_t containerd_time(const Ctrd__Timestamp *t); /* wall ns, 0 = none */

/* Finds or makes the entry of a container. */
int containerd_entry(
	struct containerd *d, const char *namespace_, const char *id, struct inventory_entry **ret);
void containerd_describe(struct containerd *d, struct inventory_entry *e, const Ctrd__Container *c);
void containerd_set_image(struct inventory_entry *e, const char *image);
/* Asks for labels and image of a container. */
void containerd_ask(struct containerd *d, struct inventory_entry *e);

void containerd_picture(struct containerd *d);
/* A whole message of the event stream. */
int containerd_event(void *ctx, const uint8_t *message, size_t n);
