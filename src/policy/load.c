/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_load(): several texts to one compiled policy. All texts are read first, so that a rule may
 * refer to a collection of a later one; then each document is walked along the tables of grammar.c.
 */
#include <errno.h>
#include <string.h>

#include "policy/grammar.h"

#define SOURCES_MAX 256

struct load {
	struct walk walk;
	struct document **documents; /* one for each source, NULL = refused unread */
	size_t count;
	bool version; /* some document says it */
	bool content; /* some document is not empty */
};

static void load_done(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		document_free(l->documents[i]);
	free(l->documents);
	for (int i = 0; i < NAMES_COUNT_; i++) {
		free(l->walk.seen[i].items);
		free(l->walk.known[i].items);
	}
	policy_unref(l->walk.policy);
}

static void load_done_cleanup_(struct load *l)
{
	load_done(l);
}

void policy_messages_done(struct policy_messages *m)
{
	free(m->items);
	*m = (struct policy_messages){0};
}

static int report_file(
	struct walk *w, enum policy_level level, const char *expected, const char *message)
{
	struct diag d = {0};

	diag_set(&d, 0, 1, 1, expected, "%s", message);
	return schema_report(w, level, &d);
}

/* The names in the list at `list` of one document, in its order. */
static int learn_names(struct walk *w, enum name_set set, const struct node *list)
{
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		const struct node *name = node_get(item, "name");
		/* An entry without a name keeps its place: indices must agree with the walk. */
		struct name one = {name && name->kind == NODE_TEXT ? name->text : "", w->file,
			item->line, item->column};
		int r = names_add(&w->known[set], &one);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_source(struct load *l, const struct policy_source *s, struct document **ret)
{
	struct walk *w = &l->walk;
	char message[128];

	w->file = s->name;
	if (s->size > POLICY_TEXT_MAX) {
		w->broken = true;
		snprintf(message, sizeof(message), "the file is too large: %zu bytes", s->size);
		return report_file(w, POLICY_ERROR, "at most 4 MiB", message);
	}
	int r = document_parse(ret, s->text, s->size);
	if (r < 0)
		return r;
	w->broken |= (*ret)->broken;
	for (uint32_t i = 0; i < (*ret)->count && r == 0; i++) {
		const struct node *root = (*ret)->roots[i];

		l->content |= root->kind != NODE_NULL;
		l->version |= node_get(root, "version") != NULL;
		r = learn_names(w, NAMES_COLLECTIONS, node_get(root, "collections"));
		if (r == 0)
			r = learn_names(
				w, NAMES_GROUPS, node_get(node_get(root, "trust"), "groups"));
	}
	return r;
}

static int walk_source(struct load *l, const struct policy_source *s, const struct document *d)
{
	int r = 0;

	l->walk.file = s->name;
	for (uint32_t i = 0; i < d->count && r == 0; i++)
		if (d->roots[i]->kind != NODE_NULL)
			r = schema_walk(&l->walk, &grammar_policy, d->roots[i], l->walk.policy);
	if (r == 0 && d->broken)
		r = schema_report(&l->walk, POLICY_ERROR, &d->error);
	return r;
}

static bool scope_is_open(const struct policy *p, const struct rule_head *head)
{
	for (uint32_t i = 0; i < head->scope_count; i++) {
		const struct collection *c = &p->collections[head->scope[i]];
		bool open = true;

		for (int f = 0; f < SCOPE_FIELD_COUNT_; f++)
			open &= c->fields[f].count == 0;
		if (open)
			return true;
	}
	return head->scope_count == 0;
}

/* A list of patterns that keeps nobody out. */
static bool list_is_open(const struct str_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], "*") == 0)
			return true;
	return l->count == 0;
}

static bool access_is_open(const struct access_rule *r)
{
	static const struct access_when nothing;

	return list_is_open(&r->users) && list_is_open(&r->actions) && r->groups.count == 0 &&
	       memcmp(&r->when, &nothing, sizeof(nothing)) == 0;
}

/* The rules of one area, in their order: all begin with a struct rule_head. */
struct area {
	const void *rules;
	uint32_t count;
	size_t size;
	enum name_set names;
};

static const struct rule_head *area_rule(const struct area *a, uint32_t i)
{
	return (const void *)((const char *)a->rules + i * a->size);
}

