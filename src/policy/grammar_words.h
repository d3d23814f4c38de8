/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of grammar.c and grammar_gates.c are written with; for these two only. */
#pragma once

#include <string.h>

#include "policy/grammar.h"
#include "policy/values.h"

/* Tables read best as laid out by hand. */
/* clang-format off */

#define FIELDS(table) .fields = (table), .field_count = ARRAY_SIZE(table)
#define MAP(table) {.kind = SCHEMA_MAP, .expected = "a map of `key: value`", FIELDS(table)}
#define LIST(item_, expected_) {.kind = SCHEMA_LIST, .item = &(item_), .expected = (expected_), .max = POLICY_PATTERNS_MAX}
#define SCOPE_LIST(item_, expected_) \
	{.kind = SCHEMA_LIST, .item = &(item_), .expected = (expected_), .min = 1, .max = POLICY_PATTERNS_MAX}
#define RULES(item_, names_) \
	{.kind = SCHEMA_LIST, .item = &(item_), .expected = "a list of rules", .names = (names_), .max = POLICY_RULES_MAX}
#define STORED_RULES(item_, names_, add_) \
	{.kind = SCHEMA_LIST, .item = &(item_), .expected = "a list of rules", .names = (names_), .max = POLICY_RULES_MAX, .add = (add_)}
#define TEXT(expected_, store_) {.kind = SCHEMA_TEXT, .expected = (expected_), .store = (store_)}
#define BIT(choice) (1u << (choice))

static const struct schema name = TEXT("a name", value_name);
static const struct schema text = TEXT("a text", value_text);
static const struct schema word = TEXT("a word", value_name);
static const struct schema boolean = {.kind = SCHEMA_BOOL, .expected = "true or false"};
static const struct schema any = {.kind = SCHEMA_ANY, .expected = "a value"};
static const struct schema gate_effect = {.kind = SCHEMA_CHOICE, .choices = &gate_effect_names, .expected = "effect"};
static const struct schema image = TEXT("an image pattern", value_image);
static const struct schema images = SCOPE_LIST(image, "a list of image patterns");

/* ---- what all rules have: their target begins with a struct rule_head ---- */

static const struct schema scope_name = TEXT("the name of a collection", value_scope_name);
static const struct schema scope = SCOPE_LIST(scope_name, "a list of collections");

#define HEAD_AT(member) .offset = offsetof(struct rule_head, member), .stored = true
#define RULE_FIELDS                                                                                                     \
	{.name = "name", .schema = &name, HEAD_AT(name), .required = true, .doc = "what audits and refusals call it"}, \
	{.name = "notes", .schema = &text, HEAD_AT(notes), .doc = "for people"},                                       \
	{.name = "owner", .schema = &text, HEAD_AT(owner), .doc = "whom to ask"},                                      \
	{.name = "disabled", .schema = &boolean, HEAD_AT(disabled), .doc = "true: as if it were not there"}
#define RULE_SCOPE {.name = "scope", .schema = &scope, .stored = true, .doc = "collections it is for; all when absent"}

/* clang-format on */

/* Appends a zeroed element to an array field and its count. */
static inline void *grow(void **items, uint32_t *count, size_t size)
{
	char *p = realloc(*items, (*count + 1) * size);

	if (!p)
		return NULL;
	*items = p;
	return memset(p + (*count)++ * size, 0, size);
}
