/* SPDX-License-Identifier: Apache-2.0 */
/* Forgetting: by age, then by size, a bounded number of rows a call; never an open incident. */
#include <errno.h>

#include "store/internal.h"

#define ROWS_A_CALL 500

/* `sql` takes the oldest time to keep as ?1 and the number of rows as ?2. */
static int forget(struct store *s, const char *sql, uint64_t before, uint64_t *forgotten)
{
	sqlite3_stmt *st = store_write_statement(s, sql);

	store_bind_time(st, 1, before);
	store_bind_time(st, 2, ROWS_A_CALL);
	int r = store_run(s, st);
	if (r == 0)
		*forgotten += (uint64_t)sqlite3_changes(s->db);
	return r;
}

static int forget_audits(struct store *s, uint64_t before, uint64_t *forgotten)
{
	return forget(s,
		"DELETE FROM audits WHERE seq IN (SELECT seq FROM audits WHERE time < ?1 AND (incident IS NULL OR NOT EXISTS"
		" (SELECT 1 FROM incidents i WHERE i.id = audits.incident AND i.state = 'open')) ORDER BY time LIMIT ?2)",
		before, forgotten);
}

int store_retain(struct store *s, const struct store_limits *limits, uint64_t now, bool *ret_left)
{
	uint64_t aged = now > limits->max_age_ns ? now - limits->max_age_ns : 0;
	uint64_t removed = now > limits->removed_age_ns ? now - limits->removed_age_ns : 0;
	uint64_t forgotten = 0;
	int r = forget_audits(s, aged, &forgotten);

	if (r == 0)
		r = forget(s, "DELETE FROM incidents WHERE seq IN (SELECT seq FROM incidents WHERE updated < ?1 AND"
			" state <> 'open' AND NOT EXISTS (SELECT 1 FROM audits WHERE audits.incident = incidents.id) LIMIT ?2)",
			aged, &forgotten);
	if (r == 0)
		r = forget(s, "DELETE FROM containers WHERE seq IN (SELECT seq FROM containers WHERE gone < ?1 LIMIT ?2)",
			removed, &forgotten);
	if (r == 0)
		r = forget(s, "DELETE FROM edges WHERE (container, process, direction, proto, address, port) IN"
			" (SELECT container, process, direction, proto, address, port FROM edges WHERE last < ?1 LIMIT ?2)",
			removed, &forgotten);
	if (r == 0)
		r = forget(s, "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires < ?1 LIMIT ?2)",
			now, &forgotten);
	if (r == 0 && limits->max_bytes && store_size(s) > limits->max_bytes)
		r = forget_audits(s, UINT64_MAX >> 1, &forgotten);
	if (r == 0)
		r = store_commit(s);
	if (r == 0 && forgotten)
		sqlite3_exec(s->db, "PRAGMA incremental_vacuum(1000)", NULL, NULL, NULL);
	if (r == 0)
		*ret_left = forgotten >= ROWS_A_CALL;
	return r;
}
