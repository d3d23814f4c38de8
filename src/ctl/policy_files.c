/* SPDX-License-Identifier: Apache-2.0 */
/* Files and findings of the policy commands: see policy_files.h. */
#include "ctl/policy_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "ctl/output.h"
#include "ctl/policy_keys.h"

void files_done(struct files *f)
{
	for (int i = 0; i < f->count; i++)
		buf_done(&f->texts[i]);
}

/* One finding, as the API and `check` word it. */
struct finding {
	const char *file, *level, *message, *expected;
	uint32_t line, column;
};

static void finding_print(const struct finding *m, bool json)
{
	struct buf b = BUF_INIT(64 << 10);

	if (!json) {
		printf("%s:%u:%u: %s%s%s: ", m->file, m->line, m->column,
			tint(strcmp(m->level, "error") == 0 ? TINT_RED : TINT_YELLOW), m->level,
			tint(TINT_NONE));
		print_text(m->message);
		if (*m->expected) {
			fputs(" (expected ", stdout);
			print_text(m->expected);
			fputs(")", stdout);
		}
		putchar('\n');
		return;
	}
	buf_puts(&b, "{\"file\":");
	json_put_str(&b, m->file);
	buf_printf(&b, ",\"line\":%u,\"column\":%u,\"level\":", m->line, m->column);
	json_put_str(&b, m->level);
	buf_puts(&b, ",\"message\":");
	json_put_str(&b, m->message);
	buf_puts(&b, ",\"expected\":");
	json_put_str(&b, *m->expected ? m->expected : NULL);
	buf_puts(&b, "}\n");
	if (!b.failed)
		fwrite(b.data, 1, b.len, stdout);
	buf_done(&b);
}

/* Files of keys become keys, where the policy names them. */
static int take_keys(struct files *f, int i, const char *name)
{
	struct diag d = {0};
	int r = policy_keys_inline(&f->texts[i], name, &d);

	if (r != -EINVAL)
		return r < 0 ? cannot_say("out of memory") : CTL_DONE;
	finding_print(&(struct finding){d.file, "error", d.message, d.expected, d.line, d.column}, f->json);
	return CTL_NO;
}

int files_read(struct files *f, const char *const *names, int count)
{
	if (count > FILES_MAX)
		return cannot_say("at most %d files at once", FILES_MAX);
	for (int i = 0; i < count; i++) {
		const char *name = names[i];
		f->texts[i] = BUF_INIT(POLICY_TEXT_MAX);
		f->count = i + 1;
		int r = strcmp(name, "-") == 0 ? fd_read_all(0, &f->texts[i])
					       : file_read(name, &f->texts[i]);
		if (r == -EFBIG) {
			cannot_say("%s:1:1: larger than a policy file may be (expected at most %u "
				   "MiB)",
				name, POLICY_TEXT_MAX >> 20);
			return CTL_NO;
		}
		if (r < 0)
			return cannot_say("cannot read %s: %s", name, strerror(-r));
		int code = take_keys(f, i, name);
		if (code != CTL_DONE)
			return code;
		f->sources[i] = (struct policy_source){
			.name = name,
			.text = f->texts[i].data ? (const char *)f->texts[i].data : "",
			.size = f->texts[i].len,
		};
	}
	return CTL_DONE;
}

void findings_of_reply(const struct json *list, bool json)
{
	for (const struct json *m = json_first(list); m; m = json_next(m))
		finding_print(
			&(struct finding){
				.file = json_get_str(m, "file", "policy.yaml"),
				.line = (uint32_t)json_get_int(m, "line", 0),
				.column = (uint32_t)json_get_int(m, "column", 0),
				.level = json_get_str(m, "level", "error"),
				.message = json_get_str(m, "message", ""),
				.expected = json_get_str(m, "expected", ""),
			},
			json);
}

void findings_of_check(const struct policy_messages *messages, bool json)
{
	for (uint32_t i = 0; i < messages->count; i++) {
		const struct policy_message *m = &messages->items[i];
		finding_print(
			&(struct finding){
				.file = m->diag.file,
				.line = m->diag.line,
				.column = m->diag.column,
				.level = m->level == POLICY_ERROR ? "error" : "warning",
				.message = m->diag.message,
				.expected = m->diag.expected,
			},
			json);
	}
}
