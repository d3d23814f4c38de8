/* SPDX-License-Identifier: Apache-2.0 */
/* Lifetime of the compiled policy: see policy.h. */
#include "policy/policy.h"

static void str_list_done(struct str_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
}

static void denied_list_done(struct denied_list *l)
{
	str_list_done(&l->paths);
	str_list_done(&l->domains);
	free(l->addresses);
	free(l->ports);
}

static void collection_done(struct collection *c)
{
	free(c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++) {
		for (uint32_t i = 0; i < c->fields[f].count; i++)
			free(c->fields[f].items[i].text);
		free(c->fields[f].items);
	}
}

static void runtime_rule_done(struct runtime_rule *r)
{
	free(r->name);
	free(r->notes);
	free(r->owner);
	free(r->scope);
	str_list_done(&r->allowed);
	denied_list_done(&r->processes);
	denied_list_done(&r->network);
	denied_list_done(&r->files);
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
	free(p->collections);
	free(p->runtime);
	free(p->text);
	free(p);
	return NULL;
}
