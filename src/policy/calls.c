/* SPDX-License-Identifier: Apache-2.0 */
/* The table: see calls.h. A call that asks for one of two capabilities has two rows. */
#include "policy/calls.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Numbers of 32-bit x86, which any 64-bit program may use too (int 0x80). */
#if defined(__x86_64__)
#define COMPAT(n) (n)
#else
#define COMPAT(n) CALL_NONE
#endif

/* clang-format off */
const struct policy_call policy_calls[] = {
	{"mount",             SYS_mount,             COMPAT(21),  CAP_SYS_ADMIN,       DETECTION_MOUNT, true},
	{"umount",            SYS_umount2,           COMPAT(52),  CAP_SYS_ADMIN,       DETECTION_MOUNT, true},
	{"pivot_root",        SYS_pivot_root,        COMPAT(217), CAP_SYS_ADMIN,       DETECTION_MOUNT, true},
	{"open_tree",         SYS_open_tree,         COMPAT(428), CAP_SYS_ADMIN,       DETECTION_MOUNT, false},
	{"move_mount",        SYS_move_mount,        COMPAT(429), CAP_SYS_ADMIN,       DETECTION_MOUNT, true},
	{"fsopen",            SYS_fsopen,            COMPAT(430), CAP_SYS_ADMIN,       DETECTION_MOUNT, false},
	{"fsmount",           SYS_fsmount,           COMPAT(432), CAP_SYS_ADMIN,       DETECTION_MOUNT, false},
	{"fspick",            SYS_fspick,            COMPAT(433), CAP_SYS_ADMIN,       DETECTION_MOUNT, false},
	{"mount_setattr",     442,                   COMPAT(442), CAP_SYS_ADMIN,       DETECTION_MOUNT, true},

	{"setns",             SYS_setns,             COMPAT(346), CAP_SYS_ADMIN,       DETECTION_NAMESPACE_ESCAPE, false},
	{"unshare",           SYS_unshare,           COMPAT(310), CAP_SYS_ADMIN,       DETECTION_NAMESPACE_ESCAPE, false},
	{"clone",             SYS_clone,             COMPAT(120), CAP_SYS_ADMIN,       DETECTION_NAMESPACE_ESCAPE, false, CALL_NAMESPACES},
	{"clone3",            SYS_clone3,            COMPAT(435), CAP_SYS_ADMIN,       DETECTION_NAMESPACE_ESCAPE, false, CALL_NAMESPACES_AT},
	{"open_by_handle_at", SYS_open_by_handle_at, COMPAT(342), CAP_DAC_READ_SEARCH, DETECTION_NAMESPACE_ESCAPE, false},

	{"ptrace",            SYS_ptrace,            COMPAT(26),  CAP_SYS_PTRACE,      DETECTION_PTRACE, false},
	{"process_vm_readv",  SYS_process_vm_readv,  COMPAT(347), CAP_SYS_PTRACE,      DETECTION_PTRACE, true},
	{"process_vm_writev", SYS_process_vm_writev, COMPAT(348), CAP_SYS_PTRACE,      DETECTION_PTRACE, true},
	{"pidfd_getfd",       438,                   COMPAT(438), CAP_SYS_PTRACE,      DETECTION_PTRACE, false},
	{"kcmp",              SYS_kcmp,              COMPAT(349), CAP_SYS_PTRACE,      DETECTION_PTRACE, false},

	{"init_module",       SYS_init_module,       COMPAT(128), CAP_SYS_MODULE,      DETECTION_KERNEL_MODULE, true},
	{"finit_module",      SYS_finit_module,      COMPAT(350), CAP_SYS_MODULE,      DETECTION_KERNEL_MODULE, true},
	{"delete_module",     SYS_delete_module,     COMPAT(129), CAP_SYS_MODULE,      DETECTION_KERNEL_MODULE, true},
	{"kexec_load",        SYS_kexec_load,        COMPAT(283), CAP_SYS_BOOT,        DETECTION_KERNEL_MODULE, true},
#ifdef SYS_kexec_file_load
	{"kexec_file_load",   SYS_kexec_file_load,   CALL_NONE,   CAP_SYS_BOOT,        DETECTION_KERNEL_MODULE, true},
#endif

	{"bpf",               SYS_bpf,               COMPAT(357), CAP_BPF,             DETECTION_BPF_LOAD, false},
	{"bpf",               SYS_bpf,               COMPAT(357), CAP_SYS_ADMIN,       DETECTION_BPF_LOAD, false},

	{"socket",            SYS_socket,            COMPAT(359), CAP_NET_RAW,         DETECTION_RAW_SOCKET, false},

#ifdef SYS_mknod
	{"mknod",             SYS_mknod,             COMPAT(14),  CAP_MKNOD,           DETECTION_PRIVILEGE_ESCALATION, true},
#endif
	{"mknodat",           SYS_mknodat,           COMPAT(297), CAP_MKNOD,           DETECTION_PRIVILEGE_ESCALATION, true},
	{"userfaultfd",       SYS_userfaultfd,       COMPAT(374), CAP_SYS_PTRACE,      DETECTION_PRIVILEGE_ESCALATION, false},
#ifdef SYS_iopl
	{"iopl",              SYS_iopl,              COMPAT(110), CAP_SYS_RAWIO,       DETECTION_PRIVILEGE_ESCALATION, false},
	{"ioperm",            SYS_ioperm,            COMPAT(101), CAP_SYS_RAWIO,       DETECTION_PRIVILEGE_ESCALATION, false},
#endif
	{"setuid",            SYS_setuid,            COMPAT(213), CAP_SETUID,          DETECTION_PRIVILEGE_ESCALATION, false, CALL_TO_ROOT},
	{"setreuid",          SYS_setreuid,          COMPAT(203), CAP_SETUID,          DETECTION_PRIVILEGE_ESCALATION, false, CALL_TO_ROOT_ANY},
	{"setresuid",         SYS_setresuid,         COMPAT(208), CAP_SETUID,          DETECTION_PRIVILEGE_ESCALATION, false, CALL_TO_ROOT_ANY},
};
/* clang-format on */
const size_t policy_calls_count = ARRAY_SIZE(policy_calls);

const struct policy_call *policy_call_of(const char *name)
{
	for (size_t i = 0; name && i < policy_calls_count; i++)
		if (strcmp(policy_calls[i].name, name) == 0)
			return &policy_calls[i];
	return NULL;
}
