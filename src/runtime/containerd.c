/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory of a containerd: connection, questions about one container, and their answers. The
 * picture of everything is in containerd_picture.c, the events in containerd_events.c.
 *
 * Names: a container's name is what Kubernetes calls it, else its id. The digest is that of the
 * image's manifest. Addresses are not containerd's business and stay empty.
 */
#include "runtime/containerd.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "policy/policy.h"

#define VERSION_MAX (64u << 10)
#define ANSWER_MAX (4u << 20)
#define GRPC_NOT_FOUND 5

#define RESTART_LABEL "containerd.io/restart.status"
#define CONTAINERS "/containerd.services.containers.v1.Containers/"
#define SECOND_LOOK_MS 1000

static const char *const docker_namespaces[] = {"moby", "plugins.moby"};

static int pack(const ProtobufCMessage *message, struct buf *out)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	CLEANUP(free) uint8_t *bytes = malloc(n + 1);

	if (!bytes)
		return -ENOMEM;
	protobuf_c_message_pack(message, bytes);
	grpc_put(out, bytes, n);
	return out->failed;
}

static int send_call(struct containerd *d, const struct containerd_call *call, void *ctx)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(ANSWER_MAX);
	char header[64 + INVENTORY_ID_MAX];
	struct buf line = BUF_FIXED((uint8_t *)header, sizeof(header));
	int r = pack(call->message, &body);

	if (call->namespace_)
		buf_printf(&line, "containerd-namespace: %s", call->namespace_);
	return r < 0 ? r
		     : client_send(d->rt->client,
			&(struct client_call){.method = "POST",
				.path = call->method,
				.content_type = "application/grpc",
				.header = call->namespace_ ? header : NULL,
				.body = body.data,
				.body_size = body.len,
				.max = call->max ? call->max : ANSWER_MAX,
				.timeout_ms = call->on_data ? 0 : CONTAINERD_TIMEOUT_MS,
				.on_data = call->on_data,
				.on_done = call->on_done,
				.ctx = ctx,
				.key = call->key});
}

void containerd_call(struct containerd *d, const struct containerd_call *call)
{
	int r = send_call(d, call, d);

	if (r < 0)
		runtime_lost(d->rt, r, NULL);
}

bool containerd_failed(struct containerd *d, const struct client_result *res)
{
	char why[300];
	struct buf b = BUF_FIXED((uint8_t *)why, sizeof(why));

	if (d->rt->lost)
		return true;
	if (res->error == 0 && res->status == 200 && res->grpc_status == 0)
		return false;
	if (res->error < 0)
		runtime_lost(d->rt, res->error, res->message);
	else {
		buf_printf(&b, "containerd answered %d/%d to %s: %.100s", res->status,
			res->grpc_status, res->key, res->message);
		runtime_lost(d->rt, -EPROTO, why);
	}
	return true;
}

void *containerd_message(const struct client_result *res, const ProtobufCMessageDescriptor *type)
{
	const uint8_t *message;
	size_t n;

	return grpc_single(res->body, res->size, &message, &n) < 0
		       ? NULL
		       : protobuf_c_message_unpack(type, NULL, n, message);
}

bool containerd_watches(const char *namespace_)
{
	for (size_t i = 0; i < ARRAY_SIZE(docker_namespaces); i++)
		if (strcmp(namespace_, docker_namespaces[i]) == 0)
			return false;
	return inventory_id_ok(namespace_);
}

uint64_t containerd_time(const Ctrd__Timestamp *t)
{
	if (!t || t->seconds <= 0 || t->seconds > 9000000000 || t->nanos < 0 ||
		(uint64_t)t->nanos >= NSEC_PER_SEC)
		return 0;
	return (uint64_t)t->seconds * NSEC_PER_SEC + (uint64_t)t->nanos;
}

int containerd_entry(
	struct containerd *d, const char *namespace_, const char *id, struct inventory_entry **ret)
{
	struct inventory_entry *e;
	int r = runtime_entry(d->rt, id, &e);

	if (r == 0)
		r = inventory_set_text(&e->scope, namespace_, INVENTORY_ID_MAX + 1);
	if (r == 0 && !e->container.name)
		r = inventory_set_text(&e->container.name, id, INVENTORY_NAME_MAX);
	if (r == 0)
		*ret = e;
	return r;
}

void containerd_set_image(struct inventory_entry *e, const char *image)
{
	char canonical[INVENTORY_IMAGE_MAX];

	if (!image || !*image)
		return;
	inventory_set_text(&e->image_ref, image, INVENTORY_IMAGE_MAX);
	/* Images of CRI may go by their id alone. */
	inventory_set_text(&e->container.image,
		str_has_prefix(image, "sha256:")
			? image
			: image_canonical(image, canonical, sizeof(canonical)),
		INVENTORY_IMAGE_MAX);
}

