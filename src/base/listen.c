/* SPDX-License-Identifier: Apache-2.0 */
/* Listening TCP sockets: see listen.h. */
#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/fd.h"

/* "host:port" or "[host]:port" into two strings. */
static int split(const char *address, char *host, size_t host_size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!colon || !colon[1] || n == 0)
		return -EINVAL;
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	} else if (memchr(address, ':', n)) {
		return -EINVAL;
	}
	if (n >= host_size)
		return -EINVAL;
	memcpy(host, address, n);
	host[n] = 0;
	*ret_port = colon + 1;
	return 0;
}

int tcp_listen(const char *address, struct diag *reterr)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	const char *port;
	char host[128];
	int one = 1;

	if (split(address, host, sizeof(host), &port) < 0 || getaddrinfo(host, port, &hints, &info) != 0)
		return diag_set(reterr, -EINVAL, 0, 0, "ADDRESS:PORT such as 127.0.0.1:8083 or [::1]:8083",
			"cannot listen on '%s'", address);
	CLEANUP(fd_close) int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
		bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, 512) < 0)
		r = -errno;
	freeaddrinfo(info);
	if (r < 0)
		return diag_set(reterr, r, 0, 0, r == -EADDRINUSE ? "a free port: another is given by --listen" : NULL,
			"cannot listen on '%s': %s", address, strerror(-r));
	return take_fd(fd);
}
