/* SPDX-License-Identifier: Apache-2.0 */
/* Checks single values of the policy file and stores them: see values.h. */
#include "policy/values.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"
#include "policy/image.h"
#include "policy/suggest.h"

#define NAME_BYTES_MAX 128

/* ---- single values ---- */

static bool printable(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return false;
	return true;
}

int value_text(struct walk *w, const struct node *n, void *target)
{
	return target ? str_set(target, n->text) : 0;
}

int value_name(struct walk *w, const struct node *n, void *target)
{
	size_t len = strlen(n->text);

	if (len == 0 || len > NAME_BYTES_MAX || !printable(n->text))
		return schema_error(w, n, "a text of 1 to 128 bytes in one line",
			"'%s' is empty, too long or has line breaks", node_label(n));
	return value_text(w, n, target);
}

int value_version(struct walk *w, const struct node *n, void *target)
{
	if (!n->plain || strcmp(n->text, "1") != 0)
		return schema_error(w, n, "the number 1",
			"the policy language version '%.32s' is not known", n->text);
	return 0;
}

static const char pattern_expected[] = "a text with `*` only at its beginning and/or end";

int value_path(struct walk *w, const struct node *n, void *target)
{
	if (pattern_check(n->text) < 0)
		return schema_error(w, n, pattern_expected, "bad pattern '%.128s'", n->text);
	if (strlen(n->text) > POLICY_PATH_MAX)
		return schema_error(
			w, n, "at most 255 bytes", "the path '%.64s...' is too long", n->text);
	if (n->text[0] != '/' && n->text[0] != '*')
		return schema_error(w, n, "a path from `/`, or a pattern from `*`",
			"the path '%.128s' is not absolute", n->text);
	return target ? str_list_add(target, n->text) : 0;
}

int value_domain(struct walk *w, const struct node *n, void *target)
{
	if (pattern_check(n->text) < 0 || strlen(n->text) > POLICY_PATH_MAX ||
		strpbrk(n->text, " /:@"))
		return schema_error(w, n, "a name such as pool.example or *.example",
			"bad domain '%.128s'", n->text);
	return target ? str_list_add(target, n->text) : 0;
}

static int read_address(struct walk *w, const struct node *n, struct address_range *ret)
{
	if (parse_cidr(n->text, ret->address, &ret->prefix) == 0)
		return 0;
	return schema_error(w, n, "an address such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32",
		"bad address '%.64s'", n->text);
}

