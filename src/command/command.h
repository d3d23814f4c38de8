/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a Docker engine: one HTTP request read into facts that the gates judge. The same
 * code serves the authorization plugin, which knows of a request what dockerd tells it, and the
 * proxy, which has the request itself.
 *
 * The rule of the whole folder: a request that dockerd (20.10 to today) could read in another way
 * than we do is UNREADABLE, with the reason, and whoever asks has to refuse it. Nothing here knows
 * the policy, does I/O or keeps state.
 */
#pragma once

#include "policy/gates.h"

#define COMMAND_URI_MAX (256u << 10)   /* bytes of a request's URI */
#define COMMAND_BODY_MAX (8u << 20)    /* bytes of a body that is judged */
#define COMMAND_PARAMETERS_MAX 128     /* of one command, in its audit */
#define COMMAND_PARAMETER_MAX 300      /* bytes of one of them */

/* Where the request was seen. */
enum command_mode {
	/* By dockerd's authorization plugin: headers flattened (of a repeated one the last is seen), no
	 * Transfer-Encoding, and no body where it is not JSON, too large or, in versions with
	 * CVE-2024-41110 or CVE-2026-34040, where its length is hidden or huge. */
	COMMAND_AUTHZ,
	/* By our proxy: all headers as sent, the body without its chunks. */
	COMMAND_PROXY,
};

struct command_header {
	const char *name;
	const char *value;
};

/* Borrowed for the call. */
struct command_input {
	enum command_mode mode;
	const char *method;
	const char *uri; /* as sent: "/v1.41/containers/create?name=web" */
	const struct command_header *headers;
	size_t header_count;
	const char *body;
	size_t body_size;
	bool body_whole; /* PROXY: `body` is all of it; else nobody has read (all of) it */
};

enum command_flag {
	COMMAND_READ_ONLY = 1 << 0, /* changes nothing */
	/* Can bring code or settings of the client's choice onto the host or into a running container. */
	COMMAND_DANGEROUS = 1 << 1,
	COMMAND_BODY = 1 << 2,	     /* a JSON body that is judged: without it the request is UNREADABLE */
	COMMAND_BODY_MAYBE = 1 << 3, /* a JSON body that is judged when there is one */
	COMMAND_STREAMS = 1 << 4,    /* a body of any size that is not judged: archives */
	COMMAND_HIJACKS = 1 << 5,    /* the connection becomes a stream of both sides */
	COMMAND_BUILDS = 1 << 6,     /* a builder's stream: what is built through it is not seen */
};

struct reading;

/* One endpoint: a row of the table in action.c. */
struct command_action {
	const char *method;
	const char *path; /* without version: {name} is one segment, {name*} may have slashes */
	const char *name; /* "container_create": what policies and audits say */
	unsigned flags;	  /* enum command_flag, ored */
	void (*read)(struct reading *rd); /* nullable: nothing beyond path and query */
	const char *summary;
};

extern const struct command_action command_actions[];
extern const size_t command_action_count;
/* What no row describes: dangerous, because nobody knows what it does. */
extern const struct command_action command_unknown;

/* What a request asks for. Owned. */
struct command_facts {
	const struct command_action *action; /* never NULL after command_read() */
	bool readable;
	char why[256]; /* not readable: the reason, one line */
	char *path;    /* decoded, without version and query */
	unsigned api;  /* minor number of the API version in the path; 0 = none given */
	char *target;  /* container, image, network, ... */
	char *image;   /* canonical */
	char *exec_user;
	char *network;
	bool has_creation;
	struct creation creation;
	/* For people: "privileged=true", "bind=/:/host". Never values of the environment, of build
	 * arguments, of credentials. Control characters are replaced. */
	struct str_list parameters;
};

/* Destroys what command_read() made. */
void command_facts_done(struct command_facts *f);

/*
 * Reads one request. 0: *ret is filled, look at `readable`. -ENOMEM: *ret is done; refuse.
 */
int command_read(struct command_facts *ret, const struct command_input *in);

/*
 * The action alone, for a proxy that has to know whether to read the body before it passes the
 * request on. 0, -EBADMSG (why is written) or -ENOMEM.
 */
int command_find(const struct command_action **ret, const char *method, const char *uri, char *why, size_t size);

/* The facts as the access gate asks for them; user, groups and address are the caller's. Borrows f. */
void command_request(const struct command_facts *f, struct access_request *q);

/*
 * A container that is there already, from GET /containers/ID/json: the same facts by the same code.
 * *c must be zeroed. 0, -EBADMSG (then *c is done) or -ENOMEM.
 */
int command_read_inspect(struct creation *c, const struct json *inspect);
