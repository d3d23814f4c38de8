/* SPDX-License-Identifier: Apache-2.0 */
/* Policy, sockets, audits and admission for the Gate: see gates.h. */
#include "defender/gates.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/listen.h"
#include "base/log.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/fold.h"
#include "defender/recorder.h"

#define BACKLOG 512
#define POLICY_BYTES_MAX (IPC_BODY_MAX - 4096)
#define TLS_BYTES_MAX (256u << 10)
#define WEBHOOK_CERT "webhook.pem"
#define CERT_TICKS 5 /* between two looks whether there is a new one */
#define HANG_NS (3 * NSEC_PER_SEC)   /* without an answer: killed */
#define ABSENT_NS (2 * NSEC_PER_SEC) /* beyond: nobody shall wait for it */

struct gates {
	int sockets[IPC_LISTENER_COUNT_]; /* -1 = closed */
	uint64_t answered;		  /* monotonic: the last pong, or when the Gate came */
	uint64_t lost;			  /* monotonic: since when there is none; 0 = there is one */
	uint64_t pings;
	time_t certified;		  /* of the webhook's certificate that the Gate has: when it was written */
	bool told; /* that it hangs */
};

static const struct {
	enum ipc_listener_kind kind;
	const char *name; /* below state/gate */
	int (*listen)(const char *path, mode_t mode, int backlog);
} sockets[] = {
	{IPC_LISTENER_SHIM, "shim.sock", unix_listen_packets},
	{IPC_LISTENER_AUTHZ, "authz.sock", unix_listen},
};

/* Those over TLS, and what below state/pki they show and ask for. */
static const struct {
	enum ipc_listener_kind kind;
	const char *name, *files[2], *maker;
} doors[] = {
	{IPC_LISTENER_PROXY, "proxy", {"proxy.pem", "ca.pem"}, "seawall user cert"},
	{IPC_LISTENER_WEBHOOK, "webhook", {WEBHOOK_CERT}, "seawall install webhook"},
};

static const char *door_address(const struct defender *d, enum ipc_listener_kind kind)
{
	return kind == IPC_LISTENER_PROXY ? d->config.proxy : kind == IPC_LISTENER_WEBHOOK ? d->config.webhook : NULL;
}

static const char *socket_path(const struct defender *d, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/gate/%s", d->config.state, name);
	return out;
}

/* Root's alone (0600): shim and dockerd are root. */
static void listen_all(struct defender *d)
{
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		int *fd = &d->gates->sockets[sockets[i].kind];
		if (*fd >= 0)
			continue;
		*fd = sockets[i].listen(socket_path(d, sockets[i].name, path, sizeof(path)), 0600, BACKLOG);
		if (*fd < 0)
			log_warn(*fd, "cannot listen at '%s': its gate stays open or shut by its own rule", path);
	}
}

static void unlisten_all(struct defender *d)
{
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		int *fd = &d->gates->sockets[sockets[i].kind];
		if (*fd < 0)
			continue;
		*fd = fd_close(*fd);
		unlink(socket_path(d, sockets[i].name, path, sizeof(path)));
	}
}

int gates_open(struct defender *d)
{
	struct diag diag = {0};

	d->gates = calloc(1, sizeof(*d->gates));
	if (!d->gates)
		return -ENOMEM;
	for (int i = 0; i < IPC_LISTENER_COUNT_; i++)
		d->gates->sockets[i] = -1;
	d->gates->lost = time_monotonic();
	for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
		const char *address = door_address(d, doors[i].kind);
		int fd = address ? tcp_listen(address, &diag) : -1;
		if (address && fd < 0)
			return log_err(fd, "the %s cannot be opened: %s", doors[i].name, diag.message);
		d->gates->sockets[doors[i].kind] = fd;
	}
	listen_all(d);
	return 0;
}

void gates_close(struct defender *d)
{
	if (!d->gates)
		return;
	unlisten_all(d);
	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		fd_close(d->gates->sockets[doors[i].kind]);
	free(d->gates);
	d->gates = NULL;
}

/* ---- what the Gate is given ---- */

void gates_policy(struct defender *d)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POLICY_BYTES_MAX);
	struct ipc_blob body = {0};

	if (!d->gate)
		return;
	if (d->policy) {
		policy_encode(d->policy, &b);
		body = (struct ipc_blob){.revision = d->policy->revision, .data = {b.data, (uint32_t)b.len}};
	}
	int r = b.failed ? b.failed : ipc_send(d->gate, IPC_POLICY, 0, &body);
	if (r < 0)
		log_warn(r, "the Gate does not have the policy in force");
}

/* Certificate, key and what else the door needs, as they were made: bytes to us. */
static int read_tls(const struct defender *d, enum ipc_listener_kind kind, struct buf *out)
{
	char path[512];
	int r = 0;

	for (size_t k = 0; k < ARRAY_SIZE(doors); k++)
		for (size_t i = 0; doors[k].kind == kind && i < ARRAY_SIZE(doors[k].files) && doors[k].files[i] && r == 0; i++) {
			snprintf(path, sizeof(path), "%s/pki/%s", d->config.state, doors[k].files[i]);
			r = file_read(path, out);
			if (r < 0)
				log_warn(r, "cannot read '%s' (%s makes it)", path, doors[k].maker);
		}
	return r;
}

