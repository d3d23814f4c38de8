/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a drill plays: a network namespace of its own in which documentation addresses stand for
 * the internet, one or two throw-away Docker engines with images made from scratch, and a Seawall
 * of its own that watches them. Nothing of it reaches an outside address, and all of it is on an
 * undo list before it is made.
 */
#pragma once

#include "ctl/client.h"
#include "ctl/engine.h"

#define STAGE_HOSTS_MAX 2
#define STAGE_SERVERS_MAX 4

/* The addresses of the play, all from RFC 5737. */
#define STAGE_POOL "203.0.113.7"     /* "Singapore" */
#define STAGE_RPC "203.0.113.8"	     /* an honest JSON-RPC service */
#define STAGE_SCRIPTS "198.51.100.9" /* "China" */
#define STAGE_POOL_PORT "5555"

struct stage {
	char dir[PATH_MAX - 128];
	char undo[PATH_MAX];
	int lock;
	bool fresh; /* the state directory was not there before */
	int netns;
	struct private_engine hosts[STAGE_HOSTS_MAX];
	int host_count;
	struct process_id servers[STAGE_SERVERS_MAX];
	int server_count;
	struct process_id seawall;
	struct client *client; /* of the stage's own Seawall */
};

/* The address at which host n listens without TLS: "tcp://203.0.113.10:2375". */
const char *stage_host_url(int n);

/* Namespace, addresses, `hosts` engines. -errno with a sentence. */
int stage_open(struct stage *s, int hosts, struct diag *reterr);
/* Starts a program of the cast in the stage's network; ended by stage_close(). */
int stage_server(struct stage *s, const char *const *argv, struct diag *reterr);
/* Starts Seawall for the stage's engines, with this policy in force. */
int stage_protect(struct stage *s, const char *policy, struct diag *reterr);
/* A gate in the way of the stage's engines, put there as `seawall install` would. */
enum stage_gate { STAGE_SHIM, STAGE_AUTHZ };
int stage_gate(struct stage *s, enum stage_gate gate, struct diag *reterr);
/* Takes everything down. */
void stage_close(struct stage *s);

/* One file of an image: a program of the cast, or text. */
struct image_file {
	const char *path;    /* in the image, without a slash in front */
	const char *program; /* of the cast, "busybox", or NULL */
	const char *text;    /* when program is NULL */
	const char *link;    /* when both are NULL: what the symbolic link points to */
};

struct image {
	const char *name;		/* "seawall-drill/nginx:v8.9" */
	const char *entrypoint;		/* JSON array */
	const struct image_file *files; /* up to the first without a path */
};

/* Builds the image from scratch and gives it to every engine of the stage. */
int stage_image(struct stage *s, const struct image *image, struct diag *reterr);

/* One request to an engine over its socket; *ret is the body as JSON or NULL. Returns the status or
 * -errno. */
int stage_docker(const struct private_engine *e, const char *method, const char *path,
	const char *body, struct json **ret);
/* Creates and starts a container: body is the JSON of the create call. The id goes to ret_id. */
int stage_run(
	const struct private_engine *e, const char *body, char ret_id[65], struct diag *reterr);

/* Ctrl-C was pressed: whoever waits returns. */
bool stage_interrupted(void);
