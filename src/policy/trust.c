/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted images: which group an image is in, and what a rule says of it. A name is a claim (whoever
 * may tag an image gives it any name); digests, layers and signatures are facts.
 */
#include <string.h>

#include "base/parse.h"
#include "policy/gates.h"

static bool holds(const struct str_list *l, const char *text)
{
	for (uint32_t i = 0; l && i < l->count; i++)
		if (strcmp(l->items[i], text) == 0)
			return true;
	return false;
}

/* The digest that the name itself says ("x@sha256:...", "sha256:..."): its engine holds it to it. */
static const char *digest_of_name(const char *name)
{
	const char *at = name ? strchr(name, '@') : NULL;

	if (at)
		return at + 1;
	return name && str_has_prefix(name, "sha256:") ? name : NULL;
}

static bool digest_in(const struct str_list *digests, const struct image_facts *image)
{
	const char *asked = digest_of_name(image->name);

	if ((image->id && holds(digests, image->id)) || (asked && holds(digests, asked)))
		return true;
	for (uint32_t i = 0; image->repo_digests && i < image->repo_digests->count; i++)
		if (holds(digests, image->repo_digests->items[i]))
			return true;
	return false;
}

static bool begins_with(const struct str_list *layers, const struct str_list *base)
{
	if (!layers || layers->count < base->count)
		return false;
	for (uint32_t i = 0; i < base->count; i++)
		if (strcmp(layers->items[i], base->items[i]) != 0)
			return false;
	return true;
}

static bool signed_by(const struct str_list *keys, const struct image_facts *image)
{
	for (uint32_t i = 0; image->signed_by && i < keys->count; i++)
		if (image->signed_by(image->ctx, keys->items[i], image))
			return true;
	return false;
}

/*
 * Of a name with a tag and a digest the engines look at the digest alone: the tag is only what the
 * asker says, so no pattern of a tag is met by it.
 */
static bool name_in(const struct scope_list *images, const char *name)
{
	char bare[1024];
	const char *at = name ? strchr(name, '@') : NULL;
	size_t n = at ? (size_t)(at - name) : 0;

	if (!at)
		return name && policy_image_in(images, name);
	if (strlen(name) >= sizeof(bare))
		return false;
	size_t end = n;
	while (end && name[end - 1] != ':' && name[end - 1] != '/')
		end--;
	if (end && name[end - 1] == ':')
		n = end - 1;
	snprintf(bare, sizeof(bare), "%.*s%s", (int)n, name, at);
	return policy_image_in(images, bare);
}

/* Lists are ANDed; what costs a look at signatures is asked last. */
static bool in_group(const struct trust_group *g, const struct image_facts *image)
{
	return (!g->images.count || name_in(&g->images, image->name)) &&
	       (!g->digests.count || digest_in(&g->digests, image)) &&
	       (!g->base_layers.count || begins_with(image->layers, &g->base_layers)) &&
	       (!g->keys.count || signed_by(&g->keys, image)) &&
	       g->images.count + g->digests.count + g->base_layers.count + g->keys.count > 0;
}

int policy_trust_group(const struct policy *p, const uint32_t *groups, uint32_t count,
	const struct image_facts *image)
{
	for (uint32_t i = 0; i < count; i++)
		if (groups[i] < p->trust_group_count && in_group(&p->trust_groups[groups[i]], image))
			return (int)groups[i];
	return -1;
}

static const char *name_of(const struct image_facts *image)
{
	return image->name && *image->name ? image->name : image->id ? image->id : "without a name";
}

static void say_none(
	const struct policy *p, const struct trust_rule *rule, struct gate_verdict *v, const char *image)
{
	struct buf b = BUF_FIXED((uint8_t *)v->reason, sizeof(v->reason));

	buf_printf(&b, "image %.256s is in no allowed group (", image);
	for (uint32_t i = 0; i < rule->allowed.count && !b.failed; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", p->trust_groups[rule->allowed.items[i]].name);
	buf_putc(&b, ')');
}

struct gate_verdict policy_judge_trust(const struct policy *p, const struct policy_subject *s,
	const struct image_facts *image)
{
	struct gate_verdict v = {.kind = AUDIT_TRUST};
	const struct trust_rule *rule =
		p ? policy_first_rule(p, p->trust, p->trust_count, sizeof(*p->trust), s) : NULL;
	int group = -1;

	if (!rule)
		return v;
	v.rule = rule->name;
	group = policy_trust_group(p, rule->denied.items, rule->denied.count, image);
	if (group >= 0) {
		v.effect = rule->effect;
		snprintf(v.reason, sizeof(v.reason), "image %.256s is in the denied group '%s'",
			name_of(image), p->trust_groups[group].name);
		snprintf(v.remedy, sizeof(v.remedy), "use another image, or take it out of the group '%s'",
			p->trust_groups[group].name);
	} else if (rule->allowed.count) {
		group = policy_trust_group(p, rule->allowed.items, rule->allowed.count, image);
		if (group < 0) {
			v.effect = rule->effect;
			say_none(p, rule, &v, name_of(image));
			snprintf(v.remedy, sizeof(v.remedy),
				"use an image of these groups, or add this one to a group of the policy");
		} else {
			snprintf(v.reason, sizeof(v.reason), "image %.256s is in the allowed group '%s'",
				name_of(image), p->trust_groups[group].name);
		}
	}
	gate_clean(v.reason);
	return v;
}
