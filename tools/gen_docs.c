/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the reference pages that come from tables: gen_docs DIR. With --check it writes nothing and
 * fails when a page differs, so that a table and its page cannot drift apart.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "command/command.h"
#include "model/records.h"
#include "policy/calls.h"
#include "policy/gates.h"
#include "policy/grammar.h"

static void put_schemas(struct buf *out)
{
	buf_puts(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Seawall records\",\"$defs\":{\n");
	for (size_t i = 0; i < all_records_count; i++) {
		buf_puts(out, i ? ",\n" : "");
		json_put_str(out, all_records[i]->name);
		buf_putc(out, ':');
		record_schema(all_records[i], out);
	}
	buf_puts(out, "\n}}\n");
}

static void put_detections(struct buf *out)
{
	buf_puts(out, "# Detections\n\nGenerated from `src/model/enums.c` by `make docs`.\n\n"
		"| id | severity | ATT&CK | what | built |\n|---|---|---|---|---|\n");
	for (int i = 1; i < DETECTION_COUNT_; i++) {
		const struct detection_info *d = detection_info((enum detection)i);
		buf_printf(out, "| `%s` | %s | %s | %s | %s |\n", enum_name(&detection_names, i),
			enum_name(&severity_names, (int)d->severity), d->technique, d->title, d->built ? "yes" : "not yet");
	}
}

/* What a value may be, for a table cell. */
static void put_values(struct buf *out, const struct schema *s)
{
	char choices[256];

	if (s->kind == SCHEMA_CHOICE)
		buf_puts(out, schema_choices(s, choices, sizeof(choices)));
	else
		buf_puts(out, s->expected);
}

/* One row for each key, below `path`. Maps in lists are `path[]`. */
static void put_keys(struct buf *out, const struct schema *s, const char *path)
{
	for (uint32_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct schema *inner = f->schema->kind == SCHEMA_LIST ? f->schema->item : f->schema;
		char below[512];

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", f->name);
		buf_printf(out, "| `%s` | ", below);
		put_values(out, f->schema);
		buf_printf(out, " | %s%s%s |\n", f->doc, f->required ? "; required" : "", schema_enforced(f) ? "" : "; *not enforced yet*");
		if (inner->kind != SCHEMA_MAP)
			continue;
		snprintf(below + strlen(below), sizeof(below) - strlen(below), "%s", f->schema->kind == SCHEMA_LIST ? "[]" : "");
		put_keys(out, inner, below);
	}
}

static void put_policy(struct buf *out)
{
	buf_puts(out, "# Keys of the policy file\n\nGenerated from `src/policy/grammar.c` by `make docs`. What they mean is in\n"
		"[policy-language.md](../policy-language.md).\n\n| key | value | meaning |\n|---|---|---|\n");
	put_keys(out, &grammar_policy, "");
}

static void put_checks(struct buf *out)
{
	const struct compliance_check *c;

	buf_puts(out, "# Compliance checks\n\nGenerated from the tables of `src/policy/compliance*.c`. The numbers are those of the CIS Docker Benchmark\n"
		"1.6.0. A check *at creation* can keep a container from being made; the others are only told.\n\n"
		"| id | CIS | severity | of | at creation | what should be | how to mend it |\n|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; (c = compliance_check_at(i)); i++)
		buf_printf(out, "| `%s` | %s | %s | %s | %s | %s | %s |\n", c->id, c->cis ? c->cis : "",
			enum_name(&severity_names, (int)c->severity), c->resource, c->fails ? "yes" : "", c->title, c->remedy);
}

static void put_engine_actions(struct buf *out)
{
	static const struct {
		unsigned flag;
		const char *name;
	} marks[] = {
		{COMMAND_READ_ONLY, "read only"},
		{COMMAND_DANGEROUS, "dangerous"},
		{COMMAND_BODY, "body judged"},
		{COMMAND_BODY_MAYBE, "body judged if there"},
		{COMMAND_STREAMS, "archive"},
		{COMMAND_HIJACKS, "stream"},
		{COMMAND_BUILDS, "hides builds"},
	};

	buf_puts(out, "# Actions of the Docker Engine API\n\nGenerated from `src/command/action.c` by `make docs`. Access rules name these "
		"actions, or their groups\n`read_only` (changes nothing) and `dangerous` (can bring code or settings of the client's choice onto "
		"the host or\ninto a running container). `{name*}` may have slashes. A version before the path (`/v1.41`) is left out, `HEAD`\n"
		"counts as `GET`. What is not here is the action `unknown`, which is dangerous.\n\n"
		"| action | method | path | group, body | what |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < command_action_count; i++) {
		const struct command_action *a = &command_actions[i];
		const char *comma = "";

		buf_printf(out, "| `%s` | %s | `%s` | ", a->name, a->method, a->path);
		for (size_t k = 0; k < ARRAY_SIZE(marks); k++) {
			if (!(a->flags & marks[k].flag))
				continue;
			buf_printf(out, "%s%s", comma, marks[k].name);
			comma = ", ";
		}
		buf_printf(out, " | %s |\n", a->summary);
	}
}

static void put_syscalls(struct buf *out)
{
	buf_puts(out, "# System calls that are looked at\n\nGenerated from `src/policy/calls.c` by `make docs`. Each needs a capability, and is "
		"seen where the kernel asks for it.\n*Lasting*: it stands when its process was killed for it, so `prevent` is `weakened`.\n\n"
		"| system call | detection | capability | lasting |\n|---|---|---|---|\n");
	for (size_t i = 0; i < policy_calls_count; i++) {
		const struct policy_call *c = &policy_calls[i];

		buf_printf(out, "| `%s` | `%s` | %u | %s |\n", c->name, enum_name(&detection_names, (int)c->detection), c->capability,
			c->lasting ? "yes" : "");
	}
}

static const struct {
	const char *file;
	void (*put)(struct buf *out);
} pages[] = {
	{"records.schema.json", put_schemas},
	{"policy.md", put_policy},
	{"detections.md", put_detections},
	{"syscalls.md", put_syscalls},
	{"compliance-checks.md", put_checks},
	{"engine-actions.md", put_engine_actions},
};

int main(int argc, char **argv)
{
	bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
	int failures = 0;

	if (argc != 2 && !check) {
		fprintf(stderr, "usage: gen_docs [--check] DIR\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		CLEANUP(buf_done) struct buf page = BUF_INIT(8u << 20);
		CLEANUP(buf_done) struct buf present = BUF_INIT(8u << 20);
		char path[4096];

		pages[i].put(&page);
		snprintf(path, sizeof(path), "%s/%s", argv[argc - 1], pages[i].file);
		int r = check ? file_read(path, &present) : file_write_atomic(path, page.data, page.len, 0644);
		if (r < 0 || (check && (present.len != page.len || memcmp(present.data, page.data, page.len) != 0))) {
			fprintf(stderr, "%s: %s\n", path, r < 0 ? strerror(-r) : "differs from its table: run make docs");
			failures++;
		}
	}
	return failures ? 1 : 0;
}
