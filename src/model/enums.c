/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the closed vocabularies: see enums.h. */
#include "model/enums.h"

#include <assert.h>

#define NAMES(var, count_, ...)                                                                    \
	static const char *const var##_[] = {__VA_ARGS__};                                          \
	static_assert(sizeof(var##_) / sizeof(var##_[0]) == (count_), "a name for each value");     \
	const struct enum_names var = {var##_, (count_)}

NAMES(effect_names, EFFECT_COUNT_, "disable", "alert", "prevent", "block");
NAMES(done_names, DONE_COUNT_, "", "alert", "prevent", "block", "weakened", "failed");
NAMES(severity_names, SEVERITY_COUNT_, "", "low", "medium", "high", "critical");
NAMES(audit_kind_names, AUDIT_COUNT_, "", "runtime", "access", "trust", "vulnerability", "compliance", "admission", "admin", "system");
NAMES(container_state_names, CONTAINER_STATE_COUNT_, "unknown", "created", "running", "paused", "exited", "removed", "blocked");
NAMES(runtime_kind_names, RUNTIME_COUNT_, "", "docker", "containerd", "podman", "crio");
NAMES(event_type_names, EVENT_TYPE_COUNT_, "", "create", "start", "stop", "remove", "fork", "exec", "exit", "connect", "accept", "listen", "close", "audit", "gap", "syscall", "socket");
NAMES(direction_names, DIRECTION_COUNT_, "", "outbound", "inbound", "listen");
NAMES(proto_names, PROTO_COUNT_, "", "tcp", "udp");
NAMES(sensor_state_names, SENSOR_STATE_COUNT_, "off", "on", "failed");
NAMES(evidence_names, EVIDENCE_COUNT_, "", "name", "argv", "stratum", "dns", "sni", "elf", "behaviour", "path", "address", "port",
	"file", "syscall", "descriptor");
NAMES(file_origin_names, ORIGIN_COUNT_, "", "new", "modified", "memory");

NAMES(detection_names, DETECTION_COUNT_, "",
	"crypto_miner",
	"reverse_shell",
	"bind_shell",
	"modified_binary",
	"new_binary",
	"fileless_exec",
	"altered_package",
	"lateral_movement",
	"engine_client",
	"cloud_metadata",
	"kube_api",
	"port_scan",
	"raw_socket",
	"suid_exec",
	"privilege_escalation",
	"namespace_escape",
	"mount",
	"ptrace",
	"kernel_module",
	"bpf_load",
	"release_agent",
	"engine_socket",
	"runtime_overwrite",
	"sensitive_file",
	"admin_account",
	"ssh_access",
	"preload_hijack",
	"persistence",
	"packed_elf",
	"foreign_elf",
	"log_tamper",
	"mass_rename",
	"feed_hash",
	"feed_ip",
	"feed_domain",
	"denied_process",
	"denied_file",
	"denied_port",
	"denied_address",
	"denied_domain",
	"unexpected_process",
	"unexpected_port",
	"unexpected_connection",
	"unexpected_file",
	"unexpected_domain",
	"custom");

static const struct detection_info detections[] = {
	{DETECTION_CRYPTO_MINER, SEVERITY_CRITICAL, "T1496", "Crypto miner", true},
	{DETECTION_REVERSE_SHELL, SEVERITY_CRITICAL, "T1059.004", "Reverse shell", true},
	{DETECTION_BIND_SHELL, SEVERITY_CRITICAL, "T1059.004", "Bind shell", true},
	{DETECTION_MODIFIED_BINARY, SEVERITY_HIGH, "T1554", "Modified binary executed", true},
	{DETECTION_NEW_BINARY, SEVERITY_HIGH, "T1105", "New binary executed", true},
	{DETECTION_FILELESS_EXEC, SEVERITY_CRITICAL, "T1620", "Fileless execution", true},
	{DETECTION_ALTERED_PACKAGE, SEVERITY_HIGH, "T1554", "Altered package file executed", false},
	{DETECTION_LATERAL_MOVEMENT, SEVERITY_HIGH, "T1021", "Lateral movement", true},
	{DETECTION_ENGINE_CLIENT, SEVERITY_HIGH, "T1610", "Container engine client", true},
	{DETECTION_CLOUD_METADATA, SEVERITY_HIGH, "T1552.005", "Cloud metadata access", true},
	{DETECTION_KUBE_API, SEVERITY_MEDIUM, "T1613", "Kubernetes API access", true},
	{DETECTION_PORT_SCAN, SEVERITY_HIGH, "T1046", "Port scan", true},
	{DETECTION_RAW_SOCKET, SEVERITY_MEDIUM, "T1040", "Raw socket", true},
	{DETECTION_SUID_EXEC, SEVERITY_MEDIUM, "T1548.001", "SUID execution", true},
	{DETECTION_PRIVILEGE_ESCALATION, SEVERITY_HIGH, "T1068", "Privilege escalation", true},
	{DETECTION_NAMESPACE_ESCAPE, SEVERITY_CRITICAL, "T1611", "Namespace escape", true},
	{DETECTION_MOUNT, SEVERITY_HIGH, "T1611", "Mount in container", true},
	{DETECTION_PTRACE, SEVERITY_HIGH, "T1055.008", "Process traced", true},
	{DETECTION_KERNEL_MODULE, SEVERITY_CRITICAL, "T1547.006", "Kernel module loaded", true},
	{DETECTION_BPF_LOAD, SEVERITY_HIGH, "T1014", "BPF program loaded", true},
	{DETECTION_RELEASE_AGENT, SEVERITY_CRITICAL, "T1611", "Escape through release_agent or core_pattern", false},
	{DETECTION_ENGINE_SOCKET, SEVERITY_CRITICAL, "T1611", "Container engine socket used", true},
	{DETECTION_RUNTIME_OVERWRITE, SEVERITY_CRITICAL, "T1611", "Container runtime overwritten", false},
	{DETECTION_SENSITIVE_FILE, SEVERITY_HIGH, "T1565.001", "Sensitive file changed", false},
	{DETECTION_ADMIN_ACCOUNT, SEVERITY_HIGH, "T1136.001", "Account database changed", false},
	{DETECTION_SSH_ACCESS, SEVERITY_HIGH, "T1098.004", "SSH access changed", false},
	{DETECTION_PRELOAD_HIJACK, SEVERITY_HIGH, "T1574.006", "Preload library changed", false},
	{DETECTION_PERSISTENCE, SEVERITY_HIGH, "T1053.003", "Persistence", false},
	{DETECTION_PACKED_ELF, SEVERITY_HIGH, "T1027.002", "Packed ELF written", false},
	{DETECTION_FOREIGN_ELF, SEVERITY_MEDIUM, "T1036", "ELF of another architecture", false},
	{DETECTION_LOG_TAMPER, SEVERITY_HIGH, "T1070.002", "Logs or history deleted", false},
	{DETECTION_MASS_RENAME, SEVERITY_CRITICAL, "T1486", "Bulk renaming of files", false},
	{DETECTION_FEED_HASH, SEVERITY_CRITICAL, "T1204.002", "Known malicious file", false},
	{DETECTION_FEED_IP, SEVERITY_HIGH, "T1071", "Known malicious address", false},
	{DETECTION_FEED_DOMAIN, SEVERITY_HIGH, "T1071.004", "Known malicious domain", false},
	{DETECTION_DENIED_PROCESS, SEVERITY_HIGH, "T1204", "Denied process", true},
	{DETECTION_DENIED_FILE, SEVERITY_HIGH, "T1565.001", "Denied file written", false},
	{DETECTION_DENIED_PORT, SEVERITY_HIGH, "T1571", "Denied port", true},
	{DETECTION_DENIED_ADDRESS, SEVERITY_HIGH, "T1071", "Denied address", true},
	{DETECTION_DENIED_DOMAIN, SEVERITY_HIGH, "T1071.004", "Denied domain", false},
	{DETECTION_UNEXPECTED_PROCESS, SEVERITY_MEDIUM, "T1059", "Process outside the model", false},
	{DETECTION_UNEXPECTED_PORT, SEVERITY_MEDIUM, "T1571", "Port outside the model", false},
	{DETECTION_UNEXPECTED_CONNECTION, SEVERITY_MEDIUM, "T1071", "Connection outside the model", false},
	{DETECTION_UNEXPECTED_FILE, SEVERITY_MEDIUM, "T1565.001", "File outside the model", false},
	{DETECTION_UNEXPECTED_DOMAIN, SEVERITY_MEDIUM, "T1071.004", "Domain outside the model", false},
	{DETECTION_CUSTOM, SEVERITY_MEDIUM, "T1204", "Custom rule", false},
};

static_assert(sizeof(detections) / sizeof(detections[0]) == DETECTION_COUNT_ - 1, "a row for each id");

const struct detection_info *detection_info(enum detection id)
{
	static const struct detection_info none = {.title = ""};

	return id > DETECTION_NONE && id < DETECTION_COUNT_ ? &detections[id - 1] : &none;
}
