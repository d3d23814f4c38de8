/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map, once. Each source file includes this; the definitions are weak, so that linking the
 * objects leaves one of each. Sizes that depend on the host are set by src/sensor before loading.
 */
#pragma once

#include "event_wire.h"
#include "kernel_types.h"
#include "stratum.h"

#define MAP SEC(".maps") __weak

/* Both are mapped twice into the reader, where they count as its memory. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} security_ring MAP;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} bulk_ring MAP;

/* One row of counters; see enum wire_counter. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_COUNTER_COUNT_);
	__type(key, u32);
	__type(value, u64);
} counters MAP;

/* cgroup id -> the container it belongs to. Absent = not a container: nothing is looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_CGROUPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct wire_cgroup_entry);
} cgroups MAP;

/* Names of cgroups that are about to be made. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_CGROUPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_leaf);
	__type(value, u32); /* slot */
} expected MAP;

/* What the rule of each slot asks for. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_SLOTS_MAX);
	__type(key, u32);
	__type(value, struct wire_slot);
} slots MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_PATTERNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_pattern_key);
	__type(value, struct wire_pattern);
} patterns MAP;

/* By tgid; only processes with something to remember. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_NOTES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct wire_note);
} notes MAP;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WIRE_DENIED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_address_key);
	__type(value, u32);
} denied_addresses MAP;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WIRE_DENIED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_port_key);
	__type(value, u32);
} denied_ports MAP;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_FLOWS_MAX);
	__type(key, struct wire_flow_key);
	__type(value, struct wire_net);
} flows MAP;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_CALLS_MAX);
	__type(key, struct wire_repeat_key);
	__type(value, struct wire_call);
} calls MAP;

/* A process that joins two pipes, or a pipe and the network: see chain.bpf.h. Pipes go by their inode's address. */
struct stage {
	u64 container;
	u64 in, out; /* pipes, or 0 */
	u32 pid;
	u32 shell;     /* it takes commands from its input */
	u32 direction; /* it has a connection: enum wire_direction */
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32); /* tgid */
	__type(value, struct stage);
} stages MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u32); /* tgid of the last that reads it */
} pipe_readers MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u32);
} pipe_writers MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_ENGINES_MAX);
	__type(key, struct wire_engine_key);
	__type(value, u32);
} engine_sockets MAP;

/* Whose a socket is. Accepted sockets get a copy of their listener's. */
struct socket_owner {
	u64 container;
	struct wire_process process;
	u32 direction;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_owner);
} sockets MAP;

/* The beginning of what a container's process sends on a socket, until it is judged. */
struct stream {
	struct stratum stratum;
	u32 next; /* sequence number of the first byte not yet looked at */
	u32 begun;
	u32 drop; /* a miner's: nothing leaves any more */
	u32 pad;
	char data[2 * STRATUM_WINDOW]; /* STRATUM_WINDOW of them used */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stream);
} streams MAP;
