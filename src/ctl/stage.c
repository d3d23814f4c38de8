/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the drills: see stage.h. */
#include "ctl/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/state.h"
#include "ctl/undo.h"

#define UP_MS 60000
#define POLICY_MS 10000

/* Countries of the addresses above, so that the Radar can show them. */
static const char countries[] = "203.0.113.0/24,SG\n198.51.100.0/24,CN\n";

static const char *const urls[STAGE_HOSTS_MAX] = {
	"tcp://203.0.113.10:2375", "tcp://203.0.113.20:2375"};

const char *stage_host_url(int n)
{
	return urls[n];
}

bool stage_interrupted(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1 ||
		       sigismember(&set, SIGHUP) == 1);
}

/* From here on these signals wait until everything is taken down. */
static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int take_place(struct stage *s, struct diag *reterr)
{
	char path[PATH_MAX], state[PATH_MAX];

	s->fresh = access(state_dir(state), F_OK) < 0;
	if (strlen(state) > sizeof(s->dir) - 64)
		return diag_msg(reterr, -ENAMETOOLONG, "%s is too long", state);
	if (dir_make(state, 0711) < 0)
		return diag_msg(reterr, -errno, "cannot make %s (a drill needs root)", state);
	state_path("drill.lock", path);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return diag_msg(
			reterr, -EBUSY, "another drill is running with this state directory");
	state_path("drill.undo", s->undo);
	undo_run(s->undo); /* of one that was killed */
	snprintf(s->dir, sizeof(s->dir), "%.3900s/drill", state);
	int r = undo_add(s->undo, UNDO_FILE, path, reterr);
	if (r == 0)
		r = undo_add(s->undo, UNDO_TREE, s->dir, reterr);
	if (r == 0 && dir_make(s->dir, 0711) < 0)
		r = diag_msg(reterr, -errno, "cannot make %s", s->dir);
	return r;
}

/* A namespace lives as long as a descriptor of it: no name, no process, nothing to clean up. */
static int make_netns(struct stage *s, struct diag *reterr)
{
	CLEANUP(fd_close) int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ours < 0 || unshare(CLONE_NEWNET) < 0)
		return diag_msg(
			reterr, -errno, "cannot make a network namespace (a drill needs root)");
	s->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(ours, CLONE_NEWNET) < 0 || s->netns < 0)
		return diag_msg(reterr, -errno, "cannot come back from the new network namespace");
	static const char *const addresses[] = {STAGE_POOL "/24", STAGE_RPC "/24",
		"203.0.113.10/24", "203.0.113.20/24", STAGE_SCRIPTS "/24"};
	if (spawn_words(s->netns, "ip", "link", "set", "lo", "up", NULL) != 0 ||
		spawn_words(s->netns, "ip", "link", "add", "world0", "type", "bridge", NULL) != 0 ||
		spawn_words(s->netns, "ip", "link", "set", "world0", "up", NULL) != 0)
		return diag_msg(reterr, -EIO, "cannot make the interface of the drill's addresses");
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (spawn_words(s->netns, "ip", "address", "add", addresses[i], "dev", "world0",
			    NULL) != 0)
			return diag_msg(reterr, -EIO, "cannot add the address %s", addresses[i]);
	return 0;
}

static int make_hosts(struct stage *s, int hosts, struct diag *reterr)
{
	int r = 0;

	for (int i = 0; i < hosts && r == 0; i++) {
		struct private_engine *e = &s->hosts[i];
		snprintf(e->dir, sizeof(e->dir), "%.3900s/%c", s->dir, 'a' + i);
		snprintf(e->undo, sizeof(e->undo), "%s", s->undo);
		snprintf(e->subnet, sizeof(e->subnet), "10.213.%d.0/24", i);
		snprintf(e->listen[0], sizeof(e->listen[0]), "%s", urls[i]);
		snprintf(e->plugin_socket, sizeof(e->plugin_socket), "%.70s/seawall/gate/authz.sock", s->dir);
		e->netns_fd = s->netns;
		s->host_count = i + 1;
		r = private_engine_start(e, reterr);
	}
	return r;
}

