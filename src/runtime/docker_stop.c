/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps Docker from starting a container again, and ends what runs of it. The container and its
 * file system stay.
 *
 * The order matters. Setting the restart policy first fails when the processes are dead already but
 * the engine has not noticed, and does not call off a restart that is being waited for; killing
 * first does (the engine takes the kill for the user's will), also when there is nothing left to
 * kill. So: kill, set the policy, look whether it holds, and again if not. Orders survive a lost
 * connection: an engine that comes back starts what it is told to restart always.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/docker.h"
#include "runtime/docker_json.h"

#define STOPS_MAX 1024
#define STOP_DEADLINE (60 * NSEC_PER_SEC)
#define STOP_PAUSE_MS 100

struct docker_stop {
	TAILQ_ENTRY(docker_stop) link;
	struct docker *docker;
	struct loop_source *pause; /* between two rounds */
	char id[INVENTORY_ID_MAX + 1];
	uint64_t seq, deadline;
};

static void kill_container(struct docker_stop *s);

static struct docker_stop *stop_free(struct docker_stop *s)
{
	if (s)
		loop_source_free(s->pause);
	free(s);
	return NULL;
}
CLEANUP_DEFINE(struct docker_stop, stop_free)

static struct docker_stop *find(struct docker *d, const char *id)
{
	struct docker_stop *s;

	TAILQ_FOREACH(s, &d->stops, link)
	if (strcmp(s->id, id) == 0)
		return s;
	return NULL;
}

/* Ends every order for this container. */
static void finish(struct docker *d, const char *id, int error, const char *message)
{
	struct docker_stop *s, *next;
	char copy[INVENTORY_ID_MAX + 1]; /* the id may be the order's own */
	struct buf b = BUF_FIXED((uint8_t *)copy, sizeof(copy));

	buf_puts(&b, id);
	for (s = TAILQ_FIRST(&d->stops); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (strcmp(s->id, copy) != 0)
			continue;
		TAILQ_REMOVE(&d->stops, s, link);
		uint64_t seq = s->seq;
		stop_free(s);
		d->rt->listener.stopped(d->rt->listener.ctx, d->rt, seq, error, message);
	}
}

static int on_pause(void *ctx)
{
	struct docker_stop *s = ctx;

	if (time_monotonic() > s->deadline)
		finish(s->docker, s->id, -ETIMEDOUT, "the engine does not hold the container back");
	else if (s->docker->rt->client && !s->docker->rt->lost)
		kill_container(s);
	else
		loop_timer_set(s->pause, STOP_PAUSE_MS, 0);
	return 0;
}

static void again(struct docker_stop *s)
{
	loop_timer_set(s->pause, STOP_PAUSE_MS, 0);
}

/* The order that an answer belongs to; NULL when it is over or the answer is none. */
static struct docker_stop *answered(struct docker *d, const struct client_result *res)
{
	struct docker_stop *s = find(d, res->key);

	if (!s)
		return NULL;
	if (res->error < 0) {
		again(s);
		return NULL;
	}
	if (res->status == 404) {
		finish(d, res->key, 0, "the container is gone");
		return NULL;
	}
	return s;
}

static void ask(struct docker_stop *s, const char *method, const char *suffix, const char *body,
	client_done_fn *on_done)
{
	char path[INVENTORY_ID_MAX + 64];
	struct buf b = BUF_FIXED((uint8_t *)path, sizeof(path));

	buf_printf(&b, "/containers/%s/%s", s->id, suffix);
	int r = client_send(
		s->docker->rt->client, &(struct client_call){.method = method,
					       .path = path,
					       .key = s->id,
					       .content_type = body ? "application/json" : NULL,
					       .body = body,
					       .body_size = body ? strlen(body) : 0,
					       .max = DOCKER_INSPECT_MAX,
					       .timeout_ms = DOCKER_TIMEOUT_MS,
					       .urgent = true,
					       .on_done = on_done,
					       .ctx = s->docker});
	if (r < 0)
		again(s);
}

static void on_looked(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker *d = ctx;
	struct docker_stop *s = answered(d, res);
	struct docker_restart state;

	if (!s)
		return;
	if (res->status != 200 || json_parse(&root, (const char *)res->body, res->size, NULL) < 0) {
		again(s);
		return;
	}
	docker_json_restart(root, &state);
	if (state.running || (state.restarts && !state.auto_remove))
		again(s);
	else
		finish(d, s->id, 0,
			state.auto_remove ? "stopped; the engine removes it and its files, as it "
					    "was started with --rm"
					  : "stopped, restart policy 'no'");
}

static void on_updated(void *ctx, const struct client_result *res)
{
	struct docker_stop *s = answered(ctx, res);

	if (s)
		ask(s, "GET", "json", NULL, on_looked);
}

static void on_killed(void *ctx, const struct client_result *res)
{
	struct docker_stop *s = answered(ctx, res);

	/* 409: it does not run. Whatever the answer, the look at the end decides. */
	if (s)
		ask(s, "POST", "update", "{\"RestartPolicy\":{\"Name\":\"no\"}}", on_updated);
}

static void kill_container(struct docker_stop *s)
{
	loop_timer_set(s->pause, 0, 0);
	ask(s, "POST", "kill", NULL, on_killed);
}

int docker_stop(struct runtime *rt, const char *id, uint64_t seq)
{
	CLEANUP(stop_free) struct docker_stop *s = calloc(1, sizeof(*s));
	struct docker *d = rt->engine;
	struct docker_stop *other;
	unsigned count = 0;

	if (!s)
		return -ENOMEM;
	TAILQ_FOREACH(other, &d->stops, link)
	if (++count >= STOPS_MAX)
		return -ENOBUFS;
	bool running = find(d, id) != NULL;
	struct buf b = BUF_FIXED((uint8_t *)s->id, sizeof(s->id));
	buf_puts(&b, id);
	s->docker = d;
	s->seq = seq;
	s->deadline = time_monotonic() + STOP_DEADLINE;
	int r = loop_add_timer(rt->loop, &s->pause, UINT32_MAX, 0, on_pause, s);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&d->stops, s, link);
	if (running) /* the order that is under way answers for this one too */
		loop_timer_set(s->pause, 0, 0);
	else if (rt->client && !rt->lost)
		kill_container(s);
	else
		again(s);
	take_ptr(s);
	return 0;
}

void docker_stop_resume(struct docker *d)
{
	struct docker_stop *s;

	TAILQ_FOREACH(s, &d->stops, link)
	if (find(d, s->id) == s)
		kill_container(s);
}

void docker_stop_pause(struct docker *d)
{
	struct docker_stop *s;

	/* Answers will not come; on_pause() looks at the deadline while the engine is away. */
	TAILQ_FOREACH(s, &d->stops, link)
	if (find(d, s->id) == s)
		again(s);
}

void docker_stop_done(struct docker *d)
{
	struct docker_stop *s;

	while ((s = TAILQ_FIRST(&d->stops))) {
		TAILQ_REMOVE(&d->stops, s, link);
		stop_free(s);
	}
}
