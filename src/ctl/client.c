/* SPDX-License-Identifier: Apache-2.0 */
/* The Console's API over libcurl: see client.h. */
#include "ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "ctl/command.h"
#include "ctl/state.h"

#define ANSWER_MAX (256u << 20)
#define CONNECT_MS 3000L
#define ANSWER_MS 60000L
/* The Console sends a comment every 15 s: a stream silent for three of them is dead. */
#define STREAM_SILENT_S 45L

struct client {
	CURL *curl;
	struct curl_slist *headers; /* of the request under way */
	char url[512];
	char token[256];
	char cert[PATH_MAX];
	char why[CURL_ERROR_SIZE];
};

void reply_done(struct reply *r)
{
	json_free(r->json);
	buf_done(&r->body);
	*r = (struct reply){0};
}

static void read_token(struct client *c)
{
	const char *token = getenv("SEAWALL_TOKEN");
	char path[PATH_MAX];
	struct buf b = BUF_FIXED((uint8_t *)c->token, sizeof(c->token));

	if (token && *token)
		snprintf(c->token, sizeof(c->token), "%s", token);
	else if (file_read(state_path("admin.token", path), &b) < 0)
		c->token[0] = 0;
	c->token[strcspn(c->token, "\r\n")] = 0;
}

int client_new(struct client **ret, struct diag *reterr)
{
	CLEANUP(client_free) struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->curl = curl_easy_init();
	if (!c->curl)
		return diag_msg(reterr, -ENOMEM, "cannot start the HTTP library");
	state_url(c->url, sizeof(c->url));
	if (!str_has_prefix(c->url, "https://"))
		return diag_set(
			reterr, -EINVAL, 0, 0, "https://HOST:PORT", "SEAWALL_URL is '%s'", c->url);
	read_token(c);
	state_path("console/tls/cert.pem", c->cert);
	*ret = take_ptr(c);
	return 0;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->curl);
	explicit_bzero(c->token, sizeof(c->token));
	free(c);
	return NULL;
}

static void add_header(struct client *c, const char *name, const char *value)
{
	char line[768];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(c->headers, line);
	if (more)
		c->headers = more;
}

/* What every request has in common. */
static void prepare(struct client *c, const char *path)
{
	char url[4096];

	if (str_has_prefix(path, "//"))
		snprintf(url, sizeof(url), "%s%s", c->url, path + 1);
	else
		snprintf(url, sizeof(url), "%s/api/v1%s", c->url, path);
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	c->why[0] = 0;
	curl_easy_reset(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "seawall/" SEAWALL_VERSION);
	/* Our own Console's certificate, and no other authority in the world. Without the file
	 * (another machine's Console) the system's authorities decide. */
	if (access(c->cert, R_OK) == 0) {
		curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->cert);
		curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
	}
	if (c->token[0]) {
		char bearer[300];
		snprintf(bearer, sizeof(bearer), "Bearer %s", c->token);
		add_header(c, "Authorization", bearer);
	}
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct buf *b = ctx;

	buf_put(b, p, size * n);
	return b->failed ? 0 : size * n;
}

static int failure(struct client *c, CURLcode code, struct diag *reterr)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return diag_msg(reterr, -ECONNREFUSED,
			"no Seawall answers at %s; 'seawall up' starts one", c->url);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return diag_msg(reterr, -EACCES, "%s does not show the certificate of %s: %s",
			c->url, c->cert, c->why);
	case CURLE_OPERATION_TIMEDOUT:
		return diag_msg(reterr, -ETIMEDOUT, "%s did not answer in time", c->url);
	default:
		return diag_msg(reterr, -EIO, "%s: %s", c->url,
			c->why[0] ? c->why : curl_easy_strerror(code));
	}
}

int client_ask(struct client *c, const struct request *q, struct reply *ret, struct diag *reterr)
{
	ret->body = BUF_INIT(ANSWER_MAX);
	prepare(c, q->path);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &ret->body);
	if (q->method)
		curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, q->method);
	if (q->body || (q->method && strcmp(q->method, "POST") == 0)) {
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->size);
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, q->body ? q->body : "");
		add_header(c, "Expect", ""); /* no 100-continue: the answer would wait for it */
	}
	if (q->type)
		add_header(c, "Content-Type", q->type);
	if (q->if_match)
		add_header(c, "If-Match", q->if_match);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
	CURLcode code = curl_easy_perform(c->curl);
	if (code != CURLE_OK)
		return failure(c, code, reterr);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	if (ret->body.len &&
		json_parse(&ret->json, (const char *)ret->body.data, ret->body.len, NULL) < 0)
		ret->json = NULL;
	return 0;
}

