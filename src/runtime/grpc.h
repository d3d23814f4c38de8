/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC's framing of messages in HTTP/2 bodies: a byte (0 = not compressed), the length in four
 * bytes (big endian), the message. We never offer compression, so a compressed message is an error.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define GRPC_MESSAGE_MAX (1u << 20) /* of a stream; longer ones are skipped */

/* Appends the frame of a message. */
void grpc_put(struct buf *out, const void *message, size_t n);
/* The one message of a whole body. -EBADMSG: not exactly one. Borrowed. */
int grpc_single(const uint8_t *body, size_t size, const uint8_t **ret, size_t *ret_size);

struct grpc_stream {
	struct buf in;	  /* header and message, not complete yet */
	uint64_t skip;	  /* bytes left of a message that is too long */
	unsigned skipped; /* such messages */
};

/* A whole message. A negative return ends the feeding with it. */
typedef int grpc_message_fn(void *ctx, const uint8_t *message, size_t n);

void grpc_stream_init(struct grpc_stream *s);
void grpc_stream_done(struct grpc_stream *s);
void grpc_stream_reset(struct grpc_stream *s); /* a new body begins */
/* Parts of a body as they come. -EBADMSG: no gRPC. */
int grpc_stream_feed(
	struct grpc_stream *s, const uint8_t *data, size_t n, grpc_message_fn *fn, void *ctx);
