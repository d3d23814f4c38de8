/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that a container has no business with: those of the host's container engines, and raw ones.
 *
 * An engine's socket is told by the listener itself, whatever name leads to it: by the file it was bound to, when
 * the engine lives in no container or the Defender named its inode. The listener is told that somebody
 * connected in the context of who did, so that process dies before it can say anything, unless another of its
 * threads is quicker. Raw sockets of IPv4 and IPv6 are refused as they are made.
 */
#include "flow.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define AF_UNIX 1
#define SOCK_RAW 3
#define TCP_LISTEN 10

/* Names that engines give their sockets; compared with their NUL. */
static const char engine_names[][24] = {
	"docker.sock", "docker.raw.sock", "containerd.sock", "containerd.sock.ttrpc", "crio.sock", "podman.sock",
	"buildkitd.sock", "cri-dockerd.sock", "dockershim.sock", "docker-debug.sock",
};

static __always_inline bool is_engine_name(const char *name)
{
#pragma unroll
	for (u32 i = 0; i < sizeof(engine_names) / sizeof(engine_names[0]); i++) {
		bool same = true;

#pragma unroll
		for (u32 k = 0; k < sizeof(engine_names[0]); k++) {
			same = same && name[k] == engine_names[i][k];
			if (!engine_names[i][k])
				break;
		}
		if (same)
			return true;
	}
	return false;
}

/* An engine that runs in a container, as those for builds do, is none of the host's. */
static __always_inline bool lives_in_container(const struct sock *sk)
{
	u64 id;

	if (use_cgroup_v1)
		return false;
	id = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	return bpf_map_lookup_elem(&cgroups, &id);
}

static __always_inline bool is_engine(const struct sock *sk, struct wire_net *rec, struct wire_engine_key *key)
{
	const struct unix_sock *u = (const void *)sk;
	struct dentry *dentry = BPF_CORE_READ(u, path.dentry);
	char name[sizeof(engine_names[0]) + 8] = {};

	if (!dentry)
		return false;
	key->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	key->device = BPF_CORE_READ(dentry, d_inode, i_sb, s_dev);
	bpf_probe_read_kernel_str(rec->sign, sizeof(rec->sign), BPF_CORE_READ(dentry, d_name.name));
	if (bpf_map_lookup_elem(&engine_sockets, key))
		return true;
	__builtin_memcpy(name, rec->sign, sizeof(engine_names[0]));
	return is_engine_name(name) && !lives_in_container(sk);
}

static __always_inline u32 effect_of(struct wire_net *rec, u32 number, u32 detection)
{
	struct wire_slot *slot = bpf_map_lookup_elem(&slots, &number);
	struct wire_verdict *v = &rec->header.verdict;

	v->slot = number;
	if (!slot || !slot->effects[detection])
		return 0;
	v->detection = detection;
	v->effect = slot->effects[detection];
	v->done = v->effect >= WIRE_EFFECT_PREVENT ? WIRE_DONE_PREVENT : WIRE_DONE_ALERT;
	return v->effect;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(on_unix_connect, const struct sock *sk)
{
	struct wire_engine_key key = {};
	struct wire_cgroup_entry *entry;
	struct task_struct *task;
	struct wire_net rec;

	if (sk->__sk_common.skc_family != AF_UNIX || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	task = bpf_get_current_task_btf();
	entry = task_container(task);
	if (!entry || task->tgid == self_pid)
		return 0;
	__builtin_memset(&rec, 0, sizeof(rec));
	if (!is_engine(sk, &rec, &key))
		return 0;
	header_fill(&rec.header, WIRE_NET, entry->container);
	process_fill(&rec.process, task);
	rec.kind = WIRE_NET_ENGINE;
	rec.direction = WIRE_DIRECTION_OUTBOUND;
	__builtin_memcpy(rec.remote, &key, sizeof(rec.remote)); /* apart in the map of flows */
	rec.header.verdict.evidence = WIRE_EVIDENCE_PATH;
	if (effect_of(&rec, entry->slot, WIRE_DETECTION_ENGINE_SOCKET) >= WIRE_EFFECT_PREVENT && bpf_send_signal(SIGKILL))
		rec.header.verdict.done = WIRE_DONE_FAILED;
	if (rec.header.verdict.effect)
		flow_report(&rec);
	return 0;
}

SEC("cgroup/sock_create")
int on_sock_create(struct bpf_sock *ctx)
{
	struct wire_cgroup_entry *entry;
	struct task_struct *task;
	struct wire_net rec;

	if (ctx->type != SOCK_RAW)
		return 1;
	task = bpf_get_current_task_btf();
	entry = task_container(task);
	if (!entry || task->tgid == self_pid)
		return 1;
	__builtin_memset(&rec, 0, sizeof(rec));
	header_fill(&rec.header, WIRE_NET, entry->container);
	process_fill(&rec.process, task);
	rec.kind = WIRE_NET_RAW;
	rec.proto = ctx->protocol;
	rec.remote[0] = ctx->family;
	rec.header.verdict.evidence = WIRE_EVIDENCE_BEHAVIOUR;
	if (!effect_of(&rec, entry->slot, WIRE_DETECTION_RAW_SOCKET))
		return 1;
	flow_report(&rec);
	return rec.header.verdict.effect < WIRE_EFFECT_PREVENT;
}
