/* SPDX-License-Identifier: Apache-2.0 */
/* The binary form of the areas of the gates: see wire.c. */
#include <errno.h>
#include <string.h>

#include "base/pattern.h"
#include "policy/gates.h"
#include "policy/wire_internal.h"

#define CHECKS_MAX 256	/* of one rule: what the grammar takes */

/* The lists of texts of `when`, in the order of the form. */
#define WHEN_LISTS(w)                                                                              \
	{&(w)->capabilities, &(w)->binds, &(w)->volumes, &(w)->devices, &(w)->security_options,    \
		&(w)->sysctls, &(w)->runtimes, &(w)->networks, &(w)->joins, &(w)->targets}

/* ---- writing ---- */

static void put_trust(struct buf *out, const struct policy *p)
{
	buf_put_u16(out, (uint16_t)p->trust_group_count);
	for (uint32_t i = 0; i < p->trust_group_count; i++) {
		const struct trust_group *g = &p->trust_groups[i];

		wire_put_text(out, g->name);
		wire_put_text(out, g->notes);
		wire_put_scope_list(out, &g->images);
		wire_put_texts(out, &g->digests);
		wire_put_texts(out, &g->base_layers);
		wire_put_texts(out, &g->keys);
	}
	buf_put_u16(out, (uint16_t)p->trust_count);
	for (uint32_t i = 0; i < p->trust_count; i++) {
		wire_put_head(out, &p->trust[i].head);
		wire_put_indices(out, p->trust[i].allowed.items, p->trust[i].allowed.count);
		wire_put_indices(out, p->trust[i].denied.items, p->trust[i].denied.count);
		buf_put_u8(out, (uint8_t)p->trust[i].effect);
	}
}

static void put_compliance(struct buf *out, const struct policy *p)
{
	buf_put_u16(out, (uint16_t)p->compliance_count);
	for (uint32_t i = 0; i < p->compliance_count; i++) {
		const struct compliance_rule *r = &p->compliance[i];

		wire_put_head(out, &r->head);
		buf_put_u16(out, (uint16_t)r->check_count);
		for (uint32_t k = 0; k < r->check_count; k++) {
			wire_put_text(out, r->checks[k].check->id);
			buf_put_u8(out, (uint8_t)r->checks[k].effect);
		}
	}
}

static void put_when(struct buf *out, const struct access_when *w)
{
	const struct str_list *const lists[] = WHEN_LISTS(w);

	buf_put_u8(out, (uint8_t)w->privileged);
	buf_put_u8(out, (uint8_t)w->host_namespaces);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		wire_put_texts(out, lists[i]);
	wire_put_texts(out, &w->exec_users);
	wire_put_scope_list(out, &w->images);
	wire_put_addresses(out, w->addresses.items, w->addresses.count);
}

static void put_access(struct buf *out, const struct access_rule *rules, uint32_t count)
{
	buf_put_u16(out, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++) {
		const struct access_rule *r = &rules[i];

		wire_put_head(out, &r->head);
		wire_put_texts(out, &r->users);
		wire_put_texts(out, &r->groups);
		wire_put_texts(out, &r->actions);
		put_when(out, &r->when);
		buf_put_u8(out, (uint8_t)r->effect);
		wire_put_text(out, r->message);
		buf_put_u8(out, (uint8_t)r->audit);
	}
}

void wire_put_gates(struct buf *out, const struct policy *p)
{
	put_trust(out, p);
	put_compliance(out, p);
	put_access(out, p->access, p->access_count);
	put_access(out, p->admission, p->admission_count);
}

/* ---- reading ---- */

/* Texts that are compared whole: digests, keys; users, of whom "" is one. */
static int get_exact(struct reader *r, struct str_list *l, bool may_be_empty)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 2, &n);

	if (e < 0 || n == 0)
		return e;
	l->items = calloc(n, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && e == 0; i++) {
		e = wire_get_text(r, may_be_empty, &l->items[i]);
		if (e == 0 && !l->items[i] && !(l->items[i] = strdup("")))
			e = -ENOMEM;
		if (e == 0)
			l->count++;
	}
	return e;
}

static int get_users(struct reader *r, struct str_list *l)
{
	int e = get_exact(r, l, true);

	for (uint32_t i = 0; i < l->count && e == 0; i++)
		if (*l->items[i] && (strlen(l->items[i]) > POLICY_PATH_MAX || pattern_check(l->items[i]) < 0))
			e = wire_bad(r);
	return e;
}

static int get_choice(struct reader *r, int count, int *ret)
{
	uint8_t v = reader_u8(r);

	if (r->failed || v >= count)
		return wire_bad(r);
	*ret = v;
	return 0;
}

static int get_group(struct reader *r, struct trust_group *g)
{
	int e = wire_get_text(r, false, &g->name);

	if (e == 0)
		e = wire_get_text(r, true, &g->notes);
	if (e == 0)
		e = wire_get_scope_list(r, &g->images);
	if (e == 0)
		e = get_exact(r, &g->digests, false);
	if (e == 0)
		e = get_exact(r, &g->base_layers, false);
	if (e == 0)
		e = get_exact(r, &g->keys, false);
	/* A group of nothing would be one of everything to some reader of the form. */
	if (e == 0 && g->images.count + g->digests.count + g->base_layers.count + g->keys.count == 0)
		e = wire_bad(r);
	return e;
}

