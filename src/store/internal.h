/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of one table group share. */
#pragma once

#include <sqlite3.h>

#include "store/store.h"

#define STORE_STATEMENTS_MAX 64

struct store {
	sqlite3 *db;
	bool open_transaction;
	int failed; /* sqlite code of the last lost write */
	char failure[160];
	struct {
		const char *sql; /* the literal's address is the key */
		sqlite3_stmt *stmt;
	} statements[STORE_STATEMENTS_MAX];
};

extern const char *const store_migrations[];
extern const uint32_t store_migration_count;

/* A prepared statement, kept; `sql` must be a literal. NULL on failure (see store_errno). */
sqlite3_stmt *store_statement(struct store *s, const char *sql);
/* The same inside a transaction, which is begun when none is open. */
sqlite3_stmt *store_write_statement(struct store *s, const char *sql);
/* Runs a write to its end: 0 or -errno; a failure rolls the transaction back. */
int store_run(struct store *s, sqlite3_stmt *st);
/* sqlite code to -errno, remembered when it is a lost write. */
int store_error(struct store *s, int code);
void store_bind_text(sqlite3_stmt *st, int at, const char *text); /* NULL and "" become NULL */
void store_bind_time(sqlite3_stmt *st, int at, uint64_t value);
/* Binary form of a record bound as a blob. */
int store_bind_record(sqlite3_stmt *st, int at, const struct record_desc *d, const void *obj);
/* Column `at` of the present row into a zeroed record. */
int store_column_record(sqlite3_stmt *st, int at, const struct record_desc *d, void *obj);
/* First row's record, or STORE_E_NOT_FOUND. */
int store_fetch(struct store *s, sqlite3_stmt *st, const struct record_desc *d, void *ret);
/* What the audits table has of an audit beside its record, also to bring older rows up to date:
 * audit_word(record, 'user') and so on. NULL where an audit has none. */
const char *store_audit_word(const struct audit *a, const char *name);
int store_audit_word_register(sqlite3 *db);
/* Whether the parts of the query that no column answers fit. */
bool store_audit_keep(const void *query, const void *audit);
const char *store_column_str(sqlite3_stmt *st, int at); /* "" for NULL */
uint64_t store_count(struct store *s, const char *sql); /* literal */

/* A keyset-paged list: SELECT seq, KEY, blob FROM TABLE WHERE filters ORDER BY KEY DESC, seq DESC. */
struct store_list {
	const char *table, *key; /* key: the time column */
	const struct record_desc *record;
	const struct {
		const char *column; /* compared with = */
		size_t offset;      /* of the const char * in struct store_query */
	} *filters;
	size_t filter_count;
	const char *condition; /* further SQL, or NULL */
	bool (*keep)(const void *ctx, const void *record); /* of the rows that are left, or NULL; looked at: STORE_LOOK_MAX */
	const void *keep_ctx;
};
/* Rows decoded for one page: the Console does nothing else meanwhile. */
#define STORE_LOOK_MAX 5000

int store_list_run(struct store *s, const struct store_list *l, const struct store_query *q, store_row_fn *fn,
	void *ctx, char next[STORE_CURSOR_SIZE]);
