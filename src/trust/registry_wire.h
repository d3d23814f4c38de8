/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Gate asks seawall-registry over a unix stream socket, and what it hears. A frame is a
 * header and one record (model/record.h), both ways; answers come in any order, by id. Both sides
 * check the other's credentials (SO_PEERCRED), and neither believes what the record says.
 */
#pragma once

#include "trust/evidence.h"

#define REGISTRY_MAGIC 0x53775267u /* "SwRg" */
#define REGISTRY_QUESTION_MAX 4096
#define REGISTRY_ANSWER_MAX (2u << 20)
#define REGISTRY_SOCKET "registry.sock" /* in the Gate's directory */
#define REGISTRY_DEADLINE_MS 2000	 /* when a question names none */

struct registry_header {
	uint32_t magic;
	uint32_t size; /* of the record that follows */
	uint64_t id;
};

struct registry_question {
	char *name;	      /* as users write it: "registry.local:5000/team/app:1" */
	/* Of the manifest in question; NULL: the one that the name leads to, which then is part of the
	 * evidence: for an image of which only the id is known. */
	char *digest;
	uint32_t deadline_ms; /* 0 = the default */
	bool digest_only;     /* no signatures are wanted */
};

struct registry_answer {
	int32_t error;	/* 0, or -errno: -ENOENT no such image, -EACCES, -ETIMEDOUT, -EHOSTUNREACH, ... */
	char *message;	/* error: one sentence */
	char *digest;	/* what was asked about */
	struct trust_evidence evidence;
};

extern const struct record_desc record_registry_question, record_registry_answer;

void registry_answer_done(struct registry_answer *a);
static inline void registry_answer_done_cleanup_(struct registry_answer *a)
{
	registry_answer_done(a);
}

/* Appends one frame. */
void registry_frame_put(struct buf *out, uint64_t id, const struct record_desc *d, const void *record);
/*
 * The first frame of what was received: 1 and *ret (zeroed before, the caller's then), `in` moved
 * on; 0: not complete yet; -EBADMSG: over `max` or malformed; -ENOMEM.
 */
int registry_frame_take(struct buf *in, uint32_t max, const struct record_desc *d, uint64_t *ret_id, void *ret);
/* Whether the process at the other end of a unix socket runs as that user. */
bool peer_is(int fd, uid_t uid);
