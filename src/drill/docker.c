/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for the docker client in the worm's image, as much of it as the worm uses:
 *   docker -H tcp://A.B.C.D:PORT run [-d] [--restart P] [-e N=V] IMAGE
 *   docker -H … ps [-q] [-f ancestor=IMAGE]
 *   docker -H … stop ID…
 * It speaks to nobody but the address it is given, and the drill's scripts only know documentation
 * addresses.
 */
#include "net.h"

#include <sys/un.h>

#define ANSWER_MAX (1 << 20)

static char host[256];
static char answer[ANSWER_MAX];

static int open_host(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char copy[256], *address;

	if (strncmp(host, "unix://", 7) != 0) {
		snprintf(copy, sizeof(copy), "%s", host);
		unsigned port = split_address(copy, &address);
		return port ? connect_to(address, port) : -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%.107s", host + 7);
	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

/* One request over HTTP/1.0; the body of the answer, or NULL with the refusal on stderr. */
static const char *ask(const char *method, const char *path, const char *body)
{
	static char request[8192];
	size_t n = 0;
	ssize_t got;
	int fd = open_host();

	if (fd < 0) {
		fprintf(stderr, "cannot connect to %s: %s\n", host, strerror(errno));
		return NULL;
	}
	int len = snprintf(request, sizeof(request),
		"%s %s HTTP/1.0\r\nHost: docker\r\nContent-Type: "
		"application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, strlen(body), body);
	if (send_all(fd, request, (size_t)len) < 0)
		return NULL;
	while (n < ANSWER_MAX - 1 && (got = read(fd, answer + n, ANSWER_MAX - 1 - n)) > 0)
		n += (size_t)got;
	answer[n] = 0;
	close(fd);
	char *content = strstr(answer, "\r\n\r\n");
	if (!content)
		return NULL;
	if (n < 12 || answer[9] != '2') {
		fprintf(stderr, "%s\n", content + 4);
		return NULL;
	}
	return content + 4;
}

/* The value after the next "Id":" of *text, which is moved on; NULL at the end. */
static const char *next_id(const char **text)
{
	static char id[65];
	const char *at = strstr(*text, "\"Id\":\"");

	if (!at)
		return NULL;
	at += 6;
	snprintf(id, sizeof(id), "%.64s", at);
	*text = at + 64;
	return strlen(id) == 64 ? id : NULL;
}

static int run(int argc, char **argv)
{
	const char *restart = "no", *env = NULL, *image = NULL;
	char body[1024], path[256];

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--restart") == 0 && i + 1 < argc)
			restart = argv[++i];
		else if (strcmp(argv[i], "-e") == 0 && i + 1 < argc)
			env = argv[++i];
		else if (argv[i][0] != '-')
			image = argv[i];
	}
	if (!image)
		return 125;
	snprintf(body, sizeof(body),
		"{\"Image\":\"%s\",\"Env\":[%s%s%s],\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"%"
		"s\"}}}",
		image, env ? "\"" : "", env ? env : "", env ? "\"" : "", restart);
	const char *created = ask("POST", "/containers/create", body);
	const char *id = created ? next_id(&created) : NULL;
	if (!id)
		return 125;
	snprintf(path, sizeof(path), "/containers/%s/start", id);
	if (!ask("POST", path, ""))
		return 125;
	puts(id);
	return 0;
}

static int ps(int argc, char **argv)
{
	char path[512] = "/containers/json";

	for (int i = 0; i + 1 < argc; i++)
		if (strcmp(argv[i], "-f") == 0 && strncmp(argv[i + 1], "ancestor=", 9) == 0)
			snprintf(path, sizeof(path),
				"/containers/"
				"json?filters=%%7B%%22ancestor%%22%%3A%%5B%%22%s%%22%%5D%%7D",
				argv[i + 1] + 9);
	const char *list = ask("GET", path, "");
	if (!list)
		return 1;
	for (const char *id; (id = next_id(&list));)
		puts(id);
	return 0;
}

static int stop(int argc, char **argv)
{
	char path[256];
	int code = 0;

	for (int i = 0; i < argc; i++) {
		snprintf(path, sizeof(path), "/containers/%.64s/stop?t=0", argv[i]);
		code |= !ask("POST", path, "");
	}
	return code;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"run", run}, {"ps", ps}, {"stop", stop}};

	if (argc < 4 || strcmp(argv[1], "-H") != 0)
		return 125;
	snprintf(host, sizeof(host), "%s", argv[2]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[3], verbs[i].name) == 0)
			return verbs[i].run(argc - 4, argv + 4);
	return 125;
}
