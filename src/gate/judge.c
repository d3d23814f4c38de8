/* SPDX-License-Identifier: Apache-2.0 */
/* Trust, then compliance: see judge.h. */
#include "gate/judge.h"

#include <errno.h>
#include <string.h>

#include "gate/report.h"
#include "trust/lookup.h"

#define START_WAIT_MS 180 /* for signatures, while a shim waits for us */
#define COMMAND_WAIT_MS 2000

struct judge_job {
	struct gate *gate;
	struct judge_question q;
	judge_done_fn *fn;
	void *ctx;
	struct trust_lookup *lookup;
};

/* The name that was asked for; NULL = not known. */
static const char *image_of(const struct judge_question *q)
{
	return q->image ? q->image : q->creation ? q->creation->image : NULL;
}

static bool enabled(const void *rules, uint32_t count, size_t size)
{
	for (uint32_t i = 0; i < count; i++)
		if (!((const struct rule_head *)((const char *)rules + i * size))->disabled)
			return true;
	return false;
}

bool judge_has_rules(const struct gate *g)
{
	const struct policy *p = g->policy;

	return p && (enabled(p->trust, p->trust_count, sizeof(*p->trust)) ||
			    enabled(p->compliance, p->compliance_count, sizeof(*p->compliance)));
}

/* ---- who it is ---- */

static int take(char **field, const char *text)
{
	return *field || !text ? 0 : str_set(field, text);
}

static int take_labels(struct creation *c, const struct kv_list *labels)
{
	int r = 0;

	for (uint32_t i = 0; i < labels->count && r == 0; i++)
		if (!kv_list_get(&c->labels, labels->items[i].key))
			r = kv_list_add(&c->labels, labels->items[i].key, labels->items[i].value);
	return r;
}

int judge_identify(const struct gate *g, struct creation *c, bool *ret_known)
{
	const struct container *known = gate_container(g, c->id);
	int r = 0;

	if (known) {
		r = take(&c->name, known->name);
		if (r == 0)
			r = take(&c->image, known->image);
		if (r == 0)
			r = take(&c->digest, known->digest);
		if (r == 0)
			r = take(&c->pod, known->pod);
		if (r == 0)
			r = take(&c->namespace_, known->namespace_);
		if (r == 0)
			r = take_labels(c, &known->labels);
	}
	*ret_known = c->image != NULL;
	return r;
}

/* ---- what is known of the image ---- */

static void find_image(const struct gate *g, const char *ref, const char *digest, struct runtime_image *ret)
{
	for (unsigned i = 0; i < g->engine_count; i++) {
		/* The digest says which image it is; a name may have moved on since. */
		if (digest && runtime_image(g->engines[i].runtime, digest, ret) == 0)
			return;
		if (ref && runtime_image(g->engines[i].runtime, ref, ret) == 0)
			return;
	}
}

/* The digest of a container, where an engine tells no more of its image. */
struct image_rest {
	char *digest;
	struct str_list list;
};

static void fill_facts(const struct gate *g, const char *name, char *digest, struct image_facts *f, struct image_rest *rest)
{
	struct runtime_image image = {0};

	f->name = name;
	find_image(g, name, digest, &image);
	f->id = image.id ? image.id : digest;
	f->layers = image.layers && image.layers->count ? image.layers : NULL;
	f->repo_digests = image.repo_digests;
	/* An engine that tells no more than one digest (containerd) means that of the manifest. */
	if (!image.id && digest) {
		rest->digest = digest;
		rest->list = (struct str_list){&rest->digest, 1};
		f->repo_digests = &rest->list;
	}
}

/* ---- telling ---- */

static void report(const struct judge_job *j, const struct gate_verdict *v, const char *text)
{
	static const struct {
		enum audit_kind kind;
		char *technique;
	} techniques[] = {{AUDIT_TRUST, (char *)(uintptr_t)"T1204.003"}, {AUDIT_COMPLIANCE, (char *)(uintptr_t)"T1610"}};
	const struct creation *c = j->q.creation;
	struct audit a = {.kind = v->kind, .rule = (char *)(uintptr_t)v->rule, .message = (char *)(uintptr_t)text,
		.revision = j->gate->policy->revision};
	bool block = v->effect == GATE_BLOCK;

	a.effect = block ? EFFECT_BLOCK : EFFECT_ALERT;
	a.done = block ? DONE_BLOCK : DONE_ALERT;
	a.severity = block ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	for (size_t i = 0; i < ARRAY_SIZE(techniques); i++)
		if (techniques[i].kind == v->kind)
			a.techniques = (struct str_list){(char **)(uintptr_t)&techniques[i].technique, 1};
	a.command.user = (char *)(uintptr_t)j->q.user;
	a.container.image = (char *)(uintptr_t)image_of(&j->q);
	if (c) {
		a.container.id = c->id;
		a.container.name = c->name;
		a.container.digest = c->digest;
		a.container.pod = c->pod;
		a.container.namespace_ = c->namespace_;
	}
	report_audit(j->gate->report, gate_defender(j->gate), &a);
}

