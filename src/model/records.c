/* SPDX-License-Identifier: Apache-2.0 */
/* The field tables of the records: see records.h. Tags are stored on disk: append, never reuse. */
#include "model/records.h"

#define FIELD(tag_, type_, member_) {tag_, FIELD_##type_, #member_, offsetof(struct T, member_), NULL, NULL, NULL}
#define FIELD_N(tag_, type_, member_, name_) {tag_, FIELD_##type_, name_, offsetof(struct T, member_), NULL, NULL, NULL}
#define FIELD_E(tag_, member_, names_) {tag_, FIELD_ENUM, #member_, offsetof(struct T, member_), &names_, NULL, NULL}
#define FIELD_R(tag_, type_, member_, desc_) {tag_, FIELD_##type_, #member_, offsetof(struct T, member_), NULL, &desc_, NULL}
#define T ancestor
static const struct field_desc ancestor_fields[] = {
	FIELD(1, U32, pid),
	FIELD(2, STR, path),
	FIELD(3, STRS, args),
};
const struct record_desc ancestor_desc = {"ancestor", sizeof(struct ancestor), ancestor_fields,
	sizeof(ancestor_fields) / sizeof(ancestor_fields[0]), "One step of a process ancestry"};
#undef T

#define T process
static const struct field_desc process_fields[] = {
	FIELD(1, U32, pid),
	FIELD(2, U32, ppid),
	FIELD(3, TIME, start),
	FIELD(4, STR, path),
	FIELD(5, STRS, args),
	FIELD(6, BOOL, args_truncated),
	FIELD(7, STR, user),
	FIELD_R(8, RECORDS, ancestry, ancestor_desc),
};
const struct record_desc process_desc = {"process", sizeof(struct process), process_fields,
	sizeof(process_fields) / sizeof(process_fields[0]), "A process"};
#undef T

#define T network
static const struct field_desc network_fields[] = {
	FIELD_E(1, direction, direction_names),
	FIELD_E(2, proto, proto_names),
	FIELD(3, STR, address),
	FIELD(4, U32, port),
	FIELD(5, STR, country),
	FIELD(6, STR, domain),
};
const struct record_desc network_desc = {"network", sizeof(struct network), network_fields,
	sizeof(network_fields) / sizeof(network_fields[0]), "The other side of a connection"};
#undef T

#define T container_ref
static const struct field_desc container_ref_fields[] = {
	FIELD(1, STR, id),
	FIELD(2, STR, name),
	FIELD(3, STR, image),
	FIELD(4, STR, digest),
	FIELD(5, STR, pod),
	FIELD_N(6, STR, namespace_, "namespace"),
	FIELD(7, STR, workload),
};
const struct record_desc container_ref_desc = {"container_ref", sizeof(struct container_ref), container_ref_fields,
	sizeof(container_ref_fields) / sizeof(container_ref_fields[0]), "Which container"};
#undef T

#define T container
static const struct field_desc container_fields[] = {
	FIELD(1, STR, id),
	FIELD(2, STR, name),
	FIELD(3, STR, image),
	FIELD(4, STR, digest),
	FIELD_E(5, runtime, runtime_kind_names),
	FIELD(6, U32, pid),
	FIELD_E(7, state, container_state_names),
	FIELD(8, TIME, created),
	FIELD(9, TIME, started),
	FIELD(10, TIME, finished),
	FIELD(11, I32, exit_code),
	FIELD(12, STR, blocked_by),
	FIELD(13, STR, blocked_reason),
	FIELD(14, STR, pod),
	FIELD_N(15, STR, namespace_, "namespace"),
	FIELD(16, STR, workload),
	FIELD(17, MAP, labels),
	FIELD(18, STR, trusted),
	FIELD(19, STR, model_state),
	FIELD_E(20, worst, severity_names),
	FIELD(21, STRS, addresses),
	FIELD(22, STRS, networks),
	FIELD(23, BOOL, privileged),
	FIELD(24, STR, host),
	FIELD(25, STR, rule),
	FIELD(26, STR, restart_policy),
	FIELD(27, STR, compose_project),
};
const struct record_desc container_desc = {"container", sizeof(struct container), container_fields,
	sizeof(container_fields) / sizeof(container_fields[0]), "A container on a host"};
#undef T

