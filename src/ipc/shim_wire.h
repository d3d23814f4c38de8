/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OCI shim asks the Gate, over a SOCK_SEQPACKET unix socket: one packet there, with the
 * open config.json attached, one packet back, end. Fixed structs, because the shim is linked with
 * nothing and a frame that cannot be misread needs no parser. Both sides check the other's
 * credentials (SO_PEERCRED): the shim that root listens, the Gate that root asks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHIM_MAGIC 0x53776831u /* "Swh1" */
#define SHIM_ID_MAX 256
#define SHIM_TEXT_MAX 2048
#define SHIM_CONFIG_MAX (4u << 20) /* bytes of a config.json */
#define SHIM_DEADLINE_MS 250	   /* for the whole exchange, when nobody has said otherwise */
#define SHIM_DEADLINE_MAX_MS 60000

/*
 * Descriptors attached (SCM_RIGHTS): config.json of the bundle, a regular file; and, when there is
 * one, containers.json of podman's storage (BUNDLE/../../containers.json), which knows the image.
 */
struct shim_request {
	uint32_t magic;
	uint32_t pid;		   /* of the shim, which becomes the real runtime */
	char engine[16];	   /* "docker", "containerd", "podman", "crio", "": as installed */
	char id[SHIM_ID_MAX];	   /* of the container, terminated */
	char bundle[1024];	   /* absolute, for messages */
	/* CLOCK_MONOTONIC ns: nobody waits for an answer any longer. What waits in the socket before it
	 * is read counts too, so it is a time and not a duration. Shims that were installed before this
	 * was asked for send a packet without it: SHIM_REQUEST_OLD bytes. */
	uint64_t until;
};

#define SHIM_REQUEST_OLD offsetof(struct shim_request, until)

enum shim_answer { SHIM_ALLOW = 1, SHIM_REFUSE = 2 };

struct shim_reply {
	uint32_t magic;
	uint32_t answer;	  /* enum shim_answer */
	char text[SHIM_TEXT_MAX]; /* REFUSE: what the user is told, verbatim, terminated */
};
