/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things for one record: see event.h. */
#include <string.h>

#include "base/clock.h"
#include "defender/defender.h"
#include "defender/edges.h"
#include "defender/event.h"
#include "defender/hold.h"
#include "defender/life.h"
#include "defender/recorder.h"

/* What waits in the hold queue: the outcome, whose it is, then the record as the kernel wrote it. */
struct held {
	struct outcome outcome;
	uint32_t entry;
	uint32_t pad;
};

#define HELD_MAX (sizeof(struct held) + sizeof(struct wire_exec) + WIRE_PATH_MAX + WIRE_ARGS_MAX)

static void name_event(struct defender *d, struct happening *h)
{
	const struct container_entry *c = h->entry;
	struct event *e = &h->e;

	if (!c) {
		snprintf(d->scratch->cgroup, sizeof(d->scratch->cgroup), "cgroup:%llu",
			(unsigned long long)h->record->cgroup);
		e->container = d->scratch->cgroup;
		return;
	}
	e->container = (char *)(uintptr_t)c->id;
	e->container_name = c->info.name;
	e->image = c->info.image;
}

/* A connection that was established says nothing new; repeats that the kernel added up do, once. */
static bool is_for_journal(const struct happening *h)
{
	const struct wire_net *n = (const struct wire_net *)h->record;

	return h->record->type != WIRE_NET || (n->kind != WIRE_NET_ESTABLISHED && h->e.count);
}

void event_tell(struct defender *d, struct happening *h, const struct outcome *o)
{
	struct event *e = &h->e;

	name_event(d, h);
	e->detection = o->detection;
	e->effect = o->effect;
	e->done = o->done;
	if (h->record->type == WIRE_NET)
		e->count = edges_observe(d, h, o);
	else if (h->record->type == WIRE_PAYLOAD_HIT)
		edges_observe(d, h, o);
	if (is_for_journal(h))
		recorder_put(d->recorder, e);
	if (o->detection && e->count)
		audit_tell(d, h, o);
}

void event_tell_finding(struct defender *d, struct happening *h, const struct outcome *o)
{
	name_event(d, h);
	h->e.detection = o->detection;
	h->e.effect = o->effect;
	h->e.done = o->done;
	audit_tell(d, h, o);
}

static bool hold_it(struct defender *d, const struct happening *h, const struct outcome *o)
{
	static _Thread_local uint8_t packed[HELD_MAX];
	struct held head = {.outcome = *o, .entry = h->entry->number};
	size_t n = sizeof(head) + h->record->size;

	if (n > sizeof(packed))
		return false;
	memcpy(packed, &head, sizeof(head));
	memcpy(packed + sizeof(head), h->record, h->record->size);
	return hold_put(d->hold, h->entry->number, time_boot(), packed, (uint32_t)n) == 0;
}

void event_released(void *ctx, const void *data, uint32_t size)
{
	struct defender *d = ctx;
	struct held head;

	if (size < sizeof(head) + sizeof(struct wire_header))
		return;
	memcpy(&head, data, sizeof(head));
	struct happening h = {
		.record = (const struct wire_header *)(const void *)((const uint8_t *)data + sizeof(head)),
		.entry = container_table_by_number(d->containers, head.entry),
		.late = true,
	};
	if (!event_fill(d, &h))
		return;
	/* Its rule is known only now; what the kernel decided stands. */
	if (!head.outcome.detection && h.entry && h.entry->named)
		verdict_carry_out(d, &h, &head.outcome);
	else if (h.entry && !h.entry->named)
		h.entry->nameless = true;
	event_tell(d, &h, &head.outcome);
}

int event_record(void *ctx, const struct wire_header *record)
{
	struct defender *d = ctx;
	struct happening h = {.record = record};
	struct outcome o = {0};

	if (record->type == WIRE_CGROUP) {
		containers_cgroup(d, (const struct wire_cgroup *)record);
		return 0;
	}
	h.entry = containers_of_cgroup(d, record->cgroup);
	if (!event_fill(d, &h))
		return 0;
	event_track(d, &h);
	if (h.entry && record->type == WIRE_EXEC && !h.entry->first_exec)
		h.entry->first_exec = h.e.time;
	h.late = h.entry && h.entry->slot_since > record->time;
	verdict_carry_out(d, &h, &o);
	life_record(d, &h);
	if (h.entry && !h.entry->named && !h.entry->nameless && hold_it(d, &h, &o))
		return 0;
	event_tell(d, &h, &o);
	return 0;
}
