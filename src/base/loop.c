/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll wrapper: see loop.h. A freed source may still be in the batch that epoll_wait returned, so
 * freeing only marks it; the memory goes when the batch is done.
 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define LOOP_BATCH 64

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL };

struct loop_source {
	struct loop *loop;
	struct loop_source *next, **link;
	enum source_kind kind;
	int fd;
	bool owned, dead;
	union {
		loop_fd_fn *on_fd;
		loop_timer_fn *on_timer;
		loop_signal_fn *on_signal;
	};
	void *ctx;
};

struct loop {
	int epoll;
	bool quit, dispatching;
	struct loop_source *sources, *graveyard;
};

int loop_new(struct loop **ret)
{
	CLEANUP(free) struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	*ret = take_ptr(l);
	return 0;
}

static void bury(struct loop *l)
{
	while (l->graveyard) {
		struct loop_source *s = l->graveyard;
		l->graveyard = s->next;
		free(s);
	}
}

struct loop_source *loop_source_free(struct loop_source *s)
{
	if (!s || s->dead)
		return NULL;
	epoll_ctl(s->loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->owned)
		fd_close(s->fd);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	s->dead = true;
	s->next = s->loop->graveyard;
	s->loop->graveyard = s;
	if (!s->loop->dispatching)
		bury(s->loop);
	return NULL;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	while (l->sources)
		loop_source_free(l->sources);
	bury(l);
	fd_close(l->epoll);
	free(l);
	return NULL;
}

static int add(struct loop *l, struct loop_source **ret, const struct loop_source *proto, uint32_t events)
{
	struct loop_source *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = *proto;
	s->loop = l;
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0) {
		int r = -errno;
		free(s);
		return r;
	}
	s->next = l->sources;
	s->link = &l->sources;
	if (s->next)
		s->next->link = &s->next;
	l->sources = s;
	if (ret)
		*ret = s;
	return 0;
}

int loop_add_fd(struct loop *l, struct loop_source **ret, int fd, uint32_t events, loop_fd_fn *fn, void *ctx)
{
	return add(l, ret, &(struct loop_source){.kind = SOURCE_FD, .fd = fd, .on_fd = fn, .ctx = ctx}, events);
}

int loop_mod_fd(struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	return epoll_ctl(s->loop->epoll, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

static struct timespec from_ms(uint64_t ms)
{
	return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

int loop_timer_set(struct loop_source *s, uint64_t first_ms, uint64_t period_ms)
{
	struct itimerspec spec = {.it_value = from_ms(first_ms), .it_interval = from_ms(period_ms)};

	if (!first_ms && period_ms)
		spec.it_value = (struct timespec){.tv_nsec = 1};
	return timerfd_settime(s->fd, 0, &spec, NULL) < 0 ? -errno : 0;
}

int loop_add_timer(struct loop *l, struct loop_source **ret, uint64_t first_ms, uint64_t period_ms,
	loop_timer_fn *fn, void *ctx)
{
	CLEANUP(fd_close) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct loop_source *s;

	if (fd < 0)
		return -errno;
	int r = add(l, &s, &(struct loop_source){.kind = SOURCE_TIMER, .fd = fd, .owned = true, .on_timer = fn, .ctx = ctx}, EPOLLIN);
	if (r < 0)
		return r;
	take_fd(fd);
	if (!first_ms && !period_ms) {
		struct itimerspec now = {.it_value = {.tv_nsec = 1}};
		timerfd_settime(s->fd, 0, &now, NULL);
	} else {
		loop_timer_set(s, first_ms, period_ms);
	}
	if (ret)
		*ret = s;
	return 0;
}

int loop_add_signal(struct loop *l, struct loop_source **ret, int signo, loop_signal_fn *fn, void *ctx)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	CLEANUP(fd_close) int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = add(l, ret, &(struct loop_source){.kind = SOURCE_SIGNAL, .fd = fd, .owned = true, .on_signal = fn, .ctx = ctx}, EPOLLIN);
	if (r == 0)
		take_fd(fd);
	return r;
}

static int dispatch(struct loop_source *s, uint32_t events)
{
	struct signalfd_siginfo info;
	uint64_t ticks;

	switch (s->kind) {
	case SOURCE_FD:
		return s->on_fd(s->ctx, s->fd, events);
	case SOURCE_TIMER:
		if (read(s->fd, &ticks, sizeof(ticks)) != sizeof(ticks))
			return 0;
		return s->on_timer(s->ctx);
	case SOURCE_SIGNAL:
		if (read(s->fd, &info, sizeof(info)) != sizeof(info))
			return 0;
		return s->on_signal(s->ctx, (int)info.ssi_signo);
	}
	return 0;
}

int loop_run_once(struct loop *l, int timeout_ms)
{
	struct epoll_event events[LOOP_BATCH];
	int n = epoll_wait(l->epoll, events, LOOP_BATCH, timeout_ms);
	int r = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->dispatching = true;
	for (int i = 0; i < n && r >= 0; i++) {
		struct loop_source *s = events[i].data.ptr;
		if (!s->dead)
			r = dispatch(s, events[i].events);
	}
	l->dispatching = false;
	bury(l);
	return r < 0 ? r : 0;
}

int loop_run(struct loop *l)
{
	int r = 0;

	while (!l->quit && r == 0)
		r = loop_run_once(l, -1);
	l->quit = false;
	return r;
}

void loop_quit(struct loop *l)
{
	l->quit = true;
}
