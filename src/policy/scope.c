/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rule a container falls under. Fields of a collection are ANDed, entries of a list and
 * collections of a scope are ORed; an excluding pattern goes before all others of its list; a list
 * of nothing but excluding patterns begins with everything.
 */
#include <string.h>

#include "base/pattern.h"
#include "policy/image.h"
#include "policy/policy.h"

#define LABEL_TEXT_MAX 1024 /* of "key:value"; what is longer is compared by its beginning */

struct subject {
	const struct policy_subject *given;
	struct image_names image;
};

static bool matches_any(const char *pattern)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, "**") == 0;
}

static bool label_hits(const char *pattern, const struct kv_list *labels)
{
	char text[LABEL_TEXT_MAX];

	for (uint32_t i = 0; labels && i < labels->count; i++) {
		snprintf(text, sizeof(text), "%s:%s", labels->items[i].key,
			labels->items[i].value ? labels->items[i].value : "");
		if (pattern_match(pattern, text, true))
			return true;
	}
	return false;
}

static bool pattern_hits(const char *pattern, enum scope_field field, const struct subject *s)
{
	const char *const texts[SCOPE_FIELD_COUNT_] = {
		[SCOPE_CONTAINERS] = s->given->container,
		[SCOPE_NAMESPACES] = s->given->namespace_,
		[SCOPE_CLUSTERS] = s->given->cluster,
		[SCOPE_HOSTS] = s->given->host,
	};

	if (matches_any(pattern))
		return true;
	if (field == SCOPE_IMAGES)
		return s->image.count && image_names_match(&s->image, pattern);
	if (field == SCOPE_LABELS)
		return label_hits(pattern, s->given->labels);
	return texts[field] && pattern_match(pattern, texts[field], true);
}

static bool list_matches(
	const struct scope_list *l, enum scope_field field, const struct subject *s)
{
	bool included = false, includes = false;

	for (uint32_t i = 0; i < l->count; i++) {
		const struct scope_pattern *p = &l->items[i];
		bool hit = (p->exclude || !included) && pattern_hits(p->text, field, s);

		if (hit && p->exclude)
			return false;
		included |= hit;
		includes |= !p->exclude;
	}
	return included || !includes;
}

static bool collection_matches(const struct collection *c, const struct subject *s)
{
	for (int f = 0; f < SCOPE_FIELD_COUNT_; f++)
		if (!list_matches(&c->fields[f], (enum scope_field)f, s))
			return false;
	return true;
}

static bool head_matches(
	const struct policy *p, const struct rule_head *head, const struct subject *s)
{
	for (uint32_t i = 0; i < head->scope_count; i++)
		if (collection_matches(&p->collections[head->scope[i]], s))
			return true;
	return head->scope_count == 0;
}

static void subject_init(struct subject *s, const struct policy_subject *given)
{
	s->given = given;
	s->image.count = 0;
	if (given->image && *given->image)
		image_names_init(&s->image, given->image);
}

const void *policy_first_rule(const struct policy *p, const void *rules, uint32_t count,
	size_t size, const struct policy_subject *given)
{
	struct subject s;

	subject_init(&s, given);
	for (uint32_t i = 0; i < count; i++) {
		const void *rule = (const char *)rules + i * size;
		const struct rule_head *head = rule;

		if (!head->disabled && head_matches(p, head, &s))
			return rule;
	}
	return NULL;
}

const struct runtime_rule *policy_runtime_rule(
	const struct policy *p, const struct policy_subject *s)
{
	return p ? policy_first_rule(p, p->runtime, p->runtime_count, sizeof(*p->runtime), s)
		 : NULL;
}

bool policy_image_in(const struct scope_list *images, const char *name)
{
	struct policy_subject given = {.image = name};
	struct subject s;

	subject_init(&s, &given);
	return list_matches(images, SCOPE_IMAGES, &s);
}
