/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's repository over libcurl: see remote.h. Tokens and challenges: remote_auth.c. */
#include "trust/remote.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/pattern.h"
#include "trust/remote_internal.h"

#define CONNECT_MS 5000
#define REDIRECTS_MAX 4

static const char accept_manifests[] =
	"Accept: " MEDIA_MANIFEST ", " MEDIA_INDEX ", application/vnd.docker.distribution.manifest.v2+json, "
	"application/vnd.docker.distribution.manifest.list.v2+json";

static struct remote *remote_of(struct source *s)
{
	return container_of(s, struct remote, source);
}

static int say(struct remote *r, int error, const char *what)
{
	snprintf(r->source.why, sizeof(r->source.why), "%.100s: %.140s", r->ref.registry, what);
	return error;
}

/* ---- one exchange ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	if (!x->out)
		return n * size;
	buf_put(x->out, p, n * size);
	return x->out->failed ? 0 : n * size;
}

static void header_value(const char *line, size_t n, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0)
		return;
	line += len;
	n -= len;
	while (n && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n && strchr("\r\n ", line[n - 1]))
		n--;
	if (n < size)
		snprintf(out, size, "%.*s", (int)n, line);
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	n *= size;
	if (n > 5 && strncmp(p, "HTTP/", 5) == 0)
		x->challenge[0] = x->location[0] = 0;
	header_value(p, n, "www-authenticate:", x->challenge, sizeof(x->challenge));
	header_value(p, n, "location:", x->location, sizeof(x->location));
	return n;
}

static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	size_t left = x->in->len - x->sent;

	n = n * size < left ? n * size : left;
	memcpy(p, x->in->data + x->sent, n);
	x->sent += n;
	return n;
}

static int error_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_WRITE_ERROR:
		return -EFBIG;
	default:
		return -EHOSTUNREACH;
	}
}

static void set_method(CURL *c, struct exchange *x)
{
	if (x->in) {
		x->sent = 0;
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->in->len);
	} else if (x->method) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
	}
	if (x->method)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->method);
}

int remote_exchange(struct remote *r, struct exchange *x)
{
	uint64_t now = time_monotonic();
	CURL *c = r->curl;
	char why[CURL_ERROR_SIZE] = "";

	if (now >= r->config.deadline)
		return say(r, -ETIMEDOUT, "no answer in time");
	long left = (long)((r->config.deadline - now) / NSEC_PER_MSEC) + 1;
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, x->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, r->plain_allowed ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "seawall/" SEAWALL_VERSION);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, left < CONNECT_MS ? left : (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	if (r->config.ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, r->config.ca_file);
	if (x->out && x->out->max <= LONG_MAX)
		curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->out->max);
	set_method(c, x);
	CURLcode code = curl_easy_perform(c);
	if (code != CURLE_OK)
		return say(r, code == CURLE_FILESIZE_EXCEEDED ? -EFBIG : error_of(code), *why ? why : curl_easy_strerror(code));
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &x->status);
	return 0;
}

/* ---- requests ---- */

static bool same_origin(const char *a, const char *b)
{
	size_t n = strcspn(a, ":"), m = n + 3 + strcspn(a + n + (a[n] ? 3 : 0), "/");

	return strlen(a) >= m && strncasecmp(a, b, m) == 0 && (b[m] == '/' || b[m] == 0 || b[m] == '?');
}

/* Where a Location leads, seen from `base`: absolute, with a scheme that is allowed. */
static int resolve(const struct remote *r, const char *base, const char *location, char out[URL_MAX])
{
	size_t scheme = strcspn(base, ":"), origin = scheme + 3 + strcspn(base + scheme + 3, "/?");
	int n;

	if (str_has_prefix(location, "https://") || (r->plain_allowed && str_has_prefix(location, "http://")))
		n = snprintf(out, URL_MAX, "%s", location);
	else if (*location == '/' && location[1] != '/')
		n = snprintf(out, URL_MAX, "%.*s%s", (int)origin, base, location);
	else
		return -EBADMSG;
	return n < URL_MAX ? 0 : -EBADMSG;
}

static int add_headers(struct remote *r, struct exchange *x, const char *type, bool with_rights)
{
	struct curl_slist *l = NULL, *next;
	const char *lines[] = {accept_manifests, with_rights && *r->authorization ? r->authorization : NULL, type, "Expect:"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!lines[i])
			continue;
		next = curl_slist_append(l, lines[i]);
		if (!next) {
			curl_slist_free_all(l);
			return -ENOMEM;
		}
		l = next;
	}
	x->headers = l;
	return 0;
}

/* One request with its redirects; rights are sent to the registry's own origin only. */
static int follow(struct remote *r, struct exchange *x, const char *type)
{
	char first[URL_MAX], next[URL_MAX];
	size_t before = x->out ? x->out->len : 0;

	snprintf(first, sizeof(first), "%s", x->url);
	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		int e = add_headers(r, x, type, same_origin(first, x->url));
		if (e == 0)
			e = remote_exchange(r, x);
		curl_slist_free_all(x->headers);
		x->headers = NULL;
		if (e < 0)
			return e;
		bool again = x->status == 301 || x->status == 302 || x->status == 303 || x->status == 307 || x->status == 308;
		if (!again || x->method || !*x->location)
			return 0;
		if (resolve(r, x->url, x->location, next) < 0)
			return say(r, -EBADMSG, "a redirect that is not followed");
		snprintf(x->url, sizeof(x->url), "%s", next);
		if (x->out) {
			x->out->len = before;
			x->out->failed = 0;
		}
	}
	return say(r, -EBADMSG, "too many redirects");
}

