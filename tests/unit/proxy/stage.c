/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the proxy's tests: see stage.h. */
#include "stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"

static void on_judge(void *ctx, const struct proxy_request *q, struct proxy_verdict *ret)
{
	struct stage *s = ctx;
	struct buf groups = BUF_FIXED((uint8_t *)s->groups, sizeof(s->groups));

	s->judged++;
	s->groups[0] = 0;
	s->id = q->id;
	s->oversize = q->oversize;
	snprintf(s->user, sizeof(s->user), "%s", q->user);
	snprintf(s->address, sizeof(s->address), "%s", q->address);
	snprintf(s->method, sizeof(s->method), "%s", q->head->method);
	snprintf(s->target, sizeof(s->target), "%s", q->head->target);
	for (uint32_t i = 0; i < q->groups->count; i++)
		buf_printf(&groups, "%s;", q->groups->items[i]);
	buf_reset(&s->body);
	buf_put(&s->body, q->body, q->body_size);
	*ret = q->complete && s->verdict.answer == PROXY_NEED_BODY ? s->second : s->verdict;
	if (s->decide_inside)
		proxy_decide(s->proxy, q->id, &(struct proxy_verdict){.answer = PROXY_ALLOW});
	if (*s->verdict_text)
		ret->message = s->verdict_text;
}

static void on_open(void *ctx, uint64_t id)
{
	struct stage *s = ctx;
	int pair[2];

	if (s->hold)
		return;
	if (s->open_error) {
		proxy_upstream(s->proxy, id, s->open_error);
		return;
	}
	assert_true(s->engine_count < ENGINES);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s->engines[s->engine_count++] = pair[0];
	proxy_upstream(s->proxy, id, pair[1]);
}

static void on_refused(void *ctx, const char *user, const char *address, const char *why)
{
	struct stage *s = ctx;

	snprintf(s->refused, sizeof(s->refused), "%s: %s", user ? user : "-", why);
	s->refused_count++;
}

static void listen_up(struct stage *s)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(s->listener, 64), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
	s->port = ntohs(address.sin_port);
}

void stage_up(struct stage *s, const struct proxy_limits *limits)
{
	struct diag diag = {0};

	signal(SIGPIPE, SIG_IGN);
	*s = (struct stage){.verdict = {.answer = PROXY_ALLOW}, .second = {.answer = PROXY_ALLOW}, .body = BUF_INIT(8u << 20)};
	s->ca = cert_make(&(struct cert_plan){.cn = "ca", .authority = true});
	s->stranger_ca = cert_make(&(struct cert_plan){.cn = "ca", .authority = true});
	s->server = cert_make(&(struct cert_plan){.issuer = &s->ca, .cn = "proxy", .usage = "serverAuth"});
	s->alice = cert_make(&(struct cert_plan){.issuer = &s->ca, .cn = "alice", .groups = {"ops", "dev"}, .usage = "clientAuth"});
	listen_up(s);
	assert_int_equal(loop_new(&s->loop), 0);
	char *pem = cert_bundle(&s->server, &s->ca);
	struct proxy_config config = {.loop = s->loop, .listen_fd = s->listener, .pem = pem, .pem_size = strlen(pem),
		.judge = on_judge, .open_upstream = on_open, .refused = on_refused, .ctx = s};
	if (limits)
		config.limits = *limits;
	int r = proxy_new(&s->proxy, &config, &diag);
	if (r < 0)
		fail_msg("%s", diag.message);
	free(pem);
}

void stage_down(struct stage *s)
{
	proxy_free(s->proxy);
	loop_free(s->loop);
	fd_close(s->listener);
	for (int i = 0; i < s->engine_count; i++)
		fd_close(s->engines[i]);
	cert_done(&s->ca);
	cert_done(&s->stranger_ca);
	cert_done(&s->server);
	cert_done(&s->alice);
	buf_done(&s->body);
}

void stage_turn(struct stage *s)
{
	assert_int_equal(loop_run_once(s->loop, 1), 0);
}

static int dial(struct stage *s)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fd_set_nonblock(fd), 0);
	return fd;
}

/* In TLS 1.3 the client is done before the server has looked at its certificate: a refusal is seen
 * when reading. */
bool client_handshake(struct client *c)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;
	int before = c->s->refused_count;
	uint64_t bad = proxy_counters(c->s->proxy)->bad_handshakes;
	uint32_t known = 0;

	while (time_monotonic() < until) {
		int r = SSL_is_init_finished(c->ssl) ? 1 : SSL_do_handshake(c->ssl);
		int why = SSL_get_error(c->ssl, r);
		ERR_clear_error();
		if (c->s->refused_count > before || proxy_counters(c->s->proxy)->bad_handshakes > bad)
			return false;
		if (r != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return false;
		/* Some turns more, so that the server has done its part. */
		if (r == 1 && known++ > 10)
			return true;
		stage_turn(c->s);
	}
	return false;
}

