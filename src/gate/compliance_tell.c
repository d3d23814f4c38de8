/* SPDX-License-Identifier: Apache-2.0 */
/* What was told of whom, so that only news goes out: see compliance_internal.h. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gate/compliance_internal.h"
#include "policy/compliance_host.h"

static const char letters[TARGET_KIND_COUNT_] = {'d', 'i', 'c'};
static const char *const resources[TARGET_KIND_COUNT_] = {"daemon", "image", "container"};

/* --- targets --- */

static int by_key(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const struct compliance_check *checks_of(enum target_kind kind, size_t *count)
{
	*count = kind == TARGET_CONTAINER ? compliance_check_count : compliance_host_check_count;
	return kind == TARGET_CONTAINER ? compliance_checks : compliance_host_checks;
}

void target_clear_labels(struct target *t)
{
	for (uint32_t i = 0; i < t->labels.count; i++) {
		free(t->labels.items[i].key);
		free(t->labels.items[i].value);
	}
	free(t->labels.items);
	t->labels = (struct kv_list){0};
}

static struct target *target_free(struct target *t)
{
	if (!t)
		return NULL;
	free(t->key);
	free(t->name);
	free(t->told);
	record_done(&container_ref_desc, &t->ref);
	target_clear_labels(t);
	free(t);
	return NULL;
}
CLEANUP_DEFINE(struct target, target_free)

static void destroy(void *p)
{
	target_free(p);
}

struct target *target_find(struct compliance *c, char letter, const char *id)
{
	char text[TARGET_KEY_MAX], *key = text;

	snprintf(text, sizeof(text), "%c%s", letter, id);
	struct target **found = tfind(&key, &c->targets, by_key);
	return found ? *found : NULL;
}

struct target *target_get(struct compliance_engine *e, enum target_kind kind, const char *id)
{
	struct compliance *c = e->compliance;
	struct target *known = target_find(c, letters[kind], id);
	size_t count;

	if (known)
		return known;
	checks_of(kind, &count);
	CLEANUP(target_free) struct target *t = calloc(1, sizeof(*t));
	if (t) {
		t->key = malloc(strlen(id) + 2);
		t->told = calloc(count + 1, sizeof(*t->told)); /* one more: there may be no check */
	}
	if (!t || !t->key || !t->told || c->counters.targets >= TARGETS_MAX || strlen(id) + 2 > TARGET_KEY_MAX) {
		c->counters.refused++;
		return NULL;
	}
	snprintf(t->key, strlen(id) + 2, "%c%s", letters[kind], id);
	t->kind = kind;
	t->engine = e;
	if (!tsearch(t, &c->targets, by_key))
		return NULL;
	c->counters.targets++;
	return take_ptr(t);
}

void target_drop(struct target *t)
{
	struct compliance *c = t->engine->compliance;

	if (t->queued)
		TAILQ_REMOVE(&t->engine->queue, t, link);
	tdelete(t, &c->targets, by_key);
	c->counters.targets--;
	target_free(t);
}

void targets_free(struct compliance *c)
{
	tdestroy(c->targets, destroy);
	c->targets = NULL;
}

struct collect {
	const struct compliance_engine *engine;
	struct target **items;
	size_t count;
};

static void collect(const void *node, VISIT which, void *ctx)
{
	struct target *t = *(struct target *const *)node;
	struct collect *x = ctx;

	if ((which == postorder || which == leaf) && (!x->engine || t->engine == x->engine))
		x->items[x->count++] = t;
}

void targets_each(struct compliance *c, const struct compliance_engine *e, target_fn *fn)
{
	struct collect x = {.engine = e, .items = calloc(c->counters.targets + 1, sizeof(struct target *))};

	if (!x.items)
		return; /* the next period will */
	twalk_r(c->targets, collect, &x);
	for (size_t i = 0; i < x.count; i++)
		fn(x.items[i]);
	free(x.items);
}

/* --- telling --- */

static uint64_t mix(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return (h ^ 0xff) * 1099511628211u; /* the end of a text counts */
}

/* What a reader would see change. Never 0. */
static uint64_t content_of(const struct compliance_finding *f)
{
	uint64_t h = mix(14695981039346656037u, f->cause);

	h = mix(h, f->rule);
	h = mix(h, f->target);
	h = mix(h, f->container.name);
	h = mix(h, f->container.image);
	h = mix(h, f->container.digest);
	h = (h ^ (uint64_t)f->passed ^ (uint64_t)f->effect << 1) * 1099511628211u;
	return h ? h : 1;
}

/* Writers of records take borrowed texts as they are. */
static char *borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void tell(struct look *l, const struct compliance_check *row, size_t at, const char *cause)
{
	struct target *t = l->target;
	const char *rule;
	char id[TARGET_KEY_MAX + 64];
	bool passed = !cause;
	enum effect effect = compliance_effect(l->compliance->policy, &l->subject, row->id, &rule);
	struct compliance_finding f = {.id = id, .check = borrow(row->id), .cis = borrow(row->cis),
		.severity = row->severity, .title = borrow(row->title), .resource = borrow(row->resource),
		.target = borrow(target_id(t)), .container = t->ref, .passed = passed, .cause = borrow(cause),
		.remedy = borrow(row->remedy), .effect = effect, .rule = borrow(rule),
		.host = l->compliance->host, .time = l->now};

	snprintf(id, sizeof(id), "%s@%s", row->id, target_id(t));
	if (t->kind == TARGET_IMAGE) { /* a reader knows it by its name; its id stays what it is */
		f.target = t->name;
		f.container = (struct container_ref){.image = t->name, .digest = borrow(target_id(t))};
	}
	uint64_t content = content_of(&f);
	if (l->error || t->told[at] == content)
		return;
	l->error = l->compliance->config.send(l->compliance->config.ctx, &f);
	if (l->error)
		return;
	t->told[at] = content;
	l->compliance->counters.told++;
}

void look_tell(void *look, const char *check, bool passed, const char *cause)
{
	struct look *l = look;
	size_t count;
	const struct compliance_check *rows = checks_of(l->target->kind, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].id, check) == 0)
			tell(l, &rows[i], i, passed ? NULL : cause);
}

