/* SPDX-License-Identifier: Apache-2.0 */
/* What Console and Gate say, and what is done about it: see links.h. */
#include "defender/links.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/edges.h"
#include "defender/gates.h"
#include "defender/host_checks.h"
#include "defender/query.h"
#include "defender/spool.h"
#include "defender/status.h"

#define PROGRAM "seawall-defender " SEAWALL_VERSION
#define BACKLOG 4
#define DRAIN_BUDGET 2048

typedef int handler_fn(struct defender *d, uint64_t seq, void *body);

/* ---- Console ---- */

static int on_ack(struct defender *d, uint64_t seq, void *body)
{
	(void)seq;
	int r = spool_ack(d->spool, ((const struct ipc_seq *)body)->seq);
	spool_pump(d->spool, defender_console(d));
	return r;
}

static int on_policy(struct defender *d, uint64_t seq, void *body)
{
	const struct ipc_blob *b = body;

	(void)seq;
	rules_replace(d, b->data.data, b->data.size); /* a bad one is logged and changes nothing */
	status_send(d);
	return 0;
}

static int on_query_events(struct defender *d, uint64_t seq, void *body)
{
	return query_events(d, seq, body);
}

static int on_query_processes(struct defender *d, uint64_t seq, void *body)
{
	return query_processes(d, seq, body);
}

static handler_fn *const console_handlers[IPC_TYPE_COUNT_] = {
	[IPC_AUDIT_ACK] = on_ack,
	[IPC_POLICY] = on_policy,
	[IPC_QUERY_EVENTS] = on_query_events,
	[IPC_QUERY_PROCESSES] = on_query_processes,
};

static int on_console_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	(void)peer;
	fd_close(fd);
	return console_handlers[type] ? console_handlers[type](ctx, seq, body) : 0;
}

static void on_console_ready(void *ctx, struct ipc_peer *peer)
{
	struct defender *d = ctx;

	(void)peer;
	log_debug("the Console is there");
	status_send(d);
	containers_publish_all(d);
	edges_send(d, true);
	host_checks_console(d);
	spool_restart(d->spool);
	spool_pump(d->spool, defender_console(d));
}

static void on_console_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct defender *d = ctx;

	(void)peer;
	log_write(LOG_LEVEL_WARNING, why, "the Console is away: enforcing the last policy, keeping audits");
	query_drop_all(d);
}

/* ---- Gate ---- */

static int on_container(struct defender *d, uint64_t seq, void *body)
{
	(void)seq;
	/* What the kernel saw before the engine spoke comes first: the story keeps its order. */
	if (d->sensor)
		sensor_security_drain(d->sensor, DRAIN_BUDGET);
	int r = containers_told(d, body);
	if (r < 0)
		log_warn(r, "a container cannot be kept, ignoring");
	defender_settle(d);
	return 0;
}

static int on_runtime(struct defender *d, uint64_t seq, void *body)
{
	(void)seq;
	return status_runtime(d, body);
}

static int on_synced(struct defender *d, uint64_t seq, void *body)
{
	const char *socket = ((const struct ipc_result *)body)->message;
	uint32_t of_kind = 0;
	enum runtime_kind kind = RUNTIME_NONE;

	(void)seq;
	for (uint32_t i = 0; socket && i < d->config.engine_count; i++)
		if (strcmp(d->config.engines[i].socket, socket) == 0)
			kind = d->config.engines[i].kind;
	for (uint32_t i = 0; i < d->config.engine_count; i++)
		of_kind += d->config.engines[i].kind == kind;
	/* With two engines of one kind nobody can tell whose containers are missing. */
	if (kind && of_kind == 1)
		containers_gate_synced(d, kind);
	status_synced(d, socket);
	return 0;
}

static int on_process_started(struct defender *d, uint64_t seq, void *body)
{
	const struct ipc_pid *p = body;

	(void)seq;
	containers_process_started(d, p->container, (pid_t)p->pid);
	return 0;
}

static int on_stop_done(struct defender *d, uint64_t seq, void *body)
{
	const struct ipc_result *r = body;

	(void)d;
	(void)seq;
	if (r->error < 0)
		log_warn(r->error, "the engine was not kept from restarting a blocked container: %s", r->message ? r->message : "");
	return 0;
}

