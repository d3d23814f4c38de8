/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS proxy in front of a container engine, on a loop: it asks every client for a certificate, reads
 * each request so strictly that nobody can read it another way, has it judged, and passes on what was
 * judged, written anew. Bodies are streamed through bounded buffers in both directions, except those
 * that the judge wants to see whole; a stream that an engine takes over (attach, exec, build sessions)
 * keeps its half-closed states.
 *
 * It makes no sockets and opens no files: the listening socket and each connection to the engine are
 * handed in. SIGPIPE must be ignored. Calls it needs beyond a loop's: accept4, getpeername, setsockopt,
 * shutdown, recvfrom, eventfd2, getrandom.
 */
#pragma once

#include "base/loop.h"
#include "proxy/http_head.h"
#include "proxy/tls.h"

struct proxy;

/* A request as it is judged; all borrowed for the call. */
struct proxy_request {
	uint64_t id; /* of this request: never the same twice */
	const char *user;
	const struct str_list *groups;
	const char *address; /* "192.0.2.7", "2001:db8::1" */
	const struct http_head *head; /* method, target as it was asked for, fields, framing */
	/* Whether `body` is all of the body. Without one there is nothing to wait for: it is complete. */
	bool complete;
	bool oversize; /* the body was asked for and is larger than the limit: it is denied whatever you say */
	const char *body; /* terminated, may hold NULs; "" until complete */
	size_t body_size;
};

enum proxy_answer {
	PROXY_DENY,	 /* refuse with status and message */
	PROXY_ALLOW,
	PROXY_NEED_BODY, /* judge me again when the body is complete; a deny when it is */
	PROXY_LATER, /* proxy_decide() will be called, perhaps before this returns */
};

struct proxy_verdict {
	enum proxy_answer answer;
	unsigned status;     /* of DENY; 0 = 403 */
	const char *message; /* of DENY: copied; NULL = a text of our own */
	bool hijack; /* of ALLOW: the engine may take this connection over as a raw stream */
};

/* Fills *ret, which is a DENY at first. The judge must not free the proxy. */
typedef void proxy_judge_fn(void *ctx, const struct proxy_request *q, struct proxy_verdict *ret);
/* Wants a connection to the engine for this request. The answer is proxy_upstream(), perhaps from inside the call. */
typedef void proxy_open_fn(void *ctx, uint64_t id);
/* Something came that was no request: a bad certificate, a malformed head. user is NULL before there
 * is one. For records and logs; nullable. */
typedef void proxy_refused_fn(void *ctx, const char *user, const char *address, const char *why);

struct proxy_limits { /* 0 = the default */
	uint32_t connections;  /* 256 */
	uint32_t strangers;    /* connections among them that have not shown a good certificate: 64 */
	uint32_t handshakes;   /* that fail, a second, from one address (IPv6: its /64): 50, and twice that at once */
	uint32_t body;	       /* bytes of a body that is judged whole: 1 MiB */
	uint32_t bodies;       /* bytes of all such bodies at one time: 64 MiB */
	uint32_t handshake_ms; /* 10,000 */
	uint32_t idle_ms;      /* before a request: 60,000 */
	uint32_t head_ms;      /* from the first byte of a head to its last: 10,000 */
	uint32_t body_ms;      /* of a judged body, from piece to piece: 30,000 */
	uint32_t judge_ms;     /* for the answer after PROXY_LATER, then 503: 30,000 */
	uint32_t open_ms;      /* for the connection to the engine, then 502: 10,000 */
};

struct proxy_config {
	struct loop *loop;
	int listen_fd;	 /* listening, non-blocking; stays the caller's, must outlive the proxy */
	const void *pem; /* see tls_server_new(): certificate, key, authorities of clients */
	size_t pem_size;
	struct proxy_limits limits;
	proxy_judge_fn *judge;
	proxy_open_fn *open_upstream;
	proxy_refused_fn *refused;
	void *ctx;
};

struct proxy_counters {
	uint64_t accepted;	/* connections */
	uint64_t turned_away;	/* connections above a limit of number */
	uint64_t throttled;	/* connections of an address whose handshakes fail all the time */
	uint64_t bad_handshakes; /* no TLS, no certificate, not a good one */
	uint64_t requests, allowed, denied;
	uint64_t malformed;	/* answered with 400 */
	uint64_t oversize;	/* bodies above the limit */
	uint64_t hijacked;
	uint64_t engine_failed; /* answered with 502, or broken off */
	uint64_t timeouts;
	uint64_t bytes_up, bytes_down; /* to the engine, to clients; before TLS */
	uint32_t connections; /* now */
	uint32_t strangers;   /* of them, now: no good certificate yet */
	uint32_t body_bytes;  /* of bodies that are being judged, now */
};

/* -EINVAL with a sentence when the certificates are not good. */
int proxy_new(struct proxy **ret, const struct proxy_config *config, struct diag *reterr);
struct proxy *proxy_free(struct proxy *p); /* ends every connection; not from inside a callback */
CLEANUP_DEFINE(struct proxy, proxy_free)

/*
 * Takes other certificates, authorities and lists of revoked ones (tls_server_new()). Who would not be let in by them
 * is out at once, streams and all. On failure nothing changes. Not from inside a callback.
 */
int proxy_reload(struct proxy *p, const void *pem, size_t size, struct diag *reterr);
/* Answers one proxy_open_fn call: a connected stream socket (owned from now on, also when the
 * connection is gone meanwhile) or a negative errno. */
void proxy_upstream(struct proxy *p, uint64_t id, int fd);
/* Answers a PROXY_LATER; all but ALLOW is a DENY. -ENOENT: nobody waits for it any more. */
int proxy_decide(struct proxy *p, uint64_t id, const struct proxy_verdict *verdict);
const struct proxy_counters *proxy_counters(const struct proxy *p);
