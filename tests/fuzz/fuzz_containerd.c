/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's protobuf: an event stream of gRPC frames, fed in pieces whose size the first byte
 * gives. Nothing is asked of an engine: no socket ever comes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/containerd.h"

static void on_anything(void *ctx, struct runtime *rt)
{
}

static void on_stopped(void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message)
{
}

static void on_created(void *ctx, struct runtime *rt, const char *id, uint32_t pid)
{
	if (!inventory_id_ok(id))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(runtime_free) struct runtime *rt = NULL;
	struct runtime_config config = {.kind = RUNTIME_CONTAINERD,
		.socket = "fuzz",
		.listener = {on_anything, on_anything, on_anything, on_created, on_stopped, NULL}};
	struct grpc_stream stream;
	const struct container *c;

	if (size < 2)
		return 0;
	if (loop_new(&loop) < 0)
		abort();
	config.loop = loop;
	if (runtime_new(&rt, &config) < 0 || loop_run_once(loop, 1000) < 0 || !rt->client)
		abort();
	grpc_stream_init(&stream);
	size_t piece = (size_t)data[0] + 1;
	for (size_t at = 1; at < size; at += piece)
		if (grpc_stream_feed(&stream, data + at, size - at < piece ? size - at : piece,
			    containerd_event, rt->engine) < 0)
			break;
	grpc_stream_done(&stream);
	while ((c = runtime_take(rt)))
		if (!inventory_id_ok(c->id) || c->labels.count > INVENTORY_LABELS_MAX)
			abort();
	return 0;
}
