/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of one kernel record through the Defender:
 *   event_fill (borrowed struct event) -> event_track (process table) -> verdict_carry_out
 *   -> held until its container has a name -> event_tell (journal, audit, edge).
 * Nothing here takes heap; strings live in the record, in the scratch or in the tables, until the
 * next record.
 */
#pragma once

#include "defender/container_table.h"
#include "defender/process_table.h"
#include "model/records.h"

struct defender;
struct wire_header;
struct wire_process;

#define EVENT_ARGS_MAX 4096u     /* arguments kept of one exec; more: truncated */
#define EVENT_ANCESTORS 8u
#define EVENT_ANCESTOR_ARGS 32u
#define EVENT_ENCODED_MAX (128u << 10)

/* What was decided and done about one record. Plain data: it waits in the hold queue as it is. */
struct outcome {
	enum detection detection;
	enum evidence evidence;
	enum effect effect; /* asked */
	enum done done;
	uint64_t latency_ns;
	bool again; /* a blocked container came back */
	char rule[256];
	char sign[160]; /* what gave it away: the bare sign, or */
	bool phrase;    /* ... words for people already ("argument '-o'") */
	char note[128]; /* why less was done than asked */
};

/* A record on its way. */
struct happening {
	const struct wire_header *record;
	const struct wire_process *process; /* NULL when the record has none */
	struct container_entry *entry;      /* NULL when its cgroup is gone and was never known */
	struct event e;                     /* borrowed */
	bool late; /* the kernel could not judge it by the rule that is in force now */
};

/* Working memory for one record at a time. */
struct event_scratch {
	char *args[EVENT_ARGS_MAX];
	char scrubbed[48u << 10];
	char text[PROCESS_TEXT_MAX + 1];
	char address[48];
	char user[16];
	char comm[20];
	char message[1024];
	char cgroup[32];
	struct process_view view;
	struct process_view parents[EVENT_ANCESTORS];
	struct ancestor ancestry[EVENT_ANCESTORS];
	char *ancestor_args[EVENT_ANCESTORS][EVENT_ANCESTOR_ARGS];
	char comms[EVENT_ANCESTORS][24];
	uint8_t encoded[EVENT_ENCODED_MAX];
};

/* event.c */
void event_tell(struct defender *d, struct happening *h, const struct outcome *o);
/* Only the audit: the recorder has had the event itself. */
void event_tell_finding(struct defender *d, struct happening *h, const struct outcome *o);
/* A held record goes on (callback of the hold queue). */
void event_released(void *ctx, const void *data, uint32_t size);

/* event_fill.c: false for records that are no event. */
bool event_fill(struct defender *d, struct happening *h);
/* The process table learns what the record says. */
void event_track(struct defender *d, const struct happening *h);
/* The text of NUL-terminated pieces as a list of at most `max` items; returns whether all fit. */
bool event_split(const char *text, uint32_t size, char **items, uint32_t max, struct str_list *ret);
const char *event_user(uint32_t uid, char out[16]);

/* verdict.c: what the kernel decided, what is still to be judged, and carrying it out. An outcome that
 * has a detection already is only carried out. */
void verdict_carry_out(struct defender *d, const struct happening *h, struct outcome *o);

/* rejudge.c: what runs already is judged by the rule in force now: processes that began before that
 * moment (CLOCK_BOOTTIME ns); all of every container. */
void rejudge_container(struct defender *d, struct container_entry *e, uint64_t started_before);
void rejudge_all(struct defender *d);

/* audit.c: one audit of a record's outcome, folded with its like. */
void audit_tell(struct defender *d, const struct happening *h, const struct outcome *o);
/* An audit about ourselves: drops, gaps, sensors. */
void audit_system(struct defender *d, uint64_t first, uint64_t last, const char *message);
/* A critical compliance check fails. */
void audit_compliance(struct defender *d, const struct compliance_finding *f);
/* Callback of fold.c: to spool and Console. */
int audit_emit(void *ctx, const struct audit *a);
