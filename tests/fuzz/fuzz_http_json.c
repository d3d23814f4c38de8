/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client may send in a request's body and path: the first line is the content type, the rest
 * the body, read as multipart and as JSON; both are looked up as a path too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "http/http.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_route routes[] = {
	{HTTP_GET, "/a/{id}/b/{n}", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
	{HTTP_GET, "/*", HTTP_PUBLIC, 0, NULL, NULL, NULL, NULL},
};

static void read_json(const char *body, size_t size)
{
	CLEANUP(json_free) struct json *j = NULL;
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);
	CLEANUP(json_free) struct json *again = NULL;

	if (json_parse(&j, body, size, NULL) < 0)
		return;
	json_print(j, &out);
	/* What was written must be readable. */
	if (!out.failed && json_parse(&again, (char *)out.data, out.len, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct multipart_part parts[MULTIPART_MAX];
	char *text = malloc(size + 1);
	struct diag d = {0};

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	char *newline = memchr(text, '\n', size);
	char *body = newline ? newline + 1 : text + size;
	size_t body_size = (size_t)(text + size - body);
	if (newline)
		*newline = 0;
	int n = multipart_parse(text, body, body_size, parts, &d);
	for (int i = 0; i < n; i++)
		if (parts[i].data < body || parts[i].data + parts[i].size > body + body_size)
			abort();
	read_json(body, body_size);
	http_route_find(routes, ARRAY_SIZE(routes), "GET", text);
	free(text);
	return 0;
}
