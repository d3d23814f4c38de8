/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access rules: who may do what with the engine. A condition of `when` speaks of what is asked for.
 * Rules that alert or deny are met by one fitting thing among many, and see through it: a privileged
 * container has every capability and device, a mounted folder all that is in it. Rules that allow
 * are met only if everything of that kind fits, so that none allows more than it says.
 */
#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"
#include "policy/bind.h"
#include "policy/compliance_fails.h"
#include "policy/gates.h"

#define VALUE_MAX 1024

struct question {
	const struct access_request *q;
	bool all;	/* the rule allows: all that is asked for must fit */
	struct buf said; /* which conditions are met */
};

static void say(struct question *a, const char *what, const char *value)
{
	buf_printf(&a->said, "%s%s%s%.200s", a->said.len ? "; " : "", what, value ? " " : "", value ? value : "");
}

/* ---- one pattern and one thing asked for ---- */

typedef bool fits_fn(const char *pattern, const char *asked, bool all);

static bool fits_plain(const char *pattern, const char *asked, bool all)
{
	return pattern_match(pattern, asked, false);
}

static bool fits_capability(const char *pattern, const char *asked, bool all)
{
	if (strncasecmp(asked, "CAP_", 4) == 0)
		asked += 4;
	return strcmp(pattern, "*") == 0 || strcasecmp(pattern, asked) == 0 ||
	       (!all && strcasecmp(asked, "ALL") == 0);
}

/* A cgroup rule opens devices by number: it can be any of them. */
static bool fits_device(const char *pattern, const char *asked, bool all)
{
	return pattern_match(pattern, asked, false) || (!all && str_has_prefix(asked, "rule:"));
}

/* "seccomp:unconfined" is the old way to write "seccomp=unconfined". */
static const char *option(const char *text, char *out, size_t size)
{
	snprintf(out, size, "%s", text);
	char *colon = strchr(out, ':');
	if (colon && !strchr(out, '='))
		*colon = '=';
	return out;
}

static bool fits_option(const char *pattern, const char *asked, bool all)
{
	char p[VALUE_MAX], a[VALUE_MAX];

	return pattern_match(option(pattern, p, sizeof(p)), option(asked, a, sizeof(a)), true);
}

/* By "key=value" or by the key alone; "/" for "." as sysctl takes it. */
static bool fits_sysctl(const char *pattern, const char *asked, bool all)
{
	char text[VALUE_MAX];

	snprintf(text, sizeof(text), "%s", asked);
	size_t key = strcspn(text, "=");
	for (size_t i = 0; i < key; i++)
		if (text[i] == '/')
			text[i] = '.';
	if (pattern_match(pattern, text, false))
		return true;
	text[key] = 0;
	return pattern_match(pattern, text, false);
}

/* "root" is 0 too, and a user is meant with whatever group; but who is allowed to be a user is not
 * allowed to choose a group with it. */
static bool fits_user(const char *pattern, const char *asked, bool all)
{
	char user[VALUE_MAX];
	size_t n = strcspn(asked, ":");

	if (!*pattern || !*asked)
		return !*pattern == !*asked || strcmp(pattern, "*") == 0;
	if (pattern_match(pattern, asked, false))
		return true;
	if (all && asked[n] && !user_is_root(asked))
		return false;
	snprintf(user, sizeof(user), "%.*s", (int)(n < sizeof(user) ? n : sizeof(user) - 1), asked);
	return pattern_match(pattern, user, false) || (user_is_root(pattern) && user_is_root(asked));
}

/* ---- lists ---- */

static bool fits_one(const struct str_list *patterns, const char *asked, fits_fn *fits, bool all)
{
	for (uint32_t i = 0; i < patterns->count; i++)
		if (fits(patterns->items[i], asked, all))
			return true;
	return false;
}

/* One of the things asked for fits, or all of them; none asked for is never met. */
static const char *one_or_all(struct question *a, const struct str_list *patterns,
	const struct str_list *asked, fits_fn *fits)
{
	const char *met = NULL;

	for (uint32_t i = 0; i < asked->count; i++) {
		bool hit = fits_one(patterns, asked->items[i], fits, a->all);

		if (hit && !met)
			met = asked->items[i];
		if (hit && !a->all)
			return met;
		if (!hit && a->all)
			return NULL;
	}
	return met;
}

