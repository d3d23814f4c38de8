/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy library in front of a real engine, for the end-to-end tests: with a judge of one rule
 * (no privileged containers), and confined about as the Gate is, so that what it needs of the kernel
 * shows. Prints "listening PORT", and its counters at SIGTERM.
 * Usage: proxy_host PROXY_PEM CA_PEM ENGINE_SOCKET
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "proxy/proxy.h"

struct host {
	struct proxy *proxy;
	const char *engine;
};

/* Of the path only: the query and the version in front are nothing to this judge. */
static bool path_ends(const char *target, const char *end)
{
	size_t n = strcspn(target, "?"), m = strlen(end);

	return n >= m && strncmp(target + n - m, end, m) == 0;
}

static void on_judge(void *ctx, const struct proxy_request *q, struct proxy_verdict *ret)
{
	static const char *const streams[] = {"/attach", "/start", "/session", "/grpc"};
	static char text[400];
	CLEANUP(json_free) struct json *body = NULL;
	const char *target = q->head->target;

	ret->answer = PROXY_ALLOW;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		ret->hijack |= path_ends(target, streams[i]) && (i != 1 || strstr(target, "/exec/"));
	if (!path_ends(target, "/containers/create"))
		return;
	if (!q->complete) {
		ret->answer = PROXY_NEED_BODY;
	} else if (json_parse(&body, q->body, q->body_size, NULL) < 0 || json_bool(json_path(body, "HostConfig.Privileged"), false)) {
		ret->answer = PROXY_DENY;
		snprintf(text, sizeof(text), "[Seawall] command blocked by rule 'no privileged': %s of %s (%s) asks for all rights",
			q->user, q->groups->count ? q->groups->items[0] : "no group", q->address);
		ret->message = text;
	}
}

static void on_open(void *ctx, uint64_t id)
{
	struct host *h = ctx;

	proxy_upstream(h->proxy, id, unix_connect(h->engine));
}

static void on_refused(void *ctx, const char *user, const char *address, const char *why)
{
	log_info("%s (%s): %s", user ? user : "nobody", address, why);
}

static int on_signal(void *ctx, int signo)
{
	loop_quit(ctx);
	return 0;
}

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 64) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	*ret_port = ntohs(address.sin_port);
	return take_fd(fd);
}

/* No files, no other hosts, nobody started. */
static int confine(void)
{
	static const int refused[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(execve),
		SCMP_SYS(execveat), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(stat),
		SCMP_SYS(newfstatat), SCMP_SYS(readlink), SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(refused) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static void print_counters(const struct proxy_counters *n)
{
	printf("{\"accepted\":%lu,\"bad_handshakes\":%lu,\"requests\":%lu,\"allowed\":%lu,\"denied\":%lu,\"malformed\":%lu,"
	       "\"hijacked\":%lu,\"engine_failed\":%lu,\"bytes_up\":%lu,\"bytes_down\":%lu,\"connections\":%u,\"body_bytes\":%u}\n",
		n->accepted, n->bad_handshakes, n->requests, n->allowed, n->denied, n->malformed, n->hijacked, n->engine_failed,
		n->bytes_up, n->bytes_down, n->connections, n->body_bytes);
}

static int run(char **argv)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(buf_done) struct buf pem = BUF_INIT(1u << 20);
	struct host host = {.engine = argv[3]};
	struct diag diag = {0};
	CLEANUP(fd_close) int listener = -1;
	uint16_t port = 0;
	int r = file_read(argv[1], &pem);

	if (r == 0)
		r = file_read(argv[2], &pem);
	if (r == 0)
		r = loop_new(&loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGTERM, on_signal, loop);
	if (r == 0)
		r = listener = listen_tcp(&port);
	if (r >= 0)
		r = confine();
	if (r < 0)
		return log_err(r, "cannot start");
	struct proxy_config config = {.loop = loop, .listen_fd = listener, .pem = pem.data, .pem_size = pem.len,
		.judge = on_judge, .open_upstream = on_open, .refused = on_refused, .ctx = &host};
	r = proxy_new(&host.proxy, &config, &diag);
	if (r < 0)
		return log_err(r, "%s", diag.message);
	printf("listening %d\n", port);
	fflush(stdout);
	r = loop_run(loop);
	print_counters(proxy_counters(host.proxy));
	proxy_free(host.proxy);
	return r;
}

int main(int argc, char **argv)
{
	log_open("proxy_host");
	signal(SIGPIPE, SIG_IGN);
	if (argc != 4) {
		fprintf(stderr, "usage: proxy_host PROXY_PEM CA_PEM ENGINE_SOCKET\n");
		return 2;
	}
	return run(argv) < 0;
}
