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
/* target: struct rule_head; the name of a collection */
int value_scope_name(struct walk *w, const struct node *n, void *target);
/* Whether the scope of this rule names `everything` without a collection of that name: then the
 * others of it add nothing. */
bool value_scope_is_everything(const struct walk *w, const struct node *rule);
/* target: struct group_list; the name of a group of images */
int value_group(struct walk *w, const struct node *n, void *target);
/* target: struct str_list */
int value_digest(struct walk *w, const struct node *n, void *target);
int value_key(struct walk *w, const struct node *n, void *target);     /* public key, PEM */
int value_pattern(struct walk *w, const struct node *n, void *target); /* of names */
int value_user(struct walk *w, const struct node *n, void *target);    /* the same, or "" */
int value_capability(struct walk *w, const struct node *n, void *target);
int value_bind(struct walk *w, const struct node *n, void *target); /* a path of the host */
/* target: char **; one line that is not too long for a refusal */
int value_message(struct walk *w, const struct node *n, void *target);
/* target: enum fact, of a bool */
int value_fact(struct walk *w, const struct node *n, void *target);
/* target: unsigned, ored */
int value_host_namespace(struct walk *w, const struct node *n, void *target);
/* target: struct address_list */
int value_client(struct walk *w, const struct node *n, void *target);
/* target: struct check_effect; of the key of a member */
int value_check(struct walk *w, const struct node *n, void *target);
/* only checked */
int value_version(struct walk *w, const struct node *n, void *target);
int value_duration(struct walk *w, const struct node *n, void *target);
int value_date(struct walk *w, const struct node *n, void *target);
