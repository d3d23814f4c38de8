/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of single values that the tables of grammar.c are made of. Each is a schema_store_fn:
 * checks one text, reports what is wrong with it, and appends or sets what it means at `target`
 * where that is not NULL.
 */
#pragma once

#include "policy/schema.h"

/* target: char ** */
int value_text(struct walk *w, const struct node *n, void *target);
int value_name(struct walk *w, const struct node *n, void *target); /* one line, not empty */
/* target: struct str_list */
int value_path(struct walk *w, const struct node *n, void *target);
int value_domain(struct walk *w, const struct node *n, void *target);
/* target: struct denied_list */
int value_address(struct walk *w, const struct node *n, void *target);
int value_ports(struct walk *w, const struct node *n, void *target);
/* target: struct scope_list; `-pattern` excludes */
int value_scope(struct walk *w, const struct node *n, void *target);
int value_image(struct walk *w, const struct node *n, void *target);
int value_label(struct walk *w, const struct node *n, void *target);
/* target: struct runtime_rule; the name of a collection */
int value_scope_name(struct walk *w, const struct node *n, void *target);
/* Whether the scope of this rule names `everything` without a collection of that name: then the
 * others of it add nothing. */
bool value_scope_is_everything(const struct walk *w, const struct node *rule);
/* only checked */
int value_version(struct walk *w, const struct node *n, void *target);
int value_group(struct walk *w, const struct node *n, void *target);
int value_duration(struct walk *w, const struct node *n, void *target);
int value_date(struct walk *w, const struct node *n, void *target);
int value_digest(struct walk *w, const struct node *n, void *target);
