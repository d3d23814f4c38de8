/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections of containers. Attempts are judged in the cgroup hooks, where an answer of 0 gives
 * the caller EPERM; what became of a TCP socket is seen at its changes of state.
 */
#include <bpf/bpf_endian.h>

#include "chain.bpf.h"
#include "destinations.h"
#include "flow.bpf.h"
#include "scan.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define SOCK_STREAM 1

/* ---- attempts ---- */

static __always_inline bool address_denied(u32 slot, const struct wire_net *rec)
{
	struct wire_address_key key = {.prefix_bits = 8 * (4 + 16), .slot = slot};

	__builtin_memcpy(key.address, rec->remote, sizeof(key.address));
	return bpf_map_lookup_elem(&denied_addresses, &key);
}

static __always_inline bool port_denied(u32 slot, const struct wire_net *rec)
{
	struct wire_port_key key = {.prefix_bits = 8 * (4 + 2), .slot = slot};

	key.port[0] = rec->remote_port >> 8;
	key.port[1] = rec->remote_port;
	return bpf_map_lookup_elem(&denied_ports, &key);
}

static __always_inline void verdict_set(struct wire_verdict *v, u32 detection, u32 evidence, u32 effect)
{
	v->detection = detection;
	v->evidence = evidence;
	v->effect = effect;
	v->done = effect >= WIRE_EFFECT_PREVENT ? WIRE_DONE_PREVENT : WIRE_DONE_ALERT;
}

/* The stronger effect decides; of equals the detection that comes first in its enum: call it in that order. */
static __always_inline void offer(struct wire_net *rec, const struct wire_slot *slot, u32 detection, u32 evidence)
{
	struct wire_verdict *v = &rec->header.verdict;

	if (slot->effects[detection] > v->effect)
		verdict_set(v, detection, evidence, slot->effects[detection]);
}

static __always_inline void destination_judge(struct wire_net *rec, const struct wire_slot *slot)
{
	u32 found = destination_classify(rec->remote, rec->remote_port, rec->proto);

	if (found & DESTINATION_LATERAL)
		offer(rec, slot, WIRE_DETECTION_LATERAL_MOVEMENT, WIRE_EVIDENCE_PORT);
	if (found & DESTINATION_METADATA)
		offer(rec, slot, WIRE_DETECTION_CLOUD_METADATA, WIRE_EVIDENCE_ADDRESS);
	if (found & DESTINATION_KUBE_API)
		offer(rec, slot, WIRE_DETECTION_KUBE_API, WIRE_EVIDENCE_PORT);
}

/* Note: a suspect's, or NULL. */
static __always_inline void attempt_judge(struct wire_net *rec, u32 number, const struct wire_note *note)
{
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	struct wire_verdict *v = &rec->header.verdict;

	v->slot = number;
	if (number == WIRE_SLOT_KILL) {
		verdict_set(v, 0, 0, WIRE_EFFECT_BLOCK);
		return;
	}
	if (!slot)
		return;
	if (note && (note->flags & WIRE_NOTE_SUSPECT) && slot->effects[WIRE_DETECTION_CRYPTO_MINER]) {
		verdict_set(v, WIRE_DETECTION_CRYPTO_MINER, WIRE_EVIDENCE_ARGV, slot->effects[WIRE_DETECTION_CRYPTO_MINER]);
		rec->header.flags |= WIRE_SUSPECT;
		bpf_probe_read_kernel(rec->sign, sizeof(rec->sign), note->sign);
	}
	destination_judge(rec, slot);
	if (slot->effects[WIRE_DETECTION_DENIED_PORT] > v->effect && port_denied(number, rec))
		offer(rec, slot, WIRE_DETECTION_DENIED_PORT, WIRE_EVIDENCE_PORT);
	if (slot->effects[WIRE_DETECTION_DENIED_ADDRESS] > v->effect && address_denied(number, rec))
		offer(rec, slot, WIRE_DETECTION_DENIED_ADDRESS, WIRE_EVIDENCE_ADDRESS);
}

