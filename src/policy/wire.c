/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_encode() and policy_decode(): the compiled policy between Console and Defender. A magic
 * word with the version of the form, then counts and items in the order of the structs. The reader
 * trusts nothing: counts and lengths have caps, references and patterns are checked again, and
 * nothing may be left over.
 */
#include <errno.h>
#include <string.h>

#include "base/pattern.h"
#include "policy/grammar.h"
#include "policy/wire_internal.h"

#define MAGIC 0x336c6f70u /* "pol3" */
#define MAGIC_2 0x326c6f70u /* kept on disk by versions without rules of admission */
#define TEXT_MAX 4096

/* ---- writing ---- */

void wire_put_text(struct buf *out, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	buf_put_u16(out, (uint16_t)n);
	buf_put(out, s ? s : "", n);
}

void wire_put_texts(struct buf *out, const struct str_list *l)
{
	buf_put_u16(out, (uint16_t)l->count);
	for (uint32_t i = 0; i < l->count; i++)
		wire_put_text(out, l->items[i]);
}

void wire_put_addresses(struct buf *out, const struct address_range *items, uint32_t count)
{
	buf_put_u16(out, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++) {
		buf_put(out, items[i].address, 16);
		buf_put_u8(out, items[i].prefix);
	}
}

void wire_put_scope_list(struct buf *out, const struct scope_list *l)
{
	buf_put_u16(out, (uint16_t)l->count);
	for (uint32_t i = 0; i < l->count; i++) {
		buf_put_u8(out, l->items[i].exclude);
		wire_put_text(out, l->items[i].text);
	}
}

void wire_put_indices(struct buf *out, const uint32_t *items, uint32_t count)
{
	buf_put_u16(out, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++)
		buf_put_u16(out, (uint16_t)items[i]);
}

void wire_put_head(struct buf *out, const struct rule_head *h)
{
	wire_put_text(out, h->name);
	wire_put_text(out, h->notes);
	wire_put_text(out, h->owner);
	buf_put_u8(out, h->disabled);
	wire_put_indices(out, h->scope, h->scope_count);
}

static void put_denied(struct buf *out, const struct denied_list *l)
{
	buf_put_u8(out, (uint8_t)l->effect);
	wire_put_texts(out, &l->paths);
	wire_put_addresses(out, l->addresses, l->address_count);
	buf_put_u16(out, (uint16_t)l->port_count);
	for (uint32_t i = 0; i < l->port_count; i++) {
		buf_put_u16(out, l->ports[i].from);
		buf_put_u16(out, l->ports[i].to);
	}
	wire_put_texts(out, &l->domains);
}

static void put_collection(struct buf *out, const struct collection *c)
{
	wire_put_text(out, c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++)
		wire_put_scope_list(out, &c->fields[f]);
}

static void put_rule(struct buf *out, const struct runtime_rule *r)
{
	wire_put_head(out, &r->head);
	buf_put_u16(out, DETECTION_COUNT_);
	for (int d = 0; d < DETECTION_COUNT_; d++)
		buf_put_u8(out, (uint8_t)r->effects[d]);
	wire_put_texts(out, &r->allowed);
	put_denied(out, &r->processes);
	put_denied(out, &r->network);
	put_denied(out, &r->files);
}

void policy_encode(const struct policy *p, struct buf *out)
{
	buf_put_u32(out, MAGIC);
	buf_put_u64(out, p->revision);
	buf_put_u16(out, (uint16_t)p->collection_count);
	for (uint32_t i = 0; i < p->collection_count; i++)
		put_collection(out, &p->collections[i]);
	buf_put_u16(out, (uint16_t)p->runtime_count);
	for (uint32_t i = 0; i < p->runtime_count; i++)
		put_rule(out, &p->runtime[i]);
	wire_put_gates(out, p);
}

/* ---- reading ---- */

int wire_get_count(struct reader *r, uint32_t max, size_t least, uint32_t *ret)
{
	uint32_t n = reader_u16(r);

	if (r->failed || n > max || n * least > reader_left(r))
		return wire_bad(r);
	*ret = n;
	return 0;
}

int wire_get_text(struct reader *r, bool may_be_empty, char **ret)
{
	size_t n = reader_u16(r);
	const uint8_t *p = reader_bytes(r, n);

	if (!p || n > TEXT_MAX || memchr(p, 0, n) || (n == 0 && !may_be_empty))
		return wire_bad(r);
	*ret = n ? strndup((const char *)p, n) : NULL;
	return n && !*ret ? -ENOMEM : 0;
}

int wire_get_texts(struct reader *r, struct str_list *l)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 3, &n);

	if (e < 0 || n == 0)
		return e;
	l->items = calloc(n, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && e == 0; i++) {
		e = wire_get_text(r, false, &l->items[i]);
		if (e == 0) {
			l->count++;
			e = strlen(l->items[i]) > POLICY_PATH_MAX || pattern_check(l->items[i]) < 0
				    ? wire_bad(r)
				    : 0;
		}
	}
	return e;
}

static int get_effect(struct reader *r, enum effect *ret)
{
	uint8_t e = reader_u8(r);

	if (r->failed || e >= EFFECT_COUNT_)
		return wire_bad(r);
	*ret = (enum effect)e;
	return 0;
}

int wire_get_addresses(struct reader *r, struct address_range **items, uint32_t *count)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 17, &n);

	if (e < 0 || n == 0)
		return e;
	*items = calloc(n, sizeof(**items));
	if (!*items)
		return -ENOMEM;
	for (*count = 0; *count < n; (*count)++) {
		struct address_range *a = &(*items)[*count];

		memcpy(a->address, reader_bytes(r, 16), 16); /* the count saw that they are there */
		a->prefix = reader_u8(r);
		if (a->prefix > 128)
			return wire_bad(r);
	}
	return 0;
}

