/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compliance in the Defender: the checks of host and files that only root can make, how the engines'
 * daemons were started (for the Gate, which judges it), and the Gate's findings on their way to the
 * Console. Looks every ten minutes and when something changed; tells only what is news.
 */
#pragma once

#include "model/records.h"

struct defender;

int host_checks_open(struct defender *d);
void host_checks_close(struct defender *d);
/* A connection to an engine was opened for the Gate: who is at its other end? */
void host_checks_engine(struct defender *d, const char *socket, int fd);
void host_checks_gate(struct defender *d);    /* there is a new Gate */
void host_checks_console(struct defender *d); /* a Console came that knows nothing of us */
void host_checks_policy(struct defender *d);  /* another policy is in force */
void host_checks_tick(struct defender *d);    /* once a second */
/* IPC_FINDING of the Gate: checked and passed on. -EPROTO: it is none that a Gate may tell. */
int host_checks_finding(struct defender *d, const struct compliance_finding *f);

struct host_checks_counters {
	uint64_t looks, told, lost, refused;
};
struct host_checks_counters host_checks_counters(const struct defender *d);
