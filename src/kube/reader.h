/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: a review being read. The first failure stays in the reader, and
 * every getter returns its default from then on, so that readers are straight lines.
 */
#pragma once

#include "base/json.h"
#include "kube/kube.h"

struct kube_reader {
	struct kube_review *v;
	const struct json *pod;	 /* PodSpec */
	struct kv_list *labels;	 /* of the pod */
	struct creation *c;	 /* the container being read */
	int failed;		 /* 0, -EBADMSG, -ENOMEM */
};

int kube_fail(struct kube_reader *r, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A member that must be of the type; NULL (or the default) when absent or null. */
const struct json *kube_object(struct kube_reader *r, const struct json *j, const char *key);
/* The first item of a list, each of which is an object. */
const struct json *kube_objects(struct kube_reader *r, const struct json *j, const char *key);
const char *kube_text(struct kube_reader *r, const struct json *j, const char *key); /* "" when absent */
int64_t kube_number(struct kube_reader *r, const struct json *j, const char *key, int64_t otherwise);
enum fact kube_flag(struct kube_reader *r, const struct json *j, const char *key); /* UNKNOWN when absent */
/* Along a path of objects, "spec.template.spec". */
const struct json *kube_walk(struct kube_reader *r, const struct json *j, const char *path);
/* Calls fn for each text of a list. */
typedef void kube_text_fn(struct kube_reader *r, const char *text);
void kube_texts(struct kube_reader *r, const struct json *j, const char *key, kube_text_fn *fn);

/* Appends; a full list (max) or no memory latches. */
void kube_add(struct kube_reader *r, struct str_list *list, const char *text, unsigned max);
void kube_set(struct kube_reader *r, char **field, const char *text); /* "" is kept as "" */
/* "name=value" for the audit; more than fit are left out. */
void kube_say(struct kube_reader *r, const char *name, const char *value);

/* pod.c: the containers of a PodSpec into v->creations; ephemeral: only those. */
void kube_read_pod(struct kube_reader *r, const struct json *metadata, const struct json *spec, bool ephemeral);
/* container.c: one container into r->c, which knows who it is already. */
void kube_read_container(struct kube_reader *r, const struct json *container, const struct json *metadata);
/* volumes.c: its mounts. */
void kube_read_mounts(struct kube_reader *r, const struct json *container);
