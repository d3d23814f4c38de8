/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, judging and recording of one AdmissionReview: see webhook.h. */
#include <errno.h>
#include <string.h>

#include "gate/answer.h"
#include "gate/judge.h"
#include "gate/report.h"
#include "gate/webhook.h"

struct review_job;

/* The gates of one container. */
struct part {
	struct review_job *job;
	struct judge_job *judge;
};

struct review_job {
	struct gate *gate;
	struct policy *policy; /* that it is judged by: the verdict borrows from it */
	review_done_fn *fn;
	void *ctx;
	struct kube_review v;
	char *address;
	struct access_verdict verdict;
	bool refused_by_gate; /* not by a rule of admission: that gate has its own audit */
	struct part parts[KUBE_CONTAINERS_MAX];
	uint32_t waiting;
	bool starting;
	struct loop_source *deadline;
	struct review_answer answer;
};

static void job_free(struct review_job *j)
{
	for (size_t i = 0; i < ARRAY_SIZE(j->parts); i++)
		judge_cancel(j->parts[i].judge);
	loop_source_free(j->deadline);
	policy_unref(j->policy);
	kube_review_done(&j->v);
	free(j->address);
	free(j);
}

/* ---- the record ---- */

static const char *image_of(const struct review_job *j)
{
	return j->v.creation_count ? j->v.creations[0].image : NULL;
}

static void message(const struct review_job *j, char *out, size_t size)
{
	struct buf b = BUF_FIXED((uint8_t *)out, size);
	const struct kube_review *v = &j->v;

	buf_printf(&b, "%.128s: %s", v->user && *v->user ? v->user : "nobody", v->action);
	if (v->target && *v->target)
		buf_printf(&b, " %.200s", v->target);
	if (image_of(j))
		buf_printf(&b, " (image %.256s%s)", image_of(j), v->creation_count > 1 ? " and more" : "");
	buf_printf(&b, ": %s", answer_word(j->verdict.effect));
	if (j->refused_by_gate)
		buf_printf(&b, ": %.400s", j->answer.text);
	else if (j->verdict.rule)
		buf_printf(&b, " by rule '%.128s'", j->verdict.rule);
	if (!j->refused_by_gate && j->verdict.effect != ACCESS_ALLOW && *j->verdict.reason)
		buf_printf(&b, ": %.256s", j->verdict.reason);
	gate_clean(out);
}

static void report(struct review_job *j)
{
	struct kube_review *v = &j->v;
	char text[1024];

	if (!j->verdict.audit)
		return;
	message(j, text, sizeof(text));
	struct audit a = {.kind = AUDIT_ADMISSION, .rule = (char *)(uintptr_t)(j->refused_by_gate ? NULL : j->verdict.rule),
		.message = text, .revision = j->policy ? j->policy->revision : 0};
	a.command = (struct engine_command){.user = v->user && *v->user ? v->user : NULL, .groups = v->groups, .address = j->address,
		.action = v->action, .target = v->target, .method = v->operation, .path = v->path, .parameters = v->parameters};
	answer_fill(&a, j->verdict.effect, v->action, v->dangerous);
	a.container = (struct container_ref){0};
	a.container.image = (char *)(uintptr_t)image_of(j);
	a.container.namespace_ = v->namespace_;
	a.container.workload = v->workload;
	if (!v->workload)
		a.container.pod = v->name;
	report_audit(j->gate->report, gate_defender(j->gate), &a);
}

/* ---- judging ---- */

static void finish(struct review_job *j)
{
	report(j);
	j->answer.uid = j->v.uid;
	j->fn(j->ctx, &j->answer);
	job_free(j);
}

static void warn(struct review_job *j, const char *text)
{
	struct review_answer *a = &j->answer;

	for (unsigned i = 0; i < a->warning_count; i++)
		if (strcmp(a->warnings[i], text) == 0)
			return;
	if (*text && a->warning_count < WEBHOOK_WARNINGS_MAX)
		snprintf(a->warnings[a->warning_count++], WEBHOOK_WARNING_MAX, "%s", text);
}

static void deny(struct review_job *j, const char *rule, const char *reason)
{
	struct gate_verdict v = {.kind = AUDIT_ADMISSION, .effect = GATE_BLOCK, .rule = rule};

	snprintf(v.reason, sizeof(v.reason), "%s", reason);
	if (!rule)
		snprintf(j->verdict.reason, sizeof(j->verdict.reason), "%s", reason);
	j->verdict.effect = ACCESS_DENY;
	j->verdict.audit = true;
	j->answer.denied = true;
	gate_refusal_text(&v, "command", j->answer.text, sizeof(j->answer.text));
}

