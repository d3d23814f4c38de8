/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights: users, capabilities, no_new_privs, dumpability. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/*
 * Confines the process to the directory `root` (chroot; NULL = not) and becomes `user` for good, or
 * the numeric id `otherwise` when the host has no such user: groups cleared, no capability,
 * no_new_privs, not dumpable. A caller that is not root only gets no_new_privs. -errno.
 */
int privilege_become(const char *user, uid_t otherwise, const char *root);
/* The id that privilege_become() would take. */
uid_t privilege_uid(const char *user, uid_t otherwise);

#define PRIVILEGE_CONSOLE_USER "seawall-console"
#define PRIVILEGE_CONSOLE_UID 64183
#define PRIVILEGE_GATE_USER "seawall-gate"
#define PRIVILEGE_GATE_UID 64184
#define PRIVILEGE_REGISTRY_USER "seawall-registry"
#define PRIVILEGE_REGISTRY_UID 64185

/* No core, at most `files` descriptors and `memory` bytes of address space (0 = any: a sanitizer needs
 * more than anybody). -errno. */
int privilege_limit(uint64_t memory, uint64_t files);
/* Keeps only the capabilities whose bit is set in `keep` (1 << CAP_x); no_new_privs. -errno. */
int privilege_keep(uint64_t keep);
