/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Defender's end of the Gate's connection, for tests: listens on the socket given, opens the
 * engines that the Gate asks for, prints each message as one line of JSON
 * {"type": "container", "at": RECEIVED_NS, "seq": N, "body": {...}}, and sends the orders it reads:
 * "stop KIND ID SEQ".
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/ipc.h"

static const char *const type_names[IPC_TYPE_COUNT_] = {
	[IPC_CONTAINER] = "container",
	[IPC_RUNTIME] = "runtime",
	[IPC_ENGINE_OPEN] = "engine_open",
	[IPC_STOP_DONE] = "stop_done",
	[IPC_SYNCED] = "synced",
	[IPC_PROCESS_STARTED] = "process_started",
};

struct state {
	struct loop *loop;
	struct ipc_peer *gate;
	char line[512];
	size_t length;
};

static int open_engine(struct ipc_peer *peer, uint64_t seq, const struct ipc_engine *body)
{
	CLEANUP(fd_close) int fd = unix_connect(body->socket);
	struct ipc_result result = {
		.error = fd < 0 ? fd : 0, .message = fd < 0 ? strerror(-fd) : NULL};

	return fd < 0 ? ipc_send(peer, IPC_ENGINE_FD, seq, &result)
		      : ipc_send_fd(peer, IPC_ENGINE_FD, seq, &result, fd);
}

static int on_message(
	void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(IPC_BODY_MAX);

	fd_close(fd);
	buf_printf(&b, "{\"type\":\"%s\",\"at\":%" PRIu64 ",\"seq\":%" PRIu64 ",\"body\":",
		type_names[type] ? type_names[type] : "?", time_now(), seq);
	record_to_json(ipc_message(type)->body, body, &b);
	buf_puts(&b, "}\n");
	if (b.failed || fd_write_all(STDOUT_FILENO, b.data, b.len) < 0)
		return -EIO;
	return type == IPC_ENGINE_OPEN ? open_engine(peer, seq, body) : 0;
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	struct state *s = ctx;

	s->gate = peer;
	printf("{\"type\":\"connected\",\"at\":%" PRIu64 "}\n", time_now());
	fflush(stdout);
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct state *s = ctx;

	if (s->gate == peer)
		s->gate = NULL;
	printf("{\"type\":\"closed\",\"at\":%" PRIu64 ",\"why\":%d}\n", time_now(), why);
	fflush(stdout);
}

static void order(struct state *s)
{
	char kind[16], id[160];
	uint64_t seq;

	if (sscanf(s->line, "stop %15s %159s %" SCNu64, kind, id, &seq) != 3 || !s->gate)
		return;
	struct ipc_stop body = {.container = id,
		.runtime = (enum runtime_kind)enum_from_name(&runtime_kind_names, kind),
		.reason = (char *)(uintptr_t) "test"};
	ipc_send(s->gate, IPC_STOP, seq, &body);
}

static int on_stdin(void *ctx, int fd, uint32_t events)
{
	struct state *s = ctx;
	char c;

	if (read(fd, &c, 1) <= 0) {
		loop_quit(s->loop);
		return 0;
	}
	if (c == '\n' || s->length + 1 == sizeof(s->line)) {
		s->line[s->length] = 0;
		s->length = 0;
		order(s);
	} else {
		s->line[s->length++] = c;
	}
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(ipc_server_free) struct ipc_server *server = NULL;
	struct state s = {0};
	struct ipc_config config = {.role = IPC_DEFENDER,
		.accept_roles = IPC_GATE,
		.program = "defender_peer",
		.peer_uid = (uid_t)-1,
		.on_message = on_message,
		.on_closed = on_closed,
		.ctx = &s};

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_open("defender_peer");
	int r = loop_new(&loop);
	config.loop = s.loop = loop;
	if (r == 0)
		r = loop_add_fd(loop, NULL, STDIN_FILENO, EPOLLIN, on_stdin, &s);
	int fd = r == 0 ? unix_listen(argv[1], 0666, 8) : r;
	if (fd < 0)
		return log_err(fd, "cannot listen on '%s'", argv[1]), 1;
	r = ipc_server_new(&server, &config, fd, on_accept);
	if (r == 0)
		r = loop_run(loop);
	return r < 0;
}
