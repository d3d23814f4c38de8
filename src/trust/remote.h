/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of a registry, by the OCI distribution protocol over HTTPS. Everything that comes
 * back is hostile: sizes are capped, a deadline ends it all, redirects lead only to HTTPS and never
 * carry rights along. Blocks; one thread at a time.
 */
#pragma once

#include "trust/reference.h"
#include "trust/source.h"

struct remote_config {
	const char *ca_file;	      /* NULL = the library's own */
	const char *insecure;	      /* patterns of registries that may speak plain HTTP, with commas between;
				       * nullable. Those of this host's loopback always may */
	const char *user, *password;  /* for a registry that wants them; nullable */
	uint64_t deadline;	      /* of CLOCK_MONOTONIC, ns */
	bool push;		      /* rights to write are asked for */
};

struct remote;

int remote_new(struct remote **ret, const struct reference *ref, const struct remote_config *config);
struct remote *remote_free(struct remote *r);
CLEANUP_DEFINE(struct remote, remote_free)
struct source *remote_source(struct remote *r);

/* A "Bearer" challenge taken apart. */
struct challenge {
	char realm[512], service[256], scope[512];
};

/* -EBADMSG: another scheme, or not well formed. */
int challenge_parse(const char *header, struct challenge *ret);
