/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall up, down: protection of this host as one thing that is on or off. One supervisor per
 * state directory (flock); run/up.json tells who it is, run/undo what to take back after it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/state.h"
#include "ctl/supervisor.h"
#include "ctl/undo.h"
#include "ctl/webhook_cert.h"

#define OTHER_READY_MS 30000
#define DOWN_MS 60000
#define LOG_LINES 8 /* shown when it did not come up */

/* What one `up` knows. */
struct up {
	struct call *call;
	struct supervisor *supervisor;
	struct engine engines[ENGINES_MAX];
	int engine_count;
	struct private_engine engine; /* pid 0: the host has its own */
	char undo[PATH_MAX];
	char log[PATH_MAX]; /* "" in the foreground */
	int notify;	    /* pipe to the waiting parent, 0 in the foreground */
};

static void read_line(const char *name, char *out, size_t size)
{
	char path[PATH_MAX];
	struct buf b = BUF_FIXED((uint8_t *)out, size);

	if (file_read(state_path(name, path), &b) < 0)
		out[0] = 0;
	out[strcspn(out, "\r\n")] = 0;
}

static void put_member(struct buf *b, const char *key, const char *value)
{
	json_put_key(b, key);
	json_put_str(b, value && *value ? value : NULL);
}

/* {pid, start, url, …}: what `down`, a second `up` and scripts want to know. */
static void put_up(struct buf *b, const struct up *u, bool with_password)
{
	struct process_id me = process_id_of(getpid());
	char url[512], dir[PATH_MAX], password[128], host[128] = "";

	buf_printf(b, "{\"ready\":true,\"pid\":%d,\"start\":%lu", (int)me.pid,
		(unsigned long)me.start);
	put_member(b, "url", state_url(url, sizeof(url)));
	put_member(b, "state", state_dir(dir));
	put_member(b, "log", u->log);
	if (u->engine.process.pid)
		snprintf(host, sizeof(host), "unix://%s", u->engine.socket);
	put_member(b, "docker_host", host);
	json_put_key(b, "engines");
	buf_puts(b, "[");
	for (int i = 0; i < u->engine_count; i++) {
		json_put_sep(b);
		buf_puts(b, "{");
		put_member(b, "kind", u->engines[i].kind);
		put_member(b, "socket", u->engines[i].socket);
		buf_puts(b, "}");
	}
	buf_puts(b, "]");
	if (with_password) {
		read_line("run/initial-password", password, sizeof(password));
		put_member(b, "user", "admin");
		put_member(b, "password", password);
	}
	buf_puts(b, "}\n");
}

static void say_up(const struct up *u)
{
	char url[512], dir[PATH_MAX], password[128];

	read_line("run/initial-password", password, sizeof(password));
	printf("%sSeawall protects this host.%s\n", tint(TINT_BOLD), tint(TINT_NONE));
	printf("  %-10s %s\n", "console", state_url(url, sizeof(url)));
	printf("  %-10s admin\n", "user");
	printf("  %-10s %s\n", "password", *password ? password : "as you set it");
	printf("  %-10s %s\n", "state", state_dir(dir));
	for (int i = 0; i < u->engine_count; i++)
		printf("  %-10s %s at %s\n", "engine", u->engines[i].kind, u->engines[i].socket);
	if (u->engine.process.pid)
		printf("The host has no container engine, so a private Docker engine was started. "
		       "To use it:\n"
		       "  export DOCKER_HOST=unix://%s\n%s",
			u->engine.socket,
			u->engine.reaches_out ? ""
					      : "  (its containers cannot reach beyond this host: "
						"iptables refused)\n");
	if (u->log[0])
		printf("'seawall down' stops it; its log is %s\n", u->log);
	else
		printf("Ctrl-C stops it. One line per audit from here on:\n");
	fflush(stdout);
}

