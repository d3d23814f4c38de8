/* SPDX-License-Identifier: Apache-2.0 */
/* The Gate's doors for shim and dockerd, with a Defender, an engine and askers that are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/gate.h"
#include "gate/internal.h"
#include "ipc/ipc.h"
#include "ipc/shim_wire.h"
#include "unit/policy/test_key.h"
#include "unit/runtime/fake_engine.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define KEPT 64

struct fixture {
	struct loop *loop;
	struct fake_engine engine;
	struct ipc_server *server;
	struct ipc_peer *peer; /* the Gate, as its Defender sees it */
	struct gate *gate;
	struct gate_options options;
	char dir[64], socket[96], shim[96], authz[96];
	struct audit audits[KEPT]; /* that came */
	uint32_t audit_count;
	bool hold_acks, mute; /* mute: no answer to IPC_ADMIT */
	int admits, admit_error, pongs, syncs;
	struct container admitted;
};

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	struct fixture *f = ctx;
	struct ipc_result result = {.error = f->admit_error, .message = f->admit_error ? (char *)(uintptr_t)"[Seawall] container blocked by rule 'r': a miner" : NULL};
	int theirs;

	fd_close(fd);
	switch ((int)type) {
	case IPC_ENGINE_OPEN:
		result = (struct ipc_result){0};
		theirs = fake_connect(&f->engine);
		ipc_send_fd(peer, IPC_ENGINE_FD, seq, &result, theirs);
		fd_close(theirs);
		break;
	case IPC_SYNCED:
		f->syncs++;
		break;
	case IPC_PONG:
		f->pongs++;
		break;
	case IPC_GATE_AUDIT:
		assert_true(f->audit_count < KEPT);
		assert_int_equal(record_copy(&audit_desc, &f->audits[f->audit_count++], body), 0);
		if (!f->hold_acks)
			ipc_send(peer, IPC_GATE_AUDIT_ACK, 0, &(struct ipc_seq){seq});
		break;
	case IPC_ADMIT:
		f->admits++;
		record_done(&container_desc, &f->admitted);
		assert_int_equal(record_copy(&container_desc, &f->admitted, body), 0);
		if (!f->mute)
			ipc_send(peer, IPC_ADMITTED, seq, &result);
		break;
	}
	return 0;
}

static void on_accept(void *ctx, struct ipc_peer *peer)
{
	struct fixture *f = ctx;

	f->peer = peer;
}

#define UNTIL(f, cond)                                                                             \
	for (int turn_ = 0; turn_ < 2000 && !(cond); turn_++)                                      \
		loop_run_once((f)->loop, 5);                                                       \
	assert_true(cond)

static void give(struct fixture *f, enum ipc_listener_kind kind, int fd)
{
	struct ipc_listener body = {.kind = kind, .address = (char *)(uintptr_t)"test"};

	assert_true(fd >= 0);
	assert_int_equal(ipc_send_fd(f->peer, IPC_LISTENER, 0, &body, fd), 0);
	fd_close(fd);
}

/* NULL: no policy was ever applied. */
static void give_policy(struct fixture *f, const char *yaml)
{
	CLEANUP(policy_unref) struct policy *p = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct policy_messages m = {0};
	struct ipc_blob blob = {0};

	if (yaml) {
		struct policy_source src = {.name = "test.yaml", .text = yaml, .size = strlen(yaml)};
		assert_int_equal(policy_load(&p, &src, 1, &m), 0);
		policy_messages_done(&m);
		p->revision = 3;
		policy_encode(p, &b);
		blob = (struct ipc_blob){.revision = 3, .data = {b.data, (uint32_t)b.len}};
	}
	assert_int_equal(ipc_send(f->peer, IPC_POLICY, 0, &blob), 0);
}

static void defender_open(struct fixture *f)
{
	struct ipc_config config = {.loop = f->loop, .role = IPC_DEFENDER, .accept_roles = IPC_GATE, .program = "test",
		.peer_uid = getuid(), .on_message = on_message, .ctx = f};
	int fd = unix_listen(f->socket, 0600, 4);

	assert_true(fd >= 0);
	assert_int_equal(ipc_server_new(&f->server, &config, fd, on_accept), 0);
}

