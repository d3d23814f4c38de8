/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of containers that no engine tells about: podman has no daemon, CRI-O none that we ask.
 * Their admission through the shim says who they are; the rest is seen. They run when something is
 * executed in their cgroup, have ended when that is gone or empty, and are removed when their bundle
 * is. Remembered on disk, so that our own end changes nothing. What an engine tells about is left to it.
 */
#pragma once

#include "defender/container_table.h"
#include "ipc/messages.h"

struct defender;
struct happening;

/* At the start: makes those that were remembered known by name. Before the cgroups are looked at. */
void life_open(struct defender *d);
/* After that: says which of them run, and which ended while nobody looked. */
void life_found(struct defender *d);
/* Keeps what was not written yet. */
void life_close(struct defender *d);

/* containers_upsert() for one that is about to be created. What its engine told already stands. */
int life_admitted(struct defender *d, const struct ipc_admission *a);
/* An engine tells about it: its word alone counts from now on. */
void life_told(struct defender *d, struct container_entry *e);
/* A record of its process; its cgroup has gone. wall: when, ns. */
void life_record(struct defender *d, const struct happening *h);
void life_cgroup_gone(struct defender *d, struct container_entry *e, uint64_t wall);
/* Each second. */
void life_tick(struct defender *d);
