/* SPDX-License-Identifier: Apache-2.0 */
/* Users, sessions and tokens. Secrets are only here as hashes. */
#include <errno.h>
#include <stdio.h>

#include "store/internal.h"

int store_user_put(struct store *s, const struct store_user *u)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO users (name, role, hash, generated) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET"
		" role = excluded.role, hash = excluded.hash, generated = excluded.generated");

	store_bind_text(st, 1, u->name);
	store_bind_text(st, 2, u->role);
	store_bind_text(st, 3, u->hash);
	store_bind_time(st, 4, u->generated);
	return store_run(s, st);
}

/* Columns: name, role, hash, generated. */
static int fetch_user(struct store *s, sqlite3_stmt *st, struct store_user *ret)
{
	int code = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (code == SQLITE_ROW) {
		snprintf(ret->name, sizeof(ret->name), "%s", store_column_str(st, 0));
		snprintf(ret->role, sizeof(ret->role), "%s", store_column_str(st, 1));
		snprintf(ret->hash, sizeof(ret->hash), "%s", store_column_str(st, 2));
		ret->generated = sqlite3_column_int(st, 3);
	}
	sqlite3_reset(st);
	return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? STORE_E_NOT_FOUND : store_error(s, code);
}

int store_user_get(struct store *s, const char *name, struct store_user *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT name, role, hash, generated FROM users WHERE name = ?1");

	store_bind_text(st, 1, name);
	return fetch_user(s, st, ret);
}

static void bind_hash(sqlite3_stmt *st, const uint8_t hash[STORE_HASH_SIZE])
{
	if (st)
		sqlite3_bind_blob(st, 1, hash, STORE_HASH_SIZE, SQLITE_STATIC);
}

int store_session_put(struct store *s, const uint8_t hash[STORE_HASH_SIZE], const char *user, uint64_t expires)
{
	sqlite3_stmt *st = store_write_statement(s, "INSERT INTO sessions (hash, user, expires) VALUES (?1, ?2, ?3)");

	bind_hash(st, hash);
	store_bind_text(st, 2, user);
	store_bind_time(st, 3, expires);
	return store_run(s, st);
}

int store_session_get(struct store *s, const uint8_t hash[STORE_HASH_SIZE], uint64_t now, struct store_user *ret)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT u.name, u.role, u.hash, u.generated FROM sessions s JOIN users u ON u.name = s.user"
		" WHERE s.hash = ?1 AND s.expires > ?2");

	bind_hash(st, hash);
	store_bind_time(st, 2, now);
	return fetch_user(s, st, ret);
}

int store_session_delete(struct store *s, const uint8_t hash[STORE_HASH_SIZE])
{
	sqlite3_stmt *st = store_write_statement(s, "DELETE FROM sessions WHERE hash = ?1");

	bind_hash(st, hash);
	return store_run(s, st);
}

int store_sessions_delete_user(struct store *s, const char *user)
{
	sqlite3_stmt *st = store_write_statement(s, "DELETE FROM sessions WHERE user = ?1");

	store_bind_text(st, 1, user);
	return store_run(s, st);
}

int store_token_put(struct store *s, const char *name, const uint8_t hash[STORE_HASH_SIZE], const char *role)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO tokens (hash, name, role) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role");

	bind_hash(st, hash);
	store_bind_text(st, 2, name);
	store_bind_text(st, 3, role);
	return store_run(s, st);
}

int store_token_get(struct store *s, const uint8_t hash[STORE_HASH_SIZE], struct store_user *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT name, role, '', 0 FROM tokens WHERE hash = ?1");

	bind_hash(st, hash);
	return fetch_user(s, st, ret);
}
