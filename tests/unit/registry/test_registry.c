/* SPDX-License-Identifier: Apache-2.0 */
/* The service with the Gate's own client: the local store, registries that do not answer, many at once. */
#include <curl/curl.h>
#include <signal.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "registry/registry.h"
#include "trust/lookup.h"
#include "trust/registry_client.h"
#include "trust/store.h"
#include "unit/trust/keys.h"

#define ONE "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct pair alice;

struct fixture {
	char dir[64], path[96], store[96];
	struct loop *loop;
	struct registry *registry;
	struct registry_client *client;
	int answers, last_error;
	struct trust_evidence last;
	char message[256];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-registry-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
	assert_int_equal(loop_new(&f->loop), 0);
	struct registry_config config = {.loop = f->loop, .client = getuid(), .worker = {.store = f->store, .threads = 4}};
	config.listen_fd = unix_listen(f->path, 0600, 4);
	assert_true(config.listen_fd >= 0);
	assert_int_equal(registry_new(&f->registry, &config), 0);
	assert_int_equal(registry_client_new(&f->client, f->loop, f->path, getuid()), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	registry_client_free(f->client);
	registry_free(f->registry);
	loop_free(f->loop);
	evidence_done(&f->last);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void on_answer(void *ctx, const struct registry_answer *a)
{
	struct fixture *f = ctx;

	f->answers++;
	f->last_error = a->error;
	snprintf(f->message, sizeof(f->message), "%s", a->message ? a->message : "");
	evidence_done(&f->last);
	assert_int_equal(evidence_merge(&f->last, &a->evidence), 0);
}

static void ask(struct fixture *f, const char *name, const char *digest, uint32_t ms)
{
	struct registry_question q = {.name = (char *)(uintptr_t)name, .digest = (char *)(uintptr_t)digest, .deadline_ms = ms};

	assert_int_equal(registry_client_ask(f->client, &q, on_answer, f, NULL), 0);
}

static void until(struct fixture *f, int answers)
{
	for (int i = 0; i < 500 && f->answers < answers; i++)
		assert_int_equal(loop_run_once(f->loop, 20), 0);
	assert_int_equal(f->answers, answers);
}

static void answers_from_the_store(void **state)
{
	struct fixture *f = *state;
	CLEANUP(evidence_done) struct trust_evidence e = {0};
	CLEANUP(trust_key_free) struct trust_key *k = key_of(&alice);
	struct trust_finding found;

	/* asked before it is there: the negative answer must not outlive the import */
	ask(f, "127.0.0.1:1/app:1", ONE, 2000);
	until(f, 1);
	assert_int_equal(f->last_error, -EHOSTUNREACH);
	sign(&e, &alice, ONE);
	assert_int_equal(store_add(f->store, ONE, &e), 0);
	ask(f, "127.0.0.1:1/app:1", ONE, 2000);
	until(f, 2);
	assert_int_equal(f->last_error, 0);
	assert_int_equal(evidence_check(&f->last, ONE, k, &found), 0);
	ask(f, "127.0.0.1:1/app@" ONE, NULL, 2000);
	until(f, 3);
	assert_int_equal(f->last_error, 0);
	assert_int_equal(f->last.signatures.count, 1);
	ask(f, "127.0.0.1:1/app:1", TWO, 2000);
	until(f, 4);
	assert_int_equal(f->last_error, -EHOSTUNREACH);
	assert_non_null(strstr(f->message, "127.0.0.1:1"));
}

static void refuses_what_is_no_name(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"", "A b", "127.0.0.1:1/../x"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ask(f, names[i], ONE, 2000);
		until(f, (int)i + 1);
		assert_int_equal(f->last_error, -EINVAL);
		assert_true(*f->message);
	}
	ask(f, "a", "sha256:x", 2000);
	until(f, 4);
	assert_int_equal(f->last_error, -EINVAL);
}

/* A registry that accepts and says nothing holds its own questions up, and no others. */
static void one_silent_registry_stops_no_other(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	CLEANUP(fd_close) int silent = socket(AF_INET, SOCK_STREAM, 0);
	char name[64];

	assert_int_equal(bind(silent, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(silent, 64), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&a, &n), 0);
	for (int i = 0; i < 12; i++) { /* three for each thread */
		snprintf(name, sizeof(name), "127.0.0.1:%u/app%d:1", ntohs(a.sin_port), i);
		ask(f, name, ONE, 600);
	}
	uint64_t before = time_monotonic();
	ask(f, "127.0.0.1:1/app:1", ONE, 5000);
	until(f, 1);
	assert_true(time_monotonic() - before < 500 * NSEC_PER_MSEC);
	assert_int_equal(f->last_error, -EHOSTUNREACH);
	until(f, 13);
	assert_int_equal(f->last_error, -ETIMEDOUT);
}

/* Two hundred containers of one image are one question to the registry. */
static void the_same_question_is_asked_once(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	CLEANUP(fd_close) int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char name[64];
	int connections = 0, c;

	assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server, 64), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&a, &n), 0);
	snprintf(name, sizeof(name), "127.0.0.1:%u/app:1", ntohs(a.sin_port));
	for (int i = 0; i < 200; i++)
		ask(f, name, ONE, 300);
	until(f, 200);
	while ((c = accept(server, NULL, NULL)) >= 0) {
		connections++;
		close(c);
	}
	assert_int_equal(connections, 1);
}

