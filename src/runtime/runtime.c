/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection to an engine: see runtime.h, engine.h. */
#include "runtime/runtime.h"

#include <errno.h>
#include <string.h>

#include "runtime/engine.h"

#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 1000

static const struct engine_ops *const engines[] = {&docker_ops, &containerd_ops};

static const struct engine_ops *engine_of(enum runtime_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		if (engines[i]->kind == kind)
			return engines[i];
	return NULL;
}

static void set_state(struct runtime *rt, const char *state)
{
	if (rt->status.state && strcmp(rt->status.state, state) == 0)
		return;
	inventory_set_text(&rt->status.state, state, 256);
	rt->listener.status(rt->listener.ctx, rt);
}

void runtime_lost(struct runtime *rt, int error, const char *why)
{
	char text[200];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));

	if (rt->lost)
		return;
	rt->lost = true;
	buf_printf(&b, "away: %.150s", why && *why ? why : strerror(-error));
	set_state(rt, text);
	rt->delay_ms = rt->delay_ms ? rt->delay_ms * 2 : RETRY_MIN_MS;
	if (rt->delay_ms > RETRY_MAX_MS)
		rt->delay_ms = RETRY_MAX_MS;
	loop_timer_set(rt->retry, rt->delay_ms, 0);
}

void runtime_connected(struct runtime *rt, const char *version)
{
	if (inventory_set_text(&rt->status.version, version, 64) == 0)
		set_state(rt, "connected");
}

void runtime_complete(struct runtime *rt)
{
	struct inventory_entry *e, *next;

	for (e = inventory_first(rt->inventory); e; e = next) {
		next = inventory_next(e);
		if (e->generation != rt->generation)
			inventory_remove(rt->inventory, e);
	}
	rt->synced = true;
	rt->delay_ms = 0;
	rt->listener.changed(rt->listener.ctx, rt);
}

void runtime_changed(struct runtime *rt, struct inventory_entry *e)
{
	inventory_touch(rt->inventory, e);
	rt->listener.changed(rt->listener.ctx, rt);
}

void runtime_removed(struct runtime *rt, struct inventory_entry *e)
{
	inventory_remove(rt->inventory, e);
	rt->listener.changed(rt->listener.ctx, rt);
}

int runtime_entry(struct runtime *rt, const char *id, struct inventory_entry **ret)
{
	int r = inventory_get(rt->inventory, id, rt->status.kind, ret);

	if (r == 0)
		(*ret)->generation = rt->generation;
	return r;
}

static void on_open(void *ctx)
{
	struct runtime *rt = ctx;

	if (rt->opening) { /* asked for by the client before: its socket will do for this one */
		rt->unwanted = false;
		return;
	}
	rt->opening = true;
	rt->listener.open(rt->listener.ctx, rt);
}

void runtime_opened(struct runtime *rt, int fd)
{
	bool unwanted = rt->unwanted || rt->lost || !rt->client;

	rt->opening = rt->unwanted = false;
	if (unwanted)
		fd_close(fd);
	else
		client_opened(rt->client, fd);
}

static int start(struct runtime *rt)
{
	struct client_config config = {
		.loop = rt->loop, .http2 = rt->ops->http2, .open = on_open, .header = rt->header, .ctx = rt};

	rt->lost = false;
	rt->generation++;
	int r = client_new(&rt->client, &config);
	return r < 0 ? r : rt->ops->connect(rt);
}

/* Ends what is left of the old connection and begins a new one. Not inside a callback of the
 * client. */
static int on_retry(void *ctx)
{
	struct runtime *rt = ctx;

	if (rt->client) {
		rt->ops->disconnect(rt);
		rt->client = client_free(rt->client);
		rt->unwanted = rt->opening;
	}
	rt->synced = false;
	int r = start(rt);
	if (r < 0)
		runtime_lost(rt, r, NULL);
	return 0;
}

struct runtime *runtime_free(struct runtime *rt)
{
	if (!rt)
		return NULL;
	if (rt->engine)
		rt->ops->done(rt);
	client_free(rt->client);
	inventory_free(rt->inventory);
	loop_source_free(rt->retry);
	record_done(&runtime_status_desc, &rt->status);
	free(rt);
	return NULL;
}

int runtime_new(struct runtime **ret, const struct runtime_config *config)
{
	const struct engine_ops *ops = engine_of(config->kind);

	if (!ops)
		return -EOPNOTSUPP;
	CLEANUP(runtime_free) struct runtime *rt = calloc(1, sizeof(*rt));
	if (!rt)
		return -ENOMEM;
	*rt = (struct runtime){.loop = config->loop,
		.ops = ops,
		.listener = config->listener,
		.header = config->header,
		.status.kind = config->kind};
	if (str_set(&rt->status.socket, config->socket) < 0 ||
		str_set(&rt->status.state, "away: connecting") < 0)
		return -ENOMEM;
	int r = inventory_new(&rt->inventory);
	if (r == 0)
		r = ops->init(rt);
	if (r == 0)
		r = loop_add_timer(rt->loop, &rt->retry, 0, 0, on_retry, rt);
	if (r < 0)
		return r;
	*ret = take_ptr(rt);
	return 0;
}

const struct container *runtime_take(struct runtime *rt)
{
	return inventory_take(rt->inventory);
}

bool runtime_has_changes(const struct runtime *rt)
{
	return inventory_has_changes(rt->inventory);
}

bool runtime_synced(const struct runtime *rt)
{
	return rt->synced && !rt->lost;
}

void runtime_replay(struct runtime *rt)
{
	inventory_touch_all(rt->inventory);
	rt->listener.changed(rt->listener.ctx, rt);
}

void runtime_replay_image(struct runtime *rt, const char *image)
{
	for (struct inventory_entry *e = inventory_first(rt->inventory); e; e = inventory_next(e))
		if (e->container.image && strcmp(e->container.image, image) == 0)
			inventory_touch(rt->inventory, e);
	rt->listener.changed(rt->listener.ctx, rt);
}

int runtime_stop(struct runtime *rt, const char *id, uint64_t seq)
{
	if (!rt->ops->stop)
		return -EOPNOTSUPP;
	return inventory_id_ok(id) ? rt->ops->stop(rt, id, seq) : -EINVAL;
}

const struct container *runtime_container(const struct runtime *rt, const char *id)
{
	const struct inventory_entry *e = inventory_find(rt->inventory, id);

	return e ? &e->container : NULL;
}

int runtime_image(const struct runtime *rt, const char *ref, struct runtime_image *ret)
{
	return rt->ops->image ? rt->ops->image(rt, ref, ret) : -ENOENT;
}

int runtime_image_look(struct runtime *rt, const char *id)
{
	if (!rt->ops->image_look)
		return -EOPNOTSUPP;
	return rt->client && !rt->lost ? rt->ops->image_look(rt, id) : -ENOTCONN;
}

int runtime_ask(struct runtime *rt, const struct client_call *call)
{
	return rt->client && !rt->lost ? client_send(rt->client, call) : -ENOTCONN;
}

int runtime_ask_spec(struct runtime *rt, const char *id, client_done_fn *fn, void *ctx)
{
	if (!rt->ops->spec)
		return -EOPNOTSUPP;
	return rt->client && !rt->lost ? rt->ops->spec(rt, id, fn, ctx) : -ENOTCONN;
}

const struct runtime_status *runtime_status(const struct runtime *rt)
{
	return &rt->status;
}

size_t runtime_count(const struct runtime *rt)
{
	return inventory_count(rt->inventory);
}

unsigned runtime_refused(const struct runtime *rt)
{
	return inventory_refused(rt->inventory);
}