static void give_listener(struct defender *d, enum ipc_listener_kind kind, const char *address)
{
	CLEANUP(buf_done) struct buf tls = BUF_INIT(TLS_BYTES_MAX);
	int fd = d->gates->sockets[kind];
	struct ipc_listener body = {.kind = kind, .address = (char *)(uintptr_t)address};

	if (fd < 0 || (door_address(d, kind) && read_tls(d, kind, &tls) < 0))
		return;
	body.tls = (struct blob){tls.data, (uint32_t)tls.len};
	int r = ipc_send_fd(d->gate, IPC_LISTENER, 0, &body, fd);
	if (r < 0)
		log_warn(r, "the Gate does not listen at '%s'", address);
}

/* Its certificate may be made after our start, and is made anew before it ends. */
static void renew_webhook(struct defender *d)
{
	char path[512];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/pki/" WEBHOOK_CERT, d->config.state);
	if (!d->config.webhook || (stat(path, &st) < 0 && d->gates->certified == -1) || st.st_mtime == d->gates->certified)
		return;
	d->gates->certified = st.st_mtime ? st.st_mtime : -1; /* -1: told that there is none */
	give_listener(d, IPC_LISTENER_WEBHOOK, d->config.webhook);
}

void gates_ready(struct defender *d)
{
	char path[512];

	d->gates->answered = time_monotonic();
	d->gates->lost = 0;
	d->gates->told = false;
	listen_all(d);
	gates_policy(d); /* first: nothing is judged without it */
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		give_listener(d, sockets[i].kind, socket_path(d, sockets[i].name, path, sizeof(path)));
	if (d->config.proxy)
		give_listener(d, IPC_LISTENER_PROXY, d->config.proxy);
	d->gates->certified = 0;
	renew_webhook(d);
}

void gates_lost(struct defender *d)
{
	d->gates->lost = time_monotonic();
}

/* ---- is it alive ---- */

static void kill_hanging(struct defender *d)
{
	pid_t pid = ipc_peer_pid(d->gate);

	if (!d->gates->told)
		log_warn(-ETIME, "the Gate (pid %d) does not answer: it is killed, to be started again", (int)pid);
	d->gates->told = true;
	if (pid > 1 && d->enforcer)
		enforce_kill_process(d->enforcer, pid, 0);
}

void gates_tick(struct defender *d)
{
	uint64_t now = time_monotonic();

	if (!d->gate) {
		if (d->gates->lost && now - d->gates->lost > ABSENT_NS)
			unlisten_all(d);
		return;
	}
	if (now - d->gates->answered > HANG_NS)
		kill_hanging(d);
	if (d->gates->pings % CERT_TICKS == 0)
		renew_webhook(d);
	ipc_send(d->gate, IPC_PING, 0, &(struct ipc_seq){++d->gates->pings});
}

int gates_on_pong(struct defender *d, uint64_t seq, void *body)
{
	(void)seq;
	(void)body;
	d->gates->answered = time_monotonic();
	return 0;
}

/* ---- audits ---- */

/* The story of a container includes why it was not allowed to start. */
static void record_audit(struct defender *d, const struct audit *a)
{
	struct event e = {.time = a->time, .type = EVENT_AUDIT, .container = a->container.id,
		.container_name = a->container.name, .image = a->container.image, .audit = a->id, .message = a->message,
		.effect = a->effect, .done = a->done, .count = 1, .first = a->time, .last = a->time};

	if (a->container.id)
		recorder_put(d->recorder, &e);
}

static bool gate_may_say(enum audit_kind kind)
{
	switch ((int)kind) {
	case AUDIT_ACCESS:
	case AUDIT_TRUST:
	case AUDIT_VULNERABILITY:
	case AUDIT_COMPLIANCE:
	case AUDIT_ADMISSION:
	case AUDIT_SYSTEM:
		return true;
	}
	return false;
}

int gates_on_audit(struct defender *d, uint64_t seq, void *body)
{
	struct audit *a = body;
	const char *parts[] = {enum_name(&audit_kind_names, a->kind), a->rule, a->message, a->container.id,
		a->container.image, a->command.user, a->command.address, a->command.action, a->command.target,
		a->command.path, a->command.verdict};
	uint64_t now = time_monotonic();

	if (!a->id || !gate_may_say(a->kind))
		return -EPROTO;
	uint64_t key = fold_key(d->fold, parts, ARRAY_SIZE(parts));
	int r = str_set(&a->host, d->config.host);
	if (r < 0)
		return r;
	a->count = a->count ? a->count : 1;
	if (fold_is_new(d->fold, key, now))
		record_audit(d, a);
	fold_add(d->fold, key, a, now);
	return ipc_send(d->gate, IPC_GATE_AUDIT_ACK, 0, &(struct ipc_seq){seq});
}

/* ---- admission ---- */

/* Known from here on under its name, before its first process exists. */
int gates_on_admit(struct defender *d, uint64_t seq, void *body)
{
	const struct container *c = body;
	struct ipc_result result = {0};

	const struct blocked *b = c->id ? block_of(d, c) : NULL;
	if (b) {
		result.error = -EPERM;
		result.message = b->reason;
	} else {
		if (d->sensor) /* what the kernel saw before comes first */
			sensor_security_drain(d->sensor, BACKLOG);
		result.error = containers_upsert(d, c);
	}
	int r = ipc_send(d->gate, IPC_ADMITTED, seq, &result);
	if (r == 0)
		ipc_flush(d->gate);
	defender_settle(d);
	return r;
}
