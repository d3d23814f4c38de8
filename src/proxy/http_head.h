/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of one HTTP/1.x request or answer: found, parsed, and written anew from what was parsed.
 * Pure. Strict on purpose: whatever two parsers could read differently is refused, not mended, since
 * a judge in front of an engine must have read what the engine will read. Nobody who follows RFC
 * 9112 is refused; the old forms that it only tolerates are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

#define HTTP_HEAD_MAX 65536
#define HTTP_FIELDS_MAX 128
#define HTTP_TARGET_MAX 32768

/* How the end of a body is known. */
enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_field {
	const char *name;  /* as written */
	const char *value; /* without the space around it */
};

struct http_head {
	char *text; /* all strings lie in it; owned */
	const char *method, *target; /* requests */
	unsigned status;	     /* answers */
	const char *reason;
	unsigned minor; /* HTTP/1.minor: 0 or 1 */
	struct http_field fields[HTTP_FIELDS_MAX];
	unsigned field_count;
	enum http_framing framing;
	uint64_t length;	/* of HTTP_LENGTH */
	bool close;		/* this connection ends after the message */
	const char *upgrade;	/* of a request: what it wants to go over to; NULL = nothing */
	bool expect_continue;	/* the body comes after "100 Continue" */
};

/*
 * Length of the head at p including its empty line; 0 when it is not all there; -EBADMSG when it
 * cannot become one (bare CR or LF, NUL), -E2BIG when it is longer than HTTP_HEAD_MAX. *scanned (0 at
 * first) spares the second look at the same bytes.
 */
ssize_t http_head_end(const uint8_t *p, size_t n, size_t *scanned);

/* p[0..n) is one whole head by http_head_end(). -EBADMSG with one sentence in reterr, -ENOMEM. The
 * struct is to be freed in any case. */
int http_request_parse(struct http_head *h, const uint8_t *p, size_t n, struct diag *reterr);
/* method: of the request that it answers. */
int http_answer_parse(struct http_head *h, const uint8_t *p, size_t n, const char *method, struct diag *reterr);
void http_head_done(struct http_head *h);
static inline void http_head_done_cleanup_(struct http_head *h)
{
	http_head_done(h);
}

/* First value of a field, name in any case; NULL when there is none. */
const char *http_head_value(const struct http_head *h, const char *name);

/*
 * Writes the head anew for the other side: fields that are only for one connection (RFC 9110, 7.6.1)
 * and those of the framing are left out, and put in from the arguments instead.
 */
struct http_rewrite {
	enum http_framing framing;
	uint64_t length;
	bool close;	     /* "Connection: close" */
	const char *upgrade; /* "Connection: Upgrade" and this; NULL = none */
	bool keep_length;    /* an answer to HEAD: its Content-Length is a fact about something else */
};
void http_request_put(struct buf *out, const struct http_head *h, const struct http_rewrite *how);
void http_answer_put(struct buf *out, const struct http_head *h, const struct http_rewrite *how);
