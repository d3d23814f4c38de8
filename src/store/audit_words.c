/* SPDX-License-Identifier: Apache-2.0 */
/* What audits are found by: the words of their columns, and what is looked for in the record itself. */
#include <errno.h>
#include <string.h>

#include "base/pattern.h"
#include "store/internal.h"

static const char *word_user(const struct audit *a)
{
	const char *user = a->command.user;

	return user && *user ? user : a->kind == AUDIT_ACCESS ? STORE_USER_LOCAL : NULL;
}

static const char *word_action(const struct audit *a)
{
	return a->command.action;
}

/* Where an older record does not say, what was done says it. */
static const char *word_verdict(const struct audit *a)
{
	if (a->command.verdict && *a->command.verdict)
		return a->command.verdict;
	if (a->kind != AUDIT_ACCESS)
		return NULL;
	return a->done == DONE_BLOCK || a->done == DONE_PREVENT ? "deny" : a->effect == EFFECT_ALERT ? "alert" : "allow";
}

static const char *word_done(const struct audit *a)
{
	return enum_name(&done_names, (int)a->done);
}

static const struct {
	const char *name;
	const char *(*word)(const struct audit *a);
} words[] = {{"user", word_user}, {"action", word_action}, {"verdict", word_verdict}};

const char *store_audit_word(const struct audit *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].name, name) == 0) {
			const char *word = words[i].word(a);
			return word && *word ? word : NULL;
		}
	return NULL;
}

/* audit_word(record, name). A record that cannot be read has no words: a migration goes on. */
static void audit_word(sqlite3_context *c, int n, sqlite3_value **values)
{
	const void *data = sqlite3_value_blob(values[0]);
	const char *name = (const char *)sqlite3_value_text(values[1]);
	struct audit a = {0};

	(void)n;
	if (record_decode(&audit_desc, &a, data ? data : "", (size_t)sqlite3_value_bytes(values[0])) == 0 && name) {
		const char *word = store_audit_word(&a, name);
		if (word)
			sqlite3_result_text(c, word, -1, SQLITE_TRANSIENT);
	}
	record_done(&audit_desc, &a);
}

int store_audit_word_register(sqlite3 *db)
{
	int code = sqlite3_create_function(db, "audit_word", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, audit_word, NULL, NULL);

	return code == SQLITE_OK ? 0 : -ENOMEM;
}

static bool has(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

static bool any_has(const struct str_list *l, const char *part)
{
	for (size_t i = 0; i < l->count; i++)
		if (has(l->items[i], part))
			return true;
	return false;
}

static bool says(const struct audit *a, const char *text)
{
	const struct engine_command *c = &a->command;
	const char *const all[] = {a->message, a->rule, a->container.name, a->container.image, a->container.id, a->file, a->process.path,
		a->network.address, a->network.domain, c->user, c->address, c->action, c->target, c->path};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (has(all[i], text))
			return true;
	return any_has(&c->groups, text) || any_has(&c->parameters, text);
}

static bool fits(const char *pattern, const char *word)
{
	return !pattern || (word && pattern_match(pattern, word, true));
}

bool store_audit_keep(const void *query, const void *audit)
{
	const struct store_query *q = query;
	const struct audit *a = audit;

	return fits(q->user, word_user(a)) && fits(q->action, word_action(a)) && fits(q->verdict, word_verdict(a)) &&
	       fits(q->done, word_done(a)) && (!q->text || says(a, q->text));
}
