/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engines' sockets by whatever name, and raw sockets. The test plays the engine, outside of the
 * container; engines in the container are played by the child itself.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: no engines\n"
	"    processes: {engine_clients: prevent}\n"
	"    network: {raw_sockets: prevent}\n";
static const char alert[] = "version: 1\nruntime: [{name: look, threats: alert}]\n";

enum way { BY_PATH, BY_LINK, BY_HARD_LINK, BY_MOUNT, BY_FOLDER, BY_DESCRIPTOR, BY_THREAD, OWN_ENGINE, DATAGRAM };

struct row {
	const char *what;
	const char *name; /* to which the engine bound its socket */
	enum way way;
	bool named; /* the Defender has named its file */
	bool caught;
};

static const struct row rows[] = {
	{"by its path", "docker.sock", BY_PATH, false, true},
	{"by a link of another name", "docker.sock", BY_LINK, false, true},
	{"by a hard link", "containerd.sock", BY_HARD_LINK, false, true},
	{"mounted under another name", "docker.sock", BY_MOUNT, false, true},
	{"its folder mounted elsewhere", "crio.sock", BY_FOLDER, false, true},
	{"relative to its folder", "podman.sock", BY_DESCRIPTOR, false, true},
	{"by a thread", "buildkitd.sock", BY_THREAD, false, true},
	{"another name, which the Defender knows", "x.sock", BY_PATH, true, true},
	{"... mounted under yet another", "x.sock", BY_MOUNT, true, true},
	{"another name", "x.sock", BY_PATH, false, false},
	{"a name that only begins so", "docker.socket", BY_PATH, false, false},
	{"a name that only ends so", "mydocker.sock", BY_PATH, false, false},
	{"an engine of its own", "docker.sock", OWN_ENGINE, false, false},
	{"a log's datagrams", "docker.sock", DATAGRAM, false, false},
};

struct run {
	const struct row *row;
	char folder[128];
};

static socklen_t address_of(struct sockaddr_un *a, const char *folder, const char *name)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(a->sun_path, sizeof(a->sun_path), "%.80s%s%.20s", folder, folder[0] ? "/" : "", name);
	return sizeof(*a);
}

static int engine_open(const char *folder, const char *name, int type)
{
	struct sockaddr_un a;
	socklen_t size = address_of(&a, folder, name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, size) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0))
		return -1;
	return fd;
}

static int call(const char *folder, const char *name, int type)
{
	struct sockaddr_un a;
	socklen_t size = address_of(&a, folder, name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, size) < 0)
		return errno;
	return write(fd, "GET /", 5) == 5 ? 0 : errno;
}

static void *call_thread(void *ctx)
{
	const struct run *r = ctx;

	_exit(call(r->folder, r->row->name, SOCK_STREAM));
	return NULL;
}

static int row_child(void *ctx)
{
	const struct run *r = ctx;
	char from[256], to[256];
	pthread_t thread;

	snprintf(from, sizeof(from), "%s/%s", r->folder, r->row->name);
	snprintf(to, sizeof(to), "%s/other", r->folder);
	switch (r->row->way) {
	case BY_PATH:
		return call(r->folder, r->row->name, SOCK_STREAM);
	case BY_LINK:
		return symlink(from, to) < 0 ? errno : call(r->folder, "other", SOCK_STREAM);
	case BY_HARD_LINK:
		return link(from, to) < 0 ? errno : call(r->folder, "other", SOCK_STREAM);
	case BY_MOUNT:
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			mknod(to, S_IFREG | 0644, 0) < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
			return errno;
		return call(r->folder, "other", SOCK_STREAM);
	case BY_FOLDER:
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mkdir(to, 0755) < 0 ||
			mount(r->folder, to, NULL, MS_BIND, NULL) < 0)
			return errno;
		return call(to, r->row->name, SOCK_STREAM);
	case BY_DESCRIPTOR:
		return chdir(r->folder) < 0 ? errno : call("", r->row->name, SOCK_STREAM);
	case BY_THREAD:
		if (pthread_create(&thread, NULL, call_thread, ctx) != 0)
			return 201;
		pthread_join(thread, NULL);
		return 202;
	case OWN_ENGINE:
		return engine_open(r->folder, r->row->name, SOCK_STREAM) < 0 ? errno : call(r->folder, r->row->name, SOCK_STREAM);
	case DATAGRAM:
		return call(r->folder, r->row->name, SOCK_DGRAM);
	}
	return 203;
}

static bool is_kind(const struct wire_header *h, const void *ctx)
{
	return h->type == WIRE_NET && ((const struct wire_net *)h)->kind == *(const uint8_t *)ctx;
}

static const uint8_t engine = WIRE_NET_ENGINE, raw = WIRE_NET_RAW;

/* What arrived at the engine: bytes of the caller, 0 when it said nothing, -1 when it was not there. */
static ssize_t engine_heard(int fd)
{
	char text[16];
	int c = accept(fd, NULL, NULL);
	ssize_t n = c < 0 ? -1 : read(c, text, sizeof(text));

	if (c >= 0)
		close(c);
	return n;
}

