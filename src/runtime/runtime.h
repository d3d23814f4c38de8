/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of one engine, kept right: connects, takes a first picture, follows the event
 * stream, and does it all again with growing pauses when the engine goes away. What changed waits
 * in runtime_take() until the owner has room for it, so that a slow reader gets fewer, newer
 * pictures and never loses a container.
 */
#pragma once

#include "base/buf.h"
#include "base/loop.h"
#include "model/records.h"
#include "runtime/client.h"

struct runtime;

/* The caller's ears. Any may call back into the runtime, except runtime_free(). */
struct runtime_listener {
	/* One connected socket to the engine is needed: answer with runtime_opened(). */
	void (*open)(void *ctx, struct runtime *rt);
	/* There is something for runtime_take(), or the first picture is complete. */
	void (*changed)(void *ctx, struct runtime *rt);
	/* Connected, away, version known. */
	void (*status)(void *ctx, struct runtime *rt);
	/* The first process of a container exists and has not run yet. Nullable. */
	void (*created)(void *ctx, struct runtime *rt, const char *id, uint32_t pid);
	/* An order of runtime_stop() came to its end: 0 or a negative errno, and a text. */
	void (*stopped)(
		void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message);
	void *ctx;
};

struct runtime_config {
	struct loop *loop;
	enum runtime_kind kind; /* RUNTIME_DOCKER or RUNTIME_CONTAINERD */
	const char *socket;	/* for status and messages; copied */
	const char *header; /* "Name: value" that all its HTTP/1.1 requests carry; borrowed for good; NULL */
	struct runtime_listener listener;
};

/* Starts connecting when the loop runs. -EOPNOTSUPP: no client for this kind. */
int runtime_new(struct runtime **ret, const struct runtime_config *config);
struct runtime *runtime_free(struct runtime *rt);
CLEANUP_DEFINE(struct runtime, runtime_free)

/* Answers one listener.open: a connected socket (owned from now on) or a negative errno. */
void runtime_opened(struct runtime *rt, int fd);
/* The next changed container, NULL when there is none; valid until the next call of any function.
 */
const struct container *runtime_take(struct runtime *rt);
bool runtime_has_changes(const struct runtime *rt);
/* The first picture of the present connection is complete (and may still wait in runtime_take). */
bool runtime_synced(const struct runtime *rt);
/* Every known container is changed again: for a listener that lost its memory. */
void runtime_replay(struct runtime *rt);
/* Likewise every container of an image of this name. */
void runtime_replay_image(struct runtime *rt, const char *image);
/* Keeps the engine from ever starting this container again, and stops what runs of it. */
int runtime_stop(struct runtime *rt, const char *id, uint64_t seq);
/* The container of this id as it is known now, borrowed until the loop turns; NULL = not known. */
const struct container *runtime_container(const struct runtime *rt, const char *id);

/* What an engine knows of an image; borrowed until the loop turns. Lists may be empty. */
struct runtime_image {
	const char *id; /* of its configuration: "sha256:..." */
	const struct str_list *names, *repo_digests, *layers;
	bool complete; /* its layers are known, be there none */
};
/* By name or id as a user says it. -ENOENT: the engine does not have it, or does not tell. */
int runtime_image(const struct runtime *rt, const char *ref, struct runtime_image *ret);
/* Asks for what is not known yet of the image of this id, at most once at a time; listener.changed tells of
 * the answer. -ENOTCONN while away; -EOPNOTSUPP: no engine to ask. */
int runtime_image_look(struct runtime *rt, const char *id);
/* Asks the engine once more over HTTP: GET `path`, at most `max` bytes. The call fills method, path,
 * key, max, on_done and ctx. An answer that is under way when the connection is lost does not come:
 * listener.status tells of that. -ENOTCONN while away. */
int runtime_ask(struct runtime *rt, const struct client_call *call);
/* Asks containerd for what it tells its OCI runtime of a container (config.json); the key of the answer is
 * the id. -ENOENT: no such container is known; -EOPNOTSUPP: another engine; -ENOTCONN. */
int runtime_ask_spec(struct runtime *rt, const char *id, client_done_fn *fn, void *ctx);
/* The text in such an answer into a buffer of that limit. -ENOENT: there is none. */
int runtime_spec_text(const struct client_result *res, struct buf *ret);
/* Borrowed; state "connected" or "away: why". */
const struct runtime_status *runtime_status(const struct runtime *rt);
size_t runtime_count(const struct runtime *rt);
unsigned runtime_refused(const struct runtime *rt); /* containers that found no room */
