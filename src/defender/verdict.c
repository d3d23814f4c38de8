/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the kernel's verdict to the deed. The kernel judges nearly everything and has usually
 * acted already; left for here are stopping a whole container, killing after a dropped packet, and
 * judging what the kernel could not: cut arguments, and records older than their container's rule.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/event.h"

static const char *wire_sign(const struct wire_header *r)
{
	switch (r->type) {
	case WIRE_EXEC:
		return ((const struct wire_exec *)r)->sign;
	case WIRE_NET:
		return ((const struct wire_net *)r)->sign;
	case WIRE_PAYLOAD_HIT:
		return ((const struct wire_payload *)r)->sign;
	case WIRE_CALL:
		return ((const struct wire_call *)r)->name;
	default:
		return "";
	}
}

/* Values out of the kernel's record index tables here: out of range means none. */
static bool take_kernel(struct defender *d, const struct wire_header *r, struct outcome *o)
{
	const struct wire_verdict *v = &r->verdict;

	if (!v->detection || v->detection >= DETECTION_COUNT_)
		return false;
	o->detection = (enum detection)v->detection;
	o->evidence = v->evidence < EVIDENCE_COUNT_ ? (enum evidence)v->evidence : EVIDENCE_NONE;
	o->effect = v->effect < EFFECT_COUNT_ ? (enum effect)v->effect : EFFECT_ALERT;
	o->done = v->done < DONE_COUNT_ ? (enum done)v->done : DONE_ALERT;
	snprintf(o->rule, sizeof(o->rule), "%s", rules_slot_name(d, v->slot));
	snprintf(o->sign, sizeof(o->sign), "%.63s", wire_sign(r));
	return true;
}

/* A blocked container was started again; the kernel killed its first program. */
static bool take_blocked(struct defender *d, const struct happening *h, struct outcome *o)
{
	const struct blocked *b = h->entry ? block_find(d, h->entry->id) : NULL;

	if (h->record->verdict.slot != SENSOR_SLOT_KILL || h->record->verdict.effect != EFFECT_BLOCK)
		return false;
	if (h->record->type != WIRE_EXEC) {
		/* A process that has not died yet was refused a connection: nothing new, but once more. */
		if (h->entry)
			block_kill(d, h->entry, h->record->cgroup);
		return false;
	}
	o->again = true;
	o->effect = EFFECT_BLOCK;
	o->done = DONE_PREVENT;
	o->detection = b ? b->detection : DETECTION_DENIED_PROCESS;
	o->evidence = b ? b->evidence : EVIDENCE_NONE;
	snprintf(o->rule, sizeof(o->rule), "%s", b ? b->rule : "");
	return true;
}

static bool judge_here(struct defender *d, const struct happening *h, struct outcome *o)
{
	uint16_t cut = WIRE_ARGS_TRUNCATED | WIRE_ARGS_UNREADABLE | WIRE_PATH_TRUNCATED;
	const struct runtime_rule *rule = h->entry ? rules_of(d, h->entry) : NULL;

	if (!rule || !(h->late || (h->record->flags & cut)))
		return false;
	struct verdict v = policy_match_event(rule, &h->e);
	if (!v.detection || v.effect == EFFECT_DISABLE)
		return false;
	o->detection = v.detection;
	o->evidence = v.evidence;
	o->effect = v.effect;
	o->done = DONE_ALERT; /* nothing was stopped yet */
	snprintf(o->rule, sizeof(o->rule), "%s", rule->name);
	snprintf(o->sign, sizeof(o->sign), "%s", v.reason);
	o->phrase = true;
	return true;
}

static void fell_short(struct outcome *o, enum done done, const char *note, int r)
{
	o->done = done;
	if (r < 0)
		snprintf(o->note, sizeof(o->note), "%s: %s", note, strerror(-r));
	else
		snprintf(o->note, sizeof(o->note), "%s", note);
}

/* The process behind a refused packet or a late verdict still runs. */
static void kill_process(struct defender *d, const struct happening *h, struct outcome *o)
{
	bool refused = o->done == DONE_PREVENT; /* its exec or packet went nowhere already */

	if (!h->process) {
		if (!refused)
			fell_short(o, DONE_WEAKENED, "its process was gone", 0);
		return;
	}
	int r = enforce_kill_process(d->enforcer, (pid_t)h->process->pid, h->process->start);
	if (r == -ESRCH && !refused)
		fell_short(o, DONE_WEAKENED, "it had ended before it could be stopped", 0);
	else if (r < 0 && r != -ESRCH)
		fell_short(o, refused ? DONE_PREVENT : DONE_FAILED, "it could not be killed", r);
	else if (!refused)
		fell_short(o, DONE_WEAKENED, "killed only after it had started", 0);
}

static void block_container(struct defender *d, const struct happening *h, struct outcome *o)
{
	int r = h->entry ? block_kill(d, h->entry, h->record->cgroup) : -ENOENT;

	/* In progress: all are killed, some still end; block.c watches them and tells if they do not. */
	if (r == 0 || r == -EINPROGRESS)
		o->done = DONE_BLOCK;
	else
		fell_short(o, DONE_FAILED, "the container could not be killed", r);
	o->latency_ns = time_boot() - h->record->time;
	if (h->entry && !o->again)
		block_remember(d, h, o);
}

/* Nobody says it twice on one connection: a stricter rule later must still know (rejudge.c). */
static void keep_finding(const struct happening *h, const struct outcome *o)
{
	if (!h->entry || !h->process)
		return;
	h->entry->finding.pid = h->process->pid;
	h->entry->finding.start = h->process->start;
	h->entry->finding.detection = o->detection;
	h->entry->finding.evidence = o->evidence;
	memcpy(h->entry->finding.sign, o->sign, sizeof(h->entry->finding.sign) - 1);
}

void verdict_carry_out(struct defender *d, const struct happening *h, struct outcome *o)
{
	if (!o->detection && !take_blocked(d, h, o) && !take_kernel(d, h->record, o) && !judge_here(d, h, o))
		return;
	if (h->record->type == WIRE_PAYLOAD_HIT)
		keep_finding(h, o);
	if (d->config.dry_run) {
		fell_short(o, DONE_ALERT, "dry run", 0);
	} else if (o->effect == EFFECT_BLOCK) {
		block_container(d, h, o);
		return;
	} else if (o->effect == EFFECT_PREVENT) {
		/* A refused connection of a miner, or for a shell, leaves that: it goes too. A refused port does not. */
		bool leaves_it = h->record->type == WIRE_EXEC ? o->done != DONE_PREVENT
							       : o->detection == DETECTION_CRYPTO_MINER ||
									 o->detection == DETECTION_REVERSE_SHELL;
		if (leaves_it || o->done != DONE_PREVENT)
			kill_process(d, h, o);
	}
	o->latency_ns = time_boot() - h->record->time;
}
