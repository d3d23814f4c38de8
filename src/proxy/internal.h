/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a client, and the parts of its life:
 *
 *   HANDSHAKE -> HEAD -> [BODY] -> [JUDGING] -> [OPENING] -> EXCHANGE -> HEAD, HIJACK or CLOSING
 *   HIJACK -> CLOSING -> LINGER -> gone
 *
 * connection.c moves bytes between the sockets and four bounded buffers and runs the part that the
 * connection is in; request.c reads and has judged; exchange.c is what happens between judgement and
 * the end of an answer; answer.c is what we say ourselves; proxy.c is the listener, the clock and
 * the calls from outside.
 */
#pragma once

#include <sys/queue.h>

#include "proxy/http_body.h"
#include "proxy/proxy.h"

#define BUFFER_MAX 65536u /* of a stream, one direction; a whole head always fits */
#define BUFFER_ROOM (BUFFER_MAX + HTTP_HEAD_MAX + 4096u) /* with what one step may add beyond */
#define READ_PIECE 16384u /* one TLS record */
#define LINGER_MS 2000

enum conn_state { CONN_HANDSHAKE, CONN_HEAD, CONN_BODY, CONN_JUDGING, CONN_OPENING, CONN_EXCHANGE, CONN_HIJACK, CONN_CLOSING, CONN_LINGER };

struct conn {
	TAILQ_ENTRY(conn) link, again;
	struct proxy *p;
	uint64_t id; /* of the request */
	enum conn_state state;
	bool queued;	   /* in p->again */
	uint64_t deadline; /* monotonic ns; 0 = none */

	/* the client */
	int fd;
	struct loop_source *source;
	uint32_t events;
	struct tls *tls;
	struct buf in, out;
	bool client_eof;  /* nothing more comes from it */
	bool client_fin;  /* its half of the TCP connection is closed */
	bool client_told; /* that nothing more comes from us */
	bool wants_write; /* TLS, to go on reading */
	char address[48];
	uint64_t origin; /* of the address: see conn_origin() */
	bool stranger;
	char *user;
	struct str_list groups;

	/* the request */
	struct http_head head;
	size_t scanned;
	struct http_body request;
	struct buf body; /* whole, when it is judged */
	uint32_t body_counted; /* what it has in p->counters.body_bytes */
	enum http_framing request_framing; /* towards the engine */
	bool head_begun, have_body, told_continue, request_done;
	bool hijack; /* the engine may take the connection over */
	bool decided; /* the judge's late answer is below */
	struct proxy_verdict decision;
	char *decision_text; /* its message */

	/* the engine */
	int up_fd;
	struct loop_source *up_source;
	uint32_t up_events;
	struct buf up, down;
	bool asked;    /* open_upstream was called and not answered */
	bool up_hup;   /* the other end is closed: what is left to read is there already */
	bool up_eof, up_broken, up_shut;

	/* the answer */
	struct http_head reply;
	size_t reply_scanned;
	struct http_body answer;
	enum http_framing answer_framing;  /* towards the client */
	bool reply_seen;
	unsigned interim; /* 1xx answers so far */
};

TAILQ_HEAD(conn_list, conn);

/* How many failed handshakes the addresses that fall here still have. */
struct bucket {
	uint64_t at;  /* monotonic ns: when it was filled up to `left` */
	double left;
};

#define BUCKETS 1024

struct proxy {
	struct proxy_config config;
	struct tls_server *tls;
	struct loop_source *listener, *tick, *wake;
	int wake_fd;
	bool listener_off;
	struct conn_list conns, again;
	uint64_t next_id;
	uint64_t seed; /* nobody outside knows whose bucket he shares */
	struct bucket buckets[BUCKETS];
	struct proxy_counters counters;
};

/* proxy.c */
void proxy_again(struct conn *c); /* conn_pump() when the loop turns */
void proxy_gone(struct conn *c);  /* takes it out of the lists */
void conn_deadline(struct conn *c, uint32_t ms); /* 0 = none */
void conn_refused(struct conn *c, const char *why);
bool proxy_has_room(struct proxy *p); /* for one more, perhaps from now on */
bool origin_may(struct proxy *p, uint64_t origin); /* one more handshake; origin_refund() when it was good */
void origin_refund(struct proxy *p, uint64_t origin);

/* connection.c */
int conn_new(struct proxy *p, int fd); /* owns fd in any case */
void conn_known(struct conn *c);       /* it has shown who it is */
struct conn *conn_free(struct conn *c);
void conn_pump(struct conn *c); /* may free c */
void conn_drop_upstream(struct conn *c);
int conn_take_upstream(struct conn *c, int fd);
void conn_next_request(struct conn *c);
void conn_close_soon(struct conn *c); /* CLOSING: what is in c->out goes first */

/*
 * request.c and exchange.c, one function for each part of the life: > 0 something was done, 0 there
 * is nothing to do yet, or an error that ends the connection at once.
 */
int conn_head(struct conn *c);
int conn_body(struct conn *c);
int conn_judged(struct conn *c);
int conn_opened(struct conn *c);
int conn_exchange(struct conn *c);
int conn_hijacked(struct conn *c);

/*
 * answer.c: puts a whole answer of ours into c->out. Afterwards the connection is ready for its next
 * request when that is known to begin where we are, else CLOSING.
 */
void answer_error(struct conn *c, unsigned status, const char *message);
void answer_malformed(struct conn *c, const char *why);	  /* 400 */
void answer_bad_gateway(struct conn *c, const char *why); /* 502 */
void answer_continue(struct conn *c);			  /* 100, once, where it is awaited */