/* The Gate has no right to an engine's socket: it gets a connection, and only to those we know. */
static int open_engine(const struct defender *d, const struct ipc_engine *want)
{
	for (uint32_t i = 0; want->socket && i < d->config.engine_count; i++)
		if (d->config.engines[i].kind == want->kind && strcmp(d->config.engines[i].socket, want->socket) == 0)
			return unix_connect(d->config.engines[i].socket);
	return -EPERM;
}

static int on_engine_open(struct defender *d, uint64_t seq, void *body)
{
	const struct ipc_engine *want = body;
	CLEANUP(fd_close) int fd = open_engine(d, want);
	if (fd >= 0)
		host_checks_engine(d, want->socket, fd);
	struct ipc_result result = {.error = fd < 0 ? fd : 0,
		.message = (char *)(uintptr_t)(fd == -EPERM ? "not a socket of the Defender's configuration" : NULL)};

	if (fd < 0)
		return ipc_send(d->gate, IPC_ENGINE_FD, seq, &result);
	int r = fd_set_nonblock(fd);
	return r < 0 ? r : ipc_send_fd(d->gate, IPC_ENGINE_FD, seq, &result, fd);
}

static int on_finding(struct defender *d, uint64_t seq, void *body)
{
	(void)seq;
	return host_checks_finding(d, body);
}

static handler_fn *const gate_handlers[IPC_TYPE_COUNT_] = {
	[IPC_CONTAINER] = on_container,
	[IPC_RUNTIME] = on_runtime,
	[IPC_SYNCED] = on_synced,
	[IPC_PROCESS_STARTED] = on_process_started,
	[IPC_STOP_DONE] = on_stop_done,
	[IPC_ENGINE_OPEN] = on_engine_open,
	[IPC_GATE_AUDIT] = gates_on_audit,
	[IPC_ADMIT] = gates_on_admit,
	[IPC_PONG] = gates_on_pong,
	[IPC_FINDING] = on_finding,
};

static int on_gate_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct defender *d = ctx;

	fd_close(fd);
	if (peer != d->gate)
		return -EBUSY; /* one Gate at a time: the newer one has taken its place */
	return gate_handlers[type] ? gate_handlers[type](d, seq, body) : 0;
}

static void on_gate_ready(void *ctx, struct ipc_peer *peer)
{
	struct defender *d = ctx;

	log_debug("the Gate is there");
	d->gate = peer;
	containers_gate_lost(d);
	gates_ready(d);
	block_tell_gate(d);
	host_checks_gate(d);
}

static void on_gate_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct defender *d = ctx;

	if (peer != d->gate)
		return;
	d->gate = NULL;
	gates_lost(d);
	log_write(LOG_LEVEL_WARNING, why, "the Gate is away: new containers stay nameless until it is back");
	status_gate_lost(d);
	status_send(d);
}

/* ---- both ---- */

static int open_gate(struct defender *d)
{
	struct ipc_config c = {.loop = d->loop, .role = IPC_DEFENDER, .accept_roles = IPC_GATE, .program = PROGRAM,
		.peer_uid = d->config.gate_uid, .on_message = on_gate_message, .on_closed = on_gate_closed, .ctx = d};
	char path[512];

	snprintf(path, sizeof(path), "%s/gate", d->config.state);
	int r = dir_make(path, 0755);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/gate/defender.sock", d->config.state);
	CLEANUP(fd_close) int fd = unix_listen(path, 0600, BACKLOG);
	if (fd < 0)
		return fd;
	if (chown(path, d->config.gate_uid, (gid_t)-1) < 0)
		return -errno;
	return ipc_server_new(&d->gate_server, &c, take_fd(fd), on_gate_ready);
}

int links_open(struct defender *d)
{
	struct ipc_config c = {.loop = d->loop, .role = IPC_DEFENDER, .accept_roles = IPC_CONSOLE, .program = PROGRAM,
		.peer_uid = d->config.console_uid, .on_message = on_console_message, .on_closed = on_console_closed, .ctx = d};
	char path[512];

	snprintf(path, sizeof(path), "%s/run/console.sock", d->config.state);
	int r = open_gate(d);
	if (r == 0)
		r = gates_open(d);
	if (r < 0)
		return log_err(r, "cannot listen for the Gate");
	r = ipc_client_new(&d->console, &c, path, on_console_ready);
	return r < 0 ? log_err(r, "cannot keep a connection to the Console") : 0;
}

void links_close(struct defender *d)
{
	d->gate = ipc_peer_free(d->gate);
	d->gate_server = ipc_server_free(d->gate_server);
	gates_close(d);
	d->console = ipc_client_free(d->console);
}
