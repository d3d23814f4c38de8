/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: libmicrohttpd in external epoll mode hangs with its one descriptor in our loop, so
 * that handlers run in the caller's thread and no lock exists. A request is checked (route, right,
 * CSRF, size) before its body is read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "http/internal.h"

#define CONNECTIONS_MAX 4096
#define CONNECTIONS_PER_ADDRESS 1024 /* the command line, the UI and a proxy share one */
#define CONNECTION_MEMORY 32768      /* bounds the head of a request */
#define IDLE_SECONDS 60
#define PUMP_ROUNDS 16
#define SWALLOW_MAX (1u << 20) /* of a chunked body past its limit, so that the answer can be read */

static void request_free(struct http_request *q)
{
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	free(q->path);
	for (unsigned i = 0; i < q->param_count; i++) {
		free(q->params[i].name);
		free(q->params[i].value);
	}
	for (unsigned i = 0; i < q->header_count; i++) {
		free(q->headers[i].name);
		free(q->headers[i].value);
	}
	buf_done(&q->body);
	if (q->response)
		MHD_destroy_response(q->response);
	free(q);
}

static void client_address(struct http_request *q)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;

	if (sa && sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, q->client, sizeof(q->client));
	else if (sa && sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, q->client, sizeof(q->client));
}

static struct http_request *request_new(struct http_server *s, struct MHD_Connection *c, const char *path)
{
	struct http_request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->server = s;
	q->connection = c;
	q->path = strdup(path);
	q->next = s->requests;
	q->link = &s->requests;
	if (q->next)
		q->next->link = &q->next;
	s->requests = q;
	s->counters.requests++;
	if (!q->path) {
		request_free(q);
		return NULL;
	}
	client_address(q);
	return q;
}

static const struct http_asset *asset_find(const struct http_server *s, const char *path)
{
	for (size_t i = 0; i < s->config.asset_count; i++)
		if (strcmp(s->config.assets[i].path, path) == 0)
			return &s->config.assets[i];
	return NULL;
}

/* What is no route: a file of the UI, or its start page for the paths that the UI itself routes. */
static void answer_asset(struct http_request *q, const char *method, const struct http_match *m)
{
	struct http_server *s = q->server;
	const char *prefix = s->config.api_prefix;
	const struct http_asset *a = NULL;

	if (m->path_known) {
		http_problem(q, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, "%s does not take %s", q->path, method);
		return;
	}
	if (!prefix || !str_has_prefix(q->path, prefix)) {
		a = asset_find(s, q->path);
		/* A missing file is missing: a page in the place of a script only confuses. */
		if (!a && !strrchr(q->path, '.'))
			a = asset_find(s, "/index.html");
	}
	if (!a)
		http_problem(q, MHD_HTTP_NOT_FOUND, NULL, "there is no %s", q->path);
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		http_problem(q, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, "%s does not take %s", q->path, method);
	else
		http_reply_asset(q, a);
}

static int params_take(struct http_request *q, const struct http_match *m)
{
	for (unsigned i = 0; i < m->param_count; i++) {
		q->params[i].name = strndup(m->params[i].name, m->params[i].name_size);
		q->params[i].value = strndup(m->params[i].value, m->params[i].value_size);
		q->param_count++;
		if (!q->params[i].name || !q->params[i].value)
			return -ENOMEM;
	}
	return 0;
}

/* A page of somebody else's cannot set a header of its own on a form, so its requests stop here. */
static bool forged(const struct http_request *q)
{
	const char *with = http_header(q, "X-Requested-With");

	return q->method != HTTP_GET && q->by_cookie && (!with || strcmp(with, "seawall") != 0);
}

