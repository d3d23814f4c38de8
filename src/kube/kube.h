/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a Kubernetes API server: one AdmissionReview (admission.k8s.io/v1) read into the facts
 * that the gates judge. Pure: text in, facts out. The API server itself wrote the text; what the objects in
 * it say was written by whoever asks. A review that could be read in two ways, or asks for more than we
 * keep, is unreadable, with the reason, and whoever asks has to refuse it.
 *
 * Members are found by their exact names: Kubernetes tells "Image" and "image" apart too, and a typed object
 * has lost what its type does not know before it is shown to a webhook.
 */
#pragma once

#include "policy/gates.h"

/* Bytes of a review that somebody can bring about: an object of 1.5 MiB in which each byte is escaped. */
#define KUBE_BODY_MAX (12u << 20)
#define KUBE_REVIEW_MAX (4u << 20)   /* bytes of one that is judged; a larger one is unreadable */
#define KUBE_CONTAINERS_MAX 128	     /* of one pod, all kinds together */
#define KUBE_PARAMETERS_MAX 128
#define KUBE_PARAMETER_MAX 300	     /* bytes of one of them */
#define KUBE_TEXT_MAX 4096	     /* bytes of one name, path or value that is kept */
#define KUBE_WHY_MAX 256

/* A kind of objects with pods in them, or a way into a pod: a row of the table in review.c. */
struct kube_resource {
	const char *group, *resource, *subresource; /* "apps", "deployments", "" */
	const char *noun;	 /* of its actions: "deployment" + "_create" */
	const char *kind;	 /* for people: "Deployment"; NULL: a pod */
	const char *metadata;	 /* of the pods: "object.spec.template.metadata", from the object on */
	const char *spec;	 /* their PodSpec, likewise; NULL: there is none */
	const char *action;	 /* the whole name, where it is not noun and operation: "pod_exec" */
};

extern const struct kube_resource kube_resources[];
extern const size_t kube_resource_count;
/* Operations in their order: "CREATE" is "create". */
extern const char *const kube_operations[][2];
extern const size_t kube_operation_count;

/* One review. Owned. */
struct kube_review {
	char *uid; /* NULL: it could not be read */
	bool readable;
	char why[KUBE_WHY_MAX]; /* not readable: the reason, one line */
	char action[64];	/* "pod_create"; "unknown_create" for what no row describes */
	char *operation;	/* "CREATE" */
	char *path;		/* "apps/v1/namespaces/shop/deployments/web": what the request is for */
	char *user;
	struct str_list groups;
	char *namespace_;
	char *name;		/* of the object, or the beginning of one that is not made up yet: "web-7d9f-*" */
	char *target;		/* "shop/web": what the action is for */
	char *workload;		/* "Deployment/web": of a template; NULL: a pod */
	bool dry_run;
	bool dangerous;
	/* The containers that it brings. None: it deletes, runs something in a pod, or changes nothing that
	 * the gates of creation look at. */
	struct creation *creations;
	uint32_t creation_count;
	struct kv_list labels;	/* of the pods, and their annotations */
	/* For people: "image=web:1", "privileged=true". Never values of the environment. */
	struct str_list parameters;
};

void kube_review_done(struct kube_review *v);
static inline void kube_review_done_cleanup_(struct kube_review *v)
{
	kube_review_done(v);
}

/* Reads one review into a zeroed *ret, which is to be ended in any case. 0: look at `readable`. -ENOMEM: refuse. */
int kube_review_read(struct kube_review *ret, const char *text, size_t n);
