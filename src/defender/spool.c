/* SPDX-License-Identifier: Apache-2.0 */
/* The audits that are not yet the Console's: see spool.h. */
#include "defender/spool.h"

#include <errno.h>

#include "defender/fold.h"
#include "journal/journal.h"

#define SEGMENT_BYTES (1u << 20)
#define QUEUED_MAX (1u << 20) /* bytes waiting in the connection before we wait too */

struct spool {
	struct journal *journal;
	uint64_t acked, sent, lost;
	uint8_t encoded[2 * FOLD_AUDIT_MAX];
};

int spool_open(struct spool **ret, const char *dir, uint64_t max_bytes)
{
	CLEANUP(spool_close) struct spool *s = calloc(1, sizeof(*s));
	struct journal_config c = {.dir = dir, .max_bytes = max_bytes, .keep_oldest = true,
		.segment_bytes = max_bytes / 8 < SEGMENT_BYTES ? max_bytes / 8 : SEGMENT_BYTES};

	if (!s)
		return -ENOMEM;
	int r = journal_open(&s->journal, &c);
	if (r < 0)
		return r;
	uint64_t first = journal_first(s->journal);
	s->acked = s->sent = first ? first - 1 : journal_last(s->journal);
	*ret = take_ptr(s);
	return 0;
}

struct spool *spool_close(struct spool *s)
{
	if (s)
		journal_close(s->journal);
	free(s);
	return NULL;
}

int spool_put(struct spool *s, const struct audit *a)
{
	struct buf out = BUF_FIXED(s->encoded, sizeof(s->encoded));

	record_encode(&audit_desc, a, &out);
	int r = out.failed ? out.failed : journal_append(s->journal, a->last, out.data, (uint32_t)out.len, NULL);
	if (r == 0)
		r = journal_flush(s->journal);
	if (r < 0)
		s->lost++;
	return r;
}

struct pump {
	struct spool *s;
	struct ipc_peer *peer;
};

static int send_one(void *ctx, uint64_t seq, uint64_t wall, const void *data, uint32_t size)
{
	struct pump *p = ctx;
	struct audit a = {0};

	(void)wall;
	if (ipc_queued(p->peer) > QUEUED_MAX)
		return 1;
	int r = record_decode(&audit_desc, &a, data, size);
	if (r == 0)
		r = ipc_send(p->peer, IPC_AUDIT, seq, &a);
	record_done(&audit_desc, &a);
	if (r == -ENOBUFS || r == -ENOMEM || r == -EPIPE)
		return 1; /* again at the next turn */
	p->s->sent = seq;
	return 0;
}

void spool_pump(struct spool *s, struct ipc_peer *peer)
{
	struct pump p = {.s = s, .peer = peer};

	if (peer && s->sent < journal_last(s->journal))
		journal_read(s->journal, s->sent, 0, send_one, &p);
}

bool spool_pass(struct spool *s, struct ipc_peer *peer, const struct audit *a)
{
	uint64_t last = journal_last(s->journal);

	if (!peer || s->sent + 1 != last || ipc_queued(peer) > QUEUED_MAX || ipc_send(peer, IPC_AUDIT, last, a) < 0)
		return false;
	s->sent = last;
	return true;
}

void spool_restart(struct spool *s)
{
	s->sent = s->acked;
}

int spool_ack(struct spool *s, uint64_t seq)
{
	if (seq > journal_last(s->journal))
		return -EPROTO;
	if (seq <= s->acked)
		return 0;
	s->acked = seq;
	if (s->sent < seq)
		s->sent = seq;
	return journal_drop_until(s->journal, seq);
}

uint64_t spool_waiting(const struct spool *s)
{
	return journal_last(s->journal) - s->acked;
}

uint64_t spool_lost(const struct spool *s)
{
	return s->lost;
}