static void doors_open(struct fixture *f, const char *policy)
{
	UNTIL(f, f->peer != NULL && f->syncs > 0);
	give_policy(f, policy);
	give(f, IPC_LISTENER_SHIM, unix_listen_packets(f->shim, 0600, 8));
	give(f, IPC_LISTENER_AUTHZ, unix_listen(f->authz, 0600, 8));
	ipc_send(f->peer, IPC_PING, 0, &(struct ipc_seq){1});
	UNTIL(f, f->pongs == 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(loop_new(&f->loop), 0);
	f->engine = (struct fake_engine){.loop = f->loop, .stream_fd = -1,
		.answers = {
			{"GET /version", 200, "{\"Version\":\"20.10\"}"},
			{"GET /images/json", 200, "[]"},
			{"GET /containers/json", 200,
				"[{\"Id\":\"" ID "\",\"Names\":[\"/web1\"],\"Image\":\"nginx\",\"State\":\"created\","
				"\"Labels\":{\"team\":\"pay\"}}]"},
			{"GET /containers/" ID "/json", 200, "{\"State\":{\"Status\":\"created\"}}"},
		}};
	assert_int_equal(fake_listen(&f->engine), 0);
	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-test-doors-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%s/defender", f->dir);
	snprintf(f->shim, sizeof(f->shim), "%s/shim", f->dir);
	snprintf(f->authz, sizeof(f->authz), "%s/authz", f->dir);
	defender_open(f);
	f->options = (struct gate_options){.socket = f->socket, .engines = {{RUNTIME_DOCKER, f->engine.path}}, .engine_count = 1};
	assert_int_equal(gate_new(&f->gate, f->loop, &f->options, getuid()), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	gate_free(f->gate);
	ipc_peer_free(f->peer);
	ipc_server_free(f->server);
	fake_done(&f->engine);
	for (uint32_t i = 0; i < f->audit_count; i++)
		record_done(&audit_desc, &f->audits[i]);
	record_done(&container_desc, &f->admitted);
	unlink(f->socket);
	unlink(f->shim);
	unlink(f->authz);
	rmdir(f->dir);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* ---- the shim's side ---- */

static int config_file(const char *text)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	fputs(text, file);
	fflush(file);
	int fd = dup(fileno(file));
	fclose(file);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int connect_to(const char *path, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* size: of the packet, as different versions of the shim send it. */
static int shim_ask_until(struct fixture *f, const char *id, const char *config, uint64_t until, size_t size)
{
	struct shim_request q = {.magic = SHIM_MAGIC, .pid = 1, .until = until};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&q, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = connect_to(f->shim, SOCK_SEQPACKET), file = config_file(config);

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.engine, sizeof(q.engine), "docker");
	snprintf(q.bundle, sizeof(q.bundle), "/run/bundle");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &file, sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, 0), size);
	fd_close(file);
	return fd;
}

static int shim_ask(struct fixture *f, const char *id, const char *config)
{
	return shim_ask_until(f, id, config, time_monotonic() + SHIM_DEADLINE_MS * NSEC_PER_MSEC, sizeof(struct shim_request));
}

/* The answer; 0 = closed without one. */
static uint32_t shim_answer(struct fixture *f, int fd, struct shim_reply *ret)
{
	ssize_t n = -1;

	for (int turn = 0; turn < 1000 && n < 0; turn++) {
		loop_run_once(f->loop, 2);
		n = recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
	}
	fd_close(fd);
	assert_true(n >= 0);
	if (n == 0)
		return 0;
	assert_int_equal(n, sizeof(*ret));
	assert_int_equal(ret->magic, SHIM_MAGIC);
	return ret->answer;
}

#define CONFIG(more)                                                                               \
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],\"cwd\":\"/\"},"       \
	"\"root\":{\"path\":\"rootfs\"},\"mounts\":[" more "],\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"          \
	"{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}]}}"

#define TRUST                                                                                      \
	"version: 1\ntrust:\n  groups:\n    - {name: ours, images: [\"registry.local:5000/*\"]}\n"                  \
	"  rules:\n    - {name: only ours, allowed: [ours], effect: block}\n"
#define NGINX_OK                                                                                   \
	"version: 1\ntrust:\n  groups:\n    - {name: hub, images: [\"nginx\"]}\n"                                    \
	"  rules:\n    - {name: only hub, allowed: [hub], effect: block}\n"

/* Nothing to judge by: in, and the Defender knows who comes. */
static void test_shim_allows(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, NULL);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
	assert_int_equal(f->admits, 1);
	assert_string_equal(f->admitted.name, "web1");
	assert_string_equal(f->admitted.image, "docker.io/library/nginx:latest");
	assert_int_equal(f->audit_count, 0);
}

