/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake miner, and every client that must not be taken for one. It is told by its environment,
 * so that its arguments stay free for what the test puts on the command line:
 *   TALK_TO=ADDRESS,PORT  where to connect (IPv4 or IPv6), or /PATH of a local socket; without it nothing is connected
 *   TALK_TEXT=...         what to say; default: the first line of a stratum client
 *   TALK_SPLIT=1          one write for each byte
 *   TALK_SECONDS=N        how long to stay, at most 600; default 20
 *   TALK_BUSY=1           stays busy in place of waiting
 * It prints one word a line for what it has done: alive, connected, said, heard, refused, closed.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char STRATUM[] =
	"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"mining.subscribe\",\"params\":[\"talker/1.0\"]}\n";

static void tell(const char *word)
{
	dprintf(STDOUT_FILENO, "%s\n", word);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connect_local(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const char *where)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	char address[64];
	const char *comma = strrchr(where, ',');
	int fd, one = 1, r;

	if (where[0] == '/')
		return connect_local(where);
	if (!comma || (size_t)(comma - where) >= sizeof(address))
		return -1;
	memcpy(address, where, (size_t)(comma - where));
	address[comma - where] = 0;
	if (strchr(address, ':')) {
		six.sin6_port = htons((uint16_t)atoi(comma + 1));
		if (inet_pton(AF_INET6, address, &six.sin6_addr) != 1)
			return -1;
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = connect(fd, (struct sockaddr *)&six, sizeof(six));
	} else {
		four.sin_port = htons((uint16_t)atoi(comma + 1));
		if (inet_pton(AF_INET, address, &four.sin_addr) != 1)
			return -1;
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = connect(fd, (struct sockaddr *)&four, sizeof(four));
	}
	if (r < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int say(int fd, const char *text, int split)
{
	size_t size = strlen(text), step = split ? 1 : size;

	for (size_t i = 0; i < size; i += step)
		if (write(fd, text + i, step) < 0)
			return -1;
	return 0;
}

/* Until the other side has closed or the time is over; heard is told once. */
static void stay(int fd, double until, int busy)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[512];
	int heard = 0;
	volatile unsigned long work = 0;

	while (now() < until) {
		for (int i = 0; busy && i < 1000000; i++)
			work += (unsigned long)i;
		if (poll(&p, 1, busy ? 0 : 100) <= 0)
			continue;
		if (read(fd, bytes, sizeof(bytes)) <= 0) {
			tell("closed");
			p.fd = -1;
		} else if (!heard++) {
			tell("heard");
		}
	}
}

int main(void)
{
	const char *to = getenv("TALK_TO"), *text = getenv("TALK_TEXT"), *seconds = getenv("TALK_SECONDS");
	int limit = seconds ? atoi(seconds) : 20, fd = -1;
	double until = now() + (limit < 600 ? limit : 600);

	tell("alive");
	if (to) {
		fd = connect_to(to);
		tell(fd < 0 ? "refused" : "connected");
		if (fd >= 0 && !say(fd, text ? text : STRATUM, getenv("TALK_SPLIT") != NULL))
			tell("said");
	}
	stay(fd, until, getenv("TALK_BUSY") != NULL);
	return 0;
}
