/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, judging and recording of one command: see commands.h. */
#include "gate/commands.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "gate/answer.h"
#include "gate/judge.h"
#include "gate/report.h"

struct command_job {
	struct gate *gate;
	struct policy *policy; /* that it is judged by: the verdict borrows from it */
	command_done_fn *fn;
	void *ctx;
	struct command_facts facts;
	char *user, *address, *method;
	struct str_list groups;
	char container[257]; /* whose prepared process it is; "" = it is not about one that is known */
	bool closed;
	struct access_verdict verdict;
	struct command_answer answer;
	struct judge_job *creation;
	bool refused_by_gate; /* not by an access rule: that gate has its own audit */
	bool starting, judged; /* the answer came from inside judge_start() */
};

/* ---- prepared processes ---- */

static const char *container_of_exec(const struct gate *g, const struct command_facts *f)
{
	if (!f->target || strncmp(f->action->path, "/exec/", 6) != 0)
		return NULL;
	for (size_t i = 0; i < GATE_EXECS_MAX; i++)
		if (g->execs[i].exec[0] && strcmp(g->execs[i].exec, f->target) == 0)
			return g->execs[i].container;
	return NULL;
}

void commands_answered(struct gate *g, const char *method, const char *uri, const char *body, size_t size)
{
	const struct command_input in = {.mode = COMMAND_AUTHZ, .method = method, .uri = uri, .body = ""};
	const struct command_action *action = NULL;
	CLEANUP(json_free) struct json *root = NULL;
	struct command_facts f;
	char why[256];

	if (command_find(&action, method, uri, why, sizeof(why)) < 0 || strcmp(action->name, "container_exec_create") != 0 ||
		json_parse(&root, body, size, NULL) < 0 || command_read(&f, &in) < 0)
		return;
	const char *id = json_get_str(root, "Id", "");
	struct known_exec *e = &g->execs[g->next_exec];
	if (*id && strlen(id) < sizeof(e->exec) && f.target && strlen(f.target) < sizeof(e->container)) {
		strcpy(e->exec, id);
		strcpy(e->container, f.target);
		g->next_exec = (g->next_exec + 1) % GATE_EXECS_MAX;
	}
	command_facts_done(&f);
}

/* What the command is about: of a prepared process, its container. */
static const char *target_of(const struct command_job *j)
{
	return *j->container ? j->container : j->facts.target;
}

static void job_free(struct command_job *j)
{
	judge_cancel(j->creation);
	policy_unref(j->policy);
	command_facts_done(&j->facts);
	free(j->user);
	free(j->address);
	free(j->method);
	str_list_done(&j->groups);
	free(j);
}

/* ---- the record ---- */

static void message(const struct command_job *j, char *out, size_t size)
{
	struct buf b = BUF_FIXED((uint8_t *)out, size);
	const struct command_facts *f = &j->facts;
	const struct container *c = target_of(j) ? gate_container(j->gate, target_of(j)) : NULL;
	const char *target = c && c->name ? c->name : target_of(j);

	buf_printf(&b, "%.64s%s%.64s", *j->user ? j->user : "the local socket", *j->address ? " from " : "", j->address);
	buf_printf(&b, ": %s", f->action->name);
	if (target)
		buf_printf(&b, " %.128s", target);
	if (f->image)
		buf_printf(&b, " (image %.256s)", f->image);
	buf_printf(&b, ": %s", answer_word(j->verdict.effect));
	if (j->refused_by_gate)
		buf_puts(&b, " by the gate of what is created");
	else if (j->verdict.rule)
		buf_printf(&b, " by rule '%.128s'", j->verdict.rule);
	if (j->verdict.effect != ACCESS_ALLOW && *j->verdict.reason)
		buf_printf(&b, ": %.256s", j->verdict.reason);
	gate_clean(out);
}

