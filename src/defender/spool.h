/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audits on disk until the Console has committed them. Each is sent with its number, dropped when
 * acknowledged, and sent again after a new connection; the Console knows repeats by their id.
 */
#pragma once

#include "ipc/ipc.h"

struct spool;

int spool_open(struct spool **ret, const char *dir, uint64_t max_bytes);
struct spool *spool_close(struct spool *s);
CLEANUP_DEFINE(struct spool, spool_close)

/* -ENOSPC when the Console was away too long for its size; counted. */
int spool_put(struct spool *s, const struct audit *a);
/* Sends what was not sent yet, as far as the connection takes it now. peer NULL: nothing. */
void spool_pump(struct spool *s, struct ipc_peer *peer);
/* The same for the one that was just put, without reading it back. false: others are before it, or no room. */
bool spool_pass(struct spool *s, struct ipc_peer *peer, const struct audit *a);
void spool_restart(struct spool *s); /* a new connection: from the last acknowledged on */
int spool_ack(struct spool *s, uint64_t seq);
uint64_t spool_waiting(const struct spool *s);
uint64_t spool_lost(const struct spool *s);
