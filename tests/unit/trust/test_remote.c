/* SPDX-License-Identifier: Apache-2.0 */
/* A registry that is the test itself: tokens, redirects, lies, sizes, silence. Plain HTTP on loopback. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "trust/remote.h"
#include "unit/trust/keys.h"

#define BODY "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:2222222222222222222222222222222222222222222222222222222222222222\",\"size\":1},\"layers\":[]}"

/* One server: answers by the start of the request line, and keeps what it was asked. */
struct answer {
	const char *start, *head, *body;
};

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const struct answer *answers;
	bool silent;
	char log[65536]; /* all requests */
};

static void answer(struct server *s, int c)
{
	char in[8192] = "", out[16384];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(in) - 1 && !strstr(in, "\r\n\r\n") && (got = read(c, in + n, sizeof(in) - 1 - n)) > 0) {
		n += (size_t)got;
		in[n] = 0;
		if (in[0] == 0x16) /* TLS */
			return;
	}
	size_t used = strlen(s->log);
	snprintf(s->log + used, sizeof(s->log) - used, "%s", in);
	const struct answer *a = s->answers;
	while (a->start && strncmp(a->start, in, strlen(a->start)) != 0)
		a++;
	if (s->silent && a->start && a->body == NULL)
		poll(NULL, 0, 3000);
	const char *body = a->start && a->body ? a->body : "";
	int len = snprintf(out, sizeof(out), "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", a->start ? a->head : "404 no", strlen(body), body);
	fd_write_all(c, out, (size_t)len);
	shutdown(c, SHUT_WR);
}

static void *serve(void *ctx)
{
	struct server *s = ctx;
	int c;

	while ((c = accept(s->fd, NULL, NULL)) >= 0) {
		answer(s, c);
		close(c);
	}
	return NULL;
}

static void start(struct server *s, const struct answer *answers)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	s->answers = answers;
	s->log[0] = 0;
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct remote *open_remote(struct server *s, uint64_t ms)
{
	char name[128];
	struct reference ref;
	struct remote *r = NULL;
	struct remote_config config = {.deadline = time_monotonic() + ms * NSEC_PER_MSEC};

	snprintf(name, sizeof(name), "127.0.0.1:%u/team/app:1", s->port);
	assert_int_equal(reference_parse(name, &ref, NULL), 0);
	assert_int_equal(remote_new(&r, &ref, &config), 0);
	return r;
}

static struct server server, other;

static int resolve(struct server *s, uint64_t ms, const char *what, char why[256])
{
	CLEANUP(remote_free) struct remote *r = open_remote(s, ms);
	CLEANUP(buf_done) struct buf out = BUF_INIT(MANIFEST_MAX);
	char digest[DIGEST_SIZE], real[DIGEST_SIZE];
	int n = source_resolve(remote_source(r), what, digest, &out);

	snprintf(why, 256, "%s", remote_source(r)->why);
	if (n == 0) {
		assert_int_equal(digest_of(BODY, strlen(BODY), real), 0);
		assert_string_equal(digest, real);
	}
	return n;
}

static void gets_and_finds_nothing(void **state)
{
	static const struct answer answers[] = {{"GET /v2/team/app/manifests/1 ", "200 OK", BODY}, {"GET /v2/ ", "200 OK", "{}"},
		{"GET /v2/team/app/manifests/500 ", "500 oops", "x"}, {"GET /v2/team/app/manifests/403 ", "403 no", "x"}, {NULL, NULL, NULL}};
	char why[256];

	start(&server, answers);
	assert_int_equal(resolve(&server, 5000, "1", why), 0);
	assert_non_null(strstr(server.log, "application/vnd.oci.image.index.v1+json"));
	assert_int_equal(resolve(&server, 5000, "2", why), -ENOENT);
	assert_int_equal(resolve(&server, 5000, "500", why), -EPROTO);
	assert_non_null(strstr(why, "500"));
	assert_int_equal(resolve(&server, 5000, "403", why), -EACCES);
	stop(&server);
}

static void lies_are_noticed(void **state)
{
#define WANTED "sha256:3333333333333333333333333333333333333333333333333333333333333333"
	static const struct answer answers[] = {{"GET /v2/team/app/manifests/" WANTED, "200 OK\r\nDocker-Content-Digest: " WANTED, BODY},
		{"GET /v2/ ", "200 OK", "{}"}, {NULL, NULL, NULL}};
	char why[256];

	start(&server, answers);
	assert_int_equal(resolve(&server, 5000, WANTED, why), -EBADMSG);
	assert_non_null(strstr(why, "another digest"));
	stop(&server);
}

