/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one epoll: descriptors, timers, signals. Level triggered: a source that is still
 * ready is called again, so a callback may do a bounded part of the work and return. A source may
 * free itself or any other source from inside a callback; freed sources are never called.
 * Callbacks return 0, or a negative errno that ends loop_run() with it.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

#include "base/cleanup.h"

struct loop;
struct loop_source;

typedef int loop_fd_fn(void *ctx, int fd, uint32_t events);
typedef int loop_timer_fn(void *ctx);
typedef int loop_signal_fn(void *ctx, int signo);

int loop_new(struct loop **ret);
struct loop *loop_free(struct loop *l); /* sources left are freed with it */
CLEANUP_DEFINE(struct loop, loop_free)

/* The fd stays the caller's. events: EPOLLIN | EPOLLOUT | ... ret may be NULL (lives as the loop). */
int loop_add_fd(struct loop *l, struct loop_source **ret, int fd, uint32_t events, loop_fd_fn *fn, void *ctx);
int loop_mod_fd(struct loop_source *s, uint32_t events);
/* first_ms from now (0 = at once), then every period_ms (0 = once; rearm with loop_timer_set). */
int loop_add_timer(struct loop *l, struct loop_source **ret, uint64_t first_ms, uint64_t period_ms, loop_timer_fn *fn, void *ctx);
int loop_timer_set(struct loop_source *s, uint64_t first_ms, uint64_t period_ms); /* both 0: disarm */
/* Blocks the signal and delivers it through a signalfd. */
int loop_add_signal(struct loop *l, struct loop_source **ret, int signo, loop_signal_fn *fn, void *ctx);
struct loop_source *loop_source_free(struct loop_source *s);
CLEANUP_DEFINE(struct loop_source, loop_source_free)

int loop_run(struct loop *l);  /* until loop_quit() (0) or a callback's failure */
int loop_run_once(struct loop *l, int timeout_ms); /* one wait and its callbacks */
void loop_quit(struct loop *l);