static void row_play(struct scene *s, const struct row *row, int number)
{
	struct run r = {.row = row};
	char path[256];
	const char *paths[] = {path};
	int fd, status;

	snprintf(r.folder, sizeof(r.folder), "%s/e%d", s->folder, number);
	snprintf(path, sizeof(path), "%s/%s", r.folder, row->name);
	assert_int_equal(mkdir(r.folder, 0755), 0);
	fd = engine_open(r.folder, row->name, row->way == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM);
	assert_true(fd >= 0);
	assert_int_equal(sensor_engine_sockets_set(s->set, paths, row->named), 0);
	scene_clear(s);
	status = scene_run(s, row_child, &r);
	if (row->caught) {
		const struct wire_net *n = (const void *)scene_await(s, is_kind, &engine);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail_msg("%s: not killed: %x", row->what, status);
		assert_int_equal(n->header.verdict.detection, DETECTION_ENGINE_SOCKET);
		assert_int_equal(n->header.verdict.done, DONE_PREVENT);
		assert_string_equal(n->sign, row->name);
		assert_int_equal(engine_heard(fd), 0);
	} else {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: status %x", row->what, status);
		scene_settle(s);
		if (scene_count(s, is_kind, &engine))
			fail_msg("%s: told", row->what);
	}
	close(fd);
}

static void engines_by_any_name(void **state)
{
	struct scene *s = *state;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row_play(s, &rows[i], (int)i);
}

static int call_often(void *ctx)
{
	for (int i = 0; i < 20; i++)
		if (call(ctx, "docker.sock", SOCK_STREAM) != 0)
			return errno;
	return 0;
}

static void an_alert_is_told_once(void **state)
{
	struct scene *s = *state;
	const struct wire_net *n;
	char folder[128];
	int fd;

	snprintf(folder, sizeof(folder), "%s/often", s->folder);
	assert_int_equal(mkdir(folder, 0755), 0);
	fd = engine_open(folder, "docker.sock", SOCK_STREAM);
	assert_int_equal(listen(fd, 64), 0);
	scene_policy(s, alert);
	scene_clear(s);
	assert_int_equal(scene_run(s, call_often, folder), 0);
	n = (const void *)scene_await(s, is_kind, &engine);
	assert_int_equal(n->header.verdict.done, DONE_ALERT);
	scene_settle(s);
	assert_int_equal(scene_count(s, is_kind, &engine), 1);
	scene_clear(s);
	assert_int_equal(sensor_flush_aggregates(s->set), 0);
	n = (const void *)scene_await(s, is_kind, &engine);
	assert_int_equal(n->count, 20);
	close(fd);
}

struct raw_row {
	const char *what;
	int family, type, protocol;
	bool caught;
};

static const struct raw_row raw_rows[] = {
	{"ICMP", AF_INET, SOCK_RAW, IPPROTO_ICMP, true},
	{"TCP by hand", AF_INET, SOCK_RAW, IPPROTO_TCP, true},
	{"whole packets", AF_INET, SOCK_RAW, IPPROTO_RAW, true},
	{"without waiting", AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP, true},
	{"ICMPv6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, true},
	{"ping's datagrams", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, false},
	{"TCP", AF_INET, SOCK_STREAM, 0, false},
	{"UDP", AF_INET6, SOCK_DGRAM, 0, false},
	{"a local socket", AF_UNIX, SOCK_SEQPACKET, 0, false},
};

static int raw_child(void *ctx)
{
	const struct raw_row *row = ctx;

	/* Whether ping may use datagrams is a setting of the network; ours allows everybody. */
	if (row->type == SOCK_DGRAM && row->protocol == IPPROTO_ICMP) {
		FILE *f = unshare(CLONE_NEWNET) == 0 ? fopen("/proc/sys/net/ipv4/ping_group_range", "w") : NULL;

		if (f) {
			fputs("0 2147483647", f);
			fclose(f);
		}
	}
	return socket(row->family, row->type, row->protocol) < 0 ? errno : 0;
}

static void raw_ones_are_refused(void **state)
{
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(raw_rows) / sizeof(raw_rows[0]); i++) {
		const struct raw_row *row = &raw_rows[i];

		scene_policy(s, prevent);
		scene_clear(s);
		int r = WEXITSTATUS(scene_run(s, raw_child, (void *)(uintptr_t)row));
		if (r != (row->caught ? EPERM : 0))
			fail_msg("%s: %s", row->what, strerror(r));
		if (!row->caught) {
			scene_settle(s);
			assert_int_equal(scene_count(s, is_kind, &raw), 0);
			continue;
		}
		const struct wire_net *n = (const void *)scene_await(s, is_kind, &raw);
		assert_int_equal(n->header.verdict.detection, DETECTION_RAW_SOCKET);
		assert_int_equal(n->header.verdict.done, DONE_PREVENT);
		assert_int_equal(n->proto, row->protocol);
		scene_policy(s, alert);
		scene_clear(s);
		assert_int_equal(WEXITSTATUS(scene_run(s, raw_child, (void *)(uintptr_t)row)), 0);
		n = (const void *)scene_await(s, is_kind, &raw);
		assert_int_equal(n->header.verdict.done, DONE_ALERT);
	}
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_by_any_name), cmocka_unit_test(an_alert_is_told_once), cmocka_unit_test(raw_ones_are_refused),
	};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
