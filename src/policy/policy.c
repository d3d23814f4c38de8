/* SPDX-License-Identifier: Apache-2.0 */
/* Lifetime of the compiled policy: see policy.h. */
#include "policy/policy.h"

static void denied_list_done(struct denied_list *l)
{
	str_list_done(&l->paths);
	str_list_done(&l->domains);
	free(l->addresses);
	free(l->ports);
}

static void scope_list_done(struct scope_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		free(l->items[i].text);
	free(l->items);
}

static void collection_done(struct collection *c)
{
	free(c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++)
		scope_list_done(&c->fields[f]);
}

static void head_done(struct rule_head *h)
{
	free(h->name);
	free(h->notes);
	free(h->owner);
	free(h->scope);
}

static void runtime_rule_done(struct runtime_rule *r)
{
	head_done(&r->head);
	str_list_done(&r->allowed);
	denied_list_done(&r->processes);
	denied_list_done(&r->network);
	denied_list_done(&r->files);
}

static void trust_group_done(struct trust_group *g)
{
	free(g->name);
	free(g->notes);
	scope_list_done(&g->images);
	str_list_done(&g->digests);
	str_list_done(&g->base_layers);
	str_list_done(&g->keys);
}

static void trust_rule_done(struct trust_rule *r)
{
	head_done(&r->head);
	free(r->allowed.items);
	free(r->denied.items);
}

static void access_rule_done(struct access_rule *r)
{
	struct access_when *w = &r->when;
	struct str_list *const lists[] = {&r->users, &r->groups, &r->actions, &w->capabilities,
		&w->binds, &w->volumes, &w->devices, &w->security_options, &w->sysctls,
		&w->runtimes, &w->networks, &w->joins, &w->targets, &w->exec_users};

	head_done(&r->head);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		str_list_done(lists[i]);
	scope_list_done(&w->images);
	free(w->addresses.items);
	free(r->message);
}

static void gates_done(struct policy *p)
{
	for (uint32_t i = 0; i < p->trust_group_count; i++)
		trust_group_done(&p->trust_groups[i]);
	for (uint32_t i = 0; i < p->trust_count; i++)
		trust_rule_done(&p->trust[i]);
	for (uint32_t i = 0; i < p->compliance_count; i++) {
		head_done(&p->compliance[i].head);
		free(p->compliance[i].checks);
	}
	for (uint32_t i = 0; i < p->access_count; i++)
		access_rule_done(&p->access[i]);
	for (uint32_t i = 0; i < p->admission_count; i++)
		access_rule_done(&p->admission[i]);
	free(p->trust_groups);
	free(p->trust);
	free(p->compliance);
	free(p->access);
	free(p->admission);
}

struct policy *policy_ref(struct policy *p)
{
	p->refs++;
	return p;
}

struct policy *policy_unref(struct policy *p)
{
	if (!p || --p->refs)
		return NULL;
	for (uint32_t i = 0; i < p->collection_count; i++)
		collection_done(&p->collections[i]);
	for (uint32_t i = 0; i < p->runtime_count; i++)
		runtime_rule_done(&p->runtime[i]);
	gates_done(p);
	free(p->collections);
	free(p->runtime);
	free(p->text);
	free(p);
	return NULL;
}