static void test_shim_refuses_image(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, TRUST);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_REFUSE);
	assert_non_null(strstr(r.text, "[Seawall] image blocked by rule 'only ours': "));
	assert_int_equal(f->admits, 0);
	UNTIL(f, f->audit_count == 1);
	assert_int_equal(f->audits[0].kind, AUDIT_TRUST);
	assert_int_equal(f->audits[0].effect, EFFECT_BLOCK);
	assert_string_equal(f->audits[0].container.id, ID);
	assert_string_equal(f->audits[0].message, r.text);
	give_policy(f, NGINX_OK);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
}

#define NGINX_ID "sha256:abababababababababababababababababababababababababababababababab"
#define LAYER "sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define BASED(layer)                                                                               \
	"version: 1\ntrust:\n  groups:\n    - {name: based, base_layers: [\"" layer "\"]}\n"                             \
	"  rules:\n    - {name: only based, allowed: [based], effect: block}\n"

/* Of an image that was there before us no layers are known: they are asked for, and waited for. */
static void test_shim_waits_for_layers(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	f->engine.answers[1].body = "[{\"Id\":\"" NGINX_ID "\",\"RepoTags\":[\"nginx:latest\"]}]";
	f->engine.answers[4] = (struct fake_answer){"GET /images/" NGINX_ID, 200,
		"{\"Id\":\"" NGINX_ID "\",\"RepoTags\":[\"nginx:latest\"],\"RootFS\":{\"Layers\":[\"" LAYER "\"]}}"};
	doors_open(f, BASED(LAYER));
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
	assert_true(f->engine.answers[4].asked > 0);
	give_policy(f, BASED(NGINX_ID));
	ipc_send(f->peer, IPC_PING, 0, &(struct ipc_seq){2});
	UNTIL(f, f->pongs == 2);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_REFUSE);
	assert_non_null(strstr(r.text, "is in no allowed group (based)"));
}

static void test_shim_refuses_settings(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, "version: 1\ncompliance:\n  - {name: basics, checks: {docker_socket: block}}\n");
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("{\"destination\":\"/s\",\"type\":\"bind\","
		"\"source\":\"/var/run/docker.sock\",\"options\":[\"rbind\"]}")), &r), SHIM_REFUSE);
	assert_non_null(strstr(r.text, "[Seawall] container blocked by rule 'basics': "));
	UNTIL(f, f->audit_count == 1);
	assert_int_equal(f->audits[0].kind, AUDIT_COMPLIANCE);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
}

/* What was blocked at run time does not start again, in the words of then. */
static void test_shim_refuses_what_was_blocked(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, NULL);
	f->admit_error = -EPERM;
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_REFUSE);
	assert_string_equal(r.text, "[Seawall] container blocked by rule 'r': a miner");
}

/* A Defender that is silent or away keeps nobody waiting. */
static void test_shim_without_defender(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, NULL);
	f->mute = true;
	uint64_t before = time_monotonic();
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
	assert_true(time_monotonic() - before < NSEC_PER_SEC);
	f->peer = ipc_peer_free(f->peer);
	f->server = ipc_server_free(f->server);
	UNTIL(f, !gate_defender(f->gate));
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
}

