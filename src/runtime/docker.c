/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory of a Docker engine.
 *
 * An event carries name, image and labels, so a container is known from its `create` event alone,
 * before anything is asked and before its first process exists; what the engine tells when asked
 * (digest, pid, addresses, ...) comes later, if the container still exists by then. An answer may
 * be older than the events that came meanwhile: then its state does not count and it is asked
 * again.
 *
 * A picture of everything is taken after each connect, and when a line of the stream could not be
 * used. The stream is subscribed from before the picture, so that nothing falls between the two;
 * events may come twice, which does no harm.
 */
#include "runtime/docker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "runtime/docker_json.h"

#define LINE_MAX_BYTES (1u << 20)
#define LIST_MAX (64u << 20)
#define VERSION_MAX (64u << 10)
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@" /* of an image, in a path */
#define SINCE_MARGIN NSEC_PER_SEC /* between our clock reading and the engine's subscription */

/* {"type":["container","network","image"]} */
#define EVENTS_FILTER "%7B%22type%22%3A%5B%22container%22%2C%22network%22%2C%22image%22%5D%7D"

static void list(struct docker *d);

static bool failed(struct docker *d, const struct client_result *res, int wanted)
{
	char why[160];
	struct buf b = BUF_FIXED((uint8_t *)why, sizeof(why));

	if (d->rt->lost)
		return true;
	if (res->error < 0) {
		runtime_lost(d->rt, res->error, res->message);
		return true;
	}
	if (res->status == wanted)
		return false;
	buf_printf(&b, "the engine answered %d to %s", res->status, res->key);
	runtime_lost(d->rt, -EPROTO, why);
	return true;
}

static void send_call(struct docker *d, struct client_call *call)
{
	call->method = call->method ? call->method : "GET";
	call->ctx = d;
	int r = client_send(d->rt->client, call);
	if (r < 0)
		runtime_lost(d->rt, r, NULL);
}

/* The first picture is complete when the last container of it has answered. */
static void no_longer_awaited(struct docker *d, struct inventory_entry *e)
{
	if (e->awaited) {
		e->awaited = false;
		d->awaited--;
	}
	if (!d->awaited && !d->first_list && !d->rt->synced)
		runtime_complete(d->rt);
}

static void inspect(struct docker *d, struct inventory_entry *e);

static void on_image(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker *d = ctx;

	if (d->rt->lost || res->error < 0)
		return; /* the stream finds out */
	if (res->status != 200 || json_parse(&root, (const char *)res->body, res->size, NULL) < 0 ||
		docker_images_learn(d->images, root) < 0) {
		docker_images_drop(d->images, res->key);
		d->rt->listener.changed(d->rt->listener.ctx, d->rt);
		return;
	}
	const char *id = json_get_str(root, "Id", ""); /* it may have been asked for by name */
	for (struct inventory_entry *e = inventory_first(d->rt->inventory); e;
		e = inventory_next(e)) {
		if (!e->image_id || strcmp(e->image_id, id) != 0)
			continue;
		docker_images_resolve(d->images, e);
		runtime_changed(d->rt, e);
	}
	d->rt->listener.changed(d->rt->listener.ctx, d->rt);
}

/* By id or name. */
static void ask_image(struct docker *d, const char *id)
{
	char path[CLIENT_KEY_SIZE + 32];
	struct buf b = BUF_FIXED((uint8_t *)path, sizeof(path));

	if (!docker_images_id_ok(id) && (strspn(id, NAME_CHARACTERS) != strlen(id) || strstr(id, "..")))
		return;
	buf_printf(&b, "/images/%s/json", id);
	if (b.failed || strlen(id) >= CLIENT_KEY_SIZE)
		return;
	send_call(d, &(struct client_call){.path = path,
			     .key = id,
			     .max = DOCKER_INSPECT_MAX,
			     .timeout_ms = DOCKER_TIMEOUT_MS,
			     .on_done = on_image});
}

/* The answer to inspect(), for a container that is still there. */
static void inspected(struct docker *d, struct inventory_entry *e, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	bool fresh = e->asked == e->changes;

	if (res->status == 404) {
		no_longer_awaited(d, e);
		runtime_removed(d->rt, e);
		return;
	}
	if (res->status == 200 &&
		json_parse(&root, (const char *)res->body, res->size, NULL) == 0) {
		docker_json_inspect(root, e, fresh);
		docker_images_resolve(d->images, e);
		runtime_changed(d->rt, e);
		if (e->image_id && !docker_images_has(d->images, e->image_id))
			ask_image(d, e->image_id);
	}
	if (e->ask_again)
		inspect(d, e);
	else
		no_longer_awaited(d, e);
}

