/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says how a request to an engine is read: engine_reading request < "METHOD URI\nheaders\n\nbody", as
 * the proxy sees it, engine_reading authz: as the plugin does; engine_reading inspect < an answer of the
 * engine about a container. One JSON object.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "command/command.h"

#define HEADERS_MAX 16

static void put_list(struct buf *out, const char *key, const struct str_list *l)
{
	json_put_key(out, key);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		json_put_sep(out);
		json_put_str(out, l->items[i]);
	}
	buf_putc(out, ']');
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	json_put_key(out, key);
	json_put_str(out, text);
}

static void put_number(struct buf *out, const char *key, int64_t value)
{
	json_put_key(out, key);
	buf_printf(out, "%lld", (long long)value);
}

static void put_creation(struct buf *out, const struct creation *c)
{
	put_text(out, "image", c->image);
	put_text(out, "user", c->user);
	put_text(out, "runtime", c->runtime);
	put_text(out, "restart_policy", c->restart_policy);
	put_number(out, "privileged", c->privileged);
	put_number(out, "host_namespaces", c->host_namespaces);
	put_number(out, "readonly_root", c->readonly_root);
	put_number(out, "seccomp", c->seccomp);
	put_number(out, "no_new_privileges", c->no_new_privileges);
	put_number(out, "memory", c->memory);
	put_list(out, "capabilities", &c->capabilities);
	put_list(out, "devices", &c->devices);
	put_list(out, "joins", &c->joins);
	put_list(out, "security_options", &c->security_options);
	put_list(out, "sysctls", &c->sysctls);
	put_list(out, "ports", &c->ports);
	put_list(out, "args", &c->args);
	put_list(out, "env_names", &c->env_names);
	json_put_key(out, "binds");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct mount_fact *m = &c->mounts[i];

		if (m->kind != MOUNT_BIND)
			continue;
		json_put_sep(out);
		buf_printf(out, "[");
		json_put_str(out, m->source);
		buf_putc(out, ',');
		json_put_str(out, m->target);
		buf_printf(out, ",%s]", m->readonly ? "true" : "false");
	}
	buf_putc(out, ']');
}

/* The head's lines become strings; where the body begins. */
static char *head_split(char *text, struct command_input *in, struct command_header *headers)
{
	char *body = strstr(text, "\n\n"), *line = text, *blank = strchr(text, ' ');

	if (!body || !blank)
		return NULL;
	*body = 0;
	*blank = 0;
	in->method = text;
	in->uri = blank + 1;
	line = strchr(blank + 1, '\n');
	while (line && in->header_count < HEADERS_MAX) {
		*line++ = 0;
		char *next = strchr(line, '\n'), *colon = strchr(line, ':');

		if (!colon)
			return NULL;
		*colon = 0;
		headers[in->header_count++] = (struct command_header){line, colon + 1 + strspn(colon + 1, " ")};
		line = next;
	}
	return body + 2;
}

static int request(struct buf *text, struct buf *out, enum command_mode mode)
{
	struct command_header headers[HEADERS_MAX];
	struct command_input in = {.mode = mode, .headers = headers, .body_whole = true};
	char *body = head_split((char *)text->data, &in, headers);
	struct command_facts f;

	if (!body)
		return -EINVAL;
	in.body = body;
	in.body_size = text->len - (size_t)(body - (char *)text->data);
	int r = command_read(&f, &in);
	if (r < 0)
		return r;
	json_put_key(out, "readable");
	buf_puts(out, f.readable ? "true" : "false");
	put_text(out, "why", f.why);
	put_text(out, "action", f.action->name);
	put_text(out, "target", f.target);
	put_list(out, "parameters", &f.parameters);
	put_creation(out, &f.creation);
	command_facts_done(&f);
	return 0;
}

static int inspect(struct buf *text, struct buf *out)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct creation c = {0};
	int r = json_parse(&root, (const char *)text->data, text->len, NULL);

	if (r == 0)
		r = command_read_inspect(&c, root);
	if (r == 0)
		put_creation(out, &c);
	creation_done(&c);
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16u << 20);
	CLEANUP(buf_done) struct buf out = BUF_INIT(16u << 20);
	char piece[65536];
	size_t n;

	if (argc != 2)
		return 2;
	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		buf_put(&text, piece, n);
	buf_putc(&text, 0);
	if (text.failed)
		return 1;
	text.len--;
	buf_putc(&out, '{');
	int r = strcmp(argv[1], "inspect") == 0 ? inspect(&text, &out)
		: request(&text, &out, strcmp(argv[1], "authz") == 0 ? COMMAND_AUTHZ : COMMAND_PROXY);
	if (r < 0) {
		fprintf(stderr, "engine_reading: %s\n", strerror(-r));
		return 1;
	}
	buf_puts(&out, "}\n");
	return fwrite(out.data, 1, out.len, stdout) == out.len && !out.failed ? 0 : 1;
}