void client_dial(struct client *c, struct stage *s, const struct identity *id)
{
	*c = (struct client){.s = s, .fd = dial(s), .ctx = SSL_CTX_new(TLS_client_method()), .heard = BUF_INIT(64u << 20)};
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ctx), s->ca.cert);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (id) {
		SSL_CTX_use_certificate(c->ctx, id->cert);
		SSL_CTX_use_PrivateKey(c->ctx, id->key);
	}
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
	SSL_set_max_proto_version(c->ssl, s->max_version);
}

bool client_up(struct client *c, struct stage *s, const struct identity *id)
{
	client_dial(c, s, id);
	return client_handshake(c);
}

void client_kill(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	fd_close(c->fd);
	buf_done(&c->heard);
	for (int i = 0; i < 5; i++)
		stage_turn(c->s);
	ERR_clear_error();
}

void client_down(struct client *c)
{
	if (SSL_is_init_finished(c->ssl) && !c->broken)
		SSL_shutdown(c->ssl);
	client_kill(c);
}

void client_poll(struct client *c)
{
	uint8_t bytes[16384];
	int r = c->eof || c->broken ? 0 : SSL_read(c->ssl, bytes, sizeof(bytes));

	if (c->eof || c->broken)
		return;
	int why = SSL_get_error(c->ssl, r);
	if (r > 0)
		buf_put(&c->heard, bytes, (size_t)r);
	else if (why == SSL_ERROR_ZERO_RETURN)
		c->eof = true;
	else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		c->broken = true;
	ERR_clear_error();
}

ssize_t client_try(struct client *c, const void *data, size_t n)
{
	int r = SSL_write(c->ssl, data, (int)n);

	ERR_clear_error();
	return r > 0 ? r : 0;
}

void client_say(struct client *c, const void *data, size_t n)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;

	for (size_t at = 0; at < n; stage_turn(c->s)) {
		at += (size_t)client_try(c, (const char *)data + at, n - at);
		if (time_monotonic() > until)
			fail_msg("only %zu of %zu bytes were taken", at, n);
	}
}

/* Drops all up to the end of text; false when it is not there. */
static bool found(struct buf *heard, const char *text)
{
	char *at = heard->len ? memmem(heard->data, heard->len, text, strlen(text)) : NULL;

	if (at)
		buf_consume(heard, (size_t)(at - (char *)heard->data) + strlen(text));
	return at;
}

void client_expect(struct client *c, const char *text)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;

	while (!found(&c->heard, text)) {
		if (time_monotonic() > until || c->eof || c->broken)
			fail_msg("not heard: '%s' but '%.600s'%s", text, c->heard.data ? (char *)c->heard.data : "",
				c->eof ? " and the end" : c->broken ? " and a break" : "");
		stage_turn(c->s);
		client_poll(c);
	}
}

void client_expect_end(struct client *c)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;

	while (!c->eof) {
		if (time_monotonic() > until || c->broken)
			fail_msg("no proper end, but %s after '%.300s'", c->broken ? "a break" : "nothing",
				c->heard.data ? (char *)c->heard.data : "");
		stage_turn(c->s);
		client_poll(c);
	}
}

void engine_say(struct stage *s, int engine, const char *text)
{
	assert_int_equal(fd_write_all(s->engines[engine], text, strlen(text)), 0);
	stage_turn(s);
}

static ssize_t engine_read(struct stage *s, int engine, char *out, size_t size)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;
	ssize_t n;

	while ((n = recv(s->engines[engine], out, size, MSG_DONTWAIT)) < 0 && errno == EAGAIN && time_monotonic() < until)
		stage_turn(s);
	return n;
}

void engine_expect(struct stage *s, int engine, const char *text)
{
	CLEANUP(buf_done) struct buf heard = BUF_INIT(1u << 20);
	char bytes[1];

	/* One by one: what comes after is for the next to expect. */
	for (;;) {
		ssize_t n = engine_read(s, engine, bytes, 1);
		if (n <= 0)
			fail_msg("the engine did not hear '%s' but '%s'", text, heard.data ? (char *)heard.data : "");
		buf_put(&heard, bytes, 1);
		if (heard.len >= strlen(text) && memcmp(heard.data + heard.len - strlen(text), text, strlen(text)) == 0)
			return;
	}
}

void engine_expect_end(struct stage *s, int engine)
{
	char bytes[200] = "";

	if (engine_read(s, engine, bytes, sizeof(bytes) - 1) != 0)
		fail_msg("the engine heard more: '%s'", bytes);
}

void stage_wait_engine(struct stage *s, int count)
{
	uint64_t until = time_monotonic() + SECONDS * NSEC_PER_SEC;

	while (s->engine_count < count) {
		if (time_monotonic() > until)
			fail_msg("%d engine connections, not %d", s->engine_count, count);
		stage_turn(s);
	}
}
