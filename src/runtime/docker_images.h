/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Docker calls its images: id, tags, repository digests. Needed because a container may be
 * started by an image's id, and rules are written about names.
 */
#pragma once

#include "base/json.h"
#include "runtime/inventory.h"

#define DOCKER_IMAGES_MAX 8192
#define DOCKER_IMAGE_TAGS_MAX 16

struct docker_images;

int docker_images_new(struct docker_images **ret);
struct docker_images *docker_images_free(struct docker_images *m);
CLEANUP_DEFINE(struct docker_images, docker_images_free)

/* "sha256:" and 64 hex digits? Such ids go into URLs. */
bool docker_images_id_ok(const char *id);
/* One object of /images/json, or /images/ID/json. -EBADMSG without an id; -ENOSPC; -ENOMEM. */
int docker_images_put(struct docker_images *m, const struct json *image);
/* The answer about this one image: put, and what it is called nothing else is called any more. */
int docker_images_learn(struct docker_images *m, const struct json *image);
/* From now on the name means this image, of which perhaps no more is known; id NULL: nothing that is known. -ENOMEM. */
int docker_images_tag(struct docker_images *m, const char *name, const char *id);
void docker_images_drop(struct docker_images *m, const char *id);
bool docker_images_has(const struct docker_images *m, const char *id);
/* Whether its details are to be asked for now: they are not known, and no answer is awaited. */
bool docker_images_look(struct docker_images *m, const char *id);
/* What is known of an image, borrowed until the next put or drop. */
struct docker_image {
	const char *id;		       /* of its configuration: "sha256:..." */
	const struct str_list *tags;   /* canonical */
	const struct str_list *digests; /* of its manifests in repositories: "sha256:..." */
	const struct str_list *layers; /* diff ids, base first */
	bool complete;		       /* they are known, be there none */
};
/* By id, digest of a manifest, beginning of an id, or name, as a user may say it. -ENOENT. */
int docker_images_find(const struct docker_images *m, const char *ref, struct docker_image *ret);
/* Fills image (canonical) and digest of the container out of image_ref and image_id. -ENOMEM. */
int docker_images_resolve(const struct docker_images *m, struct inventory_entry *e);
