/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shortest edit script by Myers' greedy algorithm ("An O(ND) Difference Algorithm", 1986) over
 * lines, after common beginnings and ends are set aside; see diff.h.
 */
#include "policy/diff.h"

#include <errno.h>
#include <string.h>

#define CONTEXT 3
#define EDITS_MAX 1000	      /* differences searched for; the trace takes EDITS_MAX^2 ints */
#define STEPS_MAX 20000000ull /* line comparisons */

struct line {
	const char *p;
	uint32_t n;
	bool changed; /* removed (old text) or added (new text) */
};

struct lines {
	struct line *items;
	uint32_t count;
};

struct span { /* what is left between the common beginning and end */
	struct line *a, *b;
	int n, m;
};

static void lines_done_cleanup_(struct lines *l)
{
	free(l->items);
}

static int lines_split(struct lines *l, const char *text)
{
	size_t count = 0;

	for (const char *p = text; *p; count++) {
		const char *end = strchr(p, '\n');
		p = end ? end + 1 : p + strlen(p);
	}
	l->items = calloc(count + 1, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (const char *p = text; *p;) {
		const char *end = strchr(p, '\n');
		size_t n = end ? (size_t)(end - p) + 1 : strlen(p);

		l->items[l->count++] = (struct line){p, (uint32_t)n, false};
		p += n;
	}
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/*
 * Row d of the trace holds, for each diagonal k = x - y of -d..d, the furthest x reached with d
 * edits, or NOWHERE. Rows lie one behind the other: row d begins at d * d.
 */
#define NOWHERE (-1000000000)
static int *trace_row(int *trace, int d)
{
	return trace + (size_t)d * (size_t)d + d;
}

/* Whether diagonal k of row d is best reached by adding a line (else by removing one). */
static bool by_adding(const int *before, int d, int k)
{
	return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

/* Goes back through the trace and marks each step that was no common line. */
static void mark_path(const struct span *s, int *trace, int d)
{
	int x = s->n, y = s->m;

	for (; d > 0; d--) {
		const int *before = trace_row(trace, d - 1);
		int k = x - y;
		bool adding = by_adding(before, d, k);
		int from_k = adding ? k + 1 : k - 1;

		x = before[from_k];
		y = x - from_k;
		if (adding)
			s->b[y].changed = true;
		else
			s->a[x].changed = true;
	}
}

static void mark_all(const struct span *s)
{
	for (int i = 0; i < s->n; i++)
		s->a[i].changed = true;
	for (int i = 0; i < s->m; i++)
		s->b[i].changed = true;
}

/* Furthest reach with d edits on each diagonal, row after row. True when the end is reached. */
static bool search(const struct span *s, int *trace, int *ret_d)
{
	uint64_t steps = 0;

	for (int d = 0; d <= EDITS_MAX && d <= s->n + s->m; d++) {
		int *v = trace_row(trace, d);
		const int *before = d ? trace_row(trace, d - 1) : NULL;

		for (int k = -d; k <= d; k += 2) {
			int x = d == 0			  ? 0
				: by_adding(before, d, k) ? before[k + 1]
							  : before[k - 1] + 1;

			v[k] = NOWHERE;
			if (x < 0 || x > s->n || x - k < 0 || x - k > s->m)
				continue;
			while (x < s->n && x - k < s->m && same(&s->a[x], &s->b[x - k])) {
				x++;
				steps++;
			}
			v[k] = x;
			if (x == s->n && x - k == s->m) {
				*ret_d = d;
				return true;
			}
		}
		steps += (uint64_t)d;
		if (steps > STEPS_MAX)
			return false;
	}
	return false;
}

static int compare(struct lines *a, struct lines *b)
{
	uint32_t head = 0, tail = 0;

	while (head < a->count && head < b->count && same(&a->items[head], &b->items[head]))
		head++;
	while (tail < a->count - head && tail < b->count - head &&
		same(&a->items[a->count - 1 - tail], &b->items[b->count - 1 - tail]))
		tail++;
	struct span s = {a->items + head, b->items + head, (int)(a->count - head - tail),
		(int)(b->count - head - tail)};
	if (s.n == 0 || s.m == 0) {
		mark_all(&s);
		return 0;
	}
	size_t most = (size_t)(s.n + s.m < EDITS_MAX ? s.n + s.m : EDITS_MAX) + 1;
	CLEANUP(free) int *trace = malloc(most * most * sizeof(*trace));
	int d;
	if (!trace)
		return -ENOMEM;
	if (search(&s, trace, &d))
		mark_path(&s, trace, d);
	else
		mark_all(&s);
	return 0;
}

/* ---- the text of it ---- */

static void put_line(struct buf *out, char sign, const struct line *l)
{
	buf_putc(out, sign);
	buf_put(out, l->p, l->n);
	if (l->p[l->n - 1] != '\n')
		buf_puts(out, "\n\\ No newline at end of file\n");
}

/* Moves over a run of changes that are nearer than two contexts to each other. */
static void hunk_end(const struct lines *a, const struct lines *b, uint32_t *i, uint32_t *j)
{
	uint32_t common = 0, x = *i, y = *j;

	while (x < a->count || y < b->count) {
		if (x < a->count && a->items[x].changed) {
			x++;
		} else if (y < b->count && b->items[y].changed) {
			y++;
		} else {
			x++;
			y++;
			if (++common > 2 * CONTEXT)
				return;
			continue;
		}
		common = 0;
		*i = x;
		*j = y;
	}
}

static void put_hunk(
	struct buf *out, const struct lines *a, const struct lines *b, const uint32_t at[4])
{
	uint32_t i = at[0], j = at[1];

	buf_printf(out, "@@ -%u,%u +%u,%u @@\n", at[2] > i ? i + 1 : i, at[2] - i,
		at[3] > j ? j + 1 : j, at[3] - j);
	while (i < at[2] || j < at[3]) {
		if (i < at[2] && a->items[i].changed)
			put_line(out, '-', &a->items[i++]);
		else if (j < at[3] && b->items[j].changed)
			put_line(out, '+', &b->items[j++]);
		else {
			put_line(out, ' ', &a->items[i++]);
			j++;
		}
	}
}

static void put_hunks(struct buf *out, const struct lines *a, const struct lines *b)
{
	uint32_t i = 0, j = 0;

	while (i < a->count || j < b->count) {
		bool changed = (i < a->count && a->items[i].changed) ||
			       (j < b->count && b->items[j].changed);

		if (!changed) {
			i++;
			j++;
			continue;
		}
		uint32_t lead = i < CONTEXT ? i : CONTEXT, end_i = i, end_j = j;
		if (j < lead)
			lead = j;
		hunk_end(a, b, &end_i, &end_j);
		uint32_t tail = a->count - end_i < CONTEXT ? a->count - end_i : CONTEXT;
		uint32_t at[4] = {i - lead, j - lead, end_i + tail, end_j + tail};
		put_hunk(out, a, b, at);
		i = at[2];
		j = at[3];
	}
}

static uint32_t count_changed(const struct lines *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->count; i++)
		n += l->items[i].changed;
	return n;
}

int policy_diff(const struct diff_text *from, const struct diff_text *to, struct buf *out,
	struct diff_counts *counts)
{
	CLEANUP(lines_done) struct lines a = {0}, b = {0};

	if (lines_split(&a, from->text) < 0 || lines_split(&b, to->text) < 0 || compare(&a, &b) < 0)
		return -ENOMEM;
	struct diff_counts c = {.added = count_changed(&b), .removed = count_changed(&a)};
	if (counts)
		*counts = c;
	if (c.added || c.removed) {
		buf_printf(out, "--- %s\n+++ %s\n", from->name, to->name);
		put_hunks(out, &a, &b);
	}
	return out->failed;
}