static bool given(const struct str_list *l)
{
	return l->count > 0;
}

/* A privileged container has every capability and device: to allow those is not to allow that. */
static bool meets_privilege(struct question *a, const char *what, const struct str_list *patterns,
	const struct str_list *asked, fits_fn *fits)
{
	const char *met = one_or_all(a, patterns, asked, fits);

	if (a->q->creation->privileged == FACT_YES) {
		if (a->all)
			return false;
		if (!met)
			met = "of a privileged container";
	}
	if (met)
		say(a, what, met);
	return met != NULL;
}

static bool meets_list(struct question *a, const char *what, const struct str_list *patterns,
	const struct str_list *asked, fits_fn *fits)
{
	const char *met = one_or_all(a, patterns, asked, fits);

	if (met)
		say(a, what, met);
	return met != NULL;
}

static bool meets_text(struct question *a, const char *what, const struct str_list *patterns,
	const char *asked, fits_fn *fits)
{
	char *item = (char *)(uintptr_t)asked;

	return asked && meets_list(a, what, patterns, &(struct str_list){&item, 1}, fits);
}

/* ---- the conditions that are no lists of texts ---- */

static bool bind_fits(const struct str_list *patterns, const struct mount_fact *m, bool all)
{
	for (uint32_t i = 0; i < patterns->count; i++)
		if (all ? mount_within(patterns->items[i], m) : mount_reaches(patterns->items[i], m))
			return true;
	return false;
}

static bool meets_binds(struct question *a, const struct str_list *patterns)
{
	const struct creation *c = a->q->creation;
	const char *met = NULL;

	for (uint32_t i = 0; i < c->mount_count; i++) {
		if (c->mounts[i].kind != MOUNT_BIND)
			continue;
		bool hit = bind_fits(patterns, &c->mounts[i], a->all);

		if (!hit && a->all)
			return false;
		if (hit && !met)
			met = c->mounts[i].source ? c->mounts[i].source : c->mounts[i].resolved;
	}
	if (met)
		say(a, "bind", met);
	return met != NULL;
}

static bool meets_volumes(struct question *a, const struct str_list *patterns)
{
	const struct creation *c = a->q->creation;
	const char *met = NULL;

	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct mount_fact *m = &c->mounts[i];

		if (m->kind != MOUNT_VOLUME)
			continue;
		bool hit = fits_one(patterns, m->source ? m->source : "", fits_plain, a->all);
		if (!hit && a->all)
			return false;
		if (hit && !met)
			met = m->source ? m->source : "without a name";
	}
	if (met)
		say(a, "volume", met);
	return met != NULL;
}

static bool meets_networks(struct question *a, const struct str_list *patterns)
{
	static const struct str_list nothing;
	const struct str_list *of_creation = a->q->creation ? &a->q->creation->networks : &nothing;
	const char *met = one_or_all(a, patterns, of_creation, fits_plain);
	bool named = a->q->network && *a->q->network;
	bool fits = named && fits_one(patterns, a->q->network, fits_plain, a->all);

	if (a->all && ((named && !fits) || (of_creation->count && !met)))
		return false;
	if (!met && fits)
		met = a->q->network;
	if (met)
		say(a, "network", met);
	return met != NULL;
}

static bool meets_namespaces(struct question *a, unsigned wanted)
{
	unsigned asked = a->q->creation->host_namespaces & ~(unsigned)HOST_MOUNT;
	unsigned met = asked & wanted;

	if (!met || (a->all && asked != met))
		return false;
	for (int i = 0; i < host_namespace_names.count; i++)
		if (met & 1u << i)
			say(a, "host namespace", host_namespace_names.names[i]);
	return true;
}

static bool meets_image(struct question *a, const struct scope_list *images)
{
	const struct access_request *q = a->q;
	const char *image = q->image ? q->image : q->creation ? q->creation->image : NULL;

	if (!image || !*image || !policy_image_in(images, image))
		return false;
	say(a, "image", image);
	return true;
}

