/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim as a program: a real socket with us behind it in the Gate's place, and a script in the
 * runtime's place that writes down how it was called.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/shim_wire.h"

#define PARALLEL 200

static const char *program;
static char dir[] = "/tmp/seawall-shim-XXXXXX";
static char shim[64], bundle[64];
static int listener = -1;

static const char *in_dir(const char *name)
{
	static char room[4][128];
	static unsigned next;
	char *out = room[next++ % ARRAY_SIZE(room)];

	snprintf(out, sizeof(room[0]), "%s/%s", dir, name);
	return out;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_write_atomic(in_dir(name), text, strlen(text), mode), 0);
}

static char *read_back(const char *name)
{
	static char room[4][8192];
	static unsigned next;
	char *out = room[next++ % ARRAY_SIZE(room)];
	struct buf b = BUF_FIXED((uint8_t *)out, sizeof(room[0]));

	return file_read(in_dir(name), &b) < 0 ? NULL : out;
}

static void configure(const char *fail, const char *deadline, unsigned uid)
{
	char text[1024];

	snprintf(text, sizeof(text), "runtime=%s\nsocket=%s\ndeadline=%s\nfail=%s\nengine=docker\nuid=%u\n",
		in_dir("runtime"), in_dir("sock"), deadline, fail, uid);
	write_file("seawall-shim.conf", text, 0644);
}

static void listen_here(int backlog)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	fd_close(listener);
	unlink(in_dir("sock"));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", in_dir("sock"));
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, backlog), 0);
}

static void deaf(void)
{
	listener = fd_close(listener);
	unlink(in_dir("sock"));
}

static int setup(void **state)
{
	char text[512];
	struct buf b = BUF_INIT(4 << 20);

	assert_non_null(mkdtemp(dir));
	snprintf(shim, sizeof(shim), "%s/seawall-shim", dir);
	snprintf(bundle, sizeof(bundle), "%s/a/b/bundle", dir);
	assert_int_equal(file_read(program, &b), 0);
	assert_int_equal(file_write_atomic(shim, b.data, b.len, 0755), 0);
	buf_done(&b);
	snprintf(text, sizeof(text), "#!/bin/sh\nprintf '%%s\\n' \"$0\" \"$@\" >%s.$$\nmv %s.$$ %s\nexit 7\n",
		in_dir("ran"), in_dir("ran"), in_dir("ran"));
	write_file("runtime", text, 0755);
	assert_int_equal(dir_make(bundle, 0755), 0);
	write_file("a/b/bundle/config.json", "{\"x\":1}", 0644);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	deaf();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* Before each test: as installed, nothing ran yet. */
static int fresh(void **state)
{
	unlink(in_dir("ran"));
	unlink(in_dir("log"));
	unlink(in_dir("a/containers.json"));
	unlink(in_dir("a/volatile-containers.json"));
	unlink(in_dir("seawall-shim.runtime"));
	configure("open", "2s", getuid());
	listen_here(512);
	return 0;
}

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int err = open(in_dir("err"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		dup2(err, STDERR_FILENO);
		if (chdir(dir) == 0)
			execv(shim, (char **)(uintptr_t)argv);
		_exit(99);
	}
	assert_true(pid > 0);
	return pid;
}

static int finish(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t start_create(void)
{
	return start((const char *[]){"runc", "--log", in_dir("log"), "--log-format", "json", "create", "--bundle", bundle,
		"--pid-file", "/p", "abc", NULL});
}

/* What came with a question. */
struct question {
	struct shim_request q;
	int peer;
	unsigned files;
	char text[2][64];
};

static void take(struct question *ret)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = &ret->q, .iov_len = sizeof(ret->q)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = listener, .events = POLLIN};
	int fds[2];

	assert_int_equal(poll(&p, 1, 10000), 1);
	ret->peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(recvmsg(ret->peer, &m, MSG_CMSG_CLOEXEC), sizeof(ret->q));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	ret->files = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(c), ret->files * sizeof(int));
	for (unsigned i = 0; i < ret->files; i++) {
		struct buf b = BUF_FIXED((uint8_t *)ret->text[i], sizeof(ret->text[i]));
		assert_int_equal(fd_read_all(fds[i], &b), 0);
		close(fds[i]);
	}
	assert_int_equal(ret->q.magic, SHIM_MAGIC);
}

static void answer(struct question *q, uint32_t what, const char *text)
{
	struct shim_reply reply = {.magic = SHIM_MAGIC, .answer = what};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	send(q->peer, &reply, sizeof(reply), MSG_NOSIGNAL);
	close(q->peer);
}