static int get_trust_rule(struct reader *r, const struct policy *p, struct trust_rule *rule)
{
	int effect = 0, e = wire_get_head(r, p, &rule->head);

	if (e == 0)
		e = wire_get_indices(r, p->trust_group_count, &rule->allowed.items, &rule->allowed.count);
	if (e == 0)
		e = wire_get_indices(r, p->trust_group_count, &rule->denied.items, &rule->denied.count);
	if (e == 0)
		e = get_choice(r, GATE_EFFECT_COUNT_, &effect);
	rule->effect = (enum gate_effect)effect;
	return e;
}

/* A check that a newer peer knows and we do not is dropped: nothing here could find it. */
static int get_check(struct reader *r, struct compliance_rule *rule)
{
	CLEANUP(free) char *id = NULL;
	int effect = 0, e = wire_get_text(r, false, &id);

	if (e == 0)
		e = get_choice(r, GATE_EFFECT_COUNT_, &effect);
	if (e < 0)
		return e;
	const struct compliance_check *check = compliance_check(id);
	if (check)
		rule->checks[rule->check_count++] = (struct check_effect){(enum gate_effect)effect, check};
	return 0;
}

static int get_compliance_rule(struct reader *r, const struct policy *p, struct compliance_rule *rule)
{
	uint32_t n = 0;
	int e = wire_get_head(r, p, &rule->head);

	if (e == 0)
		e = wire_get_count(r, CHECKS_MAX, 4, &n);
	if (e == 0 && n && !(rule->checks = calloc(n, sizeof(*rule->checks))))
		e = -ENOMEM;
	for (uint32_t i = 0; i < n && e == 0; i++)
		e = get_check(r, rule);
	return e;
}

static int get_when(struct reader *r, struct access_when *w)
{
	struct str_list *const lists[] = WHEN_LISTS(w);
	int e = get_choice(r, FACT_YES + 1, &w->privileged);

	w->host_namespaces = reader_u8(r);
	if (e == 0 && w->host_namespaces >= 1u << host_namespace_names.count)
		e = wire_bad(r);
	for (size_t i = 0; i < ARRAY_SIZE(lists) && e == 0; i++)
		e = wire_get_texts(r, lists[i]);
	if (e == 0)
		e = get_users(r, &w->exec_users);
	if (e == 0)
		e = wire_get_scope_list(r, &w->images);
	return e == 0 ? wire_get_addresses(r, &w->addresses.items, &w->addresses.count) : e;
}

static int get_access_rule(struct reader *r, const struct policy *p, struct access_rule *rule)
{
	int effect = 0, audit = 0, e = wire_get_head(r, p, &rule->head);

	if (e == 0)
		e = get_users(r, &rule->users);
	if (e == 0)
		e = wire_get_texts(r, &rule->groups);
	if (e == 0)
		e = wire_get_texts(r, &rule->actions);
	if (e == 0)
		e = get_when(r, &rule->when);
	if (e == 0)
		e = get_choice(r, ACCESS_EFFECT_COUNT_, &effect);
	if (e == 0)
		e = wire_get_text(r, true, &rule->message);
	if (e == 0)
		e = get_choice(r, ACCESS_AUDIT_COUNT_, &audit);
	rule->effect = (enum access_effect)effect;
	rule->audit = (enum access_audit)audit;
	return e;
}

/* A count and room for that many zeroed structs. */
static int get_array(struct reader *r, size_t least, void **items, size_t size, uint32_t *ret)
{
	int e = wire_get_count(r, POLICY_RULES_MAX, least, ret);

	if (e == 0 && *ret && !(*items = calloc(*ret, size)))
		e = -ENOMEM;
	return e;
}

static int get_trust(struct reader *r, struct policy *p)
{
	uint32_t n = 0;
	int e = get_array(r, 13, (void **)&p->trust_groups, sizeof(*p->trust_groups), &n);

	for (uint32_t i = 0; i < n && e == 0; i++) {
		p->trust_group_count++;
		e = get_group(r, &p->trust_groups[i]);
	}
	if (e == 0)
		e = get_array(r, 15, (void **)&p->trust, sizeof(*p->trust), &n);
	for (uint32_t i = 0; i < n && e == 0; i++) {
		p->trust_count++;
		e = get_trust_rule(r, p, &p->trust[i]);
	}
	return e;
}

static int get_access(struct reader *r, const struct policy *p, struct access_rule **rules, uint32_t *count)
{
	uint32_t n = 0;
	int e = get_array(r, 47, (void **)rules, sizeof(**rules), &n);

	for (uint32_t i = 0; i < n && e == 0; i++) {
		++*count;
		e = get_access_rule(r, p, &(*rules)[i]);
	}
	return e;
}

int wire_get_gates(struct reader *r, struct policy *p, bool admission)
{
	uint32_t n = 0;
	int e = get_trust(r, p);

	if (e == 0)
		e = get_array(r, 12, (void **)&p->compliance, sizeof(*p->compliance), &n);
	for (uint32_t i = 0; i < n && e == 0; i++) {
		p->compliance_count++;
		e = get_compliance_rule(r, p, &p->compliance[i]);
	}
	if (e == 0)
		e = get_access(r, p, &p->access, &p->access_count);
	if (e == 0 && admission)
		e = get_access(r, p, &p->admission, &p->admission_count);
	return e;
}
