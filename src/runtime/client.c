/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl on a loop, over sockets handed in: see client.h.
 *
 * libcurl asks for a socket synchronously and the opener answers later, so a request is only given
 * to libcurl when a socket is in stock or an idle connection is known. If libcurl then finds that
 * the idle connection is dead and the stock is empty, the request goes back into the queue.
 *
 * libcurl must not be re-entered from its own callbacks: they only note what to do, and pump() does
 * it once libcurl has returned.
 */
#include "runtime/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/parse.h"

#define STOCK_MAX 2
#define TRIES_MAX 3
#define QUEUE_MAX 65536

struct request {
	TAILQ_ENTRY(request) link;
	struct client *client;
	struct client_call call;
	char key[CLIENT_KEY_SIZE];
	char *path, *header;
	uint8_t *sent; /* copy of the body */
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	int refused; /* errno that our own callback ended it with */
	int grpc_status;
	char grpc_message[256];
	char curl_error[CURL_ERROR_SIZE];
	unsigned tries;
	bool started;
};

TAILQ_HEAD(request_list, request);

struct client {
	struct client_config config;
	CURLM *multi;
	struct loop_source *timer; /* libcurl's */
	struct loop_source *wake;  /* ours: pump when the loop turns */
	struct request_list waiting, active;
	unsigned active_count, waiting_count;
	unsigned connections; /* open, busy or idle */
	int stock[STOCK_MAX];
	unsigned stock_count;
	int decoy; /* see decoy_open(); -1 = not needed */
	struct sockaddr decoy_address;
	socklen_t decoy_size;
	bool opening;
	bool kick;    /* libcurl wants to be called at once */
	bool pumping; /* requests queued meanwhile are seen to by the pump that runs */
};

static struct request *request_free(struct request *q)
{
	if (!q)
		return NULL;
	if (q->easy) {
		if (q->started)
			curl_multi_remove_handle(q->client->multi, q->easy);
		curl_easy_cleanup(q->easy);
	}
	curl_slist_free_all(q->headers);
	buf_done(&q->body);
	free(q->path);
	free(q->header);
	free(q->sent);
	free(q);
	return NULL;
}
CLEANUP_DEFINE(struct request, request_free)

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct client *c = ctx;

	if (purpose != CURLSOCKTYPE_IPCXN || !c->stock_count)
		return CURL_SOCKET_BAD;
	if (c->decoy >= 0) {
		address->family = AF_UNIX;
		address->addrlen = c->decoy_size;
		memcpy(&address->addr, &c->decoy_address, c->decoy_size);
	}
	c->connections++;
	return c->stock[--c->stock_count];
}

/*
 * libcurl before 8.0 calls connect() even on a socket that it was told is connected, and gives up
 * unless the answer is "in progress" (EAGAIN). That is what a listener answers whose queue is full,
 * so such a libcurl is given the address of one: nameless, never accepted from.
 */
static int decoy_open(struct client *c)
{
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CLEANUP(fd_close)
	int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(c->decoy_address);

	if (curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000)
		return 0;
	if (fd < 0 || filler < 0)
		return -errno;
	c->decoy_address.sa_family = AF_UNIX;
	/* A name without characters makes the kernel choose one, short enough for a plain sockaddr.
	 */
	if (bind(fd, &c->decoy_address, sizeof(sa_family_t)) < 0 || listen(fd, 0) < 0 ||
		getsockname(fd, &c->decoy_address, &n) < 0 ||
		connect(filler, &c->decoy_address, n) < 0)
		return -errno;
	c->decoy_size = n;
	c->decoy = take_fd(fd);
	return 0;
}

static int on_close(void *ctx, curl_socket_t fd)
{
	struct client *c = ctx;

	c->connections--;
	fd_close(fd);
	return 0;
}

static int on_sockopt(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct request *q = ctx;

	if (q->call.on_data) {
		int r = q->call.on_data(q->call.ctx, data, n);
		q->refused = r < 0 ? r : 0;
	} else {
		buf_put(&q->body, data, n);
		q->refused = q->body.failed == -E2BIG ? -EFBIG : q->body.failed;
	}
	return q->refused < 0 ? CURL_WRITEFUNC_ERROR : n;
}

/* Copies the value of a header line when it has this name; value is trimmed. */
static bool header_value(const char *line, size_t n, const char *name, struct buf *out)
{
	size_t len = strlen(name);

	if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return false;
	line += len + 1;
	n -= len + 1;
	while (n && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	buf_put(out, line, n);
	return true;
}

/* gRPC's verdict comes in trailers, which libcurl hands over like headers. */
static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
	struct request *q = ctx;
	char number[8];
	struct buf status = BUF_FIXED((uint8_t *)number, sizeof(number));
	struct buf message = BUF_FIXED((uint8_t *)q->grpc_message, sizeof(q->grpc_message));
	uint64_t code;

	if (header_value(line, n, "grpc-status", &status))
		q->grpc_status = parse_u64(number, 0, 99, &code) == 0 ? (int)code : 2;
	else
		header_value(line, n, "grpc-message", &message);
	return n;
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
	struct client *c = ctx;

	c->kick = ms == 0;
	loop_timer_set(c->timer, ms > 0 ? (uint64_t)ms : 0, 0);
	return 0;
}

