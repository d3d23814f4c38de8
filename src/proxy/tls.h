/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS side of the proxy: TLS 1.2 and later, a client certificate of our authority or nothing, and
 * who it says the client is. Non-blocking over a socket that stays the caller's. Nothing is read from
 * files. Writes need SIGPIPE to be ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "model/record.h"

#define TLS_NAME_MAX 128  /* bytes of a user or group */
#define TLS_GROUPS_MAX 64

struct tls_server;
struct tls;

/* pem: the server's certificate (and what lies between it and its authority), its private key, then
 * the authorities of clients: at least one, and lists of what they revoked, of any age: each has to be signed by
 * one of them. -EINVAL with a sentence, -ENOMEM. */
int tls_server_new(struct tls_server **ret, const void *pem, size_t size, struct diag *reterr);
struct tls_server *tls_server_free(struct tls_server *s);
CLEANUP_DEFINE(struct tls_server, tls_server_free)

/* fd: connected and non-blocking. */
int tls_new(struct tls **ret, struct tls_server *s, int fd);
struct tls *tls_free(struct tls *t); /* says nothing to the other side */
CLEANUP_DEFINE(struct tls, tls_free)

/* All four: -EAGAIN when the socket must be waited for, see tls_wants_write(). */
/* 0: done, and the client's certificate is good. -EACCES: it is not; reterr says why. Else -EPROTO. */
int tls_handshake(struct tls *t, struct diag *reterr);
/* Bytes read; 0 = the client sends no more, by a word of TLS or by the end of the socket. */
ssize_t tls_read(struct tls *t, void *p, size_t n);
ssize_t tls_write(struct tls *t, const void *p, size_t n);
/* Whether a client that was let in would be by `s` as well: its certificate is of an authority of it, and neither it
 * nor one above it is revoked. -EACCES: no, reterr says why; -ENOMEM. */
int tls_check(struct tls *t, struct tls_server *s, struct diag *reterr);
/* Tells the client that nothing more comes; reading goes on. */
int tls_shutdown(struct tls *t);
/* Whether the last -EAGAIN waits for room to write. */
bool tls_wants_write(const struct tls *t);

/* User (the one CN) and groups (every O) of the client's certificate, UTF-8. -EINVAL with a sentence
 * when a name is missing, doubled, too long, or has control characters or a NUL in it. */
int tls_identity(struct tls *t, char **ret_user, struct str_list *ret_groups, struct diag *reterr);
