/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_to_json(): the compiled policy in the keys of the policy file, for forms. Every effect key
 * is there, "disable" where the rule is silent; lists only where they are not empty; so that the
 * object is itself a policy that loads to the same rules.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/json.h"
#include "base/parse.h"
#include "policy/gates.h"
#include "policy/grammar.h"

static void put_texts(struct buf *out, const char *key, const struct str_list *l)
{
	if (l->count == 0)
		return;
	json_put_key(out, key);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		json_put_sep(out);
		json_put_str(out, l->items[i]);
	}
	buf_putc(out, ']');
}

static void put_scope_list(struct buf *out, const char *key, const struct scope_list *l)
{
	if (l->count == 0)
		return;
	json_put_key(out, key);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(8192);

		buf_printf(&text, "%s%s", l->items[i].exclude ? "-" : "", l->items[i].text);
		json_put_sep(out);
		json_put_strn(out, (const char *)text.data, text.len);
	}
	buf_putc(out, ']');
}

static void put_collection(struct buf *out, const struct collection *c)
{
	static const char *const names[SCOPE_FIELD_COUNT_] = {
		"images", "containers", "labels", "namespaces", "clusters", "hosts"};

	buf_putc(out, '{');
	json_put_key(out, "name");
	json_put_str(out, c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++)
		put_scope_list(out, names[f], &c->fields[f]);
	buf_putc(out, '}');
}

static void put_addresses(struct buf *out, const struct address_range *items, uint32_t count)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 8];

	if (count == 0)
		return;
	json_put_key(out, "addresses");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		const struct address_range *a = &items[i];
		bool v4 = memcmp(a->address, mapped, sizeof(mapped)) == 0 && a->prefix >= 96;

		address_format(a->address, text, sizeof(text));
		snprintf(whole, sizeof(whole), "%s/%u", text, a->prefix - (v4 ? 96u : 0u));
		json_put_sep(out);
		json_put_str(out, a->prefix == 128 ? text : whole);
	}
	buf_putc(out, ']');
}

static void put_ports(struct buf *out, const struct denied_list *l)
{
	if (l->port_count == 0)
		return;
	json_put_key(out, "ports");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->port_count; i++) {
		const struct port_range *p = &l->ports[i];

		json_put_sep(out);
		if (p->from == p->to)
			buf_printf(out, "%u", p->from);
		else
			buf_printf(out, "\"%u-%u\"", p->from, p->to);
	}
	buf_putc(out, ']');
}

static void put_denied(struct buf *out, const struct denied_list *l)
{
	if (l->paths.count + l->address_count + l->port_count + l->domains.count == 0)
		return;
	json_put_key(out, "denied");
	buf_putc(out, '{');
	json_put_key(out, "effect");
	json_put_str(out, enum_name(&effect_names, l->effect));
	put_texts(out, "paths", &l->paths);
	put_addresses(out, l->addresses, l->address_count);
	put_ports(out, l);
	put_texts(out, "domains", &l->domains);
	buf_putc(out, '}');
}

/* The effect keys of one map of the grammar. */
static void put_effects(struct buf *out, const struct schema *map, const struct runtime_rule *r)
{
	for (uint32_t i = 0; i < map->field_count; i++) {
		const struct schema_field *f = &map->fields[i];

		if (!f->detections)
			continue;
		json_put_key(out, f->name);
		json_put_str(out, enum_name(&effect_names, r->effects[f->detections[0]]));
	}
}

static const struct schema *section(const char *key)
{
	for (uint32_t i = 0; i < grammar_runtime_rule.field_count; i++)
		if (strcmp(grammar_runtime_rule.fields[i].name, key) == 0)
			return grammar_runtime_rule.fields[i].schema;
	return NULL;
}

static void put_section(struct buf *out, const char *key, const struct runtime_rule *r,
	const struct denied_list *denied)
{
	json_put_key(out, key);
	buf_putc(out, '{');
	put_effects(out, section(key), r);
	if (denied == &r->processes)
		put_texts(out, "allowed", &r->allowed);
	put_denied(out, denied);
	buf_putc(out, '}');
}

static void put_text(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	json_put_key(out, key);
	json_put_str(out, value);
}

static void put_head(struct buf *out, const struct policy *p, const struct rule_head *h)
{
	put_text(out, "name", h->name);
	put_text(out, "notes", h->notes);
	put_text(out, "owner", h->owner);
	json_put_key(out, "disabled");
	buf_puts(out, h->disabled ? "true" : "false");
	if (!h->scope_count)
		return;
	json_put_key(out, "scope");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < h->scope_count; i++) {
		json_put_sep(out);
		json_put_str(out, p->collections[h->scope[i]].name);
	}
	buf_putc(out, ']');
}

static void put_rule(struct buf *out, const struct policy *p, const struct runtime_rule *r)
{
	buf_putc(out, '{');
	put_head(out, p, &r->head);
	put_section(out, "processes", r, &r->processes);
	put_section(out, "network", r, &r->network);
	put_section(out, "files", r, &r->files);
	put_effects(out, &grammar_runtime_rule, r);
	buf_putc(out, '}');
}

/* ---- the gates ---- */

