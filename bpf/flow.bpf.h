/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of the network. The first of its kind goes out at once; repeats are counted in the map of
 * flows, which userspace reads from time to time, so that a storm of connections costs no records.
 */
#pragma once

#include "common.bpf.h"

static __always_inline void flow_key(struct wire_flow_key *key, const struct wire_net *rec)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->container = rec->header.cgroup;
	key->pid = rec->process.pid;
	key->port = rec->direction == WIRE_DIRECTION_OUTBOUND ? rec->remote_port : rec->local_port;
	key->kind = rec->kind;
	key->proto = rec->proto;
	key->direction = rec->direction;
	key->effect = rec->header.verdict.effect;
	key->detection = rec->header.verdict.detection;
	__builtin_memcpy(key->remote, rec->remote, sizeof(key->remote));
}

static __always_inline void flow_report(struct wire_net *rec)
{
	struct wire_flow_key key;
	struct wire_net *known;

	flow_key(&key, rec);
	known = bpf_map_lookup_elem(&flows, &key);
	if (known) {
		__sync_fetch_and_add(&known->count, 1);
		__sync_fetch_and_add(&known->bytes_sent, rec->bytes_sent);
		__sync_fetch_and_add(&known->bytes_received, rec->bytes_received);
		known->last = rec->header.time;
		return;
	}
	rec->count = 1;
	rec->first = rec->last = rec->header.time;
	rec->header.size = sizeof(*rec);
	bpf_map_update_elem(&flows, &key, rec, BPF_ANY);
	if (rec->header.verdict.effect)
		security_send(&rec->header, sizeof(*rec), true);
	else
		bulk_send(&rec->header, sizeof(*rec));
}
