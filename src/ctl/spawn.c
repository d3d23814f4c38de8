/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending programs: see spawn.h. */
#include "ctl/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"

#define KILL_WAIT_MS 3000

static void set_env(const char *const *env)
{
	const char *path = getenv("PATH");
	char more[4096];

	/* A plain user's PATH lacks where ip, iptables and dockerd are. */
	snprintf(more, sizeof(more), "%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
		path ? path : "/usr/bin");
	setenv("PATH", more, 1);
	for (; env && *env; env++) {
		if (strchr(*env, '='))
			putenv((char *)*env);
		else
			unsetenv(*env);
	}
}

/* After fork; never returns. `report` gets the errno of a failure and is closed by exec otherwise.
 */
static _Noreturn void child(const struct spawn *s, pid_t parent, int report)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (s->own_group)
		setpgid(0, 0);
	if (s->death_signal)
		prctl(PR_SET_PDEATHSIG, s->death_signal);
	if (getppid() != parent)
		_exit(127);
	if (s->netns_fd && setns(s->netns_fd, CLONE_NEWNET) < 0)
		goto fail;
	if (dup2(null, STDIN_FILENO) < 0 || (s->out_fd && dup2(s->out_fd, STDOUT_FILENO) < 0) ||
		(s->err_fd && dup2(s->err_fd, STDERR_FILENO) < 0))
		goto fail;
	syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	set_env(s->env);
	execvp(s->argv[0], (char *const *)s->argv);
fail:;
	int e = errno;
	(void)!write(report, &e, sizeof(e));
	_exit(127);
}

int spawn_start(const struct spawn *s, pid_t *ret)
{
	CLEANUP(fd_close) int from = -1;
	CLEANUP(fd_close) int to = -1;
	pid_t parent = getpid();
	int pair[2], failed = 0;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	from = pair[0];
	to = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(s, parent, to);
	to = fd_close(to);
	ssize_t n;
	do
		n = read(from, &failed, sizeof(failed));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(failed)) {
		waitpid(pid, NULL, 0);
		return -failed;
	}
	*ret = pid;
	return 0;
}

int spawn_run(const struct spawn *s, struct buf *out)
{
	CLEANUP(fd_close) int from = -1;
	CLEANUP(fd_close) int to = -1;
	struct buf dropped = BUF_INIT(1 << 20);
	struct spawn mine = *s;
	int pair[2], status;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	from = pair[0];
	to = pair[1];
	mine.out_fd = to;
	mine.err_fd = to;
	int r = spawn_start(&mine, &pid);
	if (r < 0)
		return r;
	to = fd_close(to);
	fd_read_all(from, out ? out : &dropped);
	buf_done(&dropped);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int spawn_words(int netns_fd, const char *word, ...)
{
	const char *argv[SPAWN_ARGS_MAX] = {word};
	va_list ap;

	va_start(ap, word);
	for (int n = 1; n < SPAWN_ARGS_MAX - 1; n++)
		if (!(argv[n] = va_arg(ap, const char *)))
			break;
	va_end(ap);
	return spawn_run(&(struct spawn){.argv = argv, .netns_fd = netns_fd}, NULL);
}

struct process_id process_id_of(pid_t pid)
{
	struct process_id p = {.pid = pid};
	struct proc_stat stat;

	if (proc_stat_read(pid, &stat) == 0)
		p.start = stat.start_boot_ns;
	return p;
}

bool process_alive(const struct process_id *p)
{
	struct proc_stat stat;

	return p->pid > 1 && proc_stat_read(p->pid, &stat) == 0 && stat.start_boot_ns == p->start &&
	       stat.state != 'Z';
}

/* Waits until it is gone; reaps it when it is our child. */
static bool wait_end(const struct process_id *p, int timeout_ms)
{
	uint64_t deadline = time_monotonic() + (uint64_t)timeout_ms * NSEC_PER_MSEC;

	for (;;) {
		waitpid(p->pid, NULL, WNOHANG);
		if (!process_alive(p))
			return true;
		if (time_monotonic() >= deadline)
			return false;
		poll(NULL, 0, 10);
	}
}

void process_stop(const struct process_id *p, int sig, int timeout_ms)
{
	if (!process_alive(p))
		return;
	kill(p->pid, sig);
	if (wait_end(p, timeout_ms))
		return;
	if (getpgid(p->pid) == p->pid)
		kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
	wait_end(p, KILL_WAIT_MS);
}
