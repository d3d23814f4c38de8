/* SPDX-License-Identifier: Apache-2.0 */
/* The Gate's looks at an engine of the test: what is told, when, once, and what is taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/gate.h"
#include "ipc/ipc.h"
#include "unit/runtime/fake_engine.h"

#define IMAGE "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define FINDINGS_MAX 512
#define ID "3333333333333333333333333333333333333333333333333333333333333333"
#define LISTED "[{\"Id\":\"" ID "\",\"Names\":[\"/web\"],\"Image\":\"web:1\",\"ImageID\":\"" IMAGE "\",\"State\":\"running\"}]"
#define INSPECTED                                                                                  \
	"{\"Id\":\"" ID "\",\"Name\":\"/web\",\"Image\":\"" IMAGE "\",\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":7}," \
	"\"Config\":{\"Image\":\"web:1\",\"User\":\"\"},\"HostConfig\":{\"Privileged\":%s,\"PidsLimit\":50}}"

struct fixture {
	struct loop *loop;
	struct fake_engine engine;
	struct ipc_server *server;
	struct ipc_peer *peer;
	struct gate *gate;
	struct gate_options options;
	char socket[64];
	struct compliance_finding findings[FINDINGS_MAX];
	uint32_t count;
	unsigned removed; /* containers */
};

static int answer_open(struct fixture *f, struct ipc_peer *peer, uint64_t seq)
{
	CLEANUP(fd_close) int theirs = fake_connect(&f->engine);
	struct ipc_result result = {.error = 0};

	assert_true(theirs >= 0);
	return ipc_send_fd(peer, IPC_ENGINE_FD, seq, &result, theirs);
}

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fixture *f = ctx;

	fd_close(fd);
	if (type == IPC_ENGINE_OPEN)
		return answer_open(f, peer, seq);
	if (type == IPC_CONTAINER)
		f->removed += ((struct container *)body)->state == CONTAINER_REMOVED;
	if (type == IPC_FINDING) {
		assert_true(f->count < FINDINGS_MAX);
		assert_int_equal(record_copy(&compliance_finding_desc, &f->findings[f->count++], body), 0);
	}
	return 0;
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	((struct fixture *)ctx)->peer = peer;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop), 0);
	f->engine = (struct fake_engine){.loop = f->loop, .stream_fd = -1,
		.answers = {
			{"GET /version", 200, "{\"Version\":\"28.0.1\"}"},
			{"GET /info", 200, "{\"Driver\":\"overlay2\",\"SecurityOptions\":[\"name=seccomp,profile=builtin\"],"
				"\"LoggingDriver\":\"syslog\"}"},
			{"GET /networks/bridge", 404, "{}"},
			{"GET /images/json", 200, "[{\"Id\":\"" IMAGE "\",\"RepoTags\":[\"web:1\"]},{\"Id\":\"" OTHER "\",\"RepoTags\":null},"
				"{\"Id\":\"../../info\"}]"},
			{"GET /images/" IMAGE, 200, "{\"Id\":\"" IMAGE "\",\"Config\":{\"User\":\"app\"}}"},
			{"GET /images/" OTHER, 200, "{\"Id\":\"" OTHER "\",\"Config\":{\"Env\":[\"A_SECRET=abcdefgh\"]}}"},
			{"GET /containers/json", 200, "[]"},
			{"GET /containers/" ID, 200, NULL},
		}};
	assert_int_equal(fake_listen(&f->engine), 0);
	snprintf(f->socket, sizeof(f->socket), "/tmp/fake-compliance-%d.sock", (int)getpid());
	struct ipc_config config = {.loop = f->loop, .role = IPC_DEFENDER, .accept_roles = IPC_GATE, .program = "test",
		.peer_uid = getuid(), .on_message = on_message, .ctx = f};
	int fd = unix_listen(f->socket, 0600, 4);
	assert_true(fd >= 0);
	assert_int_equal(ipc_server_new(&f->server, &config, fd, on_accept), 0);
	f->options = (struct gate_options){.socket = f->socket, .engines = {{RUNTIME_DOCKER, f->engine.path}}, .engine_count = 1};
	assert_int_equal(gate_new(&f->gate, f->loop, &f->options, getuid()), 0);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		record_done(&compliance_finding_desc, &f->findings[i]);
	f->count = 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	gate_free(f->gate);
	ipc_peer_free(f->peer);
	ipc_server_free(f->server);
	fake_done(&f->engine);
	unlink(f->socket);
	loop_free(f->loop);
	free(f);
	return 0;
}

