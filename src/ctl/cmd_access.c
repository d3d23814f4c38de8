/* SPDX-License-Identifier: Apache-2.0 */
/* seawall access check: would this command to an engine be allowed, and by which rule. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/policy_files.h"

#define LINE_MAX_ (8u << 10)

/* The policy of a file, or without one the policy in force. Messages are printed. */
static int policy_take(struct policy **ret, const char *file)
{
	CLEANUP(files_done) struct files files = {0};
	CLEANUP(reply_done) struct reply reply = {0};
	CLEANUP(client_free) struct client *client = NULL;
	struct policy_messages messages = {0};
	struct diag diag = {0};
	struct policy_source source;
	int code;

	if (file) {
		code = files_read(&files, &file, 1);
	} else {
		if (client_new(&client, &diag) < 0)
			return cannot(&diag);
		code = client_get(client, "/policy", &reply);
	}
	if (code != CTL_DONE)
		return code;
	const char *text = json_get_str(reply.json, "text", "");
	source = file ? files.sources[0] : (struct policy_source){"(policy in force)", text, strlen(text)};
	int r = policy_load(ret, &source, 1, &messages);
	if (r == -EINVAL)
		findings_of_check(&messages, false);
	policy_messages_done(&messages);
	return r == 0 ? CTL_DONE : r == -EINVAL ? CTL_CANNOT : cannot_say("%s", strerror(-r));
}

/* "container_create" or "POST /containers/create?name=web" as a request line; a name in the path is
 * the target. NULL = no such action. */
static const char *line_of(const char *action, const char *target, char *out, size_t size)
{
	const struct command_action *a = NULL;
	struct buf b = BUF_FIXED((uint8_t *)out, size);

	if (strchr(action, ' ')) {
		snprintf(out, size, "%s", action);
		return strlen(action) < size ? out : NULL;
	}
	for (size_t i = 0; i < command_action_count && !a; i++)
		if (strcmp(command_actions[i].name, action) == 0)
			a = &command_actions[i];
	if (!a)
		return NULL;
	buf_printf(&b, "%s ", a->method);
	for (const char *p = a->path; *p; p++) {
		if (*p != '{') {
			buf_putc(&b, *p);
			continue;
		}
		buf_puts(&b, target ? target : "any");
		p = strchr(p, '}');
	}
	return b.failed ? NULL : out;
}

static void answer_print(bool json, bool allowed, const char *rule, const char *reason)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(16 << 10);

	if (!json) {
		printf("%s%s%s%s%s%s\n", allowed ? "allowed" : "denied", rule ? " by rule '" : "", rule ? rule : "", rule ? "'" : "",
			*reason ? ": " : "", reason);
		return;
	}
	buf_printf(&b, "{\"allowed\":%s,\"rule\":", allowed ? "true" : "false");
	json_put_str(&b, rule);
	buf_puts(&b, ",\"reason\":");
	json_put_str(&b, reason);
	buf_putc(&b, '}');
	if (!b.failed)
		puts((char *)b.data);
}

/* What the action needs to be judged, and was not given: to the user no verdict, but a question. */
static int lacks_body(const struct command_input *in)
{
	const struct command_action *action = NULL;
	char why[256];

	if (in->body_size || command_find(&action, in->method, in->uri, why, sizeof(why)) < 0 || !(action->flags & COMMAND_BODY))
		return CTL_DONE;
	return cannot_say("'%s' is judged by what it asks for: pass the request's JSON with --body FILE (- is standard input)",
		action->name);
}

static int judge(struct call *c, const struct policy *policy, const struct command_input *in)
{
	struct str_list groups = {0};
	struct command_facts f;
	const char *user = call_value(c, "user"), *group = call_value(c, "group");
	int r = group ? str_list_add(&groups, group) : 0;

	if (r == 0)
		r = command_read(&f, in);
	if (r < 0)
		return cannot_say("%s", strerror(-r));
	struct access_request q = {.user = user ? user : "", .groups = &groups, .address = ""};
	command_request(&f, &q);
	struct access_verdict v = policy_judge_access(policy, &q);
	bool allowed = f.readable && v.effect != ACCESS_DENY;
	answer_print(c->json, allowed, f.readable ? v.rule : NULL, f.readable ? v.reason : f.why);
	command_facts_done(&f);
	str_list_done(&groups);
	return allowed ? CTL_DONE : CTL_NO;
}

int cmd_access_check(struct call *c)
{
	static const struct command_header type = {"Content-Type", "application/json"};
	CLEANUP(files_done) struct files files = {0};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	const char *action = call_value(c, "action"), *body = call_value(c, "body");
	char line[LINE_MAX_];

	if (!action)
		return cannot_say("which command: --action container_create, or --action 'POST /containers/create'");
	if (!line_of(action, call_value(c, "target"), line, sizeof(line)))
		return cannot_say("'%s' is no action (expected one of docs/reference/engine-actions.md)", action);
	char *blank = strchr(line, ' ');
	*blank = 0;
	struct command_input in = {.mode = COMMAND_PROXY, .method = line, .uri = blank + 1, .body = "", .body_whole = true};
	int code = body ? files_read(&files, &body, 1) : CTL_DONE;
	if (code == CTL_DONE && body) {
		in.headers = &type;
		in.header_count = 1;
		in.body = files.sources[0].text;
		in.body_size = files.sources[0].size;
	}
	if (code == CTL_DONE)
		code = lacks_body(&in);
	if (code == CTL_DONE)
		code = policy_take(&policy, call_value(c, "policy"));
	return code == CTL_DONE ? judge(c, policy, &in) : code;
}
