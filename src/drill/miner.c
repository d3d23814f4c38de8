/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for a miner: says the first lines of stratum to the drill's own sink and keeps one
 * core busy, for a bounded time. It mines nothing. The pool is taken from `-o`, or from POOL in the
 * environment, so that it can be run without any telling argument; MINER_MS bounds it (20 s).
 */
#include "net.h"

static const char login[] =
	"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"WALLET\","
	"\"pass\":\"x\",\"agent\":\"drill/1.0\",\"algo\":[\"cn/0\"]}}\n";
static const char subscribe[] =
	"{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[\"drill/1.0\"]}\n";

static volatile uint64_t sink;

static void busy(uint64_t until)
{
	while (now_ms() < until)
		for (uint64_t i = 0; i < 1000000; i++)
			sink += i * 2654435761u;
}

int main(int argc, char **argv)
{
	const char *pool = getenv("POOL"), *limit = getenv("MINER_MS");
	uint64_t until = now_ms() + (limit ? strtoull(limit, NULL, 10) : 20000);
	char *address = NULL, text[128] = "";

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-o") == 0)
			pool = argv[i + 1];
	puts("mining"); /* the first sign of life: never seen where it is stopped in time */
	fflush(stdout);
	if (pool)
		snprintf(text, sizeof(text), "%s", pool);
	unsigned port = split_address(text, &address);
	int fd = port ? connect_to(address, port) : -1;
	if (fd >= 0) {
		send_all(fd, login, sizeof(login) - 1);
		send_all(fd, subscribe, sizeof(subscribe) - 1);
	}
	busy(until);
	return 0;
}
