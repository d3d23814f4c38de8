/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyset paging: a cursor is the sort key of the last row given, so that rows which come in between
 * pages neither repeat nor hide others, and page 1,000 costs what page 1 does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

static const char *filter_value(const struct store_query *q, size_t offset)
{
	const char *v;

	memcpy(&v, (const char *)q + offset, sizeof(v));
	return v;
}

static int cursor_parse(const char *cursor, long long *key, long long *seq)
{
	int used = 0;

	return sscanf(cursor, "%lld-%lld%n", key, seq, &used) == 2 && !cursor[used] ? 0 : -EINVAL;
}

static void build_sql(const struct store_list *l, const struct store_query *q, struct buf *sql)
{
	buf_printf(sql, "SELECT seq, %s, record FROM %s WHERE 1", l->key, l->table);
	if (l->condition && !q->all)
		buf_printf(sql, " AND %s", l->condition);
	for (size_t i = 0; i < l->filter_count; i++)
		if (filter_value(q, l->filters[i].offset))
			buf_printf(sql, " AND %s = ?%zu", l->filters[i].column, i + 10);
	if (q->since)
		buf_printf(sql, " AND %s >= ?1", l->key);
	if (q->until)
		buf_printf(sql, " AND %s <= ?2", l->key);
	if (q->cursor)
		buf_printf(sql, " AND (%s, seq) < (?3, ?4)", l->key);
	buf_printf(sql, " ORDER BY %s DESC, seq DESC LIMIT ?5", l->key);
}

/* 1: given, 0: not what is looked for. */
static int give_row(sqlite3_stmt *st, const struct store_list *l, store_row_fn *fn, void *ctx)
{
	const struct record_desc *d = l->record;
	union {
		struct audit audit;
		struct incident incident;
		struct container container;
		struct compliance_finding finding;
	} record = {0};
	int r = d->size <= sizeof(record) ? store_column_record(st, 2, d, &record) : -E2BIG;

	if (r == 0 && (!l->keep || l->keep(l->keep_ctx, &record))) {
		r = fn(ctx, &record);
		r = r < 0 ? r : 1;
	}
	record_done(d, &record);
	return r;
}

static int give_rows(struct store *s, sqlite3_stmt *st, const struct store_list *l, uint32_t limit, store_row_fn *fn,
	void *ctx, char next[STORE_CURSOR_SIZE])
{
	char last[STORE_CURSOR_SIZE] = "";
	uint32_t given = 0, looked = 0;
	int code;

	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		/* One more than asked for, or than are looked at: there is a next page. */
		if (given == limit || looked == STORE_LOOK_MAX) {
			memcpy(next, last, STORE_CURSOR_SIZE);
			return 0;
		}
		int r = give_row(st, l, fn, ctx);
		if (r < 0)
			return r;
		given += (uint32_t)r;
		looked++;
		snprintf(last, sizeof(last), "%lld-%lld", (long long)sqlite3_column_int64(st, 1),
			(long long)sqlite3_column_int64(st, 0));
	}
	return code == SQLITE_DONE ? 0 : store_error(s, code);
}

int store_list_run(struct store *s, const struct store_list *l, const struct store_query *q, store_row_fn *fn,
	void *ctx, char next[STORE_CURSOR_SIZE])
{
	uint32_t limit = !q->limit ? LIMIT_DEFAULT : q->limit > LIMIT_MAX ? LIMIT_MAX : q->limit;
	CLEANUP(buf_done) struct buf sql = BUF_INIT(4096);
	long long key = 0, seq = 0;
	sqlite3_stmt *st = NULL;

	next[0] = 0;
	if (q->cursor && cursor_parse(q->cursor, &key, &seq) < 0)
		return -EINVAL;
	build_sql(l, q, &sql);
	if (sql.failed)
		return sql.failed;
	int code = sqlite3_prepare_v2(s->db, (const char *)sql.data, -1, &st, NULL);
	if (code != SQLITE_OK)
		return store_error(s, code);
	for (size_t i = 0; i < l->filter_count; i++)
		store_bind_text(st, (int)i + 10, filter_value(q, l->filters[i].offset));
	store_bind_time(st, 1, q->since);
	store_bind_time(st, 2, q->until);
	sqlite3_bind_int64(st, 3, key);
	sqlite3_bind_int64(st, 4, seq);
	sqlite3_bind_int64(st, 5, (sqlite3_int64)(l->keep ? STORE_LOOK_MAX : limit) + 1);
	int r = give_rows(s, st, l, limit, fn, ctx, next);
	sqlite3_finalize(st);
	return r;
}
