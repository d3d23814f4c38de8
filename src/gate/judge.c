/* SPDX-License-Identifier: Apache-2.0 */
/* Trust, then compliance: see judge.h. */
#include "gate/judge.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "gate/report.h"
#include "gate/signers.h"

#define COMMAND_WAIT_MS 2000 /* for layers and signatures */

struct judge_job {
	struct gate *gate;
	struct judge_question q;
	judge_done_fn *fn;
	void *ctx;
	uint64_t until; /* CLOCK_MONOTONIC: then it answers by what is known */
	struct trust_lookup *lookup;
	const char *trouble; /* why nobody could be asked for signatures */
	/* Its engine is asked for the layers of the image: in the Gate's list, until then. */
	struct loop_source *layers_timer;
	TAILQ_ENTRY(judge_job) link;
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

/* The engine that has it; NULL = none does. */
static struct runtime *find_image(const struct gate *g, const char *ref, const char *digest, struct runtime_image *ret)
{
	for (unsigned i = 0; i < g->engine_count; i++) {
		struct runtime *rt = g->engines[i].runtime;

		/* The digest says which image it is; a name may have moved on since. */
		if ((digest && runtime_image(rt, digest, ret) == 0) || (ref && runtime_image(rt, ref, ret) == 0))
			return rt;
	}
	return NULL;
}

/* The digest of a container, where an engine tells no more of its image. */
struct image_rest {
	char *digest;
	struct str_list list;
};

/* That its name leads to this manifest, where no engine knows more. */
static void fill_digest(struct image_facts *f, char *digest, struct image_rest *rest)
{
	rest->digest = digest;
	rest->list = (struct str_list){&rest->digest, 1};
	f->repo_digests = &rest->list;
}

static void fill_facts(const struct gate *g, const char *name, char *digest, struct image_facts *f, struct image_rest *rest)
{
	struct runtime_image image = {0};

	f->name = name;
	find_image(g, name, digest, &image);
	f->id = image.id ? image.id : digest;
	f->layers = image.layers && image.layers->count ? image.layers : NULL;
	f->repo_digests = image.repo_digests;
	/* An engine that tells no more than one digest (containerd) means that of the manifest. */
	if (!image.id && digest)
		fill_digest(f, digest, rest);
}

/* What a pull brings is the registry's word; what has the name here says nothing of it. */
static void fill_asked(const struct judge_job *j, struct image_facts *f, struct image_rest *rest)
{
	const struct creation *c = j->q.creation;

	if (c)
		fill_facts(j->gate, image_of(&j->q), c->digest, f, rest);
	else
		f->name = image_of(&j->q);
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

/* ---- what more has to be known ---- */

static struct policy_subject subject_of(const struct judge_job *j, const char *image)
{
	const struct creation *c = j->q.creation;

	return (struct policy_subject){.image = image, .container = c ? c->name : NULL, .labels = c ? &c->labels : NULL,
		.namespace_ = c ? c->namespace_ : NULL, .cluster = j->gate->cluster, .host = j->gate->host};
}

static bool signed_by_all(void *ctx, const char *key_pem, const struct image_facts *image)
{
	return true;
}

/* Whether who signed it makes a difference: most images pass or fail by their names, and nobody has to wait. */
static bool signatures_matter(const struct gate *g, const struct policy_subject *s, const struct image_facts *image)
{
	struct image_facts best = *image, worst = *image;

	if (!g->policy || (!image->name && !image->id))
		return false;
	worst.signed_by = NULL;
	best.signed_by = signed_by_all;
	struct gate_verdict a = policy_judge_trust(g->policy, s, &worst), b = policy_judge_trust(g->policy, s, &best);
	return strcmp(a.remedy, b.remedy) != 0 || strcmp(a.reason, b.reason) != 0;
}

/* The engine that would have to be asked for the image's layers; NULL: none, or nobody wants to know them. */
static struct runtime *layers_missing(const struct gate *g, const char *name, const char *digest, struct runtime_image *image)
{
	const struct policy *p = g->policy;
	bool wanted = false;

	for (uint32_t i = 0; p && p->trust_count && i < p->trust_group_count; i++)
		wanted |= p->trust_groups[i].base_layers.count > 0;
	struct runtime *rt = wanted ? find_image(g, name, digest, image) : NULL;
	return rt && !image->complete ? rt : NULL;
}

/* ---- judging ---- */

/* Of what cannot be known a refusal says so. */
static void say_trouble(struct gate_verdict *v, const char *trouble)
{
	size_t n = strlen(v->reason);

	if (!trouble || !*trouble || !*v->remedy)
		return;
	snprintf(v->reason + n, sizeof(v->reason) - n, "; signatures are not known: %s", trouble);
	gate_clean(v->reason);
}

static void judge(const struct judge_job *j, const struct trust_lookup_result *known, struct judge_answer *ret)
{
	struct gate *g = j->gate;
	const struct creation *c = j->q.creation;
	struct image_facts image = {0};
	struct image_rest rest;

	if (!judge_has_rules(g) || (c && c->sandbox))
		return;
	fill_asked(j, &image, &rest);
	if (known) {
		if (!image.id && *known->digest)
			fill_digest(&image, (char *)(uintptr_t)known->digest, &rest);
		image.signed_by = trust_signed_by;
		image.ctx = (void *)(uintptr_t)&known->evidence;
	}
	struct policy_subject s = subject_of(j, image.name);
	if (image.name || image.id) {
		struct gate_verdict v = policy_judge_trust(g->policy, &s, &image);
		say_trouble(&v, known ? known->error ? known->why : NULL : j->trouble);
		if (refuse(j, &v, "image", ret))
			return;
	}
	if (c) {
		struct gate_verdict v = policy_judge_compliance(g->policy, &s, c, NULL, NULL);
		refuse(j, &v, "container", ret);
	}
}

const char *judge_trust_badge(const struct gate *g, const struct container *c, char *out, size_t size)
{
	struct policy_subject s = {.image = c->image, .container = c->name, .labels = &c->labels, .namespace_ = c->namespace_,
		.host = g->host};
	struct image_facts image = {0};
	struct runtime_image layers;
	struct image_rest rest;

	if (!g->policy || !g->policy->trust_count || !c->image)
		return NULL;
	struct runtime *rt = layers_missing(g, c->image, c->digest, &layers);
	if (rt && runtime_image_look(rt, layers.id) == 0)
		return NULL; /* told again when they are known */
	fill_facts(g, c->image, c->digest, &image, &rest);
	const struct signer *signer = NULL;
	if (signatures_matter(g, &s, &image)) {
		signer = signers_find(g->signers, &image);
		if (!signer)
			return NULL; /* likewise: without them "untrusted" would be a guess */
		image.signed_by = signers_signed_by;
		image.ctx = (void *)(uintptr_t)signer;
	}
	struct gate_verdict v = policy_judge_trust(g->policy, &s, &image);
	if (!v.rule)
		return NULL;
	say_trouble(&v, signer ? signer_trouble(signer) : NULL);
	snprintf(out, size, "%s: %.480s", *v.remedy ? "untrusted" : "trusted", *v.reason ? v.reason : "no rule speaks against it");
	return out;
}

/* ---- asking first ---- */

static void finish(struct judge_job *j, const struct trust_lookup_result *known)
{
	struct judge_answer answer = {0};
	judge_done_fn *fn = j->fn;
	void *to = j->ctx;

	judge(j, known, &answer);
	judge_cancel(j);
	fn(to, &answer);
}

static void on_evidence(void *ctx, const struct trust_lookup_result *r)
{
	finish(ctx, r);
}

/* What is left of the time for this answer, whatever it waits for: layers, then signatures. */
static uint32_t patience(const struct judge_job *j)
{
	uint64_t now = time_monotonic();

	return now < j->until ? (uint32_t)((j->until - now) / NSEC_PER_MSEC) + 1 : 1;
}

/* Whether the answer has to wait for signatures. */
static bool look_up(struct judge_job *j)
{
	struct image_facts image = {0};
	struct image_rest rest;

	fill_asked(j, &image, &rest);
	struct policy_subject s = subject_of(j, image.name);
	if (!signatures_matter(j->gate, &s, &image))
		return false;
	if (j->gate->registry &&
		trust_lookup_start(&j->lookup, j->gate->registry, &image, patience(j), on_evidence, j) == 0)
		return true;
	j->trouble = "seawall-registry does not answer"; /* judged by what is known */
	return false;
}

static void have_layers(struct judge_job *j)
{
	TAILQ_REMOVE(&j->gate->judging, j, link);
	j->layers_timer = loop_source_free(j->layers_timer);
	if (!look_up(j))
		finish(j, NULL);
}

static int on_no_layers(void *ctx)
{
	have_layers(ctx);
	return 0;
}

static bool wait_for_layers(struct judge_job *j)
{
	const struct creation *c = j->q.creation;
	struct runtime_image image;
	struct runtime *rt = c ? layers_missing(j->gate, image_of(&j->q), c->digest, &image) : NULL;

	if (!rt || runtime_image_look(rt, image.id) < 0 ||
		loop_add_timer(j->gate->loop, &j->layers_timer, patience(j), 0, on_no_layers, j) < 0)
		return false;
	TAILQ_INSERT_TAIL(&j->gate->judging, j, link);
	return true;
}

void judge_changed(struct gate *g)
{
	struct runtime_image image;
	struct judge_job *j, *next;

	for (j = TAILQ_FIRST(&g->judging); j; j = next) {
		const struct creation *c = j->q.creation;
		next = TAILQ_NEXT(j, link);
		if (!layers_missing(g, image_of(&j->q), c ? c->digest : NULL, &image))
			have_layers(j);
	}
}

int judge_start(struct judge_job **ret, struct gate *g, const struct judge_question *q, judge_done_fn *fn, void *ctx)
{
	struct judge_answer answer = {0};
	struct judge_job *j = calloc(1, sizeof(*j));

	*ret = NULL;
	if (!j)
		return -ENOMEM;
	*j = (struct judge_job){.gate = g, .q = *q, .fn = fn, .ctx = ctx,
		.until = time_monotonic() + (q->wait_ms ? q->wait_ms : COMMAND_WAIT_MS) * NSEC_PER_MSEC};
	if (judge_has_rules(g) && !(q->creation && q->creation->sandbox) && (wait_for_layers(j) || look_up(j))) {
		*ret = j;
		return 0;
	}
	judge(j, NULL, &answer);
	judge_cancel(j);
	fn(ctx, &answer);
	return 0;
}

struct judge_job *judge_cancel(struct judge_job *j)
{
	if (!j)
		return NULL;
	if (j->layers_timer)
		TAILQ_REMOVE(&j->gate->judging, j, link);
	loop_source_free(j->layers_timer);
	trust_lookup_free(j->lookup);
	free(j);
	return NULL;
}
