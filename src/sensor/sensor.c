/* SPDX-License-Identifier: Apache-2.0 */
/* The set's life, its two rings and its counters: see sensor.h. */
#include "sensor/sensor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/banned.h"
#include "base/clock.h"
#include "sensor/record.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

#define RING_INTERVAL_NS (50 * NSEC_PER_MSEC)
#define CPUS_MAX 1024

static int record_take(struct sensor_set *s, struct sensor_ring *ring, void *data, size_t size)
{
	const struct wire_header *h = sensor_record_check(data, size);
	int r = 0;

	if (h)
		r = s->fn(s->ctx, h);
	else
		s->invalid++;
	ring->handled++;
	if (r < 0)
		return r;
	/* A negative answer ends the drain after this record: libbpf keeps its place. */
	return --ring->budget > 0 ? 0 : -ECANCELED;
}

static int security_record(void *ctx, void *data, size_t size)
{
	struct sensor_set *s = ctx;

	return record_take(s, &s->security, data, size);
}

static int bulk_record(void *ctx, void *data, size_t size)
{
	struct sensor_set *s = ctx;

	return record_take(s, &s->bulk, data, size);
}

/*
 * Records without a verdict do not wake the reader one by one (that would cost a switch for every
 * exec); a timer in the ring's own epoll set does, so that the caller sees one descriptor.
 */
static int ring_open(struct sensor_set *s, struct sensor_ring *ring, struct bpf_map *map, ring_buffer_sample_fn fn)
{
	const struct itimerspec every = {.it_interval.tv_nsec = RING_INTERVAL_NS, .it_value.tv_nsec = RING_INTERVAL_NS};
	struct epoll_event event = {.events = EPOLLIN};

	ring->ring = ring_buffer__new(bpf_map__fd(map), fn, s, NULL);
	if (!ring->ring)
		return -errno;
	ring->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ring->timer < 0 || timerfd_settime(ring->timer, 0, &every, NULL) < 0)
		return -errno;
	if (epoll_ctl(ring_buffer__epoll_fd(ring->ring), EPOLL_CTL_ADD, ring->timer, &event) < 0)
		return -errno;
	return 0;
}

static void ring_done(struct sensor_ring *ring)
{
	ring_buffer__free(take_ptr(ring->ring));
	ring->timer = fd_close(ring->timer);
}

static int ring_drain(struct sensor_ring *ring, int budget)
{
	uint64_t ticks;
	ssize_t n = read(ring->timer, &ticks, sizeof(ticks));
	int r;

	(void)n;
	ring->budget = budget;
	ring->handled = 0;
	r = ring_buffer__consume(ring->ring);
	return r < 0 && r != -ECANCELED ? r : ring->handled;
}

int sensor_set_new(struct sensor_set **ret, const struct sensor_config *config, sensor_record_fn *fn,
	void *ctx, struct diag *reterr)
{
	CLEANUP(sensor_set_free) struct sensor_set *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->fn = fn;
	s->ctx = ctx;
	s->security.timer = s->bulk.timer = -1;
	r = sensor_cgroup_find(s, reterr);
	if (r < 0)
		return r;
	r = sensor_programs_start(s, reterr);
	if (r < 0)
		return r;
	r = ring_open(s, &s->security, s->bpf->maps.security_ring, security_record);
	if (r == 0)
		r = ring_open(s, &s->bulk, s->bpf->maps.bulk_ring, bulk_record);
	if (r < 0)
		return diag_msg(reterr, r, "cannot read the kernel's rings: %s", strerror(-r));
	s->blind_checked = time_monotonic();
	*ret = take_ptr(s);
	return 0;
}

struct sensor_set *sensor_set_free(struct sensor_set *s)
{
	if (!s)
		return NULL;
	sensor_programs_stop(s);
	ring_done(&s->security);
	ring_done(&s->bulk);
	free(s);
	return NULL;
}

int sensor_security_fd(const struct sensor_set *s)
{
	return ring_buffer__epoll_fd(s->security.ring);
}

int sensor_bulk_fd(const struct sensor_set *s)
{
	return ring_buffer__epoll_fd(s->bulk.ring);
}

int sensor_security_drain(struct sensor_set *s, int budget)
{
	return ring_drain(&s->security, budget);
}

int sensor_bulk_drain(struct sensor_set *s, int budget)
{
	return ring_drain(&s->bulk, budget);
}
