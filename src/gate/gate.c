/* SPDX-License-Identifier: Apache-2.0 */
/* Between the engines and the Defender: see gate.h. */
#include "gate/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "ipc/ipc.h"
#include "runtime/runtime.h"

#define QUEUE_HIGH                                                                                 \
	(1u << 20) /* bytes waiting for the Defender, beyond which changes wait in the inventory   \
		    */
#define QUEUE_PAUSE_MS 5
#define SEQ_ENGINES 16 /* sequence numbers carry the index of the engine */

struct engine {
	struct gate *gate;
	struct runtime *runtime;
	const struct gate_engine *config;
	bool opening;	   /* it waits for a socket */
	uint64_t open_seq; /* of the question in flight, 0 = not asked yet */
	bool synced_told;
	unsigned refused_told;
};

struct gate {
	struct loop *loop;
	struct ipc_client *client;
	struct loop_source *pause;
	uint64_t seq;
	struct engine engines[GATE_ENGINES_MAX];
	unsigned engine_count;
};

static struct ipc_peer *defender(struct gate *g)
{
	return g->client ? ipc_client_peer(g->client) : NULL;
}

static void warn_refused(struct engine *e)
{
	unsigned refused = runtime_refused(e->runtime);

	if (refused == e->refused_told)
		return;
	if (!e->refused_told)
		log_warn(0,
			"%s: %zu containers are known, more find no room and are not watched by "
			"name",
			e->config->socket, runtime_count(e->runtime));
	e->refused_told = refused;
}

/* Sends what changed, as long as the Defender keeps up. */
static void flush(struct engine *e)
{
	struct ipc_peer *peer = defender(e->gate);
	const struct container *c;

	warn_refused(e);
	if (!peer)
		return; /* everything is told anew when it is back */
	while (ipc_queued(peer) < QUEUE_HIGH && (c = runtime_take(e->runtime))) {
		int r = ipc_send(peer, IPC_CONTAINER, 0, c);
		if (r < 0)
			log_warn(r, "container %.12s cannot be reported", c->id);
	}
	if (runtime_has_changes(e->runtime)) {
		loop_timer_set(e->gate->pause, QUEUE_PAUSE_MS, 0);
		return;
	}
	if (runtime_synced(e->runtime) && !e->synced_told) {
		struct ipc_result done = {.message = (char *)(uintptr_t)e->config->socket};
		e->synced_told = ipc_send(peer, IPC_SYNCED, 0, &done) == 0;
	}
}

static int on_pause(void *ctx)
{
	struct gate *g = ctx;

	for (unsigned i = 0; i < g->engine_count; i++)
		flush(&g->engines[i]);
	return 0;
}

/* --- what the runtimes say --- */

static void ask_for_socket(struct engine *e)
{
	struct ipc_peer *peer = defender(e->gate);
	struct ipc_engine body = {
		.kind = e->config->kind, .socket = (char *)(uintptr_t)e->config->socket};

	if (!peer || !e->opening)
		return;
	uint64_t seq = ++e->gate->seq * SEQ_ENGINES + (uint64_t)(e - e->gate->engines);
	e->open_seq = ipc_send(peer, IPC_ENGINE_OPEN, seq, &body) == 0 ? seq : 0;
}

static void on_open(void *ctx, struct runtime *rt)
{
	struct engine *e = ctx;

	e->opening = true;
	ask_for_socket(e);
}

static void on_changed(void *ctx, struct runtime *rt)
{
	flush(ctx);
}

static void on_status(void *ctx, struct runtime *rt)
{
	struct engine *e = ctx;
	const struct runtime_status *status = runtime_status(rt);
	struct ipc_peer *peer = defender(e->gate);

	log_debug("%s: %s", status->socket, status->state);
	if (!runtime_synced(rt))
		e->synced_told = false;
	if (peer)
		ipc_send(peer, IPC_RUNTIME, 0, status);
}

static void on_created(void *ctx, struct runtime *rt, const char *id, uint32_t pid)
{
	struct engine *e = ctx;
	struct ipc_peer *peer = defender(e->gate);
	struct ipc_pid body = {.container = (char *)(uintptr_t)id, .pid = pid};

	if (peer)
		ipc_send(peer, IPC_PROCESS_STARTED, 0, &body);
}