/* The first container that is refused decides what is told; each has its own audit. */
static void take_answer(struct review_job *j, const struct judge_answer *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->warnings); i++)
		warn(j, a->warnings[i]);
	if (!a->refused || j->answer.denied)
		return;
	j->verdict.effect = ACCESS_DENY;
	j->verdict.audit = true;
	j->verdict.reason[0] = 0;
	j->refused_by_gate = true;
	j->answer.denied = true;
	snprintf(j->answer.text, sizeof(j->answer.text), "%s", a->text);
}

static void on_creation(void *ctx, const struct judge_answer *a)
{
	struct part *part = ctx;
	struct review_job *j = part->job;

	part->judge = NULL;
	j->waiting--;
	take_answer(j, a);
	if (!j->starting && !j->waiting)
		finish(j);
}

static int on_deadline(void *ctx)
{
	struct review_job *j = ctx;

	if (!j->answer.denied)
		deny(j, NULL, "it could not be judged in time");
	finish(j);
	return 0;
}

static int judge_creations(struct review_job *j)
{
	int r = 0;

	j->starting = true;
	for (uint32_t i = 0; i < j->v.creation_count && r == 0; i++) {
		struct judge_question q = {.creation = &j->v.creations[i], .user = j->v.user};

		j->parts[i].job = j;
		j->waiting++;
		r = judge_start(&j->parts[i].judge, j->gate, &q, on_creation, &j->parts[i]);
	}
	j->starting = false;
	if (r == 0 && j->waiting)
		r = loop_add_timer(j->gate->loop, &j->deadline, WEBHOOK_WAIT_MS, 0, on_deadline, j);
	return r;
}

/* The strongest of what the rules say of each container; of a review without any, of the pod or object. */
static void judge_admission(struct review_job *j)
{
	const struct kube_review *v = &j->v;
	uint32_t n = v->creation_count ? v->creation_count : 1;

	for (uint32_t i = 0; i < n; i++) {
		const struct creation *c = v->creation_count ? &v->creations[i] : NULL;
		struct policy_subject s = {.image = c ? c->image : NULL, .container = c ? c->name : NULL, .labels = &v->labels,
			.namespace_ = v->namespace_, .cluster = j->gate->cluster, .host = j->gate->host};
		struct access_request q = {.user = v->user, .groups = &v->groups, .address = j->address, .action = v->action,
			.read_only = false, .dangerous = v->dangerous, .target = v->target, .image = s.image, .creation = c};
		struct access_verdict now = policy_judge_admission(j->policy, &s, &q);
		char text[WEBHOOK_WARNING_MAX];

		if (now.effect == ACCESS_ALERT) {
			snprintf(text, sizeof(text), "[Seawall] rule '%.128s' warns: %.300s", now.rule, now.reason);
			gate_clean(text);
			warn(j, text);
		}
		if (i == 0 || now.effect > j->verdict.effect)
			j->verdict = now;
	}
	if (j->verdict.effect == ACCESS_DENY)
		deny(j, j->verdict.rule, j->verdict.reason);
}

/* Whether any rule could have said something of a review that nobody can read for sure. */
static bool has_rules(const struct gate *g)
{
	return judge_has_rules(g) || (g->policy && g->policy->admission_count);
}

static int judge(struct review_job *j)
{
	char why[KUBE_WHY_MAX + 64];

	if (j->v.readable) {
		judge_admission(j);
	} else if (has_rules(j->gate) || !j->v.uid || !*j->v.uid) {
		snprintf(why, sizeof(why), "it cannot be judged: %s", j->v.why);
		deny(j, NULL, why);
	} else {
		j->verdict = (struct access_verdict){.effect = ACCESS_ALLOW, .audit = true};
	}
	return j->answer.denied || !j->v.readable || !judge_has_rules(j->gate) ? 0 : judge_creations(j);
}

int review_judge(struct review_job **ret, struct gate *g, const char *address, const char *text, size_t n, review_done_fn *fn, void *ctx)
{
	struct review_job *j = calloc(1, sizeof(*j));

	*ret = NULL;
	if (!j)
		return -ENOMEM;
	*j = (struct review_job){.gate = g, .policy = g->policy ? policy_ref(g->policy) : NULL, .fn = fn, .ctx = ctx};
	j->address = strdup(address);
	int r = j->address ? kube_review_read(&j->v, text, n) : -ENOMEM;
	if (r == 0)
		r = judge(j);
	if (r < 0)
		job_free(j);
	else if (j->waiting)
		*ret = j;
	else
		finish(j);
	return r;
}

struct review_job *review_cancel(struct review_job *j)
{
	if (j)
		job_free(j);
	return NULL;
}
