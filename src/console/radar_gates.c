/* SPDX-License-Identifier: Apache-2.0 */
/* What the gates say on the Radar: containers that were refused, and what is wrong with the host. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "console/radar_internal.h"
#include "policy/image.h"

/* --- refusals --- */

/* Commands that would have made a container run, or brought the image for it. */
static const char *const starting[] = {"container_create", "container_start", "container_restart", "image_create"};

static bool is_starting(const char *action)
{
	for (size_t i = 0; action && i < ARRAY_SIZE(starting); i++)
		if (strcmp(starting[i], action) == 0)
			return true;
	return false;
}

bool radar_is_refusal(const struct audit *a)
{
	if (a->done != DONE_BLOCK && a->done != DONE_PREVENT)
		return false;
	switch (a->kind) {
	case AUDIT_TRUST:
	case AUDIT_VULNERABILITY:
	case AUDIT_COMPLIANCE:
	case AUDIT_ADMISSION:
		return true;
	case AUDIT_ACCESS:
		return is_starting(a->command.action);
	case AUDIT_NONE:
	case AUDIT_RUNTIME:
	case AUDIT_ADMIN:
	case AUDIT_SYSTEM:
	case AUDIT_COUNT_:
		break;
	}
	return false;
}

/* One that was refused before the engine gave it an id. Whoever is refused can try with ever new names. */
static struct radar_container *stranger_get(struct radar *r, const struct audit *a)
{
	const struct container c = {.id = a->container.name, .image = a->container.image};
	char id[RADAR_ID_SIZE];

	snprintf(id, sizeof(id), "refused:%.400s@%.500s", c.id ? c.id : "", c.image);
	struct radar_container *x = radar_find(&r->containers, id);
	if (x)
		return x;
	if (r->counters.strangers >= RADAR_STRANGERS_MAX) {
		r->counters.refused++;
		return NULL;
	}
	x = radar_container_get(r, id, &c);
	if (x) {
		x->stranger = true;
		r->counters.strangers++;
	}
	return x;
}

static int refused_fill(struct radar_container *x, const struct audit *a)
{
	char label[IMAGE_NAME_MAX];
	const char *name = a->container.name;

	if (!name && !x->label) /* a pull, or a container that its engine is to name */
		name = image_familiar(x->image->name, label, sizeof(label));
	x->untrusted |= a->kind == AUDIT_TRUST;
	x->worst = a->severity > x->worst ? a->severity : x->worst;
	bool says_less = a->kind == AUDIT_ACCESS && x->state == RADAR_REFUSED && x->gated;
	x->gated = says_less || a->kind != AUDIT_ACCESS;
	return (name ? str_set(&x->label, name) : 0) | (says_less ? 0 : str_set(&x->reason, a->message));
}

int radar_refuse(struct radar *r, const struct audit *a, uint64_t now)
{
	const struct container c = {.id = a->container.id, .name = a->container.name, .image = a->container.image};
	struct radar_container *x = NULL;
	char id[RADAR_ID_SIZE];

	snprintf(id, sizeof(id), "container:%s", c.id ? c.id : "");
	if (c.id)
		x = radar_find(&r->containers, id);
	if (!x && !c.image) /* nothing is known that could be shown */
		return 0;
	if (!x)
		x = c.id ? radar_container_get(r, id, &c) : stranger_get(r, a);
	if (!x)
		return -ENOBUFS;
	/* One that runs is not refused by a command about it, and what was killed stays blocked. */
	if (x->state == RADAR_RUNNING || x->state == RADAR_PAUSED || x->state == RADAR_BLOCKED)
		return 0;
	bool same = x->state == RADAR_REFUSED && x->reason && a->message &&
		(strcmp(x->reason, a->message) == 0 || (x->gated && a->kind == AUDIT_ACCESS));
	if (refused_fill(x, a) != 0)
		return -ENOMEM;
	x->gone = 0; /* tried again: it stays as long as a new one */
	radar_set_state(r, x, RADAR_REFUSED, now);
	if (!same)
		radar_touch(r, x, true, now);
	return 0;
}

/* --- what is wrong with the host --- */

struct radar_finding {
	char *id;
	char *text;
	char *resource;
	uint64_t time;
	bool open_tcp; /* the engine takes commands from everybody: a badge of its own */
};

static void finding_free(void *p)
{
	struct radar_finding *f = p;

	free(f->id);
	free(f->text);
	free(f->resource);
	free(f);
}

void radar_findings_free(struct radar *r)
{
	tdestroy(r->findings, finding_free);
}