static bool meets_address(struct question *a, const struct address_list *l)
{
	uint8_t address[16], prefix;

	if (!a->q->address || strchr(a->q->address, '/') || parse_cidr(a->q->address, address, &prefix) < 0)
		return false;
	for (uint32_t i = 0; i < l->count; i++) {
		if (!address_range_holds(&l->items[i], address))
			continue;
		say(a, "from", a->q->address);
		return true;
	}
	return false;
}

/* By any of its names: they are one thing. */
static bool meets_target(struct question *a, const struct str_list *patterns)
{
	const struct access_request *q = a->q;

	return meets_text(a, "target", patterns, q->target, fits_plain) ||
	       meets_text(a, "target", patterns, q->target_too, fits_plain);
}

/* ---- all conditions of a rule ---- */

/* Conditions about a container: none is met by a command that asks for none. */
static bool meets_creation(struct question *a, const struct access_when *w)
{
	const struct creation *c = a->q->creation;
	bool asks = w->privileged != FACT_UNKNOWN || w->host_namespaces || given(&w->capabilities) ||
		    given(&w->binds) || given(&w->volumes) || given(&w->devices) ||
		    given(&w->security_options) || given(&w->sysctls) || given(&w->runtimes) ||
		    given(&w->joins);

	if (!asks)
		return true;
	if (!c)
		return false;
	if (w->privileged != FACT_UNKNOWN) {
		if ((w->privileged == FACT_YES) != (c->privileged == FACT_YES))
			return false;
		say(a, w->privileged == FACT_YES ? "privileged" : "not privileged", NULL);
	}
	return (!given(&w->capabilities) ||
		       meets_privilege(a, "capability", &w->capabilities, &c->capabilities, fits_capability)) &&
	       (!given(&w->binds) || meets_binds(a, &w->binds)) &&
	       (!given(&w->volumes) || meets_volumes(a, &w->volumes)) &&
	       (!given(&w->devices) || meets_privilege(a, "device", &w->devices, &c->devices, fits_device)) &&
	       (!w->host_namespaces || meets_namespaces(a, w->host_namespaces)) &&
	       (!given(&w->joins) || meets_list(a, "joins", &w->joins, &c->joins, fits_plain)) &&
	       (!given(&w->security_options) ||
		       meets_list(a, "security option", &w->security_options, &c->security_options, fits_option)) &&
	       (!given(&w->sysctls) || meets_list(a, "sysctl", &w->sysctls, &c->sysctls, fits_sysctl)) &&
	       (!given(&w->runtimes) || meets_text(a, "runtime", &w->runtimes, c->runtime, fits_plain));
}

static bool meets_when(struct question *a, const struct access_when *w)
{
	const struct access_request *q = a->q;

	return meets_creation(a, w) && (!given(&w->networks) || meets_networks(a, &w->networks)) &&
	       (!w->images.count || meets_image(a, &w->images)) &&
	       (!given(&w->exec_users) || meets_text(a, "user", &w->exec_users, q->exec_user, fits_user)) &&
	       (!given(&w->targets) || meets_target(a, &w->targets)) &&
	       (!w->addresses.count || meets_address(a, &w->addresses));
}

static const char *user_of(const struct access_request *q)
{
	return q->user ? q->user : "";
}

static bool is_one_of(const struct str_list *patterns, const char *text)
{
	for (uint32_t i = 0; i < patterns->count; i++) {
		const char *p = patterns->items[i];

		if (*p ? pattern_match(p, text, false) : !*text)
			return true;
	}
	return false;
}

static bool group_matches(const struct str_list *patterns, const struct str_list *groups)
{
	for (uint32_t i = 0; groups && i < groups->count; i++)
		if (is_one_of(patterns, groups->items[i]))
			return true;
	return false;
}

static bool action_matches(const struct str_list *patterns, const struct access_request *q)
{
	for (uint32_t i = 0; i < patterns->count; i++) {
		const char *p = patterns->items[i];

		if ((strcmp(p, "read_only") == 0 && q->read_only) ||
			(strcmp(p, "dangerous") == 0 && q->dangerous) ||
			(q->action && pattern_match(p, q->action, false)))
			return true;
	}
	return false;
}