/* How long a silent Defender is waited for is the shim's to say. */
static void test_shim_deadline(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;
	uint64_t now = time_monotonic();

	doors_open(f, NULL);
	f->mute = true;
	int patient = shim_ask_until(f, ID, CONFIG(""), now + 50 * NSEC_PER_SEC, sizeof(struct shim_request));
	UNTIL(f, f->admits == 1);
	assert_int_equal(shim_answer(f, shim_ask_until(f, ID, CONFIG(""), now - 1, sizeof(struct shim_request)), &r), SHIM_ALLOW);
	assert_int_equal(shim_answer(f, shim_ask_until(f, ID, CONFIG(""), 0, SHIM_REQUEST_OLD), &r), SHIM_ALLOW);
	assert_int_equal(recv(patient, &r, sizeof(r), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	ipc_send(f->peer, IPC_ADMITTED, 1, &(struct ipc_result){0});
	assert_int_equal(shim_answer(f, patient, &r), SHIM_ALLOW);
	assert_int_equal(shim_answer(f, shim_ask_until(f, ID, CONFIG(""), 0, SHIM_REQUEST_OLD - 8), &r), 0);
}

/* No answer: the shim's own rule decides. */
static void test_shim_cannot_say(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, TRUST);
	assert_int_equal(shim_answer(f, shim_ask(f, ID, "{"), &r), 0);
	assert_int_equal(shim_answer(f, shim_ask(f, "unknown-container", CONFIG("")), &r), 0);
	int fd = connect_to(f->shim, SOCK_SEQPACKET);
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	assert_int_equal(shim_answer(f, fd, &r), 0);
	give_policy(f, NULL);
	assert_int_equal(shim_answer(f, shim_ask(f, "unknown-container", CONFIG("")), &r), SHIM_ALLOW);
}

/* ---- dockerd's side ---- */

static void http_send(int fd, const char *path, const char *body)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_printf(&b, "POST %s HTTP/1.1\r\nHost: plugin\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		path, strlen(body), body);
	assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
}

static char *http_answer(struct fixture *f, int fd)
{
	static char answer[16384];
	size_t n = 0;

	for (int turn = 0; turn < 3000; turn++) {
		loop_run_once(f->loop, 2);
		ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
		answer[n] = 0;
		char *end = strstr(answer, "\r\n\r\n");
		if (end && end[4] && end[strlen(end) - 1] == '}')
			return end + 4;
	}
	fail_msg("no answer: %s", answer);
	return NULL;
}

static char *http(struct fixture *f, int fd, const char *path, const char *body)
{
	http_send(fd, path, body);
	return http_answer(f, fd);
}

static char *authz_text(const char *user, const char *method, const char *uri, const char *headers, const char *body)
{
	static char text[8192], base64[4096];

	sodium_bin2base64(base64, sizeof(base64), (const unsigned char *)body, strlen(body), sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, sizeof(text), "{\"User\":\"%s\",\"RequestMethod\":\"%s\",\"RequestUri\":\"%s\",\"RequestBody\":\"%s\","
		"\"RequestHeaders\":{%s}}", user, method, uri, base64, headers);
	return text;
}

static char *authz_ask(struct fixture *f, int fd, const char *user, const char *method, const char *uri, const char *headers, const char *body)
{
	return http(f, fd, "/AuthZPlugin.AuthZReq", authz_text(user, method, uri, headers, body));
}

#define JSON_TYPE "\"Content-Type\":\"application/json\""
#define ACCESS                                                                                     \
	"version: 1\naccess:\n  - {name: ops, users: [alice], effect: allow}\n"                                     \
	"  - {name: no privileged, actions: [container_create], when: {privileged: true}, effect: deny, message: ask us}\n" \
	"  - {name: the rest, effect: allow, audit: denied}\n"

static void test_authz_judges(void **state)
{
	struct fixture *f = *state;
	int fd;

	doors_open(f, ACCESS);
	fd = connect_to(f->authz, SOCK_STREAM);
	assert_string_equal(http(f, fd, "/Plugin.Activate", "{}"), "{\"Implements\":[\"authz\"]}");
	assert_string_equal(authz_ask(f, fd, "", "GET", "/v1.41/containers/json", "", ""), "{\"Allow\":true}");
	char *answer = authz_ask(f, fd, "", "POST", "/v1.41/containers/create?name=x", JSON_TYPE,
		"{\"Image\":\"nginx\",\"HostConfig\":{\"Privileged\":true}}");
	assert_non_null(strstr(answer, "\"Allow\":false"));
	assert_non_null(strstr(answer, "[Seawall] command blocked by rule 'no privileged': "));
	assert_non_null(strstr(answer, "ask us"));
	UNTIL(f, f->audit_count == 1); /* the allowed GET was not to be recorded */
	assert_int_equal(f->audits[0].kind, AUDIT_ACCESS);
	assert_string_equal(f->audits[0].command.action, "container_create");
	assert_string_equal(f->audits[0].command.verdict, "deny");
	assert_null(f->audits[0].command.user);
	assert_string_equal(authz_ask(f, fd, "alice", "POST", "/v1.41/containers/create?name=x", JSON_TYPE,
		"{\"Image\":\"nginx\",\"HostConfig\":{\"Privileged\":true}}"), "{\"Allow\":true}");
	UNTIL(f, f->audit_count == 2);
	assert_string_equal(f->audits[1].command.user, "alice");
	assert_string_equal(f->audits[1].command.verdict, "allow");
	assert_string_equal(http(f, fd, "/AuthZPlugin.AuthZRes", "{}"), "{\"Allow\":true}");
	fd_close(fd);
}

/* A warning at the start is not lost because some command was judged a moment ago: that may have been
 * another container's, or another engine's. */
static void test_shim_warns(void **state)
{
	struct fixture *f = *state;
	struct shim_reply r;

	doors_open(f, "version: 1\ntrust:\n  groups:\n    - {name: ours, images: [\"registry.local:5000/*\"]}\n"
		      "  rules:\n    - {name: ask, allowed: [ours], effect: alert}\n"
		      "access:\n  - {name: quiet, effect: allow, audit: none}\n");
	int fd = connect_to(f->authz, SOCK_STREAM);
	authz_ask(f, fd, "", "GET", "/v1.41/info", "", "");
	assert_int_equal(shim_answer(f, shim_ask(f, ID, CONFIG("")), &r), SHIM_ALLOW);
	UNTIL(f, f->audit_count == 1);
	assert_int_equal(f->audits[0].kind, AUDIT_TRUST);
	assert_int_equal(f->audits[0].effect, EFFECT_ALERT);
	assert_string_equal(f->audits[0].container.id, ID);
	fd_close(fd);
}

/* A body that was not passed on is not a harmless body. */
static void test_authz_denies_what_it_cannot_read(void **state)
{
	struct fixture *f = *state;
	int fd;

	doors_open(f, ACCESS);
	fd = connect_to(f->authz, SOCK_STREAM);
	char *answer = authz_ask(f, fd, "", "POST", "/v1.41/containers/create", JSON_TYPE, "");
	assert_non_null(strstr(answer, "\"Allow\":false"));
	answer = http(f, fd, "/AuthZPlugin.AuthZReq", "{\"User\":");
	assert_non_null(strstr(answer, "\"Allow\":false"));
	static const struct {
		const char *base64;
		bool good;
	} bodies[] = {{"eyJhIjoxfQ==", true}, {"eyJhIjoxfSA=", true}, {"eyJhIjoxfQ=", false}, {"eyJhIjoxfQ", false},
		{"eyJh=joxfQ==", false}, {"eyJhIjox====", false}, {"eyJhIjox    ", false}, {"    eyJhIjox", false},
		{"eyJh!joxfQ==", false}, {"eyJhIjoxfQ==eyJhIjoxfQ==", false}};
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{\"User\":\"alice\",\"RequestMethod\":\"POST\",\"RequestUri\":\"/auth\","
			"\"RequestHeaders\":{" JSON_TYPE "},\"RequestBody\":\"%s\"}", bodies[i].base64);
		answer = http(f, fd, "/AuthZPlugin.AuthZReq", text);
		assert_int_equal(strstr(answer, "\"Allow\":true") != NULL, bodies[i].good);
	}
	fd_close(fd);
}

