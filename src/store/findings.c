/* SPDX-License-Identifier: Apache-2.0 */
/* The newest word on each compliance check of each thing; what is gone leaves no row. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* A check that a rule ignores has not failed, and has not passed either. */
static const char *outcome(const struct compliance_finding *f)
{
	return f->passed ? "true" : f->effect == EFFECT_DISABLE ? "ignored" : "false";
}

int store_finding_put(struct store *s, const struct compliance_finding *f)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO findings (host, id, time, check_id, resource, passed, severity, effect, container, record)"
		" VALUES (ifnull(?1, ''), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (host, id) DO UPDATE SET"
		" time = excluded.time, check_id = excluded.check_id, resource = excluded.resource, passed = excluded.passed,"
		" severity = excluded.severity, effect = excluded.effect, container = excluded.container,"
		" record = excluded.record");

	store_bind_text(st, 1, f->host);
	store_bind_text(st, 2, f->id);
	store_bind_time(st, 3, f->time);
	store_bind_text(st, 4, f->check);
	store_bind_text(st, 5, f->resource);
	store_bind_text(st, 6, outcome(f));
	store_bind_text(st, 7, enum_name(&severity_names, (int)f->severity));
	store_bind_text(st, 8, enum_name(&effect_names, (int)f->effect));
	store_bind_text(st, 9, f->container.id);
	int r = store_bind_record(st, 10, &compliance_finding_desc, f);
	return r < 0 ? r : store_run(s, st);
}

int store_finding_get(struct store *s, const char *host, const char *id, struct compliance_finding *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT record FROM findings WHERE host = ifnull(?1, '') AND id = ?2");

	store_bind_text(st, 1, host);
	store_bind_text(st, 2, id);
	return store_fetch(s, st, &compliance_finding_desc, ret);
}

int store_finding_delete(struct store *s, const char *host, const char *id)
{
	sqlite3_stmt *st = store_write_statement(s, "DELETE FROM findings WHERE host = ifnull(?1, '') AND id = ?2");

	store_bind_text(st, 1, host);
	store_bind_text(st, 2, id);
	return store_run(s, st);
}

int store_findings_forget(struct store *s, const char *host, const char *resource, uint64_t before)
{
	sqlite3_stmt *st = store_write_statement(s,
		"DELETE FROM findings WHERE host = ifnull(?1, '') AND resource = ?2 AND time < ?3");

	store_bind_text(st, 1, host);
	store_bind_text(st, 2, resource);
	store_bind_time(st, 3, before);
	return store_run(s, st);
}

int store_findings_delete_container(struct store *s, const char *container)
{
	sqlite3_stmt *st = store_write_statement(s, "DELETE FROM findings WHERE container = ?1");

	store_bind_text(st, 1, container);
	return store_run(s, st);
}

uint64_t store_findings_count(struct store *s)
{
	return store_count(s, "SELECT count(*) FROM findings");
}

int store_findings_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE])
{
	static const struct {
		const char *column;
		size_t offset;
	} filters[] = {
		{"check_id", offsetof(struct store_query, check)},
		{"resource", offsetof(struct store_query, resource)},
		{"passed", offsetof(struct store_query, passed)},
		{"severity", offsetof(struct store_query, severity)},
		{"effect", offsetof(struct store_query, effect)},
		{"container", offsetof(struct store_query, container)},
	};
	const struct store_list l = {.table = "findings", .key = "time", .record = &compliance_finding_desc,
		.filters = (const void *)filters, .filter_count = ARRAY_SIZE(filters)};

	return store_list_run(s, &l, q, fn, ctx, next);
}

int store_findings_sum(struct store *s, store_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT resource, severity, passed, effect, count(*) FROM findings GROUP BY 1, 2, 3, 4");
	int code = SQLITE_ERROR, r = 0;

	while (r == 0 && st && (code = sqlite3_step(st)) == SQLITE_ROW) {
		const struct store_finding_sum sum = {.resource = store_column_str(st, 0),
			.severity = store_column_str(st, 1), .passed = store_column_str(st, 2),
			.effect = store_column_str(st, 3), .count = (uint64_t)sqlite3_column_int64(st, 4)};
		r = fn(ctx, &sum);
	}
	sqlite3_reset(st);
	return r < 0 ? r : code == SQLITE_DONE ? 0 : store_error(s, code);
}