#define T engine_command
static const struct field_desc engine_command_fields[] = {
	FIELD(1, STR, user),
	FIELD(2, STRS, groups),
	FIELD(3, STR, address),
	FIELD(4, STR, action),
	FIELD(5, STR, target),
	FIELD(6, STR, method),
	FIELD(7, STR, path),
	FIELD(8, STRS, parameters),
	FIELD(9, STR, verdict),
};
const struct record_desc engine_command_desc = {"engine_command", sizeof(struct engine_command), engine_command_fields,
	sizeof(engine_command_fields) / sizeof(engine_command_fields[0]), "A command to a container engine"};
#undef T

#define T audit
static const struct field_desc audit_fields[] = {
	FIELD(1, STR, id),
	FIELD(2, TIME, time),
	FIELD_E(3, kind, audit_kind_names),
	FIELD_E(4, detection, detection_names),
	FIELD(5, STR, rule),
	FIELD(6, U64, revision),
	FIELD_E(7, effect, effect_names),
	FIELD_E(8, done, done_names),
	FIELD_E(9, severity, severity_names),
	FIELD(10, STRS, techniques),
	FIELD(11, STR, message),
	FIELD_E(12, evidence, evidence_names),
	FIELD_R(13, RECORD, process, process_desc),
	FIELD(14, STR, file),
	FIELD(15, STR, hash),
	FIELD_R(16, RECORD, network, network_desc),
	FIELD_R(17, RECORD, container, container_ref_desc),
	FIELD(18, STR, host),
	FIELD(19, U32, count),
	FIELD(20, TIME, first),
	FIELD(21, TIME, last),
	FIELD(22, STR, incident),
	FIELD(23, U64, latency_ns),
	FIELD_R(24, RECORD, command, engine_command_desc),
};
const struct record_desc audit_desc = {"audit", sizeof(struct audit), audit_fields,
	sizeof(audit_fields) / sizeof(audit_fields[0]), "A finding and what was done about it"};
#undef T

#define T event
static const struct field_desc event_fields[] = {
	FIELD(1, U64, seq),
	FIELD(2, TIME, time),
	FIELD_E(3, type, event_type_names),
	FIELD(4, STR, container),
	FIELD(5, STR, container_name),
	FIELD(6, STR, image),
	FIELD(7, U32, pid),
	FIELD(8, U32, ppid),
	FIELD(9, STR, path),
	FIELD(10, STRS, args),
	FIELD(11, BOOL, args_truncated),
	FIELD(12, STR, user),
	FIELD(13, I32, exit_code),
	FIELD(14, I32, exit_signal),
	FIELD_E(15, direction, direction_names),
	FIELD_E(16, proto, proto_names),
	FIELD(17, STR, address),
	FIELD(18, U32, port),
	FIELD(19, STR, country),
	FIELD(20, STR, domain),
	FIELD(21, STR, file),
	FIELD(22, STR, audit),
	FIELD_E(23, detection, detection_names),
	FIELD_E(24, effect, effect_names),
	FIELD_E(25, done, done_names),
	FIELD(26, STR, message),
	FIELD(27, U64, count),
	FIELD(28, TIME, first),
	FIELD(29, TIME, last),
	FIELD(30, U64, bytes_sent),
	FIELD(31, U64, bytes_received),
	FIELD_E(32, origin, file_origin_names),
	FIELD(33, BOOL, borrowed_rights),
	FIELD(34, STR, syscall),
	FIELD(35, BOOL, refused),
	FIELD(40, BOOL, scan),
};
const struct record_desc event_desc = {"event", sizeof(struct event), event_fields,
	sizeof(event_fields) / sizeof(event_fields[0]), "One entry of the flight recorder"};
#undef T

#define T edge
static const struct field_desc edge_fields[] = {
	FIELD(1, STR, container),
	FIELD(2, U32, pid),
	FIELD(3, STR, process),
	FIELD_E(4, direction, direction_names),
	FIELD_E(5, proto, proto_names),
	FIELD(6, STR, address),
	FIELD(7, U32, port),
	FIELD(8, STR, domain),
	FIELD(9, U64, count),
	FIELD(10, U64, bytes_sent),
	FIELD(11, U64, bytes_received),
	FIELD(12, TIME, first),
	FIELD(13, TIME, last),
	FIELD_E(14, effect, effect_names),
};
const struct record_desc edge_desc = {"edge", sizeof(struct edge), edge_fields,
	sizeof(edge_fields) / sizeof(edge_fields[0]), "An observed connection"};
#undef T

#define T sensor_status
static const struct field_desc sensor_status_fields[] = {
	FIELD(1, STR, name),
	FIELD_E(2, state, sensor_state_names),
	FIELD(3, STR, reason),
	FIELD(4, TIME, verified_at),
};
const struct record_desc sensor_status_desc = {"sensor_status", sizeof(struct sensor_status), sensor_status_fields,
	sizeof(sensor_status_fields) / sizeof(sensor_status_fields[0]), "A sensor or enforcer and why it is on or off"};