/* The gates of creation stand at the create call and the pull as well. */
static void test_authz_asks_for_trust(void **state)
{
	struct fixture *f = *state;
	int fd;

	doors_open(f, TRUST);
	fd = connect_to(f->authz, SOCK_STREAM);
	char *answer = authz_ask(f, fd, "", "POST", "/v1.41/containers/create", JSON_TYPE, "{\"Image\":\"evil\"}");
	assert_non_null(strstr(answer, "[Seawall] image blocked by rule 'only ours'"));
	answer = authz_ask(f, fd, "", "POST", "/v1.41/images/create?fromImage=evil&tag=1", "", "");
	assert_non_null(strstr(answer, "[Seawall] image blocked by rule 'only ours'"));
	assert_string_equal(authz_ask(f, fd, "", "POST", "/v1.41/containers/create", JSON_TYPE,
		"{\"Image\":\"registry.local:5000/app:1\"}"), "{\"Allow\":true}");
	UNTIL(f, f->audit_count == 5); /* image and command, twice; the allowed command */
	fd_close(fd);
}

/* Our own questions to the engine pass, and nobody else's that look like them. */
static void test_authz_knows_our_own(void **state)
{
	struct fixture *f = *state;
	char headers[160];
	int fd;

	doors_open(f, "version: 1\naccess:\n  - {name: nothing, effect: deny}\n");
	fd = connect_to(f->authz, SOCK_STREAM);
	snprintf(headers, sizeof(headers), "\"X-Seawall-Gate\":\"%s\"", strchr(f->gate->own_header, ' ') + 1);
	assert_string_equal(authz_ask(f, fd, "", "GET", "/events", headers, ""), "{\"Allow\":true}");
	assert_non_null(strstr(authz_ask(f, fd, "", "GET", "/events", "\"X-Seawall-Gate\":\"\"", ""), "\"Allow\":false"));
	assert_non_null(strstr(authz_ask(f, fd, "", "GET", "/events", "\"X-Seawall-Gate\":\"00112233445566778899aabbccddeeff\"", ""),
		"\"Allow\":false"));
	UNTIL(f, f->audit_count == 2);
	fd_close(fd);
}

