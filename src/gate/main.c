/* SPDX-License-Identifier: Apache-2.0 */
/* The Gate's program: options, giving up rights, loop. */
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/privilege.h"
#include "gate/gate.h"
#include "trust/key.h"

#define MEMORY_MAX (1024ull << 20) /* address space: 20,000 containers with room to spare */
/* A question of a shim has its connection and its timer, and for a moment two files; a client of the proxy its own
 * and the engine's connection and a timer; an API server its connection and a timer; the rest is for engines, dockerd's questions, and ourselves. */
#define FILES_MAX (4 * GATE_QUESTIONS_MAX + 3 * GATE_CLIENTS_MAX + 2 * GATE_REVIEWS_MAX + 256)
#define NICE                                                                                       \
	(-10) /* a container's first exec comes 100 ms after its create event, on a busy host too  \
	       */
#ifdef SANITIZED
#define CONFINED false
#else
#define CONFINED true
#endif

static int set_limits(void)
{
	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		log_debug("no priority over others");
	return privilege_limit(CONFINED ? MEMORY_MAX : 0, FILES_MAX);
}

/* The Defender's socket keeps its name across the confinement when it is below the new root. */
static int confine(struct gate_options *o)
{
	size_t n = strlen(o->root);
	bool root = geteuid() == 0;
	char *path;

	o->registry_uid = root ? privilege_uid(PRIVILEGE_REGISTRY_USER, PRIVILEGE_REGISTRY_UID) : geteuid();
	if (asprintf(&path, "%s/registry.sock", root ? "" : o->root) < 0)
		return -ENOMEM;
	o->registry = path; /* lives as long as we do */

	if (root && (!str_has_prefix(o->socket, o->root) || o->socket[n] != '/'))
		return log_err(-EINVAL, "the socket '%s' is not below '%s'", o->socket, o->root);
	int r = privilege_become(PRIVILEGE_GATE_USER, PRIVILEGE_GATE_UID, o->root);
	if (r < 0)
		return log_err(r, "cannot give up rights in '%s'", o->root);
	if (root)
		o->socket += n;
	return 0;
}

static int on_signal(void *ctx, int signo)
{
	loop_quit(ctx);
	return 0;
}

static int run(struct gate_options *o)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(gate_free) struct gate *gate = NULL;
	uid_t uid = geteuid();
	int r = set_limits();

	if (r < 0)
		return log_err(r, "cannot set limits");
	trust_init(); /* reads what it needs of the host's files, while it can */
	r = confine(o);
	if (r < 0)
		return r;
	r = loop_new(&loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGTERM, on_signal, loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGINT, on_signal, loop);
	if (r == 0)
		r = gate_new(&gate, loop, o, uid);
	if (r < 0)
		return log_err(r, "cannot start");
	r = CONFINED ? gate_sandbox_enter() : 0;
	if (r < 0)
		return log_err(r, "cannot give up system calls");
	r = loop_run(loop);
	return r < 0 ? log_err(r, "the loop failed") : 0;
}

int main(int argc, char **argv)
{
	struct gate_options options = {0};

	log_open("seawall-gate");
	int r = gate_options_parse(&options, argc, argv);
	if (r > 0)
		return r - 1;
	signal(SIGPIPE, SIG_IGN);
	if (r == 0 && curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		r = log_err(-ENOMEM, "cannot start libcurl");
	if (r == 0)
		r = run(&options);
	curl_global_cleanup();
	return r < 0 ? 2 : 0;
}
