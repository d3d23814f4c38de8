/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, also those that are gone, and the connections seen of them. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static bool is_live(enum container_state s)
{
	return s == CONTAINER_CREATED || s == CONTAINER_RUNNING || s == CONTAINER_PAUSED || s == CONTAINER_BLOCKED;
}

int store_container_put(struct store *s, const struct container *c, uint64_t now)
{
	bool live = is_live(c->state);
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO containers (id, name, state, live, created, gone, record, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		" ON CONFLICT (id) DO UPDATE SET name = excluded.name, state = excluded.state, live = excluded.live,"
		" created = excluded.created, record = excluded.record, seen = excluded.seen,"
		" gone = CASE WHEN excluded.gone IS NULL THEN NULL ELSE ifnull(containers.gone, excluded.gone) END");

	store_bind_text(st, 1, c->id);
	store_bind_text(st, 2, c->name);
	store_bind_text(st, 3, enum_name(&container_state_names, (int)c->state));
	store_bind_time(st, 4, live);
	store_bind_time(st, 5, c->created ? c->created : now);
	if (!live || c->state == CONTAINER_BLOCKED)
		store_bind_time(st, 6, now);
	store_bind_time(st, 8, now);
	int r = store_bind_record(st, 7, &container_desc, c);
	return r < 0 ? r : store_run(s, st);
}

int store_container_stale(struct store *s, uint64_t before, struct container *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT record FROM containers WHERE live = 1 AND seen < ?1 LIMIT 1");

	store_bind_time(st, 1, before);
	return store_fetch(s, st, &container_desc, ret);
}

static int find_by_prefix(struct store *s, const char *prefix, struct container *ret)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT record FROM containers WHERE id >= ?1 AND id < ?2"
		" AND (SELECT count(*) FROM (SELECT 1 FROM containers WHERE id >= ?1 AND id < ?2 LIMIT 2)) = 1");
	char end[72];
	size_t n = strlen(prefix);

	if (n < 4 || n >= sizeof(end) - 1)
		return STORE_E_NOT_FOUND;
	memcpy(end, prefix, n);
	end[n] = '\x7f'; /* above every character of an id */
	end[n + 1] = 0;
	store_bind_text(st, 1, prefix);
	store_bind_text(st, 2, end);
	return store_fetch(s, st, &container_desc, ret);
}

int store_container_find(struct store *s, const char *what, struct container *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT record FROM containers WHERE id = ?1");

	store_bind_text(st, 1, what);
	int r = store_fetch(s, st, &container_desc, ret);
	if (r != STORE_E_NOT_FOUND)
		return r;
	st = store_statement(s, "SELECT record FROM containers WHERE name = ?1 ORDER BY live DESC, created DESC LIMIT 1");
	store_bind_text(st, 1, what);
	r = store_fetch(s, st, &container_desc, ret);
	return r == STORE_E_NOT_FOUND ? find_by_prefix(s, what, ret) : r;
}

int store_containers_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE])
{
	const struct store_list l = {.table = "containers", .key = "created", .record = &container_desc,
		.condition = "live = 1"};

	return store_list_run(s, &l, q, fn, ctx, next);
}

int store_edge_put(struct store *s, const struct edge *e)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO edges (container, process, direction, proto, address, port, last, record)"
		" VALUES (?1, ifnull(?2, ''), ?3, ?4, ifnull(?5, ''), ?6, ?7, ?8)"
		" ON CONFLICT DO UPDATE SET last = excluded.last, record = excluded.record");

	store_bind_text(st, 1, e->container);
	store_bind_text(st, 2, e->process);
	store_bind_time(st, 3, e->direction);
	store_bind_time(st, 4, e->proto);
	store_bind_text(st, 5, e->address);
	store_bind_time(st, 6, e->port);
	store_bind_time(st, 7, e->last);
	int r = store_bind_record(st, 8, &edge_desc, e);
	return r < 0 ? r : store_run(s, st);
}

int store_edges_list(struct store *s, const char *container, store_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = container
		? store_statement(s, "SELECT record FROM edges WHERE container = ?1 ORDER BY last DESC LIMIT 5000")
		: store_statement(s, "SELECT record FROM edges ORDER BY last DESC LIMIT 20000");
	int code = SQLITE_ERROR, r = 0;

	store_bind_text(st, 1, container);
	while (r == 0 && st && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct edge e = {0};
		r = store_column_record(st, 0, &edge_desc, &e);
		if (r == 0)
			r = fn(ctx, &e);
		record_done(&edge_desc, &e);
	}
	sqlite3_reset(st);
	return r < 0 ? r : code == SQLITE_DONE || code == SQLITE_ROW ? 0 : store_error(s, code);
}
