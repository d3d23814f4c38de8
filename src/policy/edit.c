/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One splice of a policy text: find how deep the path is there already, cut out the old value or
 * find the place behind the last neighbour, and write the missing rest in the style around it
 * (block or brackets, JSON or YAML). The result is parsed again and must hold the value: where the
 * text is laid out in a way that this does not foresee, the edit is refused and nothing is harmed.
 * See edit.h.
 */
#include "policy/edit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "policy/document.h"
#include "policy/policy.h"

#define PATH_MAX_ 8

struct path {
	char text[256];
	const char *keys[PATH_MAX_];
	uint32_t count;
};

/* One change: what is asked, and text[from, to) to be replaced by the content of `with`. */
struct splice {
	const char *text;
	size_t n;
	const struct policy_edit *edit;
	struct path path; /* edit->key, cut at its dots */
	size_t from, to;
	struct buf with;
	bool json; /* keys and words in quotes */
	struct diag *reterr;
};

static void splice_done_cleanup_(struct splice *s)
{
	buf_done(&s->with);
}

/* ---- places ---- */

/* Byte offset of a line and column (from 1, in characters). */
static size_t offset_of(const char *text, size_t n, uint32_t line, uint32_t column)
{
	size_t i = 0;

	for (uint32_t l = 1; l < line && i < n; i++)
		l += text[i] == '\n';
	for (uint32_t c = 1; c < column && i < n && text[i] != '\n'; c++)
		for (i++; i < n && ((unsigned char)text[i] & 0xc0) == 0x80;)
			i++;
	return i;
}

static size_t start_of(const struct splice *s, const struct node *node)
{
	return offset_of(s->text, s->n, node->line, node->column);
}

static size_t end_of(const struct splice *s, const struct node *node)
{
	return offset_of(s->text, s->n, node->end_line, node->end_column);
}

/* Behind the line in which a block ends. */
static size_t line_behind(const struct splice *s, const struct node *node)
{
	size_t i = end_of(s, node);

	while (i < s->n && s->text[i] != '\n')
		i++;
	return i < s->n ? i + 1 : s->n;
}

/* ---- words ---- */

static bool plain_word(const char *s)
{
	static const char *const meant[] = {"true", "false", "null", "~", "yes", "no", "on", "off"};
	size_t n = strlen(s);

	for (size_t i = 0; i < ARRAY_SIZE(meant); i++)
		if (strcasecmp(s, meant[i]) == 0)
			return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !(i && strchr("-_./ ", s[i])))
			return false;
	return n && s[n - 1] != ' ' && !isdigit((unsigned char)s[0]);
}

static void put_word(struct splice *s, const char *word)
{
	if (!s->json && plain_word(word))
		buf_puts(&s->with, word);
	else
		json_put_str(&s->with, word);
}

/* The value is YAML already; in JSON a bare word needs its quotes. */
static void put_value(struct splice *s)
{
	const char *value = s->edit->value;

	if (s->json && plain_word(value))
		json_put_str(&s->with, value);
	else
		buf_puts(&s->with, value);
}

/* {a: {b: value}} for the keys from `from` on. */
static void put_flow(struct splice *s, uint32_t from)
{
	const struct path *p = &s->path;

	for (uint32_t i = from; i < p->count; i++) {
		if (i > from)
			buf_putc(&s->with, '{');
		put_word(s, p->keys[i]);
		buf_puts(&s->with, ": ");
	}
	put_value(s);
	for (uint32_t i = from + 1; i < p->count; i++)
		buf_putc(&s->with, '}');
}

/* One key a line, from the given column (from 1) on. */
static void put_block(struct splice *s, uint32_t from, uint32_t column)
{
	const struct path *p = &s->path;

	for (uint32_t i = from; i < p->count; i++) {
		buf_printf(&s->with, "%*s", (int)(column - 1 + 2 * (i - from)), "");
		put_word(s, p->keys[i]);
		buf_puts(&s->with, i + 1 < p->count ? ":\n" : ": ");
	}
	buf_puts(&s->with, s->edit->value);
	buf_putc(&s->with, '\n');
}

static void put_rule(struct splice *s, uint32_t column)
{
	buf_printf(&s->with, "%*s- name: ", (int)(column - 1), "");
	put_word(s, s->edit->rule);
	buf_printf(&s->with, "\n%*sscope: [everything]\n", (int)(column + 1), "");
	put_block(s, 0, column + 2);
}

static void put_flow_rule(struct splice *s)
{
	buf_putc(&s->with, '{');
	put_word(s, "name");
	buf_puts(&s->with, ": ");
	put_word(s, s->edit->rule);
	buf_puts(&s->with, ", ");
	put_word(s, "scope");
	buf_puts(&s->with, ": [");
	put_word(s, "everything");
	buf_puts(&s->with, "], ");
	put_flow(s, 0);
	buf_putc(&s->with, '}');
}

