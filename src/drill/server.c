/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The servers of the drill: `server http FOLDER A.B.C.D:PORT…` gives the files of one folder (and
 * logs what it is asked to `log` in it), `server sink FILE A.B.C.D:PORT…` writes the first line
 * that each client says to a file and answers as a pool would. Ends after ten minutes by itself.
 */
#include "net.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define PORTS_MAX 8
#define LIFE_MS 600000
#define CLIENT_MS 2000

static const char *place; /* folder or file */

static int listen_at(char *text)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	char *address;

	unsigned port = split_address(text, &address);
	at.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!port || inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
		bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0) {
		perror(text);
		exit(1);
	}
	return fd;
}

static void log_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	dprintf(fd, "%.*s\n", (int)strcspn(text, "\r\n"), text);
	close(fd);
}

/* What the client says first, or "" when it says nothing in time. */
static void hear(int fd, char *out, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = poll(&p, 1, CLIENT_MS) == 1 ? read(fd, out, size - 1) : 0;

	out[n > 0 ? n : 0] = 0;
}

static void serve_file(int fd, const char *request)
{
	static const char missing[] = "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	char name[64] = "", path[512], head[128], body[65536];

	snprintf(path, sizeof(path), "%s/log", place);
	log_line(path, request);
	if (strncmp(request, "POST ", 5) == 0) {
		static const char done[] = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
		send_all(fd, done, sizeof(done) - 1);
		return;
	}
	/* One folder, no way out of it: a name has no slash. */
	int file = -1;
	if (sscanf(request, "GET /%63[A-Za-z0-9._-] ", name) == 1 && name[0] != '.') {
		snprintf(path, sizeof(path), "%s/%s", place, name);
		file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	ssize_t n = file >= 0 ? read(file, body, sizeof(body)) : -1;
	if (file >= 0)
		close(file);
	if (n < 0) {
		send_all(fd, missing, sizeof(missing) - 1);
		return;
	}
	int len = snprintf(head, sizeof(head), "HTTP/1.0 200 OK\r\nContent-Length: %zd\r\n\r\n", n);
	if (send_all(fd, head, (size_t)len) == 0)
		send_all(fd, body, (size_t)n);
}

static void sink(int fd, const char *line)
{
	static const char ok[] =
		"{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"status\":\"OK\"},\"error\":null}\n";

	/* A connection that says nothing is still written down: it got through. */
	log_line(place, *line ? line : "(connected, said nothing)");
	send_all(fd, ok, sizeof(ok) - 1);
}

int main(int argc, char **argv)
{
	struct pollfd ports[PORTS_MAX];
	int n = 0;
	uint64_t until = now_ms() + LIFE_MS;

	if (argc < 4)
		return 2;
	int http = strcmp(argv[1], "http") == 0;
	place = argv[2];
	for (int i = 3; i < argc && n < PORTS_MAX; i++)
		ports[n++] = (struct pollfd){.fd = listen_at(argv[i]), .events = POLLIN};
	puts("listening");
	fflush(stdout);
	while (now_ms() < until) {
		if (poll(ports, (nfds_t)n, 1000) <= 0)
			continue;
		for (int i = 0; i < n; i++) {
			int fd = ports[i].revents & POLLIN
					 ? accept4(ports[i].fd, NULL, NULL, SOCK_CLOEXEC)
					 : -1;
			char text[8192];
			if (fd < 0)
				continue;
			hear(fd, text, sizeof(text));
			if (http)
				serve_file(fd, text);
			else
				sink(fd, text);
			close(fd);
		}
	}
	return 0;
}
