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
#include "policy/image.h"

#define MAGIC 0x316c6f70u /* "pol1" */
#define TEXT_MAX 4096

/* ---- writing ---- */

static void put_text(struct buf *out, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	buf_put_u16(out, (uint16_t)n);
	buf_put(out, s ? s : "", n);
}

static void put_texts(struct buf *out, const struct str_list *l)
{
	buf_put_u16(out, (uint16_t)l->count);
	for (uint32_t i = 0; i < l->count; i++)
		put_text(out, l->items[i]);
}

static void put_denied(struct buf *out, const struct denied_list *l)
{
	buf_put_u8(out, (uint8_t)l->effect);
	put_texts(out, &l->paths);
	buf_put_u16(out, (uint16_t)l->address_count);
	for (uint32_t i = 0; i < l->address_count; i++) {
		buf_put(out, l->addresses[i].address, 16);
		buf_put_u8(out, l->addresses[i].prefix);
	}
	buf_put_u16(out, (uint16_t)l->port_count);
	for (uint32_t i = 0; i < l->port_count; i++) {
		buf_put_u16(out, l->ports[i].from);
		buf_put_u16(out, l->ports[i].to);
	}
	put_texts(out, &l->domains);
}

static void put_collection(struct buf *out, const struct collection *c)
{
	put_text(out, c->name);
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++) {
		buf_put_u16(out, (uint16_t)c->fields[f].count);
		for (uint32_t i = 0; i < c->fields[f].count; i++) {
			buf_put_u8(out, c->fields[f].items[i].exclude);
			put_text(out, c->fields[f].items[i].text);
		}
	}
}

static void put_rule(struct buf *out, const struct runtime_rule *r)
{
	put_text(out, r->name);
	put_text(out, r->notes);
	put_text(out, r->owner);
	buf_put_u8(out, r->disabled);
	buf_put_u16(out, (uint16_t)r->scope_count);
	for (uint32_t i = 0; i < r->scope_count; i++)
		buf_put_u16(out, (uint16_t)r->scope[i]);
	buf_put_u16(out, DETECTION_COUNT_);
	for (int d = 0; d < DETECTION_COUNT_; d++)
		buf_put_u8(out, (uint8_t)r->effects[d]);
	put_texts(out, &r->allowed);
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
}

/* ---- reading: every function returns 0, -EBADMSG or -ENOMEM ---- */

static int bad(struct reader *r)
{
	return r->failed = -EBADMSG;
}

/* A count of at most `max` items, none of which is smaller than `least` bytes. */
static int get_count(struct reader *r, uint32_t max, size_t least, uint32_t *ret)
{
	uint32_t n = reader_u16(r);

	if (r->failed || n > max || n * least > reader_left(r))
		return bad(r);
	*ret = n;
	return 0;
}

/* NULL for an empty text, where it may be. */
static int get_text(struct reader *r, bool may_be_empty, char **ret)
{
	size_t n = reader_u16(r);
	const uint8_t *p = reader_bytes(r, n);

	if (!p || n > TEXT_MAX || memchr(p, 0, n) || (n == 0 && !may_be_empty))
		return bad(r);
	*ret = n ? strndup((const char *)p, n) : NULL;
	return n && !*ret ? -ENOMEM : 0;
}

/* Patterns of paths or domains. */
static int get_texts(struct reader *r, struct str_list *l)
{
	uint32_t n;
	int e = get_count(r, POLICY_PATTERNS_MAX, 3, &n);

	if (e < 0 || n == 0)
		return e;
	l->items = calloc(n, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && e == 0; i++) {
		e = get_text(r, false, &l->items[i]);
		if (e == 0) {
			l->count++;
			e = strlen(l->items[i]) > POLICY_PATH_MAX || pattern_check(l->items[i]) < 0
				    ? bad(r)
				    : 0;
		}
	}
	return e;
}

static int get_effect(struct reader *r, enum effect *ret)
{
	uint8_t e = reader_u8(r);

	if (r->failed || e >= EFFECT_COUNT_)
		return bad(r);
	*ret = (enum effect)e;
	return 0;
}

