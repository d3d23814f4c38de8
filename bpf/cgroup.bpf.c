/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Learns of containers by their cgroups, in the kernel, so that the very first exec in one is
 * already attributed and judged: a directory whose name was announced gets the announced slot, one
 * below a known container belongs to it, and one that carries a container id is watched at once.
 */
#include "cgroup_leaf.h"
#include "common.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct scan_ctx {
	struct leaf_scan scan;
	const char *leaf;
};

static long scan_byte(u32 i, struct scan_ctx *c)
{
	return leaf_step(&c->scan, i, c->leaf[i & (WIRE_LEAF_MAX - 1)]);
}

/* Cuts the container id out of rec->leaf into key; without one the whole name. True with an id. */
static __always_inline bool leaf_key(const struct wire_cgroup *rec, struct wire_leaf *key)
{
	struct scan_ctx c = {.leaf = rec->leaf};
	u32 from;

	bpf_loop(WIRE_LEAF_MAX, scan_byte, &c, 0);
	if (c.scan.end < LEAF_ID || c.scan.end >= WIRE_LEAF_MAX) {
		bpf_probe_read_kernel(key->name, WIRE_LEAF_MAX, rec->leaf);
		return false;
	}
	from = c.scan.end - LEAF_ID;
	if (from > WIRE_LEAF_MAX - LEAF_ID)
		return false;
	bpf_probe_read_kernel(key->name, LEAF_ID, rec->leaf + from);
	return true;
}

/* podman's monitor lives beside its container in a cgroup that carries the same id. */
static __always_inline bool leaf_is_monitor(const char *leaf)
{
	return starts_with(leaf, "libpod-conmon-") || starts_with(leaf, "crio-conmon-");
}

static __always_inline void cgroup_fill(struct wire_cgroup *rec, struct cgroup *cgrp, u32 kind)
{
	__builtin_memset(rec, 0, sizeof(*rec));
	header_fill(&rec->header, WIRE_CGROUP, cgrp->kn->id);
	rec->parent = cgrp->self.parent->cgroup->kn->id;
	rec->kind = kind;
	bpf_probe_read_kernel_str(rec->leaf, sizeof(rec->leaf), cgrp->kn->name);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgrp)
{
	struct wire_cgroup_entry entry = {}, *parent;
	struct wire_leaf key = {};
	struct wire_cgroup rec;
	bool watch = true;
	u32 *slot;
	u64 id;

	if (cgrp->root->hierarchy_id != hierarchy)
		return 0;
	cgroup_fill(&rec, cgrp, WIRE_CGROUP_MADE);
	id = rec.header.cgroup;
	entry.container = id;
	parent = bpf_map_lookup_elem(&cgroups, &rec.parent);
	if (parent) {
		entry = *parent;
		rec.known = 1;
	} else {
		watch = leaf_key(&rec, &key);
		slot = bpf_map_lookup_elem(&expected, &key);
		if (slot) {
			entry.slot = *slot;
			rec.known = 1;
		} else if (!watch || leaf_is_monitor(rec.leaf)) {
			return 0;
		}
	}
	if (bpf_map_update_elem(&cgroups, &id, &entry, BPF_ANY))
		count(WIRE_DROPPED_CGROUP);
	security_send(&rec.header, sizeof(rec), !parent);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgrp)
{
	struct wire_cgroup rec;
	u64 id = cgrp->kn->id;

	if (cgrp->root->hierarchy_id != hierarchy || !bpf_map_lookup_elem(&cgroups, &id))
		return 0;
	bpf_map_delete_elem(&cgroups, &id);
	cgroup_fill(&rec, cgrp, WIRE_CGROUP_GONE);
	rec.known = 1;
	security_send(&rec.header, sizeof(rec), false);
	return 0;
}
