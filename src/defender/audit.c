/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building audits: the process with its ancestry and its scrubbed arguments, the other side, the
 * container, the words. Everything is borrowed and bounded, so that one audit stays below
 * FOLD_AUDIT_MAX.
 */
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "defender/audit_text.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/fold.h"
#include "defender/recorder.h"
#include "defender/spool.h"

#define ARGS_BYTES 4096u /* of the process itself; the journal has all of them */
#define ANCESTOR_BYTES 512u

/* The first arguments that fit into `bytes`; the list is shortened, not copied. */
static bool cut_args(struct str_list *args, uint32_t bytes)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < args->count; i++) {
		used += (uint32_t)strlen(args->items[i]) + 5;
		if (used > bytes) {
			args->count = i;
			return true;
		}
	}
	return false;
}

static void set_ancestor(struct defender *d, uint32_t i)
{
	struct process_view *v = &d->scratch->parents[i];
	struct ancestor *a = &d->scratch->ancestry[i];
	struct str_list parts;

	*a = (struct ancestor){.pid = v->pid};
	if (!v->text_size) {
		snprintf(d->scratch->comms[i], sizeof(d->scratch->comms[i]), "[%s]", v->comm);
		a->path = d->scratch->comms[i];
		return;
	}
	uint32_t path = (uint32_t)strlen(v->text) + 1;
	a->path = v->text;
	if (v->text_size > path)
		event_split(v->text + path, v->text_size - path, d->scratch->ancestor_args[i], EVENT_ANCESTOR_ARGS, &parts);
	else
		parts = (struct str_list){0};
	cut_args(&parts, ANCESTOR_BYTES);
	a->args = parts;
}

/* Beyond the container: what the kernel says of the processes that started it. */
static uint32_t kernel_ancestors(struct defender *d, const struct wire_header *r, uint32_t have)
{
	if (r->type != WIRE_EXEC)
		return have;
	const struct wire_exec *x = (const struct wire_exec *)r;
	uint32_t n = x->ancestor_count < WIRE_ANCESTORS ? x->ancestor_count : WIRE_ANCESTORS, from = 0;
	/* Go on after the last one that the table knew, when the kernel still lists it. */
	for (uint32_t i = 0; have && i < n; i++)
		if (x->ancestors[i].pid == d->scratch->ancestry[have - 1].pid)
			from = i + 1;
	if (have && !from)
		return have;
	for (uint32_t i = from; i < n && have < EVENT_ANCESTORS; i++, have++) {
		struct process_view *v = &d->scratch->parents[have];
		v->pid = x->ancestors[i].pid;
		v->text_size = 0;
		snprintf(v->comm, sizeof(v->comm), "%.15s", x->ancestors[i].comm);
		set_ancestor(d, have);
	}
	return have;
}

static uint32_t collect_ancestry(struct defender *d, const struct happening *h)
{
	struct process_view *v = &d->scratch->view;
	uint32_t n = 0;

	if (!h->process)
		return 0;
	uint32_t pid = h->process->ppid;
	uint64_t start = 0;
	if (process_table_get(d->processes, h->process->pid, h->process->start, v)) {
		pid = v->ppid;
		start = v->parent_start;
	}
	while (n < EVENT_ANCESTORS && pid && process_table_get(d->processes, pid, start, &d->scratch->parents[n])) {
		pid = d->scratch->parents[n].ppid;
		start = d->scratch->parents[n].parent_start;
		set_ancestor(d, n++);
	}
	return kernel_ancestors(d, h->record, n);
}

/* Arguments of a process that did something else than start: as the table keeps them. */
static void known_args(struct defender *d, const struct happening *h, struct process *p)
{
	struct process_view *v = &d->scratch->view;

	if (h->e.type == EVENT_EXEC || !h->process || !p->path || p->path != v->text)
		return;
	uint32_t path = (uint32_t)strlen(v->text) + 1;
	if (v->text_size > path)
		event_split(v->text + path, v->text_size - path, d->scratch->args, EVENT_ARGS_MAX, &p->args);
	p->args_truncated = v->truncated;
}

static void fill_process(struct defender *d, const struct happening *h, struct process *p)
{
	const struct event *e = &h->e;

	*p = (struct process){.pid = e->pid, .ppid = e->ppid, .path = e->path, .args = e->args,
		.args_truncated = e->args_truncated, .user = e->user};
	if (h->process)
		p->start = defender_wall(d, h->process->start);
	uint32_t n = collect_ancestry(d, h);
	known_args(d, h, p);
	if (cut_args(&p->args, ARGS_BYTES))
		p->args_truncated = true;
	p->ancestry = (struct record_list){.items = d->scratch->ancestry, .count = n};
}