/* Loopback registries often speak plain HTTP: after a failed handshake that is tried, and kept. */
static int first_contact(struct remote *r)
{
	struct exchange x = {0};

	if (r->met || !r->plain_allowed) {
		r->met = true;
		return 0;
	}
	snprintf(x.url, sizeof(x.url), "https://%s/v2/", r->host);
	int e = remote_exchange(r, &x);
	if (e == -EHOSTUNREACH) {
		r->plain = true;
		snprintf(x.url, sizeof(x.url), "http://%s/v2/", r->host);
		e = remote_exchange(r, &x);
	}
	r->met = e == 0;
	return e;
}

static int judge(struct remote *r, const struct exchange *x)
{
	char what[64];

	if (x->status >= 200 && x->status < 300) {
		r->source.why[0] = 0; /* of an attempt before */
		return 0;
	}
	if (x->status == 404)
		return -ENOENT;
	snprintf(what, sizeof(what), "HTTP status %ld", x->status);
	return say(r, x->status == 401 || x->status == 403 ? -EACCES : x->status == 429 ? -EBUSY : -EPROTO, what);
}

int remote_request(struct remote *r, struct exchange *x, const char *type, const char *path)
{
	size_t before = x->out ? x->out->len : 0;
	int e = first_contact(r);

	if (e < 0)
		return e;
	if (path && snprintf(x->url, sizeof(x->url), "%s://%s/v2/%s/%s", r->plain ? "http" : "https", r->host, r->ref.repository, path) >= (int)sizeof(x->url))
		return -ENAMETOOLONG;
	char url[URL_MAX];
	snprintf(url, sizeof(url), "%s", x->url);
	for (int tries = 0; tries < 2; tries++) {
		snprintf(x->url, sizeof(x->url), "%s", url);
		e = follow(r, x, type);
		if (e < 0 || x->status != 401 || tries == 1)
			break;
		if (x->out) {
			x->out->len = before;
			x->out->failed = 0;
		}
		e = remote_authorize(r, x->challenge);
		if (e < 0)
			break;
	}
	/* The words of an error are no content. */
	if (x->out && (e < 0 || x->status < 200 || x->status >= 300))
		x->out->len = before;
	return e < 0 ? e : judge(r, x);
}

static int get(struct source *s, const char *kind, const char *name, struct buf *out)
{
	struct exchange x = {.out = out};
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", kind, name);
	return remote_request(remote_of(s), &x, NULL, path);
}

static int get_manifest(struct source *s, const char *reference, struct buf *out)
{
	return get(s, "manifests", reference, out);
}

static int get_blob(struct source *s, const char *digest, struct buf *out)
{
	return get(s, "blobs", digest, out);
}

static int get_referrers(struct source *s, const char *digest, struct buf *out)
{
	int e = get(s, "referrers", digest, out);

	/* Registries that know no referrers say so in many ways. */
	return e == -EPROTO || e == -EACCES ? -ENOENT : e;
}

static int put_blob(struct source *s, const char *digest, const struct buf *data)
{
	struct remote *r = remote_of(s);
	struct exchange start = {.method = "POST"}, end = {.method = "PUT", .in = data};
	int e = remote_request(r, &start, NULL, "blobs/uploads/");

	if (e == 0)
		e = resolve(r, start.url, start.location, end.url);
	if (e < 0)
		return e == -EBADMSG ? say(r, e, "no place for an upload") : e;
	size_t n = strlen(end.url);
	if (snprintf(end.url + n, sizeof(end.url) - n, "%cdigest=%s", strchr(end.url, '?') ? '&' : '?', digest) >= (int)(sizeof(end.url) - n))
		return -ENAMETOOLONG;
	if (!same_origin(start.url, end.url))
		return say(r, -EBADMSG, "the upload is to go to another host");
	return remote_request(r, &end, "Content-Type: application/octet-stream", NULL);
}

static int put_manifest(struct source *s, const char *tag, const struct buf *data)
{
	struct exchange x = {.method = "PUT", .in = data};
	char path[256];

	snprintf(path, sizeof(path), "manifests/%s", tag);
	return remote_request(remote_of(s), &x, "Content-Type: " MEDIA_MANIFEST, path);
}

static const struct source_ops remote_ops = {
	.manifest = get_manifest,
	.blob = get_blob,
	.referrers = get_referrers,
	.put_blob = put_blob,
	.put_manifest = put_manifest,
};

/* ---- life ---- */

static bool is_insecure(const char *registry, const char *patterns)
{
	char pattern[REFERENCE_NAME_MAX + 1];

	if (registry_is_loopback(registry))
		return true;
	for (const char *p = patterns ? patterns : ""; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		snprintf(pattern, sizeof(pattern), "%.*s", (int)n, p);
		if (n < sizeof(pattern) && pattern_check(pattern) == 0 && pattern_match(pattern, registry, true))
			return true;
		p += n;
	}
	return false;
}

int remote_new(struct remote **ret, const struct reference *ref, const struct remote_config *config)
{
	CLEANUP(remote_free) struct remote *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->source.ops = &remote_ops;
	r->ref = *ref;
	r->config = *config;
	/* Docker Hub's API lives elsewhere than its name says. */
	r->host = strcmp(ref->registry, "docker.io") == 0 ? "registry-1.docker.io" : r->ref.registry;
	r->plain_allowed = is_insecure(ref->registry, config->insecure);
	r->curl = curl_easy_init();
	if (!r->curl)
		return -ENOMEM;
	*ret = take_ptr(r);
	return 0;
}

struct remote *remote_free(struct remote *r)
{
	if (!r)
		return NULL;
	curl_easy_cleanup(r->curl);
	explicit_bzero(r->authorization, sizeof(r->authorization));
	free(r);
	return NULL;
}

struct source *remote_source(struct remote *r)
{
	return &r->source;
}
