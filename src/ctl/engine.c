/* SPDX-License-Identifier: Apache-2.0 */
/* Container engines, found and private: see engine.h. */
#include "ctl/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "ctl/undo.h"

#define START_MS 30000
#define POLL_MS 20
#define STOP_MS 20000

static bool answers(const char *path)
{
	CLEANUP(fd_close) int fd = unix_connect(path);

	return fd >= 0;
}

/* Adds the engine unless it does not answer or its socket is there under another name. */
static int add_engine(struct engine *list, int n, const char *kind, const char *path)
{
	struct stat mine, other;

	if (str_has_prefix(path, "unix://"))
		path += strlen("unix://");
	if (n == ENGINES_MAX || strlen(path) >= sizeof(list->socket) || path[0] != '/' ||
		stat(path, &mine) < 0 || !answers(path))
		return n;
	for (int i = 0; i < n; i++)
		if (stat(list[i].socket, &other) == 0 && other.st_ino == mine.st_ino &&
			other.st_dev == mine.st_dev)
			return n;
	list[n].kind = kind;
	snprintf(list[n].socket, sizeof(list[n].socket), "%s", path);
	return n + 1;
}

/* The variable may name several, with commas between them. */
static int add_engines(struct engine *list, int n, const char *kind, const char *paths)
{
	char path[PATH_MAX];

	for (const char *p = paths; *p; p += strspn(p, ",")) {
		size_t len = strcspn(p, ",");
		snprintf(path, sizeof(path), "%.*s", (int)len, p);
		n = add_engine(list, n, kind, path);
		p += len;
	}
	return n;
}

int engine_find(struct engine ret[ENGINES_MAX])
{
	/* The variable, where it is set, takes the place of the usual sockets. */
	static const struct {
		const char *kind, *variable, *usual[3];
	} places[] = {
		{"docker", "DOCKER_HOST", {"/run/docker.sock", "/var/run/docker.sock"}},
		{"containerd", "CONTAINERD_ADDRESS", {"/run/containerd/containerd.sock"}},
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *set = getenv(places[i].variable);
		if (set && *set)
			n = add_engines(ret, n, places[i].kind, set);
		for (int k = 0; !(set && *set) && places[i].usual[k]; k++)
			n = add_engine(ret, n, places[i].kind, places[i].usual[k]);
	}
	return n;
}

/* /proc/net/route: destination and mask are the address bytes as one hexadecimal host number. */
static bool meets(const char *routes, uint32_t subnet)
{
	unsigned destination, mask;
	char name[32];

	for (const char *line = routes; line && *line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (sscanf(line, "%31s %8x %*8x %*x %*d %*d %*d %8x", name, &destination, &mask) !=
			3)
			continue;
		uint32_t to = ntohl(destination), bits = ntohl(mask);
		if (bits && ((to ^ subnet) & bits & 0xffffff00u) == 0)
			return true;
	}
	return false;
}

