/* SPDX-License-Identifier: Apache-2.0 */
/* Unified diff of two texts, for `policy diff` and the history of revisions. */
#pragma once

#include "base/buf.h"

struct diff_text {
	const char *name; /* for the --- and +++ lines */
	const char *text; /* terminated */
};

struct diff_counts {
	uint32_t added, removed; /* lines */
};

/*
 * Appends the diff with three lines of context; nothing for equal texts. Work and memory are
 * bounded: texts with very many differences are shown as one replaced block. counts may be NULL.
 * -ENOMEM, or out->failed (-E2BIG).
 */
int policy_diff(const struct diff_text *from, const struct diff_text *to, struct buf *out,
	struct diff_counts *counts);