static void on_ready(void *ctx)
{
	struct up *u = ctx;
	CLEANUP(buf_done) struct buf record = BUF_INIT(64 << 10);
	char path[PATH_MAX];

	put_up(&record, u, false);
	if (record.failed || file_write_atomic(state_path("run/up.json", path), record.data,
				     record.len, 0644) < 0)
		log_warn(
			-errno, "cannot write %s: 'seawall down' will not find this Seawall", path);
	if (u->call->json) {
		struct buf out = BUF_INIT(64 << 10);
		put_up(&out, u, true);
		if (!out.failed)
			fd_write_all(STDOUT_FILENO, out.data, out.len);
		buf_done(&out);
	} else {
		say_up(u);
	}
	if (u->notify) {
		int code = CTL_DONE;
		fd_write_all(u->notify, &code, sizeof(code));
		u->notify = fd_close(u->notify);
		/* The terminal is the parent's; from here on there is only the log. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
	} else {
		supervisor_view(u->supervisor);
	}
}

static void on_day(void *ctx)
{
	struct diag diag = {0};

	(void)ctx;
	if (webhook_renew(&diag) < 0)
		log_warn(0, "the webhook's certificate: %s", diag.message);
}

/* What programs leave behind when they are killed rather than ended. */
static void sweep(void)
{
	static const char *const left[] = {"run/up.json", "run/console.sock", "run/console.ready",
		"run/defender.ready", "run/gate.ready", "gate/defender.sock", "gate/registry.sock"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		unlink(state_path(left[i], path));
}

static int find_engines(struct up *u, struct diag *reterr)
{
	char dir[PATH_MAX];

	u->engine_count = engine_find(u->engines);
	if (u->engine_count)
		return 0;
	fprintf(stderr,
		"no container engine answers on this host: starting a private Docker engine\n");
	state_path("engine", dir);
	if (strlen(dir) >= sizeof(u->engine.dir))
		return diag_msg(reterr, -ENAMETOOLONG, "%s is too long", dir);
	memcpy(u->engine.dir, dir, strlen(dir) + 1);
	snprintf(u->engine.undo, sizeof(u->engine.undo), "%s", u->undo);
	int r = private_engine_start(&u->engine, reterr);
	if (r < 0)
		return r;
	u->engines[0].kind = "docker";
	snprintf(u->engines[0].socket, sizeof(u->engines[0].socket), "%s", u->engine.socket);
	u->engine_count = 1;
	return 0;
}

/* The supervisor's life, with the lock held. */
static int protect(struct up *u)
{
	struct diag diag = {0};
	struct supervisor_config config = {.undo = u->undo,
		.engines = u->engines,
		.json = u->call->json,
		.on_ready = on_ready,
		.on_day = on_day,
		.ctx = u};

	undo_run(u->undo); /* of one that did not end well */
	sweep();
	int r = supervisor_new(&u->supervisor, &config, &diag);
	if (r == 0)
		r = find_engines(u, &diag);
	if (r == 0) {
		supervisor_set_engines(u->supervisor, u->engine_count);
		r = supervisor_run(u->supervisor, &diag);
	}
	if (r < 0 && r != -EINTR)
		cannot(&diag);
	else if (!u->log[0])
		fprintf(stderr, "\ntaking everything down\n");
	private_engine_stop(&u->engine);
	undo_run(u->undo);
	sweep();
	u->supervisor = supervisor_free(u->supervisor);
	return r < 0 ? CTL_CANNOT : CTL_DONE;
}

/* Another `up` has the lock: waits until it is ready, so that both mean the same. */
static int already_up(struct call *c)
{
	CLEANUP(client_free) struct client *client = NULL;
	uint64_t deadline = time_monotonic() + OTHER_READY_MS * NSEC_PER_MSEC;
	struct buf record = BUF_INIT(64 << 10);
	struct diag diag = {0};
	char path[PATH_MAX], url[512];

	if (client_new(&client, &diag) < 0)
		return cannot(&diag);
	while (access(state_path("run/up.json", path), F_OK) < 0 ||
		!client_answers(client, "//readyz", 1000)) {
		if (time_monotonic() > deadline)
			return cannot_say("another 'seawall up' with this state directory is "
					  "starting, and does not get ready");
		poll(NULL, 0, 50);
	}
	if (c->json && file_read(path, &record) == 0)
		fwrite(record.data, 1, record.len, stdout);
	else
		fprintf(stderr, "Seawall is up already: %s\n", state_url(url, sizeof(url)));
	buf_done(&record);
	return CTL_DONE;
}

/* The last lines of a file, on standard error. */
static void show_end(const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(64u << 20);
	size_t from, lines = 0;

	if (file_read(path, &text) < 0)
		return;
	for (from = text.len; from > 0 && lines <= LOG_LINES; from--)
		lines += text.data[from - 1] == '\n';
	if (from)
		from++; /* over the newline that was one too many */
	fwrite(text.data + from, 1, text.len - from, stderr);
}

/* The child of --detach: own session, everything said goes to the log. Returns in it only. */
static int detach(struct up *u, bool *ret_parent)
{
	int pair[2], code = CTL_CANNOT;

	*ret_parent = false;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return cannot_say("no pipe: %s", strerror(errno));
	char old[PATH_MAX];
	/* One log a run, and the one before it. */
	rename(state_path("run/seawall.log", u->log), state_path("run/seawall.log.old", old));
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return cannot_say("cannot fork: %s", strerror(errno));
	if (pid > 0) {
		*ret_parent = true;
		close(pair[1]);
		if (read(pair[0], &code, sizeof(code)) != sizeof(code)) {
			fprintf(stderr, "seawall: it did not come up; the end of %s:\n", u->log);
			show_end(u->log);
			code = CTL_CANNOT;
		}
		return code;
	}
	close(pair[0]);
	u->notify = pair[1];
	setsid();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open(u->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(CTL_CANNOT);
	return CTL_DONE;
}

static int take_lock(int *ret_fd)
{
	char path[PATH_MAX];

	if (dir_make(state_dir(path), 0711) < 0 || dir_make(state_path("run", path), 0755) < 0)
		return cannot_say("cannot make %s (run as root, or set SEAWALL_STATE)", path);
	/* The Gate is confined to this one and must be able to walk into it. */
	if (dir_make(state_path("gate", path), 0711) < 0 || chmod(path, 0711) < 0)
		return cannot_say("cannot make %s: %s", path, strerror(errno));
	int fd = open(state_path("run/up.lock", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return cannot_say("cannot open %s: %s", path, strerror(errno));
	*ret_fd = fd;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? CTL_DONE : CTL_NO;
}

int cmd_up(struct call *c)
{
	static struct up u;
	char dir[PATH_MAX];
	int lock = -1;

	if (geteuid() != 0)
		return cannot_say(
			"'up' needs root: it loads kernel programs and kills what must not run");
	int code = take_lock(&lock);
	if (code == CTL_CANNOT)
		return code;
	if (code == CTL_NO)
		return already_up(c);
	/* The programs get what we found out, not what the caller may change by `cd`. */
	setenv("SEAWALL_STATE", state_dir(dir), 1);
	u.call = c;
	state_path("run/undo", u.undo);
	if (call_flag(c, "detach")) {
		bool parent;
		code = detach(&u, &parent);
		if (parent || code != CTL_DONE)
			return code;
		/* flock belongs to the open file: the child keeps it when the parent goes. */
	}
	code = protect(&u);
	fd_close(lock);
	return code;
}

static struct process_id read_up(void)
{
	CLEANUP(json_free) struct json *j = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(64 << 10);
	char path[PATH_MAX];

	if (file_read(state_path("run/up.json", path), &text) < 0 ||
		json_parse(&j, (char *)text.data, text.len, NULL) < 0)
		return (struct process_id){0};
	return (struct process_id){.pid = (pid_t)json_get_int(j, "pid", 0),
		.start = (uint64_t)json_get_int(j, "start", 0)};
}

int cmd_down(struct call *c)
{
	struct process_id up = read_up();
	char undo[PATH_MAX], path[PATH_MAX];
	bool was_up = process_alive(&up);

	if (geteuid() != 0)
		return cannot_say("'down' needs root, as 'up' did");
	if (was_up)
		process_stop(&up, SIGTERM, DOWN_MS);
	CLEANUP(fd_close) int lock = open(state_path("run/up.lock", path), O_RDWR | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0)
		return cannot_say("another 'seawall up' is just starting; try again when it is up");
	bool left = access(state_path("run/undo", undo), F_OK) == 0;
	int r = undo_run(undo);
	sweep();
	if (r < 0)
		return cannot_say("cannot read %s: %s", undo, strerror(-r));
	if (c->json)
		printf("{\"was_up\":%s,\"cleaned\":%s}\n", was_up ? "true" : "false",
			left ? "true" : "false");
	else
		fprintf(stderr, "%s\n",
			was_up ? "Seawall is down."
			: left ? "Seawall was not up; what it had left is cleaned up."
			       : "Seawall was not up.");
	return CTL_DONE;
}
