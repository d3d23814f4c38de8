/* SPDX-License-Identifier: Apache-2.0 */
/* What the set says of itself: which programs run and why not, what was seen and what was lost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "base/clock.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

#define CPUS_MAX 1024

static int status_add(struct record_list *list, const char *name, const struct sensor_program_state *state, uint64_t verified)
{
	struct sensor_status *grown, *item;

	grown = reallocarray(list->items, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	item = &grown[list->count];
	memset(item, 0, sizeof(*item));
	item->state = state->state;
	item->verified_at = verified;
	list->count++;
	return str_set(&item->name, name) < 0 || str_set(&item->reason, state->reason) < 0 ? -ENOMEM : 0;
}

int sensor_status(const struct sensor_set *s, struct record_list *sensors, struct record_list *enforcers)
{
	int r = 0;

	for (size_t i = 0; i < sensor_programs_count && r == 0; i++) {
		if (sensor_programs[i].name)
			r = status_add(sensors, sensor_programs[i].name, &s->states[i], s->verified_at);
		if (r == 0 && sensor_programs[i].enforcer)
			r = status_add(enforcers, sensor_programs[i].enforcer, &s->states[i], s->verified_at);
	}
	return r;
}

static uint64_t counter_read(const struct sensor_set *s, enum wire_counter which)
{
	uint64_t values[CPUS_MAX], sum = 0;
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = which;

	if (cpus < 0 || cpus > CPUS_MAX)
		return 0;
	if (bpf_map__lookup_elem(s->bpf->maps.counters, &key, sizeof(key), values, (size_t)cpus * sizeof(values[0]), 0) < 0)
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

void sensor_counters(const struct sensor_set *s, struct event_counters *ret)
{
	ret->seen = counter_read(s, WIRE_SEEN);
	ret->dropped_security = counter_read(s, WIRE_DROPPED_SECURITY) + counter_read(s, WIRE_DROPPED_SCRATCH) +
		counter_read(s, WIRE_DROPPED_CGROUP) + s->invalid;
	ret->dropped_bulk = counter_read(s, WIRE_DROPPED_BULK);
	ret->blind_ms = s->blind_ms;
}

void sensor_blind_measure(struct sensor_set *s)
{
	struct event_counters now;
	uint64_t time = time_monotonic();

	sensor_counters(s, &now);
	if (now.dropped_security != s->blind_drops)
		s->blind_ms += (time - s->blind_checked) / NSEC_PER_MSEC;
	s->blind_drops = now.dropped_security;
	s->blind_checked = time;
}