static const struct compliance_finding *last(const struct fixture *f, const char *id)
{
	for (uint32_t i = f->count; i-- > 0;)
		if (strcmp(f->findings[i].id, id) == 0)
			return &f->findings[i];
	return NULL;
}

static unsigned times(const struct fixture *f, const char *id)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < f->count; i++)
		n += strcmp(f->findings[i].id, id) == 0;
	return n;
}

#define UNTIL(f, cond)                                                                             \
	for (int turn_ = 0; turn_ < 2000 && !(cond); turn_++)                                      \
		loop_run_once((f)->loop, 5);                                                       \
	assert_true(cond)

static const char *daemon_id(const struct fixture *f, const char *check)
{
	static char id[256];

	snprintf(id, sizeof(id), "%s@%s", check, f->engine.path);
	return id;
}

static void send_words(struct fixture *f, const char *host)
{
	char *words[] = {(char[]){"dockerd"}, (char[]){"-H"}, (char *)(uintptr_t)host};
	struct ipc_daemon d = {.socket = f->engine.path, .pid = 7, .words = {words, 3}, .config_error = -ENOENT};

	assert_int_equal(ipc_send(f->peer, IPC_DAEMON, 0, &d), 0);
}

static void test_first_look(void **state)
{
	struct fixture *f = *state;

	UNTIL(f, times(f, "*") == 3); /* daemon, image, container: all was told */
	const struct compliance_finding *x = last(f, "image_user@" IMAGE);
	assert_non_null(x);
	assert_true(x->passed);
	assert_string_equal(x->resource, "image");
	assert_string_equal(x->target, "docker.io/library/web:1");
	assert_string_equal(x->container.digest, IMAGE);
	assert_string_equal(last(f, "image_user@" OTHER)->target, OTHER); /* it has no name */
	assert_string_equal(x->cis, "4.1");
	assert_null(x->cause);
	x = last(f, "image_secrets@" OTHER);
	assert_false(x->passed);
	assert_string_equal(x->cause, "its environment has A_SECRET");
	assert_int_equal(x->severity, SEVERITY_HIGH);
	assert_int_equal(x->effect, EFFECT_ALERT); /* no rule: told, and nobody's block */
	assert_null(x->rule);
	x = last(f, daemon_id(f, "daemon_seccomp"));
	assert_true(x->passed);
	assert_string_equal(x->target, f->engine.path);
	assert_null(last(f, daemon_id(f, "daemon_tcp"))); /* nobody knows yet how it was started */
	assert_null(strstr(f->engine.log, "../"));
	x = last(f, "*");
	assert_null(x->check);
	assert_true(x->time <= last(f, "image_secrets@" OTHER)->time);
}

static void test_news_only(void **state)
{
	struct fixture *f = *state;

	UNTIL(f, times(f, "*") == 3);
	send_words(f, "tcp://0.0.0.0:2375");
	UNTIL(f, times(f, daemon_id(f, "daemon_tcp")) == 1);
	assert_false(last(f, daemon_id(f, "daemon_tcp"))->passed);
	assert_int_equal(last(f, daemon_id(f, "daemon_tcp"))->severity, SEVERITY_CRITICAL);
	assert_int_equal(times(f, daemon_id(f, "daemon_seccomp")), 1);
	send_words(f, "unix:///x");
	UNTIL(f, times(f, daemon_id(f, "daemon_tcp")) == 2);
	assert_true(last(f, daemon_id(f, "daemon_tcp"))->passed);
	assert_int_equal(times(f, daemon_id(f, "daemon_seccomp")), 1);
}