static int get_ports(struct reader *r, struct denied_list *l)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 4, &n);

	if (e < 0 || n == 0)
		return e;
	l->ports = calloc(n, sizeof(*l->ports));
	if (!l->ports)
		return -ENOMEM;
	for (l->port_count = 0; l->port_count < n; l->port_count++) {
		struct port_range *p = &l->ports[l->port_count];

		p->from = reader_u16(r);
		p->to = reader_u16(r);
		if (p->from == 0 || p->from > p->to)
			return wire_bad(r);
	}
	return 0;
}

static int get_denied(struct reader *r, struct denied_list *l)
{
	int e = get_effect(r, &l->effect);

	if (e == 0)
		e = wire_get_texts(r, &l->paths);
	if (e == 0)
		e = wire_get_addresses(r, &l->addresses, &l->address_count);
	if (e == 0)
		e = get_ports(r, l);
	return e == 0 ? wire_get_texts(r, &l->domains) : e;
}

int wire_get_scope_list(struct reader *r, struct scope_list *l)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 4, &n);

	if (e < 0 || n == 0)
		return e;
	l->items = calloc(n, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (l->count = 0; l->count < n && e == 0;) {
		struct scope_pattern *p = &l->items[l->count];
		uint8_t exclude = reader_u8(r);

		e = exclude > 1 ? wire_bad(r) : wire_get_text(r, false, &p->text);
		if (e == 0) {
			p->exclude = exclude;
			l->count++;
			e = pattern_check(p->text) < 0 ? wire_bad(r) : 0;
		}
	}
	return e;
}

static int get_collection(struct reader *r, struct collection *c)
{
	int e = wire_get_text(r, false, &c->name);

	for (int f = 0; f < SCOPE_FIELD_COUNT_ && e == 0; f++)
		e = wire_get_scope_list(r, &c->fields[f]);
	return e;
}

int wire_get_indices(struct reader *r, uint32_t below, uint32_t **items, uint32_t *count)
{
	uint32_t n;
	int e = wire_get_count(r, POLICY_PATTERNS_MAX, 2, &n);

	if (e < 0 || n == 0)
		return e;
	*items = calloc(n, sizeof(**items));
	if (!*items)
		return -ENOMEM;
	for (*count = 0; *count < n; (*count)++) {
		uint16_t index = reader_u16(r);

		if (index >= below)
			return wire_bad(r);
		(*items)[*count] = index;
	}
	return 0;
}

int wire_get_head(struct reader *r, const struct policy *p, struct rule_head *h)
{
	int e = wire_get_text(r, false, &h->name);

	if (e == 0)
		e = wire_get_text(r, true, &h->notes);
	if (e == 0)
		e = wire_get_text(r, true, &h->owner);
	uint8_t disabled = reader_u8(r);
	h->disabled = disabled;
	if (e == 0)
		e = disabled > 1 ? wire_bad(r) : wire_get_indices(r, p->collection_count, &h->scope, &h->scope_count);
	return e;
}

/* Detections that a newer peer knows and we do not are dropped: nothing here could find them. */
static int get_effects(struct reader *r, struct runtime_rule *rule)
{
	uint32_t n;
	enum effect effect;
	int e = wire_get_count(r, 1024, 1, &n);

	for (uint32_t d = 0; d < n && e == 0; d++) {
		e = get_effect(r, &effect);
		if (e == 0 && d < DETECTION_COUNT_)
			rule->effects[d] = effect;
	}
	return e;
}

static int get_rule(struct reader *r, const struct policy *p, struct runtime_rule *rule)
{
	int e = wire_get_head(r, p, &rule->head);

	if (e == 0)
		e = get_effects(r, rule);
	if (e == 0)
		e = wire_get_texts(r, &rule->allowed);
	if (e == 0)
		e = get_denied(r, &rule->processes);
	if (e == 0)
		e = get_denied(r, &rule->network);
	if (e == 0)
		e = get_denied(r, &rule->files);
	if (e == 0)
		grammar_finish_rule(rule);
	return e;
}

static int get_policy(struct reader *r, struct policy *p)
{
	uint32_t n, magic = reader_u32(r);

	if (magic != MAGIC && magic != MAGIC_2)
		return wire_bad(r);
	p->revision = reader_u64(r);
	int e = wire_get_count(r, POLICY_COLLECTIONS_MAX, 15, &n);
	if (e == 0 && n && !(p->collections = calloc(n, sizeof(*p->collections))))
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		p->collection_count++;
		e = get_collection(r, &p->collections[i]);
	}
	if (e == 0)
		e = wire_get_count(r, POLICY_RULES_MAX, 40, &n);
	if (e == 0 && n && !(p->runtime = calloc(n, sizeof(*p->runtime))))
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		p->runtime_count++;
		e = get_rule(r, p, &p->runtime[i]);
	}
	if (e == 0)
		e = wire_get_gates(r, p, magic == MAGIC);
	if (e == 0 && (r->failed || reader_left(r)))
		e = wire_bad(r);
	return e;
}

int policy_decode(struct policy **ret, const void *data, size_t n)
{
	struct reader r = READER(data, n);
	CLEANUP(policy_unref) struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->refs = 1;
	int e = get_policy(&r, p);
	if (e < 0)
		return e;
	*ret = take_ptr(p);
	return 0;
}
