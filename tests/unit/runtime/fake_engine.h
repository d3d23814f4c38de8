/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine on the test's own loop, at a real socket in /tmp: counts what it is asked, answers what
 * the test told it to, and keeps the event stream open for the test to write to.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/loop.h"

#define FAKE_CONNECTIONS 64

struct fake_answer {
	const char *prefix; /* "GET /version"; the first that fits answers */
	int status;
	const char *body;
	int asked;
	bool hold; /* no answer: the test gives it with fake_answer_held() */
	int held_fd;
};

struct fake_engine {
	struct loop *loop;
	struct fake_answer answers[16];
	int fds[FAKE_CONNECTIONS];
	struct loop_source *sources[FAKE_CONNECTIONS];
	int connections;
	int stream_fd; /* of the last subscription, -1 = none */
	char stream_path[4096];
	int subscriptions;
	bool refuse;
	char path[64]; /* libcurl tells connections apart by the name of the other side */
	int listener;
	char log[4096]; /* method and path of each request, one a line */
};

static inline void fake_reply(int fd, int status, const char *body)
{
	char head[160];
	bool empty = status == 204;
	int n = snprintf(
		head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n", status);

	fd_write_all(fd, head, (size_t)n);
	n = empty ? snprintf(head, sizeof(head), "\r\n")
		  : snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", strlen(body));
	fd_write_all(fd, head, (size_t)n);
	/* What does not fit into the socket must be written by somebody else: the reader is in this
	 * thread. */
	bool elsewhere = strlen(body) > 100000;
	if (elsewhere && fork() != 0)
		return;
	fd_write_all(fd, body, strlen(body));
	if (elsewhere)
		_exit(0);
}

/* A part of the event stream, as one chunk. */
static inline void fake_event(struct fake_engine *f, const char *text, size_t n)
{
	char head[32];
	int h = snprintf(head, sizeof(head), "%zx\r\n", n);

	fd_write_all(f->stream_fd, head, (size_t)h);
	fd_write_all(f->stream_fd, text, n);
	fd_write_all(f->stream_fd, "\r\n", 2);
}

static inline struct fake_answer *fake_find(struct fake_engine *f, const char *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->answers); i++)
		if (f->answers[i].prefix &&
			strncmp(request, f->answers[i].prefix, strlen(f->answers[i].prefix)) == 0)
			return &f->answers[i];
	return NULL;
}

static inline void fake_answer_held(struct fake_answer *a)
{
	fake_reply(a->held_fd, a->status, a->body);
	a->hold = false;
}

static inline void fake_request(struct fake_engine *f, int fd, char *request)
{
	char *end = strstr(request, " HTTP/1.1\r\n");

	if (!end)
		return;
	*end = 0;
	size_t used = strlen(f->log);
	snprintf(f->log + used, sizeof(f->log) - used, "%s\n", request);
	if (strncmp(request, "GET /events", 11) == 0) {
		static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: "
					   "application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
		fd_write_all(fd, head, sizeof(head) - 1);
		f->stream_fd = fd;
		f->subscriptions++;
		snprintf(f->stream_path, sizeof(f->stream_path), "%s", request + 4);
		return;
	}
	struct fake_answer *a = fake_find(f, request);
	if (!a) {
		fake_reply(fd, 404, "{\"message\":\"no such thing\"}");
		return;
	}
	a->asked++;
	a->held_fd = fd;
	if (!a->hold)
		fake_reply(fd, a->status, a->body);
}

static inline int fake_readable(void *ctx, int fd, uint32_t events)
{
	struct fake_engine *f = ctx;
	char request[4096];
	ssize_t n = read(fd, request, sizeof(request) - 1);

	(void)events;
	if (n > 0) {
		request[n] = 0;
		fake_request(f, fd, request);
		return 0;
	}
	for (int i = 0; i < f->connections; i++) {
		if (f->fds[i] != fd)
			continue;
		f->sources[i] = loop_source_free(f->sources[i]);
		f->fds[i] = fd_close(fd);
		if (f->stream_fd == fd)
			f->stream_fd = -1;
	}
	return 0;
}

static inline int fake_listen(struct fake_engine *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/fake-engine-%d.sock", (int)getpid());
	f->listener = unix_listen(f->path, 0600, 4);
	return f->listener < 0 ? f->listener : 0;
}

/* A client's end of a new connection, or -ECONNREFUSED. */
static inline int fake_connect(struct fake_engine *f)
{
	int ours, theirs = -1;

	if (!f->refuse && f->connections < FAKE_CONNECTIONS)
		theirs = unix_connect(f->path);
	if (theirs < 0 || (ours = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		return -ECONNREFUSED;
	f->fds[f->connections] = ours;
	loop_add_fd(f->loop, &f->sources[f->connections], ours, EPOLLIN, fake_readable, f);
	f->connections++;
	return theirs;
}

/* Every connection ends, as when the daemon is killed. */
static inline void fake_kill(struct fake_engine *f)
{
	for (int i = 0; i < f->connections; i++) {
		f->sources[i] = loop_source_free(f->sources[i]);
		if (f->fds[i] >= 0)
			f->fds[i] = fd_close(f->fds[i]);
	}
	f->stream_fd = -1;
	f->connections = 0;
}

static inline void fake_done(struct fake_engine *f)
{
	fake_kill(f);
	fd_close(f->listener);
	unlink(f->path);
}