/* ---- finding ---- */

struct found {
	const struct node
		*root; /* the document that the rule is in or should go to; NULL = no content */
	const struct node *runtime;
	const struct node *rule;
};

static bool node_is(const struct node *n, const char *text)
{
	return n && n->kind == NODE_TEXT && strcmp(n->text, text) == 0;
}

static void find_rule(const struct document *d, const char *rule, struct found *ret)
{
	*ret = (struct found){0};
	for (uint32_t i = 0; i < d->count; i++) {
		const struct node *runtime = node_get(d->roots[i], "runtime");

		if (d->roots[i]->kind == NODE_MAP && !ret->runtime) {
			ret->root = d->roots[i];
			ret->runtime = runtime;
		}
		for (const struct node *r = runtime ? runtime->first : NULL; r; r = r->next) {
			if (!node_is(node_get(r, "name"), rule))
				continue;
			*ret = (struct found){d->roots[i], runtime, r};
			return;
		}
	}
}

static bool is_json(const struct node *root)
{
	return root->flow && root->first && !root->first->key->plain;
}

/* ---- the four places where something can be missing ---- */

/* In a list or map in brackets: behind its last item, or between the brackets. */
static void splice_into_flow(struct splice *s, const struct node *at)
{
	s->from = s->to = at->last ? end_of(s, at->last) : end_of(s, at) - 1;
	if (at->last)
		buf_puts(&s->with, ", ");
}

static void splice_behind_block(struct splice *s, const struct node *at)
{
	s->from = s->to = line_behind(s, at);
	if (s->from && s->text[s->from - 1] != '\n')
		buf_putc(&s->with, '\n');
}

/* A key without a value: `processes:`, `processes: null`. */
static void splice_over_null(struct splice *s, const struct node *at)
{
	s->from = start_of(s, at);
	s->to = end_of(s, at);
	if (s->from && s->text[s->from - 1] == ':')
		buf_putc(&s->with, ' ');
}

static int refuse(const struct splice *s, const struct node *at, const char *message)
{
	return diag_set(s->reterr, -EINVAL, at->line, at->column,
		"a layout that can be changed in place; edit the text instead", "%s", message);
}

/* Follows the path into the rule as far as it is there, and splices the rest. */
static int splice_key(struct splice *s, const struct node *rule)
{
	const struct path *p = &s->path;
	const struct node *at = rule;
	uint32_t i = 0;

	for (const struct node *next; i < p->count && (next = node_get(at, p->keys[i])); i++)
		at = next;
	if (i == p->count) {
		if (at->kind == NODE_NULL) {
			splice_over_null(s, at);
		} else if (at->kind == NODE_TEXT || at->flow) {
			s->from = start_of(s, at);
			s->to = end_of(s, at);
		} else {
			return refuse(s, at, "the present value is written over several lines");
		}
		put_value(s);
		return 0;
	}
	if (at->kind == NODE_NULL) {
		splice_over_null(s, at);
		buf_putc(&s->with, '{');
		put_flow(s, i);
		buf_putc(&s->with, '}');
	} else if (at->kind != NODE_MAP) {
		return refuse(s, at, "the key's place is taken by something else");
	} else if (at->flow) {
		splice_into_flow(s, at);
		put_flow(s, i);
	} else {
		splice_behind_block(s, at);
		put_block(s, i, at->column);
	}
	return 0;
}

static int splice_rule(struct splice *s, const struct found *f)
{
	const struct node *list = f->runtime;

	if (list && list->kind == NODE_LIST && !list->flow) {
		splice_behind_block(s, list);
		put_rule(s, list->column);
	} else if (list && list->kind == NODE_LIST) {
		splice_into_flow(s, list);
		put_flow_rule(s);
	} else if (list && list->kind == NODE_NULL) {
		splice_over_null(s, list);
		buf_putc(&s->with, '[');
		put_flow_rule(s);
		buf_putc(&s->with, ']');
	} else if (list) {
		return -EINVAL;
	} else if (f->root->flow) {
		splice_into_flow(s, f->root);
		put_word(s, "runtime");
		buf_puts(&s->with, ": [");
		put_flow_rule(s);
		buf_putc(&s->with, ']');
	} else {
		splice_behind_block(s, f->root);
		buf_puts(&s->with, "runtime:\n");
		put_rule(s, 3);
	}
	return 0;
}

/* Comments of a text without content stay at its head. */
static void splice_whole(struct splice *s)
{
	s->from = s->to = s->n;
	if (s->n && s->text[s->n - 1] != '\n')
		buf_putc(&s->with, '\n');
	buf_puts(&s->with, "version: 1\ncollections:\n  - {name: everything}\nruntime:\n");
	put_rule(s, 3);
}

/* ---- the whole ---- */