static void answer_stop(struct gate *g, uint64_t seq, int error, const char *message)
{
	struct ipc_peer *peer = defender(g);
	struct ipc_result body = {.error = error, .message = (char *)(uintptr_t)message};

	if (peer)
		ipc_send(peer, IPC_STOP_DONE, seq, &body);
}

static void on_stopped(void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message)
{
	struct engine *e = ctx;

	answer_stop(e->gate, seq, error, message);
}

/* --- what the Defender says --- */

static void engine_fd(struct gate *g, uint64_t seq, const struct ipc_result *body, int fd)
{
	struct engine *e = &g->engines[seq % SEQ_ENGINES];
	int r = body->error < 0 ? body->error : fd < 0 ? -EPROTO : 0;

	if (seq % SEQ_ENGINES >= g->engine_count || !e->opening || e->open_seq != seq) {
		fd_close(fd); /* of a question that is not waited for any more */
		return;
	}
	e->opening = false;
	e->open_seq = 0;
	if (r < 0)
		fd_close(fd);
	runtime_opened(e->runtime, r < 0 ? r : fd);
}

/* Every engine of the kind is asked: the order does not say which one has the container, and for one
 * that has not it is as good as gone. */
static void stop(struct gate *g, uint64_t seq, const struct ipc_stop *body)
{
	bool asked = false;

	for (unsigned i = 0; i < g->engine_count; i++) {
		struct engine *e = &g->engines[i];

		if (e->config->kind != body->runtime || !body->container)
			continue;
		int r = runtime_stop(e->runtime, body->container, seq);
		if (r < 0)
			answer_stop(g, seq, r, "the order cannot be taken");
		asked = true;
	}
	if (!asked)
		answer_stop(g, seq, -ENOENT, "no such engine");
}

static int on_message(
	void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct gate *g = ctx;

	if (type == IPC_ENGINE_FD) {
		engine_fd(g, seq, body, fd);
		return 0;
	}
	fd_close(fd);
	if (type == IPC_STOP)
		stop(g, seq, body);
	return 0;
}

/* A Defender that is back knows nothing: tell it all, and ask again what was asked. */
static void on_connect(void *ctx, struct ipc_peer *peer)
{
	struct gate *g = ctx;

	log_debug("the Defender is there");
	for (unsigned i = 0; i < g->engine_count; i++) {
		struct engine *e = &g->engines[i];

		e->synced_told = false;
		ipc_send(peer, IPC_RUNTIME, 0, runtime_status(e->runtime));
		runtime_replay(e->runtime);
		ask_for_socket(e);
	}
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	log_warn(why, "the Defender is away");
}

struct gate *gate_free(struct gate *g)
{
	if (!g)
		return NULL;
	for (unsigned i = 0; i < g->engine_count; i++)
		runtime_free(g->engines[i].runtime);
	ipc_client_free(g->client);
	loop_source_free(g->pause);
	free(g);
	return NULL;
}

static int add_engine(struct gate *g, const struct gate_engine *config)
{
	struct engine *e = &g->engines[g->engine_count];
	struct runtime_config rc = {.loop = g->loop,
		.kind = config->kind,
		.socket = config->socket,
		.listener = {on_open, on_changed, on_status, on_created, on_stopped, e}};

	*e = (struct engine){.gate = g, .config = config};
	int r = runtime_new(&e->runtime, &rc);
	if (r == 0)
		g->engine_count++;
	return r;
}

int gate_new(
	struct gate **ret, struct loop *loop, const struct gate_options *options, uid_t peer_uid)
{
	CLEANUP(gate_free) struct gate *g = calloc(1, sizeof(*g));
	struct ipc_config config = {.loop = loop,
		.role = IPC_GATE,
		.accept_roles = IPC_DEFENDER,
		.program = "seawall-gate " SEAWALL_VERSION,
		.peer_uid = peer_uid,
		.on_message = on_message,
		.on_closed = on_closed,
		.ctx = g};

	if (!g)
		return -ENOMEM;
	g->loop = loop;
	int r = loop_add_timer(loop, &g->pause, UINT32_MAX, 0, on_pause, g);
	for (unsigned i = 0; i < options->engine_count && r == 0; i++)
		r = add_engine(g, &options->engines[i]);
	if (r == 0)
		r = ipc_client_new(&g->client, &config, options->socket, on_connect);
	if (r == 0)
		*ret = take_ptr(g);
	return r;
}
