/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stratum on the wire. A container's outgoing TCP stream is fed to stratum.h byte by byte, across
 * segments, until it is clear what it is; most are after the first byte, and then cost one lookup a
 * packet. A miner's packet is dropped, and so is everything after it on that socket.
 */
#include <bpf/bpf_endian.h>

#include "common.bpf.h"
#include "stratum.h"

char LICENSE[] SEC("license") = "GPL";

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define TCP_FLAG_SYN 0x02
#define PASS 1
#define DROP 0

/* Where a segment's payload lies. */
struct segment {
	u32 offset; /* from the network header */
	u32 length;
	u32 sequence; /* of the payload's first byte */
};

/* False when it is not TCP with a payload. */
static __always_inline bool segment_find(struct __sk_buff *skb, struct segment *out)
{
	u8 tcp[TCP_HEADER], first = 0, next = 0;
	u32 at, header;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		bpf_skb_load_bytes(skb, 0, &first, 1);
		bpf_skb_load_bytes(skb, 9, &next, 1);
		at = (first & 0xf) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		bpf_skb_load_bytes(skb, 6, &next, 1);
		at = IPV6_HEADER;
	} else {
		return false;
	}
	if (next != IPPROTO_TCP || bpf_skb_load_bytes(skb, at, tcp, sizeof(tcp)))
		return false;
	header = (tcp[12] >> 4) * 4;
	out->offset = at + header;
	out->sequence = (u32)tcp[4] << 24 | (u32)tcp[5] << 16 | (u32)tcp[6] << 8 | tcp[7];
	if (tcp[13] & TCP_FLAG_SYN) /* data may come with it */
		out->sequence++;
	if (skb->len <= out->offset)
		return false;
	out->length = skb->len - out->offset;
	return true;
}

struct feed {
	struct stream *stream;
	u32 result;
};

static long feed_byte(u32 i, struct feed *f)
{
	struct stream *s = f->stream;

	f->result = stratum_feed(&s->stratum, s->data[s->stratum.fed & (STRATUM_WINDOW - 1)]);
	return f->result != STRATUM_MORE;
}

/* Looks at what the segment adds to the stream. */
static __always_inline enum stratum_result stream_feed(struct __sk_buff *skb, struct stream *s, struct segment *seg)
{
	struct feed f = {.stream = s, .result = STRATUM_MORE};
	u32 fed = s->stratum.fed, seen, n;

	if (!s->begun) {
		s->begun = 1;
		s->next = seg->sequence;
	}
	seen = s->next - seg->sequence; /* sent before: a retransmission */
	if ((s32)seen < 0)
		seen = 0;
	if (seen >= seg->length)
		return STRATUM_MORE;
	if (fed >= STRATUM_WINDOW)
		return STRATUM_QUIET;
	n = seg->length - seen;
	s->next = seg->sequence + seg->length;
	if (n > STRATUM_WINDOW - fed)
		n = STRATUM_WINDOW - fed;
	n = ((n - 1) & (STRATUM_WINDOW - 1)) + 1; /* as it is already; for the verifier */
	if (bpf_skb_load_bytes(skb, seg->offset + seen, s->data + fed, n))
		return STRATUM_QUIET;
	bpf_loop(n, feed_byte, &f, 0);
	if (f.result == STRATUM_MORE && s->stratum.fed >= STRATUM_WINDOW)
		return STRATUM_QUIET;
	return f.result;
}

/* The method that gave it away; a login is told by its parameters. */
static __always_inline void sign_fill(char *sign, const struct stratum *s)
{
	u32 n = s->length;

	if (s->key != STRATUM_METHOD || s->last == STRATUM_LOGIN) {
		__builtin_memcpy(sign, "login", 6);
		return;
	}
	bpf_probe_read_kernel(sign, STRATUM_WORD, s->word);
	sign[n < STRATUM_WORD ? n & (STRATUM_WORD - 1) : STRATUM_WORD - 1] = 0;
}

static __always_inline void addresses_fill(struct wire_payload *rec, struct bpf_sock *sk)
{
	/* All of them first: the verifier allows no arithmetic on sk, which choosing would need. */
	u32 local4 = sk->src_ip4, remote4 = sk->dst_ip4;
	u32 local[4] = {sk->src_ip6[0], sk->src_ip6[1], sk->src_ip6[2], sk->src_ip6[3]};
	u32 remote[4] = {sk->dst_ip6[0], sk->dst_ip6[1], sk->dst_ip6[2], sk->dst_ip6[3]};

	barrier();
	rec->local_port = sk->src_port;
	rec->remote_port = bpf_ntohs(sk->dst_port);
	if (sk->family == AF_INET) {
		address_v4(rec->local, local4);
		address_v4(rec->remote, remote4);
		return;
	}
	__builtin_memcpy(rec->local, local, sizeof(local));
	__builtin_memcpy(rec->remote, remote, sizeof(remote));
}

static __always_inline void hit_report(struct bpf_sock *sk, const struct stream *s, const struct socket_owner *owner,
	const struct wire_verdict *v)
{
	struct wire_payload *rec = bpf_ringbuf_reserve(&security_ring, sizeof(*rec), 0);
	u32 size = s->stratum.fed;

	count(WIRE_SEEN);
	if (!rec) {
		count(WIRE_DROPPED_SECURITY);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	header_fill(&rec->header, WIRE_PAYLOAD_HIT, owner->container);
	rec->header.size = sizeof(*rec);
	rec->header.verdict = *v;
	rec->process = owner->process;
	addresses_fill(rec, sk);
	sign_fill(rec->sign, &s->stratum);
	rec->size = size < WIRE_PAYLOAD ? size : WIRE_PAYLOAD;
	bpf_probe_read_kernel(rec->data, WIRE_PAYLOAD, s->data);
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

/* Stratum was recognised: what the container's rule says of it. */
static __always_inline int hit(struct bpf_sock *sk, struct stream *s)
{
	struct socket_owner *owner = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct wire_verdict v = {.detection = WIRE_DETECTION_CRYPTO_MINER, .evidence = WIRE_EVIDENCE_STRATUM};
	struct wire_cgroup_entry *entry;
	struct wire_slot *slot;

	if (!owner)
		return PASS;
	entry = bpf_map_lookup_elem(&cgroups, &owner->container);
	if (!entry)
		return PASS;
	v.slot = entry->slot;
	slot = bpf_map_lookup_elem(&slots, &v.slot);
	if (!slot || !slot->effects[WIRE_DETECTION_CRYPTO_MINER])
		return PASS;
	v.effect = slot->effects[WIRE_DETECTION_CRYPTO_MINER];
	v.done = v.effect >= WIRE_EFFECT_PREVENT ? WIRE_DONE_PREVENT : WIRE_DONE_ALERT;
	hit_report(sk, s, owner, &v);
	s->drop = v.effect >= WIRE_EFFECT_PREVENT;
	return s->drop ? DROP : PASS;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	enum stratum_result result;
	struct segment seg = {};
	struct stream *s;
	int answer = PASS;

	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	s = bpf_sk_storage_get(&streams, sk, NULL, 0);
	if (!s)
		return PASS;
	if (s->drop)
		return DROP;
	if (!segment_find(skb, &seg))
		return PASS;
	result = stream_feed(skb, s, &seg);
	if (result == STRATUM_MORE)
		return PASS;
	if (result == STRATUM_HIT)
		answer = hit(sk, s);
	if (answer == PASS)
		bpf_sk_storage_delete(&streams, sk);
	return answer;
}
