/* SPDX-License-Identifier: Apache-2.0 */
/* The closed vocabularies of the product and their names in JSON. Values are stored: never renumber. */
#pragma once

#include "model/record.h"

enum effect { EFFECT_DISABLE, EFFECT_ALERT, EFFECT_PREVENT, EFFECT_BLOCK, EFFECT_COUNT_ };
extern const struct enum_names effect_names;

/* What was really done. WEAKENED: less than asked, the message says why. FAILED: tried, error. */
enum done { DONE_NONE, DONE_ALERT, DONE_PREVENT, DONE_BLOCK, DONE_WEAKENED, DONE_FAILED, DONE_COUNT_ };
extern const struct enum_names done_names;

enum severity { SEVERITY_NONE, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT_ };
extern const struct enum_names severity_names;

enum audit_kind {
	AUDIT_NONE, AUDIT_RUNTIME, AUDIT_ACCESS, AUDIT_TRUST, AUDIT_VULNERABILITY, AUDIT_COMPLIANCE,
	AUDIT_ADMISSION, AUDIT_ADMIN, AUDIT_SYSTEM /* gaps, drops, sensors */, AUDIT_COUNT_
};
extern const struct enum_names audit_kind_names;

enum container_state {
	CONTAINER_UNKNOWN, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_EXITED,
	CONTAINER_REMOVED, CONTAINER_BLOCKED, CONTAINER_STATE_COUNT_
};
extern const struct enum_names container_state_names;

enum runtime_kind { RUNTIME_NONE, RUNTIME_DOCKER, RUNTIME_CONTAINERD, RUNTIME_PODMAN, RUNTIME_CRIO, RUNTIME_COUNT_ };
extern const struct enum_names runtime_kind_names;

enum event_type {
	EVENT_NONE,
	EVENT_CREATE, EVENT_START, EVENT_STOP, EVENT_REMOVE, /* of the container */
	EVENT_FORK, EVENT_EXEC, EVENT_EXIT,                  /* of a process */
	EVENT_CONNECT, EVENT_ACCEPT, EVENT_LISTEN, EVENT_CLOSE,
	EVENT_AUDIT,
	EVENT_GAP, /* we could not see: drops, restart */
	EVENT_SYSCALL, /* one that needs a capability: policy/calls.h */
	EVENT_SOCKET, /* a socket that has no other side: raw */
	EVENT_TYPE_COUNT_
};
extern const struct enum_names event_type_names;

enum direction { DIRECTION_NONE, DIRECTION_OUTBOUND, DIRECTION_INBOUND, DIRECTION_LISTEN, DIRECTION_COUNT_ };
extern const struct enum_names direction_names;

enum proto { PROTO_NONE, PROTO_TCP, PROTO_UDP, PROTO_COUNT_ };
extern const struct enum_names proto_names;

enum sensor_state { SENSOR_OFF, SENSOR_ON, SENSOR_FAILED, SENSOR_STATE_COUNT_ };
extern const struct enum_names sensor_state_names;

/* The signs that give a finding away; `evidence` in JSON is the name. */
enum evidence {
	EVIDENCE_NONE, EVIDENCE_NAME, EVIDENCE_ARGV, EVIDENCE_STRATUM, EVIDENCE_DNS, EVIDENCE_SNI,
	EVIDENCE_ELF, EVIDENCE_BEHAVIOUR, EVIDENCE_PATH, EVIDENCE_ADDRESS, EVIDENCE_PORT,
	EVIDENCE_FILE, EVIDENCE_SYSCALL, EVIDENCE_DESCRIPTOR, EVIDENCE_COUNT_
};
extern const struct enum_names evidence_names;

/* Where an executed file comes from, as far as the kernel can tell. */
enum file_origin { ORIGIN_NONE, ORIGIN_NEW, ORIGIN_MODIFIED, ORIGIN_MEMORY, ORIGIN_COUNT_ };
extern const struct enum_names file_origin_names; /* "", new, modified, memory */

/* Ids of interface.md, in its order. */
enum detection {
	DETECTION_NONE,
	DETECTION_CRYPTO_MINER, DETECTION_REVERSE_SHELL, DETECTION_BIND_SHELL, DETECTION_MODIFIED_BINARY,
	DETECTION_NEW_BINARY, DETECTION_FILELESS_EXEC, DETECTION_ALTERED_PACKAGE, DETECTION_LATERAL_MOVEMENT,
	DETECTION_ENGINE_CLIENT, DETECTION_CLOUD_METADATA, DETECTION_KUBE_API, DETECTION_PORT_SCAN,
	DETECTION_RAW_SOCKET, DETECTION_SUID_EXEC, DETECTION_PRIVILEGE_ESCALATION, DETECTION_NAMESPACE_ESCAPE,
	DETECTION_MOUNT, DETECTION_PTRACE, DETECTION_KERNEL_MODULE, DETECTION_BPF_LOAD, DETECTION_RELEASE_AGENT,
	DETECTION_ENGINE_SOCKET, DETECTION_RUNTIME_OVERWRITE, DETECTION_SENSITIVE_FILE, DETECTION_ADMIN_ACCOUNT,
	DETECTION_SSH_ACCESS, DETECTION_PRELOAD_HIJACK, DETECTION_PERSISTENCE, DETECTION_PACKED_ELF,
	DETECTION_FOREIGN_ELF, DETECTION_LOG_TAMPER, DETECTION_MASS_RENAME, DETECTION_FEED_HASH,
	DETECTION_FEED_IP, DETECTION_FEED_DOMAIN, DETECTION_DENIED_PROCESS, DETECTION_DENIED_FILE,
	DETECTION_DENIED_PORT, DETECTION_DENIED_ADDRESS, DETECTION_DENIED_DOMAIN, DETECTION_UNEXPECTED_PROCESS,
	DETECTION_UNEXPECTED_PORT, DETECTION_UNEXPECTED_CONNECTION, DETECTION_UNEXPECTED_FILE,
	DETECTION_UNEXPECTED_DOMAIN, DETECTION_CUSTOM,
	DETECTION_COUNT_
};
extern const struct enum_names detection_names;

/* One row for each detection: what the field calls it. */
struct detection_info {
	enum detection id;
	enum severity severity;
	const char *technique; /* MITRE ATT&CK for Containers/Enterprise id */
	const char *title;     /* for people */
	bool built;            /* false: named by the contract, no detector yet */
};

const struct detection_info *detection_info(enum detection id);