/* With this connection, or listener, the running process may close a chain of pipes around a shell. */
static __always_inline void chain_judge(struct wire_net *rec, u32 number, u32 detection, u32 direction)
{
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	u32 effect = slot ? slot->effects[detection] : 0;

	if (effect && chain_joins(direction) && effect > rec->header.verdict.effect)
		verdict_set(&rec->header.verdict, detection, WIRE_EVIDENCE_DESCRIPTOR, effect);
}

/* Remembers whose the socket is, and that its first bytes are to be looked at. */
static __always_inline void socket_remember(struct bpf_sock *sk, const struct wire_net *rec, bool judged)
{
	struct socket_owner owner = {.direction = WIRE_DIRECTION_OUTBOUND}, *kept;

	if (!sk)
		return;
	owner.container = rec->header.cgroup;
	owner.process = rec->process;
	kept = bpf_sk_storage_get(&sockets, sk, &owner, BPF_SK_STORAGE_GET_F_CREATE);
	if (!kept)
		count(WIRE_DROPPED_SOCKET);
	else if (kept->process.pid != owner.process.pid)
		*kept = owner;
	if (judged && !bpf_sk_storage_get(&streams, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE))
		count(WIRE_DROPPED_SOCKET);
}

/* rec has remote and remote_port. Returns what the hook answers: 1 = go on, 0 = EPERM. */
static __always_inline int attempt(struct bpf_sock_addr *ctx, struct wire_net *rec, bool connects)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_cgroup_entry *entry = task_container(task);
	struct wire_note *note;
	u32 pid = task->tgid;

	if (!entry || pid == self_pid)
		return 1;
	header_fill(&rec->header, WIRE_NET, entry->container);
	process_fill(&rec->process, task);
	rec->kind = WIRE_NET_CONNECT;
	rec->proto = ctx->protocol;
	rec->direction = WIRE_DIRECTION_OUTBOUND;
	note = bpf_map_lookup_elem(&notes, &pid);
	attempt_judge(rec, entry->slot, note);
	if (connects && !(note && (note->flags & WIRE_NOTE_ALLOWED)))
		chain_judge(rec, entry->slot, WIRE_DETECTION_REVERSE_SHELL, WIRE_DIRECTION_OUTBOUND);
	if (rec->header.verdict.effect >= WIRE_EFFECT_PREVENT) {
		rec->kind = WIRE_NET_REFUSED;
		flow_report(rec);
		return 0;
	}
	if (connects && ctx->type == SOCK_STREAM)
		socket_remember(ctx->sk, rec, !note || !(note->flags & WIRE_NOTE_ALLOWED));
	flow_report(rec);
	return 1;
}

static __always_inline int attempt_v4(struct bpf_sock_addr *ctx, bool connects)
{
	struct wire_net rec;

	__builtin_memset(&rec, 0, sizeof(rec));
	address_v4(rec.remote, ctx->user_ip4);
	rec.remote_port = bpf_ntohs(ctx->user_port);
	return attempt(ctx, &rec, connects);
}

static __always_inline int attempt_v6(struct bpf_sock_addr *ctx, bool connects)
{
	struct wire_net rec;
	u32 words[4];

	__builtin_memset(&rec, 0, sizeof(rec));
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	__builtin_memcpy(rec.remote, words, sizeof(words));
	rec.remote_port = bpf_ntohs(ctx->user_port);
	return attempt(ctx, &rec, connects);
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	return attempt_v4(ctx, true);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	return attempt_v6(ctx, true);
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	return attempt_v4(ctx, false);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
	return attempt_v6(ctx, false);
}

/* ---- states ---- */

static __always_inline void addresses_fill(struct wire_net *rec, const struct sock *sk)
{
	rec->local_port = sk->__sk_common.skc_num;
	rec->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET) {
		address_v4(rec->local, sk->__sk_common.skc_rcv_saddr);
		address_v4(rec->remote, sk->__sk_common.skc_daddr);
		return;
	}
	bpf_core_read(rec->local, sizeof(rec->local), &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(rec->remote, sizeof(rec->remote), &sk->__sk_common.skc_v6_daddr);
}