/* Looks are counted without what was looked at, changes are told one by one, and `all` keeps everything. */
static void test_looks_are_counted(void **state)
{
	struct fixture *f = *state;

	doors_open(f, "version: 1\naccess:\n  - {name: auditor, users: [eve], effect: allow, audit: all}\n");
	int fd = connect_to(f->authz, SOCK_STREAM);
	authz_ask(f, fd, "bob", "GET", "/v1.41/containers/web1/json", "", "");
	authz_ask(f, fd, "bob", "GET", "/v1.41/containers/web2/json", "", "");
	authz_ask(f, fd, "bob", "DELETE", "/v1.41/containers/web2", "", "");
	authz_ask(f, fd, "eve", "GET", "/v1.41/containers/web2/json", "", "");
	UNTIL(f, f->audit_count == 4);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(f->audits[i].command.action, "container_inspect");
		assert_string_equal(f->audits[i].message, "bob: container_inspect: allowed");
		assert_null(f->audits[i].command.target);
		assert_null(f->audits[i].command.path);
	}
	assert_string_equal(f->audits[2].command.target, "web2");
	assert_string_equal(f->audits[3].command.target, "web2");
	fd_close(fd);
}

/* Rules of trust or compliance alone are reason enough to deny what two readers could read in two ways. */
static void test_unreadable_with_any_rule(void **state)
{
	static const char *const policies[] = {TRUST, "version: 1\ncompliance:\n  - {name: basics, checks: {privileged: block}}\n", ACCESS};
	struct fixture *f = *state;

	doors_open(f, NULL);
	int fd = connect_to(f->authz, SOCK_STREAM);
	/* Without any rule there is nothing that could be got around. */
	assert_string_equal(authz_ask(f, fd, "", "POST", "/v1.41/containers/create", JSON_TYPE, "{\"Image\":\"a\",\"Image\":\"b\"}"), "{\"Allow\":true}");
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		give_policy(f, policies[i]);
		ipc_send(f->peer, IPC_PING, 0, &(struct ipc_seq){i + 2});
		UNTIL(f, f->pongs == (int)i + 2);
		assert_non_null(strstr(authz_ask(f, fd, "", "POST", "/v1.41/containers/create", JSON_TYPE,
			"{\"Image\":\"a\",\"Image\":\"b\"}"), "it cannot be judged: a key is in the body twice"));
	}
	fd_close(fd);
}

/* A prepared process is started by its own id: rules and records are about its container all the same. */
static void test_exec_is_its_container(void **state)
{
	struct fixture *f = *state;
	char text[512];

	doors_open(f, "version: 1\naccess:\n  - {name: vault, users: [bob], actions: [\"container_exec_*\"], when: {targets: [web1]}, effect: deny}\n");
	int fd = connect_to(f->authz, SOCK_STREAM);
	snprintf(text, sizeof(text), "{\"RequestMethod\":\"POST\",\"RequestUri\":\"/v1.41/containers/" ID "/exec\",\"ResponseStatusCode\":201,"
		"\"ResponseBody\":\"eyJJZCI6ImFiYyJ9\"}"); /* {"Id":"abc"} */
	assert_string_equal(http(f, fd, "/AuthZPlugin.AuthZRes", text), "{\"Allow\":true}");
	assert_string_equal(authz_ask(f, fd, "eve", "POST", "/v1.41/exec/abc/start", "", ""), "{\"Allow\":true}");
	assert_non_null(strstr(authz_ask(f, fd, "bob", "POST", "/v1.41/exec/abc/start", "", ""), "blocked by rule 'vault'"));
	assert_string_equal(authz_ask(f, fd, "bob", "POST", "/v1.41/exec/abd/start", "", ""), "{\"Allow\":true}");
	UNTIL(f, f->audit_count == 3);
	assert_string_equal(f->audits[0].container.name, "web1");
	assert_string_equal(f->audits[0].command.target, ID);
	assert_string_equal(f->audits[2].command.target, "abd");
	fd_close(fd);
}