static void on_inspect(void *ctx, const struct client_result *res)
{
	struct docker *d = ctx;
	struct inventory_entry *e = inventory_find(d->rt->inventory, res->key);

	if (e)
		e->asking = false;
	if (d->rt->lost)
		return;
	if (res->error < 0 && res->error != -EFBIG) {
		runtime_lost(d->rt, res->error, res->message);
		return;
	}
	if (e)
		inspected(d, e, res);
}

static void inspect(struct docker *d, struct inventory_entry *e)
{
	char path[INVENTORY_ID_MAX + 32];
	struct buf b = BUF_FIXED((uint8_t *)path, sizeof(path));

	e->ask_again = e->asking;
	if (e->asking)
		return;
	e->asking = true;
	e->asked = e->changes;
	buf_printf(&b, "/containers/%s/json", e->container.id);
	send_call(d, &(struct client_call){.path = path,
			     .key = e->container.id,
			     .max = DOCKER_INSPECT_MAX,
			     .timeout_ms = DOCKER_TIMEOUT_MS,
			     .on_done = on_inspect});
}

static void on_item(struct docker *d, const struct json *item)
{
	struct inventory_entry *e;
	const char *id;

	if (docker_json_item_id(item, &id) < 0)
		return;
	bool known = inventory_find(d->rt->inventory, id) != NULL;
	if (runtime_entry(d->rt, id, &e) < 0)
		return;
	/* Of a known one the events may know better than a list that took a while. */
	if (!known || !d->rt->synced)
		docker_json_item(item, e);
	docker_images_resolve(d->images, e);
	runtime_changed(d->rt, e);
	if (d->first_list && !e->awaited &&
		(e->container.state == CONTAINER_RUNNING ||
			e->container.state == CONTAINER_PAUSED)) {
		e->awaited = true;
		d->awaited++;
	}
	inspect(d, e);
}

static void on_list(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker *d = ctx;

	d->listing = false;
	if (failed(d, res, 200))
		return;
	if (json_parse(&root, (const char *)res->body, res->size, NULL) < 0 ||
		!json_is_array(root)) {
		runtime_lost(d->rt, -EBADMSG, "the list of containers does not parse");
		return;
	}
	for (const struct json *j = json_first(root); j && !d->rt->lost; j = json_next(j))
		on_item(d, j);
	d->first_list = false;
	if (!d->awaited && !d->rt->synced && !d->rt->lost)
		runtime_complete(d->rt);
	if (d->list_again)
		list(d);
}

static void list(struct docker *d)
{
	d->list_again = d->listing;
	if (d->listing)
		return;
	d->listing = true;
	send_call(d, &(struct client_call){.path = "/containers/json?all=1",
			     .key = "the list of containers",
			     .max = LIST_MAX,
			     .timeout_ms = DOCKER_TIMEOUT_MS,
			     .on_done = on_list});
}

static void on_images(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker_images *fresh = NULL;
	struct docker *d = ctx;

	if (failed(d, res, 200))
		return;
	/* Without it names of images started by id come a little later. */
	if (json_parse(&root, (const char *)res->body, res->size, NULL) == 0 && json_is_array(root) &&
		docker_images_new(&fresh) == 0) {
		for (const struct json *j = json_first(root); j; j = json_next(j))
			docker_images_put(fresh, j);
		/* What was there before and is not now must not answer to any name. */
		docker_images_free(d->images);
		d->images = fresh;
	}
	list(d);
}

/* --- events --- */

typedef void event_fn(struct inventory_entry *e, const struct docker_event *event);

static void event_create(struct inventory_entry *e, const struct docker_event *event)
{
	e->container.state = CONTAINER_CREATED;
	inventory_set_time(&e->container.created, event->time);
}

static void event_start(struct inventory_entry *e, const struct docker_event *event)
{
	if (e->container.state == CONTAINER_RUNNING)
		inventory_set_time(&e->container.started, event->time); /* known from an answer */
	else
		e->container.started = event->time;
	e->container.state = CONTAINER_RUNNING;
	e->container.finished = 0;
	e->container.exit_code = 0;
}