static void on_image(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;
	struct inventory_entry *e = inventory_find(d->rt->inventory, res->key);

	/* Without an image of that name there is no digest: nothing to do about it. */
	if (d->rt->lost || !e || res->error < 0 || res->grpc_status != 0)
		return;
	Ctrd__ImageResponse *answer = containerd_message(res, &ctrd__image_response__descriptor);
	if (answer && answer->image && answer->image->target && *answer->image->target->digest) {
		inventory_set_text(
			&e->container.digest, answer->image->target->digest, INVENTORY_ID_MAX);
		runtime_changed(d->rt, e);
	}
	if (answer)
		ctrd__image_response__free_unpacked(answer, NULL);
}

static void ask_image(struct containerd *d, struct inventory_entry *e)
{
	Ctrd__GetRequest request = CTRD__GET_REQUEST__INIT;

	if (!e->image_ref)
		return;
	request.name = e->image_ref;
	containerd_call(d, &(struct containerd_call){"/containerd.services.images.v1.Images/Get",
				   e->scope, &request.base, e->container.id, 0, NULL, on_image});
}

void containerd_describe(struct containerd *d, struct inventory_entry *e, const Ctrd__Container *c)
{
	struct container *to = &e->container;

	containerd_set_image(e, c->image);
	if (containerd_time(c->created_at))
		inventory_set_time(&to->created, containerd_time(c->created_at));
	kv_list_done(&to->labels);
	for (size_t i = 0; i < c->n_labels; i++)
		inventory_add_label(to, c->labels[i]->key, c->labels[i]->value);
	inventory_name_from_labels(to);
	const char *name = kv_list_get(&to->labels, "io.kubernetes.container.name");
	if (!name)
		name = kv_list_get(&to->labels, "nerdctl/name");
	if (name)
		inventory_set_text(&to->name, name, INVENTORY_NAME_MAX);
	if (to->state == CONTAINER_UNKNOWN)
		to->state = CONTAINER_CREATED;
	runtime_changed(d->rt, e);
	ask_image(d, e);
}

static void on_container(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;
	struct inventory_entry *e = inventory_find(d->rt->inventory, res->key);

	if (e)
		e->asking = false;
	if (e && !d->rt->lost && res->error == 0 && res->grpc_status == GRPC_NOT_FOUND) {
		runtime_removed(d->rt, e);
		return;
	}
	if (containerd_failed(d, res) || !e)
		return;
	Ctrd__ContainerResponse *answer =
		containerd_message(res, &ctrd__container_response__descriptor);
	if (answer && answer->container)
		containerd_describe(d, e, answer->container);
	if (answer)
		ctrd__container_response__free_unpacked(answer, NULL);
	if (e->ask_again)
		containerd_ask(d, e);
}

void containerd_ask(struct containerd *d, struct inventory_entry *e)
{
	Ctrd__GetRequest request = CTRD__GET_REQUEST__INIT;

	e->ask_again = e->asking;
	if (e->asking)
		return;
	e->asking = true;
	request.name = e->container.id;
	containerd_call(d, &(struct containerd_call){CONTAINERS "Get", e->scope, &request.base,
				   e->container.id, 0, NULL, on_container});
}

static int containerd_spec(struct runtime *rt, const char *id, client_done_fn *fn, void *ctx)
{
	Ctrd__GetRequest request = CTRD__GET_REQUEST__INIT;
	struct inventory_entry *e = inventory_find(rt->inventory, id);

	if (!e)
		return -ENOENT;
	request.name = e->container.id;
	return send_call(rt->engine, &(struct containerd_call){CONTAINERS "Get", e->scope, &request.base,
					     e->container.id, 0, NULL, fn}, ctx);
}

int runtime_spec_text(const struct client_result *res, struct buf *ret)
{
	int r = -ENOENT;
	Ctrd__ContainerResponse *answer = res->error == 0 && res->grpc_status == 0
		? containerd_message(res, &ctrd__container_response__descriptor) : NULL;

	if (answer && answer->container && answer->container->spec && answer->container->spec->value.len) {
		buf_put(ret, answer->container->spec->value.data, answer->container->spec->value.len);
		r = ret->failed;
	}
	if (answer)
		ctrd__container_response__free_unpacked(answer, NULL);
	return r;
}

static int on_events(void *ctx, const void *data, size_t n)
{
	struct containerd *d = ctx;
	unsigned skipped = d->events.skipped;
	int r = d->rt->lost ? 0 : grpc_stream_feed(&d->events, data, n, containerd_event, d);

	if (d->events.skipped != skipped)
		containerd_picture(d); /* something happened and we do not know what */
	return r;
}

static void on_events_end(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;

	if (!containerd_failed(d, res))
		runtime_lost(d->rt, -ECONNRESET, "containerd ended its event stream");
}

static void subscribe(struct containerd *d)
{
	Ctrd__SubscribeRequest request = CTRD__SUBSCRIBE_REQUEST__INIT;
	char filter[] = "namespace!=moby,namespace!=plugins.moby";
	char *filters[] = {filter};

	request.n_filters = 1;
	request.filters = filters;
	containerd_call(
		d, &(struct containerd_call){"/containerd.services.events.v1.Events/Subscribe",
			   NULL, &request.base, "the event stream", 0, on_events, on_events_end});
}