static void put_group(struct buf *out, const struct trust_group *g)
{
	buf_putc(out, '{');
	put_text(out, "name", g->name);
	put_text(out, "notes", g->notes);
	put_scope_list(out, "images", &g->images);
	put_texts(out, "digests", &g->digests);
	put_texts(out, "base_layers", &g->base_layers);
	if (g->keys.count) {
		json_put_key(out, "signatures");
		buf_putc(out, '[');
		for (uint32_t i = 0; i < g->keys.count; i++) {
			json_put_sep(out);
			buf_putc(out, '{');
			put_text(out, "key", g->keys.items[i]);
			buf_putc(out, '}');
		}
		buf_putc(out, ']');
	}
	buf_putc(out, '}');
}

static void put_group_names(
	struct buf *out, const char *key, const struct policy *p, const struct group_list *l)
{
	if (l->count == 0)
		return;
	json_put_key(out, key);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		json_put_sep(out);
		json_put_str(out, p->trust_groups[l->items[i]].name);
	}
	buf_putc(out, ']');
}

static void put_trust(struct buf *out, const struct policy *p)
{
	json_put_key(out, "trust");
	buf_putc(out, '{');
	json_put_key(out, "groups");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < p->trust_group_count; i++) {
		json_put_sep(out);
		put_group(out, &p->trust_groups[i]);
	}
	buf_putc(out, ']');
	json_put_key(out, "rules");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < p->trust_count; i++) {
		const struct trust_rule *r = &p->trust[i];

		json_put_sep(out);
		buf_putc(out, '{');
		put_head(out, p, &r->head);
		put_group_names(out, "allowed", p, &r->allowed);
		put_group_names(out, "denied", p, &r->denied);
		put_text(out, "effect", enum_name(&gate_effect_names, (int)r->effect));
		buf_putc(out, '}');
	}
	buf_puts(out, "]}");
}

static void put_compliance(struct buf *out, const struct policy *p)
{
	json_put_key(out, "compliance");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < p->compliance_count; i++) {
		const struct compliance_rule *r = &p->compliance[i];

		json_put_sep(out);
		buf_putc(out, '{');
		put_head(out, p, &r->head);
		json_put_key(out, "checks");
		buf_putc(out, '{');
		for (uint32_t k = 0; k < r->check_count; k++)
			put_text(out, r->checks[k].check->id,
				enum_name(&gate_effect_names, (int)r->checks[k].effect));
		buf_puts(out, "}}");
	}
	buf_putc(out, ']');
}

static void put_namespaces(struct buf *out, unsigned mask)
{
	if (!mask)
		return;
	json_put_key(out, "host_namespaces");
	buf_putc(out, '[');
	for (int i = 0; i < host_namespace_names.count; i++) {
		if (!(mask & 1u << i))
			continue;
		json_put_sep(out);
		json_put_str(out, host_namespace_names.names[i]);
	}
	buf_putc(out, ']');
}

static void put_when(struct buf *out, const struct access_when *w)
{
	json_put_key(out, "when");
	buf_putc(out, '{');
	if (w->privileged != FACT_UNKNOWN) {
		json_put_key(out, "privileged");
		buf_puts(out, w->privileged == FACT_YES ? "true" : "false");
	}
	put_texts(out, "capabilities", &w->capabilities);
	put_texts(out, "binds", &w->binds);
	put_texts(out, "volumes", &w->volumes);
	put_texts(out, "devices", &w->devices);
	put_namespaces(out, w->host_namespaces);
	put_texts(out, "joins", &w->joins);
	put_texts(out, "security_options", &w->security_options);
	put_texts(out, "sysctls", &w->sysctls);
	put_texts(out, "runtimes", &w->runtimes);
	put_texts(out, "networks", &w->networks);
	put_scope_list(out, "images", &w->images);
	put_texts(out, "exec_users", &w->exec_users);
	put_texts(out, "targets", &w->targets);
	put_addresses(out, w->addresses.items, w->addresses.count);
	buf_putc(out, '}');
}

static void put_access(struct buf *out, const struct policy *p, const char *key, const struct access_rule *rules, uint32_t count)
{
	json_put_key(out, key);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		const struct access_rule *r = &rules[i];

		json_put_sep(out);
		buf_putc(out, '{');
		put_head(out, p, &r->head);
		put_texts(out, "users", &r->users);
		put_texts(out, "groups", &r->groups);
		put_texts(out, "actions", &r->actions);
		put_when(out, &r->when);
		put_text(out, "effect", enum_name(&access_effect_names, (int)r->effect));
		put_text(out, "message", r->message);
		put_text(out, "audit", enum_name(&access_audit_names, (int)r->audit));
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

void policy_to_json(const struct policy *p, struct buf *out)
{
	buf_putc(out, '{');
	json_put_key(out, "version");
	buf_putc(out, '1');
	json_put_key(out, "collections");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < p->collection_count; i++) {
		json_put_sep(out);
		put_collection(out, &p->collections[i]);
	}
	buf_putc(out, ']');
	json_put_key(out, "runtime");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < p->runtime_count; i++) {
		json_put_sep(out);
		put_rule(out, p, &p->runtime[i]);
	}
	buf_putc(out, ']');
	put_trust(out, p);
	put_compliance(out, p);
	put_access(out, p, "access", p->access, p->access_count);
	put_access(out, p, "admission", p->admission, p->admission_count);
	buf_putc(out, '}');
}
