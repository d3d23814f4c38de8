/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * The key under which a container's cgroup is expected. Engines wrap the 64 hex digits of the
 * container's id differently ("ID", "docker-ID.scope", "cri-containerd-ID.scope", "libpod-ID"), so
 * the key is the id alone where the name holds one, and the whole name otherwise.
 * Compiled for the kernel and for userspace: one rule.
 */
#pragma once

#include "event_wire.h"

#define LEAF_ID 64

/* Walks `leaf` byte by byte; leaf_scan.run reaches LEAF_ID where an id ends. */
struct leaf_scan {
	wire_u32 run;
	wire_u32 end; /* index after the id; 0 = none */
};

static inline __attribute__((always_inline)) int leaf_is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* One byte; returns 1 when the scan is over. */
static inline __attribute__((always_inline)) int leaf_step(struct leaf_scan *s, wire_u32 i, char c)
{
	if (!leaf_is_hex(c)) {
		if (s->run == LEAF_ID) {
			s->end = i;
			return 1;
		}
		s->run = 0;
		return c == 0;
	}
	s->run++;
	return 0;
}
