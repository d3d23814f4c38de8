/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy over HTTP: read, checked, replaced and rolled back by revisions. A text that does not
 * load changes nothing; a change made against an older revision than the newest is refused when the
 * client said which one it saw (If-Match).
 */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/parse.h"
#include "http/multipart.h"
#include "policy/diff.h"
#include "policy/edit.h"

/* What protects a host whose owner has not said anything yet: see it, say it, stop nothing. */
static const char first_policy[] =
	"version: 1\n"
	"collections:\n"
	"  - {name: everything}\n"
	"runtime:\n"
	"  - name: default\n"
	"    notes: Made at first start. Set crypto_miners to block to stop them.\n"
	"    scope: [everything]\n"
	"    processes:\n"
	"      crypto_miners: alert\n";

const struct policy *api_policy(const struct api *a)
{
	return a->policy;
}

static const char *present_text(const struct api *a)
{
	return a->policy ? a->policy->text : "";
}

static unsigned long long present_revision(const struct api *a)
{
	return a->policy ? a->policy->revision : 0;
}

/* --- texts in --- */

/* The sources of a request: the parts of a multipart body, or the body as one file. Number or -errno. */
static int sources_of(struct http_request *q, struct multipart_part *parts, struct policy_source *ret, struct diag *reterr)
{
	size_t size;
	const char *body = http_body(q, &size);
	int n = multipart_parse(http_header(q, "Content-Type"), body, size, parts, reterr);

	if (n == -ENOTSUP) {
		ret[0] = (struct policy_source){"policy.yaml", body, size};
		return 1;
	}
	for (int i = 0; i < n; i++)
		ret[i] = (struct policy_source){*parts[i].filename ? parts[i].filename : "policy.yaml", parts[i].data, parts[i].size};
	return n == 0 ? diag_msg(reterr, -EBADMSG, "multipart body without a part") : n;
}

/* Loads what the request carries. 0, 1 = it has errors (in *messages), or < 0 and the request is answered. */
static int request_load(struct http_request *q, struct policy **ret, struct policy_messages *messages)
{
	struct multipart_part *parts = calloc(MULTIPART_MAX, sizeof(*parts));
	struct policy_source sources[MULTIPART_MAX];
	struct diag d = {0};
	int n = parts ? sources_of(q, parts, sources, &d) : -ENOMEM;
	int r = n < 0 ? n : policy_load(ret, sources, (size_t)n, messages);

	free(parts);
	if (n < 0 || (r < 0 && r != -EINVAL)) {
		if (r == -ENOMEM)
			http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "out of memory");
		else
			http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s", *d.message ? d.message : strerror(-r));
		return r;
	}
	return r == -EINVAL ? 1 : 0;
}

/* --- texts out --- */

