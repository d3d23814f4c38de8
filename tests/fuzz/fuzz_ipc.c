/* SPDX-License-Identifier: Apache-2.0 */
/* The frame parser of a listening side: the input is what an arbitrary peer writes. */
#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "ipc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_message(void *ctx, struct ipc_peer *peer, enum ipc_type type, uint64_t seq, void *body, int fd)
{
	const struct ipc_message *m = ipc_message(type);

	(void)ctx, (void)peer, (void)seq;
	assert(m && (m->senders & IPC_GATE));
	CLEANUP(buf_done) struct buf json = BUF_INIT(64u << 20);
	record_to_json(m->body, body, &json);
	fd_close(fd);
	return 0;
}

static void on_closed(void *ctx, struct ipc_peer *peer, int why)
{
	(void)peer, (void)why;
	*(bool *)ctx = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(fd_close) int ours = -1;
	struct ipc_peer *peer;
	bool closed = false;
	int pair[2];

	if (loop_new(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	ours = pair[0];
	fd_set_nonblock(ours);
	struct ipc_config config = {.loop = loop, .role = IPC_DEFENDER, .accept_roles = IPC_GATE, .program = "fuzz",
		.peer_uid = (uid_t)-1, .on_message = on_message, .on_closed = on_closed, .ctx = &closed};
	if (ipc_peer_new(&peer, &config, pair[1]) < 0)
		return 0;
	while (size && !closed) {
		ssize_t n = send(ours, data, size, MSG_NOSIGNAL);
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		loop_run_once(loop, 0);
	}
	for (int i = 0; i < 4 && !closed; i++)
		loop_run_once(loop, 0);
	if (!closed)
		ipc_peer_free(peer);
	return 0;
}
