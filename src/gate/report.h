/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audits of the gates on their way to the Defender. Each is kept until the Defender has it on its
 * spool, and sent again after a new connection; it is in the kernel's hands before the command that
 * it is about is answered, so that our own end takes nothing with it. Bounded: when the Defender is
 * away for long the oldest make room, are counted, and the loss itself is reported. When it is there
 * and slower than the commands, whoever asks for them can wait (report_busy) instead of that.
 */
#pragma once

#include "base/cleanup.h"
#include "ipc/ipc.h"

#define REPORT_KEPT_MAX 4096u
#define REPORT_BYTES_MAX (8u << 20)
#define REPORT_BUSY 1024u /* kept and not acknowledged, beyond which commands had better come slower */

struct report;

int report_new(struct report **ret);
struct report *report_free(struct report *r);
CLEANUP_DEFINE(struct report, report_free)

/* Gives the audit an id and a time when it has none, and sends it if peer is there. Borrowed. */
void report_audit(struct report *r, struct ipc_peer *peer, struct audit *a);
/* A new connection: all that is kept, from the oldest on. */
void report_again(struct report *r, struct ipc_peer *peer);
/* The Defender has all up to seq: there is room for what is kept and not sent yet. */
void report_ack(struct report *r, struct ipc_peer *peer, uint64_t seq);
/* More are on their way than is good; an acknowledgement or the end of the connection changes that. */
bool report_busy(const struct report *r);
uint32_t report_waiting(const struct report *r);
uint64_t report_lost(const struct report *r);
