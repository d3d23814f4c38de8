/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Learns of containers by their cgroups, in the kernel, so that the very first exec in one is
 * already attributed and judged: a directory whose name was announced gets the announced slot, one
 * below a known container belongs to it, and one that carries a container id is watched at once.
 */
#include "cgroup_leaf.h"
#include "common.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* In map memory and not on the stack: see scratch.bpf.h. */
struct cgroup_scratch {
	struct wire_cgroup rec;
	struct wire_leaf key;
	struct leaf_scan scan;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cgroup_scratch);
} cgroup_scratches SEC(".maps");

static __always_inline struct cgroup_scratch *scratch_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&cgroup_scratches, &zero);
}

static long scan_byte(u32 i, struct cgroup_scratch **ctx)
{
	struct cgroup_scratch *s = *ctx;

	return leaf_step(&s->scan, i, s->rec.leaf[i & (WIRE_LEAF_MAX - 1)]);
}

/* Cuts the container id out of rec.leaf into key; without one the whole name. True with an id. */
static __always_inline bool leaf_key(struct cgroup_scratch *s)
{
	u32 from;

	__builtin_memset(&s->key, 0, sizeof(s->key));
	__builtin_memset(&s->scan, 0, sizeof(s->scan));
	bpf_loop(WIRE_LEAF_MAX, scan_byte, &s, 0);
	if (s->scan.end < LEAF_ID || s->scan.end >= WIRE_LEAF_MAX) {
		__builtin_memcpy(s->key.name, s->rec.leaf, WIRE_LEAF_MAX);
		return false;
	}
	from = (s->scan.end - LEAF_ID) & (LEAF_ID - 1);
	bpf_probe_read_kernel(s->key.name, LEAF_ID, s->rec.leaf + from);
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

/* Is this new cgroup ours? Fills the entry it gets and rec.known. */
static __always_inline bool cgroup_recognise(struct cgroup_scratch *s, struct wire_cgroup_entry *entry)
{
	struct wire_cgroup_entry *parent = bpf_map_lookup_elem(&cgroups, &s->rec.parent);
	bool named;
	u32 *slot;

	entry->container = s->rec.header.cgroup;
	s->rec.known = 1;
	if (parent && (parent->slot || !starts_with(s->rec.leaf, "libpod-"))) {
		*entry = *parent;
		return true;
	}
	named = leaf_key(s);
	slot = bpf_map_lookup_elem(&expected, &s->key);
	if (parent && !(named && slot)) {
		*entry = *parent;
		return true;
	}
	/* Announced, below one that no rule is for: podman's pods are cgroups with an id of their own. */
	if (slot) {
		entry->slot = *slot;
		return true;
	}
	s->rec.known = 0;
	return named && !leaf_is_monitor(s->rec.leaf);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgrp)
{
	struct cgroup_scratch *s = scratch_get();
	struct wire_cgroup_entry entry = {};
	u64 id;

	if (!s || cgrp->root->hierarchy_id != hierarchy)
		return 0;
	cgroup_fill(&s->rec, cgrp, WIRE_CGROUP_MADE);
	if (!cgroup_recognise(s, &entry))
		return 0;
	id = s->rec.header.cgroup;
	if (bpf_map_update_elem(&cgroups, &id, &entry, BPF_ANY))
		count(WIRE_DROPPED_CGROUP);
	security_send(&s->rec.header, sizeof(s->rec), entry.container == id);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgrp)
{
	struct cgroup_scratch *s = scratch_get();
	u64 id = cgrp->kn->id;

	if (!s || cgrp->root->hierarchy_id != hierarchy || !bpf_map_lookup_elem(&cgroups, &id))
		return 0;
	bpf_map_delete_elem(&cgroups, &id);
	cgroup_fill(&s->rec, cgrp, WIRE_CGROUP_GONE);
	s->rec.known = 1;
	security_send(&s->rec.header, sizeof(s->rec), false);
	return 0;
}