static void put_messages(struct buf *b, const struct policy_messages *m)
{
	buf_putc(b, '[');
	for (uint32_t i = 0; i < m->count; i++) {
		const struct diag *d = &m->items[i].diag;
		json_put_sep(b);
		buf_putc(b, '{');
		json_put_key(b, "file");
		json_put_str(b, d->file);
		buf_printf(b, ",\"line\":%u,\"column\":%u,\"level\":\"%s\"", d->line, d->column,
			m->items[i].level == POLICY_ERROR ? "error" : "warning");
		json_put_key(b, "message");
		json_put_str(b, d->message);
		json_put_key(b, "expected");
		json_put_str(b, *d->expected ? d->expected : NULL);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void put_revision(struct buf *b, const struct store_policy *p)
{
	char time[TIME_TEXT_SIZE];

	buf_printf(b, "{\"revision\":%llu", (unsigned long long)p->revision);
	json_put_key(b, "author");
	json_put_str(b, p->author);
	json_put_key(b, "time");
	json_put_str(b, p->time ? time_format(p->time, time, sizeof(time)) : NULL);
}

static void reply_policy(struct http_request *q, const struct store_policy *p, const struct policy *policy,
	const struct policy_messages *warnings)
{
	struct buf b = BUF_INIT(API_ANSWER_MAX);

	put_revision(&b, p);
	json_put_key(&b, "text");
	json_put_str(&b, p->text ? p->text : "");
	json_put_key(&b, "policy");
	if (policy)
		policy_to_json(policy, &b);
	else
		buf_puts(&b, "null");
	json_put_key(&b, "warnings");
	put_messages(&b, warnings);
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}

/* Loads a stored text again for its JSON form; an old one may no longer load, then it has none. */
static void reply_stored(struct api *a, struct http_request *q, uint64_t revision)
{
	struct policy_messages messages = {0};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	struct store_policy p = {0};
	char etag[32];
	int r = store_policy_get(a->config.store, revision, &p);

	if (r != 0) {
		api_store_problem(q, r);
		return;
	}
	const struct policy_source source = {"policy.yaml", p.text ? p.text : "", p.text ? strlen(p.text) : 0};
	if (policy_load(&policy, &source, 1, &messages) < 0)
		policy = NULL;
	snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)p.revision);
	http_set_header(q, "ETag", etag);
	reply_policy(q, &p, policy, &messages);
	policy_messages_done(&messages);
	store_policy_done(&p);
}

void api_policy_get(void *ctx, struct http_request *q)
{
	reply_stored(ctx, q, 0);
}

void api_policy_revision(void *ctx, struct http_request *q)
{
	uint64_t n;

	if (parse_u64(http_param(q, "n"), 1, UINT64_MAX >> 1, &n) < 0)
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "a revision is a number");
	else
		reply_stored(ctx, q, n);
}

static int put_history(void *ctx, const void *record)
{
	const struct store_policy *p = record;
	struct buf *b = ctx;

	json_put_sep(b);
	put_revision(b, p);
	buf_printf(b, ",\"added\":%u,\"removed\":%u", p->added, p->removed);
	json_put_key(b, "note");
	json_put_str(b, p->note);
	buf_putc(b, '}');
	return b->failed;
}

void api_policy_history(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct buf b = BUF_INIT(API_ANSWER_MAX);

	api_list_begin(&b);
	int r = store_policies_list(a->config.store, put_history, &b);
	if (r < 0) {
		buf_done(&b);
		api_store_problem(q, r);
		return;
	}
	api_reply_list(q, &b, NULL);
}

/* --- changes --- */

struct change {
	const char *author, *note;
	uint64_t expected; /* revision that the client saw, 0 = did not say */
};

/*
 * Stores a loaded policy as the next revision and puts it in force; takes policy and messages on
 * success. The store commits before anybody is told.
 */
static int policy_adopt(struct api *a, struct policy **policy, struct policy_messages *messages, const struct change *change)
{
	CLEANUP(buf_done) struct buf diff = BUF_INIT(16u << 20);
	struct diff_counts counts = {0};
	uint64_t revision = 0;
	const struct diff_text from = {"old", present_text(a)}, to = {"new", (*policy)->text};

	/* The counts are for people; a diff that fails for its size does not hold up a policy. */
	if (policy_diff(&from, &to, &diff, &counts) < 0)
		counts = (struct diff_counts){0};
	const struct store_policy row = {.time = time_now(), .text = (*policy)->text,
		.author = (char *)(uintptr_t)change->author, .note = (char *)(uintptr_t)change->note, .added = counts.added,
		.removed = counts.removed};
	int r = store_policy_put(a->config.store, &row, change->expected, &revision);
	if (r == 0)
		r = store_commit(a->config.store);
	if (r < 0)
		return r;
	(*policy)->revision = revision;
	policy_unref(a->policy);
	a->policy = take_ptr(*policy);
	policy_messages_done(&a->warnings);
	a->warnings = *messages;
	*messages = (struct policy_messages){0};
	a->config.backend.policy_changed(a->config.backend.ctx, a->policy);
	return 0;
}

