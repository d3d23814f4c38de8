/* SPDX-License-Identifier: Apache-2.0 */
/* seawall policy get, apply, diff, history, rollback: what is asked of the Console. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/parse.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/policy_files.h"

/* multipart/form-data, so that each file keeps its name in the Console's messages. */
static int put_multipart(const struct files *f, struct buf *body, char *type, size_t type_size)
{
	uint64_t boundary[2];

	if (getrandom(boundary, sizeof(boundary), 0) != sizeof(boundary))
		return -EIO;
	char mark[64];
	snprintf(mark, sizeof(mark), "seawall-%016lx%016lx", (unsigned long)boundary[0],
		(unsigned long)boundary[1]);
	snprintf(type, type_size, "multipart/form-data; boundary=%s", mark);
	for (int i = 0; i < f->count; i++) {
		buf_printf(body,
			"--%s\r\nContent-Disposition: form-data; name=\"policy\"; filename=\"",
			mark);
		for (const char *s = f->sources[i].name; *s; s++)
			buf_putc(body,
				*s == '"' || *s == '\\' || (unsigned char)*s < 0x20 ? '_' : *s);
		buf_puts(body, "\"\r\nContent-Type: application/yaml\r\n\r\n");
		buf_put(body, f->sources[i].text, f->sources[i].size);
		buf_puts(body, "\r\n");
	}
	buf_printf(body, "--%s--\r\n", mark);
	return body->failed;
}

/* Sends the files as parts, or the only one as it is; the findings of a refusal are printed. */
static int send_files(struct call *c, const struct request *q, bool parts, struct reply *reply)
{
	CLEANUP(files_done) struct files files = {.json = c->json};
	CLEANUP(client_free) struct client *client = NULL;
	CLEANUP(buf_done) struct buf body = BUF_INIT((size_t)FILES_MAX * POLICY_TEXT_MAX);
	struct diag diag = {0};
	char type[128];
	int code = files_read(&files, c->args, c->arg_count);

	if (code != CTL_DONE)
		return code;
	if (parts && put_multipart(&files, &body, type, sizeof(type)) < 0)
		return cannot_say("out of memory");
	struct request request = *q;
	request.type = parts ? type : "application/yaml";
	request.body = parts ? (const void *)body.data : files.sources[0].text;
	request.size = parts ? body.len : files.sources[0].size;
	if (client_new(&client, &diag) < 0 || client_ask(client, &request, reply, &diag) < 0)
		return cannot(&diag);
	if (reply->status >= 200 && reply->status < 300)
		return CTL_DONE;
	findings_of_reply(json_get(reply->json, "errors"), c->json);
	reply_problem(reply, &diag);
	cannot(&diag);
	return reply->status == 412 || reply->status == 413 || reply->status == 422 ? CTL_NO
										    : CTL_CANNOT;
}

int cmd_policy_apply(struct call *c)
{
	CLEANUP(reply_done) struct reply reply = {0};
	const char *revision = call_value(c, "if-revision");
	char tag[64];

	snprintf(tag, sizeof(tag), "\"%.40s\"", revision ? revision : "");
	int r = send_files(c,
		&(struct request){
			.method = "PUT", .path = "/policy", .if_match = revision ? tag : NULL},
		true, &reply);
	if (r != CTL_DONE)
		return r;
	if (c->json) {
		print_json(reply.json);
		return CTL_DONE;
	}
	printf("revision %ld is in force\n", (long)json_get_int(reply.json, "revision", 0));
	const struct json *warnings = json_get(reply.json, "warnings");
	for (const struct json *w = json_first(warnings); w; w = json_next(w))
		if (json_is_string(w))
			printf("warning: %s\n", json_str(w, ""));
	if (json_is_object(json_first(warnings)))
		findings_of_reply(warnings, false);
	return CTL_DONE;
}

int cmd_policy_diff(struct call *c)
{
	CLEANUP(reply_done) struct reply reply = {0};
	int r = send_files(
		c, &(struct request){.method = "POST", .path = "/policy/diff"}, false, &reply);

	if (r != CTL_DONE)
		return r;
	if (c->json)
		print_json(reply.json);
	else
		fputs(json_get_str(reply.json, "diff", ""), stdout);
	return CTL_DONE;
}

/* A request without files. */
static int ask(const struct request *q, struct reply *reply)
{
	CLEANUP(client_free) struct client *client = NULL;
	struct diag diag = {0};

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	return client_send(client, q, reply);
}

static int take_revision(const char *text, uint64_t *ret)
{
	if (parse_u64(text, 1, UINT64_MAX, ret) < 0)
		return cannot_say(
			"'%s' is no revision (expected a number from 'seawall policy history')",
			text);
	return CTL_DONE;
}

int cmd_policy_get(struct call *c)
{
	CLEANUP(reply_done) struct reply reply = {0};
	const char *revision = call_value(c, "revision");
	char path[64] = "/policy";
	uint64_t n;

	if (revision) {
		if (take_revision(revision, &n) != CTL_DONE)
			return CTL_CANNOT;
		snprintf(path, sizeof(path), "/policy/revisions/%lu", (unsigned long)n);
	}
	int r = ask(&(struct request){.path = path}, &reply);
	if (r != CTL_DONE)
		return r;
	if (c->json) {
		print_json(reply.json);
		return CTL_DONE;
	}
	const char *text = json_get_str(reply.json, "text", "");
	printf("%s%s", text, *text && text[strlen(text) - 1] != '\n' ? "\n" : "");
	return CTL_DONE;
}

int cmd_policy_history(struct call *c)
{
	static const char *const titles[] = {
		"REVISION", "TIME", "AUTHOR", "ADDED", "REMOVED", "NOTE", NULL};
	CLEANUP(reply_done) struct reply reply = {0};
	char when[64], number[3][24];
	static const char *const numbers[] = {"revision", "added", "removed"};
	struct table t;
	int r = ask(&(struct request){.path = "/policy/history"}, &reply);

	if (r != CTL_DONE)
		return r;
	table_init(&t, titles, 5);
	for (const struct json *i = json_first(json_get(reply.json, "items")); i;
		i = json_next(i)) {
		if (c->json) {
			print_json(i);
			continue;
		}
		for (int n = 0; n < 3; n++)
			snprintf(number[n], sizeof(number[n]), "%ld",
				(long)json_get_int(i, numbers[n], 0));
		table_add(&t, number[0]);
		table_add(&t, time_short(json_get_str(i, "time", NULL), when, sizeof(when)));
		table_add(&t, json_get_str(i, "author", NULL));
		table_add(&t, number[1]);
		table_add(&t, number[2]);
		table_add(&t, json_get_str(i, "note", NULL));
	}
	if (!c->json)
		table_print(&t, "no revision yet");
	return CTL_DONE;
}

int cmd_policy_rollback(struct call *c)
{
	CLEANUP(reply_done) struct reply reply = {0};
	char body[64];
	uint64_t revision;

	if (take_revision(c->args[0], &revision) != CTL_DONE)
		return CTL_CANNOT;
	int n = snprintf(body, sizeof(body), "{\"revision\":%lu}", (unsigned long)revision);
	int r = ask(&(struct request){.method = "POST",
			    .path = "/policy/rollback",
			    .type = "application/json",
			    .body = body,
			    .size = (size_t)n},
		&reply);
	if (r != CTL_DONE)
		return r;
	if (c->json)
		print_json(reply.json);
	else
		printf("revision %ld is in force, with the text of revision %lu\n",
			(long)json_get_int(reply.json, "revision", 0), (unsigned long)revision);
	return CTL_DONE;
}