#undef T

#define T runtime_status
static const struct field_desc runtime_status_fields[] = {
	FIELD_E(1, kind, runtime_kind_names),
	FIELD(2, STR, version),
	FIELD(3, STR, socket),
	FIELD(4, STR, state),
};
const struct record_desc runtime_status_desc = {"runtime_status", sizeof(struct runtime_status), runtime_status_fields,
	sizeof(runtime_status_fields) / sizeof(runtime_status_fields[0]), "A container engine"};
#undef T

#define T defender_status
static const struct field_desc defender_status_fields[] = {
	FIELD(1, U32, pid),
	FIELD(2, U64, rss),
	FIELD(3, DOUBLE, cpu_percent),
	FIELD(4, U64, cpu_ns),
};
const struct record_desc defender_status_desc = {"defender_status", sizeof(struct defender_status), defender_status_fields,
	sizeof(defender_status_fields) / sizeof(defender_status_fields[0]), "The agent process"};
#undef T

#define T event_counters
static const struct field_desc event_counters_fields[] = {
	FIELD(1, U64, seen),
	FIELD(2, U64, dropped_security),
	FIELD(3, U64, dropped_bulk),
	FIELD(4, U64, blind_ms),
};
const struct record_desc event_counters_desc = {"event_counters", sizeof(struct event_counters), event_counters_fields,
	sizeof(event_counters_fields) / sizeof(event_counters_fields[0]), "What was seen and what was not"};
#undef T

#define T status
static const struct field_desc status_fields[] = {
	FIELD(1, BOOL, ready),
	FIELD(2, STR, version),
	FIELD(3, STR, kernel),
	FIELD(4, STR, host),
	FIELD_R(5, RECORD, defender, defender_status_desc),
	FIELD_R(6, RECORDS, sensors, sensor_status_desc),
	FIELD_R(7, RECORDS, enforcers, sensor_status_desc),
	FIELD_R(8, RECORDS, runtimes, runtime_status_desc),
	FIELD_R(9, RECORD, events, event_counters_desc),
	FIELD(10, U32, containers),
	FIELD(11, U64, policy_revision),
	FIELD(12, STRS, warnings),
};
const struct record_desc status_desc = {"status", sizeof(struct status), status_fields,
	sizeof(status_fields) / sizeof(status_fields[0]), "The state of one host"};
#undef T

#define T incident
static const struct field_desc incident_fields[] = {
	FIELD(1, STR, id),
	FIELD(2, TIME, opened),
	FIELD(3, TIME, updated),
	FIELD(4, STR, category),
	FIELD_E(5, severity, severity_names),
	FIELD(6, STR, state),
	FIELD_R(7, RECORD, container, container_ref_desc),
	FIELD(8, U32, audits),
	FIELD(9, STR, story),
	FIELD(10, STR, host),
};
const struct record_desc incident_desc = {"incident", sizeof(struct incident), incident_fields,
	sizeof(incident_fields) / sizeof(incident_fields[0]), "The audits of one attack"};
#undef T

#define T compliance_finding
static const struct field_desc compliance_finding_fields[] = {
	FIELD(1, STR, id),
	FIELD(2, STR, check),
	FIELD(3, STR, cis),
	FIELD_E(4, severity, severity_names),
	FIELD(5, STR, title),
	FIELD(6, STR, resource),
	FIELD(7, STR, target),
	FIELD_R(8, RECORD, container, container_ref_desc),
	FIELD(9, BOOL, passed),
	FIELD(10, STR, cause),
	FIELD(11, STR, remedy),
	FIELD_E(12, effect, effect_names),
	FIELD(13, STR, rule),
	FIELD(14, STR, host),
	FIELD(15, TIME, time),
};
const struct record_desc compliance_finding_desc = {"compliance_finding", sizeof(struct compliance_finding), compliance_finding_fields,
	sizeof(compliance_finding_fields) / sizeof(compliance_finding_fields[0]), "A compliance check of one resource"};
#undef T

const struct record_desc *const all_records[] = {
	&ancestor_desc, &process_desc, &network_desc, &container_ref_desc, &container_desc, &audit_desc, &event_desc, &edge_desc, &sensor_status_desc, &runtime_status_desc, &defender_status_desc, &event_counters_desc, &status_desc, &incident_desc, &engine_command_desc, &compliance_finding_desc,
};
const size_t all_records_count = sizeof(all_records) / sizeof(all_records[0]);
