/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to the Console's questions. Reading the flight recorder can take long, so it is done in
 * bounded steps between which the loop does its real work; a step waits while the connection is
 * full. A bounded number of questions at a time; one more is answered -EBUSY.
 */
#pragma once

#include "ipc/ipc.h"

struct defender;
struct query_list;

int query_open(struct defender *d);
void query_close(struct defender *d);
int query_events(struct defender *d, uint64_t seq, const struct ipc_query *q);
int query_processes(struct defender *d, uint64_t seq, const struct ipc_query *q);
void query_drop_all(struct defender *d); /* the connection is gone */