/* Rights are asked for with our own scope, kept, and go to nobody else. */
static void tokens_and_redirects(void **state)
{
	static char realm[256], away[256];
	struct answer answers[] = {{"GET /v2/team/app/manifests/1 ", realm, ""}, {"GET /v2/ ", "200 OK", "{}"},
		{"GET /token?", "200 OK", "{\"token\":\"secret.Token_1\"}"}, {NULL, NULL, NULL}};
	struct answer granted[] = {{"GET /v2/team/app/manifests/1 ", away, ""}, {"GET /v2/team/app/manifests/moved ", "200 OK", BODY}, {NULL, NULL, NULL}};
	struct answer elsewhere[] = {{"GET /blob", "200 OK", BODY}, {NULL, NULL, NULL}};
	char why[256];

	start(&server, answers);
	start(&other, elsewhere);
	snprintf(realm, sizeof(realm), "401 no\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\",service=\"s v\",scope=\"repository:evil:push\"", server.port);
	assert_int_equal(resolve(&server, 5000, "1", why), -EACCES); /* wants rights again and again */
	assert_non_null(strstr(server.log, "scope=repository%3Ateam%2Fapp%3Apull HTTP"));
	assert_non_null(strstr(server.log, "service=s%20v"));
	assert_non_null(strstr(server.log, "Authorization: Bearer secret.Token_1"));
	assert_null(strstr(server.log, "evil"));
	server.answers = granted;
	snprintf(away, sizeof(away), "307 away\r\nLocation: http://127.0.0.1:%u/blob", other.port);
	assert_int_equal(resolve(&server, 5000, "1", why), 0);
	assert_null(strstr(other.log, "Authorization"));
	snprintf(away, sizeof(away), "302 away\r\nLocation: /v2/team/app/manifests/moved");
	assert_int_equal(resolve(&server, 5000, "1", why), 0);
	snprintf(away, sizeof(away), "302 away\r\nLocation: file:///etc/passwd");
	assert_int_equal(resolve(&server, 5000, "1", why), -EBADMSG);
	snprintf(away, sizeof(away), "302 away\r\nLocation: /v2/team/app/manifests/1");
	assert_int_equal(resolve(&server, 5000, "1", why), -EBADMSG); /* in a circle */
	stop(&server);
	stop(&other);
}

static void silence_and_floods(void **state)
{
	static char big[12000];
	static const struct answer quiet[] = {{"GET ", "200 OK", NULL}, {NULL, NULL, NULL}},
				   flood[] = {{"GET /v2/ ", "200 OK", "{}"}, {"GET /v2/team", "200 OK", big}, {NULL, NULL, NULL}};
	CLEANUP(buf_done) struct buf out = BUF_INIT(10000);
	char why[256];

	memset(big, ' ', sizeof(big) - 1);
	server.silent = true;
	start(&server, quiet);
	uint64_t before = time_monotonic();
	assert_int_equal(resolve(&server, 150, "1", why), -ETIMEDOUT);
	assert_true(time_monotonic() - before < 2000 * NSEC_PER_MSEC);
	stop(&server);
	server.silent = false;
	start(&server, flood);
	CLEANUP(remote_free) struct remote *r = open_remote(&server, 5000);
	assert_int_equal(remote_source(r)->ops->blob(remote_source(r), WANTED, &out), -EFBIG);
	assert_int_equal(out.len, 0);
	stop(&server);
}

static void only_loopback_may_be_plain(void **state)
{
	struct reference ref;
	struct remote *r = NULL;
	struct remote_config config = {.deadline = time_monotonic() + NSEC_PER_SEC, .insecure = "*.local:5000, other.test"};
	CLEANUP(buf_done) struct buf out = BUF_INIT(1000);

	assert_int_equal(reference_parse("nowhere.invalid/app:1", &ref, NULL), 0);
	assert_int_equal(remote_new(&r, &ref, &config), 0);
	assert_true(remote_source(r)->ops->manifest(remote_source(r), "1", &out) < 0);
	assert_non_null(strstr(remote_source(r)->why, "nowhere.invalid"));
	remote_free(r);
}

static void challenges(void **state)
{
	static const struct {
		const char *text, *realm; /* realm NULL: refused */
	} rows[] = {
		{"Bearer realm=\"https://auth.test/token\",service=\"r\",scope=\"a:b:c\"", "https://auth.test/token"},
		{"bearer  service=\"r\", realm=\"https://a/t?x=1\"", "https://a/t?x=1"},
		{"Bearer realm=https://a/t", "https://a/t"},
		{"Bearer realm=\"https://a/\\t\"", "https://a/t"},
		{"Basic realm=\"x\"", NULL}, {"Bearer", NULL}, {"Bearer ", NULL}, {"Bearer service=\"x\"", NULL}, {"Bearer realm=\"x", NULL},
		{"Bearer realm", NULL}, {"Bearer =x", NULL}, {"Bearer realm=\"https://a/ b\"", NULL}, {"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct challenge c;
		int r = challenge_parse(rows[i].text, &c);
		assert_int_equal(r, rows[i].realm ? 0 : -EBADMSG);
		if (r == 0)
			assert_string_equal(c.realm, rows[i].realm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_and_finds_nothing),
		cmocka_unit_test(lies_are_noticed),
		cmocka_unit_test(tokens_and_redirects),
		cmocka_unit_test(silence_and_floods),
		cmocka_unit_test(only_loopback_may_be_plain),
		cmocka_unit_test(challenges),
	};

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests_name("trust.remote", tests, NULL, NULL);
}
