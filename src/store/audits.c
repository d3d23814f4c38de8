/* SPDX-License-Identifier: Apache-2.0 */
/* Audits and the incidents that they make. */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

static const char *name_or_null(const struct enum_names *e, int value)
{
	const char *n = enum_name(e, value);

	return *n ? n : NULL;
}

int store_audit_put(struct store *s, const struct audit *a)
{
	static const char *const words[] = {"user", "action", "verdict"};
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO audits (id, time, kind, detection, severity, effect, container, container_name, incident, count,"
		" record, user, action, verdict) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
		" ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, effect = excluded.effect,"
		" container = excluded.container, container_name = excluded.container_name, incident = excluded.incident,"
		" count = excluded.count, record = excluded.record, user = excluded.user, action = excluded.action,"
		" verdict = excluded.verdict WHERE excluded.count >= audits.count");

	store_bind_text(st, 1, a->id);
	store_bind_time(st, 2, a->time);
	store_bind_text(st, 3, name_or_null(&audit_kind_names, (int)a->kind));
	store_bind_text(st, 4, name_or_null(&detection_names, (int)a->detection));
	store_bind_text(st, 5, name_or_null(&severity_names, (int)a->severity));
	store_bind_text(st, 6, name_or_null(&effect_names, (int)a->effect));
	store_bind_text(st, 7, a->container.id);
	store_bind_text(st, 8, a->container.name);
	store_bind_text(st, 9, a->incident);
	store_bind_time(st, 10, a->count);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		store_bind_text(st, (int)i + 12, store_audit_word(a, words[i]));
	int r = store_bind_record(st, 11, &audit_desc, a);
	return r < 0 ? r : store_run(s, st);
}

int store_audit_get(struct store *s, const char *id, struct audit *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT record FROM audits WHERE id = ?1");

	store_bind_text(st, 1, id);
	return store_fetch(s, st, &audit_desc, ret);
}

uint64_t store_audits_count(struct store *s)
{
	return store_count(s, "SELECT count(*) FROM audits");
}

static const char *take(const char **word)
{
	const char *w = *word;

	*word = NULL;
	return w;
}

/*
 * One index finds the rows, the one that leaves the fewest as a rule; all else is looked for in them, so
 * many a call. SQL would be free to walk a million commands for two words that are rare together only.
 * Whether there is anything else.
 */
static bool split(const struct store_query *q, struct store_query *exact, struct store_query *loose)
{
	bool local = q->user && strcmp(q->user, STORE_USER_LOCAL) == 0;
	bool allowed = q->verdict && strcmp(q->verdict, "allow") == 0;

	*exact = *q;
	*loose = (struct store_query){.user = take(&exact->user), .action = take(&exact->action),
		.verdict = take(&exact->verdict), .done = take(&exact->done), .text = q->text};
	if (loose->user && !local && !strchr(loose->user, '*'))
		exact->user = take(&loose->user);
	else if (loose->verdict && !allowed)
		exact->verdict = take(&loose->verdict);
	else if (loose->action && !strchr(loose->action, '*'))
		exact->action = take(&loose->action);
	else if (local)
		exact->user = take(&loose->user);
	else if (loose->verdict)
		exact->verdict = take(&loose->verdict);
	return loose->user || loose->action || loose->verdict || loose->done || loose->text;
}

int store_audits_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE])
{
	static const struct {
		const char *column;
		size_t offset;
	} filters[] = {
		{"kind", offsetof(struct store_query, kind)},
		{"container", offsetof(struct store_query, container)},
		{"detection", offsetof(struct store_query, detection)},
		{"severity", offsetof(struct store_query, severity)},
		{"effect", offsetof(struct store_query, effect)},
		{"incident", offsetof(struct store_query, incident)},
		{"user", offsetof(struct store_query, user)},
		{"action", offsetof(struct store_query, action)},
		{"verdict", offsetof(struct store_query, verdict)},
	};
	struct store_query exact, loose;
	struct store_list l = {.table = "audits", .key = "time", .record = &audit_desc,
		.filters = (const void *)filters, .filter_count = ARRAY_SIZE(filters), .keep_ctx = &loose};

	if (split(q, &exact, &loose))
		l.keep = store_audit_keep;
	return store_list_run(s, &l, &exact, fn, ctx, next);
}

int store_incident_put(struct store *s, const struct incident *i)
{
	sqlite3_stmt *st = store_write_statement(s,
		"INSERT INTO incidents (id, opened, updated, state, severity, container, record)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET updated = excluded.updated,"
		" state = excluded.state, severity = excluded.severity, record = excluded.record");

	store_bind_text(st, 1, i->id);
	store_bind_time(st, 2, i->opened);
	store_bind_time(st, 3, i->updated);
	store_bind_text(st, 4, i->state);
	store_bind_text(st, 5, name_or_null(&severity_names, (int)i->severity));
	store_bind_text(st, 6, i->container.id);
	int r = store_bind_record(st, 7, &incident_desc, i);
	return r < 0 ? r : store_run(s, st);
}

int store_incident_get(struct store *s, const char *id, struct incident *ret)
{
	sqlite3_stmt *st = store_statement(s, "SELECT record FROM incidents WHERE id = ?1");

	store_bind_text(st, 1, id);
	return store_fetch(s, st, &incident_desc, ret);
}

int store_incident_recent(struct store *s, const char *container, uint64_t since, struct incident *ret)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT record FROM incidents WHERE state = 'open' AND container IS ?1 AND updated >= ?2"
		" ORDER BY updated DESC LIMIT 1");

	store_bind_text(st, 1, container);
	store_bind_time(st, 2, since);
	return store_fetch(s, st, &incident_desc, ret);
}

int store_incident_audits(struct store *s, const char *id, uint32_t limit, store_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = store_statement(s,
		"SELECT record FROM audits WHERE incident = ?1 ORDER BY time, seq LIMIT ?2");
	int code = SQLITE_ERROR, r = 0;

	store_bind_text(st, 1, id);
	store_bind_time(st, 2, limit);
	while (r == 0 && st && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct audit a = {0};
		r = store_column_record(st, 0, &audit_desc, &a);
		if (r == 0)
			r = fn(ctx, &a);
		record_done(&audit_desc, &a);
	}
	sqlite3_reset(st);
	return r < 0 ? r : code == SQLITE_DONE || code == SQLITE_ROW ? 0 : store_error(s, code);
}

uint64_t store_incidents_open(struct store *s)
{
	return store_count(s, "SELECT count(*) FROM incidents WHERE state = 'open'");
}

int store_incidents_list(struct store *s, const struct store_query *q, store_row_fn *fn, void *ctx,
	char next[STORE_CURSOR_SIZE])
{
	static const struct {
		const char *column;
		size_t offset;
	} filters[] = {
		{"state", offsetof(struct store_query, state)},
		{"container", offsetof(struct store_query, container)},
		{"severity", offsetof(struct store_query, severity)},
	};
	const struct store_list l = {.table = "incidents", .key = "opened", .record = &incident_desc,
		.filters = (const void *)filters, .filter_count = ARRAY_SIZE(filters)};

	return store_list_run(s, &l, q, fn, ctx, next);
}
