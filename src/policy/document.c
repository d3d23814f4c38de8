/* SPDX-License-Identifier: Apache-2.0 */
/* YAML events to a bounded tree: see document.h. */
#include "policy/document.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#define CHUNK_BYTES (256u << 10)

struct chunk {
	struct chunk *next;
	char data[];
};

/* Memory that lives as long as the document. */
static void *document_alloc(struct document *d, size_t n)
{
	n = (n + 7) & ~(size_t)7;
	struct chunk *c = d->memory;
	if (!c || d->chunk_used + n > CHUNK_BYTES) {
		c = malloc(sizeof(*c) + CHUNK_BYTES);
		if (!c)
			return NULL;
		c->next = d->memory;
		d->memory = c;
		d->chunk_used = 0;
	}
	void *p = c->data + d->chunk_used;
	d->chunk_used += n;
	return p;
}

struct document *document_free(struct document *d)
{
	if (!d)
		return NULL;
	for (struct chunk *c = d->memory, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d->roots);
	free(d);
	return NULL;
}

const struct node *node_get(const struct node *n, const char *key)
{
	for (const struct node *m = n && n->kind == NODE_MAP ? n->first : NULL; m; m = m->next)
		if (strcmp(m->key->text, key) == 0)
			return m;
	return NULL;
}

/* ---- what the bytes may be ---- */