static void on_result(void *ctx, const struct trust_lookup_result *r)
{
	struct fixture *f = ctx;

	f->answers++;
	f->last_error = r->error;
	snprintf(f->message, sizeof(f->message), "%s", r->why);
	evidence_done(&f->last);
	assert_int_equal(evidence_merge(&f->last, &r->evidence), 0);
}

/* One image with two digests, of which one is signed: known together, with what was wrong. */
static void looks_up_an_image(void **state)
{
	struct fixture *f = *state;
	CLEANUP(evidence_done) struct trust_evidence e = {0};
	CLEANUP(trust_lookup_free) struct trust_lookup *l = NULL, *none = NULL, *away = NULL;
	char *items[] = {(char *)(uintptr_t)ONE, (char *)(uintptr_t)TWO, (char *)(uintptr_t) "nonsense"};
	struct str_list digests = {.items = items, .count = 3};
	struct image_facts image = {.name = "127.0.0.1:1/app:1", .repo_digests = &digests, .signed_by = trust_signed_by, .ctx = &f->last};

	sign(&e, &alice, ONE);
	assert_int_equal(store_add(f->store, ONE, &e), 0);
	assert_int_equal(trust_lookup_start(&l, f->client, &image, 2000, on_result, f), 0);
	assert_int_equal(f->answers, 0);
	until(f, 1);
	assert_int_equal(f->last_error, -EHOSTUNREACH); /* of the other digest */
	assert_true(*f->message);
	assert_true(image.signed_by(image.ctx, alice.public, &image));
	image.repo_digests = NULL;
	assert_int_equal(trust_lookup_start(&none, f->client, &image, 2000, on_result, f), 0);
	until(f, 2);
	assert_false(image.signed_by(image.ctx, alice.public, &image));
	/* taken back, and without a name */
	assert_int_equal(trust_lookup_start(&away, f->client, &image, 2000, on_result, f), 0);
	away = trust_lookup_free(away);
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_run_once(f->loop, 5), 0);
	assert_int_equal(f->answers, 2);
	image.name = ONE;
	assert_int_equal(trust_lookup_start(&away, f->client, &image, 2000, on_result, f), -EINVAL);
	image.name = NULL;
	assert_int_equal(trust_lookup_start(&away, f->client, &image, 2000, on_result, f), -EINVAL);
}

static void nonsense_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int fd = unix_connect(f->path);
	char c;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, "GET / HTTP/1.0\r\n\r\n", 18), 0);
	assert_int_equal(fd_set_nonblock(fd), 0);
	ssize_t n = -1;
	for (int i = 0; i < 100 && n < 0; i++) {
		assert_int_equal(loop_run_once(f->loop, 10), 0);
		n = read(fd, &c, 1);
	}
	assert_int_equal(n, 0);
}

static int setup_keys(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pair_make(&alice, "P-256");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_from_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_name, setup, teardown),
		cmocka_unit_test_setup_teardown(one_silent_registry_stops_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_question_is_asked_once, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_up_an_image, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_ends_the_connection, setup, teardown),
	};

	return cmocka_run_group_tests_name("registry.registry", tests, setup_keys, NULL);
}