int stage_open(struct stage *s, int hosts, struct diag *reterr)
{
	hold_signals();
	int r = take_place(s, reterr);
	if (r == 0)
		r = make_netns(s, reterr);
	if (r == 0)
		r = make_hosts(s, hosts, reterr);
	return r;
}

int stage_server(struct stage *s, const char *const *argv, struct diag *reterr)
{
	char program[PATH_MAX], what[64];
	const char *copy[SPAWN_ARGS_MAX] = {program};
	pid_t pid;

	int r = program_find(argv[0], program, reterr);
	if (r < 0)
		return r;
	if (s->server_count == STAGE_SERVERS_MAX)
		return diag_msg(reterr, -ENOSPC, "too many servers on the stage");
	for (int i = 1; argv[i] && i < SPAWN_ARGS_MAX - 1; i++)
		copy[i] = argv[i];
	CLEANUP(fd_close) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	r = spawn_start(&(struct spawn){.argv = copy,
				.out_fd = null,
				.err_fd = null,
				.netns_fd = s->netns,
				.own_group = true,
				.death_signal = SIGKILL},
		&pid);
	if (r < 0)
		return diag_msg(reterr, r, "cannot start %s: %s", program, strerror(-r));
	s->servers[s->server_count] = process_id_of(pid);
	snprintf(what, sizeof(what), "%d %lu", (int)pid,
		(unsigned long)s->servers[s->server_count++].start);
	return undo_add(s->undo, UNDO_PROCESS, what, reterr);
}

static int free_port(void)
{
	CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return -errno;
	return ntohs(at.sin_port);
}

/* The environment of the stage's Seawall is also ours from here on: the client asks that one. */
static int set_scene(struct stage *s, struct diag *reterr)
{
	char text[2 * PATH_MAX], state[PATH_MAX];
	size_t n = 0;
	int port = free_port();

	if (port < 0)
		return diag_msg(reterr, port, "no free port on 127.0.0.1");
	snprintf(state, sizeof(state), "%s/seawall", s->dir);
	setenv("SEAWALL_STATE", state, 1);
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	setenv("SEAWALL_LISTEN", text, 1);
	snprintf(text, sizeof(text), "https://127.0.0.1:%d", port);
	setenv("SEAWALL_URL", text, 1);
	unsetenv("SEAWALL_TOKEN");
	setenv("CONTAINERD_ADDRESS", "/nonexistent/containerd.sock", 1);
	for (int i = 0; i < s->host_count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sunix://%s", i ? "," : "",
			s->hosts[i].socket);
	setenv("DOCKER_HOST", text, 1);
	return 0;
}

