/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Honest programs that a careless detector takes for miners. What it is depends on the name it is
 * called by: `ffmpeg` keeps a core busy, `rpc-client ADDRESS PORT` speaks JSON-RPC that is no
 * stratum, `load ADDRESS PORT N` asks a web server N times. Each ends by itself within seconds.
 */
#include "net.h"

#define BUSY_MS 2000

static volatile uint64_t sink;

static int encode(int argc, char **argv)
{
	uint64_t until = now_ms() + BUSY_MS;

	while (now_ms() < until)
		for (uint64_t i = 0; i < 1000000; i++)
			sink += i ^ (i << 7);
	return 0;
}

static int rpc(int argc, char **argv)
{
	static const char *const calls[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\",\"params\":[]}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"user.login\",\"params\":{\"login\":"
		"\"alice\",\"pass\":\"x\"}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"textDocument/"
		"didOpen\",\"params\":{\"text\":\"how mining works\"}}\n",
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char answer[256];
		int fd = connect_to(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
		if (fd < 0 || send_all(fd, calls[i], strlen(calls[i])) < 0 ||
			read(fd, answer, sizeof(answer)) <= 0)
			return 1;
		close(fd);
	}
	return 0;
}

static int load(int argc, char **argv)
{
	static const char request[] = "GET /index.html HTTP/1.0\r\n\r\n";
	unsigned long wanted = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	uint64_t until = now_ms() + 10000;
	unsigned long done = 0;

	while (done < wanted && now_ms() < until) {
		char answer[4096];
		int fd = connect_to(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
		if (fd >= 0 && send_all(fd, request, sizeof(request) - 1) == 0 &&
			read(fd, answer, sizeof(answer)) > 0)
			done++;
		else
			usleep(1000); /* the server may still be starting; bounded by `until` */
		if (fd >= 0)
			close(fd);
	}
	return done == wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int min_args;
		int (*run)(int argc, char **argv);
	} roles[] = {{"ffmpeg", 1, encode}, {"rpc-client", 3, rpc}, {"load", 3, load}};
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(name, roles[i].name) == 0 && argc >= roles[i].min_args)
			return roles[i].run(argc, argv);
	return 2;
}
