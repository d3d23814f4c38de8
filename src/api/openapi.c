/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.1 out of the route table and the record tables; only what is no record is written here. */
#include <string.h>

#include "api/internal.h"
#include "base/parse.h"

/* Answers that are no records. */
static const struct {
	const char *name, *schema;
} other_schemas[] = {
	{"me", "{\"type\":\"object\",\"properties\":{\"user\":{\"type\":\"string\"},\"role\":{\"enum\":[\"admin\",\"viewer\"]}}}"},
	{"connection", "{\"allOf\":[{\"$ref\":\"#/components/schemas/edge\"}],\"description\":\"an edge with the member country\"}"},
	{"radar", "{\"type\":\"object\",\"properties\":{\"nodes\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
		"\"edges\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"seq\":{\"type\":\"integer\"}}}"},
	{"compliance_summary", "{\"type\":\"object\",\"properties\":{\"rate\":{\"type\":[\"number\",\"null\"],"
		"\"description\":\"passed of passed and failed, 0 to 1\"},\"passed\":{\"type\":\"integer\"},"
		"\"failed\":{\"type\":\"integer\"},\"ignored\":{\"type\":\"integer\"},\"blocked\":{\"type\":\"integer\","
		"\"description\":\"failed ones that a rule blocks\"},\"by_severity\":{\"type\":\"object\",\"description\":"
		"\"failed ones\",\"additionalProperties\":{\"type\":\"integer\"}},\"by_resource\":{\"type\":\"object\","
		"\"additionalProperties\":{\"type\":\"object\",\"properties\":{\"passed\":{\"type\":\"integer\"},"
		"\"failed\":{\"type\":\"integer\"},\"ignored\":{\"type\":\"integer\"}}}}}}"},
	{"policy", "{\"type\":\"object\",\"properties\":{\"revision\":{\"type\":\"integer\"},\"text\":{\"type\":\"string\"},"
		"\"policy\":{\"type\":\"object\"},\"author\":{\"type\":\"string\"},\"time\":{\"type\":\"string\",\"format\":\"date-time\"},"
		"\"warnings\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/message\"}}}}"},
	{"policy_check", "{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"},\"messages\":{\"type\":\"array\","
		"\"items\":{\"$ref\":\"#/components/schemas/message\"}}}}"},
	{"policy_diff", "{\"type\":\"object\",\"properties\":{\"diff\":{\"type\":\"string\"}}}"},
	{"policy_text", "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}"},
	{"policy_revision", "{\"type\":\"object\",\"properties\":{\"revision\":{\"type\":\"integer\"},\"author\":{\"type\":\"string\"},"
		"\"time\":{\"type\":\"string\",\"format\":\"date-time\"},\"added\":{\"type\":\"integer\"},\"removed\":{\"type\":\"integer\"},"
		"\"note\":{\"type\":[\"string\",\"null\"]}}}"},
	{"message", "{\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\"},\"line\":{\"type\":\"integer\"},"
		"\"column\":{\"type\":\"integer\"},\"level\":{\"enum\":[\"error\",\"warning\"]},\"message\":{\"type\":\"string\"},"
		"\"expected\":{\"type\":[\"string\",\"null\"]}}}"},
	{"problem", "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
		"\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\","
		"\"items\":{\"$ref\":\"#/components/schemas/message\"}}}}"},
};

static void put_parameter(struct buf *b, const char *name, size_t size, const char *in)
{
	json_put_sep(b);
	buf_puts(b, "{\"name\":");
	json_put_strn(b, name, size);
	buf_printf(b, ",\"in\":\"%s\"%s,\"schema\":{\"type\":\"string\"}}", in,
		strcmp(in, "path") == 0 ? ",\"required\":true" : "");
}

static void put_parameters(struct buf *b, const struct http_route *r)
{
	json_put_key(b, "parameters");
	buf_putc(b, '[');
	for (const char *p = strchr(r->path, '{'); p; p = strchr(p + 1, '{'))
		put_parameter(b, p + 1, strcspn(p + 1, "}"), "path");
	for (const char *p = r->query; p && *p;) {
		size_t n = strcspn(p, " ");
		if (n)
			put_parameter(b, p, n, "query");
		p += n + (p[n] == ' ');
	}
	buf_putc(b, ']');
}

static void put_answer(struct buf *b, const struct http_route *r)
{
	buf_puts(b, "\"responses\":{\"200\":{\"description\":\"done\"");
	if (r->answer) {
		bool list = str_has_suffix(r->answer, "[]");
		int n = (int)(strlen(r->answer) - (list ? 2 : 0));
		buf_puts(b, ",\"content\":{\"application/json\":{\"schema\":");
		if (list)
			buf_printf(b, "{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\",\"items\":"
				"{\"$ref\":\"#/components/schemas/%.*s\"}},\"next\":{\"type\":[\"string\",\"null\"]}}}", n, r->answer);
		else
			buf_printf(b, "{\"$ref\":\"#/components/schemas/%.*s\"}", n, r->answer);
		buf_puts(b, "}}");
	}
	buf_puts(b, "},\"default\":{\"description\":\"refused or failed\",\"content\":{\"application/problem+json\":"
		"{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}}");
}

static void put_operation(struct buf *b, const struct http_route *r)
{
	static const char *const methods[HTTP_METHOD_COUNT_] = {"get", "post", "put", "delete"};

	json_put_key(b, methods[r->method]);
	buf_putc(b, '{');
	json_put_key(b, "summary");
	json_put_str(b, r->summary);
	put_parameters(b, r);
	if (r->role == HTTP_PUBLIC)
		buf_puts(b, ",\"security\":[]");
	if (r->role == HTTP_ADMIN)
		buf_puts(b, ",\"x-role\":\"admin\"");
	buf_putc(b, ',');
	put_answer(b, r);
	buf_putc(b, '}');
}

static bool first_of_path(const struct http_route *routes, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(routes[j].path, routes[i].path) == 0)
			return false;
	return true;
}

void api_openapi(const struct http_route *routes, size_t n, struct buf *out)
{
	buf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Seawall\",\"version\":\"" SEAWALL_VERSION "\"},"
		"\"security\":[{\"token\":[]},{\"session\":[]}],\"paths\":{");
	for (size_t i = 0; i < n; i++) {
		if (!first_of_path(routes, i))
			continue;
		json_put_key(out, routes[i].path);
		buf_putc(out, '{');
		for (size_t j = i; j < n; j++)
			if (strcmp(routes[j].path, routes[i].path) == 0)
				put_operation(out, &routes[j]);
		buf_putc(out, '}');
	}
	buf_puts(out, "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
		"\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"seawall_session\"}},\"schemas\":{");
	for (size_t i = 0; i < all_records_count; i++) {
		json_put_key(out, all_records[i]->name);
		record_schema(all_records[i], out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_schemas); i++) {
		json_put_key(out, other_schemas[i].name);
		buf_puts(out, other_schemas[i].schema);
	}
	buf_puts(out, "}}}");
}