/* Everything that can be refused before the body is read. Leaves q answered, or with a route. */
static void request_check(struct http_request *q, const char *method)
{
	const struct http_config *c = &q->server->config;
	struct http_match m = http_route_find(c->routes, c->route_count, method, q->path);
	const char *length = http_header(q, "Content-Length");
	uint64_t size;

	if (!m.route) {
		answer_asset(q, method, &m);
		return;
	}
	q->method = m.route->method;
	if (params_take(q, &m) < 0) {
		http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "out of memory");
		return;
	}
	if (c->authenticate)
		c->authenticate(c->ctx, q);
	if (q->response)
		return;
	if (q->role < m.route->role) {
		http_problem(q, *q->user ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED, NULL,
			*q->user ? "this needs the role admin" : "log in, or send a token");
		return;
	}
	if (forged(q) && m.route->role > HTTP_PUBLIC) {
		http_problem(q, MHD_HTTP_FORBIDDEN, NULL, "a change by cookie needs the header X-Requested-With: seawall");
		return;
	}
	if (length && (parse_u64(length, 0, UINT64_MAX, &size) < 0 || size > m.route->max_body)) {
		http_problem(q, MHD_HTTP_CONTENT_TOO_LARGE, NULL, "the body may have at most %u bytes", m.route->max_body);
		return;
	}
	q->route = m.route;
	q->body = BUF_INIT(m.route->max_body);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *size, void **state)
{
	struct http_server *s = ctx;
	struct http_request *q = *state;

	(void)version;
	if (!q) {
		q = request_new(s, connection, url);
		if (!q)
			return MHD_NO;
		*state = q;
		request_check(q, method);
		/* An answer at this point closes a connection whose body is still to come: only then. */
		if (q->response && (http_header(q, "Content-Length") || http_header(q, "Transfer-Encoding")))
			return http_queue(q);
		return MHD_YES;
	}
	if (*size) {
		q->received += *size;
		if (q->received > q->body.max + SWALLOW_MAX)
			return MHD_NO;
		if (!q->response) {
			buf_put(&q->body, data, *size);
			if (q->body.failed)
				http_problem(q, MHD_HTTP_CONTENT_TOO_LARGE, NULL, "the body may have at most %u bytes",
					q->route->max_body);
		}
		*size = 0;
		return MHD_YES;
	}
	if (!q->response && !q->suspended) {
		q->route->handler(s->config.ctx, q);
		if (!q->response && !q->suspended)
			http_problem(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "no answer was made");
	}
	return q->response && !q->queued ? http_queue(q) : MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	(void)ctx;
	(void)c;
	(void)why;
	if (*state)
		request_free(*state);
	*state = NULL;
}

static int pump(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG wait = 0;
	bool has_wait = false;

	/* TLS may hold decoded bytes that no descriptor announces: a wait of 0 means "again". */
	for (int i = 0; i < PUMP_ROUNDS; i++) {
		if (MHD_run(s->daemon) != MHD_YES)
			return -EIO;
		has_wait = MHD_get_timeout(s->daemon, &wait) == MHD_YES;
		if (!has_wait || wait)
			break;
	}
	if (!has_wait)
		return loop_timer_set(s->timer, 0, 0);
	return wait ? loop_timer_set(s->timer, wait, 0) : loop_timer_set(s->timer, 0, 1);
}

void http_resume(struct http_server *s, struct MHD_Connection *c)
{
	MHD_resume_connection(c);
	if (!s->stopping)
		loop_timer_set(s->timer, 0, 1); /* at once, and many resumes make one run */
}

static int on_ready(void *ctx, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	return pump(ctx);
}

static int on_timer(void *ctx)
{
	return pump(ctx);
}

static void on_log(void *ctx, const char *fmt, va_list ap)
{
	char line[512];

	(void)ctx;
	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("http: %s", line);
}

static int daemon_start(struct http_server *s)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	const struct http_config *c = &s->config;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)c->key_pem},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)c->cert_pem},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};

	if (c->cert_pem)
		flags |= MHD_USE_TLS;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, c->listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, s->config.connections ? s->config.connections : (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_ARRAY, c->cert_pem ? tls : plain, MHD_OPTION_END);
	return s->daemon ? 0 : -EIO;
}

int http_server_new(struct http_server **ret, const struct http_config *config)
{
	CLEANUP(http_server_free) struct http_server *s = calloc(1, sizeof(*s));

	if (!s) {
		fd_close(config->listen_fd);
		return -ENOMEM;
	}
	s->config = *config;
	int r = daemon_start(s);
	if (r < 0) {
		fd_close(config->listen_fd);
		return r;
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -ENOTSUP;
	r = loop_add_fd(config->loop, &s->source, info->epoll_fd, EPOLLIN, on_ready, s);
	if (r == 0)
		r = loop_add_timer(config->loop, &s->timer, 0, 0, on_timer, s);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct http_server *http_server_free(struct http_server *s)
{
	if (!s)
		return NULL;
	s->stopping = true;
	loop_source_free(s->source);
	loop_source_free(s->timer);
	for (struct http_request *q = s->requests; q; q = q->next)
		if (q->suspended)
			http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "the Console is stopping");
	if (s->daemon) {
		MHD_run(s->daemon);
		MHD_stop_daemon(s->daemon);
	}
	free(s);
	return NULL;
}

struct http_counters http_server_counters(const struct http_server *s)
{
	struct http_counters c = s->counters;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	c.connections = info ? info->num_connections : 0;
	return c;
}