static void test_allowed(void **state)
{
	char expected[512];
	uint64_t before = time_monotonic();
	pid_t pid = start_create();
	struct question q;

	take(&q);
	assert_int_equal(q.q.pid, pid);
	assert_in_range(q.q.until, before + 2 * NSEC_PER_SEC, time_monotonic() + 2 * NSEC_PER_SEC);
	assert_string_equal(q.q.engine, "docker");
	assert_string_equal(q.q.id, "abc");
	assert_string_equal(q.q.bundle, bundle);
	assert_int_equal(q.files, 1);
	assert_string_equal(q.text[0], "{\"x\":1}");
	answer(&q, SHIM_ALLOW, "");
	assert_int_equal(finish(pid), 7);
	snprintf(expected, sizeof(expected), "%s\n--log\n%s\n--log-format\njson\ncreate\n--bundle\n%s\n--pid-file\n/p\nabc\n",
		in_dir("runtime"), in_dir("log"), bundle);
	assert_string_equal(read_back("ran"), expected);
	assert_null(read_back("log"));
}

static void test_refused(void **state)
{
	const char *text = "[Seawall] image blocked by rule 'only \"ours\"': no";
	pid_t pid = start_create();
	struct question q;

	take(&q);
	answer(&q, SHIM_REFUSE, text);
	assert_int_equal(finish(pid), 1);
	assert_null(read_back("ran"));
	assert_int_equal(strncmp(read_back("err"), text, strlen(text)), 0);
	const char *log = read_back("log");
	assert_non_null(log);
	const char *begin = "{\"level\":\"error\",\"msg\":\"[Seawall] image blocked by rule 'only \\\"ours\\\"': no\",\"time\":\"20";
	assert_int_equal(strncmp(log, begin, strlen(begin)), 0);
	assert_string_equal(log + strlen(log) - 4, "Z\"}\n");
}

static void test_refused_text_log(void **state)
{
	pid_t pid = start((const char *[]){"runc", "--log", in_dir("log"), "run", "-b", bundle, "abc", NULL});
	struct question q;

	write_file("log", "before\n", 0644);
	take(&q);
	answer(&q, SHIM_REFUSE, "no");
	assert_int_equal(finish(pid), 1);
	assert_int_equal(strncmp(read_back("log"), "before\ntime=\"20", 15), 0);
	assert_non_null(strstr(read_back("log"), " level=error msg=\"no\"\n"));
	/* Without --log there is stderr. */
	pid = start((const char *[]){"runc", "run", "-b", bundle, "abc", NULL});
	take(&q);
	answer(&q, SHIM_REFUSE, "no");
	assert_int_equal(finish(pid), 1);
	assert_string_equal(read_back("err"), "no\n");
}

/* A relative bundle, crun's own configuration, podman's storage: the list that knows the container. */
static void test_what_is_sent(void **state)
{
	struct question q;
	char expected[128];

	write_file("a/containers.json", "[{\"id\":\"other\"}]", 0644);
	write_file("a/volatile-containers.json", "[{\"id\":\"abc\"}]", 0644);
	write_file("crun.json", "{\"y\":2}", 0644);
	pid_t pid = start((const char *[]){"crun", "run", "--config=crun.json", "--bundle", "a/b/bundle", "abc", NULL});
	take(&q);
	snprintf(expected, sizeof(expected), "%s", in_dir("a/b/bundle"));
	assert_string_equal(q.q.bundle, expected);
	assert_int_equal(q.files, 2);
	assert_string_equal(q.text[0], "{\"y\":2}");
	assert_string_equal(q.text[1], "[{\"id\":\"abc\"}]");
	answer(&q, SHIM_ALLOW, "");
	assert_int_equal(finish(pid), 7);
}

/* Nobody listens any more, and nobody is asked. */
static void test_other_commands(void **state)
{
	static const char *const commands[] = {
		"state", "start", "kill", "delete", "exec", "pause", "resume", "ps", "events", "update", "list", "--version"};

	configure("closed", "2s", getuid());
	deaf();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unlink(in_dir("ran"));
		assert_int_equal(finish(start((const char *[]){"runc", commands[i], "abc", NULL})), 7);
		assert_non_null(read_back("ran"));
	}
}

