/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force: received from the Console in its checked binary form, put into the kernel,
 * kept on disk so that a Defender without a Console enforces it from its first second on.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/gates.h"
#include "defender/host_checks.h"

#define POLICY_BYTES_MAX (32u << 20)
#define FILE_NAME "policy.bin"

const struct runtime_rule *rules_of(const struct defender *d, const struct container_entry *e)
{
	const struct container *c = &e->info;
	struct policy_subject s = {.image = c->image, .container = c->name, .labels = &c->labels,
		.namespace_ = c->namespace_, .host = d->config.host};

	return d->policy && e->named ? policy_runtime_rule(d->policy, &s) : NULL;
}

const char *rules_slot_name(const struct defender *d, uint32_t slot)
{
	return slot < SLOT_NAMES_MAX && d->slot_names[slot] ? d->slot_names[slot] : "";
}

/* The slots of the last policy keep their names: records judged by it may still be on their way. */
static void name_slots(struct defender *d)
{
	for (uint32_t i = 0; i < d->policy->runtime_count; i++) {
		uint32_t slot = d->slots[i];
		if (slot < SLOT_NAMES_MAX && str_set(&d->slot_names[slot], d->policy->runtime[i].name) < 0)
			log_warn(-ENOMEM, "a rule's name is missing in audits");
	}
}

static void soften(enum effect *e)
{
	if (*e > EFFECT_ALERT)
		*e = EFFECT_ALERT;
}

/* Dry run: every rule only tells, in the kernel as well. p is ours alone. */
static void soften_all(struct policy *p)
{
	for (uint32_t i = 0; i < p->runtime_count; i++) {
		struct runtime_rule *r = &p->runtime[i];
		for (int k = 0; k < DETECTION_COUNT_; k++)
			soften(&r->effects[k]);
		soften(&r->processes.effect);
		soften(&r->network.effect);
		soften(&r->files.effect);
	}
}

/* Takes a reference of p. The kernel gets it first: if it refuses, nothing changes. */
static int put_in_force(struct defender *d, struct policy *p)
{
	uint32_t slots[POLICY_RULES_MAX] = {0}, cursor = 0;
	struct diag diag = {0};

	if (d->config.dry_run)
		soften_all(p);
	int r = d->sensor ? sensor_policy_apply(d->sensor, p, slots, &diag) : 0;
	if (r < 0)
		return log_err(r, "the kernel does not take policy revision %llu: %s", (unsigned long long)p->revision, diag.message);
	bool changed = !d->policy || d->policy->revision != p->revision; /* else the Console only came back */
	policy_unref(d->policy);
	d->policy = policy_ref(p);
	memcpy(d->slots, slots, sizeof(slots));
	name_slots(d);
	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));) {
		containers_assign(d, e);
		containers_publish(d, e); /* also when only the rule's name changed */
	}
	block_review(d);
	gates_policy(d);
	host_checks_policy(d);
	if (changed)
		rejudge_all(d);
	return 0;
}

int rules_load(struct defender *d)
{
	CLEANUP(buf_done) struct buf in = BUF_INIT(POLICY_BYTES_MAX);
	CLEANUP(policy_unref) struct policy *p = NULL;
	char path[512];

	int r = file_read(defender_path(d, FILE_NAME, path, sizeof(path)), &in);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = policy_decode(&p, in.data, in.len);
	if (r < 0)
		return log_err(r, "cannot read the last policy '%s'", path);
	r = put_in_force(d, p);
	if (r == 0)
		log_info("policy revision %llu is in force again", (unsigned long long)p->revision);
	return r;
}

int rules_replace(struct defender *d, const void *data, uint32_t size)
{
	CLEANUP(policy_unref) struct policy *p = NULL;
	char path[512];

	int r = policy_decode(&p, data, size);
	if (r < 0)
		return log_err(r, "the policy that was received is damaged, keeping the old one");
	r = put_in_force(d, p);
	if (r < 0)
		return r;
	log_info("policy revision %llu is in force", (unsigned long long)p->revision);
	r = file_write_atomic(defender_path(d, FILE_NAME, path, sizeof(path)), data, size, 0600);
	if (r < 0)
		log_warn(r, "cannot keep the policy in '%s', ignoring", path);
	return 0;
}