static int get_addresses(struct reader *r, struct denied_list *l)
{
	uint32_t n;
	int e = get_count(r, POLICY_PATTERNS_MAX, 17, &n);

	if (e < 0 || n == 0)
		return e;
	l->addresses = calloc(n, sizeof(*l->addresses));
	if (!l->addresses)
		return -ENOMEM;
	for (l->address_count = 0; l->address_count < n; l->address_count++) {
		struct address_range *a = &l->addresses[l->address_count];

		memcpy(a->address, reader_bytes(r, 16), 16); /* get_count saw that they are there */
		a->prefix = reader_u8(r);
		if (a->prefix > 128)
			return bad(r);
	}
	return 0;
}

static int get_ports(struct reader *r, struct denied_list *l)
{
	uint32_t n;
	int e = get_count(r, POLICY_PATTERNS_MAX, 4, &n);

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
			return bad(r);
	}
	return 0;
}

static int get_denied(struct reader *r, struct denied_list *l)
{
	int e = get_effect(r, &l->effect);

	if (e == 0)
		e = get_texts(r, &l->paths);
	if (e == 0)
		e = get_addresses(r, l);
	if (e == 0)
		e = get_ports(r, l);
	return e == 0 ? get_texts(r, &l->domains) : e;
}

static int get_scope_list(struct reader *r, struct scope_list *l)
{
	uint32_t n;
	int e = get_count(r, POLICY_PATTERNS_MAX, 4, &n);

	if (e < 0 || n == 0)
		return e;
	l->items = calloc(n, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (l->count = 0; l->count < n && e == 0;) {
		struct scope_pattern *p = &l->items[l->count];
		uint8_t exclude = reader_u8(r);

		e = exclude > 1 ? bad(r) : get_text(r, false, &p->text);
		if (e == 0) {
			p->exclude = exclude;
			l->count++;
			e = pattern_check(p->text) < 0 ? bad(r) : 0;
		}
	}
	return e;
}

static int get_collection(struct reader *r, struct collection *c)
{
	int e = get_text(r, false, &c->name);

	for (int f = 0; f < SCOPE_FIELD_COUNT_ && e == 0; f++)
		e = get_scope_list(r, &c->fields[f]);
	return e;
}

static int get_scope(struct reader *r, const struct policy *p, struct runtime_rule *rule)
{
	uint32_t n;
	int e = get_count(r, POLICY_PATTERNS_MAX, 2, &n);

	if (e < 0 || n == 0)
		return e;
	rule->scope = calloc(n, sizeof(*rule->scope));
	if (!rule->scope)
		return -ENOMEM;
	for (rule->scope_count = 0; rule->scope_count < n; rule->scope_count++) {
		uint16_t index = reader_u16(r);

		if (index >= p->collection_count)
			return bad(r);
		rule->scope[rule->scope_count] = index;
	}
	return 0;
}

/* Detections that a newer peer knows and we do not are dropped: nothing here could find them. */
static int get_effects(struct reader *r, struct runtime_rule *rule)
{
	uint32_t n;
	enum effect effect;
	int e = get_count(r, 1024, 1, &n);

	for (uint32_t d = 0; d < n && e == 0; d++) {
		e = get_effect(r, &effect);
		if (e == 0 && d < DETECTION_COUNT_)
			rule->effects[d] = effect;
	}
	return e;
}

static int get_rule(struct reader *r, const struct policy *p, struct runtime_rule *rule)
{
	int e = get_text(r, false, &rule->name);

	if (e == 0)
		e = get_text(r, true, &rule->notes);
	if (e == 0)
		e = get_text(r, true, &rule->owner);
	uint8_t disabled = reader_u8(r);
	rule->disabled = disabled;
	if (e == 0)
		e = disabled > 1 ? bad(r) : get_scope(r, p, rule);
	if (e == 0)
		e = get_effects(r, rule);
	if (e == 0)
		e = get_texts(r, &rule->allowed);
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
	uint32_t n;

	if (reader_u32(r) != MAGIC)
		return bad(r);
	p->revision = reader_u64(r);
	int e = get_count(r, POLICY_COLLECTIONS_MAX, 15, &n);
	if (e == 0 && n && !(p->collections = calloc(n, sizeof(*p->collections))))
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		p->collection_count++;
		e = get_collection(r, &p->collections[i]);
	}
	if (e == 0)
		e = get_count(r, POLICY_RULES_MAX, 40, &n);
	if (e == 0 && n && !(p->runtime = calloc(n, sizeof(*p->runtime))))
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		p->runtime_count++;
		e = get_rule(r, p, &p->runtime[i]);
	}
	if (e == 0 && (r->failed || reader_left(r)))
		e = bad(r);
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
