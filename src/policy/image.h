/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: the canonical form, and by which other names users know the same image. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define IMAGE_NAME_MAX 1024

/* A pattern as it is kept: canonical when it has no star (see image_canonical in policy.h). */
const char *image_pattern(const char *pattern, char *out, size_t size);

/* What people call it: "nginx" for docker.io/library/nginx:latest. Into out; returns out. */
const char *image_familiar(const char *canonical, char *out, size_t size);

/* All the names of one image. */
struct image_names {
	/* canonical; without digest; then without `:latest`, or, of a name that had only a digest,
	 * with the colon of a tag: `nginx:*` is every nginx, however it is asked for */
	char texts[3][IMAGE_NAME_MAX];
	unsigned count;
};

void image_names_init(struct image_names *names, const char *image);
/* Whether the pattern fits one of: docker.io/library/nginx:latest, library/nginx:latest,
 * nginx:latest, and each of them without `:latest` or without a digest. */
bool image_names_match(const struct image_names *names, const char *pattern);
