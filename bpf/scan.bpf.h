/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scans, by what scanners cannot help: attempts that come to nothing, at many different places, more of them than
 * of those that answer. Counted for each container as its TCP sockets leave SYN_SENT; places are kept as
 * bits, so that one dead server asked again and again is one place, from however many threads.
 */
#pragma once

#include "common.bpf.h"

#define SCAN_WORDS 32 /* of 32 bits */

struct scan_side {
	u32 bits[SCAN_WORDS];
	u32 count; /* different places */
};

struct scan {
	u64 began;
	struct scan_side failed, reached;
	u8 first[16];
	u16 first_port;
	u8 hosts, ports; /* of failed ones: they differ */
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_SCANS_MAX);
	__type(key, u64); /* container */
	__type(value, struct scan);
} scans MAP;

static __always_inline u32 scan_hash(const struct wire_net *place)
{
	u32 h = place->remote_port * 2654435761u, word;

#pragma unroll
	for (u32 i = 0; i < 4; i++) {
		__builtin_memcpy(&word, place->remote + 4 * i, 4);
		h = (h ^ word ^ h >> 15) * 2654435761u;
		h ^= h >> 16; /* what differs is often the last byte, the highest of the word */
	}
	h *= 2246822519u;
	return h ^ h >> 13;
}

/* True when the place is new. */
static __always_inline bool scan_add(struct scan_side *side, u32 hash)
{
	u32 bit = 1u << (hash & 31), before;

	before = __sync_fetch_and_or(&side->bits[(hash >> 5) & (SCAN_WORDS - 1)], bit);
	if (before & bit)
		return false;
	__sync_fetch_and_add(&side->count, 1);
	return true;
}

/* In map memory already: too large for the stack. */
static __always_inline struct scan *scan_of(u64 container, u64 now)
{
	struct scan *s = bpf_map_lookup_elem(&scans, &container);
	static const struct scan none;

	if (s && now - s->began < WIRE_SCAN_WINDOW_NS)
		return s;
	if (bpf_map_update_elem(&scans, &container, &none, BPF_ANY))
		return NULL;
	s = bpf_map_lookup_elem(&scans, &container);
	if (s)
		s->began = now;
	return s;
}

static __always_inline void scan_shape(struct scan *s, const struct wire_net *place)
{
	u64 a[2], b[2];

	if (!s->first_port) {
		__builtin_memcpy(s->first, place->remote, sizeof(s->first));
		s->first_port = place->remote_port;
		return;
	}
	__builtin_memcpy(a, s->first, sizeof(a));
	__builtin_memcpy(b, place->remote, sizeof(b));
	if (a[0] != b[0] || a[1] != b[1])
		s->hosts = 1;
	if (s->first_port != place->remote_port)
		s->ports = 1;
}

static __always_inline void scan_report(const struct scan *s, const struct wire_net *place, u32 slot, u32 effect, u32 found)
{
	struct wire_net *rec = bpf_ringbuf_reserve(&security_ring, sizeof(*rec), 0);

	count(WIRE_SEEN);
	if (!rec) {
		count(WIRE_DROPPED_SECURITY);
		return;
	}
	__builtin_memcpy(rec, place, sizeof(*rec));
	rec->header.size = sizeof(*rec);
	rec->kind = WIRE_NET_SCAN;
	rec->count = 1;
	rec->first = s->began;
	rec->last = rec->header.time;
	rec->bytes_sent = rec->bytes_received = 0;
	rec->header.verdict.detection = WIRE_DETECTION_PORT_SCAN;
	rec->header.verdict.evidence = WIRE_EVIDENCE_BEHAVIOUR;
	rec->header.verdict.effect = effect;
	rec->header.verdict.done = WIRE_DONE_ALERT;
	rec->header.verdict.slot = slot;
	if (!s->hosts)
		BPF_SNPRINTF(rec->sign, sizeof(rec->sign), "%u closed ports of one host", found);
	else if (!s->ports)
		BPF_SNPRINTF(rec->sign, sizeof(rec->sign), "one closed port of %u hosts", found);
	else
		BPF_SNPRINTF(rec->sign, sizeof(rec->sign), "%u closed ports of several hosts", found);
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

/* A connection came to its beginning or its end; place is its record. */
static __always_inline void scan_count(const struct wire_net *place, bool reached)
{
	u64 container = place->header.cgroup;
	struct wire_cgroup_entry *entry = bpf_map_lookup_elem(&cgroups, &container);
	struct wire_slot *slot;
	u32 number, effect, failed;
	struct scan *s;

	if (!entry)
		return;
	number = entry->slot;
	slot = bpf_map_lookup_elem(&slots, &number);
	if (!slot)
		return;
	effect = slot->effects[WIRE_DETECTION_PORT_SCAN];
	s = effect ? scan_of(container, place->header.time) : NULL;
	if (!s || !scan_add(reached ? &s->reached : &s->failed, scan_hash(place)) || reached)
		return;
	scan_shape(s, place);
	failed = s->failed.count;
	if (failed >= WIRE_SCAN_PLACES && failed % WIRE_SCAN_PLACES == 0 && failed > s->reached.count)
		scan_report(s, place, number, effect, failed);
}
