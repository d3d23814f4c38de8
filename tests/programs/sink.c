/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of talker: accepts on ADDRESS PORT, prints every byte that arrives and answers each
 * line with a line of JSON. One process, at most 64 connections at a time, ends after SECONDS.
 * Usage: sink ADDRESS PORT SECONDS
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64

static const char ANSWER[] = "{\"id\":1,\"result\":true,\"error\":null}\n";

static int listen_on(const char *address, int port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, r, fd = socket(strchr(address, ':') ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (strchr(address, ':'))
		r = inet_pton(AF_INET6, address, &six.sin6_addr) == 1 ? bind(fd, (struct sockaddr *)&six, sizeof(six)) : -1;
	else
		r = inet_pton(AF_INET, address, &four.sin_addr) == 1 ? bind(fd, (struct sockaddr *)&four, sizeof(four)) : -1;
	if (r < 0 || listen(fd, CONNECTIONS) < 0) {
		perror("sink");
		exit(1);
	}
	return fd;
}

static void serve(struct pollfd *p)
{
	char bytes[4096];
	ssize_t n = read(p->fd, bytes, sizeof(bytes));

	if (n <= 0) {
		close(p->fd);
		p->fd = -1;
		return;
	}
	if (write(STDOUT_FILENO, bytes, (size_t)n) < 0 || (memchr(bytes, '\n', (size_t)n) &&
	    write(p->fd, ANSWER, sizeof(ANSWER) - 1) < 0))
		p->revents = POLLHUP;
}

int main(int argc, char **argv)
{
	struct pollfd p[CONNECTIONS + 1];
	time_t until;

	if (argc != 4) {
		fprintf(stderr, "usage: sink ADDRESS PORT SECONDS\n");
		return 2;
	}
	for (int i = 1; i <= CONNECTIONS; i++)
		p[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	p[0] = (struct pollfd){.fd = listen_on(argv[1], atoi(argv[2])), .events = POLLIN};
	until = time(NULL) + atoi(argv[3]);
	dprintf(STDOUT_FILENO, "listening\n");
	while (time(NULL) < until) {
		if (poll(p, CONNECTIONS + 1, 200) <= 0)
			continue;
		for (int i = 1; i <= CONNECTIONS; i++) {
			if (p[i].fd >= 0 && p[i].revents) {
				serve(&p[i]);
			} else if (p[i].fd < 0 && p[0].revents) {
				p[i].fd = accept(p[0].fd, NULL, NULL);
				p[i].revents = 0;
				p[0].revents = 0;
			}
		}
	}
	return 0;
}