static void event_die(struct inventory_entry *e, const struct docker_event *event)
{
	uint64_t code;

	e->container.state = CONTAINER_EXITED;
	e->container.pid = 0;
	inventory_set_time(&e->container.finished, event->time);
	/* A label of that name would stand in its place; the inspection that follows knows better.
	 */
	if (parse_u64(json_get_str(event->attributes, "exitCode", ""), 0, 255, &code) == 0)
		e->container.exit_code = (int32_t)code;
}

static void event_pause(struct inventory_entry *e, const struct docker_event *event)
{
	e->container.state = CONTAINER_PAUSED;
}

static void event_unpause(struct inventory_entry *e, const struct docker_event *event)
{
	e->container.state = CONTAINER_RUNNING;
}

static const struct {
	enum docker_object object;
	const char *action;
	bool makes; /* a container that is not known yet is made known */
	event_fn *apply;
} events[] = {
	{DOCKER_CONTAINER, "create", true, event_create},
	{DOCKER_CONTAINER, "start", true, event_start},
	{DOCKER_CONTAINER, "die", true, event_die},
	{DOCKER_CONTAINER, "pause", false, event_pause},
	{DOCKER_CONTAINER, "unpause", false, event_unpause},
	{DOCKER_CONTAINER, "rename", false, NULL},
	{DOCKER_CONTAINER, "update", false, NULL},
	{DOCKER_CONTAINER, "oom", false, NULL},
	{DOCKER_NETWORK, "connect", false, NULL},
	{DOCKER_NETWORK, "disconnect", false, NULL},
};

/* Makes the container known, or renames it, by what the event says of it. */
static int describe(struct docker *d, const struct docker_event *event, bool makes,
	struct inventory_entry **ret)
{
	struct inventory_entry *e = inventory_find(d->rt->inventory, event->id);
	bool known = e != NULL;

	if (!known && !makes)
		return -ENOENT;
	int r = runtime_entry(d->rt, event->id, &e);
	if (r == 0 && event->object == DOCKER_CONTAINER)
		r = docker_json_attributes(event->attributes, e, !known);
	if (r == 0)
		r = docker_images_resolve(d->images, e);
	if (r == 0)
		*ret = e;
	return r;
}

static void container_event(struct docker *d, const struct docker_event *event)
{
	struct inventory_entry *e = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].object != event->object ||
			strcmp(events[i].action, event->action) != 0)
			continue;
		if (describe(d, event, events[i].makes, &e) < 0)
			return;
		e->changes++;
		if (events[i].apply)
			events[i].apply(e, event);
		runtime_changed(d->rt, e);
		inspect(d, e);
		return;
	}
}

static void destroy_event(struct docker *d, const struct docker_event *event)
{
	struct inventory_entry *e = inventory_find(d->rt->inventory, event->id);

	if (!e)
		return;
	no_longer_awaited(d, e);
	runtime_removed(d->rt, e);
}

/* A name that moves does so at once: who creates a container by it next is not judged by what it was. */
static void image_event(struct docker *d, const struct docker_event *event)
{
	const char *name = json_get_str(event->attributes, "name", "");

	if (strcmp(event->action, "tag") == 0 && docker_images_id_ok(event->id) && *name && !docker_images_id_ok(name))
		docker_images_tag(d->images, name, event->id);
	else if (strcmp(event->action, "pull") == 0) /* then the id is the name */
		docker_images_tag(d->images, event->id, NULL);
	ask_image(d, event->id);
}

void docker_line(struct docker *d, const char *line, size_t n)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker_event event;

	if (!n)
		return;
	if (json_parse(&root, line, n, NULL) < 0) {
		list(d); /* something happened and we do not know what */
		return;
	}
	if (docker_json_event(root, &event) < 0)
		return;
	if (event.time > d->last)
		d->last = event.time;
	if (event.object == DOCKER_IMAGE)
		image_event(d, &event);
	else if (event.object == DOCKER_CONTAINER && strcmp(event.action, "destroy") == 0)
		destroy_event(d, &event);
	else
		container_event(d, &event);
}

