/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl over an engine's socket: see engine_ask.h. */
#include "ctl/engine_ask.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define URL_MAX 8192

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct buf *b = ctx;

	buf_put(b, data, size * n);
	return b->failed ? 0 : size * n;
}

static void set_target(CURL *c, const struct engine_ask *q, char url[URL_MAX])
{
	if (str_has_prefix(q->host, "tcp://")) {
		snprintf(url, URL_MAX, "http://%s%s", q->host + strlen("tcp://"), q->path);
	} else {
		snprintf(url, URL_MAX, "http://docker%s", q->path);
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH,
			str_has_prefix(q->host, "unix://") ? q->host + strlen("unix://") : q->host);
	}
	curl_easy_setopt(c, CURLOPT_URL, url);
}

int engine_ask(const struct engine_ask *q, struct buf *out)
{
	CURL *c = curl_easy_init();
	struct curl_slist *headers = NULL;
	char url[URL_MAX], line[128];
	long status = 0;

	if (!c)
		return -ENOMEM;
	set_target(c, q, url);
	headers = curl_slist_append(headers, "Expect:");
	if (q->body) {
		snprintf(line, sizeof(line), "Content-Type: %s", q->type);
		headers = curl_slist_append(headers, line);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body->len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body->data ? (char *)q->body->data : "");
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method ? q->method : "GET");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
	CURLcode code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return code == CURLE_OK ? (int)status : -EIO;
}