/* If-Match: "7" (or a list, or *); 0 when it asks for nothing, UINT64_MAX when it cannot match. */
static uint64_t expected_revision(struct http_request *q)
{
	const char *match = http_header(q, "If-Match");
	uint64_t n;
	char digits[24];

	if (!match || strcmp(match, "*") == 0)
		return 0;
	match += str_has_prefix(match, "W/") ? 2 : 0;
	match += *match == '"';
	size_t size = strspn(match, "0123456789");
	if (!size || size >= sizeof(digits))
		return UINT64_MAX;
	memcpy(digits, match, size);
	digits[size] = 0;
	return parse_u64(digits, 1, UINT64_MAX - 1, &n) == 0 ? n : UINT64_MAX;
}

static void adopt_and_reply(struct api *a, struct http_request *q, struct policy **policy,
	struct policy_messages *messages, const struct change *change)
{
	struct buf b = BUF_INIT(1 << 20);
	char etag[32];
	int r = policy_adopt(a, policy, messages, change);

	if (r == -EBUSY) {
		http_problem(q, MHD_HTTP_PRECONDITION_FAILED, NULL, "the policy has been changed since revision %llu: it is at %llu",
			(unsigned long long)change->expected, present_revision(a));
		return;
	}
	if (r < 0) {
		api_store_problem(q, r);
		return;
	}
	api_audit_admin(a, http_user(q), http_client(q), "put policy revision %llu in force",
		(unsigned long long)a->policy->revision);
	snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)a->policy->revision);
	http_set_header(q, "ETag", etag);
	buf_printf(&b, "{\"revision\":%llu,\"warnings\":", (unsigned long long)a->policy->revision);
	put_messages(&b, &a->warnings);
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}

static void reply_errors(struct http_request *q, const struct policy_messages *messages)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_puts(&b, "\"errors\":");
	put_messages(&b, messages);
	http_problem(q, MHD_HTTP_UNPROCESSABLE_CONTENT, b.failed ? NULL : (const char *)b.data,
		"the policy has %u error%s: nothing was changed", messages->errors, messages->errors == 1 ? "" : "s");
}

void api_policy_put(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	struct policy_messages messages = {0};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	const struct change change = {http_user(q), http_query(q, "note"), expected_revision(q)};
	int r = request_load(q, &policy, &messages);

	if (r == 1)
		reply_errors(q, &messages);
	else if (r == 0)
		adopt_and_reply(a, q, &policy, &messages, &change);
	policy_messages_done(&messages);
}

void api_policy_rollback(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	CLEANUP(json_free) struct json *body = api_body_object(q);
	CLEANUP(policy_unref) struct policy *policy = NULL;
	struct policy_messages messages = {0};
	struct store_policy old = {0};
	char note[64];

	if (!body)
		return;
	int64_t revision = json_get_int(body, "revision", 0);
	int r = revision > 0 ? store_policy_get(a->config.store, (uint64_t)revision, &old) : STORE_E_NOT_FOUND;
	if (r != 0) {
		if (r == STORE_E_NOT_FOUND)
			http_problem(q, MHD_HTTP_NOT_FOUND, NULL, "there is no policy revision %lld", (long long)revision);
		else
			api_store_problem(q, r);
		return;
	}
	const struct policy_source source = {"policy.yaml", old.text ? old.text : "", old.text ? strlen(old.text) : 0};
	r = policy_load(&policy, &source, 1, &messages);
	snprintf(note, sizeof(note), "roll-back to revision %lld", (long long)revision);
	if (r == -EINVAL)
		reply_errors(q, &messages);
	else if (r < 0)
		http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "the policy could not be loaded: %s", strerror(-r));
	else
		adopt_and_reply(a, q, &policy, &messages, &(struct change){http_user(q), note, expected_revision(q)});
	policy_messages_done(&messages);
	store_policy_done(&old);
}