static bool refuse(const struct judge_job *j, const struct gate_verdict *v, const char *subject, struct judge_answer *ret)
{
	char text[JUDGE_TEXT_MAX];
	const char *who = image_of(&j->q);

	if (!v->rule || v->effect == GATE_IGNORE)
		return false;
	if (v->effect == GATE_BLOCK) {
		gate_refusal_text(v, subject, ret->text, sizeof(ret->text));
		ret->refused = true;
		report(j, v, ret->text);
		return true;
	}
	snprintf(text, sizeof(text), "rule '%s' warns of %s %.256s: %s", v->rule, subject, who ? who : "?", v->reason);
	gate_clean(text);
	snprintf(ret->warnings[*ret->warnings[0] != 0], JUDGE_WARNING_MAX, "[Seawall] %.*s", JUDGE_WARNING_MAX - 16, text);
	gate_clean(ret->warnings[*ret->warnings[1] != 0]);
	report(j, v, text);
	return false;
}

/* ---- judging ---- */

static void judge(const struct judge_job *j, const struct trust_evidence *evidence, struct judge_answer *ret)
{
	struct gate *g = j->gate;
	const struct creation *c = j->q.creation;
	struct image_facts image = {0};
	struct image_rest rest;

	if (!judge_has_rules(g) || (c && c->sandbox))
		return;
	fill_facts(g, image_of(&j->q), c ? c->digest : NULL, &image, &rest);
	if (evidence) {
		image.signed_by = trust_signed_by;
		image.ctx = (void *)(uintptr_t)evidence;
	}
	struct policy_subject s = {.image = image.name, .container = c ? c->name : NULL, .labels = c ? &c->labels : NULL,
		.namespace_ = c ? c->namespace_ : NULL, .cluster = g->cluster, .host = g->host};
	if (image.name || image.id) {
		struct gate_verdict v = policy_judge_trust(g->policy, &s, &image);
		if (refuse(j, &v, "image", ret))
			return;
	}
	if (c) {
		struct gate_verdict v = policy_judge_compliance(g->policy, &s, c, NULL, NULL);
		refuse(j, &v, "container", ret);
	}
}

static bool wants_signatures(const struct gate *g)
{
	const struct policy *p = g->policy;
	bool keys = false;

	for (uint32_t i = 0; p && p->trust_count && i < p->trust_group_count; i++)
		keys |= p->trust_groups[i].keys.count > 0;
	return keys && g->registry;
}

const char *judge_trust_badge(const struct gate *g, const struct container *c, char *out, size_t size)
{
	struct policy_subject s = {.image = c->image, .container = c->name, .labels = &c->labels, .namespace_ = c->namespace_,
		.host = g->host};
	struct image_facts image = {0};
	struct image_rest rest;

	if (!g->policy || !g->policy->trust_count || !c->image)
		return NULL;
	fill_facts(g, c->image, c->digest, &image, &rest);
	struct gate_verdict v = policy_judge_trust(g->policy, &s, &image);
	/* Nobody has been asked for signatures here: without them "untrusted" would be a guess. */
	if (!v.rule || (*v.remedy && wants_signatures(g)))
		return NULL;
	snprintf(out, size, "%s: %.400s", *v.remedy ? "untrusted" : "trusted", *v.reason ? v.reason : "no rule speaks against it");
	return out;
}

static void on_evidence(void *ctx, const struct trust_lookup_result *r)
{
	struct judge_job *j = ctx;
	struct judge_answer answer = {0};
	judge_done_fn *fn = j->fn;
	void *to = j->ctx;

	judge(j, &r->evidence, &answer);
	judge_cancel(j);
	fn(to, &answer);
}

static int look_up(struct judge_job *j)
{
	const struct creation *c = j->q.creation;
	struct image_facts image = {0};
	struct image_rest rest;

	fill_facts(j->gate, image_of(&j->q), c ? c->digest : NULL, &image, &rest);
	return trust_lookup_start(&j->lookup, j->gate->registry, &image, j->q.starts ? START_WAIT_MS : COMMAND_WAIT_MS,
		on_evidence, j);
}

int judge_start(struct judge_job **ret, struct gate *g, const struct judge_question *q, judge_done_fn *fn, void *ctx)
{
	struct judge_job now = {.gate = g, .q = *q, .fn = fn, .ctx = ctx};
	struct judge_answer answer = {0};

	*ret = NULL;
	if (wants_signatures(g) && !(q->creation && q->creation->sandbox)) {
		struct judge_job *j = malloc(sizeof(*j));
		if (!j)
			return -ENOMEM;
		*j = now;
		if (look_up(j) == 0) {
			*ret = j;
			return 0;
		}
		free(j); /* nobody can be asked: judged by what is known */
	}
	judge(&now, NULL, &answer);
	fn(ctx, &answer);
	return 0;
}

struct judge_job *judge_cancel(struct judge_job *j)
{
	if (j)
		trust_lookup_free(j->lookup);
	free(j);
	return NULL;
}