/* Clients look all the time: who does so, how, and how often is told; what at, only if a rule says `all`. */
static bool is_counted(const struct command_job *j)
{
	return j->verdict.counted && j->verdict.effect == ACCESS_ALLOW && (j->facts.action->flags & COMMAND_READ_ONLY);
}

/* Without all by which the same look at another thing would be another record: the Defender adds them up. */
static void report_counted(const struct command_job *j)
{
	const char *action = j->facts.action->name;
	char text[512];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
	struct audit a = {.kind = AUDIT_ACCESS, .rule = (char *)(uintptr_t)j->verdict.rule, .message = text,
		.revision = j->policy ? j->policy->revision : 0};

	buf_printf(&b, "%.64s%s%.64s: %s: allowed", *j->user ? j->user : "the local socket", *j->address ? " from " : "", j->address, action);
	if (j->verdict.rule)
		buf_printf(&b, " by rule '%.128s'", j->verdict.rule);
	gate_clean(text);
	a.command = (struct engine_command){.user = *j->user ? j->user : NULL, .groups = j->groups,
		.address = *j->address ? j->address : NULL, .action = (char *)(uintptr_t)action, .method = j->method};
	answer_fill(&a, ACCESS_ALLOW, action, false);
	report_audit(j->gate->report, gate_defender(j->gate), &a);
}

static void report(const struct command_job *j)
{
	const struct command_facts *f = &j->facts;
	char text[1024];

	if (!j->verdict.audit)
		return;
	if (is_counted(j)) {
		report_counted(j);
		return;
	}
	message(j, text, sizeof(text));
	struct audit a = {.kind = AUDIT_ACCESS, .rule = (char *)(uintptr_t)j->verdict.rule, .message = text,
		.revision = j->policy ? j->policy->revision : 0};
	a.command = (struct engine_command){.user = *j->user ? j->user : NULL, .groups = j->groups,
		.address = *j->address ? j->address : NULL, .action = (char *)(uintptr_t)f->action->name, .target = (char *)(uintptr_t)target_of(j),
		.method = j->method, .path = f->path, .parameters = f->parameters};
	answer_fill(&a, j->verdict.effect, f->action->name, f->action->flags & COMMAND_DANGEROUS);
	a.container.image = f->image;
	const struct container *c = target_of(j) ? gate_container(j->gate, target_of(j)) : NULL;
	if (c) {
		a.container.id = c->id;
		a.container.name = c->name;
		a.container.image = c->image;
		a.container.digest = c->digest;
	} else if (*j->container) {
		a.container.name = (char *)(uintptr_t)j->container;
	} else if (f->has_creation) {
		a.container.name = f->creation.name;
	}
	report_audit(j->gate->report, gate_defender(j->gate), &a);
}

/* ---- judging ---- */

static void finish(struct command_job *j)
{
	report(j);
	j->answer.hijacks = j->facts.action->flags & COMMAND_HIJACKS;
	j->fn(j->ctx, &j->answer);
	job_free(j);
}

static void deny(struct command_job *j, const char *rule, const char *reason)
{
	struct gate_verdict v = {.kind = AUDIT_ACCESS, .effect = GATE_BLOCK, .rule = rule};

	snprintf(v.reason, sizeof(v.reason), "%s", reason);
	if (!rule)
		snprintf(j->verdict.reason, sizeof(j->verdict.reason), "%s", reason);
	j->verdict.effect = ACCESS_DENY;
	j->verdict.audit = true;
	j->answer.denied = true;
	if (rule)
		gate_refusal_text(&v, "command", j->answer.text, sizeof(j->answer.text));
	else
		snprintf(j->answer.text, sizeof(j->answer.text), "[Seawall] command blocked: %s", v.reason);
	gate_clean(j->answer.text);
}

