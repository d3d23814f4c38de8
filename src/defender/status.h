/* SPDX-License-Identifier: Apache-2.0 */
/* How the Defender is: told to the Console each second and on change; and what it missed. */
#pragma once

#include "model/records.h"

struct defender;

int status_open(struct defender *d);
void status_close(struct defender *d);
/* Once a second: measures, tells the Console, notes drops and writes the heartbeat. */
void status_tick(struct defender *d);
/* Now, because something changed. */
void status_send(struct defender *d);
/* What the Gate says of an engine. */
int status_runtime(struct defender *d, const struct runtime_status *r);
/* That engine's containers are all known. */
void status_synced(struct defender *d, const char *socket);
void status_gate_lost(struct defender *d);

/* gap.c: the time we were not there. Before anything is recorded: notes the gap since the last
 * heartbeat and returns its beginning (wall ns), 0 = never ran here. */
uint64_t gap_open(struct defender *d);
void gap_beat(struct defender *d);
/* Writes that this end was meant, and closes. */
void gap_close(struct defender *d, bool meant);
/* Something was not seen in [first, last]: journal and audit. */
void gap_note(struct defender *d, uint64_t first, uint64_t last, uint64_t count, const char *what);