static bool rule_matches(const struct access_rule *r, struct question *a)
{
	const struct access_request *q = a->q;

	a->all = r->effect == ACCESS_ALLOW;
	buf_reset(&a->said);
	return !r->disabled && (!r->users.count || is_one_of(&r->users, user_of(q))) &&
	       (!r->groups.count || group_matches(&r->groups, q->groups)) &&
	       (!r->actions.count || action_matches(&r->actions, q)) && meets_when(a, &r->when);
}

/* Whether a build can meet the rule's conditions at all, and this one might. */
static bool build_may_meet(struct question *a, const struct access_rule *r)
{
	const struct access_when *w = &r->when;
	bool of_build = given(&w->networks) || w->images.count || given(&w->targets);
	bool of_others = w->privileged != FACT_UNKNOWN || w->host_namespaces || given(&w->capabilities) || given(&w->binds) ||
			 given(&w->volumes) || given(&w->devices) || given(&w->security_options) || given(&w->sysctls) ||
			 given(&w->runtimes) || given(&w->joins) || given(&w->exec_users) ||
			 (given(&w->targets) && !r->actions.count); /* of everything: containers are meant */

	if (of_others || (w->addresses.count && !meets_address(a, &w->addresses)))
		return false;
	if (of_build)
		say(a, "what it builds is not seen, and there are conditions on it", NULL);
	return true;
}

/* A rule against builds is one against what may hide them. */
static bool rule_matches_hidden(const struct access_rule *r, struct question *a)
{
	static const struct access_request build = {.action = "image_build"};
	const struct access_request *q = a->q;

	buf_reset(&a->said);
	return q->hides_builds && r->effect != ACCESS_ALLOW && !r->disabled && (!r->users.count || is_one_of(&r->users, user_of(q))) &&
	       (!r->groups.count || group_matches(&r->groups, q->groups)) &&
	       (!r->actions.count || action_matches(&r->actions, &build)) && build_may_meet(a, r);
}

static bool audited(const struct access_rule *r)
{
	return r->effect == ACCESS_ALERT || r->audit == ACCESS_AUDIT_ALL || r->audit == ACCESS_AUDIT_COUNTED ||
	       (r->audit == ACCESS_AUDIT_DENIED && r->effect == ACCESS_DENY);
}

static void say_reason(struct access_verdict *v, const struct access_rule *r, const struct question *a)
{
	const char *user = user_of(a->q);

	if (r->message)
		snprintf(v->reason, sizeof(v->reason), "%s", r->message);
	else
		snprintf(v->reason, sizeof(v->reason), "%s%.64s%s%.64s%s%.300s", *user ? "user " : "", user,
			*user ? ", " : "", a->q->action ? a->q->action : "unknown", a->said.len ? ": " : "",
			a->said.len ? (const char *)a->said.data : "");
	gate_clean(v->reason);
}

/* s: whom rules with a scope are asked about; NULL: these have none. */
static struct access_verdict judge(const struct policy *p, const struct access_rule *rules, uint32_t count,
	const struct policy_subject *s, const struct access_request *q)
{
	char said[512] = "";
	struct question a = {.q = q, .said = BUF_FIXED((uint8_t *)said, sizeof(said))};

	for (uint32_t i = 0; p && i < count; i++) {
		const struct access_rule *r = &rules[i];

		if ((!rule_matches(r, &a) && !rule_matches_hidden(r, &a)) || (s && !policy_first_rule(p, r, 1, sizeof(*r), s)))
			continue;
		struct access_verdict v = {.effect = r->effect, .rule = r->name, .audit = audited(r),
			.counted = r->audit == ACCESS_AUDIT_COUNTED};
		say_reason(&v, r, &a);
		return v;
	}
	return (struct access_verdict){.effect = ACCESS_ALLOW, .audit = true, .counted = true};
}

struct access_verdict policy_judge_access(const struct policy *p, const struct access_request *q)
{
	return judge(p, p ? p->access : NULL, p ? p->access_count : 0, NULL, q);
}

struct access_verdict policy_judge_admission(const struct policy *p, const struct policy_subject *s, const struct access_request *q)
{
	return judge(p, p ? p->admission : NULL, p ? p->admission_count : 0, s, q);
}