/* Length of the UTF-8 sequence at p and its code point, or 0. */
static size_t utf8_next(const unsigned char *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80	     ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;

	if (len == 0 || len > n)
		return 0;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/*
 * Refuses binary input at its first byte that is no text, before libyaml guesses an encoding.
 * Also the line breaks that editors do not count but YAML does: positions would disagree.
 */
static bool check_bytes(struct document *d, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t line = 1, column = 1, c = 0;
	static const char expected[] = "a YAML or JSON text in UTF-8";

	for (size_t i = 0, len; i < n; i += len, column++) {
		len = utf8_next(p + i, n - i, &c);
		if (len == 0) {
			diag_set(&d->error, -EINVAL, line, column, expected,
				"byte 0x%02x is not UTF-8 text", p[i]);
			return false;
		}
		bool break_ = c == '\n' || (c == '\r' && i + 1 < n && p[i + 1] == '\n');
		if ((c < 0x20 && c != '\t' && !break_) || (c >= 0x7f && c < 0xa0)) {
			diag_set(&d->error, -EINVAL, line, column, expected,
				"control character 0x%02x", c);
			return false;
		}
		if (c == 0x2028 || c == 0x2029) {
			diag_set(&d->error, -EINVAL, line, column, "ordinary line breaks",
				"line break U+%04X", c);
			return false;
		}
		if (c == '\n') {
			line++;
			column = 0;
		}
	}
	return true;
}

/* ---- events to nodes ---- */

struct builder {
	struct document *d;
	struct node *open[DOCUMENT_DEPTH_MAX]; /* lists and maps not closed yet */
	struct node *keys[DOCUMENT_DEPTH_MAX]; /* key read, value awaited, of each open map */
	uint32_t depth;
};

/* Marks the text as broken and returns the condition that ends the walk. */
#define STOP 1
static int refuse(
	struct builder *b, const yaml_mark_t *at, const char *expected, const char *message)
{
	b->d->broken = true;
	diag_set(&b->d->error, -EINVAL, (uint32_t)at->line + 1, (uint32_t)at->column + 1, expected,
		"%s", message);
	return STOP;
}

static bool is_null(const char *text)
{
	static const char *const names[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return true;
	return false;
}

static int node_new(
	struct builder *b, const yaml_event_t *e, enum node_kind kind, struct node **ret)
{
	if (++b->d->nodes > DOCUMENT_NODES_MAX)
		return refuse(b, &e->start_mark, "at most 500000", "too many values in one file");
	struct node *n = document_alloc(b->d, sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct node){.kind = kind,
		.text = "",
		.line = (uint32_t)e->start_mark.line + 1,
		.column = (uint32_t)e->start_mark.column + 1,
		.end_line = (uint32_t)e->end_mark.line + 1,
		.end_column = (uint32_t)e->end_mark.column + 1};
	*ret = n;
	return 0;
}

/* Hangs a finished or just opened node where it belongs. */
static int attach(struct builder *b, struct node *n)
{
	if (b->depth == 0) {
		struct node **p = realloc(b->d->roots, (b->d->count + 1) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		b->d->roots = p;
		p[b->d->count++] = n;
		return 0;
	}
	struct node *parent = b->open[b->depth - 1];
	n->parent = parent;
	if (parent->kind == NODE_MAP) {
		if (!b->keys[b->depth - 1]) {
			b->keys[b->depth - 1] = n;
			return 0;
		}
		n->key = take_ptr(b->keys[b->depth - 1]);
	}
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	parent->count++;
	return 0;
}

static bool key_awaited(const struct builder *b)
{
	return b->depth && b->open[b->depth - 1]->kind == NODE_MAP && !b->keys[b->depth - 1];
}

static int take_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct node *n;

	if (e->data.scalar.tag)
		return refuse(b, &e->start_mark, "a plain value", "YAML tags are not supported");
	if (len > DOCUMENT_VALUE_MAX)
		return refuse(b, &e->start_mark, "at most 4096 bytes", "a value is too long");
	if (memchr(value, 0, len))
		return refuse(b, &e->start_mark, "printable text", "a value holds a NUL character");
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	int r = node_new(b, e, plain && is_null(value) ? NODE_NULL : NODE_TEXT, &n);
	if (r)
		return r;
	n->plain = plain;
	/* A block scalar (`|`, `>`) ends at the first column of the line after it. */
	if (n->end_column == 1 && n->end_line > n->line)
		n->end_line--;
	char *copy = document_alloc(b->d, len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, value, len + 1);
	n->text = copy;
	return attach(b, n);
}

static int open_collection(struct builder *b, const yaml_event_t *e)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;
	const void *tag = map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	struct node *n;

	if (tag)
		return refuse(b, &e->start_mark, "a plain value", "YAML tags are not supported");
	if (key_awaited(b))
		return refuse(b, &e->start_mark, "a word", "a list or map cannot be a key");
	if (b->depth == DOCUMENT_DEPTH_MAX)
		return refuse(b, &e->start_mark, "at most 32 levels", "nested too deeply");
	int r = node_new(b, e, map ? NODE_MAP : NODE_LIST, &n);
	if (r)
		return r;
	n->flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		      : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	r = attach(b, n);
	if (r)
		return r;
	b->keys[b->depth] = NULL;
	b->open[b->depth++] = n;
	return 0;
}

static void close_collection(struct builder *b, const yaml_event_t *e)
{
	struct node *n = b->open[--b->depth];

	/* libyaml puts the end of a block at the next token, behind blank lines and comments. */
	n->end_line = n->flow || !n->last ? (uint32_t)e->end_mark.line + 1 : n->last->end_line;
	n->end_column =
		n->flow || !n->last ? (uint32_t)e->end_mark.column + 1 : n->last->end_column;
}

static int take_event(struct builder *b, const yaml_event_t *e)
{
	const void *anchor = NULL;

	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return refuse(b, &e->start_mark, "the value written out",
			"YAML aliases are not supported");
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(b, e);
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	if (anchor)
		return refuse(b, &e->start_mark, "no `&name`", "YAML anchors are not supported");
	return e->type == YAML_SCALAR_EVENT ? take_scalar(b, e) : open_collection(b, e);
}

/* Whether nothing but blanks stands before this place, and a tab at it. */
static bool tab_indents(const char *text, size_t n, const yaml_mark_t *at)
{
	const char *p = text, *end = text + n;

	for (size_t i = 0; i < at->line; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	if (at->column >= (size_t)(end - p) || p[at->column] != '\t')
		return false;
	for (size_t i = 0; i < at->column; i++)
		if (p[i] != ' ' && p[i] != '\t')
			return false;
	return true;
}

static void take_syntax_error(
	struct document *d, const yaml_parser_t *p, const char *text, size_t n)
{
	const yaml_mark_t *at = &p->problem_mark;
	const char *problem = p->problem ? p->problem : "cannot be read";

	d->broken = true;
	if (p->context && p->context_mark.line != at->line)
		diag_set(&d->error, -EINVAL, (uint32_t)at->line + 1, (uint32_t)at->column + 1,
			"valid YAML", "%s, %s that begins at line %zu", problem, p->context,
			p->context_mark.line + 1);
	else
		diag_set(&d->error, -EINVAL, (uint32_t)at->line + 1, (uint32_t)at->column + 1,
			"valid YAML", "%s%s%s", problem, p->context ? ", " : "",
			p->context ? p->context : "");
	/* The commonest cause has the least helpful words. */
	if (tab_indents(text, n, at))
		diag_set(&d->error, -EINVAL, (uint32_t)at->line + 1, (uint32_t)at->column + 1,
			"spaces", "a tab is used to indent");
}

/* A broken document must not be judged: half of it is missing. */
static void drop_unfinished(struct builder *b)
{
	if (b->d->broken && b->depth && b->d->count)
		b->d->count--;
}

int document_parse(struct document **ret, const char *text, size_t n)
{
	CLEANUP(document_free) struct document *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	if (!check_bytes(d, text, n)) {
		d->broken = true;
		*ret = take_ptr(d);
		return 0;
	}
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);

	struct builder b = {.d = d};
	int r = 0;
	for (bool end = false; !end && r == 0;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			r = parser.error == YAML_MEMORY_ERROR ? -ENOMEM : STOP;
			if (r == STOP)
				take_syntax_error(d, &parser, text, n);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		r = take_event(&b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	drop_unfinished(&b);
	*ret = take_ptr(d);
	return 0;
}
