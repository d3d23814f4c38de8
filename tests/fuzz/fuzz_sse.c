/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: hostile bytes, cut at a place of their own choosing. */
#include <stdint.h>
#include <string.h>

#include "ctl/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_event(void *ctx, const struct sse_event *e)
{
	size_t *sum = ctx;

	*sum += strlen(e->id) + strlen(e->name) + strlen(e->data);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse s;
	size_t sum = 0;
	size_t cut = size ? data[0] % size : 0;

	sse_init(&s, on_event, &sum);
	sse_feed(&s, (const char *)data, cut);
	sse_feed(&s, (const char *)data + cut, size - cut);
	sse_done(&s);
	return 0;
}
