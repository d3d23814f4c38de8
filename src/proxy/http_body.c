/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of HTTP messages: see http_body.h. */
#include "proxy/http_body.h"

#include <errno.h>

#define TRAILERS_MAX 8192
#define DIGITS_MAX 15 /* of a chunk's size: it fits into 60 bits */

/* Where in a chunked body we are. SIZE must be 0. */
enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, TRAILER, TRAILER_LF, END_LF };

void http_body_init(struct http_body *b, enum http_framing framing, uint64_t length, bool drop_trailers)
{
	*b = (struct http_body){.framing = framing, .left = length, .drop_trailers = drop_trailers};
	b->done = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0);
	if (framing == HTTP_CHUNKED)
		b->left = 0;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int size_byte(struct http_body *b, uint8_t c)
{
	int v = hex_value(c);

	if (v >= 0 && b->digits < DIGITS_MAX) {
		b->left = b->left << 4 | (unsigned)v;
		b->digits++;
		return 0;
	}
	if (c != '\r' || !b->digits)
		return -EBADMSG;
	b->state = SIZE_LF;
	return 0;
}

/* The lines after the last chunk: an empty one ends it all. */
static int trailer_byte(struct http_body *b, uint8_t c)
{
	if (++b->trailers > TRAILERS_MAX)
		return -EBADMSG;
	switch (b->state) {
	case LINE:
		if (c != '\r' && (!b->drop_trailers || c == '\n'))
			return -EBADMSG;
		b->state = c == '\r' ? END_LF : TRAILER;
		return 0;
	case TRAILER:
		if (c == '\n' || c == 0)
			return -EBADMSG;
		if (c == '\r')
			b->state = TRAILER_LF;
		return 0;
	case TRAILER_LF:
		b->state = LINE;
		return c == '\n' ? 0 : -EBADMSG;
	default:
		b->done = true;
		return c == '\n' ? 0 : -EBADMSG;
	}
}

/* One byte between two pieces of payload. */
static int frame_byte(struct http_body *b, uint8_t c)
{
	switch (b->state) {
	case SIZE:
		return size_byte(b, c);
	case SIZE_LF:
		b->state = b->left ? DATA : LINE;
		b->digits = 0;
		return c == '\n' ? 0 : -EBADMSG;
	case DATA_CR:
		b->state = DATA_LF;
		return c == '\r' ? 0 : -EBADMSG;
	case DATA_LF:
		b->state = SIZE;
		return c == '\n' ? 0 : -EBADMSG;
	default:
		return trailer_byte(b, c);
	}
}

ssize_t http_body_read(struct http_body *b, const uint8_t *p, size_t n, const uint8_t **ret_data, size_t *ret_size)
{
	size_t at = 0;

	*ret_data = p;
	*ret_size = 0;
	if (b->done)
		return 0;
	while (b->framing == HTTP_CHUNKED && b->state != DATA && at < n && !b->done) {
		int r = frame_byte(b, p[at++]);
		if (r < 0) {
			b->done = false;
			return r;
		}
	}
	if (b->done || (b->framing == HTTP_CHUNKED && b->state != DATA))
		return (ssize_t)at;
	size_t size = n - at;
	if (b->framing != HTTP_UNTIL_CLOSE) {
		if (size > b->left)
			size = (size_t)b->left;
		b->left -= size;
		if (b->left == 0 && b->framing == HTTP_LENGTH)
			b->done = true;
		else if (b->left == 0)
			b->state = DATA_CR;
	}
	*ret_data = p + at;
	*ret_size = size;
	return (ssize_t)(at + size);
}

void http_body_put(struct buf *out, enum http_framing framing, const uint8_t *data, size_t n)
{
	if (!n)
		return;
	if (framing == HTTP_CHUNKED)
		buf_printf(out, "%zx\r\n", n);
	buf_put(out, data, n);
	if (framing == HTTP_CHUNKED)
		buf_puts(out, "\r\n");
}

void http_body_put_end(struct buf *out, enum http_framing framing)
{
	if (framing == HTTP_CHUNKED)
		buf_puts(out, "0\r\n\r\n");
}
