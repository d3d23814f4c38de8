/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerd's questions to its authorization plugin, many of them: an open loop at RATE a second over
 * CONNECTIONS keep-alive connections, one question at a time on each. Question k is due at k/RATE
 * whatever became of those before it, and its latency counts from then, so that a plugin that stalls
 * is not flattered. Each FILE holds one AuthZReq in JSON and must be answered with its word; the
 * files take turns. "########" in a file becomes the question's number: no two are the same then.
 * RATE 0: the next question when the last one was answered. Prints one line of JSON. Exits with 1
 * when an answer was wrong or missing.
 * Usage: asker SOCKET RATE COUNT CONNECTIONS (allow|deny FILE)...
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

#define KINDS_MAX 16
#define CONNECTIONS_MAX 1000
#define ANSWER_MAX 16384
#define GRACE_NS 10000000000LL /* after the last question was due */
#define DIGITS 8

struct kind {
	int allow;
	char *text; /* the whole request */
	size_t size;
	char *number; /* where its number goes, or NULL */
};

struct connection {
	int fd, busy;
	long question;
	long long due;
	size_t written, got;
	const struct kind *kind;
	char *text; /* this one's request */
	char answer[ANSWER_MAX + 1];
};

static struct kind kinds[KINDS_MAX];
static int kind_count, connection_count;
static struct connection connections[CONNECTIONS_MAX];
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int loop;
static long count, asked, answered, wrong, broken;
static uint32_t *latency; /* microseconds, by order of the answers */

static void die(const char *what)
{
	fprintf(stderr, "asker: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void kind_read(const char *word, const char *path)
{
	struct kind *k = &kinds[kind_count++];
	FILE *f = fopen(path, "r");
	long n = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;

	if (n <= 0)
		die(path);
	rewind(f);
	k->allow = strcmp(word, "allow") == 0;
	k->text = malloc((size_t)n + 512);
	if (!k->text)
		die("memory");
	int head = sprintf(k->text, "POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n"
		"Content-Length: %ld\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n"
		"Content-Type: application/json\r\n\r\n", n);
	if (fread(k->text + head, 1, (size_t)n, f) != (size_t)n)
		die(path);
	fclose(f);
	k->size = (size_t)head + (size_t)n;
	k->text[k->size] = 0;
	k->number = strstr(k->text, "########");
}

static void open_connection(struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(address.sun_path);
	if (epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &e) < 0)
		die("epoll");
}

/* The question is lost: whoever asked it in earnest would be denied. */
static void lose(struct connection *c)
{
	broken++;
	c->busy = 0;
	close(c->fd);
	open_connection(c);
}

static void write_more(struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	while (c->written < c->kind->size) {
		ssize_t n = send(c->fd, c->text + c->written, c->kind->size - c->written, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			e.events |= EPOLLOUT;
			break;
		}
		if (n < 0) {
			lose(c);
			return;
		}
		c->written += (size_t)n;
	}
	epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
}

static void ask(struct connection *c, long long due)
{
	char number[DIGITS + 1];

	c->kind = &kinds[asked % kind_count];
	c->question = asked++;
	c->due = due;
	c->busy = 1;
	c->written = c->got = 0;
	memcpy(c->text, c->kind->text, c->kind->size);
	snprintf(number, sizeof(number), "%08u", (unsigned)(c->question % 100000000) % 100000000u);
	if (c->kind->number)
		memcpy(c->text + (c->kind->number - c->kind->text), number, DIGITS);
	ssize_t n = send(c->fd, c->text, c->kind->size, MSG_DONTWAIT | MSG_NOSIGNAL);
	c->written = n > 0 ? (size_t)n : 0;
	if (c->written < c->kind->size)
		write_more(c);
}

/* One whole answer. Any but 200 is a denial for dockerd. */
static void judge(struct connection *c, const char *body)
{
	int allowed = strncmp(c->answer, "HTTP/1.1 200 ", 13) == 0 && strstr(body, "\"Allow\":true");
	long long us = (clock_wall() - c->due) / 1000;

	latency[answered++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	if (allowed != c->kind->allow) {
		if (!wrong++)
			fprintf(stderr, "asker: question %ld, first wrong answer: %s\n", c->question, c->answer);
	}
	c->busy = 0;
}

static void read_more(struct connection *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !c->busy) {
		if (c->busy)
			lose(c);
		else { /* an idle connection may end */
			close(c->fd);
			open_connection(c);
		}
		return;
	}
	c->got += (size_t)n;
	c->answer[c->got] = 0;
	const char *end = strstr(c->answer, "\r\n\r\n");
	const char *length = strcasestr(c->answer, "\r\nContent-Length: ");
	if (end && length && length < end && c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 18, NULL, 10))
		judge(c, end + 4);
}

static struct connection *idle(void)
{
	static int next;

	for (int i = 0; i < connection_count; i++) {
		struct connection *c = &connections[next++ % connection_count];
		if (!c->busy)
			return c;
	}
	return NULL;
}

static void turn(long long until)
{
	struct epoll_event events[256];
	long long wait = until - clock_wall();
	/* Short of a millisecond nothing is waited for: the next one is due. */
	int n = epoll_wait(loop, events, 256, wait <= 0 ? 0 : (int)(wait / 1000000));

	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;
		if (c->busy && (events[i].events & EPOLLOUT))
			write_more(c);
		else
			read_more(c);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double at(double share)
{
	return answered ? latency[(long)(share * (double)(answered - 1))] / 1000.0 : 0;
}

static long long run(double rate)
{
	long long begun = clock_wall(), last = begun;

	while (answered + broken < count) {
		long long now = clock_wall(), due = rate > 0 ? begun + (long long)((double)asked / rate * 1e9) : now;
		struct connection *c;
		while (asked < count && due <= now && (c = idle())) {
			ask(c, due);
			last = now;
			due = rate > 0 ? begun + (long long)((double)asked / rate * 1e9) : now;
		}
		if (asked == count && now - last > GRACE_NS)
			break;
		turn(asked < count && rate > 0 && idle() ? due : now + 100000000);
	}
	return clock_wall() - begun;
}

int main(int argc, char **argv)
{
	double rate = argc > 2 ? atof(argv[2]) : 0;

	count = argc > 3 ? atol(argv[3]) : 0;
	connection_count = argc > 4 ? atoi(argv[4]) : 0;
	if (argc < 7 || argc % 2 == 0 || argc > 5 + 2 * KINDS_MAX || count <= 0 || connection_count <= 0 ||
		connection_count > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: asker SOCKET RATE COUNT CONNECTIONS (allow|deny FILE)...\n");
		return 2;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	for (int i = 5; i < argc; i += 2)
		kind_read(argv[i], argv[i + 1]);
	size_t most = 0;
	for (int i = 0; i < kind_count; i++)
		most = kinds[i].size > most ? kinds[i].size : most;
	latency = calloc((size_t)count, sizeof(*latency));
	loop = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < connection_count; i++) {
		connections[i].text = malloc(most);
		if (!connections[i].text || !latency)
			die("memory");
		open_connection(&connections[i]);
	}
	double seconds = (double)run(rate) / 1e9;
	qsort(latency, (size_t)answered, sizeof(*latency), by_size);
	printf("{\"asked\":%ld,\"answered\":%ld,\"wrong\":%ld,\"broken\":%ld,\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"most_ms\":%.3f}\n", asked, answered, wrong, broken, seconds,
		(double)answered / seconds, at(0.5), at(0.99), at(1));
	return wrong || answered != count;
}
