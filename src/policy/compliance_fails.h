/* SPDX-License-Identifier: Apache-2.0 */
/* What each check of compliance.c looks at: whether the creation fails it, and why in one line. */
#pragma once

#include "policy/gates.h"

bool fails_root_user(const struct creation *c, char *why, size_t size);
bool fails_env_secrets(const struct creation *c, char *why, size_t size);
bool fails_apparmor(const struct creation *c, char *why, size_t size);
bool fails_selinux(const struct creation *c, char *why, size_t size);
bool fails_capabilities(const struct creation *c, char *why, size_t size);
bool fails_privileged(const struct creation *c, char *why, size_t size);
bool fails_sensitive_mounts(const struct creation *c, char *why, size_t size);
bool fails_sshd(const struct creation *c, char *why, size_t size);
bool fails_privileged_ports(const struct creation *c, char *why, size_t size);
bool fails_host_network(const struct creation *c, char *why, size_t size);
bool fails_memory_limit(const struct creation *c, char *why, size_t size);
bool fails_cpu_shares(const struct creation *c, char *why, size_t size);
bool fails_readonly_root(const struct creation *c, char *why, size_t size);
bool fails_port_interface(const struct creation *c, char *why, size_t size);
bool fails_restart_policy(const struct creation *c, char *why, size_t size);
bool fails_host_pid(const struct creation *c, char *why, size_t size);
bool fails_host_ipc(const struct creation *c, char *why, size_t size);
bool fails_devices(const struct creation *c, char *why, size_t size);
bool fails_ulimits(const struct creation *c, char *why, size_t size);
bool fails_shared_mounts(const struct creation *c, char *why, size_t size);
bool fails_host_uts(const struct creation *c, char *why, size_t size);
bool fails_seccomp(const struct creation *c, char *why, size_t size);
bool fails_no_new_privileges(const struct creation *c, char *why, size_t size);
bool fails_healthcheck(const struct creation *c, char *why, size_t size);
bool fails_pids_limit(const struct creation *c, char *why, size_t size);
bool fails_default_bridge(const struct creation *c, char *why, size_t size);
bool fails_host_userns(const struct creation *c, char *why, size_t size);
bool fails_docker_socket(const struct creation *c, char *why, size_t size);

/* Whether this user of a container or exec is root for certain: "root" or 0, however written. "" is
 * the image's own user and not known. Names that /etc/passwd gives the id 0 are not seen. */
bool user_is_root(const char *user);
