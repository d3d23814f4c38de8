/* SPDX-License-Identifier: Apache-2.0 */
/* What remote.c and remote_auth.c share. */
#pragma once

#include <curl/curl.h>

#include "trust/remote.h"

#define URL_MAX 2048
#define TOKEN_MAX 16384

struct remote {
	struct source source;
	struct reference ref;
	struct remote_config config;
	const char *host; /* to speak to */
	CURL *curl;
	bool plain_allowed, plain, met;
	char authorization[TOKEN_MAX + 32]; /* a header line, "" = none */
};

/* One HTTP request and what came back. */
struct exchange {
	char url[URL_MAX];
	const char *method;	/* NULL = GET */
	const struct buf *in;	/* body of a PUT */
	size_t sent;
	struct buf *out;	/* nullable */
	struct curl_slist *headers;
	long status;
	char challenge[1024], location[URL_MAX];
};

/* 0 with a status, or -errno with a sentence in source.why. */
int remote_exchange(struct remote *r, struct exchange *x);
/* With rights and redirects; `path` (nullable: x->url is whole) within the repository. */
int remote_request(struct remote *r, struct exchange *x, const char *type, const char *path);
/* Gets what the challenge asks for; sets r->authorization. */
int remote_authorize(struct remote *r, const char *challenge);