/* A listener is made by its owner, who is running. */
static __always_inline struct socket_owner *owner_listening(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_cgroup_entry *entry = task_container(task);
	struct socket_owner owner = {.direction = WIRE_DIRECTION_LISTEN};

	if (!entry || task->tgid == self_pid)
		return NULL;
	owner.container = entry->container;
	process_fill(&owner.process, task);
	return bpf_sk_storage_get(&sockets, sk, &owner, BPF_SK_STORAGE_GET_F_CREATE);
}

/* Accepted by a listener older than we are: its cgroup is known, its process is not. */
static __always_inline struct socket_owner *owner_by_cgroup(struct sock *sk)
{
	struct socket_owner owner = {.direction = WIRE_DIRECTION_INBOUND};
	struct wire_cgroup_entry *entry;
	u64 id;

	if (use_cgroup_v1)
		return NULL;
	id = sk->sk_cgrp_data.cgroup->kn->id;
	entry = bpf_map_lookup_elem(&cgroups, &id);
	if (!entry)
		return NULL;
	owner.container = entry->container;
	return bpf_sk_storage_get(&sockets, sk, &owner, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline void state_fill(struct wire_net *rec, const struct sock *sk, const struct socket_owner *owner, u32 kind)
{
	__builtin_memset(rec, 0, sizeof(*rec));
	header_fill(&rec->header, WIRE_NET, owner->container);
	rec->process = owner->process;
	rec->kind = kind;
	rec->proto = IPPROTO_TCP;
	rec->direction = owner->direction;
	addresses_fill(rec, sk);
}

/* attempt: it was one of ours until now, and is decided. */
static __always_inline void state_report(struct sock *sk, const struct socket_owner *owner, u32 kind, bool attempt)
{
	struct wire_net rec;

	state_fill(&rec, sk, owner, kind);
	if (kind == WIRE_NET_CLOSE) {
		rec.bytes_sent = BPF_CORE_READ((struct tcp_sock *)sk, bytes_acked);
		rec.bytes_received = BPF_CORE_READ((struct tcp_sock *)sk, bytes_received);
	}
	if (attempt)
		scan_count(&rec, kind == WIRE_NET_ESTABLISHED);
	flow_report(&rec);
}

/* A process that listens is told where it closes a chain: here it can still be killed before anybody calls. */
static __always_inline void listen_report(struct sock *sk, const struct socket_owner *owner)
{
	struct wire_cgroup_entry *entry = task_container(bpf_get_current_task_btf());
	struct wire_net rec;

	state_fill(&rec, sk, owner, WIRE_NET_LISTEN);
	if (entry) {
		rec.header.verdict.slot = entry->slot;
		chain_judge(&rec, entry->slot, WIRE_DETECTION_BIND_SHELL, WIRE_DIRECTION_INBOUND);
	}
	if (rec.header.verdict.effect >= WIRE_EFFECT_PREVENT && bpf_send_signal(SIGKILL))
		rec.header.verdict.done = WIRE_DONE_FAILED;
	flow_report(&rec);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
	struct socket_owner *owner;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new == TCP_LISTEN) {
		owner = owner_listening(sk);
		if (owner)
			listen_report(sk, owner);
		return 0;
	}
	if (new != TCP_ESTABLISHED && new != TCP_CLOSE)
		return 0;
	owner = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV) {
		if (!owner)
			owner = owner_by_cgroup(sk);
		if (!owner)
			return 0;
		owner->direction = WIRE_DIRECTION_INBOUND;
		state_report(sk, owner, WIRE_NET_ACCEPT, false);
	} else if (owner) {
		state_report(sk, owner, new == TCP_CLOSE ? WIRE_NET_CLOSE : WIRE_NET_ESTABLISHED, old == TCP_SYN_SENT);
	}
	return 0;
}
