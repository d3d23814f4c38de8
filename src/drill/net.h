/* SPDX-License-Identifier: Apache-2.0 */
/* What the cast shares: a connection, sending all, a clock. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A TCP connection to "A.B.C.D" or -1. */
static inline int connect_to(const char *address, unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int send_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t w = send(fd, text, n, MSG_NOSIGNAL);
		if (w <= 0)
			return -1;
		text += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Splits "A.B.C.D:PORT" (after an optional "scheme://"); the address is cut in place. */
static inline unsigned split_address(char *text, char **ret_address)
{
	char *start = strstr(text, "://");

	start = start ? start + 3 : text;
	char *colon = strrchr(start, ':');
	if (!colon)
		return 0;
	*colon = 0;
	*ret_address = start;
	return (unsigned)strtoul(colon + 1, NULL, 10);
}