/* --- questions that change nothing --- */

void api_policy_check(void *ctx, struct http_request *q)
{
	struct policy_messages messages = {0};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	struct buf b = BUF_INIT(1 << 20);
	int r = request_load(q, &policy, &messages);

	(void)ctx;
	if (r >= 0) {
		buf_printf(&b, "{\"ok\":%s,\"messages\":", r == 0 ? "true" : "false");
		put_messages(&b, &messages);
		buf_putc(&b, '}');
		http_reply_json(q, MHD_HTTP_OK, &b);
	}
	policy_messages_done(&messages);
}

void api_policy_diff(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	CLEANUP(buf_done) struct buf diff = BUF_INIT(16u << 20);
	struct buf b = BUF_INIT(API_ANSWER_MAX);
	char name[48];

	snprintf(name, sizeof(name), "revision %llu", present_revision(a));
	int r = policy_diff(&(struct diff_text){name, present_text(a)}, &(struct diff_text){"new", http_body(q, NULL)}, &diff, NULL);
	if (r < 0) {
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "the difference could not be made: %s", strerror(-r));
		return;
	}
	buf_puts(&b, "{\"diff\":");
	json_put_str(&b, diff.data ? (const char *)diff.data : "");
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}

void api_policy_edit(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	CLEANUP(json_free) struct json *body = api_body_object(q);
	CLEANUP(buf_done) struct buf text = BUF_INIT(POLICY_TEXT_MAX);
	struct buf b = BUF_INIT(API_ANSWER_MAX);
	struct diag d = {0};

	if (!body)
		return;
	const char *from = json_get_str(body, "text", present_text(a));
	const struct policy_edit edit = {json_get_str(body, "rule", ""), json_get_str(body, "key", ""),
		json_get_str(body, "value", "")};
	int r = policy_edit_set(from, strlen(from), &edit, &text, &d);
	if (r < 0) {
		http_problem(q, MHD_HTTP_UNPROCESSABLE_CONTENT, NULL, "%s", *d.message ? d.message : strerror(-r));
		return;
	}
	buf_puts(&b, "{\"text\":");
	json_put_str(&b, text.data ? (const char *)text.data : "");
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}

/* --- start --- */

static int first_revision(struct api *a, struct diag *reterr)
{
	struct policy_messages messages = {0};
	CLEANUP(policy_unref) struct policy *policy = NULL;
	const struct policy_source source = {"policy.yaml", first_policy, sizeof(first_policy) - 1};
	int r = policy_load(&policy, &source, 1, &messages);

	if (r == 0)
		r = policy_adopt(a, &policy, &messages, &(struct change){"seawall", "made at first start", 0});
	policy_messages_done(&messages);
	return r < 0 ? diag_msg(reterr, r, "cannot make the first policy: %s", strerror(-r)) : 0;
}

int api_policy_start(struct api *a, struct diag *reterr)
{
	struct store_policy p = {0};
	int r = store_policy_get(a->config.store, 0, &p);

	if (r == STORE_E_NOT_FOUND)
		return first_revision(a, reterr);
	if (r < 0)
		return diag_msg(reterr, r, "cannot read the policy: %s", strerror(-r));
	const struct policy_source source = {"policy.yaml", p.text ? p.text : "", p.text ? strlen(p.text) : 0};
	r = policy_load(&a->policy, &source, 1, &a->warnings);
	if (r == 0) {
		a->policy->revision = p.revision;
		a->config.backend.policy_changed(a->config.backend.ctx, a->policy);
	} else {
		r = diag_msg(reterr, r == -EINVAL ? 1 : r, "the stored policy, revision %llu, does not load: %s", (unsigned long long)p.revision,
			a->warnings.count ? a->warnings.items[0].diag.message : strerror(-r));
	}
	store_policy_done(&p);
	return r;
}
