/* SPDX-License-Identifier: Apache-2.0 */
/* The message table and the bodies that only the wire knows: see messages.h. */
#include "ipc/messages.h"

#define FIELD(tag_, type_, member_) {tag_, FIELD_##type_, #member_, offsetof(struct T, member_), NULL, NULL, NULL}
#define FIELD_E(tag_, member_, names_) {tag_, FIELD_ENUM, #member_, offsetof(struct T, member_), &names_, NULL, NULL}
#define FIELD_R(tag_, member_, desc_) {tag_, FIELD_RECORDS, #member_, offsetof(struct T, member_), NULL, &desc_, NULL}
#define DESC(name_)                                                                                \
	static const struct record_desc name_##_desc = {#name_, sizeof(struct name_),              \
		name_##_fields, sizeof(name_##_fields) / sizeof(name_##_fields[0]), NULL}

static const char *const role_names_[] = {"", "defender", "gate", "3", "console"};
static const struct enum_names role_names = {role_names_, 5};

#define T ipc_hello
static const struct field_desc ipc_hello_fields[] = {
	FIELD(1, U32, version),
	FIELD_E(2, role, role_names),
	FIELD(3, STR, program),
	FIELD(4, U32, pid),
};
DESC(ipc_hello);
#undef T

#define T ipc_seq
static const struct field_desc ipc_seq_fields[] = {FIELD(1, U64, seq)};
DESC(ipc_seq);
#undef T

#define T ipc_blob
static const struct field_desc ipc_blob_fields[] = {FIELD(1, U64, revision), FIELD(2, BLOB, data)};
DESC(ipc_blob);
#undef T

#define T ipc_query
static const struct field_desc ipc_query_fields[] = {
	FIELD(1, STR, container),
	FIELD(2, TIME, since),
	FIELD(3, TIME, until),
	FIELD(4, U32, limit),
	FIELD(5, U64, after),
};
DESC(ipc_query);
#undef T

#define T ipc_events
static const struct field_desc ipc_events_fields[] = {
	FIELD_R(1, events, event_desc),
	FIELD(2, BOOL, last),
	FIELD(3, BOOL, more),
	FIELD(4, I32, error),
};
DESC(ipc_events);
#undef T

#define T ipc_processes
static const struct field_desc ipc_processes_fields[] = {
	FIELD_R(1, processes, process_desc),
	FIELD(2, I32, error),
};
DESC(ipc_processes);
#undef T

#define T ipc_engine
static const struct field_desc ipc_engine_fields[] = {
	FIELD_E(1, kind, runtime_kind_names),
	FIELD(2, STR, socket),
};
DESC(ipc_engine);
#undef T

#define T ipc_result
static const struct field_desc ipc_result_fields[] = {FIELD(1, I32, error), FIELD(2, STR, message)};
DESC(ipc_result);
#undef T

#define T ipc_stop
static const struct field_desc ipc_stop_fields[] = {
	FIELD(1, STR, container),
	FIELD_E(2, runtime, runtime_kind_names),
	FIELD(3, STR, reason),
};
DESC(ipc_stop);
#undef T

#define T ipc_pid
static const struct field_desc ipc_pid_fields[] = {FIELD(1, STR, container), FIELD(2, U32, pid)};
DESC(ipc_pid);
#undef T

#define T ipc_admission
static const struct field_desc ipc_admission_fields[] = {
	{1, FIELD_RECORD, "container", offsetof(struct T, container), NULL, &container_desc, NULL},
	FIELD(2, STR, bundle),
};
DESC(ipc_admission);
#undef T

static const char *const listener_names_[] = {"", "shim", "authz", "proxy", "webhook"};
static const struct enum_names listener_names = {listener_names_, IPC_LISTENER_COUNT_};

#define T ipc_listener
static const struct field_desc ipc_listener_fields[] = {
	FIELD_E(1, kind, listener_names),
	FIELD(2, STR, address),
	FIELD(3, BLOB, tls),
};
DESC(ipc_listener);
#undef T

#define T ipc_daemon
static const struct field_desc ipc_daemon_fields[] = {
	FIELD(1, STR, socket),
	FIELD(2, U32, pid),
	FIELD(3, STRS, words),
	FIELD(4, STR, config_path),
	FIELD(5, BLOB, config),
	FIELD(6, I32, config_error),
};
DESC(ipc_daemon);
#undef T

#define ANY (IPC_DEFENDER | IPC_GATE | IPC_CONSOLE)

static const struct ipc_message messages[] = {
	{IPC_HELLO, ANY, &ipc_hello_desc},
	{IPC_STATUS, IPC_DEFENDER, &status_desc},
	{IPC_CONTAINER, IPC_DEFENDER | IPC_GATE, &container_desc},
	{IPC_EDGE, IPC_DEFENDER, &edge_desc},
	{IPC_AUDIT, IPC_DEFENDER, &audit_desc},
	{IPC_AUDIT_ACK, IPC_CONSOLE, &ipc_seq_desc},
	{IPC_POLICY, IPC_CONSOLE | IPC_DEFENDER, &ipc_blob_desc},
	{IPC_QUERY_EVENTS, IPC_CONSOLE, &ipc_query_desc},
	{IPC_EVENTS, IPC_DEFENDER, &ipc_events_desc},
	{IPC_QUERY_PROCESSES, IPC_CONSOLE, &ipc_query_desc},
	{IPC_PROCESSES, IPC_DEFENDER, &ipc_processes_desc},
	{IPC_RUNTIME, IPC_GATE, &runtime_status_desc},
	{IPC_ENGINE_OPEN, IPC_GATE, &ipc_engine_desc},
	{IPC_ENGINE_FD, IPC_DEFENDER, &ipc_result_desc},
	{IPC_STOP, IPC_DEFENDER, &ipc_stop_desc},
	{IPC_STOP_DONE, IPC_GATE, &ipc_result_desc},
	{IPC_SYNCED, IPC_GATE, &ipc_result_desc},
	{IPC_PROCESS_STARTED, IPC_GATE, &ipc_pid_desc},
	{IPC_GATE_AUDIT, IPC_GATE, &audit_desc},
	{IPC_GATE_AUDIT_ACK, IPC_DEFENDER, &ipc_seq_desc},
	{IPC_ADMIT, IPC_GATE, &ipc_admission_desc},
	{IPC_ADMITTED, IPC_DEFENDER, &ipc_result_desc},
	{IPC_LISTENER, IPC_DEFENDER, &ipc_listener_desc},
	{IPC_PING, IPC_DEFENDER, &ipc_seq_desc},
	{IPC_PONG, IPC_GATE, &ipc_seq_desc},
	{IPC_FINDING, IPC_DEFENDER | IPC_GATE, &compliance_finding_desc},
	{IPC_DAEMON, IPC_DEFENDER, &ipc_daemon_desc},
	{IPC_FINDINGS_ASK, IPC_DEFENDER, &ipc_seq_desc},
};

const struct ipc_message *ipc_message(unsigned type)
{
	return type >= 1 && type < IPC_TYPE_COUNT_ ? &messages[type - 1] : NULL;
}
