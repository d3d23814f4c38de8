/* SPDX-License-Identifier: Apache-2.0 */
/* The walker of the policy tables: see schema.h. */
#include "policy/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "policy/suggest.h"

#define LIST_MAX 4096

/* ---- messages ---- */

int schema_report(struct walk *w, enum policy_level level, const struct diag *d)
{
	struct policy_messages *m = w->messages;
	uint32_t *taken = level == POLICY_ERROR ? &m->errors : &w->warnings;

	if (*taken > MESSAGES_MAX)
		return level == POLICY_ERROR ? -E2BIG : 0;
	struct policy_message *items = realloc(m->items, (m->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	m->items = items;
	struct policy_message *one = &items[m->count++];
	*one = (struct policy_message){.level = level, .diag = *d};
	snprintf(one->diag.file, sizeof(one->diag.file), "%s", w->file);
	if (++*taken > MESSAGES_MAX)
		diag_set(&one->diag, 0, d->line, d->column, "fewer",
			"more %s than %d; the rest is not shown",
			level == POLICY_ERROR ? "errors" : "warnings", MESSAGES_MAX);
	return *taken > MESSAGES_MAX && level == POLICY_ERROR ? -E2BIG : 0;
}

static int report(struct walk *w, enum policy_level level, const struct node *n,
	const char *expected, const char *message)
{
	struct diag d = {0};

	diag_set(&d, 0, n->line, n->column, expected, "%s", message);
	return schema_report(w, level, &d);
}

int schema_error(struct walk *w, const struct node *n, const char *expected, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return report(w, POLICY_ERROR, n, expected, message);
}

int schema_warning(struct walk *w, const struct node *n, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return report(w, POLICY_WARNING, n, NULL, message);
}

const char *node_label(const struct node *n)
{
	for (; n; n = n->parent)
		if (n->key)
			return n->key->text;
	return "policy";
}

/* ---- names ---- */

int names_add(struct names *s, const struct name *name)
{
	struct name *items = realloc(s->items, (s->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	s->items = items;
	items[s->count++] = *name;
	return 0;
}

const struct name *names_find(const struct names *s, const char *text)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].text, text) == 0)
			return &s->items[i];
	return NULL;
}

/* ---- values ---- */

const char *schema_choices(const struct schema *s, char *out, size_t size)
{
	struct buf b = BUF_FIXED((uint8_t *)out, size);
	int last = -1;

	out[0] = 0;
	for (int i = 0; i < s->choices->count; i++)
		if (!s->allowed || (s->allowed & 1u << i))
			last = i;
	for (int i = 0; i <= last; i++) {
		if (s->allowed && !(s->allowed & 1u << i))
			continue;
		if (b.len)
			buf_puts(&b, i == last ? " or " : ", ");
		buf_puts(&b, s->choices->names[i]);
	}
	return out;
}

static const char *kind_text(const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return "has no value";
	case NODE_TEXT:
		return "is a single value";
	case NODE_LIST:
		return "is a list";
	case NODE_MAP:
		return "is a map";
	}
	return "";
}

static int wrong_kind(struct walk *w, const struct schema *s, const struct node *n)
{
	char choices[256];
	const char *expected = s->kind == SCHEMA_CHOICE
				       ? schema_choices(s, choices, sizeof(choices))
				       : s->expected;

	if (n->key || !n->parent)
		return schema_error(w, n, expected, "'%s' %s", node_label(n), kind_text(n));
	return schema_error(w, n, expected, "an entry of '%s' %s", node_label(n), kind_text(n));
}

static bool is_bool(const struct node *n)
{
	return n->plain && (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0);
}

static int walk_bool(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	if (n->kind != NODE_TEXT)
		return wrong_kind(w, s, n);
	if (!is_bool(n))
		return schema_error(w, n, s->expected, "'%s' is '%.64s'", node_label(n), n->text);
	if (s->store)
		return s->store(w, n, target);
	if (target)
		*(bool *)target = n->text[0] == 't';
	return 0;
}

static int walk_text(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	if (n->kind != NODE_TEXT)
		return wrong_kind(w, s, n);
	if (is_bool(n))
		return schema_error(w, n, s->expected, "'%s' is the bool %s, not a text",
			node_label(n), n->text);
	return s->store ? s->store(w, n, target) : 0;
}

