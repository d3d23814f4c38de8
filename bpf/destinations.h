/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * Destinations that mean something by themselves: the metadata services of clouds, the API of
 * Kubernetes, the engines and nodes that an intruder goes on to. Told by address, port and protocol of one
 * attempt, without state. Compiled for the kernel (bpf/network.bpf.c) and for userspace (src/policy/match.c).
 */
#pragma once

#include "event_wire.h"

enum { /* what a destination is; several may be true */
	DESTINATION_METADATA = 1,
	DESTINATION_KUBE_API = 2,
	DESTINATION_LATERAL = 4,
};

#define DESTINATION_TCP 6
#define DESTINATION_V4(a, b, c, d) ((wire_u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define DESTINATION_PORT_DNS 53

static inline __attribute__((always_inline)) wire_u32 destination_word(const wire_u8 *p)
{
	return (wire_u32)p[0] << 24 | (wire_u32)p[1] << 16 | (wire_u32)p[2] << 8 | p[3];
}

/*
 * The same addresses answer questions for names (port 53) on some clouds, which everybody asks. One of
 * Azure's does much else besides; one of Google's nodes serves pods on a port of its own.
 */
static inline __attribute__((always_inline)) int destination_metadata_v4(wire_u32 address, wire_u16 port)
{
	switch (address) {
	case DESTINATION_V4(169, 254, 169, 254): /* nearly everybody */
	case DESTINATION_V4(169, 254, 170, 2):	 /* Amazon ECS: credentials of a task */
	case DESTINATION_V4(169, 254, 170, 23):	 /* Amazon EKS: credentials of a pod */
	case DESTINATION_V4(100, 100, 100, 200): /* Alibaba */
	case DESTINATION_V4(169, 254, 0, 23):	 /* Tencent */
	case DESTINATION_V4(169, 254, 42, 42):	 /* Scaleway */
	case DESTINATION_V4(192, 0, 0, 192):	 /* Oracle, classic */
		return port != DESTINATION_PORT_DNS;
	case DESTINATION_V4(169, 254, 169, 252): /* Google GKE */
		return port == 988;
	case DESTINATION_V4(168, 63, 129, 16): /* Azure: wire server, settings of the virtual machine */
		return port == 80 || port == 32526;
	default:
		return 0;
	}
}

static inline __attribute__((always_inline)) int destination_metadata_v6(const wire_u8 *a, wire_u16 port)
{
	wire_u32 first = destination_word(a), last = destination_word(a + 12);

	if (port == DESTINATION_PORT_DNS || destination_word(a + 8))
		return 0;
	if (first == 0xfd000ec2 && !destination_word(a + 4)) /* Amazon; credentials of a pod */
		return last == 0x254 || last == 0x23;
	if (first == 0xfd0000c1 && !destination_word(a + 4)) /* Oracle */
		return last == 0xa9fea9fe;
	if (first == 0xfd2000ce && !destination_word(a + 4)) /* Google */
		return last == 0x254;
	if (first == 0xfd000042 && !destination_word(a + 4)) /* Scaleway */
		return last == 0x42;
	return first == 0xfe800000 && last == 0xa9fea9fe; /* OpenStack */
}

/* Ourselves: loopback, and the unspecified address, which is another word for it. */
static inline __attribute__((always_inline)) int destination_is_here(const wire_u8 *a, int v4)
{
	wire_u32 last = destination_word(a + 12);

	if (v4)
		return last >> 24 == 127 || !last;
	return !destination_word(a) && !destination_word(a + 4) && !destination_word(a + 8) && last <= 1;
}

static inline __attribute__((always_inline)) int destination_port_is_lateral(wire_u16 port)
{
	switch (port) {
	case 2375: case 2376: case 2377: /* engines: plain, TLS; swarm */
	case 2379: case 2380:		 /* etcd */
	case 10250: case 10255:		 /* kubelet */
		return 1;
	default:
		return 0;
	}
}

/* address: as in records. */
static inline __attribute__((always_inline)) wire_u32 destination_classify(const wire_u8 *address, wire_u16 port, wire_u32 proto)
{
	int v4 = !destination_word(address) && !destination_word(address + 4) && destination_word(address + 8) == 0xffff;
	wire_u32 found = 0;

	if (proto != DESTINATION_TCP)
		return 0;
	if (v4 ? destination_metadata_v4(destination_word(address + 12), port) : destination_metadata_v6(address, port))
		found |= DESTINATION_METADATA;
	if (port == 6443)
		found |= DESTINATION_KUBE_API;
	if (destination_port_is_lateral(port) && !destination_is_here(address, v4))
		found |= DESTINATION_LATERAL;
	return found;
}