int subnet_pick(const char *routes, char out[20])
{
	for (unsigned i = 0; i < 512; i++) {
		unsigned b = i < 256 ? 213 : i - 256, c = i < 256 ? i : 213;
		if (meets(routes, 10u << 24 | b << 16 | c << 8))
			continue;
		snprintf(out, 20, "10.%u.%u.0/24", b, c);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* "10.213.7.0/24" to "10.213.7.1/24" */
static void gateway_of(const char *subnet, char out[20])
{
	snprintf(out, 20, "%.*s.1/24", (int)(strrchr(subnet, '.') - subnet), subnet);
}

static int make_bridge(struct private_engine *e, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf routes = BUF_INIT(1 << 20);
	char gateway[20];
	int r = 0;

	if (!e->subnet[0]) {
		if (file_read("/proc/net/route", &routes) < 0 ||
			subnet_pick(routes.data ? (char *)routes.data : "", e->subnet) < 0)
			return diag_msg(reterr, -EADDRNOTAVAIL,
				"no network of 10.0.0.0/8 is free for the private engine");
	}
	/* In another namespace it goes with the namespace. */
	if (!e->netns_fd)
		r = undo_add(e->undo, UNDO_BRIDGE, e->name, reterr);
	if (r < 0)
		return r;
	gateway_of(e->subnet, gateway);
	if (spawn_words(e->netns_fd, "ip", "link", "add", e->name, "type", "bridge", NULL) != 0 ||
		spawn_words(e->netns_fd, "ip", "address", "add", gateway, "dev", e->name, NULL) !=
			0 ||
		spawn_words(e->netns_fd, "ip", "link", "set", e->name, "up", NULL) != 0)
		return diag_msg(reterr, -EIO, "cannot make the bridge %s", e->name);
	return 0;
}

/* A way out for the containers, where the host can do it; without it they have only each other. */
static int make_way_out(struct private_engine *e, struct diag *reterr)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";
	struct buf old = BUF_INIT(16);
	char change[64];

	if (e->netns_fd)
		return 0;
	int r = undo_add(e->undo, UNDO_MASQUERADE, e->subnet, reterr);
	if (r < 0)
		return r;
	if (spawn_words(0, "iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-s", e->subnet, "!",
		    "-d", e->subnet, "-m", "comment", "--comment", "seawall", "-j", "MASQUERADE",
		    NULL) != 0)
		return 0;
	if (file_read(path, &old) == 0 && old.len && old.data[0] == '0') {
		r = undo_add(e->undo, UNDO_SYSCTL, "net/ipv4/ip_forward=0", reterr);
		snprintf(change, sizeof(change), "1");
		CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (r == 0 && (fd < 0 || fd_write_all(fd, change, 1) < 0))
			r = 0;
	}
	buf_done(&old);
	e->reaches_out = r == 0;
	return r;
}

static int make_dirs(struct private_engine *e, struct diag *reterr)
{
	char path[PATH_MAX];

	if (dir_make(e->dir, 0711) < 0)
		return diag_msg(reterr, -errno, "cannot make %s", e->dir);
	int r = undo_add(e->undo, UNDO_TREE, e->dir, reterr);
	/* containerd's shims leave these behind when they were not there before. */
	static const char *const shared[] = {"/run/containerd", "/run/containerd/s"};
	if (r == 0 && e->plugin_socket[0] && access("/etc/docker", F_OK) < 0) {
		r = undo_add(e->undo, UNDO_EMPTY, "/etc/docker", reterr);
		if (r == 0 && mkdir("/etc/docker", 0755) < 0)
			r = diag_msg(reterr, -errno, "cannot make /etc/docker: %s", strerror(errno));
	}
	for (size_t i = 0; i < ARRAY_SIZE(shared) && r == 0; i++)
		if (access(shared[i], F_OK) < 0)
			r = undo_add(e->undo, UNDO_EMPTY, shared[i], reterr);
	snprintf(path, sizeof(path), "%s/docker.sock", e->dir);
	if (strlen(path) >= sizeof(e->socket))
		return diag_msg(
			reterr, -ENAMETOOLONG, "%s is too long for the path of a socket", path);
	memcpy(e->socket, path, strlen(path) + 1);
	if (r == 0)
		r = undo_add(e->undo, UNDO_CGROUP, e->name, reterr);
	return r;
}

/* dockerd looks for plugins in fixed places: this one has an /etc/docker of its own. */
static const char own_plugins[] =
	"mount -t tmpfs none /etc/docker && mkdir /etc/docker/plugins && "
	"echo \"unix://$1\" >/etc/docker/plugins/seawall.spec && shift && exec \"$@\"";
#define PLUGIN_WORDS 9 /* in front of dockerd's own */

static int launch(struct private_engine *e, struct diag *reterr)
{
	char data[PATH_MAX], run[PATH_MAX], pidfile[PATH_MAX], host[128], parent[32], log[PATH_MAX],
		config[PATH_MAX];

	snprintf(data, sizeof(data), "%s/data", e->dir);
	snprintf(run, sizeof(run), "%s/run", e->dir);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", e->dir);
	snprintf(log, sizeof(log), "%s/log", e->dir);
	snprintf(config, sizeof(config), "%s/daemon.json", e->dir);
	file_write_atomic(config, "{}\n", 3, 0600); /* not the host's /etc/docker/daemon.json */
	snprintf(host, sizeof(host), "unix://%s", e->socket);
	snprintf(parent, sizeof(parent), "/%s", e->name);
	const char *argv[SPAWN_ARGS_MAX] = {"unshare", "--mount", "--propagation", "private", "sh", "-c", own_plugins, "sh",
		e->plugin_socket, "dockerd", "--data-root", data, "--exec-root", run,
		"--pidfile", pidfile, "--host", host, "--bridge", e->name, "--iptables=false",
		"--ip-masq=false", "--ip-forward=false", "--ip6tables=false",
		"--userland-proxy=false", "--storage-driver", "overlay2", "--cgroup-parent", parent,
		"--config-file", config, "--live-restore=false", "--shutdown-timeout", "2"};
	int n = 0;
	while (argv[n])
		n++;
	for (int i = 0; i < 2; i++)
		if (e->listen[i][0]) {
			argv[n++] = "--host";
			argv[n++] = e->listen[i];
		}
	if (e->listen[0][0])
		argv[n++] = "--tls=false";
	const char *const *words = e->plugin_socket[0] ? argv : argv + PLUGIN_WORDS;
	CLEANUP(fd_close) int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static const char *const env[] = {
		"DOCKER_HOST", "DOCKER_TLS_VERIFY", "NOTIFY_SOCKET", NULL};
	pid_t pid;
	int r = spawn_start(&(struct spawn){.argv = words,
				    .env = env,
				    .out_fd = fd,
				    .err_fd = fd,
				    .netns_fd = e->netns_fd,
				    .own_group = true,
				    .death_signal = SIGTERM},
		&pid);
	if (r == -ENOENT)
		return diag_msg(reterr, r,
			"there is no dockerd on this host (Debian: apt-get install docker.io)");
	if (r < 0)
		return diag_msg(reterr, r, "cannot start dockerd: %s", strerror(-r));
	e->process = process_id_of(pid);
	char what[64];
	snprintf(what, sizeof(what), "%d %lu", (int)pid, (unsigned long)e->process.start);
	return undo_add(e->undo, UNDO_PROCESS, what, reterr);
}

/* The engine answers /_ping when it is ready; before that it accepts nothing. */
static bool pings(const char *socket)
{
	static const char ask[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	char answer[64] = "";
	CLEANUP(fd_close) int fd = unix_connect(socket);

	if (fd < 0 || fd_write_all(fd, ask, sizeof(ask) - 1) < 0)
		return false;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 1000) == 1 && read(fd, answer, sizeof(answer) - 1) > 12 &&
	       strstr(answer, " 200");
}

/* Who blocks these signals to take them in a loop later must not make the user wait for us now. */
static bool stop_wanted(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

static int last_words(const struct private_engine *e, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16u << 20);
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s/log", e->dir);
	file_read(log, &text);
	const char *last = text.data ? (const char *)text.data : "";
	if (text.len > 300)
		last += text.len - 300;
	return diag_msg(
		reterr, -EIO, "the private dockerd did not come up; its log ends: %s", last);
}

int private_engine_start(struct private_engine *e, struct diag *reterr)
{
	uint64_t deadline = time_monotonic() + START_MS * NSEC_PER_MSEC;

	/* Of the directory, so that two engines on one host never share a cgroup or a bridge. */
	snprintf(e->name, sizeof(e->name), "seawall%08x", crc32c(0, e->dir, strlen(e->dir)));
	int r = make_dirs(e, reterr);

	if (r == 0)
		r = make_bridge(e, reterr);
	if (r == 0)
		r = make_way_out(e, reterr);
	if (r == 0)
		r = launch(e, reterr);
	if (r < 0)
		return r;
	while (!pings(e->socket)) {
		if (stop_wanted())
			return diag_msg(reterr, -EINTR, "interrupted");
		if (!process_alive(&e->process) || time_monotonic() > deadline)
			return last_words(e, reterr);
		poll(NULL, 0, POLL_MS);
	}
	return 0;
}

void private_engine_stop(struct private_engine *e)
{
	process_stop(&e->process, SIGTERM, STOP_MS);
	undo_run(e->undo);
}
