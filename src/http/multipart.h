/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data of a body that is in memory: views, no copies, a cap on parts. */
#pragma once

#include <stddef.h>

#include "base/diag.h"

#define MULTIPART_MAX 64

struct multipart_part {
	char name[128];
	char filename[256]; /* "" when the part has none */
	const char *data;   /* view into the body */
	size_t size;
};

/* content_type: the request's header. Number of parts (0 too), -ENOTSUP when it is another type,
 * -EBADMSG with what is wrong. */
int multipart_parse(const char *content_type, const char *body, size_t size, struct multipart_part *parts,
	struct diag *reterr);
