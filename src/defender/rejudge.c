/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new policy, or the first rule of a container that ran before us, is also for what runs already:
 * the kernel judges a program when it begins, so each living process is put before the rule again as
 * a record that it might have sent, and a process that was only reported for what it said on the
 * wire is judged by that.
 */
#include <string.h>

#include "base/clock.h"
#include "defender/defender.h"
#include "defender/event.h"

/* The living process as an exec record; text is laid out as the record's data is. */
static const struct wire_header *record_of(const struct container_entry *e, const struct process_view *v, void *memory)
{
	struct wire_exec *x = memory;
	uint32_t path = v->text_size ? (uint32_t)strlen(v->text) + 1 : 0;

	memset(x, 0, sizeof(*x));
	x->header.type = WIRE_EXEC;
	x->header.flags = v->flags | (v->truncated ? WIRE_ARGS_TRUNCATED : 0);
	x->header.size = (uint32_t)sizeof(*x) + v->text_size;
	x->header.time = time_boot();
	x->header.cgroup = e->cgroup;
	x->process.pid = v->pid;
	x->process.ppid = v->ppid;
	x->process.start = v->start;
	x->process.uid = v->uid;
	memcpy(x->process.comm, v->comm, sizeof(x->process.comm));
	x->path_size = path;
	x->args_size = v->text_size - path;
	memcpy(x->data, v->text, v->text_size);
	return &x->header;
}

/* What the process said on the wire while the rule only reported it. */
static void take_finding(const struct defender *d, const struct container_entry *e, struct outcome *o)
{
	const struct runtime_rule *rule = rules_of(d, e);

	if (!rule || rule->effects[e->finding.detection] < EFFECT_PREVENT)
		return;
	*o = (struct outcome){.detection = e->finding.detection, .evidence = e->finding.evidence,
		.effect = rule->effects[e->finding.detection], .done = DONE_ALERT};
	snprintf(o->rule, sizeof(o->rule), "%s", rule->name);
	snprintf(o->sign, sizeof(o->sign), "%s", e->finding.sign);
}

static bool judge(struct defender *d, struct container_entry *e, const struct process_view *v)
{
	_Alignas(struct wire_exec) uint8_t memory[sizeof(struct wire_exec) + PROCESS_TEXT_MAX + 1];
	struct happening h = {.record = record_of(e, v, memory), .entry = e, .late = true};
	struct outcome o = {0};

	if (!event_fill(d, &h))
		return false;
	if (e->finding.pid == v->pid && e->finding.start == v->start)
		take_finding(d, e, &o);
	verdict_carry_out(d, &h, &o);
	if (o.detection)
		event_tell_finding(d, &h, &o);
	return o.done == DONE_BLOCK;
}

void rejudge_container(struct defender *d, struct container_entry *e, uint64_t started_before)
{
	static _Thread_local struct process_view v; /* not the scratch's: filling an event uses that */
	uint32_t cursor = 0;

	if (e->blocked || e->rule < 0)
		return;
	while (process_table_next(d->processes, e->number, &cursor, &v))
		if (v.start < started_before && judge(d, e, &v))
			return;
}

void rejudge_all(struct defender *d)
{
	uint32_t cursor = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		if (e->named)
			rejudge_container(d, e, UINT64_MAX);
}
