/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to an engine as text: first byte = where it was seen, then "METHOD URI\n", headers, an
 * empty line, the body. Besides memory: a second reading says the same, and what is READ of a
 * privileged creation is never silent about it when the word is there in plain.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "command/command.h"

#define HEADERS_MAX 16

static void facts_check(const struct command_facts *f)
{
	struct access_request q = {0};

	if (!f->action || f->readable == (f->why[0] != 0))
		abort();
	if (f->creation.mount_count > CREATION_MOUNTS_MAX || f->creation.devices.count > CREATION_LIST_MAX ||
		f->creation.capabilities.count > CREATION_LIST_MAX || f->parameters.count > COMMAND_PARAMETERS_MAX + 1)
		abort();
	for (uint32_t i = 0; i < f->creation.mount_count; i++) {
		const struct mount_fact *m = &f->creation.mounts[i];

		if (m->kind == MOUNT_BIND && f->readable && (!m->source || m->source[0] != '/' || strstr(m->source, "/../") || strstr(m->source, "//")))
			abort();
	}
	for (uint32_t i = 0; i < f->parameters.count; i++)
		for (const unsigned char *p = (const unsigned char *)f->parameters.items[i]; *p; p++)
			if (*p < ' ' || *p == 0x7f)
				abort();
	command_request(f, &q);
	if (!q.action || (q.read_only && q.dangerous))
		abort();
}

/* Takes one line out of *text; NULL = no more, or the empty line. */
static char *line_take(char **text)
{
	char *line = *text, *end = line ? strchr(line, '\n') : NULL;

	if (!line)
		return NULL;
	if (end)
		*end++ = 0;
	*text = end;
	return *line ? line : NULL;
}

static void request(char *text, const char *body, size_t size, enum command_mode mode)
{
	struct command_header headers[HEADERS_MAX];
	struct command_input in = {.mode = mode, .headers = headers, .body = body, .body_size = size, .body_whole = true};
	struct command_facts one, two;
	char *line = line_take(&text), *blank = line ? strchr(line, ' ') : NULL;

	if (!blank)
		return;
	*blank = 0;
	in.method = line;
	in.uri = blank + 1;
	while ((line = line_take(&text)) && in.header_count < HEADERS_MAX) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = 0;
		headers[in.header_count++] = (struct command_header){line, colon + 1 + strspn(colon + 1, " ")};
	}
	if (command_read(&one, &in) < 0 || command_read(&two, &in) < 0)
		abort();
	facts_check(&one);
	if (one.readable != two.readable || strcmp(one.why, two.why) != 0 || one.parameters.count != two.parameters.count)
		abort();
	command_facts_done(&one);
	command_facts_done(&two);
}

/* The same body as an answer to inspect. */
static void inspect(const char *body, size_t size)
{
	CLEANUP(json_free) struct json *root = NULL;
	struct creation c = {0};

	if (json_parse(&root, body, size, NULL) == 0 && command_read_inspect(&c, root) == 0)
		creation_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	CLEANUP(free) char *head = strndup((const char *)data + 1, size - 1);
	if (!head)
		return 0;
	char *empty = strstr(head, "\n\n");
	size_t from = empty ? (size_t)(empty - head) + 2 : strlen(head);
	const char *body = (const char *)data + 1 + from;
	size_t n = size - 1 - from;

	if (empty)
		empty[1] = 0;
	request(head, body, n, data[0] & 1 ? COMMAND_PROXY : COMMAND_AUTHZ);
	inspect(body, n);
	return 0;
}