static bool is_of_host(const struct compliance_finding *f)
{
	return f->resource && strcmp(f->resource, "container") != 0 && strcmp(f->resource, "image") != 0;
}

static int finding_add(struct radar *r, const struct compliance_finding *f)
{
	struct radar_finding *x = radar_find(&r->findings, f->id);

	if (!x && r->finding_count >= RADAR_FINDINGS_MAX) {
		r->counters.refused++;
		return -ENOBUFS;
	}
	if (x) {
		x->time = f->time;
		return str_set(&x->text, f->cause ? f->cause : f->title);
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->time = f->time;
	x->open_tcp = f->check && strcmp(f->check, "daemon_tcp") == 0;
	if ((str_set(&x->id, f->id) | str_set(&x->text, f->cause ? f->cause : f->title) |
		    str_set(&x->resource, f->resource)) != 0 ||
		!tsearch(x, &r->findings, radar_by_id)) {
		finding_free(x);
		return -ENOMEM;
	}
	r->finding_count++;
	return 0;
}

static void finding_remove(struct radar *r, const char *id)
{
	struct radar_finding *x = radar_find(&r->findings, id);

	if (!x)
		return;
	tdelete(x, &r->findings, radar_by_id);
	finding_free(x);
	r->finding_count--;
}

/* What the host's node says: the first finding, and whether the engine is open to everybody. */
struct summary {
	const struct radar_finding *first;
	bool open_tcp;
};

static void sum_up(const void *node, VISIT which, void *ret)
{
	const struct radar_finding *x = *(struct radar_finding *const *)node;
	struct summary *s = ret;

	if (which != postorder && which != leaf)
		return;
	s->first = s->first ? s->first : x;
	s->open_tcp |= x->open_tcp;
}

/* All of a resource that were told before a time are gone. */
struct outdated {
	const struct compliance_finding *word;
	const char *ids[RADAR_FINDINGS_MAX];
	uint32_t count;
};

static void gather_outdated(const void *node, VISIT which, void *ctx)
{
	const struct radar_finding *x = *(struct radar_finding *const *)node;
	struct outdated *o = ctx;

	if ((which == postorder || which == leaf) && x->time < o->word->time && strcmp(x->resource, o->word->resource) == 0 &&
		o->count < RADAR_FINDINGS_MAX)
		o->ids[o->count++] = x->id;
}

static void findings_forget(struct radar *r, const struct compliance_finding *f)
{
	struct outdated o = {.word = f};

	twalk_r(r->findings, gather_outdated, &o);
	for (uint32_t i = 0; i < o.count; i++)
		finding_remove(r, o.ids[i]);
}

/* The host's node is there as long as an edge or a finding needs it. */
static int host_judge(struct radar *r)
{
	struct summary sum = {0};
	char id[RADAR_ID_SIZE], text[RADAR_ID_SIZE], more[32] = "";

	snprintf(id, sizeof(id), "host:%s", r->config.host);
	struct radar_place *p = radar_find(&r->places, id);
	if (!p && r->finding_count == 0)
		return 0;
	if (!p)
		p = radar_place_get(r, id);
	if (!p)
		return -ENOMEM;
	bool was = p->critical;
	p->critical = r->finding_count > 0;
	p->uses += p->critical && !was;
	twalk_r(r->findings, sum_up, &sum);
	bool same = was && p->critical && p->open_tcp == sum.open_tcp;
	p->open_tcp = sum.open_tcp;
	if (r->finding_count > 1)
		snprintf(more, sizeof(more), " (and %u more)", r->finding_count - 1);
	snprintf(text, sizeof(text), "%.900s%s", sum.first && sum.first->text ? sum.first->text : "", more);
	same = same && p->reason && strcmp(p->reason, text) == 0;
	int failed = str_set(&p->reason, sum.first ? text : NULL);
	if ((p->critical || was) && !same)
		radar_place_touch(r, p);
	if (was && !p->critical)
		radar_place_release(r, p);
	return failed;
}

int radar_finding(struct radar *r, const struct compliance_finding *f)
{
	int failed = 0;

	if (!f->id || !is_of_host(f))
		return 0;
	/* What a rule ignores is not bad. */
	bool bad = f->severity == SEVERITY_CRITICAL && !f->passed && (!f->rule || f->effect != EFFECT_DISABLE);
	if (!f->check && strcmp(f->id, "*") == 0) {
		findings_forget(r, f);
		return host_judge(r);
	}
	if (!bad && !radar_find(&r->findings, f->id))
		return 0;
	if (bad)
		failed = finding_add(r, f);
	else
		finding_remove(r, f->id);
	return failed ? failed : host_judge(r);
}
