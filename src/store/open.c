/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, migrating, transactions and statements: see store.h and internal.h. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define RECORD_BYTES_MAX (16u << 20)
#define WAL_PAGES 2000 /* checkpoint when the log has grown to 8 MB */

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

int store_error(struct store *s, int code)
{
	int r = to_errno(code);

	if (r == 0 || r == -EEXIST)
		return r;
	s->failed = code;
	snprintf(s->failure, sizeof(s->failure), "the database cannot be written: %s", sqlite3_errstr(code));
	if (s->open_transaction) {
		/* SQLite may have rolled back by itself; then this fails and nothing is lost by it. */
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		s->open_transaction = false;
	}
	return r;
}

sqlite3_stmt *store_statement(struct store *s, const char *sql)
{
	size_t i = 0;

	while (i < STORE_STATEMENTS_MAX && s->statements[i].sql && s->statements[i].sql != sql)
		i++;
	if (i == STORE_STATEMENTS_MAX) {
		s->failed = SQLITE_NOMEM;
		return NULL;
	}
	if (!s->statements[i].sql) {
		int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i].stmt, NULL);
		if (code != SQLITE_OK) {
			store_error(s, code);
			return NULL;
		}
		s->statements[i].sql = sql;
	}
	sqlite3_reset(s->statements[i].stmt);
	sqlite3_clear_bindings(s->statements[i].stmt);
	return s->statements[i].stmt;
}

sqlite3_stmt *store_write_statement(struct store *s, const char *sql)
{
	if (!s->open_transaction) {
		int code = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (code != SQLITE_OK) {
			store_error(s, code);
			return NULL;
		}
		s->open_transaction = true;
	}
	return store_statement(s, sql);
}

int store_run(struct store *s, sqlite3_stmt *st)
{
	if (!st)
		return to_errno(s->failed) ? to_errno(s->failed) : -EIO;
	int code = sqlite3_step(st);
	sqlite3_reset(st);
	return store_error(s, code);
}

int store_commit(struct store *s)
{
	if (!s->open_transaction)
		return s->failed ? to_errno(s->failed) : 0;
	int code = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return store_error(s, code);
	s->open_transaction = false;
	s->failed = 0;
	return 0;
}

int store_probe(struct store *s)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO meta (key, value) VALUES ('probe', hex(randomblob(64)))"
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value");
	int r = store_run(s, st);

	return r < 0 ? r : store_commit(s);
}

bool store_dirty(const struct store *s)
{
	return s->open_transaction;
}

const char *store_failed(const struct store *s)
{
	return s->failed ? s->failure : NULL;
}

void store_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	if (st && text && *text)
		sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
}

void store_bind_time(sqlite3_stmt *st, int at, uint64_t value)
{
	if (st)
		sqlite3_bind_int64(st, at, (sqlite3_int64)value);
}

int store_bind_record(sqlite3_stmt *st, int at, const struct record_desc *d, const void *obj)
{
	struct buf b = BUF_INIT(RECORD_BYTES_MAX);

	record_encode(d, obj, &b);
	if (b.failed || !st) {
		int r = b.failed ? b.failed : -EIO;
		buf_done(&b);
		return r;
	}
	size_t n = b.len;
	char *data = buf_take_str(&b);
	sqlite3_bind_blob64(st, at, data ? data : "", n, data ? free : SQLITE_STATIC);
	return 0;
}

int store_column_record(sqlite3_stmt *st, int at, const struct record_desc *d, void *obj)
{
	const void *data = sqlite3_column_blob(st, at);

	return record_decode(d, obj, data ? data : "", (size_t)sqlite3_column_bytes(st, at));
}

int store_fetch(struct store *s, sqlite3_stmt *st, const struct record_desc *d, void *ret)
{
	int code = st ? sqlite3_step(st) : SQLITE_ERROR;
	int r = code == SQLITE_ROW ? store_column_record(st, 0, d, ret)
		: code == SQLITE_DONE ? STORE_E_NOT_FOUND : store_error(s, code);

	sqlite3_reset(st);
	return r;
}

const char *store_column_str(sqlite3_stmt *st, int at)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	return text ? text : "";
}

uint64_t store_count(struct store *s, const char *sql)
{
	sqlite3_stmt *st = store_statement(s, sql);
	uint64_t n = st && sqlite3_step(st) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return n;
}

uint32_t store_version(struct store *s)
{
	return (uint32_t)store_count(s, "PRAGMA user_version");
}

uint64_t store_size(struct store *s)
{
	uint64_t pages = store_count(s, "PRAGMA page_count"), unused = store_count(s, "PRAGMA freelist_count");

	return (pages - unused) * store_count(s, "PRAGMA page_size");
}

static int migrate(struct store *s, struct diag *reterr)
{
	uint32_t version = store_version(s);

	if (version > store_migration_count)
		return diag_set(reterr, -ENOTSUP, 0, 0, "the version of Seawall that wrote it, or a newer one",
			"the database has schema %u and this program knows %u", version, store_migration_count);
	for (uint32_t v = version; v < store_migration_count; v++) {
		char done[64];
		snprintf(done, sizeof(done), "PRAGMA user_version=%u; COMMIT", v + 1);
		int code = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(s->db, store_migrations[v], NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(s->db, done, NULL, NULL, NULL);
		if (code != SQLITE_OK) {
			int r = diag_msg(reterr, to_errno(code), "migration %u of the database failed: %s", v + 1,
				sqlite3_errmsg(s->db));
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
			return r;
		}
	}
	return 0;
}

int store_open(struct store **ret, const char *path, struct diag *reterr)
{
	char pragmas[256];
	CLEANUP(store_close) struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	/* temp_store: the process may be in an empty root, without a place for temporary files. */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=%d;", WAL_PAGES);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(s->db, 2000);
	if (code == SQLITE_OK)
		code = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return diag_msg(reterr, to_errno(code), "cannot open the database '%s': %s", path,
			s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
	int r = store_audit_word_register(s->db);
	if (r == 0)
		r = migrate(s, reterr);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	if (s->open_transaction)
		store_commit(s);
	for (size_t i = 0; i < STORE_STATEMENTS_MAX; i++)
		sqlite3_finalize(s->statements[i].stmt);
	sqlite3_close(s->db);
	free(s);
	return NULL;
}
