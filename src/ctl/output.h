/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person reads: tables as wide as the terminal, colours only where they are shown. Text of
 * containers never reaches the terminal raw: control characters become '?'.
 */
#pragma once

#include <stdbool.h>

#include "base/json.h"

enum tint { TINT_NONE, TINT_BOLD, TINT_DIM, TINT_GREEN, TINT_YELLOW, TINT_RED };

/* The escape sequence when standard output is a terminal without NO_COLOR, else "". */
const char *tint(enum tint t);
enum tint tint_of(const char *word); /* of a state, severity or effect */

#define TABLE_COLUMNS_MAX 10

struct table {
	const char *const *titles;
	int columns;
	int flexible; /* index of the column that is cut when the line is too long */
	char **cells;
	size_t cell_count;
	bool failed;
};

/* titles: a NULL-terminated array that outlives the table. */
void table_init(struct table *t, const char *const *titles, int flexible);
void table_add(struct table *t, const char *cell); /* NULL = "-"; row after row */
/* Prints what there is, or `nothing` on stderr when there is no row, and frees it. */
void table_print(struct table *t, const char *nothing);

/* One line of JSON on standard output. */
void print_json(const struct json *j);
/* "3m", "2h": how long ago an RFC 3339 time was; "-" when it is none. Returns out. */
const char *time_ago(const char *rfc3339, char *out, size_t size);
/* "15:04:05.123" in local time, with the date when it is not today. Returns out. */
const char *time_short(const char *rfc3339, char *out, size_t size);
/* Prints text with control characters replaced. */
void print_text(const char *text);
