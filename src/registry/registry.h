/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall-registry: the only program of Seawall that speaks to registries. It answers the Gate's
 * questions (trust/registry_wire.h) for manifests' digests and signature objects, and has no other
 * right: own user, chroot, few system calls, nothing of the host in reach. What it says is not
 * believed: the Gate verifies signatures itself.
 */
#pragma once

#include "base/loop.h"
#include "trust/registry_wire.h"

#define REGISTRY_STORE "/signatures" /* below the root */
#define REGISTRY_CA_FILE "/ca.pem"   /* below the root */

struct registry_options {
	const char *root;     /* directory to be confined to */
	const char *socket;   /* to listen at */
	const char *insecure; /* see struct remote_config; nullable */
};

/* 0, or the exit code + 1. */
int registry_options_parse(struct registry_options *o, int argc, char **argv);
int registry_sandbox_enter(void);

/*
 * Puts what name resolution and TLS need into the root: copies of resolv.conf, hosts and the
 * authorities. *ret_watch: an inotify descriptor that becomes readable when they change on the host.
 */
int jail_prepare(const char *root, int *ret_watch);

/* ---- jobs: questions that a registry must be asked, on threads of their own ---- */

struct job {
	struct job *next;
	struct registry_question question; /* owned */
	uint64_t deadline;		   /* CLOCK_MONOTONIC, ns */
	struct registry_answer answer;	   /* owned; filled by the thread */
	char registry[256];		   /* host asked, for fair shares */
	void *ctx;
};

struct job *job_free(struct job *j);

struct worker_config {
	const char *store, *ca_file, *insecure;
	unsigned threads;
};

struct workers;
typedef void job_done_fn(void *ctx, struct job *j); /* on the loop; the job is the callee's */

int workers_new(struct workers **ret, struct loop *loop, const struct worker_config *config, job_done_fn *done, void *ctx);
struct workers *workers_free(struct workers *w); /* waits for the threads */
CLEANUP_DEFINE(struct workers, workers_free)
/* Takes the job. -EBUSY: too many wait (the job stays the caller's). */
int workers_submit(struct workers *w, struct job *j);
/* Answers one question, blocking. Pure but for the network and the store. */
void job_run(struct job *j, const struct worker_config *config);

/* ---- the service ---- */

struct registry_config {
	struct loop *loop;
	int listen_fd; /* taken over */
	uid_t client;  /* who may ask */
	struct worker_config worker;
};

struct registry;

int registry_new(struct registry **ret, const struct registry_config *config);
struct registry *registry_free(struct registry *r);
CLEANUP_DEFINE(struct registry, registry_free)

/* ---- answers kept for a while ---- */

struct cache;

int cache_new(struct cache **ret, unsigned entries, size_t bytes);
struct cache *cache_free(struct cache *c);
CLEANUP_DEFINE(struct cache, cache_free)
/* The encoded answer (record_registry_answer), borrowed until the next call, or NULL. */
const struct buf *cache_find(struct cache *c, const char *key, uint64_t now);
/* Takes a copy. The oldest go when there is no room; what has none alone is not kept. */
void cache_put(struct cache *c, const char *key, const struct buf *answer, uint64_t expires);
