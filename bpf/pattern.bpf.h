/* SPDX-License-Identifier: GPL-2.0-only */
/* Matching a path against the patterns of a slot: base/pattern.h in the kernel. */
#pragma once

#include "common.bpf.h"

/* A text of WIRE_PATH_MAX bytes' room that begins at `start`. */
struct pattern_text {
	const char *buffer;
	u32 start;
	u32 length;
};

struct pattern_compare {
	struct pattern_text text;
	const struct wire_pattern *pattern;
	u32 at; /* from text.start on */
	u32 same;
};

static long pattern_byte(u32 i, struct pattern_compare *c)
{
	u32 index = (c->text.start + c->at + i) & (WIRE_PATH_MAX - 1);

	if (c->text.buffer[index] == c->pattern->text[i & (WIRE_PATTERN_MAX - 1)])
		return 0;
	c->same = 0;
	return 1;
}

static __always_inline bool pattern_at(struct pattern_compare *c, u32 at)
{
	c->at = at;
	c->same = 1;
	bpf_loop(c->pattern->length, pattern_byte, c, 0);
	return c->same;
}

static long pattern_offset(u32 i, struct pattern_compare *c)
{
	return pattern_at(c, i);
}

static __always_inline bool pattern_matches(struct pattern_compare *c)
{
	const struct wire_pattern *p = c->pattern;
	u32 n = p->length, length = c->text.length;

	if (n > length)
		return false;
	if (p->lead && p->trail) {
		c->same = 0;
		bpf_loop(length - n + 1, pattern_offset, c, 0);
		return c->same;
	}
	if (!p->lead && !p->trail && n != length)
		return false;
	return pattern_at(c, p->lead ? length - n : 0);
}

struct pattern_list {
	struct wire_pattern_key key;
	struct pattern_text text;
	u32 found;
};

static long pattern_step(u32 i, struct pattern_list *l)
{
	struct pattern_compare c = {.text = l->text};

	l->key.index = i;
	c.pattern = bpf_map_lookup_elem(&patterns, &l->key);
	if (!c.pattern)
		return 0;
	l->found = pattern_matches(&c);
	return l->found;
}

/* Does the text match one of the first n patterns of the list? l->key.slot and .list are set. */
static __always_inline bool pattern_list_matches(struct pattern_list *l, u32 n)
{
	l->found = 0;
	if (l->text.length)
		bpf_loop(n, pattern_step, l, 0);
	return l->found;
}