static int path_split(struct path *p, const char *key)
{
	if (strlen(key) >= sizeof(p->text))
		return -EINVAL;
	snprintf(p->text, sizeof(p->text), "%s", key);
	for (char *k = p->text; k; p->count++) {
		char *dot = strchr(k, '.');

		if (dot)
			*dot++ = 0;
		if (!*k || p->count == PATH_MAX_)
			return -EINVAL;
		p->keys[p->count] = k;
		k = dot;
	}
	return 0;
}

/* One line that is one complete value by itself, so that it cannot reach into what follows it. */
static int value_check(const char *value)
{
	CLEANUP(document_free) struct document *d = NULL;
	int r = document_parse(&d, value, strlen(value));

	if (r < 0)
		return r;
	if (strpbrk(value, "\r\n#") || d->broken || d->count != 1)
		return -EINVAL;
	const struct node *n = d->roots[0];
	bool word = n->kind == NODE_TEXT && (!n->plain || !strpbrk(value, ",[]{}:"));
	return word || n->flow ? 0 : -EINVAL;
}

/* The same tree, whatever the layout. */
static bool node_equal(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->count != b->count || strcmp(a->text, b->text) != 0)
		return false;
	const struct node *x = a->first, *y = b->first;
	for (; x && y; x = x->next, y = y->next)
		if ((x->key && strcmp(x->key->text, y->key->text) != 0) || !node_equal(x, y))
			return false;
	return !x && !y;
}

/* 0 when the value is where it should be. */
static int verify(const struct splice *s, const char *text, size_t n)
{
	CLEANUP(document_free) struct document *d = NULL, *v = NULL;
	struct found f;
	int r = document_parse(&d, text, n);

	if (r == 0)
		r = document_parse(&v, s->edit->value, strlen(s->edit->value));
	if (r < 0)
		return r;
	find_rule(d, s->edit->rule, &f);
	const struct node *at = d->broken ? NULL : f.rule;
	for (uint32_t i = 0; at && i < s->path.count; i++)
		at = node_get(at, s->path.keys[i]);
	return at && node_equal(at, v->roots[0]) ? 0 : -EINVAL;
}

static int find_splice(struct splice *s)
{
	CLEANUP(document_free) struct document *d = NULL;
	struct found f;
	int r = document_parse(&d, s->text, s->n);

	if (r < 0)
		return r;
	if (d->broken)
		return diag_set(s->reterr, -EINVAL, d->error.line, d->error.column,
			d->error.expected, "%s", d->error.message);
	find_rule(d, s->edit->rule, &f);
	if (f.root)
		s->json = is_json(f.root);
	for (uint32_t i = 0; i < d->count && !f.root; i++)
		if (d->roots[i]->kind != NODE_NULL)
			return refuse(s, d->roots[i], "the text is not a policy");
	if (!f.root)
		splice_whole(s);
	else if (f.rule)
		r = splice_key(s, f.rule);
	else if (splice_rule(s, &f) < 0)
		r = refuse(s, f.runtime, "'runtime' is not a list of rules");
	return r;
}

/* What can be said of the request without looking at the text. */
static int check_request(struct splice *s)
{
	const struct policy_edit *e = s->edit;

	if (s->n > POLICY_TEXT_MAX)
		return diag_set(s->reterr, -EINVAL, 1, 1, "at most 4 MiB", "the text is too large");
	if (path_split(&s->path, e->key) < 0 || !*e->rule)
		return diag_set(s->reterr, -EINVAL, 0, 0,
			"a rule's name and keys such as processes.crypto_miners",
			"bad rule or key '%.64s'", e->key);
	int r = value_check(e->value);
	if (r == -EINVAL)
		return diag_set(s->reterr, r, 0, 0,
			"one line of YAML such as block, true or [a, b]", "bad value '%.64s'",
			e->value);
	return r;
}

int policy_edit_set(const char *text, size_t n, const struct policy_edit *e, struct buf *out,
	struct diag *reterr)
{
	CLEANUP(splice_done)
	struct splice s = {.text = text,
		.n = n,
		.edit = e,
		.with = BUF_INIT(POLICY_TEXT_MAX),
		.reterr = reterr};
	size_t before = out->len;
	int r = check_request(&s);

	if (r == 0)
		r = find_splice(&s);
	if (r < 0)
		return r;
	buf_put(out, text, s.from);
	buf_put(out, s.with.data, s.with.len);
	buf_put(out, text + s.to, n - s.to);
	if (s.with.failed || out->failed)
		return s.with.failed ? s.with.failed : out->failed;
	r = verify(&s, (const char *)out->data + before, out->len - before);
	if (r == 0)
		return 0;
	out->len = before;
	out->data[before] = 0;
	return diag_set(reterr, r, 0, 0,
		"a layout that can be changed in place; edit the text instead",
		"the change has no safe place in this text");
}
