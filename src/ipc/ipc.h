/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framed records over a unix stream socket, on a loop. A frame is u32 body length, u16 type,
 * u16 flags (1 = a descriptor is attached), u64 seq, body (record
 * binary form). Each side sends IPC_HELLO first.
 * Sending never blocks: frames queue up to a limit, beyond which ipc_send returns -ENOBUFS.
 */
#pragma once

#include <sys/types.h>

#include "base/loop.h"
#include "ipc/messages.h"

#define IPC_BODY_MAX (16u << 20)
#define IPC_QUEUE_MAX (32u << 20)

struct ipc_peer;

/* Called for each message; `body` is the decoded record and belongs to the caller of the handler;
 * fd is an attached descriptor or -1 (the handler owns it). A negative return closes the peer. */
typedef int ipc_message_fn(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd);
/* The connection ended (why: 0 = other side closed, or -errno). The peer is freed after the call. */
typedef void ipc_closed_fn(void *ctx, struct ipc_peer *peer, int why);

struct ipc_config {
	struct loop *loop;
	enum ipc_role role;    /* ours */
	unsigned accept_roles; /* whom we talk to (enum ipc_role, ored) */
	const char *program;   /* borrowed for good */
	uid_t peer_uid;        /* SO_PEERCRED uid that the other side must have; (uid_t)-1 = any */
	ipc_message_fn *on_message;
	ipc_closed_fn *on_closed; /* nullable */
	void *ctx;
};

/* Takes a connected socket (owned from now on, also on failure); sends HELLO. */
int ipc_peer_new(struct ipc_peer **ret, const struct ipc_config *config, int fd);
struct ipc_peer *ipc_peer_free(struct ipc_peer *p);
CLEANUP_DEFINE(struct ipc_peer, ipc_peer_free)

/* Queues one frame: body is a struct of ipc_message(type)->body. -ENOBUFS when the queue is full. */
int ipc_send(struct ipc_peer *p, enum ipc_type type, uint64_t seq, const void *body);
/* The same with a descriptor attached to the frame (duplicated; the caller keeps its own). */
int ipc_send_fd(struct ipc_peer *p, enum ipc_type type, uint64_t seq, const void *body, int fd);
size_t ipc_queued(const struct ipc_peer *p);
/* Hands what is queued to the kernel now, as far as it takes it: what it has survives our own end. */
void ipc_flush(struct ipc_peer *p);
/* The process that made the connection, by its socket; 0 when it is not known. */
pid_t ipc_peer_pid(const struct ipc_peer *p);
enum ipc_role ipc_peer_role(const struct ipc_peer *p); /* 0 before its HELLO */

/* Accepts connections on a listening socket (owned) and makes a peer of each. */
struct ipc_server;
typedef void ipc_accepted_fn(void *ctx, struct ipc_peer *peer); /* after HELLO */
int ipc_server_new(struct ipc_server **ret, const struct ipc_config *config, int listen_fd, ipc_accepted_fn *on_accept);
struct ipc_server *ipc_server_free(struct ipc_server *s);
CLEANUP_DEFINE(struct ipc_server, ipc_server_free)

/* Keeps one connection to `path`: connects, and again 50 ms to 1 s after each end. */
struct ipc_client;
int ipc_client_new(struct ipc_client **ret, const struct ipc_config *config, const char *path, ipc_accepted_fn *on_connect);
struct ipc_client *ipc_client_free(struct ipc_client *c);
CLEANUP_DEFINE(struct ipc_client, ipc_client_free)
struct ipc_peer *ipc_client_peer(struct ipc_client *c); /* NULL while away */
