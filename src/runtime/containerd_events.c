/* SPDX-License-Identifier: Apache-2.0 */
/* What containerd's events do to the inventory: one table, one small function for each. */
#include <errno.h>
#include <string.h>

#include "runtime/containerd.h"

struct occurrence {
	struct containerd *containerd;
	const Ctrd__Envelope *envelope;
	const void *message; /* of the row's type */
	uint64_t time;
};

static int entry_of(const struct occurrence *o, const char *id, struct inventory_entry **ret)
{
	int r = containerd_entry(o->containerd, o->envelope->namespace_, id, ret);

	if (r == 0)
		(*ret)->changes++;
	return r;
}

static void container_created(const struct occurrence *o)
{
	const Ctrd__ContainerEvent *m = o->message;
	struct inventory_entry *e;

	if (entry_of(o, m->id, &e) < 0)
		return;
	e->container.state = CONTAINER_CREATED;
	inventory_set_time(&e->container.created, o->time);
	containerd_set_image(e, m->image);
	runtime_changed(o->containerd->rt, e);
	containerd_ask(o->containerd, e);
}

static void container_updated(const struct occurrence *o)
{
	const Ctrd__ContainerEvent *m = o->message;
	struct inventory_entry *e = inventory_find(o->containerd->rt->inventory, m->id);

	if (e)
		containerd_ask(o->containerd, e);
}

static void container_deleted(const struct occurrence *o)
{
	const Ctrd__ContainerEvent *m = o->message;
	struct inventory_entry *e = inventory_find(o->containerd->rt->inventory, m->id);

	if (e)
		runtime_removed(o->containerd->rt, e);
}

/* The container's first process exists and waits for its start. */
static void task_created(const struct occurrence *o)
{
	const Ctrd__TaskCreate *m = o->message;
	struct runtime *rt = o->containerd->rt;
	struct inventory_entry *e;

	if (entry_of(o, m->container_id, &e) < 0)
		return;
	bool unknown = !e->container.image;
	e->container.state = CONTAINER_CREATED;
	e->container.pid = m->pid;
	e->container.started = e->container.finished = 0;
	e->container.exit_code = 0;
	runtime_changed(rt, e);
	if (rt->listener.created)
		rt->listener.created(rt->listener.ctx, rt, m->container_id, m->pid);
	if (unknown)
		containerd_ask(o->containerd, e);
}

static void task_started(const struct occurrence *o)
{
	const Ctrd__TaskStart *m = o->message;
	struct inventory_entry *e;

	if (entry_of(o, m->container_id, &e) < 0)
		return;
	e->container.state = CONTAINER_RUNNING;
	e->container.pid = m->pid;
	e->container.started = o->time;
	runtime_changed(o->containerd->rt, e);
}

static void task_ended(const struct occurrence *o)
{
	const Ctrd__TaskExit *m = o->message;
	struct inventory_entry *e;

	/* Exits of other processes of the container carry their own id. */
	if (strcmp(m->id, m->container_id) != 0 || entry_of(o, m->container_id, &e) < 0)
		return;
	e->container.state = CONTAINER_EXITED;
	e->container.pid = 0;
	e->container.exit_code = (int32_t)m->exit_status;
	e->container.finished =
		containerd_time(m->exited_at) ? containerd_time(m->exited_at) : o->time;
	runtime_changed(o->containerd->rt, e);
}

static void set_state(const struct occurrence *o, enum container_state state)
{
	const Ctrd__TaskEvent *m = o->message;
	struct inventory_entry *e = inventory_find(o->containerd->rt->inventory, m->container_id);

	if (!e)
		return;
	e->changes++;
	e->container.state = state;
	runtime_changed(o->containerd->rt, e);
}

static void task_paused(const struct occurrence *o)
{
	set_state(o, CONTAINER_PAUSED);
}

static void task_resumed(const struct occurrence *o)
{
	set_state(o, CONTAINER_RUNNING);
}

static const struct {
	const char *topic;
	const ProtobufCMessageDescriptor *type;
	void (*apply)(const struct occurrence *o);
} events[] = {
	{"/containers/create", &ctrd__container_event__descriptor, container_created},
	{"/containers/update", &ctrd__container_event__descriptor, container_updated},
	{"/containers/delete", &ctrd__container_event__descriptor, container_deleted},
	{"/tasks/create", &ctrd__task_create__descriptor, task_created},
	{"/tasks/start", &ctrd__task_start__descriptor, task_started},
	{"/tasks/exit", &ctrd__task_exit__descriptor, task_ended},
	{"/tasks/paused", &ctrd__task_event__descriptor, task_paused},
	{"/tasks/resumed", &ctrd__task_event__descriptor, task_resumed},
};

static void apply(struct containerd *d, const Ctrd__Envelope *envelope)
{
	struct occurrence o = {.containerd = d,
		.envelope = envelope,
		.time = containerd_time(envelope->timestamp)};

	if (!envelope->event || !containerd_watches(envelope->namespace_))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (strcmp(events[i].topic, envelope->topic) != 0)
			continue;
		ProtobufCMessage *message = protobuf_c_message_unpack(events[i].type, NULL,
			envelope->event->value.len, envelope->event->value.data);
		if (!message) {
			containerd_picture(d); /* something happened and we do not know what */
			return;
		}
		o.message = message;
		events[i].apply(&o);
		protobuf_c_message_free_unpacked(message, NULL);
		return;
	}
}

int containerd_event(void *ctx, const uint8_t *message, size_t n)
{
	struct containerd *d = ctx;
	Ctrd__Envelope *envelope = ctrd__envelope__unpack(NULL, n, message);

	if (!envelope)
		return -EBADMSG;
	apply(d, envelope);
	ctrd__envelope__free_unpacked(envelope, NULL);
	return 0;
}
