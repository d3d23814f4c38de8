/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as an AdmissionReview. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kube.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_review v = {0};
	int r = kube_review_read(&v, (const char *)data, size);

	if (r == 0 && (v.readable != (v.why[0] == 0) || !v.action[0]))
		abort();
	for (uint32_t i = 0; v.readable && i < v.creation_count; i++) {
		const struct creation *c = &v.creations[i];

		if (!c->image || !c->name || c->sandbox)
			abort();
		for (uint32_t k = 0; k < c->mount_count; k++)
			if (!c->mounts[k].source || c->mounts[k].target[0] != '/' ||
				(c->mounts[k].kind == MOUNT_BIND && c->mounts[k].source[0] != '/'))
				abort();
	}
	kube_review_done(&v);
	return 0;
}