static void pump(struct client *c);

static int on_socket_ready(void *ctx, int fd, uint32_t events)
{
	struct client *c = ctx;
	int action = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		     (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		     (events & (EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN | CURL_CSELECT_ERR : 0);
	int running;

	curl_multi_socket_action(c->multi, fd, action, &running);
	pump(c);
	return 0;
}

static int on_timer(void *ctx)
{
	struct client *c = ctx;

	c->kick = true;
	pump(c);
	return 0;
}

static int on_wake(void *ctx)
{
	struct client *c = ctx;

	loop_timer_set(c->wake, 0, 0);
	pump(c);
	return 0;
}

/* libcurl says what it wants to know of a socket; `assigned` is our source of it. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct client *c = ctx;
	struct loop_source *source = assigned;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		loop_source_free(source);
		return 0;
	}
	if (source)
		return loop_mod_fd(source, events) < 0 ? -1 : 0;
	if (loop_add_fd(c->config.loop, &source, fd, events, on_socket_ready, c) < 0)
		return -1;
	curl_multi_assign(c->multi, fd, source);
	return 0;
}

static int set_headers(struct request *q)
{
	char type[128];
	const char *lines[5] = {"Expect:"};
	unsigned count = 1;
	struct buf b = BUF_FIXED((uint8_t *)type, sizeof(type));

	if (q->call.content_type) {
		buf_printf(&b, "Content-Type: %s", q->call.content_type);
		lines[count++] = type;
		if (q->client->config.http2)
			lines[count++] = "TE: trailers";
	}
	if (q->header)
		lines[count++] = q->header;
	if (q->client->config.header)
		lines[count++] = q->client->config.header;
	for (unsigned i = 0; i < count; i++) {
		struct curl_slist *more = curl_slist_append(q->headers, lines[i]);
		if (!more)
			return -ENOMEM;
		q->headers = more;
	}
	return 0;
}

/* libcurl before 8.0 fails when a request with prior knowledge meets a connection that is HTTP/2
 * already. */
static long http_version(const struct client *c)
{
	if (!c->config.http2)
		return CURL_HTTP_VERSION_1_1;
	return c->connections ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static int request_prepare(struct request *q)
{
	CLEANUP(free) char *url = NULL;
	struct client *c = q->client;

	if (asprintf(&url, "http://engine%s", q->path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	q->easy = curl_easy_init();
	if (!q->easy)
		return -ENOMEM;
	CURL *e = q->easy;
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	/* Never opened: it keeps libcurl from resolving a name. */
	curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, "/engine.sock");
	/* There is only one address; with the decoy this is how soon libcurl looks at the socket.
	 */
	curl_easy_setopt(e, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 1L);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
	curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, q);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, q->curl_error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, q);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->call.timeout_ms);
	if (q->sent || strcmp(q->call.method, "POST") == 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->call.body_size);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, q->sent ? (char *)q->sent : "");
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->call.method);
	int r = set_headers(q);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, q->headers);
	return r;
}

/* Takes the request out of its list, tells the owner, frees it. */
static void request_finish(struct request *q, int error, const char *message)
{
	CLEANUP(request_free) struct request *owned = q;
	struct client *c = q->client;
	long status = 0;

	if (q->started) {
		TAILQ_REMOVE(&c->active, q, link);
		c->active_count--;
	} else {
		TAILQ_REMOVE(&c->waiting, q, link);
		c->waiting_count--;
	}
	if (q->easy)
		curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
	q->call.on_done(
		q->call.ctx, &(struct client_result){.error = error,
				     .status = (int)status,
				     .grpc_status = q->grpc_status,
				     .key = q->key,
				     .message = message ? message : q->grpc_message,
				     .body = q->body.data ? q->body.data : (const uint8_t *)"",
				     .size = q->body.len});
}

/* Is there a connection, or a socket to make one, that the next request could use? */
static bool may_start(const struct client *c)
{
	unsigned usable = c->connections + c->stock_count;

	/* HTTP/2 has room for all on one connection, once the first request has made it. */
	return c->config.http2 && c->connections ? true : c->active_count < usable;
}

static void start_waiting(struct client *c)
{
	struct request *q;

	while ((q = TAILQ_FIRST(&c->waiting)) && may_start(c)) {
		int r = q->easy ? 0 : request_prepare(q);
		if (r == 0)
			curl_easy_setopt(q->easy, CURLOPT_HTTP_VERSION, http_version(c));
		if (r == 0 && curl_multi_add_handle(c->multi, q->easy) != CURLM_OK)
			r = -ENOMEM;
		if (r < 0) {
			request_finish(q, r, "the request cannot be made");
			continue;
		}
		TAILQ_REMOVE(&c->waiting, q, link);
		c->waiting_count--;
		TAILQ_INSERT_TAIL(&c->active, q, link);
		c->active_count++;
		q->started = true;
	}
}