/* What only an engine like Docker decides: containerd knows neither ports nor health checks nor restarts. */
static bool beyond_spec(const char *check)
{
	static const char *const checks[] = {"default_bridge", "healthcheck", "port_interface", "privileged_ports",
		"restart_policy", "ulimits"};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (strcmp(checks[i], check) == 0)
			return true;
	return false;
}

void look_container(struct look *l, const struct creation *creation, bool from_spec)
{
	for (size_t i = 0; i < compliance_check_count; i++) {
		char why[512] = "";
		if (!compliance_checks[i].fails || (from_spec && beyond_spec(compliance_checks[i].id)))
			continue;
		bool fails = compliance_checks[i].fails(creation, why, sizeof(why));
		tell(l, &compliance_checks[i], i, fails ? why : NULL);
	}
}

void target_tell_gone(struct target *t)
{
	struct compliance *c = t->engine->compliance;
	size_t count;
	const struct compliance_check *rows = checks_of(t->kind, &count);
	char id[TARGET_KEY_MAX + 64];

	for (size_t i = 0; i < count; i++) {
		struct compliance_finding f = {.id = id, .resource = borrow(resources[t->kind]), .host = c->host,
			.time = time_now()};
		if (!t->told[i])
			continue;
		snprintf(id, sizeof(id), "%s@%s", rows[i].id, target_id(t));
		if (c->config.send(c->config.ctx, &f) == 0)
			t->told[i] = 0;
	}
}

void target_forget(struct target *t)
{
	size_t count;

	checks_of(t->kind, &count);
	memset(t->told, 0, count * sizeof(*t->told));
}

int sweep_tell(struct compliance *c, uint64_t before)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(resources) && r == 0; i++) {
		struct compliance_finding f = {.id = borrow("*"), .resource = borrow(resources[i]), .host = c->host,
			.time = before};
		r = c->config.send(c->config.ctx, &f);
	}
	return r;
}