/* A builder's stream, where builds are restricted: denied by the rule's name, unless a rule names it. */
static void test_hidden_builds(void **state)
{
	struct fixture *f = *state;

	doors_open(f, "version: 1\naccess:\n  - {name: trusted, users: [ci], actions: [session, grpc], effect: allow}\n"
		      "  - {name: no host network, actions: [image_build], when: {networks: [host]}, effect: deny}\n");
	int fd = connect_to(f->authz, SOCK_STREAM);
	assert_non_null(strstr(authz_ask(f, fd, "bob", "POST", "/grpc", "", ""), "blocked by rule 'no host network'"));
	assert_non_null(strstr(authz_ask(f, fd, "bob", "POST", "/v1.41/session", "", ""), "blocked by rule 'no host network'"));
	assert_string_equal(authz_ask(f, fd, "ci", "POST", "/grpc", "", ""), "{\"Allow\":true}");
	assert_string_equal(authz_ask(f, fd, "bob", "POST", "/v1.41/build?networkmode=none", "", ""), "{\"Allow\":true}");
	fd_close(fd);
}

#define SIGNED(rule)                                                                               \
	"version: 1\ntrust:\n  groups:\n    - {name: signed, signatures: [{key: \"" TEST_KEY "\"}]}\n"                        \
	"  rules:\n    - {name: only signed, allowed: [signed], effect: block}\n"                                          \
	"access:\n  - {name: " rule ", effect: allow}\n"
/* Signatures are waited for, in vain; a policy that comes meanwhile changes neither the verdict's rule nor
 * that the image counts as not signed. */
static void test_authz_waits_for_signatures(void **state)
{
	struct fixture *f = *state;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/registry", f->dir);
	int registry = unix_listen(path, 0600, 4); /* it never answers */
	assert_true(registry >= 0);
	f->gate = gate_free(f->gate);
	f->options.registry = path;
	f->options.registry_uid = getuid();
	f->syncs = 0;
	assert_int_equal(gate_new(&f->gate, f->loop, &f->options, getuid()), 0);
	UNTIL(f, f->syncs > 0);
	doors_open(f, SIGNED("first"));
	fd = connect_to(f->authz, SOCK_STREAM);
	http_send(fd, "/AuthZPlugin.AuthZReq", authz_text("", "POST", "/v1.41/containers/create", JSON_TYPE, "{\"Image\":\"evil\"}"));
	for (int i = 0; i < 20; i++)
		loop_run_once(f->loop, 2);
	give_policy(f, SIGNED("second"));
	char *answer = http_answer(f, fd);
	assert_non_null(strstr(answer, "[Seawall] image blocked by rule 'only signed'"));
	UNTIL(f, f->audit_count == 2);
	assert_int_equal(f->audits[1].kind, AUDIT_ACCESS);
	assert_string_equal(f->audits[1].rule, "first");
	fd_close(fd);
	fd_close(registry);
	unlink(path);
}

/* What was not acknowledged comes again, to whoever is the Defender then. */
static void test_audits_survive_the_defender(void **state)
{
	struct fixture *f = *state;
	int fd;

	doors_open(f, ACCESS);
	f->hold_acks = true;
	fd = connect_to(f->authz, SOCK_STREAM);
	authz_ask(f, fd, "alice", "GET", "/info", "", "");
	UNTIL(f, f->audit_count == 1);
	f->peer = ipc_peer_free(f->peer);
	UNTIL(f, !gate_defender(f->gate));
	authz_ask(f, fd, "alice", "GET", "/version", "", "");
	UNTIL(f, f->audit_count == 3);
	assert_string_equal(f->audits[0].id, f->audits[1].id);
	assert_string_not_equal(f->audits[1].id, f->audits[2].id);
	fd_close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shim_allows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_refuses_image, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_waits_for_layers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_refuses_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_refuses_what_was_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_without_defender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_cannot_say, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authz_judges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shim_warns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authz_denies_what_it_cannot_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authz_asks_for_trust, setup, teardown),
		cmocka_unit_test_setup_teardown(test_looks_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_with_any_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exec_is_its_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hidden_builds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authz_knows_our_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authz_waits_for_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audits_survive_the_defender, setup, teardown),
	};

	return cmocka_run_group_tests_name("gate.doors", tests, NULL, NULL);
}