/* The Console looks at this file again whenever it changes. */
static int name_countries(struct diag *reterr)
{
	char path[PATH_MAX];
	int r = file_write_atomic(state_path("console/geo-overlay.csv", path), countries,
		sizeof(countries) - 1, 0644);

	return r < 0 ? diag_msg(reterr, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int last_words(const char *log, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16u << 20);

	file_read(log, &text);
	const char *last = text.data ? (const char *)text.data : "";
	if (text.len > 400)
		last += text.len - 400;
	return diag_msg(
		reterr, -EIO, "the drill's own Seawall did not come up; its log ends: %s", last);
}

static int start_seawall(struct stage *s, struct diag *reterr)
{
	char self[PATH_MAX], log[PATH_MAX], record[PATH_MAX], what[64];
	const char *argv[] = {self, "up", NULL};
	uint64_t deadline = time_monotonic() + UP_MS * NSEC_PER_MSEC;
	pid_t pid;

	int r = program_find("seawall", self, reterr);
	if (r < 0)
		return r;
	snprintf(log, sizeof(log), "%s/seawall.log", s->dir);
	CLEANUP(fd_close) int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = spawn_start(&(struct spawn){.argv = argv,
				.out_fd = fd,
				.err_fd = fd,
				.own_group = true,
				.death_signal = SIGTERM},
		&pid);
	if (r < 0)
		return diag_msg(reterr, r, "cannot start %s: %s", self, strerror(-r));
	s->seawall = process_id_of(pid);
	snprintf(what, sizeof(what), "%d %lu", (int)pid, (unsigned long)s->seawall.start);
	r = undo_add(s->undo, UNDO_PROCESS, what, reterr);
	while (r == 0 && access(state_path("run/up.json", record), F_OK) < 0) {
		if (stage_interrupted())
			return diag_msg(reterr, -EINTR, "interrupted");
		if (!process_alive(&s->seawall) || time_monotonic() > deadline)
			return last_words(log, reterr);
		poll(NULL, 0, 20);
	}
	return r < 0 ? r : client_new(&s->client, reterr);
}

static int apply(struct stage *s, const char *policy, struct diag *reterr)
{
	CLEANUP(reply_done) struct reply put = {0};
	uint64_t deadline = time_monotonic() + POLICY_MS * NSEC_PER_MSEC;

	int r = client_ask(s->client,
		&(struct request){.method = "PUT",
			.path = "/policy",
			.type = "application/yaml",
			.body = policy,
			.size = strlen(policy)},
		&put, reterr);
	if (r < 0)
		return r;
	if (put.status != 200) {
		reply_problem(&put, reterr);
		return -EINVAL;
	}
	int64_t wanted = json_get_int(put.json, "revision", 0);
	for (;;) {
		struct reply status = {0};
		r = client_ask(s->client, &(struct request){.path = "/status"}, &status, reterr);
		int64_t have = json_get_int(status.json, "policy_revision", -1);
		reply_done(&status);
		if (r < 0 || have == wanted)
			return r;
		if (stage_interrupted())
			return diag_msg(reterr, -EINTR, "interrupted");
		if (time_monotonic() > deadline)
			return diag_msg(reterr, -ETIMEDOUT,
				"the Defender did not take revision %ld of the policy",
				(long)wanted);
		poll(NULL, 0, 20);
	}
}

int stage_protect(struct stage *s, const char *policy, struct diag *reterr)
{
	int r = set_scene(s, reterr);

	if (r == 0)
		r = start_seawall(s, reterr);
	if (r == 0)
		r = name_countries(reterr);
	if (r == 0)
		r = apply(s, policy, reterr);
	return r;
}

/* An engine that ends gives each container ten seconds to end by itself; ours need none. */
static void kill_containers(const struct private_engine *e)
{
	CLEANUP(json_free) struct json *list = NULL;
	char path[128];

	if (!process_alive(&e->process))
		return;
	stage_docker(e, "GET", "/containers/json", NULL, &list);
	for (const struct json *c = json_first(list); c; c = json_next(c)) {
		snprintf(path, sizeof(path), "/containers/%.64s/kill", json_get_str(c, "Id", ""));
		stage_docker(e, "POST", path, "", NULL);
	}
}

void stage_close(struct stage *s)
{
	s->client = client_free(s->client);
	process_stop(&s->seawall, SIGTERM, 30000);
	for (int i = 0; i < s->server_count; i++)
		process_stop(&s->servers[i], SIGKILL, 1000);
	for (int i = 0; i < s->host_count; i++) {
		kill_containers(&s->hosts[i]);
		process_stop(&s->hosts[i].process, SIGTERM, 20000);
	}
	if (s->undo[0])
		undo_run(s->undo);
	if (s->fresh)
		rmdir(dirname(s->undo));
	if (s->netns > 0)
		s->netns = fd_close(s->netns);
	if (s->lock > 0)
		s->lock = fd_close(s->lock);
}