static int address_add(
	struct address_range **items, uint32_t *count, const struct address_range *range)
{
	struct address_range *p = realloc(*items, (*count + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	*items = p;
	p[(*count)++] = *range;
	return 0;
}

int value_address(struct walk *w, const struct node *n, void *target)
{
	struct denied_list *l = target;
	struct address_range range;
	uint32_t before = w->messages->errors;
	int r = read_address(w, n, &range);

	if (r < 0 || !l || w->messages->errors != before)
		return r;
	return address_add(&l->addresses, &l->address_count, &range);
}

int value_client(struct walk *w, const struct node *n, void *target)
{
	struct address_list *l = target;
	struct address_range range;
	uint32_t before = w->messages->errors;
	int r = read_address(w, n, &range);

	if (r < 0 || !l || w->messages->errors != before)
		return r;
	return address_add(&l->items, &l->count, &range);
}

/* "2375" or "3333-3340". */
static bool parse_ports(const char *text, struct port_range *ret)
{
	char from[8];
	size_t n = strcspn(text, "-");
	uint64_t a, b;

	if (n >= sizeof(from))
		return false;
	memcpy(from, text, n);
	from[n] = 0;
	if (parse_u64(from, 1, 65535, &a) < 0 ||
		parse_u64(text[n] ? text + n + 1 : from, a, 65535, &b) < 0)
		return false;
	*ret = (struct port_range){(uint16_t)a, (uint16_t)b};
	return true;
}

int value_ports(struct walk *w, const struct node *n, void *target)
{
	struct denied_list *l = target;
	struct port_range range;

	if (!parse_ports(n->text, &range))
		return schema_error(w, n, "1 to 65535, or a range such as 3333-3340",
			"bad port '%.32s'", n->text);
	if (!l)
		return 0;
	struct port_range *p = realloc(l->ports, (l->port_count + 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	l->ports = p;
	p[l->port_count++] = range;
	return 0;
}

static int scope_add(struct scope_list *l, const char *text, bool exclude)
{
	struct scope_pattern *p = realloc(l->items, (l->count + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	l->items = p;
	p[l->count] = (struct scope_pattern){.text = strdup(text), .exclude = exclude};
	return p[l->count++].text ? 0 : -ENOMEM;
}

/* `-pattern` excludes. Returns the bare pattern, or NULL after reporting in *r. */
static const char *scope_text(struct walk *w, const struct node *n, int *r)
{
	const char *text = n->text + (n->text[0] == '-');

	*r = pattern_check(text) == 0
		     ? 0
		     : schema_error(w, n, pattern_expected, "bad pattern '%.128s'", n->text);
	return pattern_check(text) == 0 ? text : NULL;
}

int value_scope(struct walk *w, const struct node *n, void *target)
{
	int r;
	const char *text = scope_text(w, n, &r);

	return text && target ? scope_add(target, text, text != n->text) : r;
}

int value_image(struct walk *w, const struct node *n, void *target)
{
	char canonical[IMAGE_NAME_MAX];
	int r;
	const char *text = scope_text(w, n, &r);

	if (!text)
		return r;
	if (strlen(text) > IMAGE_NAME_MAX / 2 || strpbrk(text, " \t"))
		return schema_error(w, n,
			"an image name such as nginx, *:latest or registry.local:5000/*",
			"bad image '%.128s'", n->text);
	return target ? scope_add(target, image_pattern(text, canonical, sizeof(canonical)),
				text != n->text)
		      : 0;
}

int value_label(struct walk *w, const struct node *n, void *target)
{
	int r;
	const char *text = scope_text(w, n, &r);

	if (text && !strchr(text, ':') && strcmp(text, "*") != 0)
		return schema_error(
			w, n, "key:value, key:* or *:value", "bad label '%.128s'", n->text);
	return text && target ? scope_add(target, text, text != n->text) : r;
}

/* ---- references ---- */

static int unknown_reference(
	struct walk *w, const struct node *n, enum name_set set, const char *what)
{
	struct suggestion near = SUGGESTION(n->text);
	char expected[192];

	if (w->broken)
		return 0; /* it may stand in the part that could not be read */
	for (uint32_t i = 0; i < w->known[set].count; i++)
		suggestion_offer(&near, w->known[set].items[i].text);
	snprintf(expected, sizeof(expected), "the name of a %s", what);
	if (near.best)
		return schema_error(w, n, expected, "unknown %s '%.64s', did you mean '%.64s'?",
			what, n->text, near.best);
	return schema_error(w, n, expected, "unknown %s '%.64s'", what, n->text);
}

static int index_add(uint32_t **items, uint32_t *count, uint32_t index)
{
	uint32_t *p = realloc(*items, (*count + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	*items = p;
	p[(*count)++] = index;
	return 0;
}

/* Needs no definition: it is the scope without a collection. */
static const char everything[] = "everything";

int value_scope_name(struct walk *w, const struct node *n, void *target)
{
	const struct names *known = &w->known[NAMES_COLLECTIONS];
	const struct name *found = names_find(known, n->text);
	struct rule_head *head = target;

	if (!found && strcmp(n->text, everything) != 0)
		return unknown_reference(w, n, NAMES_COLLECTIONS, "collection");
	if (!head || !found)
		return 0; /* a rule's end looks for `everything` */
	return index_add(&head->scope, &head->scope_count, (uint32_t)(found - known->items));
}

bool value_scope_is_everything(const struct walk *w, const struct node *rule)
{
	const struct node *list = node_get(rule, "scope");

	if (names_find(&w->known[NAMES_COLLECTIONS], everything))
		return false; /* the user's own collection of this name */
	for (const struct node *n = list ? list->first : NULL; n; n = n->next)
		if (strcmp(n->text, everything) == 0)
			return true;
	return false;
}

int value_group(struct walk *w, const struct node *n, void *target)
{
	const struct names *known = &w->known[NAMES_GROUPS];
	const struct name *found = names_find(known, n->text);
	struct group_list *l = target;

	if (!found)
		return unknown_reference(w, n, NAMES_GROUPS, "group");
	return l ? index_add(&l->items, &l->count, (uint32_t)(found - known->items)) : 0;
}

/* ---- forms of values that are only checked ---- */

int value_duration(struct walk *w, const struct node *n, void *target)
{
	uint64_t ns;

	return parse_duration(n->text, &ns) == 0
		       ? 0
		       : schema_error(w, n, "a duration such as 12h or 7d", "bad duration '%.32s'",
				 n->text);
}

int value_date(struct walk *w, const struct node *n, void *target)
{
	static const char form[] = "dddd-dd-dd";
	bool good = strlen(n->text) == sizeof(form) - 1;

	for (size_t i = 0; good && form[i]; i++)
		good = form[i] == 'd' ? isdigit((unsigned char)n->text[i]) != 0
				      : n->text[i] == form[i];
	int month = good ? (n->text[5] - '0') * 10 + n->text[6] - '0' : 0;
	int day = good ? (n->text[8] - '0') * 10 + n->text[9] - '0' : 0;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return schema_error(w, n, "a date such as 2027-01-31", "bad date '%.32s'", n->text);
	return 0;
}
