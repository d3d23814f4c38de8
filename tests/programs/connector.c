/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connect storm: N connections to a listener of its own on the loopback, each accepted and
 * reset at once (so that no port waits), and prints the nanoseconds that it took.
 * Usage: connector N
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

static int once(int listener, const struct sockaddr_in *to)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int other, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return -1;
	other = accept(listener, NULL, NULL);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return other < 0 ? -1 : close(other);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(to);
	int n = argc == 2 ? atoi(argv[1]) : 0, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long long wall, core;

	if (n <= 0) {
		fprintf(stderr, "usage: connector N\n");
		return 2;
	}
	if (bind(listener, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&to, &size) < 0) {
		perror("connector");
		return 1;
	}
	wall = clock_wall();
	core = clock_core();
	for (int i = 0; i < n; i++) {
		if (once(listener, &to) < 0) {
			perror("connector");
			return 1;
		}
	}
	clock_print(wall, core);
	return 0;
}
