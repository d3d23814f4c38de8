/* SPDX-License-Identifier: Apache-2.0 */
/* Compliance: findings, and how many checks pass. */
#include <string.h>

#include "api/internal.h"

static const char *const resources[] = {"host", "daemon", "file", "image", "container"};
static const char *const severities[] = {"critical", "high", "medium", "low"};

static int put_finding(void *ctx, const void *record)
{
	struct buf *b = ctx;

	json_put_sep(b);
	record_to_json(&compliance_finding_desc, record, b);
	return b->failed;
}

/* "passed" as people write it; NULL and an answer when it is none of them. */
static const char *passed_word(struct http_request *q, const char *text)
{
	static const char *const words[][2] = {{"true", "true"}, {"1", "true"}, {"false", "false"}, {"0", "false"},
		{"ignored", "ignored"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i][0], text) == 0)
			return words[i][1];
	http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "passed is true, false or ignored");
	return NULL;
}

void api_compliance(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(API_ANSWER_MAX);
	char next[STORE_CURSOR_SIZE];
	struct container c = {0};
	struct store_query query;

	if (!api_query_parse(q, &query))
		return;
	if (query.passed && !(query.passed = passed_word(q, query.passed)))
		return;
	if (query.container && store_container_find(a->config.store, query.container, &c) == 0)
		query.container = c.id;
	api_list_begin(&b);
	int r = store_findings_list(a->config.store, &query, put_finding, &b, next);
	record_done(&container_desc, &c);
	if (r < 0) {
		buf_done(&b);
		api_store_problem(q, r);
		return;
	}
	api_reply_list(q, &b, next);
}

struct tally {
	uint64_t passed, failed, ignored;
};

struct sums {
	struct tally all, by_resource[ARRAY_SIZE(resources)];
	uint64_t failed_by_severity[ARRAY_SIZE(severities)], blocked;
};

static void count(struct tally *t, const struct store_finding_sum *s)
{
	*(strcmp(s->passed, "true") == 0 ? &t->passed : strcmp(s->passed, "false") == 0 ? &t->failed : &t->ignored) += s->count;
}

static int add_sum(void *ctx, const void *record)
{
	const struct store_finding_sum *s = record;
	struct sums *x = ctx;

	count(&x->all, s);
	bool failed = strcmp(s->passed, "false") == 0;
	x->blocked += failed && strcmp(s->effect, "block") == 0 ? s->count : 0;
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
		if (strcmp(resources[i], s->resource) == 0)
			count(&x->by_resource[i], s);
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++)
		if (strcmp(severities[i], s->severity) == 0)
			x->failed_by_severity[i] += failed ? s->count : 0;
	return 0;
}

static void put_counts(struct buf *b, const struct tally *t)
{
	json_put_key(b, "passed");
	buf_printf(b, "%llu,\"failed\":%llu,\"ignored\":%llu", (unsigned long long)t->passed,
		(unsigned long long)t->failed, (unsigned long long)t->ignored);
}

/* Resources that nothing was found of are left out. */
static void put_resources(struct buf *b, const struct sums *x)
{
	json_put_key(b, "by_resource");
	buf_putc(b, '{');
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct tally *t = &x->by_resource[i];
		if (!t->passed && !t->failed && !t->ignored)
			continue;
		json_put_key(b, resources[i]);
		buf_putc(b, '{');
		put_counts(b, t);
		buf_putc(b, '}');
	}
	buf_putc(b, '}');
}

static void put_severities(struct buf *b, const struct sums *x)
{
	json_put_key(b, "by_severity");
	buf_putc(b, '{');
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
		json_put_key(b, severities[i]);
		buf_printf(b, "%llu", (unsigned long long)x->failed_by_severity[i]);
	}
	buf_putc(b, '}');
}

void api_compliance_summary(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(16384);
	struct sums x = {0};
	int r = store_findings_sum(a->config.store, add_sum, &x);

	if (r < 0) {
		api_store_problem(q, r);
		return;
	}
	uint64_t counted = x.all.passed + x.all.failed;
	buf_puts(&b, "{\"rate\":");
	if (counted)
		buf_printf(&b, "%.4f", (double)x.all.passed / (double)counted);
	else
		buf_puts(&b, "null");
	put_counts(&b, &x.all);
	json_put_key(&b, "blocked");
	buf_printf(&b, "%llu", (unsigned long long)x.blocked);
	put_severities(&b, &x);
	put_resources(&b, &x);
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}
