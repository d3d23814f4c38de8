/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the Defender for test_console.py: a line of JSON on stdin is one message to the Console,
 * {"send": "audit", "seq": 7, "body": {...}}; each message of the Console is one line on stdout.
 * Ends with stdin. usage: play_defender SOCKET
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ipc/ipc.h"

static const struct {
	enum ipc_type type;
	const char *name;
} names[] = {
	{IPC_STATUS, "status"}, {IPC_CONTAINER, "container"}, {IPC_EDGE, "edge"}, {IPC_AUDIT, "audit"},
	{IPC_AUDIT_ACK, "audit_ack"}, {IPC_POLICY, "policy"}, {IPC_QUERY_EVENTS, "query_events"}, {IPC_EVENTS, "events"},
	{IPC_QUERY_PROCESSES, "query_processes"}, {IPC_PROCESSES, "processes"}, {IPC_FINDING, "finding"},
};

struct play {
	struct loop *loop;
	struct ipc_client *client;
	struct buf in;
};

static void say(const char *type, uint64_t seq, const struct record_desc *d, const void *body)
{
	struct buf b = BUF_INIT(32u << 20);

	buf_printf(&b, "{\"type\":\"%s\",\"seq\":%llu,\"body\":", type, (unsigned long long)seq);
	if (d)
		record_to_json(d, body, &b);
	else
		buf_puts(&b, "null");
	buf_puts(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
	fflush(stdout);
	buf_done(&b);
}

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	(void)ctx;
	(void)peer;
	fd_close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			say(names[i].name, seq, ipc_message(type)->body, body);
	return 0;
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	(void)ctx;
	(void)peer;
	(void)why;
	say("closed", 0, NULL, NULL);
}

static void on_connect(void *ctx, struct ipc_peer *peer)
{
	(void)ctx;
	(void)peer;
	say("connected", 0, NULL, NULL);
}

static int send_line(struct play *p, const char *line, size_t size)
{
	CLEANUP(json_free) struct json *j = NULL;
	struct diag d = {0};
	uint64_t body[512] = {0}; /* aligned room for any of the records */
	int r = json_parse(&j, line, size, &d);

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		const struct record_desc *desc = ipc_message(names[i].type)->body;
		if (strcmp(names[i].name, json_get_str(j, "send", "")) != 0)
			continue;
		r = desc->size <= sizeof(body) ? record_from_json(desc, body, json_get(j, "body"), &d) : -E2BIG;
		if (r == 0)
			r = ipc_client_peer(p->client) ? ipc_send(ipc_client_peer(p->client), names[i].type,
				(uint64_t)json_get_int(j, "seq", 0), body) : -ENOTCONN;
		record_done(desc, body);
		return r == 0 ? 0 : log_err(r, "%s: %s", names[i].name, d.message);
	}
	return log_err(r ? r : -EINVAL, "not a message: %s", line);
}

static int on_stdin(void *ctx, int fd, uint32_t events)
{
	struct play *p = ctx;
	uint8_t *to = buf_room(&p->in, 65536);
	ssize_t n = to ? read(fd, to, 65536) : -1;

	(void)events;
	if (n <= 0) {
		loop_quit(p->loop);
		return 0;
	}
	p->in.len += (size_t)n;
	for (uint8_t *end; p->in.len && (end = memchr(p->in.data, '\n', p->in.len));) {
		size_t size = (size_t)(end - p->in.data);
		*end = 0;
		if (send_line(p, (char *)p->in.data, size) < 0)
			return -EINVAL;
		buf_consume(&p->in, size + 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct play p = {.in = BUF_INIT(64u << 20)};

	log_open("play_defender");
	if (argc != 2)
		return 2;
	int r = loop_new(&p.loop);
	const struct ipc_config config = {.loop = p.loop, .role = IPC_DEFENDER, .accept_roles = IPC_CONSOLE,
		.program = "play_defender", .peer_uid = (uid_t)-1, .on_message = on_message, .on_closed = on_closed, .ctx = &p};
	if (r == 0)
		r = ipc_client_new(&p.client, &config, argv[1], on_connect);
	if (r == 0)
		r = loop_add_fd(p.loop, NULL, 0, EPOLLIN, on_stdin, &p);
	if (r == 0)
		r = loop_run(p.loop);
	ipc_client_free(p.client);
	loop_free(p.loop);
	buf_done(&p.in);
	return r < 0 ? 1 : 0;
}
