/* SPDX-License-Identifier: Apache-2.0 */
/* The same bytes as config.json, by the word of each engine, and as podman's list of containers. */
#include <stdint.h>
#include <stdlib.h>

#include "oci/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const engines[] = {"docker", "containerd", "podman", "crio", ""};
	struct oci_source from = {
		.id = "146b1594f181b08c1e0199a245ef1c01f7a81011310943dba40db98772418d5b", .bundle = "/run/bundle"};
	char why[OCI_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		struct creation c = {0};
		from.engine = engines[i];
		int r = oci_read_config(&c, &from, (const char *)data, size, why);
		if ((r < 0) != (why[0] != 0) || (c.sandbox && i != 1 && i != 3))
			abort();
		for (uint32_t k = 0; r == 0 && k < c.mount_count; k++)
			if (!c.mounts[k].source || c.mounts[k].target[0] != '/' ||
				(c.mounts[k].kind == MOUNT_BIND && c.mounts[k].source[0] != '/'))
				abort();
		if (r == 0)
			oci_read_podman(&c, (const char *)data, size);
		creation_done(&c);
	}
	struct creation c = {0};
	if (str_set(&c.id, from.id) == 0)
		oci_read_podman(&c, (const char *)data, size);
	creation_done(&c);
	return 0;
}
