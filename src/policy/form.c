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

static void put_collection(struct buf *out, const struct collection *c)
{
	static const char *const names[SCOPE_FIELD_COUNT_] = {
		"images", "containers", "labels", "namespaces", "clusters", "hosts"};

	buf_putc(out, '{');
	json_put_key(out, "name");
	json_put_str(out, c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++) {
		const struct scope_list *l = &c->fields[f];

		if (l->count == 0)
			continue;
		json_put_key(out, names[f]);
		buf_putc(out, '[');
		for (uint32_t i = 0; i < l->count; i++) {
			CLEANUP(buf_done) struct buf text = BUF_INIT(8192);

			buf_printf(&text, "%s%s", l->items[i].exclude ? "-" : "", l->items[i].text);
			json_put_sep(out);
			json_put_strn(out, (const char *)text.data, text.len);
		}
		buf_putc(out, ']');
	}
	buf_putc(out, '}');
}

static void put_addresses(struct buf *out, const struct denied_list *l)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 8];

	if (l->address_count == 0)
		return;
	json_put_key(out, "addresses");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->address_count; i++) {
		const struct address_range *a = &l->addresses[i];
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
	put_addresses(out, l);
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

static void put_rule(struct buf *out, const struct policy *p, const struct runtime_rule *r)
{
	buf_putc(out, '{');
	json_put_key(out, "name");
	json_put_str(out, r->name);
	if (r->notes) {
		json_put_key(out, "notes");
		json_put_str(out, r->notes);
	}
	if (r->owner) {
		json_put_key(out, "owner");
		json_put_str(out, r->owner);
	}
	json_put_key(out, "disabled");
	buf_puts(out, r->disabled ? "true" : "false");
	if (r->scope_count) {
		json_put_key(out, "scope");
		buf_putc(out, '[');
		for (uint32_t i = 0; i < r->scope_count; i++) {
			json_put_sep(out);
			json_put_str(out, p->collections[r->scope[i]].name);
		}
		buf_putc(out, ']');
	}
	put_section(out, "processes", r, &r->processes);
	put_section(out, "network", r, &r->network);
	put_section(out, "files", r, &r->files);
	put_effects(out, &grammar_runtime_rule, r);
	buf_putc(out, '}');
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
	buf_puts(out, "]}");
}