static void on_version(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;

	if (containerd_failed(d, res))
		return;
	Ctrd__VersionResponse *answer =
		containerd_message(res, &ctrd__version_response__descriptor);
	if (!answer) {
		runtime_lost(d->rt, -EBADMSG, "the version does not parse");
		return;
	}
	runtime_connected(d->rt, answer->version);
	ctrd__version_response__free_unpacked(answer, NULL);
	subscribe(d);
	containerd_picture(d);
	/* When exactly the subscription begins containerd does not tell: what fell between is seen
	 * then. */
	loop_timer_set(d->second_look, SECOND_LOOK_MS, 0);
}

static int on_second_look(void *ctx)
{
	struct containerd *d = ctx;

	if (d->rt->client && !d->rt->lost)
		containerd_picture(d);
	return 0;
}

static int containerd_connect(struct runtime *rt)
{
	struct containerd *d = rt->engine;
	Ctrd__VersionResponse empty = CTRD__VERSION_RESPONSE__INIT;

	containerd_call(
		d, &(struct containerd_call){"/containerd.services.version.v1.Version/Version",
			   NULL, &empty.base, "the version", VERSION_MAX, NULL, on_version});
	return 0;
}

static void containerd_disconnect(struct runtime *rt)
{
	struct containerd *d = rt->engine;

	for (struct inventory_entry *e = inventory_first(rt->inventory); e; e = inventory_next(e))
		e->asking = e->ask_again = e->idle = false;
	grpc_stream_reset(&d->events);
	grpc_stream_reset(&d->list);
	d->listing = d->list_again = false;
	loop_timer_set(d->second_look, 0, 0);
}

static void containerd_done(struct runtime *rt)
{
	struct containerd *d = rt->engine;

	grpc_stream_done(&d->events);
	grpc_stream_done(&d->list);
	str_list_done(&d->namespaces);
	loop_source_free(d->second_look);
	free(d);
	rt->engine = NULL;
}

static int containerd_init(struct runtime *rt)
{
	struct containerd *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->rt = rt;
	rt->engine = d;
	grpc_stream_init(&d->events);
	grpc_stream_init(&d->list);
	return loop_add_timer(rt->loop, &d->second_look, UINT32_MAX, 0, on_second_look, d);
}

static void answer_stop(struct runtime *rt, uint64_t seq, int error, const char *message)
{
	rt->listener.stopped(rt->listener.ctx, rt, seq, error, message);
}

static void on_updated(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;
	uint64_t seq;
	bool done =
		res->error == 0 && (res->grpc_status == 0 || res->grpc_status == GRPC_NOT_FOUND);

	if (parse_u64(res->key, 0, UINT64_MAX, &seq) == 0)
		answer_stop(d->rt, seq,
			done		 ? 0
			: res->error < 0 ? res->error
					 : -EIO,
			done ? "restart monitor told to stop" : res->message);
}

/*
 * containerd starts nothing again by itself, except what carries the label of its restart monitor
 * (nerdctl run --restart). Who else is above it, kubelet for one, has its own say.
 */
static int containerd_stop(struct runtime *rt, const char *id, uint64_t seq)
{
	static char label[] = RESTART_LABEL, path[] = "labels." RESTART_LABEL,
		    stopped[] = "stopped";
	Ctrd__UpdateContainerRequest request = CTRD__UPDATE_CONTAINER_REQUEST__INIT;
	Ctrd__Container container = CTRD__CONTAINER__INIT;
	Ctrd__FieldMask mask = CTRD__FIELD_MASK__INIT;
	Ctrd__Pair pair = CTRD__PAIR__INIT, *pairs[] = {&pair};
	char *paths[] = {path}, key[24];
	struct inventory_entry *e = inventory_find(rt->inventory, id);
	struct buf b = BUF_FIXED((uint8_t *)key, sizeof(key));

	if (!e || !kv_list_get(&e->container.labels, RESTART_LABEL)) {
		answer_stop(rt, seq, 0, "containerd restarts nothing by itself");
		return 0;
	}
	if (!rt->client || rt->lost)
		return -ENOTCONN;
	pair = (Ctrd__Pair){.base = pair.base, .key = label, .value = stopped};
	container.id = e->container.id;
	container.n_labels = mask.n_paths = 1;
	container.labels = pairs;
	mask.paths = paths;
	request.container = &container;
	request.update_mask = &mask;
	buf_printf(&b, "%" PRIu64, seq);
	containerd_call(rt->engine, &(struct containerd_call){CONTAINERS "Update", e->scope,
					    &request.base, key, 0, NULL, on_updated});
	return 0;
}

const struct engine_ops containerd_ops = {
	.kind = RUNTIME_CONTAINERD,
	.http2 = true,
	.init = containerd_init,
	.done = containerd_done,
	.connect = containerd_connect,
	.disconnect = containerd_disconnect,
	.stop = containerd_stop,
	.spec = containerd_spec,
};