static void ask_for_socket(struct client *c)
{
	unsigned max = c->config.http2 ? 1 : CLIENT_CONNECTIONS;

	if (TAILQ_EMPTY(&c->waiting) || c->opening || may_start(c) || c->connections >= max)
		return;
	c->opening = true;
	c->config.open(c->config.ctx);
}

static void request_requeue(struct request *q)
{
	struct client *c = q->client;

	curl_multi_remove_handle(c->multi, q->easy);
	TAILQ_REMOVE(&c->active, q, link);
	c->active_count--;
	q->started = false;
	TAILQ_INSERT_HEAD(&c->waiting, q, link);
	c->waiting_count++;
}

static int error_of(const struct request *q, CURLcode code)
{
	if (q->refused < 0)
		return q->refused;
	switch ((int)code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -ECONNRESET;
	}
}

static void collect_finished(struct client *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct request *q = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &q);
		if (code == CURLE_COULDNT_CONNECT && ++q->tries < TRIES_MAX) {
			request_requeue(q);
			continue;
		}
		int r = error_of(q, code);
		request_finish(q, r,
			r == 0		   ? NULL
			: q->curl_error[0] ? q->curl_error
					   : curl_easy_strerror(code));
	}
}

/* Does all that became possible, until nothing is. */
static void pump(struct client *c)
{
	int running;

	if (c->pumping)
		return;
	c->pumping = true;
	do {
		collect_finished(c);
		start_waiting(c);
		ask_for_socket(c);
		if (c->kick) {
			c->kick = false;
			curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
			collect_finished(c);
		}
	} while (c->kick || (!TAILQ_EMPTY(&c->waiting) && may_start(c)));
	ask_for_socket(c);
	c->pumping = false;
}

int client_send(struct client *c, const struct client_call *call)
{
	CLEANUP(request_free) struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	if (c->waiting_count >= QUEUE_MAX)
		return -ENOBUFS;
	*q = (struct request){
		.client = c, .call = *call, .body = BUF_INIT(call->max), .grpc_status = -1};
	if (call->key && strlen(call->key) >= sizeof(q->key))
		return -ENAMETOOLONG;
	struct buf key = BUF_FIXED((uint8_t *)q->key, sizeof(q->key));
	buf_puts(&key, call->key ? call->key : "");
	q->path = strdup(call->path);
	q->header = call->header ? strdup(call->header) : NULL;
	if (!q->path || (call->header && !q->header))
		return -ENOMEM;
	if (call->body_size) {
		q->sent = malloc(call->body_size);
		if (!q->sent)
			return -ENOMEM;
		memcpy(q->sent, call->body, call->body_size);
	}
	q->call.path = q->call.header = q->call.body = q->call.key = NULL; /* the caller's */
	if (call->urgent)
		TAILQ_INSERT_HEAD(&c->waiting, q, link);
	else
		TAILQ_INSERT_TAIL(&c->waiting, q, link);
	c->waiting_count++;
	take_ptr(q);
	return c->pumping ? 0 : loop_timer_set(c->wake, 0, 1000);
}

void client_opened(struct client *c, int fd)
{
	c->opening = false;
	if (fd < 0) {
		struct request *q;
		unsigned n =
			c->waiting_count; /* those made by the callbacks wait for the next try */

		while (n-- && (q = TAILQ_FIRST(&c->waiting)))
			request_finish(q, fd, strerror(-fd));
		return;
	}
	if (c->stock_count == STOCK_MAX) {
		fd_close(fd);
		return;
	}
	c->stock[c->stock_count++] = fd;
	pump(c);
}

struct client *client_free(struct client *c)
{
	struct request *q;

	if (!c)
		return NULL;
	while ((q = TAILQ_FIRST(&c->active))) {
		TAILQ_REMOVE(&c->active, q, link);
		request_free(q);
	}
	while ((q = TAILQ_FIRST(&c->waiting))) {
		TAILQ_REMOVE(&c->waiting, q, link);
		request_free(q);
	}
	if (c->multi)
		curl_multi_cleanup(c->multi);
	while (c->stock_count)
		fd_close(c->stock[--c->stock_count]);
	loop_source_free(c->timer);
	loop_source_free(c->wake);
	fd_close(c->decoy);
	free(c);
	return NULL;
}

int client_new(struct client **ret, const struct client_config *config)
{
	CLEANUP(client_free) struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->decoy = -1;
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->active);
	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	int r = decoy_open(c);
	if (r == 0)
		r = loop_add_timer(config->loop, &c->timer, UINT32_MAX, 0, on_timer, c);
	if (r == 0)
		r = loop_add_timer(config->loop, &c->wake, UINT32_MAX, 0, on_wake, c);
	if (r < 0)
		return r;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CLIENT_CONNECTIONS);
	*ret = take_ptr(c);
	return 0;
}
