/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy on the test's own loop and thread, TLS clients of it over loopback, and engines that are
 * the other ends of socket pairs. Whoever waits turns the loop meanwhile, with a deadline.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ssl.h>
#include <string.h>

#include "base/buf.h"
#include "certs.h"
#include "proxy/proxy.h"

#define ENGINES 8
#define SECONDS 10

struct stage {
	struct loop *loop;
	struct proxy *proxy;
	int listener;
	uint16_t port;
	struct identity ca, server, alice, stranger_ca;
	/* what the judge says: the first time, and when it has seen the body */
	struct proxy_verdict verdict, second;
	char verdict_text[200];
	int judged;
	char user[200], address[64], method[20], target[200], groups[400];
	struct buf body; /* of the last judgement with one */
	bool oversize;
	uint64_t id;
	bool decide_inside; /* while it is asked: allow */
	int max_version;    /* of TLS, of clients; 0 = any */
	/* engines */
	int open_error; /* instead of a connection */
	bool hold;	/* the test answers by itself */
	int engines[ENGINES];
	int engine_count;
	char refused[400];
	int refused_count;
};

struct client {
	struct stage *s;
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	struct buf heard;
	bool eof;    /* properly ended */
	bool broken; /* ended otherwise */
};

void stage_up(struct stage *s, const struct proxy_limits *limits);
void stage_down(struct stage *s);
void stage_turn(struct stage *s);

/* A client with this certificate (NULL: none), through the handshake; false: it was not let in. */
bool client_up(struct client *c, struct stage *s, const struct identity *id);
void client_dial(struct client *c, struct stage *s, const struct identity *id); /* no handshake yet */
bool client_handshake(struct client *c);
void client_down(struct client *c); /* with a goodbye */
void client_kill(struct client *c); /* without */
void client_say(struct client *c, const void *data, size_t n);
ssize_t client_try(struct client *c, const void *data, size_t n); /* what goes at once, or 0 */
/* Waits for text (n = 0: strlen) to be heard and drops all up to its end; fails when it does not come. */
void client_expect(struct client *c, const char *text);
void client_expect_end(struct client *c);
void client_poll(struct client *c); /* hears what there is */

/* The same for an engine's end. */
void engine_say(struct stage *s, int engine, const char *text);
void engine_expect(struct stage *s, int engine, const char *text);
void engine_expect_end(struct stage *s, int engine);
void stage_wait_engine(struct stage *s, int count); /* until that many connections were opened */

#define SAY(c, text) client_say(c, text, sizeof(text) - 1)
