/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nouns that every program shares. Each struct has a table (xxx_desc) in records.c: JSON keys
 * follow interface.md. Strings are owned by the struct (record_done frees them) unless a function's
 * contract says that it borrows: the Defender's event path fills these structs with borrowed views,
 * encodes them into a fixed buffer and never calls record_done on them.
 */
#pragma once

#include "model/enums.h"
#include "model/record.h"

/* One step of a process's ancestry, nearest parent first. */
struct ancestor {
	uint32_t pid;
	char *path;           /* executable, or comm in [brackets] when the path is not known */
	struct str_list args; /* empty when not known */
};

struct process {
	uint32_t pid;  /* in the host's pid namespace */
	uint32_t ppid;
	uint64_t start; /* wall ns */
	char *path;     /* as seen inside the container */
	struct str_list args;
	bool args_truncated;
	char *user; /* uid, or name when known */
	struct record_list ancestry; /* struct ancestor */
};

struct network {
	enum direction direction;
	enum proto proto;
	char *address; /* of the other side */
	uint32_t port; /* of the other side when outbound, ours when inbound or listening */
	char *country; /* ISO 3166-1 alpha-2, filled by the Console */
	char *domain;
};

/* Which container an audit is about: the part of struct container that a reader needs. */
struct container_ref {
	char *id;
	char *name;
	char *image;
	char *digest;
	char *pod;
	char *namespace_;
	char *workload;
};

struct container {
	char *id;   /* full */
	char *name; /* without Docker's leading slash */
	char *image;  /* as the user named it, canonical: docker.io/library/alpine:latest */
	char *digest; /* image id or repository digest, "sha256:..." */
	enum runtime_kind runtime;
	uint32_t pid; /* of its init, host namespace; 0 when not running */
	enum container_state state;
	uint64_t created, started, finished; /* wall ns */
	int32_t exit_code;
	char *blocked_by; /* name of the rule */
	char *blocked_reason;
	char *pod;
	char *namespace_;
	char *workload;
	struct kv_list labels;
	char *trusted;     /* NULL = not judged */
	char *model_state; /* NULL = no model */
	enum severity worst;
	struct str_list addresses; /* own IP addresses, so that edges meet their node */
	struct str_list networks;
	bool privileged;
	char *host;
	char *rule;     /* runtime rule in force, NULL = none matches */
	char *restart_policy;
	char *compose_project;
};

/* A command to a container engine: what an access audit is about. */
struct engine_command {
	char *user; /* NULL = nobody in particular: the local socket */
	struct str_list groups;
	char *address; /* of the client; NULL = local */
	char *action;  /* "container_create" */
	char *target;  /* container, image, network, ... */
	char *method;
	char *path;    /* without the query */
	struct str_list parameters; /* what was asked for: "privileged=true", "bind=/:/host" */
	char *verdict; /* "allow", "alert", "deny" */
};

struct audit {
	char *id;
	uint64_t time; /* wall ns */
	enum audit_kind kind;
	enum detection detection;
	char *rule;
	uint64_t revision; /* of the policy */
	enum effect effect; /* asked */
	enum done done;
	enum severity severity;
	struct str_list techniques;
	char *message;
	enum evidence evidence;
	struct process process;
	char *file;
	char *hash;
	struct network network;
	struct container_ref container;
	char *host;
	uint32_t count; /* repeats folded into this one, at least 1 */
	uint64_t first, last;
	char *incident; /* id, set by the Console */
	uint64_t latency_ns; /* kernel event to verdict carried out; 0 = not measured */
	struct engine_command command; /* of access audits */
};

