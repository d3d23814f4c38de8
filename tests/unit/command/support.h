/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as a test writes them: one string of headers, one body. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "command/command.h"

#define HEADERS_MAX 16

/* "Name: value\n" lines. {LEN} in them is the body's length. */
struct headers {
	char text[1024];
	struct command_header items[HEADERS_MAX];
	size_t count;
};

static inline void headers_split(struct headers *h, const char *lines, size_t body)
{
	const char *mark = strstr(lines, "{LEN}");

	h->count = 0;
	if (mark)
		snprintf(h->text, sizeof(h->text), "%.*s%zu%s", (int)(mark - lines), lines, body, mark + 5);
	else
		snprintf(h->text, sizeof(h->text), "%s", lines);
	for (char *line = h->text, *next; line && *line && h->count < HEADERS_MAX; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		char *colon = strchr(line, ':');
		*colon = 0;
		h->items[h->count++] = (struct command_header){line, colon + 1 + strspn(colon + 1, " ")};
	}
}

static inline struct command_facts ask(enum command_mode mode, const char *method, const char *uri, const char *headers, const char *body)
{
	struct headers h;
	struct command_facts f;
	struct command_input in = {.mode = mode, .method = method, .uri = uri, .headers = h.items, .body = body ? body : "",
		.body_size = body ? strlen(body) : 0, .body_whole = true};

	headers_split(&h, headers, in.body_size);
	in.header_count = h.count;
	assert_int_equal(command_read(&f, &in), 0);
	assert_non_null(f.action);
	return f;
}

#define JSON_HEADERS "Content-Type: application/json\nContent-Length: {LEN}"

/* A POST with a JSON body through the proxy. */
static inline struct command_facts post(const char *uri, const char *body)
{
	return ask(COMMAND_PROXY, "POST", uri, JSON_HEADERS, body);
}

static inline struct command_facts create(const char *body)
{
	struct command_facts f = post("/v1.41/containers/create", body);

	if (!f.readable)
		print_message("%s: %s\n", body, f.why);
	assert_true(f.readable);
	return f;
}

static inline bool list_has(const struct str_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], text) == 0)
			return true;
	return false;
}

static inline void assert_list(const struct str_list *l, const char *text)
{
	if (list_has(l, text))
		return;
	for (uint32_t i = 0; i < l->count; i++)
		print_message("  has: %s\n", l->items[i]);
	fail_msg("lacks '%s'", text);
}