/* Rules behind one that matches everything: the first match decides, so they never do. */
static int warn_of_shadowed(struct load *l, const struct area *a)
{
	const struct policy *p = l->walk.policy;
	const struct name *names = l->walk.seen[a->names].items; /* one for each rule, in order */
	const struct rule_head *catch_all = NULL;
	int r = 0;

	for (uint32_t i = 0; i < a->count && r == 0; i++) {
		const struct rule_head *rule = area_rule(a, i);
		struct diag d = {0};

		if (rule->disabled)
			continue;
		if (catch_all) {
			diag_set(&d, 0, names[i].line, names[i].column, NULL,
				"the rule '%s' is never asked: '%s' before it matches everything",
				rule->name, catch_all->name);
			l->walk.file = names[i].file;
			r = schema_report(&l->walk, POLICY_WARNING, &d);
		} else if (scope_is_open(p, rule) &&
			   ((a->names != NAMES_ACCESS && a->names != NAMES_ADMISSION) ||
				   access_is_open((const struct access_rule *)rule))) {
			catch_all = rule;
		}
	}
	return r;
}

/* What is valid, but hardly meant. */
static int warn_of_gaps(struct load *l, const struct policy_source *first)
{
	struct walk *w = &l->walk;
	const struct policy *p = w->policy;
	const struct area areas[] = {
		{p->runtime, p->runtime_count, sizeof(*p->runtime), NAMES_RUNTIME},
		{p->trust, p->trust_count, sizeof(*p->trust), NAMES_TRUST},
		{p->compliance, p->compliance_count, sizeof(*p->compliance), NAMES_COMPLIANCE},
		{p->access, p->access_count, sizeof(*p->access), NAMES_ACCESS},
		{p->admission, p->admission_count, sizeof(*p->admission), NAMES_ADMISSION},
	};
	uint32_t rules = 0, enabled = 0;
	int r = 0;

	w->file = first->name;
	for (size_t k = 0; k < ARRAY_SIZE(areas); k++)
		for (uint32_t i = 0; i < areas[k].count; i++, rules++)
			enabled += !area_rule(&areas[k], i)->disabled;
	if (!l->version)
		r = report_file(
			w, POLICY_WARNING, NULL, "'version' is not given: read as version 1");
	if (r == 0 && !enabled)
		r = report_file(w, POLICY_WARNING, NULL,
			rules ? "every rule is disabled: nothing is enforced"
			      : "the policy has no rule: nothing is enforced");
	for (size_t k = 0; k < ARRAY_SIZE(areas) && r == 0; k++)
		r = warn_of_shadowed(l, &areas[k]);
	return r;
}

/* All texts as one, which loads to the same policy. */
static int join_texts(struct policy *p, const struct policy_source *sources, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POLICY_TEXT_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct policy_source *s = &sources[i];

		if (i && b.len && b.data[b.len - 1] != '\n')
			buf_putc(&b, '\n');
		if (i && s->size && s->text[0] == '%')
			buf_puts(&b, "...\n");
		else if (i && !(s->size >= 3 && memcmp(s->text, "---", 3) == 0))
			buf_puts(&b, "---\n");
		buf_put(&b, s->text, s->size);
	}
	if (b.failed)
		return b.failed;
	p->text = buf_take_str(&b);
	return p->text ? 0 : -ENOMEM;
}

static int load_all(struct load *l, const struct policy_source *sources, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = read_source(l, &sources[i], &l->documents[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		if (l->documents[i])
			r = walk_source(l, &sources[i], l->documents[i]);
	if (r < 0 || l->walk.messages->errors)
		return r;
	if (!l->content) {
		l->walk.file = sources[0].name;
		return report_file(
			&l->walk, POLICY_ERROR, "at least `version: 1`", "the policy is empty");
	}
	r = join_texts(l->walk.policy, sources, n);
	if (r == -E2BIG) {
		l->walk.file = sources[n - 1].name;
		return report_file(&l->walk, POLICY_ERROR, "at most 4 MiB",
			"the files are too large together");
	}
	return r == 0 ? warn_of_gaps(l, &sources[0]) : r;
}

int policy_load(struct policy **ret, const struct policy_source *sources, size_t n,
	struct policy_messages *messages)
{
	CLEANUP(load_done) struct load l = {.walk = {.messages = messages}};

	*messages = (struct policy_messages){0};
	if (n == 0 || n > SOURCES_MAX) {
		l.walk.file = "";
		int r = report_file(
			&l.walk, POLICY_ERROR, "1 to 256 files", n ? "too many files" : "no file");
		return r < 0 ? r : -EINVAL;
	}
	l.walk.policy = calloc(1, sizeof(*l.walk.policy));
	if (!l.walk.policy)
		return -ENOMEM;
	l.walk.policy->refs = 1;
	l.documents = calloc(n, sizeof(struct document *));
	if (!l.documents)
		return -ENOMEM;
	l.count = n;
	int r = load_all(&l, sources, n);
	if (r < 0 && r != -E2BIG)
		return r;
	if (messages->errors)
		return -EINVAL;
	*ret = take_ptr(l.walk.policy);
	return 0;
}
