/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the kernel half: whatever passes the check can be read to its last byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sensor/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t exec_read(const struct wire_exec *e)
{
	size_t n = e->path_size ? strlen(e->data) : 0;

	for (uint32_t i = 0; i < e->args_size;) {
		const char *arg = e->data + e->path_size + i;

		i += (uint32_t)strnlen(arg, e->args_size - i) + 1;
		n++;
	}
	for (uint32_t i = 0; i < e->ancestor_count; i++)
		n += strlen(e->ancestors[i].comm);
	return n + strlen(e->sign) + strlen(e->process.comm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free) void *copy = malloc(size ? size : 1); /* aligned, and of the exact size */
	const struct wire_header *h;
	size_t n = 0;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	h = sensor_record_check(copy, size);
	if (!h)
		return 0;
	if (h->type == WIRE_EXEC)
		n = exec_read((const void *)h);
	else if (h->type == WIRE_NET)
		n = strlen(((const struct wire_net *)h)->sign);
	else if (h->type == WIRE_PAYLOAD_HIT)
		n = strlen(((const struct wire_payload *)h)->sign) + ((const struct wire_payload *)h)->data[0];
	else if (h->type == WIRE_CGROUP)
		n = strlen(((const struct wire_cgroup *)h)->leaf);
	if (n > size * 2 + 1024)
		abort();
	return 0;
}
