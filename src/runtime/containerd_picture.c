/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture of everything in a containerd: its namespaces, and one after the other their
 * containers, then their tasks. What events said of a container meanwhile is newer and stays.
 */
#include <errno.h>
#include <string.h>

#include "runtime/containerd.h"

#define TASKS_MAX (16u << 20)

static void list_namespace(struct containerd *d);

static const struct {
	Ctrd__TaskStatus status;
	enum container_state state;
} states[] = {
	{CTRD__TASK_STATUS__CREATED, CONTAINER_CREATED},
	{CTRD__TASK_STATUS__RUNNING, CONTAINER_RUNNING},
	{CTRD__TASK_STATUS__STOPPED, CONTAINER_EXITED},
	{CTRD__TASK_STATUS__PAUSED, CONTAINER_PAUSED},
	{CTRD__TASK_STATUS__PAUSING, CONTAINER_RUNNING},
};

static const char *current(const struct containerd *d)
{
	return d->namespaces.items[d->at];
}

static void next_namespace(struct containerd *d)
{
	d->at++;
	if (d->at < d->namespaces.count) {
		list_namespace(d);
		return;
	}
	d->listing = false;
	runtime_complete(d->rt);
	if (d->list_again)
		containerd_picture(d);
}

/* Running once and without a task now: it ended. */
static void settle_idle(struct containerd *d)
{
	for (struct inventory_entry *e = inventory_first(d->rt->inventory); e;
		e = inventory_next(e)) {
		if (!e->idle || e->asked != e->changes)
			continue;
		e->idle = false;
		if (e->container.state == CONTAINER_CREATED)
			continue;
		e->container.state = CONTAINER_EXITED;
		e->container.pid = 0;
		runtime_changed(d->rt, e);
	}
}

static void on_task(struct containerd *d, const Ctrd__Task *t)
{
	struct inventory_entry *e =
		inventory_find(d->rt->inventory, *t->container_id ? t->container_id : t->id);

	if (!e || !e->idle)
		return;
	e->idle = false;
	if (e->asked != e->changes)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].status == t->status)
			e->container.state = states[i].state;
	bool ended = e->container.state == CONTAINER_EXITED;
	e->container.pid = ended ? 0 : t->pid;
	e->container.exit_code = ended ? (int32_t)t->exit_status : 0;
	e->container.finished = ended ? containerd_time(t->exited_at) : 0;
	runtime_changed(d->rt, e);
}

static void on_tasks(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;

	if (containerd_failed(d, res))
		return;
	Ctrd__ListTasksResponse *answer =
		containerd_message(res, &ctrd__list_tasks_response__descriptor);
	if (!answer) {
		runtime_lost(d->rt, -EBADMSG, "the list of tasks does not parse");
		return;
	}
	for (size_t i = 0; i < answer->n_tasks; i++)
		on_task(d, answer->tasks[i]);
	ctrd__list_tasks_response__free_unpacked(answer, NULL);
	settle_idle(d);
	next_namespace(d);
}

static int on_listed(void *ctx, const uint8_t *message, size_t n)
{
	struct containerd *d = ctx;
	struct inventory_entry *e;
	Ctrd__ContainerResponse *answer = ctrd__container_response__unpack(NULL, n, message);

	if (!answer)
		return -EBADMSG;
	if (answer->container && containerd_entry(d, current(d), answer->container->id, &e) == 0) {
		e->idle = true;
		e->asked = e->changes;
		containerd_describe(d, e, answer->container);
	}
	ctrd__container_response__free_unpacked(answer, NULL);
	return 0;
}

static int on_containers_data(void *ctx, const void *data, size_t n)
{
	struct containerd *d = ctx;

	return d->rt->lost ? 0 : grpc_stream_feed(&d->list, data, n, on_listed, d);
}

static void on_containers(void *ctx, const struct client_result *res)
{
	Ctrd__SubscribeRequest all = CTRD__SUBSCRIBE_REQUEST__INIT;
	struct containerd *d = ctx;

	if (!containerd_failed(d, res))
		containerd_call(
			d, &(struct containerd_call){"/containerd.services.tasks.v1.Tasks/List",
				   current(d), &all.base, "the list of tasks", TASKS_MAX, NULL,
				   on_tasks});
}

static void list_namespace(struct containerd *d)
{
	Ctrd__SubscribeRequest all = CTRD__SUBSCRIBE_REQUEST__INIT; /* no filters, here as there */

	grpc_stream_reset(&d->list);
	containerd_call(d,
		&(struct containerd_call){
			"/containerd.services.containers.v1.Containers/ListStream", current(d),
			&all.base, "the list of containers", 0, on_containers_data, on_containers});
}

static void on_namespaces(void *ctx, const struct client_result *res)
{
	struct containerd *d = ctx;

	if (containerd_failed(d, res))
		return;
	Ctrd__ListNamespacesResponse *answer =
		containerd_message(res, &ctrd__list_namespaces_response__descriptor);
	if (!answer) {
		runtime_lost(d->rt, -EBADMSG, "the list of namespaces does not parse");
		return;
	}
	str_list_done(&d->namespaces);
	for (size_t i = 0; i < answer->n_namespaces; i++)
		if (containerd_watches(answer->namespaces[i]->name) &&
			d->namespaces.count < CONTAINERD_NAMESPACES_MAX)
			str_list_add(&d->namespaces, answer->namespaces[i]->name);
	ctrd__list_namespaces_response__free_unpacked(answer, NULL);
	d->at = UINT32_MAX; /* before the first */
	next_namespace(d);
}

void containerd_picture(struct containerd *d)
{
	Ctrd__SubscribeRequest all = CTRD__SUBSCRIBE_REQUEST__INIT;

	d->list_again = d->listing;
	if (d->listing)
		return;
	d->listing = true;
	containerd_call(
		d, &(struct containerd_call){"/containerd.services.namespaces.v1.Namespaces/List",
			   NULL, &all.base, "the list of namespaces", 0, NULL, on_namespaces});
}
