/* SPDX-License-Identifier: Apache-2.0 */
/* seawall-defender: options, rights, the loop. Everything else is in defender.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/privilege.h"
#include "defender/defender.h"
#include "defender/options.h"
#include "defender/sandbox.h"

/*
 * What stays of root once the sensors are attached and the sockets are open:
 * SYS_ADMIN (a map of maps and LPM tries can be filled by CAP_BPF alone, but kernels before 5.8 and
 *   ones that restrict bpf() ask for it), BPF, PERFMON, NET_ADMIN: filling the kernel's policy maps;
 * KILL: signals to processes of other users;
 * SYS_PTRACE: /proc/PID/exe of other users' processes;
 * DAC_READ_SEARCH: opening a cgroup by its id; DAC_OVERRIDE: cgroup.kill in a delegated cgroup, engine sockets.
 */
#define CAPS                                                                                       \
	(1ull << CAP_SYS_ADMIN | 1ull << CAP_BPF | 1ull << CAP_PERFMON | 1ull << CAP_NET_ADMIN |    \
		1ull << CAP_KILL | 1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH |           \
		1ull << CAP_DAC_OVERRIDE)

static int on_signal(void *ctx, int signo)
{
	log_info("%s: leaving", strsignal(signo));
	loop_quit(ctx);
	return 0;
}

/* When memory runs out, whoever protects the others should not be the first to go. */
static void avoid_oom_kill(void)
{
	CLEANUP(fd_close) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, "-900", 4) < 0)
		log_debug("oom_score_adj cannot be lowered here");
}

static int add_signals(struct loop *loop)
{
	int r = loop_add_signal(loop, NULL, SIGTERM, on_signal, loop);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return r < 0 ? r : loop_add_signal(loop, NULL, SIGINT, on_signal, loop);
}

static int run(const struct defender_config *config)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(defender_free) struct defender *d = NULL;
	struct diag diag = {0};

	int r = loop_new(&loop);
	if (r == 0)
		r = add_signals(loop);
	if (r < 0)
		return log_err(r, "cannot start the loop");
	r = defender_new(&d, config, loop);
	if (r < 0)
		return log_err(r, "cannot start");
	r = defender_start(d, &diag);
	if (r < 0)
		return log_err(r, "cannot protect this host: %s", diag.message);
	r = defender_connect(d);
	if (r < 0)
		return log_err(r, "cannot open the connections");
	r = privilege_keep(CAPS);
	if (r < 0)
		return log_err(r, "cannot give up rights");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = sandbox_enter();
	if (r < 0)
		return log_err(r, "cannot give up system calls");
	return loop_run(loop);
}

int main(int argc, char **argv)
{
	struct defender_config config;
	struct diag diag = {0};

	log_open("seawall-defender");
	umask(0022);
	int r = options_parse(&config, argc, argv, &diag);
	if (r > 0)
		return 0;
	if (r < 0) {
		log_err(0, "%s", diag.message);
		return 2;
	}
	avoid_oom_kill();
	return run(&config) < 0 ? 2 : 0;
}
