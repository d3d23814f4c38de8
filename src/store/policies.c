/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions of the policy: written once, never changed. */
#include <errno.h>

#include "store/internal.h"

void store_policy_done(struct store_policy *p)
{
	free(p->text);
	free(p->author);
	free(p->note);
	*p = (struct store_policy){0};
}

int store_policy_put(struct store *s, const struct store_policy *p, uint64_t expected, uint64_t *ret_revision)
{
	uint64_t newest = store_count(s, "SELECT ifnull(max(revision), 0) FROM policies");

	if (expected && expected != newest)
		return -EBUSY;
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO policies (revision, time, author, note, added, removed, text)"
		" VALUES (?1, ?2, ifnull(?3, ''), ?4, ?5, ?6, ifnull(?7, ''))");
	store_bind_time(st, 1, newest + 1);
	store_bind_time(st, 2, p->time);
	store_bind_text(st, 3, p->author);
	store_bind_text(st, 4, p->note);
	store_bind_time(st, 5, p->added);
	store_bind_time(st, 6, p->removed);
	store_bind_text(st, 7, p->text);
	int r = store_run(s, st);
	if (r == 0)
		*ret_revision = newest + 1;
	return r;
}

static int column_policy(sqlite3_stmt *st, struct store_policy *ret)
{
	int r = str_set(&ret->author, store_column_str(st, 2));

	ret->revision = (uint64_t)sqlite3_column_int64(st, 0);
	ret->time = (uint64_t)sqlite3_column_int64(st, 1);
	ret->added = (uint32_t)sqlite3_column_int64(st, 4);
	ret->removed = (uint32_t)sqlite3_column_int64(st, 5);
	if (r == 0)
		r = str_set(&ret->note, store_column_str(st, 3));
	if (r == 0)
		r = str_set(&ret->text, store_column_str(st, 6));
	return r;
}

int store_policy_get(struct store *s, uint64_t revision, struct store_policy *ret)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT revision, time, author, note, added, removed, text FROM policies"
		" WHERE ?1 = 0 OR revision = ?1 ORDER BY revision DESC LIMIT 1");

	store_bind_time(st, 1, revision);
	int code = st ? sqlite3_step(st) : SQLITE_ERROR;
	int r = code == SQLITE_ROW ? column_policy(st, ret) : code == SQLITE_DONE ? STORE_E_NOT_FOUND : store_error(s, code);
	sqlite3_reset(st);
	return r;
}

int store_policies_list(struct store *s, store_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT revision, time, author, note, added, removed, '' FROM policies ORDER BY revision DESC LIMIT 1000");
	int code = SQLITE_ERROR, r = 0;

	while (r == 0 && st && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_policy p = {0};
		r = column_policy(st, &p);
		if (r == 0)
			r = fn(ctx, &p);
		store_policy_done(&p);
	}
	sqlite3_reset(st);
	return r < 0 ? r : code == SQLITE_DONE || code == SQLITE_ROW ? 0 : store_error(s, code);
}
