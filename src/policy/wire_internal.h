/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of the binary form that wire.c and wire_gates.c share. Readers return 0, -EBADMSG or -ENOMEM. */
#pragma once

#include <errno.h>

#include "policy/policy.h"

void wire_put_text(struct buf *out, const char *s);
void wire_put_texts(struct buf *out, const struct str_list *l);
void wire_put_scope_list(struct buf *out, const struct scope_list *l);
void wire_put_addresses(struct buf *out, const struct address_range *items, uint32_t count);
void wire_put_indices(struct buf *out, const uint32_t *items, uint32_t count);
void wire_put_head(struct buf *out, const struct rule_head *h);

static inline int wire_bad(struct reader *r)
{
	return r->failed = -EBADMSG;
}

/* A count of at most `max` items, none of which is smaller than `least` bytes. */
int wire_get_count(struct reader *r, uint32_t max, size_t least, uint32_t *ret);
/* NULL for an empty text, where it may be. */
int wire_get_text(struct reader *r, bool may_be_empty, char **ret);
int wire_get_texts(struct reader *r, struct str_list *l); /* patterns of paths, domains, names */
int wire_get_scope_list(struct reader *r, struct scope_list *l);
int wire_get_addresses(struct reader *r, struct address_range **items, uint32_t *count);
/* Places in another list, which has `below` items. */
int wire_get_indices(struct reader *r, uint32_t below, uint32_t **items, uint32_t *count);
int wire_get_head(struct reader *r, const struct policy *p, struct rule_head *h);

/* The areas of the gates. */
void wire_put_gates(struct buf *out, const struct policy *p);
int wire_get_gates(struct reader *r, struct policy *p, bool admission);