static void fill_container(const struct happening *h, struct container_ref *c)
{
	c->id = h->e.container;
	if (!h->entry)
		return;
	const struct container *i = &h->entry->info;
	*c = (struct container_ref){.id = h->entry->id, .name = i->name, .image = i->image, .digest = i->digest,
		.pod = i->pod, .namespace_ = i->namespace_, .workload = i->workload};
}

static void fill_network(const struct event *e, struct network *n)
{
	if (!e->address)
		return;
	*n = (struct network){.direction = e->direction, .proto = e->proto, .address = e->address, .port = e->port,
		.domain = e->domain};
}

/* The flight recorder has the audit too, so that the story is whole without the Console. */
static void record_audit(struct defender *d, const struct happening *h, const struct audit *a)
{
	struct event e = h->e;

	e.type = EVENT_AUDIT;
	e.audit = a->id;
	e.message = a->message;
	e.detection = a->detection;
	e.effect = a->effect;
	e.done = a->done;
	recorder_put(d->recorder, &e);
}

void audit_tell(struct defender *d, const struct happening *h, const struct outcome *o)
{
	const struct event *e = &h->e;
	const char *parts[] = {e->container, enum_name(&detection_names, o->detection), o->rule, e->path,
		enum_name(&effect_names, o->effect), enum_name(&evidence_names, o->evidence), o->again ? "again" : ""};
	uint64_t key = fold_key(d->fold, parts, ARRAY_SIZE(parts)), now = time_monotonic();
	const struct detection_info *info = detection_info(o->detection);
	char *techniques[1], id[ID_SIZE];
	struct audit a = {.time = e->time, .kind = AUDIT_RUNTIME, .detection = o->detection,
		.rule = (char *)(uintptr_t)o->rule, .effect = o->effect, .done = o->done, .evidence = o->evidence,
		.host = (char *)(uintptr_t)d->config.host, .count = (uint32_t)e->count, .first = e->time, .last = e->time,
		.latency_ns = o->latency_ns, .revision = d->policy ? d->policy->revision : 0, .id = id};

	if (!fold_is_new(d->fold, key, now)) {
		fold_add(d->fold, key, &a, now);
		return;
	}
	id_make(e->time, id);
	if (info) {
		a.severity = info->severity;
		techniques[0] = (char *)(uintptr_t)info->technique;
		a.techniques = (struct str_list){.items = techniques, .count = info->technique != NULL};
	}
	a.message = (char *)(uintptr_t)audit_text_message(o, e, d->scratch->message, sizeof(d->scratch->message));
	fill_process(d, h, &a.process);
	fill_container(h, &a.container);
	fill_network(e, &a.network);
	if (e->type == EVENT_EXEC)
		a.file = e->path;
	fold_add(d->fold, key, &a, now);
	record_audit(d, h, &a);
}

void audit_system(struct defender *d, uint64_t first, uint64_t last, const char *message)
{
	const char *parts[] = {"system", message};
	char id[ID_SIZE];
	struct audit a = {.time = last, .kind = AUDIT_SYSTEM, .effect = EFFECT_ALERT, .done = DONE_ALERT,
		.severity = SEVERITY_MEDIUM, .message = (char *)(uintptr_t)message, .id = id, .count = 1, .first = first,
		.last = last, .host = (char *)(uintptr_t)d->config.host,
		.revision = d->policy ? d->policy->revision : 0};

	id_make(last, id);
	fold_add(d->fold, fold_key(d->fold, parts, ARRAY_SIZE(parts)), &a, time_monotonic());
}

void audit_compliance(struct defender *d, const struct compliance_finding *f)
{
	const char *parts[] = {"compliance", f->id};
	char id[ID_SIZE], message[1024];
	struct audit a = {.time = f->time, .kind = AUDIT_COMPLIANCE, .rule = f->rule, .effect = f->effect,
		.done = DONE_ALERT, .severity = f->severity, .message = message, .id = id, .count = 1, .first = f->time,
		.last = f->time, .host = (char *)(uintptr_t)d->config.host, .file = f->target,
		.revision = d->policy ? d->policy->revision : 0};

	snprintf(message, sizeof(message), "%.20s %.200s fails '%.160s'%s%.12s%s: %.400s", f->resource, f->target, f->title,
		f->cis ? " (CIS " : "", f->cis ? f->cis : "", f->cis ? ")" : "", f->cause ? f->cause : "");
	id_make(f->time, id);
	fold_add(d->fold, fold_key(d->fold, parts, ARRAY_SIZE(parts)), &a, time_monotonic());
}

int audit_emit(void *ctx, const struct audit *a)
{
	struct defender *d = ctx;
	int r = spool_put(d->spool, a);

	if (r < 0)
		log_warn(r, "cannot spool audit %s", a->id ? a->id : "");
	if (r < 0 || !spool_pass(d->spool, defender_console(d), a))
		spool_pump(d->spool, defender_console(d));
	return r;
}
