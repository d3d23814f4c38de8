/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of test cases that are about images, new containers and commands: see cases.h. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/cases_internal.h"
#include "policy/image.h"
#include "policy/suggest.h"

void case_gates_reset(struct gate_case *g)
{
	char *const texts[] = {
		g->image_id, g->user, g->address, g->action, g->target, g->exec_user, g->network};
	struct str_list *const lists[] = {&g->manifests, &g->layers, &g->signers, &g->groups};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		str_list_done(lists[i]);
	creation_done(&g->creation);
	*g = (struct gate_case){0};
}

/* ---- what an image, a command is ---- */

static int set_text(struct runner *r, const struct words *w, char **field, const char *usage)
{
	if (w->count != 2)
		return case_wrong(r, usage, "one word is needed");
	free(*field);
	*field = strdup(w->items[1]); /* "" is a user, too */
	return *field ? 0 : -ENOMEM;
}

static int add_text(struct runner *r, const struct words *w, struct str_list *l, const char *usage)
{
	if (w->count != 2)
		return case_wrong(r, usage, "one word is needed");
	return str_list_add(l, w->items[1]);
}

static int run_id(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.image_id, "id DIGEST");
}

static int run_manifest(struct runner *r, const struct words *w, const char *rest)
{
	return add_text(r, w, &r->gates.manifests, "manifest DIGEST");
}

static int run_layer(struct runner *r, const struct words *w, const char *rest)
{
	return add_text(r, w, &r->gates.layers, "layer DIGEST");
}

static int run_signed(struct runner *r, const struct words *w, const char *rest)
{
	for (uint32_t i = 0; w->count == 2 && i < r->policy->trust_group_count; i++)
		if (strcmp(r->policy->trust_groups[i].name, w->items[1]) == 0)
			return str_list_add(&r->gates.signers, w->items[1]);
	return case_wrong(r, "signed GROUP", "no group of this name: its keys are meant");
}

static int run_user(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.user, "user NAME");
}

static int run_in(struct runner *r, const struct words *w, const char *rest)
{
	return add_text(r, w, &r->gates.groups, "in GROUP");
}

static int run_from(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.address, "from ADDRESS");
}

static int run_target(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.target, "target NAME");
}

static int run_exec_user(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.exec_user, "exec_user NAME");
}

static int run_network(struct runner *r, const struct words *w, const char *rest)
{
	return set_text(r, w, &r->gates.network, "network NAME");
}

static int run_command(struct runner *r, const struct words *w, const char *rest)
{
	static const char usage[] = "command ACTION [read_only|dangerous]";
	struct gate_case *g = &r->gates;
	bool read_only = w->count == 3 && strcmp(w->items[2], "read_only") == 0;
	bool dangerous = w->count == 3 && strcmp(w->items[2], "dangerous") == 0;

	if (w->count < 2 || w->count > 3 || (w->count == 3 && !read_only && !dangerous))
		return case_wrong(r, usage, "bad command");
	g->read_only = read_only;
	g->dangerous = dangerous;
	return str_set(&g->action, w->items[1]);
}

/* ---- what a new container asks for ---- */

enum ask_kind {
	ASK_LIST,   /* one word, appended to a list of the creation */
	ASK_TEXT,   /* one word */
	ASK_NUMBER, /* one number */
	ASK_YES,    /* nothing: the fact is so */
	ASK_NO,	    /* `asks no X`: the fact is not so */
	ASK_OTHER,  /* has a function */
};

static int ask_mount(struct runner *r, const struct words *w);
static int ask_host(struct runner *r, const struct words *w);
static int ask_ulimits(struct runner *r, const struct words *w);