int docker_stream(void *ctx, const void *data, size_t n)
{
	struct docker *d = ctx;
	const char *p = data, *end = p + n;

	while (p < end && !d->rt->lost) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t part = (size_t)((newline ? newline : end) - p);

		if (!d->skipping && d->line.len + part > LINE_MAX_BYTES) {
			d->skipping = true;
			buf_reset(&d->line);
		}
		if (!d->skipping)
			buf_put(&d->line, p, part);
		if (d->line.failed)
			return d->line.failed;
		p += part + 1;
		if (!newline)
			break;
		if (d->skipping)
			list(d);
		else
			docker_line(d, (const char *)d->line.data, d->line.len);
		d->skipping = false;
		buf_reset(&d->line);
	}
	return 0;
}

static void on_stream_end(void *ctx, const struct client_result *res)
{
	struct docker *d = ctx;

	if (!failed(d, res, 200))
		runtime_lost(d->rt, -ECONNRESET, "the engine ended its event stream");
}

static void subscribe(struct docker *d)
{
	char path[256];
	struct buf b = BUF_FIXED((uint8_t *)path, sizeof(path));
	uint64_t now = time_now();
	uint64_t since = (d->last && d->last < now ? d->last : now) - SINCE_MARGIN;

	buf_printf(&b, "/events?since=%" PRIu64 ".%09" PRIu64 "&filters=%s",
		(uint64_t)(since / NSEC_PER_SEC), (uint64_t)(since % NSEC_PER_SEC), EVENTS_FILTER);
	send_call(d, &(struct client_call){.path = path,
			     .key = "the event stream",
			     .on_data = docker_stream,
			     .on_done = on_stream_end});
}

static void on_version(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct docker *d = ctx;

	if (failed(d, res, 200))
		return;
	if (json_parse(&root, (const char *)res->body, res->size, NULL) < 0) {
		runtime_lost(d->rt, -EBADMSG, "the version does not parse");
		return;
	}
	runtime_connected(d->rt, json_get_str(root, "Version", "?"));
	subscribe(d);
	send_call(d, &(struct client_call){.path = "/images/json",
			     .key = "the list of images",
			     .max = LIST_MAX,
			     .timeout_ms = DOCKER_TIMEOUT_MS,
			     .on_done = on_images});
	docker_stop_resume(d);
}

static int docker_connect(struct runtime *rt)
{
	struct docker *d = rt->engine;

	d->first_list = true;
	return client_send(rt->client, &(struct client_call){.method = "GET",
					       .path = "/version",
					       .key = "the version",
					       .max = VERSION_MAX,
					       .timeout_ms = DOCKER_TIMEOUT_MS,
					       .on_done = on_version,
					       .ctx = d});
}

static void docker_disconnect(struct runtime *rt)
{
	struct docker *d = rt->engine;

	for (struct inventory_entry *e = inventory_first(rt->inventory); e; e = inventory_next(e))
		e->asking = e->ask_again = e->awaited = false;
	d->awaited = 0;
	d->listing = d->list_again = d->skipping = false;
	buf_reset(&d->line);
	docker_stop_pause(d);
}

static void docker_done(struct runtime *rt)
{
	struct docker *d = rt->engine;

	docker_stop_done(d);
	docker_images_free(d->images);
	buf_done(&d->line);
	free(d);
	rt->engine = NULL;
}

static int docker_init(struct runtime *rt)
{
	struct docker *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->rt = rt;
	d->line = BUF_INIT(LINE_MAX_BYTES);
	TAILQ_INIT(&d->stops);
	rt->engine = d;
	return docker_images_new(&d->images);
}

static int docker_image(const struct runtime *rt, const char *ref, struct runtime_image *ret)
{
	const struct docker *d = rt->engine;
	struct docker_image i;
	int r = docker_images_find(d->images, ref, &i);

	if (r == 0)
		*ret = (struct runtime_image){i.id, i.tags, i.digests, i.layers, i.complete};
	return r;
}

static int docker_image_look(struct runtime *rt, const char *id)
{
	struct docker *d = rt->engine;

	if (docker_images_look(d->images, id))
		ask_image(d, id);
	return 0;
}

const struct engine_ops docker_ops = {
	.kind = RUNTIME_DOCKER,
	.init = docker_init,
	.done = docker_done,
	.connect = docker_connect,
	.disconnect = docker_disconnect,
	.stop = docker_stop,
	.image = docker_image,
	.image_look = docker_image_look,
};