static int walk_choice(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	char expected[256];
	struct suggestion near = SUGGESTION(n->text);

	if (n->kind != NODE_TEXT)
		return wrong_kind(w, s, n);
	schema_choices(s, expected, sizeof(expected));
	int value = enum_from_name(s->choices, n->text);
	if (value >= 0 && (!s->allowed || (s->allowed & 1u << value))) {
		if (target)
			*(int *)target = value;
		return 0;
	}
	if (value >= 0 && *n->text)
		return schema_error(
			w, n, expected, "'%s' makes no sense for '%s'", n->text, node_label(n));
	for (int i = 0; i < s->choices->count; i++)
		if (!s->allowed || (s->allowed & 1u << i))
			suggestion_offer(&near, s->choices->names[i]);
	if (near.best)
		return schema_error(w, n, expected,
			"unknown %s '%.64s' for '%s', did you mean '%s'?", s->expected, n->text,
			node_label(n), near.best);
	return schema_error(
		w, n, expected, "unknown %s '%.64s' for '%s'", s->expected, n->text, node_label(n));
}

/* ---- lists and maps ---- */

/* Registers the name of a rule, collection, ... and reports a second one. */
static int take_name(struct walk *w, enum name_set set, const struct node *item)
{
	const struct node *n = node_get(item, "name");

	if (!n || n->kind != NODE_TEXT)
		return 0; /* told by the walk of the item */
	const struct name *other = names_find(&w->seen[set], n->text);
	if (!other)
		return names_add(
			&w->seen[set], &(struct name){n->text, w->file, n->line, n->column});
	if (strcmp(other->file, w->file) == 0)
		return schema_error(w, n, "a name of its own",
			"the name '%.64s' is taken already, in line %u", n->text, other->line);
	return schema_error(w, n, "a name of its own",
		"the name '%.64s' is taken already, in line %u of %s", n->text, other->line,
		other->file);
}

static int too_many(struct walk *w, const struct node *n, uint32_t max)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "at most %u", max);
	return schema_error(
		w, n, expected, "'%s' has too many entries: %u", node_label(n), n->count);
}

static int walk_list(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	uint32_t max = s->max ? s->max : LIST_MAX;
	int r = 0;

	if (n->kind == NODE_NULL && s->min == 0)
		return 0;
	if (n->kind != NODE_LIST)
		return wrong_kind(w, s, n);
	if (n->count < s->min)
		return schema_error(w, n, s->expected,
			"'%s' is empty; leave it out to mean everything", node_label(n));
	if (n->count > max || (s->names && n->count > max - w->seen[s->names].count))
		return too_many(w, n, max);
	for (const struct node *item = n->first; item && r == 0; item = item->next) {
		void *to = s->add && target ? s->add(target) : target;

		if (s->add && target && !to)
			return -ENOMEM;
		if (s->names)
			r = take_name(w, s->names, item);
		if (r == 0)
			r = schema_walk(w, s->item, item, to);
	}
	return r;
}

static int unknown_key(struct walk *w, const struct schema *s, const struct node *m)
{
	struct suggestion near = SUGGESTION(m->key->text);
	char expected[256];
	struct buf b = BUF_FIXED((uint8_t *)expected, sizeof(expected));

	expected[0] = 0;
	for (uint32_t i = 0; i < s->field_count; i++) {
		suggestion_offer(&near, s->fields[i].name);
		buf_printf(&b, "%s%s", i ? ", " : "one of ", s->fields[i].name);
	}
	if (near.best)
		return schema_error(w, m->key, expected,
			"unknown key '%.64s' in '%s', did you mean '%s'?", m->key->text,
			node_label(m->parent), near.best);
	return schema_error(w, m->key, expected, "unknown key '%.64s' in '%s'", m->key->text,
		node_label(m->parent));
}

/* An empty list or a disabled effect asks for nothing: no word about it not being enforced. */
static bool asks_nothing(const struct node *n)
{
	return n->kind == NODE_NULL ||
	       ((n->kind == NODE_LIST || n->kind == NODE_MAP) && n->count == 0) ||
	       (n->kind == NODE_TEXT &&
		       strcmp(n->text, enum_name(&effect_names, EFFECT_DISABLE)) == 0);
}

bool schema_enforced(const struct schema_field *f)
{
	for (const enum detection *d = f->detections; d && *d; d++) {
		const struct detection_info *info = detection_info(*d);

		if (info && info->built)
			return true;
	}
	return !f->detections && !f->later;
}

