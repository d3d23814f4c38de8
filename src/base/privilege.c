/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights: see privilege.h. */
#include "base/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

uid_t privilege_uid(const char *user, uid_t otherwise)
{
	struct passwd *pw = getpwnam(user);

	return pw ? pw->pw_uid : otherwise;
}

int privilege_become(const char *user, uid_t otherwise, const char *root)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (geteuid() != 0)
		return 0;
	uid_t uid = privilege_uid(user, otherwise);
	if (root && (chroot(root) < 0 || chdir("/") < 0))
		return -errno;
	/* The kernel drops the parent-death signal at every change of user: asked for again after it. */
	int death_signal = 0;
	prctl(PR_GET_PDEATHSIG, &death_signal);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (prctl(PR_SET_PDEATHSIG, death_signal) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int privilege_limit(uint64_t memory, uint64_t files)
{
	struct rlimit space = {memory, memory}, open, none = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &open) < 0)
		return -errno;
	if (files < open.rlim_max) /* the host may allow us less */
		open.rlim_max = files;
	open.rlim_cur = open.rlim_max;
	if ((memory && setrlimit(RLIMIT_AS, &space) < 0) || setrlimit(RLIMIT_NOFILE, &open) < 0 ||
		setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

int privilege_keep(uint64_t keep)
{
	cap_t caps = cap_init();
	int r = 0;

	if (!caps)
		return -ENOMEM;
	for (cap_value_t c = 0; c < 64 && r == 0; c++) {
		if (!CAP_IS_SUPPORTED(c))
			break;
		if (!(keep & (1ull << c))) {
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
			continue;
		}
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &c, CAP_SET) < 0 ||
			cap_set_flag(caps, CAP_EFFECTIVE, 1, &c, CAP_SET) < 0)
			r = -errno;
	}
	if (r == 0 && cap_set_proc(caps) < 0)
		r = -errno;
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	cap_free(caps);
	return r;
}
