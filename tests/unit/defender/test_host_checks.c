/* SPDX-License-Identifier: Apache-2.0 */
/* Findings through the Defender: what a Gate may tell, what becomes an audit, what is told again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "defender/fold.h"
#include "defender/host_checks.h"
#include "defender/spool.h"
#include "stage.h"

#define SOCKET "/run/docker.sock"

/* The Gate's end. */
struct gate_end {
	struct ipc_client *client;
	struct ipc_peer *peer;
	unsigned asks, policies, daemons;
	char words[256]; /* of the last daemon, a blank between two */
	char config[256];
	int config_error;
	int closed;
};

static int on_gate_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct gate_end *g = ctx;
	const struct ipc_daemon *d = body;
	size_t n = 0;

	fd_close(fd);
	g->asks += type == IPC_FINDINGS_ASK;
	g->policies += type == IPC_POLICY;
	if (type != IPC_DAEMON)
		return 0;
	g->daemons++;
	for (uint32_t i = 0; i < d->words.count && n < sizeof(g->words); i++)
		n += (size_t)snprintf(g->words + n, sizeof(g->words) - n, "%s%s", i ? " " : "", d->words.items[i]);
	g->config_error = d->config_error;
	snprintf(g->config, sizeof(g->config), "%.*s", (int)d->config.size, d->config.data ? (char *)d->config.data : "");
	return 0;
}

static void on_gate_up(void *ctx, struct ipc_peer *peer)
{
	((struct gate_end *)ctx)->peer = peer;
}

static void on_gate_closed(void *ctx, struct ipc_peer *peer, int why)
{
	((struct gate_end *)ctx)->closed++;
}

static void gate_open(struct stage *s, struct gate_end *g)
{
	char path[128];
	struct ipc_config c = {.loop = s->loop, .role = IPC_GATE, .accept_roles = IPC_DEFENDER, .program = "test",
		.peer_uid = geteuid(), .on_message = on_gate_message, .on_closed = on_gate_closed, .ctx = g};

	snprintf(path, sizeof(path), "%s/gate/defender.sock", s->dir);
	assert_int_equal(ipc_client_new(&g->client, &c, path, on_gate_up), 0);
	stage_wait(s, g->peer && s->d->gate);
}

static struct compliance_finding finding(const char *id, const char *check, const char *resource, bool passed)
{
	static char target[] = SOCKET, cause[] = "tcp://x", title[] = "as the Gate says", host[] = "elsewhere";

	return (struct compliance_finding){.id = (char *)(uintptr_t)id, .check = (char *)(uintptr_t)check,
		.resource = (char *)(uintptr_t)resource, .target = target, .passed = passed, .cause = passed ? NULL : cause,
		.effect = EFFECT_ALERT, .severity = SEVERITY_LOW, .title = title, .host = host, .time = 5};
}

static void test_what_a_gate_may_tell(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	const struct compliance_finding good = finding("daemon_icc@x", "daemon_icc", "daemon", true),
		gone = finding("image_user@x", NULL, "image", false), unknown = finding("a@x", "no_such_check", "daemon", false),
		wrong = finding("daemon_icc@x", "daemon_icc", "image", false), ours = finding("*", NULL, "file", false),
		other = finding("x", "separate_partition", "host", true), nameless = finding(NULL, "daemon_icc", "daemon", true);

	assert_int_equal(host_checks_finding(s->d, &unknown), -EPROTO);
	assert_int_equal(host_checks_finding(s->d, &wrong), -EPROTO);
	assert_int_equal(host_checks_finding(s->d, &ours), -EPROTO);
	assert_int_equal(host_checks_finding(s->d, &other), -EPROTO);
	assert_int_equal(host_checks_finding(s->d, &nameless), -EPROTO);
	assert_int_equal(host_checks_counters(s->d).refused, 5);
	assert_int_equal(host_checks_finding(s->d, &good), 0);
	assert_int_equal(host_checks_finding(s->d, &gone), 0);
	stage_wait(s, s->finding_count == 2);
	/* What we know better than the Gate is ours. */
	assert_string_equal(s->findings[0].host, "stage");
	assert_int_equal(s->findings[0].severity, SEVERITY_MEDIUM);
	assert_string_equal(s->findings[0].cis, "2.2");
	assert_string_not_equal(s->findings[0].title, "as the Gate says");
	assert_null(s->findings[1].check);
}