static int walk_effect(struct walk *w, const struct schema_field *f, const struct node *n,
	struct runtime_rule *rule)
{
	int effect = EFFECT_DISABLE;
	int r = schema_walk(w, f->schema, n, &effect);

	for (const enum detection *d = f->detections; rule && *d; d++)
		rule->effects[*d] = (enum effect)effect;
	return r;
}

static int walk_field(
	struct walk *w, const struct schema_field *f, const struct node *n, void *target)
{
	uint32_t before = w->messages->errors;
	int r;

	if (f->detections)
		r = walk_effect(w, f, n, target);
	else
		r = schema_walk(
			w, f->schema, n, f->stored && target ? (char *)target + f->offset : NULL);
	if (r == 0 && w->messages->errors == before && !schema_enforced(f) && !asks_nothing(n))
		r = schema_warning(
			w, n->key, "'%s' is accepted, not enforced by this version", f->name);
	return r;
}

static bool has_required(const struct schema *s)
{
	for (uint32_t i = 0; i < s->field_count; i++)
		if (s->fields[i].required)
			return true;
	return false;
}

static int missing_key(struct walk *w, const struct schema_field *f, const struct node *map)
{
	char choices[256];
	const char *expected = f->schema->kind == SCHEMA_CHOICE
				       ? schema_choices(f->schema, choices, sizeof(choices))
				       : f->schema->expected;

	return schema_error(w, map, expected, "the key '%s' is missing", f->name);
}

static int walk_map(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	const struct node *seen[64] = {NULL};
	int r = 0;

	if (n->kind == NODE_NULL && !has_required(s))
		return 0;
	if (n->kind != NODE_MAP)
		return wrong_kind(w, s, n);
	for (const struct node *m = n->first; m && r == 0; m = m->next) {
		uint32_t i = 0;

		while (i < s->field_count && strcmp(s->fields[i].name, m->key->text) != 0)
			i++;
		if (i == s->field_count) {
			r = unknown_key(w, s, m);
		} else if (seen[i]) {
			r = schema_error(w, m->key, "each key once",
				"the key '%s' is there twice, first in line %u", m->key->text,
				seen[i]->line);
		} else {
			seen[i] = m->key;
			r = walk_field(w, &s->fields[i], m, target);
		}
	}
	for (uint32_t i = 0; i < s->field_count && r == 0; i++)
		if (s->fields[i].required && !seen[i])
			r = missing_key(w, &s->fields[i], n);
	return r == 0 && s->store ? s->store(w, n, target) : r;
}

static int walk_member(struct walk *w, const struct schema *s, const struct node *m, void *target)
{
	void *to = s->add && target ? s->add(target) : NULL;
	int r = 0;

	if (s->add && target && !to)
		return -ENOMEM;
	if (s->store)
		r = s->store(w, m, to);
	return r == 0 ? schema_walk(w, s->item, m, to) : r;
}

static int walk_dict(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	uint32_t max = s->max ? s->max : 256;
	int r = 0;

	if (n->kind == NODE_NULL)
		return 0;
	if (n->kind != NODE_MAP)
		return wrong_kind(w, s, n);
	if (n->count > max)
		return too_many(w, n, max);
	for (const struct node *m = n->first; m && r == 0; m = m->next) {
		const struct node *first = node_get(n, m->key->text);

		if (first != m)
			r = schema_error(w, m->key, "each key once",
				"the key '%.64s' is there twice, first in line %u", m->key->text,
				first->key->line);
		else
			r = walk_member(w, s, m, target);
	}
	return r;
}

int schema_walk(struct walk *w, const struct schema *s, const struct node *n, void *target)
{
	switch (s->kind) {
	case SCHEMA_TEXT:
		return walk_text(w, s, n, target);
	case SCHEMA_BOOL:
		return walk_bool(w, s, n, target);
	case SCHEMA_CHOICE:
		return walk_choice(w, s, n, target);
	case SCHEMA_LIST:
		return walk_list(w, s, n, target);
	case SCHEMA_MAP:
		return walk_map(w, s, n, target);
	case SCHEMA_DICT:
		return walk_dict(w, s, n, target);
	case SCHEMA_ANY:
		return 0;
	}
	return 0;
}