#define OF(member) offsetof(struct creation, member)
static const struct ask {
	const char *name;
	enum ask_kind kind;
	size_t offset;
	int (*run)(struct runner *r, const struct words *w);
} asks[] = {
	{"privileged", ASK_YES, OF(privileged), NULL},
	{"capability", ASK_LIST, OF(capabilities), NULL},
	{"bind", ASK_OTHER, 0, ask_mount},
	{"volume", ASK_OTHER, 0, ask_mount},
	{"device", ASK_LIST, OF(devices), NULL},
	{"host", ASK_OTHER, 0, ask_host},
	{"join", ASK_LIST, OF(joins), NULL},
	{"option", ASK_LIST, OF(security_options), NULL},
	{"sysctl", ASK_LIST, OF(sysctls), NULL},
	{"network", ASK_LIST, OF(networks), NULL},
	{"runtime", ASK_TEXT, OF(runtime), NULL},
	{"user", ASK_TEXT, OF(user), NULL},
	{"restart", ASK_TEXT, OF(restart_policy), NULL},
	{"port", ASK_LIST, OF(ports), NULL},
	{"arg", ASK_LIST, OF(args), NULL},
	{"secret", ASK_LIST, OF(secret_envs), NULL},
	{"memory", ASK_NUMBER, OF(memory), NULL},
	{"pids", ASK_NUMBER, OF(pids), NULL},
	{"cpu_shares", ASK_NUMBER, OF(cpu_shares), NULL},
	{"readonly_root", ASK_YES, OF(readonly_root), NULL},
	{"no_new_privileges", ASK_YES, OF(no_new_privileges), NULL},
	{"seccomp", ASK_NO, OF(seccomp), NULL},
	{"apparmor", ASK_NO, OF(apparmor), NULL},
	{"selinux", ASK_NO, OF(selinux), NULL},
	{"healthcheck", ASK_NO, OF(healthcheck), NULL},
	{"ulimits", ASK_OTHER, 0, ask_ulimits},
};

static const char asks_usage[] = "asks WHAT [VALUE], or asks no seccomp|apparmor|selinux|healthcheck";

/* asks bind PATH [WHERE IT LEADS] [ro]; asks volume NAME */
static int ask_mount(struct runner *r, const struct words *w)
{
	bool bind = strcmp(w->items[1], "bind") == 0;
	bool readonly = w->count > 3 && strcmp(w->items[w->count - 1], "ro") == 0;
	uint32_t count = w->count - readonly;

	if (count < 3 || count > 4u - !bind)
		return case_wrong(r, "asks bind PATH [RESOLVED] [ro], or asks volume NAME", "bad mount");
	if (r->gates.creation.mount_count == CREATION_MOUNTS_MAX)
		return case_wrong(r, "at most 256", "too many mounts");
	struct mount_fact *m = creation_add_mount(&r->gates.creation);
	if (!m)
		return -ENOMEM;
	m->kind = bind ? MOUNT_BIND : MOUNT_VOLUME;
	m->readonly = readonly;
	int e = str_set(&m->source, w->items[2]);
	return e == 0 && count == 4 ? str_set(&m->resolved, w->items[3]) : e;
}

static int ask_host(struct runner *r, const struct words *w)
{
	int bit = w->count == 3 ? enum_from_name(&host_namespace_names, w->items[2]) : -1;

	if (bit < 0)
		return case_wrong(r, "asks host network|pid|ipc|uts|user|cgroup", "unknown namespace");
	r->gates.creation.host_namespaces |= 1u << bit;
	return 0;
}

static int ask_ulimits(struct runner *r, const struct words *w)
{
	r->gates.creation.ulimits = true;
	return 0;
}

static int take_ask(struct runner *r, const struct ask *a, const struct words *w)
{
	char *target = (char *)&r->gates.creation + a->offset;
	uint64_t number;

	if (a->kind == ASK_OTHER)
		return a->run(r, w);
	if (a->kind == ASK_YES || a->kind == ASK_NO) {
		*(enum fact *)(void *)target = a->kind == ASK_YES ? FACT_YES : FACT_NO;
		return 0;
	}
	if (w->count != 3)
		return case_wrong(r, asks_usage, "one value is needed");
	if (a->kind == ASK_LIST)
		return str_list_add((struct str_list *)(void *)target, w->items[2]);
	if (a->kind == ASK_TEXT)
		return str_set((char **)(void *)target, w->items[2]);
	if (parse_u64(w->items[2], 0, INT64_MAX, &number) < 0)
		return case_wrong(r, asks_usage, "a number is needed");
	*(int64_t *)(void *)target = (int64_t)number;
	return 0;
}

