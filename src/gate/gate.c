/* SPDX-License-Identifier: Apache-2.0 */
/* Between the engines and the Defender: see gate.h. */
#include "gate/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "gate/authz.h"
#include "gate/front.h"
#include "gate/compliance.h"
#include "gate/internal.h"
#include "gate/judge.h"
#include "gate/report.h"
#include "gate/shim.h"
#include "gate/signers.h"
#include "gate/webhook.h"
#include "trust/registry_client.h"

#define QUEUE_HIGH                                                                                 \
	(1u << 20) /* bytes waiting for the Defender, beyond which changes wait in the inventory   \
		    */
#define QUEUE_PAUSE_MS 5
#define SEQ_ENGINES 16 /* sequence numbers carry the index of the engine */

struct ipc_peer *gate_defender(struct gate *g)
{
	return g->client ? ipc_client_peer(g->client) : NULL;
}

const struct container *gate_container(const struct gate *g, const char *id)
{
	const struct container *c = NULL;

	for (unsigned i = 0; i < g->engine_count && id && !c; i++)
		c = runtime_container(g->engines[i].runtime, id);
	return c;
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
	struct ipc_peer *peer = gate_defender(e->gate);
	const struct container *c;

	warn_refused(e);
	if (!peer)
		return; /* everything is told anew when it is back */
	while (ipc_queued(peer) < QUEUE_HIGH && (c = runtime_take(e->runtime))) {
		char badge[512];
		struct container with = *c; /* borrowed */
		with.trusted = (char *)(uintptr_t)judge_trust_badge(e->gate, c, badge, sizeof(badge));
		int r = ipc_send(peer, IPC_CONTAINER, 0, &with);
		if (r < 0)
			log_warn(r, "container %.12s cannot be reported", c->id);
		compliance_container(e->gate->compliance, e->runtime, c);
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
	struct ipc_peer *peer = gate_defender(e->gate);
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
	struct engine *e = ctx;

	flush(e);
	shim_door_changed(e->gate->shim);
	judge_changed(e->gate);
}

static void on_status(void *ctx, struct runtime *rt)
{
	struct engine *e = ctx;
	const struct runtime_status *status = runtime_status(rt);
	struct ipc_peer *peer = gate_defender(e->gate);

	log_debug("%s: %s", status->socket, status->state);
	compliance_status(e->gate->compliance, rt);
	if (!runtime_synced(rt))
		e->synced_told = false;
	if (peer)
		ipc_send(peer, IPC_RUNTIME, 0, status);
}

static void on_created(void *ctx, struct runtime *rt, const char *id, uint32_t pid)
{
	struct engine *e = ctx;
	struct ipc_peer *peer = gate_defender(e->gate);
	struct ipc_pid body = {.container = (char *)(uintptr_t)id, .pid = pid};

	if (peer)
		ipc_send(peer, IPC_PROCESS_STARTED, 0, &body);
}

static void answer_stop(struct gate *g, uint64_t seq, int error, const char *message)
{
	struct ipc_peer *peer = gate_defender(g);
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

/* Nothing applied yet is an answer too: then nothing is refused. */
static void take_policy(struct gate *g, const struct ipc_blob *body)
{
	struct policy *p = NULL;
	int r = body->data.size ? policy_decode(&p, body->data.data, body->data.size) : 0;

	if (r < 0) {
		log_err(r, "the policy that was received is damaged, keeping the old one");
		return;
	}
	signers_policy(g->signers, p);
	policy_unref(g->policy);
	g->policy = p;
	for (unsigned i = 0; i < g->engine_count; i++)
		runtime_replay(g->engines[i].runtime); /* trusted or not may have changed */
	compliance_policy(g->compliance, p);
}

static void take_listener(struct gate *g, const struct ipc_listener *body, int fd)
{
	int r = -EINVAL;

	if (fd < 0)
		return;
	switch (body->kind) {
	case IPC_LISTENER_SHIM:
		g->shim = shim_door_close(g->shim);
		r = shim_door_open(&g->shim, g, fd);
		break;
	case IPC_LISTENER_AUTHZ:
		g->authz = authz_close(g->authz);
		r = authz_open(&g->authz, g, fd);
		break;
	case IPC_LISTENER_PROXY:
		r = front_reload(g->front, fd, &body->tls);
		if (r != -ESTALE)
			break;
		g->front = front_close(g->front);
		r = front_open(&g->front, g, fd, &body->tls);
		break;
	case IPC_LISTENER_WEBHOOK:
		g->webhook = webhook_close(g->webhook);
		r = webhook_open(&g->webhook, g, fd, &body->tls);
		break;
	default:
		fd_close(fd);
		break;
	}
	if (r < 0)
		log_err(r, "cannot serve '%s'", body->address ? body->address : "?");
}

static int on_message(
	void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct gate *g = ctx;

	if (type == IPC_ENGINE_FD) {
		if (!front_engine_fd(g->front, seq, body, fd))
			engine_fd(g, seq, body, fd);
		return 0;
	}
	if (type == IPC_LISTENER) {
		take_listener(g, body, fd);
		return 0;
	}
	fd_close(fd);
	switch ((int)type) {
	case IPC_STOP:
		stop(g, seq, body);
		break;
	case IPC_POLICY:
		take_policy(g, body);
		break;
	case IPC_GATE_AUDIT_ACK:
		report_ack(g->report, peer, ((const struct ipc_seq *)body)->seq);
		authz_drained(g->authz);
		break;
	case IPC_ADMITTED:
		shim_door_admitted(g->shim, seq, body);
		break;
	case IPC_PING:
		ipc_send(peer, IPC_PONG, seq, body);
		break;
	case IPC_DAEMON:
		compliance_daemon(g->compliance, body);
		break;
	case IPC_FINDINGS_ASK:
		compliance_again(g->compliance);
		break;
	}
	return 0;
}

/* A Defender that is back knows nothing: tell it all, and ask again what was asked. */
static void on_connect(void *ctx, struct ipc_peer *peer)
{
	struct gate *g = ctx;

	log_debug("the Defender is there");
	report_again(g->report, peer);
	for (unsigned i = 0; i < g->engine_count; i++) {
		struct engine *e = &g->engines[i];

		e->synced_told = false;
		ipc_send(peer, IPC_RUNTIME, 0, runtime_status(e->runtime));
		runtime_replay(e->runtime);
		ask_for_socket(e);
	}
	compliance_again(g->compliance);
}

/* --- findings go the way of containers, as long as the Defender keeps up --- */

static bool has_room(void *ctx)
{
	struct ipc_peer *peer = gate_defender(ctx);

	return peer && ipc_queued(peer) < QUEUE_HIGH;
}

static int send_finding(void *ctx, const struct compliance_finding *f)
{
	struct ipc_peer *peer = gate_defender(ctx);

	return peer ? ipc_send(peer, IPC_FINDING, 0, f) : -ENOTCONN;
}

static void on_signed(void *ctx, const char *image)
{
	struct gate *g = ctx;

	for (unsigned i = 0; i < g->engine_count; i++)
		runtime_replay_image(g->engines[i].runtime, image);
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	struct gate *g = ctx;

	log_warn(why, "the Defender is away");
	shim_door_lost(g->shim);
	authz_drained(g->authz);
}

struct gate *gate_free(struct gate *g)
{
	if (!g)
		return NULL;
	for (unsigned i = 0; i < g->engine_count; i++)
		runtime_free(g->engines[i].runtime);
	ipc_client_free(g->client);
	compliance_free(g->compliance);
	loop_source_free(g->pause);
	shim_door_close(g->shim);
	authz_close(g->authz);
	front_close(g->front);
	signers_free(g->signers);
	webhook_close(g->webhook);
	registry_client_free(g->registry);
	report_free(g->report);
	policy_unref(g->policy);
	free(g);
	return NULL;
}

static int add_engine(struct gate *g, const struct gate_engine *config)
{
	struct engine *e = &g->engines[g->engine_count];
	struct runtime_config rc = {.loop = g->loop,
		.kind = config->kind,
		.socket = config->socket,
		.header = g->own_header,
		.listener = {on_open, on_changed, on_status, on_created, on_stopped, e}};

	*e = (struct engine){.gate = g, .config = config};
	int r = runtime_new(&e->runtime, &rc);
	if (r == 0)
		g->engine_count++;
	return r == 0 ? compliance_add_engine(g->compliance, e->runtime) : r;
}

/* By this the authorization plugin knows our own questions, which it would else answer to itself. */
static void make_header(struct gate *g)
{
	uint8_t secret[16];
	struct buf b = BUF_FIXED((uint8_t *)g->own_header, sizeof(g->own_header));

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return;
	buf_puts(&b, GATE_OWN_HEADER ": ");
	for (size_t i = 0; i < sizeof(secret); i++)
		buf_printf(&b, "%02x", secret[i]);
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
	g->peer_uid = peer_uid;
	TAILQ_INIT(&g->judging);
	g->cluster = options->cluster;
	make_header(g);
	if (gethostname(g->host, sizeof(g->host) - 1) < 0)
		g->host[0] = 0;
	int r = report_new(&g->report);
	if (r == 0)
		r = compliance_new(&g->compliance, &(struct compliance_config){loop, g->host, send_finding, has_room, g});
	if (r == 0)
		r = loop_add_timer(loop, &g->pause, UINT32_MAX, 0, on_pause, g);
	for (unsigned i = 0; i < options->engine_count && r == 0; i++)
		r = add_engine(g, &options->engines[i]);
	if (r == 0)
		r = ipc_client_new(&g->client, &config, options->socket, on_connect);
	if (r == 0 && options->registry)
		r = registry_client_new(&g->registry, loop, options->registry, options->registry_uid);
	if (r == 0)
		r = signers_new(&g->signers, loop, g->registry, on_signed, g);
	if (r == 0)
		*ret = take_ptr(g);
	return r;
}
