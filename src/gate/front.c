/* SPDX-License-Identifier: Apache-2.0 */
/* Between src/proxy and the judgement of commands: see front.h. */
#include "gate/front.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "gate/commands.h"
#include "proxy/proxy.h"

#define BODY_MAX (4u << 20)
#define SEQ_FRONT (1ull << 63) /* marks our questions for a socket among those of the engines */

struct front {
	struct gate *gate;
	struct proxy *proxy;
	int fd;
	struct waiting {
		uint64_t conn; /* 0 = free */
		struct front *front;
		struct command_job *job;
		bool hijacks;
	} waiting[GATE_CLIENTS_MAX]; /* requests that wait for a verdict: one of each client */
};

static const struct gate_engine *engine_of(const struct gate *g)
{
	for (unsigned i = 0; i < g->engine_count; i++)
		if (g->engines[i].config->kind == RUNTIME_DOCKER)
			return g->engines[i].config;
	return NULL;
}

static void on_open(void *ctx, uint64_t conn)
{
	struct front *f = ctx;
	const struct gate_engine *e = engine_of(f->gate);
	struct ipc_peer *peer = gate_defender(f->gate);

	if (!e || !peer) {
		proxy_upstream(f->proxy, conn, e ? -ENOTCONN : -ENOENT);
		return;
	}
	struct ipc_engine body = {.kind = e->kind, .socket = (char *)(uintptr_t)e->socket};
	int r = ipc_send(peer, IPC_ENGINE_OPEN, conn | SEQ_FRONT, &body);
	if (r < 0)
		proxy_upstream(f->proxy, conn, r);
}

bool front_engine_fd(struct front *f, uint64_t seq, const struct ipc_result *r, int fd)
{
	if (!(seq & SEQ_FRONT))
		return false;
	if (!f)
		fd_close(fd);
	else
		proxy_upstream(f->proxy, seq & ~SEQ_FRONT, r->error < 0 ? r->error : fd);
	if (f && r->error < 0)
		fd_close(fd);
	return true;
}

/* ---- judging ---- */

static void give(struct front *f, uint64_t conn, const struct command_answer *a)
{
	struct proxy_verdict v = {.answer = a->denied ? PROXY_DENY : PROXY_ALLOW, .message = a->denied ? a->text : NULL,
		.hijack = !a->denied && a->hijacks};

	if (proxy_decide(f->proxy, conn, &v) < 0)
		log_debug("a client of the proxy did not wait for the verdict");
}

static void on_judged(void *ctx, const struct command_answer *a)
{
	struct waiting *w = ctx;
	uint64_t conn = w->conn;

	w->conn = 0;
	w->job = NULL;
	give(w->front, conn, a);
}

static struct waiting *take_place(struct front *f)
{
	for (size_t i = 0; i < GATE_CLIENTS_MAX; i++)
		if (!f->waiting[i].conn)
			return &f->waiting[i];
	return NULL;
}

static void deny(struct proxy_verdict *ret, const char *message)
{
	*ret = (struct proxy_verdict){.answer = PROXY_DENY, .message = message};
}

/* Whether the body has to be read first; what cannot be read is judged, and denied, as it is. */
static bool wants_body(const struct proxy_request *q)
{
	const struct command_action *action = NULL;
	char why[256];

	return !q->complete && !q->oversize &&
	       command_find(&action, q->head->method, q->head->target, why, sizeof(why)) == 0 &&
	       (action->flags & (COMMAND_BODY | COMMAND_BODY_MAYBE));
}

static void on_request(void *ctx, const struct proxy_request *q, struct proxy_verdict *ret)
{
	struct front *f = ctx;
	struct command_header headers[HTTP_FIELDS_MAX];

	if (wants_body(q)) {
		ret->answer = PROXY_NEED_BODY;
		return;
	}
	struct waiting *w = take_place(f);
	if (!w) {
		deny(ret, "[Seawall] command blocked: too many commands are being judged");
		return;
	}
	for (unsigned i = 0; i < q->head->field_count; i++)
		headers[i] = (struct command_header){q->head->fields[i].name, q->head->fields[i].value};
	*w = (struct waiting){.conn = q->id, .front = f};
	struct command_asker who = {.user = q->user, .groups = q->groups, .address = q->address, .closed = true};
	struct command_input in = {.mode = COMMAND_PROXY, .method = q->head->method, .uri = q->head->target, .headers = headers,
		.header_count = q->head->field_count, .body = q->body, .body_size = q->body_size, .body_whole = q->complete};
	ret->answer = PROXY_LATER; /* the verdict may come from inside the call */
	int r = commands_judge(&w->job, f->gate, &who, &in, on_judged, w);
	if (r < 0) {
		w->conn = 0;
		deny(ret, "[Seawall] command blocked: out of memory");
	}
}

static void on_refused(void *ctx, const char *user, const char *address, const char *why)
{
	(void)ctx;
	log_info("proxy: %s from %s: %s", user ? user : "nobody", address, why);
}

struct front *front_close(struct front *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < GATE_CLIENTS_MAX; i++)
		if (f->waiting[i].conn)
			commands_cancel(f->waiting[i].job);
	proxy_free(f->proxy);
	fd_close(f->fd);
	free(f);
	return NULL;
}

int front_reload(struct front *f, int listen_fd, const struct blob *tls)
{
	struct diag diag = {0};
	struct stat ours, theirs;

	if (!f || fstat(f->fd, &ours) < 0 || fstat(listen_fd, &theirs) < 0 || ours.st_ino != theirs.st_ino)
		return -ESTALE;
	fd_close(listen_fd);
	int r = proxy_reload(f->proxy, tls->data, tls->size, &diag);
	if (r < 0)
		return log_err(r, "the proxy keeps its certificates: %s", diag.message);
	log_info("the proxy has taken its certificates anew");
	return 0;
}

int front_open(struct front **ret, struct gate *g, int listen_fd, const struct blob *tls)
{
	struct front *f = calloc(1, sizeof(*f));
	struct diag diag = {0};

	if (!f) {
		fd_close(listen_fd);
		return -ENOMEM;
	}
	*f = (struct front){.gate = g, .fd = listen_fd};
	struct proxy_config c = {.loop = g->loop, .listen_fd = listen_fd, .pem = tls->data, .pem_size = tls->size,
		.limits = {.connections = GATE_CLIENTS_MAX, .body = BODY_MAX}, .judge = on_request, .open_upstream = on_open, .refused = on_refused, .ctx = f};
	int r = proxy_new(&f->proxy, &c, &diag);
	if (r < 0) {
		log_err(r, "the proxy: %s", diag.message);
		front_close(f);
		return r;
	}
	*ret = f;
	return 0;
}
