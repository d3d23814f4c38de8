/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Defender as a whole: what it is made of and who calls whom. Only files of this folder include
 * it. One thread, one loop; a kernel record comes in through event_record() and everything it
 * causes happens before the next one is read, enforcement first.
 */
#pragma once

#include "base/loop.h"
#include "defender/container_table.h"
#include "enforce/enforce.h"
#include "ipc/ipc.h"
#include "policy/policy.h"
#include "sensor/sensor.h"

#define ENGINES_MAX 16
#define SLOT_NAMES_MAX 256u /* more than the kernel has slots */

struct defender_config {
	const char *state;     /* $SEAWALL_STATE */
	const char *host;      /* name of this host */
	struct {
		enum runtime_kind kind;
		const char *socket;
	} engines[ENGINES_MAX]; /* the only paths that are opened for the Gate */
	uint32_t engine_count;
	uint64_t journal_bytes; /* of the flight recorder */
	uint64_t spool_bytes;
	uint64_t block_ns;      /* how long a blocked container is remembered */
	uid_t gate_uid, console_uid;
	const char *cgroup_v1;  /* "pids": containers are told apart in that v1 hierarchy; NULL = in v2 */
	const char *webhook;    /* HOST:PORT at which an API server of Kubernetes asks; NULL = not */
	const char *proxy;      /* HOST:PORT at which the engine is offered to users with certificates; NULL = not */
	bool dry_run;           /* judge and tell, stop nothing */
};

/* What the loop calls us for. */
enum defender_source { SOURCE_SECURITY, SOURCE_BULK, SOURCE_SECOND, SOURCE_KILLS, SOURCE_COUNT_ };

struct blocked_list;
struct edge_table;
struct event_scratch;
struct fold;
struct gap;
struct gates;
struct hold;
struct host_checks;
struct process_table;
struct query_list;
struct recorder;
struct spool;
struct status_keeper;
struct stopper;

struct defender {
	struct defender_config config;
	struct loop *loop;
	struct loop_source *sources[SOURCE_COUNT_];
	struct sensor_set *sensor; /* NULL in tests that play the kernel themselves */
	struct enforcer *enforcer;

	struct policy *policy;             /* in force; NULL = none yet */
	uint32_t slots[POLICY_RULES_MAX];  /* of policy->runtime, in the kernel */
	char *slot_names[SLOT_NAMES_MAX];  /* rule names by slot, of this policy and the one before */

	struct container_table *containers;
	struct process_table *processes;
	struct hold *hold;
	struct blocked_list *blocked;
	struct stopper *stopper;
	struct edge_table *edges;
	struct fold *fold;
	struct recorder *recorder;
	struct spool *spool;
	struct query_list *queries;
	struct status_keeper *status;
	struct gap *gap;
	struct gates *gates;
	struct host_checks *host_checks;
	struct event_scratch *scratch;

	struct ipc_client *console;
	struct ipc_server *gate_server;
	struct ipc_peer *gate;             /* NULL while away */
	uint64_t wall_offset;              /* CLOCK_BOOTTIME to wall time */
	uint64_t started;                  /* CLOCK_BOOTTIME ns: the kernel half judges since then */
	uint64_t seen_since;               /* wall ns: what began before is old news at a sync */
	bool ready;                        /* sensors on, policy in force */
	uint64_t life_saved;               /* monotonic ns: life.c's list */
	uint32_t life_ticks;
	bool life_dirty;
};

/* defender.c: ret is made of everything but IPC and sensors, so that tests can drive it. */
int defender_new(struct defender **ret, const struct defender_config *config, struct loop *loop);
struct defender *defender_free(struct defender *d);
CLEANUP_DEFINE(struct defender, defender_free)
/* Loads the sensors, applies the last policy, finds what runs already. */
int defender_start(struct defender *d, struct diag *reterr);
/* Opens the sockets to Console and Gate and starts the timers. */
int defender_connect(struct defender *d);
/* The Console's connection, or NULL while it is away. */
struct ipc_peer *defender_console(const struct defender *d);
/* Wall time of a stamp of the kernel. */
uint64_t defender_wall(const struct defender *d, uint64_t boot_ns);
/* After a batch of records: to disk what they left, and an eye on kills under way. */
void defender_settle(struct defender *d);
/* state/defender/name into out; returns out. */
const char *defender_path(const struct defender *d, const char *name, char *out, size_t size);
/* Writes a list of ours (0600) in place of the old one; what it is of, for the warning when it cannot be kept. */
void defender_keep(const struct defender *d, const char *name, const struct buf *list, const char *what);

/* event.c: the sensor's callback. */
int event_record(void *ctx, const struct wire_header *record);

/* rules.c: the policy in force and its slots in the kernel. */
int rules_load(struct defender *d);                                    /* from disk, if there is one */
int rules_replace(struct defender *d, const void *data, uint32_t size); /* as received: checked, applied, kept */
const struct runtime_rule *rules_of(const struct defender *d, const struct container_entry *e);
/* Name of the rule behind a kernel slot; "" when not known (any more). */
const char *rules_slot_name(const struct defender *d, uint32_t slot);

/* containers.c: who is who. */
int containers_upsert(struct defender *d, const struct container *c);
int containers_told(struct defender *d, const struct container *c); /* by its engine */
void containers_gate_lost(struct defender *d); /* it will tell everything anew */
/* It has told all containers of one engine: the others of that kind are gone. */
void containers_gate_synced(struct defender *d, enum runtime_kind kind);
void containers_process_started(struct defender *d, const char *id, pid_t pid);
void containers_cgroup(struct defender *d, const struct wire_cgroup *w);
/* The entry behind a record's cgroup, made from the cgroup's own name when it is new; NULL = gone. */
struct container_entry *containers_of_cgroup(struct defender *d, uint64_t cgroup);
void containers_scan(struct defender *d); /* cgroups and processes that are there already */
/* Chooses the rule again (new policy, new name, blocked or not) and tells the kernel. */
void containers_assign(struct defender *d, struct container_entry *e);
void containers_publish(struct defender *d, struct container_entry *e);
/* Into the flight recorder: it was created, started, stopped or removed. wall 0 = now. */
void containers_record_life(struct defender *d, const struct container_entry *e, enum event_type type, uint64_t wall);
/* It is no more; what the engine calls by that id later is another one. */
void containers_removed(struct defender *d, struct container_entry *e);
/* The process in this cgroup or below that started first; 0 = there is none. */
uint32_t containers_first_process(int dir, int depth);
void containers_publish_all(struct defender *d);
void containers_expire(struct defender *d);
void containers_forget(void *ctx, struct container_entry *e);