static int run_asks(struct runner *r, const struct words *w, const char *rest)
{
	bool no = w->count == 3 && strcmp(w->items[1], "no") == 0;
	const char *name = w->count < 2 ? "" : w->items[no ? 2 : 1];
	struct suggestion near = SUGGESTION(name);

	r->gates.asked = true;
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		if (strcmp(asks[i].name, name) == 0 && (asks[i].kind == ASK_NO) == no)
			return take_ask(r, &asks[i], w);
		suggestion_offer(&near, asks[i].name);
	}
	return case_wrong(r, near.best ? near.best : asks_usage, "unknown thing to ask for");
}

const struct verb case_gate_verbs[] = {
	{.name = "id", .run = run_id, .usage = "id DIGEST"},
	{.name = "manifest", .run = run_manifest, .usage = "manifest DIGEST"},
	{.name = "layer", .run = run_layer, .usage = "layer DIGEST"},
	{.name = "signed", .run = run_signed, .usage = "signed GROUP"},
	{.name = "asks", .run = run_asks, .usage = asks_usage},
	{.name = "user", .run = run_user, .usage = "user NAME"},
	{.name = "in", .run = run_in, .usage = "in GROUP"},
	{.name = "from", .run = run_from, .usage = "from ADDRESS"},
	{.name = "target", .run = run_target, .usage = "target NAME"},
	{.name = "exec_user", .run = run_exec_user, .usage = "exec_user NAME"},
	{.name = "network", .run = run_network, .usage = "network NAME"},
	{.name = "command", .run = run_command, .usage = "command ACTION [read_only|dangerous]"},
};
const size_t case_gate_verb_count = ARRAY_SIZE(case_gate_verbs);

/* ---- what is expected ---- */

/* Signed by the keys of the groups that the case named. */
static bool is_signed(void *ctx, const char *key_pem, const struct image_facts *image)
{
	const struct runner *r = ctx;

	for (uint32_t i = 0; i < r->policy->trust_group_count; i++) {
		const struct trust_group *g = &r->policy->trust_groups[i];

		for (uint32_t k = 0; k < r->gates.signers.count; k++)
			for (uint32_t n = 0; n < g->keys.count; n++)
				if (strcmp(g->name, r->gates.signers.items[k]) == 0 &&
					strcmp(g->keys.items[n], key_pem) == 0)
					return true;
	}
	return false;
}

/* The present image; its canonical name goes into `name`. */
static struct image_facts facts(struct runner *r, char *name, size_t size)
{
	const struct gate_case *g = &r->gates;

	name[0] = 0;
	if (r->texts[SCOPE_IMAGES][0])
		image_canonical(r->texts[SCOPE_IMAGES], name, size);
	return (struct image_facts){.name = name[0] ? name : NULL,
		.id = g->image_id,
		.repo_digests = &g->manifests,
		.layers = g->layers.count ? &g->layers : NULL,
		.signed_by = is_signed,
		.ctx = r};
}

/* `expect AREA EFFECT [RULE]`, `expect AREA nothing`. */
static int expect_effect(struct runner *r, const struct words *w, const struct enum_names *names, int effect,
	const char *rule)
{
	char got[256], expected[512];
	int wanted = w->count >= 3 ? enum_from_name(names, w->items[2]) : -1;
	bool nothing = w->count == 3 && strcmp(w->items[2], "nothing") == 0;

	snprintf(got, sizeof(got), "%s by rule '%.64s' (%.120s)", enum_name(names, effect), rule ? rule : "",
		r->gates.reason);
	if (!rule)
		snprintf(got, sizeof(got), "nothing");
	if ((wanted < 0 && !nothing) || w->count > 4)
		return case_wrong(r, names == &access_effect_names
					     ? "expect access allow|alert|deny [RULE], or expect access nothing"
					     : "expect trust|compliance ignore|alert|block [RULE], or ... nothing",
			"bad expectation");
	snprintf(expected, sizeof(expected), "%.32s %.32s%s%.160s", w->items[1], w->items[2],
		w->count == 4 ? " by rule " : "", w->count == 4 ? w->items[3] : "");
	case_expectation(r,
		nothing ? !rule : rule && wanted == effect && (w->count < 4 || strcmp(rule, w->items[3]) == 0),
		expected, got);
	return 0;
}

static int take_verdict(struct runner *r, const struct words *w, const struct gate_verdict *v)
{
	snprintf(r->gates.reason, sizeof(r->gates.reason), "%s", v->reason);
	return expect_effect(r, w, &gate_effect_names, (int)v->effect, v->rule);
}

