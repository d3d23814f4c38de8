/* SPDX-License-Identifier: Apache-2.0 */
/* seawall policy check, test: what can be said of a policy without a Console. */
#include <errno.h>
#include <stdio.h>

#include "ctl/output.h"
#include "ctl/policy_files.h"
#include "policy/cases.h"

/* How much of each area there is; areas that nothing is said of are left out. */
static void print_counts(const struct policy *p)
{
	const struct {
		const char *one, *many;
		uint32_t count;
	} areas[] = {
		{"runtime rule", "runtime rules", p->runtime_count},
		{"trust rule", "trust rules", p->trust_count},
		{"trust group", "trust groups", p->trust_group_count},
		{"compliance rule", "compliance rules", p->compliance_count},
		{"access rule", "access rules", p->access_count},
		{"collection", "collections", p->collection_count},
	};
	unsigned said = 0;

	fputs("a good policy: ", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(areas); i++)
		if (areas[i].count)
			printf("%s%u %s", said++ ? ", " : "", areas[i].count, areas[i].count == 1 ? areas[i].one : areas[i].many);
	puts(said ? "" : "nothing in it");
}

int cmd_policy_check(struct call *c)
{
	CLEANUP(files_done) struct files files = {.json = c->json};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	struct policy_messages messages = {0};
	int code = files_read(&files, c->args, c->arg_count);

	if (code != CTL_DONE)
		return code;
	int r = policy_load(&policy, files.sources, (size_t)files.count, &messages);
	findings_of_check(&messages, c->json);
	policy_messages_done(&messages);
	if (r == -ENOMEM)
		return cannot_say("out of memory");
	if (r == 0 && !c->json)
		print_counts(policy);
	return r == 0 ? CTL_DONE : CTL_NO;
}

/* What the printing of results adds up. */
struct tally {
	bool json;
	const char *file;
	unsigned passed, failed;
};

static int on_case(void *ctx, const struct case_result *r)
{
	struct tally *t = ctx;
	struct buf b = BUF_INIT(64 << 10);

	if (r->passed)
		t->passed++;
	else
		t->failed++;
	if (t->json) {
		buf_puts(&b, "{\"case\":");
		json_put_str(&b, r->title);
		buf_puts(&b, ",\"file\":");
		json_put_str(&b, t->file);
		buf_printf(&b, ",\"line\":%u,\"passed\":%s,\"message\":", r->line,
			r->passed ? "true" : "false");
		json_put_str(&b, r->message);
		buf_puts(&b, "}");
		if (!b.failed)
			puts((char *)b.data);
	} else if (!r->passed) {
		printf("%s:%u: %s\n  %s\n", t->file, r->line, r->title, r->message);
	}
	buf_done(&b);
	return 0;
}

int cmd_policy_test(struct call *c)
{
	CLEANUP(files_done) struct files files = {.json = c->json};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	struct policy_messages messages = {0};
	struct diag diag = {0};
	int code = files_read(&files, c->args, c->arg_count);

	if (code != CTL_DONE)
		return code;
	int r = policy_load(&policy, &files.sources[0], 1, &messages);
	if (r < 0)
		findings_of_check(&messages, c->json);
	policy_messages_done(&messages);
	if (r < 0)
		return r == -ENOMEM ? cannot_say("out of memory") : CTL_NO;
	struct tally t = {.json = c->json, .file = files.sources[1].name};
	r = policy_cases_run(policy, &files.sources[1], on_case, &t, &diag);
	if (r < 0) {
		snprintf(diag.file, sizeof(diag.file), "%s", t.file);
		cannot(&diag);
		return r == -EINVAL ? CTL_NO : CTL_CANNOT;
	}
	if (!c->json)
		printf("%u cases as expected, %u not\n", t.passed, t.failed);
	return t.failed ? CTL_NO : CTL_DONE;
}