/* One entry of the flight recorder; a row of `seawall forensics`. */
struct event {
	uint64_t seq; /* of the journal, increasing on one host */
	uint64_t time; /* wall ns */
	enum event_type type;
	char *container; /* id */
	char *container_name;
	char *image;
	uint32_t pid, ppid;
	char *path;
	struct str_list args;
	bool args_truncated;
	enum file_origin origin; /* of an executed file that the image did not bring */
	bool scan;               /* connect: one of a scan's many */
	char *syscall;           /* its name */
	bool refused;            /* ... and the kernel refused it */
	bool borrowed_rights;    /* exec: of a SUID or SGID file, with its owner's rights */
	char *user;
	int32_t exit_code;   /* exit and stop */
	int32_t exit_signal; /* exit */
	enum direction direction; /* exec: of the connection that its input and output lead to, which follows */
	enum proto proto;
	char *address;
	uint32_t port;
	char *country;
	char *domain;
	char *file;
	char *audit; /* id of the audit this entry stands for */
	enum detection detection;
	enum effect effect;
	enum done done;
	char *message;
	uint64_t count; /* folded repeats, at least 1 */
	uint64_t first, last;
	uint64_t bytes_sent, bytes_received;
};

/* An observed connection, aggregated: both directions' counters are absolute, not deltas. */
struct edge {
	char *container; /* id of the container that connects, accepts or listens */
	uint32_t pid;
	char *process; /* path of the executable */
	enum direction direction;
	enum proto proto;
	char *address; /* other side; for listen: own address */
	uint32_t port; /* as struct network */
	char *domain;
	uint64_t count;
	uint64_t bytes_sent, bytes_received;
	uint64_t first, last;
	enum effect effect; /* EFFECT_DISABLE = allowed */
};

struct sensor_status {
	char *name;
	enum sensor_state state;
	char *reason;
	uint64_t verified_at;
};

struct runtime_status {
	enum runtime_kind kind;
	char *version;
	char *socket;
	char *state; /* "connected", "away: why" */
};

struct defender_status {
	uint32_t pid;
	uint64_t rss;
	double cpu_percent;
	uint64_t cpu_ns;
};

struct event_counters {
	uint64_t seen;
	uint64_t dropped_security;
	uint64_t dropped_bulk;
	uint64_t blind_ms;
};

struct status {
	bool ready; /* enforcement is on */
	char *version;
	char *kernel;
	char *host;
	struct defender_status defender;
	struct record_list sensors;   /* struct sensor_status */
	struct record_list enforcers; /* struct sensor_status */
	struct record_list runtimes;  /* struct runtime_status */
	struct event_counters events;
	uint32_t containers; /* running */
	uint64_t policy_revision;
	struct str_list warnings; /* what is weakened or missing, for people */
};

struct incident {
	char *id;
	uint64_t opened, updated;
	char *category; /* detection title of the worst audit */
	enum severity severity;
	char *state; /* "open" | "acknowledged" */
	struct container_ref container;
	uint32_t audits;
	char *story; /* one paragraph */
	char *host;
};

/* One check of one resource: a row of `seawall compliance`. */
struct compliance_finding {
	char *id;    /* "privileged@CONTAINER": one for each check and target of a host */
	char *check; /* id of the check */
	char *cis;   /* its number in CIS Docker Benchmark 1.6.0, NULL = not of it */
	enum severity severity;
	char *title;    /* what should be */
	char *resource; /* "container", "image", "daemon", "host", "file" */
	char *target;   /* container id, image, socket, path */
	struct container_ref container; /* of container findings */
	bool passed;
	char *cause;    /* why it failed */
	char *remedy;   /* how to mend it */
	enum effect effect; /* of the rule: DISABLE, ALERT, BLOCK */
	char *rule;
	char *host;
	uint64_t time; /* wall ns of the last look */
};

extern const struct record_desc engine_command_desc, compliance_finding_desc, ancestor_desc, process_desc, network_desc, container_ref_desc,
	container_desc, audit_desc, event_desc, edge_desc, sensor_status_desc, runtime_status_desc,
	defender_status_desc, event_counters_desc, status_desc, incident_desc;

/* Every record above, for the schema page and for the test that walks the tables. */
extern const struct record_desc *const all_records[];
extern const size_t all_records_count;