static void test_told_again_when_asked(void **state)
{
	struct fixture *f = *state;

	UNTIL(f, times(f, "*") == 3);
	uint32_t all = f->count;
	forget(f);
	assert_int_equal(ipc_send(f->peer, IPC_FINDINGS_ASK, 0, &(struct ipc_seq){0}), 0);
	UNTIL(f, times(f, "*") == 3);
	assert_int_equal(f->count, all);
	forget(f);
	f->peer = ipc_peer_free(f->peer); /* a Defender that was restarted knows nothing */
	UNTIL(f, times(f, "*") == 3);
	assert_int_equal(f->count, all);
}

static void test_image_is_gone(void **state)
{
	struct fixture *f = *state;

	UNTIL(f, times(f, "*") == 3);
	fake_find(&f->engine, "GET /images/json")->body = "[{\"Id\":\"" IMAGE "\",\"RepoTags\":[\"web:1\"]}]";
	forget(f);
	assert_int_equal(ipc_send(f->peer, IPC_FINDINGS_ASK, 0, &(struct ipc_seq){0}), 0);
	UNTIL(f, times(f, "*") == 3);
	assert_null(last(f, "image_user@" OTHER)); /* taken back before it was told again, or by the sweep */
	assert_non_null(last(f, "image_user@" IMAGE));
}

static char privileged[1024], plain[1024];

static void test_containers(void **state)
{
	struct fixture *f = *state;
	static const char event[] = "{\"Type\":\"container\",\"Action\":\"update\",\"Actor\":{\"ID\":\"" ID "\"},\"time\":1}\n";
	static const char destroy[] = "{\"Type\":\"container\",\"Action\":\"destroy\",\"Actor\":{\"ID\":\"" ID "\"},\"time\":2}\n";

	snprintf(privileged, sizeof(privileged), INSPECTED, "true");
	snprintf(plain, sizeof(plain), INSPECTED, "false");
	fake_find(&f->engine, "GET /containers/json")->body = LISTED;
	fake_find(&f->engine, "GET /containers/" ID)->body = privileged;
	UNTIL(f, last(f, "privileged@" ID) && times(f, "*") == 3);
	const struct compliance_finding *x = last(f, "privileged@" ID);
	assert_false(x->passed);
	assert_string_equal(x->cis, "5.5");
	assert_string_equal(x->resource, "container");
	assert_string_equal(x->target, ID);
	assert_string_equal(x->container.id, ID);
	assert_string_equal(x->container.name, "web");
	assert_string_equal(x->container.image, "docker.io/library/web:1");
	assert_false(last(f, "root_user@" ID)->passed); /* no user at all: the image's would stand there */
	assert_true(last(f, "pids_limit@" ID)->passed);
	assert_true(last(f, "*") > x); /* all was told before what is older was taken back */
	uint32_t all = f->count;

	fake_find(&f->engine, "GET /containers/" ID)->body = plain;
	fake_event(&f->engine, event, sizeof(event) - 1);
	UNTIL(f, times(f, "privileged@" ID) == 2);
	assert_true(last(f, "privileged@" ID)->passed);
	assert_int_equal(f->count, all + 1); /* only what is new */
	fake_event(&f->engine, destroy, sizeof(destroy) - 1);
	fake_find(&f->engine, "GET /containers/json")->body = "[]";
	UNTIL(f, f->removed == 1);
	forget(f);
	assert_int_equal(ipc_send(f->peer, IPC_FINDINGS_ASK, 0, &(struct ipc_seq){0}), 0);
	UNTIL(f, times(f, "*") == 3);
	assert_null(last(f, "privileged@" ID));
}

/* An engine that goes away while it is asked is asked again when it is back. */
static void test_engine_comes_back(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *info = fake_find(&f->engine, "GET /info");

	info->hold = true;
	UNTIL(f, info->asked == 1);
	assert_null(last(f, daemon_id(f, "daemon_seccomp")));
	info->hold = false;
	fake_kill(&f->engine);
	UNTIL(f, last(f, daemon_id(f, "daemon_seccomp")));
	UNTIL(f, times(f, "*") == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_news_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_again_when_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_image_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_engine_comes_back, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("gate.compliance", tests, NULL, NULL);
}
