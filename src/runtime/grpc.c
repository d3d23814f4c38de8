/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's framing: see grpc.h. */
#include "runtime/grpc.h"

#include <errno.h>

#define HEADER 5

static uint32_t length_of(const uint8_t *header)
{
	return (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 8 |
	       header[4];
}

void grpc_put(struct buf *out, const void *message, size_t n)
{
	buf_put_u8(out, 0);
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_put_u8(out, (uint8_t)(n >> shift));
	buf_put(out, message, n);
}

int grpc_single(const uint8_t *body, size_t size, const uint8_t **ret, size_t *ret_size)
{
	if (size < HEADER || body[0] != 0 || length_of(body) != size - HEADER)
		return -EBADMSG;
	*ret = body + HEADER;
	*ret_size = size - HEADER;
	return 0;
}

void grpc_stream_init(struct grpc_stream *s)
{
	*s = (struct grpc_stream){.in = BUF_INIT(GRPC_MESSAGE_MAX + HEADER)};
}

void grpc_stream_done(struct grpc_stream *s)
{
	buf_done(&s->in);
}

void grpc_stream_reset(struct grpc_stream *s)
{
	buf_reset(&s->in);
	s->skip = 0;
}

/* Takes up to what the buffer lacks to hold `want` bytes. */
static size_t fill(struct grpc_stream *s, const uint8_t *data, size_t n, size_t want)
{
	size_t part = want - s->in.len < n ? want - s->in.len : n;

	buf_put(&s->in, data, part);
	return part;
}

/* The header is whole: what is to be done with its message. */
static int begin(struct grpc_stream *s)
{
	if (s->in.data[0] != 0)
		return -EBADMSG;
	if (length_of(s->in.data) <= GRPC_MESSAGE_MAX)
		return 0;
	s->skip = length_of(s->in.data);
	s->skipped++;
	buf_reset(&s->in);
	return 0;
}

int grpc_stream_feed(
	struct grpc_stream *s, const uint8_t *data, size_t n, grpc_message_fn *fn, void *ctx)
{
	int r = 0;

	while (n && r >= 0) {
		size_t used;

		if (s->skip) {
			used = n < s->skip ? n : (size_t)s->skip;
			s->skip -= used;
		} else if (s->in.len < HEADER) {
			used = fill(s, data, n, HEADER);
			if (s->in.len == HEADER)
				r = begin(s);
		} else {
			used = fill(s, data, n, HEADER + length_of(s->in.data));
		}
		data += used;
		n -= used;
		if (s->in.failed)
			return s->in.failed;
		if (r >= 0 && s->in.len >= HEADER && s->in.len == HEADER + length_of(s->in.data)) {
			r = fn(ctx, s->in.data + HEADER, s->in.len - HEADER);
			buf_reset(&s->in);
		}
	}
	return r < 0 ? r : 0;
}
