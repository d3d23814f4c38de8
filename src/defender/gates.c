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
#include "defender/life.h"
#include "defender/recorder.h"

#define BACKLOG 512
#define POLICY_BYTES_MAX (IPC_BODY_MAX - 4096)
#define TLS_BYTES_MAX (256u << 10)
#define HANG_NS (3 * NSEC_PER_SEC)   /* without an answer: killed */
#define ABSENT_NS (2 * NSEC_PER_SEC) /* beyond: nobody shall wait for it */

/* Those over TLS, and what below state/pki they show and ask for, in the order in which the Gate wants it. */
#define DOORS 2
#define DOOR_FILES 3

static const struct door {
	enum ipc_listener_kind kind;
	const char *name, *maker;
	struct {
		const char *name;
		bool optional;
	} files[DOOR_FILES];
} doors[DOORS] = {
	/* Who was never revoked has no list. */
	{IPC_LISTENER_PROXY, "proxy", "seawall user cert", {{"proxy.pem"}, {"ca.pem"}, {"crl.pem", true}}},
	{IPC_LISTENER_WEBHOOK, "webhook", "seawall install webhook", {{"webhook.pem"}}},
};

struct gates {
	int sockets[IPC_LISTENER_COUNT_]; /* -1 = closed */
	uint64_t answered;		  /* monotonic: the last pong, or when the Gate came */
	uint64_t lost;			  /* monotonic: since when there is none; 0 = there is one */
	uint64_t pings;
	bool told; /* that it hangs */
	uint64_t seen[DOORS];		  /* of each door's files, as they were given */
};

static const struct {
	enum ipc_listener_kind kind;
	const char *name; /* below state/gate */
	int (*listen)(const char *path, mode_t mode, int backlog);
} sockets[] = {
	{IPC_LISTENER_SHIM, "shim.sock", unix_listen_packets},
	{IPC_LISTENER_AUTHZ, "authz.sock", unix_listen},
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

static const char *door_path(const struct defender *d, const char *file, char *out, size_t size)
{
	snprintf(out, size, "%s/pki/%s", d->config.state, file);
	return out;
}

/* A sum of what changes when one of a door's files does. */
static uint64_t door_look(const struct defender *d, const struct door *door)
{
	char path[512];
	uint64_t sum = 1;

	for (size_t i = 0; i < DOOR_FILES && door->files[i].name; i++) {
		struct stat st = {0};

		if (stat(door_path(d, door->files[i].name, path, sizeof(path)), &st) < 0)
			st = (struct stat){0};
		const uint64_t parts[] = {(uint64_t)st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
			(uint64_t)st.st_mtim.tv_nsec};
		for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
			sum = (sum ^ parts[k]) * 0x100000001b3ull;
	}
	return sum;
}

/* What the door shows and asks for, as it was made: bytes to us. */
static int door_read(const struct defender *d, const struct door *door, struct buf *out)
{
	char path[512];
	int r = 0;

	for (size_t i = 0; i < DOOR_FILES && door->files[i].name && r == 0; i++) {
		r = file_read(door_path(d, door->files[i].name, path, sizeof(path)), out);
		if (r == -ENOENT && door->files[i].optional)
			r = 0;
		else if (r < 0)
			log_warn(r, "cannot read '%s' (%s makes it)", path, door->maker);
	}
	return r;
}

static void give_listener(struct defender *d, enum ipc_listener_kind kind, const char *address, const struct buf *tls)
{
	int fd = d->gates->sockets[kind];
	struct ipc_listener body = {.kind = kind, .address = (char *)(uintptr_t)address};

	if (fd < 0)
		return;
	if (tls)
		body.tls = (struct blob){tls->data, (uint32_t)tls->len};
	int r = ipc_send_fd(d->gate, IPC_LISTENER, 0, &body, fd);
	if (r < 0)
		log_warn(r, "the Gate does not listen at '%s'", address);
}

/* Their certificates may be made after our start, are renewed before they end, and are revoked. */
static void give_doors(struct defender *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
		CLEANUP(buf_done) struct buf tls = BUF_INIT(TLS_BYTES_MAX);
		const char *address = door_address(d, doors[i].kind);
		uint64_t seen = address ? door_look(d, &doors[i]) : 0; /* before: a change meanwhile is seen again */

		if (!address || seen == d->gates->seen[i])
			continue;
		d->gates->seen[i] = seen;
		if (door_read(d, &doors[i], &tls) == 0)
			give_listener(d, doors[i].kind, address, &tls);
	}
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
		give_listener(d, sockets[i].kind, socket_path(d, sockets[i].name, path, sizeof(path)), NULL);
	memset(d->gates->seen, 0, sizeof(d->gates->seen));
	give_doors(d);
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
	ipc_send(d->gate, IPC_PING, 0, &(struct ipc_seq){++d->gates->pings});
	give_doors(d);
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
	const struct ipc_admission *a = body;
	const struct container *c = &a->container;
	struct ipc_result result = {0};

	const struct blocked *b = c->id ? block_of(d, c) : NULL;
	if (b) {
		result.error = -EPERM;
		result.message = b->reason;
	} else {
		if (d->sensor) /* what the kernel saw before comes first */
			sensor_security_drain(d->sensor, BACKLOG);
		result.error = life_admitted(d, a);
	}
	int r = ipc_send(d->gate, IPC_ADMITTED, seq, &result);
	if (r == 0)
		ipc_flush(d->gate);
	defender_settle(d);
	return r;
}