static void on_creation(void *ctx, const struct judge_answer *a)
{
	struct command_job *j = ctx;

	j->creation = NULL;
	if (a->refused) { /* its own audit says why; this one, that the command was not carried out */
		j->verdict.effect = ACCESS_DENY;
		j->verdict.audit = true;
		j->answer.denied = true;
		j->refused_by_gate = true;
		j->verdict.reason[0] = 0;
		snprintf(j->answer.text, sizeof(j->answer.text), "%s", a->text);
	}
	j->judged = true;
	if (!j->starting)
		finish(j);
}

static bool is(const struct command_job *j, const char *action)
{
	return strcmp(j->facts.action->name, action) == 0;
}

/* What is created or pulled has its own gates. An exec creates nothing. */
static bool wants_creation(const struct command_job *j)
{
	return is(j, "container_create") || is(j, "service_create") || is(j, "service_update") || is(j, "image_create");
}

static int judge_creation_of(struct command_job *j)
{
	struct judge_question q = {.creation = j->facts.has_creation ? &j->facts.creation : NULL, .image = j->facts.image,
		.user = *j->user ? j->user : NULL};
	j->starting = true;
	int r = judge_start(&j->creation, j->gate, &q, on_creation, j);
	j->starting = false;
	return r;
}

/* Whether any rule could have said something of a request that nobody can read for sure. */
static bool has_rules(const struct gate *g)
{
	return judge_has_rules(g) || (g->policy && g->policy->access_count);
}

static void judge_access(struct command_job *j)
{
	struct access_request q = {0};

	command_request(&j->facts, &q);
	const char *container = container_of_exec(j->gate, &j->facts);
	if (container)
		snprintf(j->container, sizeof(j->container), "%s", container);
	const struct container *c = target_of(j) ? gate_container(j->gate, target_of(j)) : NULL;
	q.target_too = c && c->name ? c->name : *j->container ? j->container : NULL;
	q.user = j->user;
	q.groups = &j->groups;
	q.address = j->address;
	j->verdict = policy_judge_access(j->policy, &q);
	if (!j->facts.readable && has_rules(j->gate)) {
		char why[300];
		snprintf(why, sizeof(why), "it cannot be judged: %s", j->facts.why);
		deny(j, NULL, why);
	} else if (j->verdict.effect == ACCESS_DENY) {
		deny(j, j->verdict.rule, j->verdict.reason);
	} else if (j->closed && j->facts.action == &command_unknown && !j->verdict.rule) {
		deny(j, NULL, "this endpoint of the engine is not known, and no rule allows it");
	}
}

static int take_asker(struct command_job *j, const struct command_asker *who, const struct command_input *in)
{
	int r = 0;

	j->user = strdup(who->user);
	j->address = strdup(who->address);
	j->method = strdup(in->method);
	j->closed = who->closed;
	for (uint32_t i = 0; who->groups && i < who->groups->count && r == 0; i++)
		r = str_list_add(&j->groups, who->groups->items[i]);
	return r < 0 || !j->user || !j->address || !j->method ? -ENOMEM : 0;
}

int commands_judge(struct command_job **ret, struct gate *g, const struct command_asker *who,
	const struct command_input *in, command_done_fn *fn, void *ctx)
{
	struct command_job *j = calloc(1, sizeof(*j));

	*ret = NULL;
	if (!j)
		return -ENOMEM;
	*j = (struct command_job){.gate = g, .policy = g->policy ? policy_ref(g->policy) : NULL, .fn = fn, .ctx = ctx};
	int r = take_asker(j, who, in);
	if (r == 0)
		r = command_read(&j->facts, in);
	if (r < 0) {
		job_free(j);
		return r;
	}
	judge_access(j);
	if (j->answer.denied || !wants_creation(j) || !judge_has_rules(g)) {
		finish(j);
		return 0;
	}
	r = judge_creation_of(j);
	if (r < 0)
		job_free(j);
	else if (j->judged)
		finish(j);
	else
		*ret = j;
	return r;
}

struct command_job *commands_cancel(struct command_job *j)
{
	if (j)
		job_free(j);
	return NULL;
}
