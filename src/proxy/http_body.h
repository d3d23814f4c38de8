/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of HTTP messages: where they end, and what lies between the chunks. Pure, and without a copy:
 * the payload is shown where it lies. Chunks are strict: hexadecimal size, CRLF, no extensions.
 */
#pragma once

#include "proxy/http_head.h"

struct http_body {
	enum http_framing framing;
	uint64_t left;	   /* of the body or of the chunk */
	unsigned state;	   /* http_body.c's */
	unsigned digits;   /* of the chunk size so far */
	unsigned trailers; /* bytes of them so far */
	bool drop_trailers; /* else they are an error */
	bool done;
};

/* drop_trailers: fields after the last chunk are skipped (answers); false refuses them (requests). */
void http_body_init(struct http_body *b, enum http_framing framing, uint64_t length, bool drop_trailers);
/*
 * Reads on at p. Returns how many bytes were read; the payload among them is *ret_data, *ret_size
 * (one piece, perhaps empty). To be called again until it reads nothing or b->done. -EBADMSG: the
 * chunks are malformed. HTTP_UNTIL_CLOSE is never done by itself.
 */
ssize_t http_body_read(struct http_body *b, const uint8_t *p, size_t n, const uint8_t **ret_data, size_t *ret_size);

/* Writes a piece of payload as `framing` wants it. An empty piece writes nothing. */
void http_body_put(struct buf *out, enum http_framing framing, const uint8_t *data, size_t n);
void http_body_put_end(struct buf *out, enum http_framing framing);
/* What http_body_put() adds at most to the bytes themselves, the end included. */
#define HTTP_BODY_OVERHEAD 32