static void test_critical_is_an_audit_once(void **state)
{
	struct stage *s = *state;
	struct compliance_finding bad = finding("daemon_tcp@" SOCKET, "daemon_tcp", "daemon", false),
		good = finding("daemon_tcp@" SOCKET, "daemon_tcp", "daemon", true),
		mild = finding("insecure_registries@" SOCKET, "insecure_registries", "daemon", false);

	stage_start(s, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(host_checks_finding(s->d, &bad), 0);
	assert_int_equal(host_checks_finding(s->d, &mild), 0);
	stage_wait(s, s->finding_count == 4 && s->audit_count == 1);
	assert_int_equal(s->audits[0].kind, AUDIT_COMPLIANCE);
	assert_int_equal(s->audits[0].severity, SEVERITY_CRITICAL);
	assert_int_equal(s->audits[0].done, DONE_ALERT);
	assert_string_equal(s->audits[0].file, SOCKET);
	assert_non_null(strstr(s->audits[0].message, "CIS 2.7"));
	assert_non_null(strstr(s->audits[0].message, "tcp://x"));
	assert_int_equal(s->audits[0].count, 1);
	bad.effect = EFFECT_DISABLE; /* a rule ignores it: no audit, and the next one counts again */
	assert_int_equal(host_checks_finding(s->d, &bad), 0);
	assert_int_equal(host_checks_finding(s->d, &good), 0);
	bad.effect = EFFECT_BLOCK;
	assert_int_equal(host_checks_finding(s->d, &bad), 0);
	fold_tick(s->d->fold, time_monotonic() + 2 * NSEC_PER_SEC);
	spool_pump(s->d->spool, defender_console(s->d));
	stage_wait(s, s->audit_count == 2); /* the same folded: twice by now */
	assert_int_equal(s->audits[1].count, 2);
}

static const struct compliance_finding *last(const struct stage *s, const char *check)
{
	for (uint32_t i = s->finding_count; i-- > 0;)
		if (s->findings[i].check && strcmp(s->findings[i].check, check) == 0)
			return &s->findings[i];
	return NULL;
}

static unsigned count_of(const struct stage *s, const char *id)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->finding_count; i++)
		n += strcmp(s->findings[i].id, id) == 0;
	return n;
}

/* Our own: a socket of the test is the engine's. */
static void test_own_findings(void **state)
{
	struct stage *s = *state;
	static char path[160], id[256];

	stage_start(s, true);
	snprintf(path, sizeof(path), "%s/engine.sock", s->dir);
	CLEANUP(fd_close) int fd = unix_listen(path, 0660, 1);
	assert_true(fd >= 0);
	snprintf(id, sizeof(id), "engine_socket_mode@%s", path);
	s->d->config.engines[0].kind = RUNTIME_DOCKER;
	s->d->config.engines[0].socket = path;
	s->d->config.engine_count = 1;
	host_checks_tick(s->d);
	stage_wait(s, count_of(s, "*") == 2 && last(s, "engine_socket_mode"));
	assert_true(last(s, "engine_socket_mode")->passed);
	assert_string_equal(last(s, "engine_socket_mode")->host, "stage");
	assert_int_equal(last(s, "engine_socket_mode")->effect, EFFECT_ALERT);
	uint32_t all = s->finding_count;

	host_checks_policy(s->d); /* nothing changed: nothing is told */
	host_checks_tick(s->d);
	assert_int_equal(chmod(path, 0666), 0);
	host_checks_tick(s->d); /* not the time to look yet */
	host_checks_policy(s->d);
	host_checks_tick(s->d);
	stage_wait(s, s->finding_count == all + 1);
	assert_false(last(s, "engine_socket_mode")->passed);

	unlink(path);
	host_checks_policy(s->d);
	host_checks_tick(s->d);
	stage_wait(s, s->finding_count == all + 3); /* owner and mode are taken back */
	assert_null(s->findings[s->finding_count - 1].check);

	host_checks_console(s->d); /* a new Console: everything that is still there */
	host_checks_tick(s->d);
	stage_wait(s, count_of(s, "*") == 4);
	assert_int_equal(s->finding_count, all + 3 + all - 2);
}

/* The daemon behind a socket: this process, under its name. */
static void test_daemon_is_told(void **state)
{
	struct stage *s = *state;
	struct gate_end g = {0};
	static char path[160];
	char own[256] = "";
	CLEANUP(buf_done) struct buf words = BUF_INIT(4096);

	stage_start(s, true);
	snprintf(path, sizeof(path), "%s/engine.sock", s->dir);
	CLEANUP(fd_close) int listener = unix_listen(path, 0660, 1);
	CLEANUP(fd_close) int fd = unix_connect(path);
	assert_true(fd >= 0);
	s->d->config.engines[0].kind = RUNTIME_DOCKER;
	s->d->config.engines[0].socket = path;
	s->d->config.engine_count = 1;
	gate_open(s, &g);
	host_checks_engine(s->d, path, fd); /* not a dockerd: its words mean nothing */
	host_checks_tick(s->d);
	assert_int_equal(prctl(PR_SET_NAME, "dockerd"), 0);
	host_checks_engine(s->d, path, fd);
	host_checks_tick(s->d);
	stage_wait(s, g.daemons == 1 && g.asks == 1);
	assert_int_equal(file_read("/proc/self/cmdline", &words), 0);
	for (size_t i = 0; i + 1 < words.len; i++)
		own[i] = words.data[i] ? (char)words.data[i] : ' ';
	assert_string_equal(g.words, own);
	host_checks_engine(s->d, path, fd); /* known already */
	host_checks_policy(s->d);
	host_checks_tick(s->d);
	host_checks_gate(s->d); /* a new Gate is told again */
	host_checks_tick(s->d);
	stage_wait(s, g.daemons == 2);
	ipc_client_free(g.client);
}

/* A Gate that tells what it may not is cut off. */
static void test_gate_that_lies_is_cut_off(void **state)
{
	struct stage *s = *state;
	struct gate_end g = {0};
	struct compliance_finding bad = finding("x", "separate_partition", "host", true);

	stage_start(s, true);
	gate_open(s, &g);
	assert_int_equal(ipc_send(g.peer, IPC_FINDING, 0, &bad), 0);
	stage_wait(s, g.closed == 1);
	assert_int_equal(s->finding_count, 0);
	ipc_client_free(g.client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_a_gate_may_tell, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_critical_is_an_audit_once, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_own_findings, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_daemon_is_told, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_gate_that_lies_is_cut_off, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("defender.host_checks", tests, NULL, NULL);
}