void reply_problem(const struct reply *r, struct diag *ret)
{
	const char *title = json_get_str(r->json, "title", NULL);
	const char *detail = json_get_str(r->json, "detail", NULL);

	if (r->status == 401 && !detail)
		diag_msg(ret, 0,
			"the Console does not accept the token (SEAWALL_TOKEN or admin.token of "
			"the state directory)");
	else if (detail || title)
		diag_msg(ret, 0, "%s", detail ? detail : title);
	else
		diag_msg(ret, 0, "the Console answered with status %ld", r->status);
}

int client_send(struct client *c, const struct request *q, struct reply *ret)
{
	struct diag diag = {0};

	if (client_ask(c, q, ret, &diag) < 0)
		return cannot(&diag);
	if (ret->status >= 200 && ret->status < 300)
		return CTL_DONE;
	reply_problem(ret, &diag);
	cannot(&diag);
	return ret->status == 404 || ret->status == 409 || ret->status == 412 || ret->status == 422
		       ? CTL_NO
		       : CTL_CANNOT;
}

int client_get(struct client *c, const char *path, struct reply *ret)
{
	int r = client_send(c, &(struct request){.path = path}, ret);

	if (r == CTL_DONE && !ret->json)
		return cannot_say("the Console answered %s with something that is not JSON", path);
	return r;
}

const char *client_escape(const char *text, char *out, size_t size)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	size_t n = 0;

	for (; *text && n + 4 <= size; text++)
		if (strchr(plain, *text))
			out[n++] = *text;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*text);
	out[n < size ? n : size - 1] = 0;
	return out;
}

bool client_answers(struct client *c, const char *path, long timeout_ms)
{
	struct buf body = BUF_INIT(1 << 20);
	long status = 0;

	prepare(c, path);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &body);
	if (curl_easy_perform(c->curl) == CURLE_OK)
		curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	buf_done(&body);
	return status == 200;
}

/* What the callbacks of one connection of a stream share. */
struct streaming {
	struct client *client;
	struct stream *stream;
	struct sse sse;
	struct buf refusal;
	long status;
	int ended; /* negative: a callback wants no more */
};

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct streaming *s = ctx;

	/* The empty line: the Console streams from here on, so whatever is asked now overlaps with
	 * it. */
	if (size * n <= 2 && (*p == '\r' || *p == '\n')) {
		curl_easy_getinfo(s->client->curl, CURLINFO_RESPONSE_CODE, &s->status);
		if (s->status == 200 && s->stream->on_open)
			s->ended = s->stream->on_open(s->stream->ctx);
	}
	return s->ended < 0 ? 0 : size * n;
}

static size_t on_stream(char *p, size_t size, size_t n, void *ctx)
{
	struct streaming *s = ctx;

	if (s->status != 200)
		return on_body(p, size, n, &s->refusal);
	s->ended = sse_feed(&s->sse, p, size * n);
	snprintf(s->stream->last_id, sizeof(s->stream->last_id), "%s", s->sse.id);
	return s->ended < 0 ? 0 : size * n;
}

/* One connection until it breaks. 0 = try again; negative = over. */
static int stream_once(struct streaming *s, struct diag *reterr)
{
	struct client *c = s->client;
	char path[256];

	snprintf(path, sizeof(path), "/stream?topics=%s", s->stream->topics);
	prepare(c, path);
	if (s->stream->last_id[0])
		add_header(c, "Last-Event-ID", s->stream->last_id);
	add_header(c, "Accept", "text/event-stream");
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, STREAM_SILENT_S);
	CURLcode code = curl_easy_perform(c->curl);
	if (s->ended < 0)
		return s->ended;
	if (s->status == 401 || s->status == 403 || s->status == 404) {
		struct reply refusal = {.status = s->status};
		reply_problem(&refusal, reterr);
		return -EACCES;
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return failure(c, code, reterr);
	return 0;
}

int client_stream(struct client *c, struct stream *stream, struct diag *reterr)
{
	int delay_ms = 50, r = 0;

	while (r == 0) {
		struct streaming s = {.client = c, .stream = stream, .refusal = BUF_INIT(64 << 10)};
		sse_init(&s.sse, stream->on_event, stream->ctx);
		snprintf(s.sse.id, sizeof(s.sse.id), "%s", stream->last_id);
		r = stream_once(&s, reterr);
		sse_done(&s.sse);
		buf_done(&s.refusal);
		if (r == 0) {
			delay_ms = s.status == 200 ? 50 : delay_ms < 1000 ? 2 * delay_ms : 1000;
			poll(NULL, 0, delay_ms);
		}
	}
	return r;
}