/* Plays one way in which no good answer comes, with fail open and closed; says in closed mode why. */
static void no_answer(void (*play)(void), const char *says)
{
	assert_int_equal(fresh(NULL), 0);
	for (int closed = 0; closed < 2; closed++) {
		uint64_t began = time_monotonic();
		configure(closed ? "closed" : "open", "300ms", getuid());
		unlink(in_dir("ran"));
		pid_t pid = start_create();
		play();
		assert_int_equal(finish(pid), closed ? 1 : 7);
		assert_int_equal(read_back("ran") == NULL, closed);
		assert_true(time_monotonic() - began < 5 * NSEC_PER_SEC);
		if (closed && !strstr(read_back("err"), says))
			fail_msg("%s", read_back("err"));
		if (closed)
			assert_int_equal(strncmp(read_back("err"), "[Seawall] container blocked by rule 'fail closed': ", 51), 0);
	}
}

static void play_silent(void)
{
}

static void play_hang_up(void)
{
	struct question q;

	take(&q);
	close(q.peer);
}

static void play_bytes(const void *p, size_t n)
{
	struct question q;

	take(&q);
	send(q.peer, p, n, MSG_NOSIGNAL);
	close(q.peer);
}

static void play_short(void)
{
	play_bytes("no", 2);
}

static void play_long(void)
{
	struct {
		struct shim_reply reply;
		char more;
	} r = {.reply = {.magic = SHIM_MAGIC, .answer = SHIM_REFUSE}};

	play_bytes(&r, sizeof(r.reply) + 1);
}

static void play_magic(void)
{
	struct shim_reply r = {.magic = SHIM_MAGIC + 1, .answer = SHIM_REFUSE};

	play_bytes(&r, sizeof(r));
}

static void play_unknown(void)
{
	struct shim_reply r = {.magic = SHIM_MAGIC, .answer = 3};

	play_bytes(&r, sizeof(r));
}

static void play_unterminated(void)
{
	struct shim_reply r = {.magic = SHIM_MAGIC, .answer = SHIM_REFUSE};

	memset(r.text, 'x', sizeof(r.text));
	play_bytes(&r, sizeof(r));
}

