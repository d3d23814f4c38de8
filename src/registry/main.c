/* SPDX-License-Identifier: Apache-2.0 */
/* The program: options, its socket, giving up rights, loop. */
#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/privilege.h"
#include "registry/registry.h"

#define MEMORY_MAX (512ull << 20) /* address space */
#define FILES_MAX 256
#define THREADS 8
#define BACKLOG 16
#ifdef SANITIZED
#define CONFINED false
#else
#define CONFINED true
#endif

static int set_limits(void)
{
	/* A heap for each thread would cost more than it gives. */
	mallopt(M_ARENA_MAX, 2);
	return privilege_limit(CONFINED ? MEMORY_MAX : 0, FILES_MAX);
}

/* Bound while we may write there, for the Gate's user alone. Who listens is who answers: that comes
 * after the rights are gone, so that the Gate sees our user. */
static int bind_socket(const char *path, uid_t client)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || (unlink(path) < 0 && errno != ENOENT))
		return -errno;
	mode_t mask = umask(0177);
	int r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && geteuid() == 0 && chown(path, client, (gid_t)-1) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(fd);
}

static int on_signal(void *ctx, int signo)
{
	loop_quit(ctx);
	return 0;
}

/* Copies of the host's files are old: started anew, we have new ones. */
static int on_change(void *ctx, int fd, uint32_t events)
{
	log_info("name resolution of the host has changed: starting again");
	loop_quit(ctx);
	return 0;
}

static int confine(const struct registry_options *o, int *ret_watch)
{
	int r = 0;

	if (geteuid() != 0)
		return privilege_become(PRIVILEGE_REGISTRY_USER, PRIVILEGE_REGISTRY_UID, NULL);
	r = jail_prepare(o->root, ret_watch);
	if (r < 0)
		return log_err(r, "cannot prepare '%s'", o->root);
	r = privilege_become(PRIVILEGE_REGISTRY_USER, PRIVILEGE_REGISTRY_UID, o->root);
	return r < 0 ? log_err(r, "cannot give up rights in '%s'", o->root) : 0;
}

static int serve(const struct registry_options *o, int fd, uid_t client)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(registry_free) struct registry *registry = NULL;
	CLEANUP(fd_close) int watch = -1, listener = fd;
	char store[4096];
	bool root = geteuid() == 0;
	int r = confine(o, &watch);

	if (r < 0)
		return r;
	snprintf(store, sizeof(store), "%s" REGISTRY_STORE, root ? "" : o->root);
	if (listen(listener, BACKLOG) < 0)
		return log_err(-errno, "cannot listen");
	r = loop_new(&loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGTERM, on_signal, loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGINT, on_signal, loop);
	if (r == 0 && watch >= 0)
		r = loop_add_fd(loop, NULL, watch, EPOLLIN, on_change, loop);
	if (r == 0 && CONFINED)
		r = registry_sandbox_enter();
	if (r < 0)
		return log_err(r, "cannot give up system calls");
	struct registry_config config = {
		.loop = loop,
		.listen_fd = take_fd(listener),
		.client = client,
		.worker = {.store = store, .ca_file = root ? REGISTRY_CA_FILE : NULL, .insecure = o->insecure, .threads = THREADS},
	};
	r = registry_new(&registry, &config);
	if (r == 0)
		r = loop_run(loop);
	return r < 0 ? log_err(r, "cannot go on") : 0;
}

static int run(const struct registry_options *o)
{
	uid_t client = geteuid() == 0 ? privilege_uid(PRIVILEGE_GATE_USER, PRIVILEGE_GATE_UID) : geteuid();
	int r = set_limits();

	if (r < 0)
		return log_err(r, "cannot set limits");
	int fd = bind_socket(o->socket, client);
	if (fd < 0)
		return log_err(fd, "cannot make the socket '%s'", o->socket);
	return serve(o, fd, client);
}

int main(int argc, char **argv)
{
	struct registry_options options = {0};

	log_open("seawall-registry");
	int r = registry_options_parse(&options, argc, argv);
	if (r > 0)
		return r - 1;
	signal(SIGPIPE, SIG_IGN);
	trust_init();
	if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = log_err(-ENOMEM, "cannot start libcurl");
	if (r == 0)
		r = run(&options);
	curl_global_cleanup();
	return r < 0 ? 2 : 0;
}
