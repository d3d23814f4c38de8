/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeated happenings: the kernel sends the first of each kind and counts the rest in a map of
 * records. Those of the network stay there and are reported when they changed since the last time;
 * system calls are taken out, so that their counts are of the time since.
 */
#include <errno.h>

#include <bpf/bpf.h>

#include "base/banned.h"
#include "base/clock.h"
#include "sensor/record.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

#define FLOWS_BATCH 64

/* Hands out a record that stands for several. */
static int aggregate_report(struct sensor_set *s, struct wire_header *header, size_t size, uint64_t last)
{
	const struct wire_header *h;

	header->flags |= WIRE_AGGREGATED;
	header->time = last;
	h = sensor_record_check(header, size);
	if (!h) {
		s->invalid++;
		return 0;
	}
	return s->fn(s->ctx, h);
}

static int flow_report(struct sensor_set *s, struct wire_net *rec, uint64_t since)
{
	if (rec->last <= since || rec->count < 2)
		return 0;
	return aggregate_report(s, &rec->header, sizeof(*rec), rec->last);
}

static int call_report(struct sensor_set *s, struct wire_call *rec)
{
	if (rec->count < 2)
		return 0;
	rec->count--; /* the first was sent at once */
	return aggregate_report(s, &rec->header, sizeof(*rec), rec->last);
}

static int calls_flush(struct sensor_set *s)
{
	struct wire_repeat_key keys[FLOWS_BATCH];
	struct wire_call values[FLOWS_BATCH];
	uint32_t position = 0, n;
	bool first = true;
	int r;

	do {
		n = FLOWS_BATCH;
		r = bpf_map_lookup_and_delete_batch(bpf_map__fd(s->bpf->maps.calls), first ? NULL : &position, &position,
			keys, values, &n, NULL);
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			int done = call_report(s, &values[i]);

			if (done < 0)
				return done;
		}
		first = false;
	} while (r == 0);
	return 0;
}

static int flows_flush(struct sensor_set *s)
{
	struct wire_flow_key keys[FLOWS_BATCH];
	struct wire_net values[FLOWS_BATCH];
	uint64_t since = s->flushed, now = time_boot();
	uint32_t position = 0, n;
	bool first = true;
	int r;

	do {
		n = FLOWS_BATCH;
		r = bpf_map_lookup_batch(bpf_map__fd(s->bpf->maps.flows), first ? NULL : &position, &position,
			keys, values, &n, NULL);
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			int done = flow_report(s, &values[i], since);

			if (done < 0)
				return done;
		}
		first = false;
	} while (r == 0);
	s->flushed = now;
	return 0;
}

int sensor_flush_aggregates(struct sensor_set *s)
{
	int r = flows_flush(s), q = calls_flush(s);

	sensor_blind_measure(s);
	return r < 0 ? r : q;
}