static void test_no_answer(void **state)
{
	static const struct {
		void (*play)(void);
		const char *says;
	} ways[] = {
		{play_silent, "no answer in time"},
		{play_hang_up, "closed without an answer"},
		{play_short, "cannot be understood"},
		{play_long, "cannot be understood"},
		{play_magic, "cannot be understood"},
		{play_unknown, "cannot be understood"},
		{play_unterminated, "cannot be understood"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		no_answer(ways[i].play, ways[i].says);
}

/* Configured closed at first, then open. */
static void no_listener(const char *says)
{
	configure("closed", "300ms", getuid());
	unlink(in_dir("ran"));
	assert_int_equal(finish(start_create()), 1);
	assert_null(read_back("ran"));
	assert_non_null(strstr(read_back("err"), says));
	configure("open", "300ms", getuid());
	assert_int_equal(finish(start_create()), 7);
	assert_non_null(read_back("ran"));
}

static void test_no_socket(void **state)
{
	deaf();
	no_listener("No such file");
	/* One that nobody has behind it any more. */
	listen_here(8);
	listener = fd_close(listener);
	no_listener("refused");
	/* Something else at its place. */
	unlink(in_dir("sock"));
	write_file("sock", "x", 0644);
	no_listener("refused");
	/* A socket of another kind. */
	unlink(in_dir("sock"));
	int stream = unix_listen(in_dir("sock"), 0600, 8);
	assert_true(stream >= 0);
	no_listener("wrong type");
	close(stream);
}

/* Its owner is not who was expected: nothing is sent to him. */
static void test_stranger(void **state)
{
	struct pollfd p;
	char byte;

	configure("closed", "2s", getuid() + 1);
	pid_t pid = start_create();
	assert_int_equal(finish(pid), 1);
	assert_non_null(strstr(read_back("err"), "somebody else"));
	int peer = accept(listener, NULL, NULL);
	p = (struct pollfd){.fd = peer, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(recv(peer, &byte, 1, 0), 0);
	close(peer);
	configure("open", "2s", getuid() + 1);
	assert_int_equal(finish(start_create()), 7);
}

/* Connecting is part of the deadline, too. */
static void test_full_backlog(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int waiting[8];

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", in_dir("sock"));
	listen_here(0);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		waiting[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&a, sizeof(a));
	}
	configure("closed", "200ms", getuid());
	uint64_t began = time_monotonic();
	assert_int_equal(finish(start_create()), 1);
	assert_true(time_monotonic() - began >= 190 * NSEC_PER_MSEC);
	assert_non_null(strstr(read_back("err"), "no answer in time"));
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		close(waiting[i]);
}

/* Each file of it lost or spoilt: the runtime is reached all the same, and nobody asked. */
static void test_files_lost(void **state)
{
	char text[256];

	configure("closed", "2s", getuid());
	deaf();
	/* The configuration: the link says which runtime. */
	assert_int_equal(symlink(in_dir("runtime"), in_dir("seawall-shim.runtime")), 0);
	unlink(in_dir("seawall-shim.conf"));
	assert_int_equal(finish(start_create()), 7);
	write_file("seawall-shim.conf", "\x7f\x45\x4c\x46", 0644);
	assert_int_equal(finish(start_create()), 7);
	assert_int_equal(chmod(in_dir("seawall-shim.conf"), 0), 0);
	assert_int_equal(finish(start_create()), 7);
	unlink(in_dir("seawall-shim.conf"));
	assert_int_equal(mkdir(in_dir("seawall-shim.conf"), 0755), 0);
	assert_int_equal(finish(start_create()), 7);
	assert_int_equal(rmdir(in_dir("seawall-shim.conf")), 0);
	assert_int_equal(mkfifo(in_dir("seawall-shim.conf"), 0644), 0);
	assert_int_equal(finish(start_create()), 7);
	unlink(in_dir("seawall-shim.conf"));
	/* The link: the configuration does. */
	configure("open", "2s", getuid());
	unlink(in_dir("seawall-shim.runtime"));
	assert_int_equal(finish(start_create()), 7);
	/* Itself as its runtime would go round for ever. */
	snprintf(text, sizeof(text), "runtime=%s\n", shim);
	write_file("seawall-shim.conf", text, 0644);
	assert_int_equal(symlink(in_dir("runtime"), in_dir("seawall-shim.runtime")), 0);
	assert_int_equal(finish(start_create()), 7);
}

/* Replaced while it runs, as an update does: it still knows where it lies. */
static void test_replaced(void **state)
{
	char aside[80];
	struct question q;
	pid_t pid = start_create();

	take(&q);
	snprintf(aside, sizeof(aside), "%s.old", shim);
	assert_int_equal(rename(shim, aside), 0);
	struct buf b = BUF_INIT(4 << 20);
	assert_int_equal(file_read(program, &b), 0);
	assert_int_equal(file_write_atomic(shim, b.data, b.len, 0755), 0);
	buf_done(&b);
	unlink(aside);
	answer(&q, SHIM_ALLOW, "");
	assert_int_equal(finish(pid), 7);
}

static void test_parallel(void **state)
{
	static struct question questions[PARALLEL];
	pid_t pids[PARALLEL];
	int refused = 0, ran = 0;

	configure("closed", "30s", getuid());
	for (int i = 0; i < PARALLEL; i++)
		pids[i] = start_create();
	for (int i = 0; i < PARALLEL; i++)
		take(&questions[i]);
	for (int i = 0; i < PARALLEL; i++)
		answer(&questions[i], i % 2 ? SHIM_ALLOW : SHIM_REFUSE, "no");
	for (int i = 0; i < PARALLEL; i++) {
		int code = finish(pids[i]);
		ran += code == 7;
		refused += code == 1;
	}
	assert_int_equal(ran, PARALLEL / 2);
	assert_int_equal(refused, PARALLEL / 2);
}

static void test_small(void **state)
{
	struct stat st;

	assert_int_equal(stat(program, &st), 0);
	assert_true(st.st_size < 1 << 20);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_allowed, fresh),
		cmocka_unit_test_setup(test_refused, fresh),
		cmocka_unit_test_setup(test_refused_text_log, fresh),
		cmocka_unit_test_setup(test_what_is_sent, fresh),
		cmocka_unit_test_setup(test_other_commands, fresh),
		cmocka_unit_test_setup(test_no_answer, fresh),
		cmocka_unit_test_setup(test_no_socket, fresh),
		cmocka_unit_test_setup(test_stranger, fresh),
		cmocka_unit_test_setup(test_full_backlog, fresh),
		cmocka_unit_test_setup(test_files_lost, fresh),
		cmocka_unit_test_setup(test_replaced, fresh),
		cmocka_unit_test_setup(test_parallel, fresh),
		cmocka_unit_test(test_small),
	};

	if (argc < 2)
		return 1;
	program = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