static int expect_trust(struct runner *r, const struct words *w)
{
	char name[IMAGE_NAME_MAX];
	struct policy_subject s = case_subject(r);
	struct image_facts image = facts(r, name, sizeof(name));
	struct gate_verdict v = policy_judge_trust(r->policy, &s, &image);

	return take_verdict(r, w, &v);
}

static int expect_compliance(struct runner *r, const struct words *w)
{
	struct policy_subject s = case_subject(r);
	struct gate_verdict v = policy_judge_compliance(r->policy, &s, &r->gates.creation, NULL, NULL);

	return take_verdict(r, w, &v);
}

static int expect_access(struct runner *r, const struct words *w)
{
	struct gate_case *g = &r->gates;
	char image[IMAGE_NAME_MAX] = "";

	if (!g->action)
		return case_wrong(r, "command ACTION before it", "no command was given");
	if (r->texts[SCOPE_IMAGES][0])
		image_canonical(r->texts[SCOPE_IMAGES], image, sizeof(image));
	struct access_request q = {.user = g->user,
		.groups = &g->groups,
		.address = g->address,
		.action = g->action,
		.read_only = g->read_only,
		.dangerous = g->dangerous,
		.target = g->target,
		.image = image[0] ? image : NULL,
		.exec_user = g->exec_user,
		.network = g->network,
		.creation = g->asked ? &g->creation : NULL};
	struct access_verdict v = policy_judge_access(r->policy, &q);
	g->audited = v.audit;
	snprintf(g->reason, sizeof(g->reason), "%s", v.reason);
	return expect_effect(r, w, &access_effect_names, (int)v.effect, v.rule);
}

/* The first group, of all, that the image is in. */
static int expect_group(struct runner *r, const char *wanted)
{
	char name[IMAGE_NAME_MAX], expected[192];
	struct image_facts image = facts(r, name, sizeof(name));
	int group = -1;

	for (uint32_t i = 0; group < 0 && i < r->policy->trust_group_count; i++)
		group = policy_trust_group(r->policy, &i, 1, &image);
	const char *got = group < 0 ? "no group" : r->policy->trust_groups[group].name;
	snprintf(expected, sizeof(expected), wanted ? "group '%.160s'" : "no group", wanted);
	case_expectation(r, wanted ? group >= 0 && strcmp(got, wanted) == 0 : group < 0, expected, got);
	return 0;
}

static int expect_check(struct runner *r, const char *id, bool fails)
{
	const struct compliance_check *check = compliance_check(id);
	char why[256] = "passed", expected[192];

	if (!check || !check->fails)
		return case_wrong(r, "the name of a check of containers", "unknown check");
	bool failed = check->fails(&r->gates.creation, why, sizeof(why));
	snprintf(expected, sizeof(expected), "%s to be %s", check->id, fails ? "failed" : "passed");
	case_expectation(r, failed == fails, expected, why);
	return 0;
}

int case_gate_expect(struct runner *r, const struct words *w, const char *rest)
{
	bool no = w->count >= 3 && (strcmp(w->items[1], "no") == 0 || strcmp(w->items[1], "not") == 0);
	const char *what = w->count < 2 ? "" : w->items[no ? 2 : 1];
	const char *value = w->count == (no ? 4 : 3) ? w->items[w->count - 1] : NULL;

	if (strcmp(what, "trust") == 0 && !no)
		return expect_trust(r, w);
	if (strcmp(what, "compliance") == 0 && !no)
		return expect_compliance(r, w);
	if (strcmp(what, "access") == 0 && !no)
		return expect_access(r, w);
	if (strcmp(what, "group") == 0 && no == !value)
		return expect_group(r, value);
	if (strcmp(what, "check") == 0 && value)
		return expect_check(r, value, !no);
	if (strcmp(what, "audited") == 0 && !value) {
		case_expectation(r, r->gates.audited != no, rest, r->gates.audited ? "audited" : "not audited");
		return 0;
	}
	if (strcmp(what, "reason") == 0 && !no && value) {
		case_expectation(r, strstr(r->gates.reason, value) != NULL, rest, r->gates.reason);
		return 0;
	}
	return 1;
}
