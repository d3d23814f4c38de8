/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of encoded audits: see report.h. */
#include "gate/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#define AUDIT_MAX (15u << 10) /* what the Defender can fold */
#define QUEUE_HIGH (1u << 20) /* bytes in the connection, beyond which they wait here */

struct kept {
	uint64_t seq;
	uint8_t *data;
	uint32_t size;
};

struct report {
	struct kept ring[REPORT_KEPT_MAX];
	uint32_t first, count;
	uint32_t sent; /* of them, from the first on: under way to the Defender that is there now */
	size_t bytes;
	uint64_t next_seq;
	/* Those that made room while under way: lost only if this connection ends before their ack. */
	uint64_t unsure, unsure_last; /* how many; the seq of the last */
	uint64_t acked;
	uint64_t lost, lost_told;
	uint64_t lost_since; /* wall */
};

int report_new(struct report **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->next_seq = 1;
	return 0;
}

static struct kept *at(struct report *r, uint32_t i)
{
	return &r->ring[(r->first + i) % REPORT_KEPT_MAX];
}

static void drop_first(struct report *r)
{
	struct kept *k = at(r, 0);

	r->bytes -= k->size;
	free(k->data);
	*k = (struct kept){0};
	r->first = (r->first + 1) % REPORT_KEPT_MAX;
	r->count--;
}

struct report *report_free(struct report *r)
{
	if (!r)
		return NULL;
	while (r->count)
		drop_first(r);
	free(r);
	return NULL;
}

static int send(struct ipc_peer *peer, const struct kept *k)
{
	struct audit a = {0};
	int r = record_decode(&audit_desc, &a, k->data, k->size);

	if (r == 0)
		r = ipc_send(peer, IPC_GATE_AUDIT, k->seq, &a);
	record_done(&audit_desc, &a);
	return r;
}

static void count_lost(struct report *r, uint64_t n)
{
	if (n && r->lost == r->lost_told)
		r->lost_since = time_now();
	r->lost += n;
}

static void make_room(struct report *r, size_t size)
{
	while (r->count && (r->count == REPORT_KEPT_MAX || r->bytes + size > REPORT_BYTES_MAX)) {
		if (r->sent) {
			r->sent--;
			r->unsure++;
			r->unsure_last = at(r, 0)->seq;
		} else {
			count_lost(r, 1);
		}
		drop_first(r);
	}
}

static int keep(struct report *r, const struct buf *b)
{
	struct kept k = {.size = (uint32_t)b->len, .data = malloc(b->len)};

	if (!k.data)
		return -ENOMEM;
	make_room(r, b->len);
	memcpy(k.data, b->data, b->len);
	k.seq = r->next_seq++;
	*at(r, r->count++) = k;
	r->bytes += k.size;
	return 0;
}

/* The audit is whole or not there: what does not fit loses its longest parts first. `a` is what was encoded
 * then; it borrows. */
static int encode(struct audit *a, struct buf *b)
{
	record_encode(&audit_desc, a, b);
	if (!b->failed && b->len <= AUDIT_MAX)
		return 0;
	a->command.parameters = (struct str_list){0};
	a->command.groups = (struct str_list){0};
	a->process = (struct process){0};
	buf_reset(b);
	b->failed = 0;
	record_encode(&audit_desc, a, b);
	return b->failed ? b->failed : b->len > AUDIT_MAX ? -E2BIG : 0;
}

/* Whoever is full now has room when it acknowledges. */
static bool has_room(const struct ipc_peer *peer)
{
	return ipc_queued(peer) < QUEUE_HIGH;
}

static void pump(struct report *r, struct ipc_peer *peer)
{
	while (peer && r->sent < r->count && has_room(peer) && send(peer, at(r, r->sent)) == 0)
		r->sent++;
}

void report_audit(struct report *r, struct ipc_peer *peer, struct audit *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);
	char id[ID_SIZE];

	a->time = a->time ? a->time : time_now();
	a->first = a->first ? a->first : a->time;
	a->last = a->last ? a->last : a->time;
	a->count = a->count ? a->count : 1;
	struct audit now = *a; /* borrowed */
	if (!now.id) {
		id_make(now.time, id);
		now.id = id;
	}
	int e = encode(&now, &b);
	if (e == 0)
		e = keep(r, &b);
	if (e < 0) {
		count_lost(r, 1);
		log_warn(e, "an audit cannot be kept");
		return;
	}
	if (!peer)
		return;
	/* The usual case needs no decoding. */
	if (r->sent + 1 == r->count && has_room(peer) && ipc_send(peer, IPC_GATE_AUDIT, at(r, r->sent)->seq, &now) == 0)
		r->sent++;
	pump(r, peer);
	ipc_flush(peer);
}

static void tell_lost(struct report *r, struct ipc_peer *peer)
{
	char message[160];
	struct audit a = {.kind = AUDIT_SYSTEM, .effect = EFFECT_ALERT, .done = DONE_ALERT,
		.severity = SEVERITY_HIGH, .message = message, .first = r->lost_since};

	if (r->lost == r->lost_told || r->count >= REPORT_BUSY)
		return; /* as long as more may come to it */
	snprintf(message, sizeof(message),
		"%" PRIu64 " records of commands and refusals were lost: the Defender was away or busy for too long",
		r->lost - r->lost_told);
	r->lost_told = r->lost;
	report_audit(r, peer, &a);
}

void report_again(struct report *r, struct ipc_peer *peer)
{
	r->sent = 0;
	count_lost(r, r->unsure);
	r->unsure = 0;
	pump(r, peer); /* the rest when there is room, by the acknowledgements */
	tell_lost(r, peer);
}

void report_ack(struct report *r, struct ipc_peer *peer, uint64_t seq)
{
	if (seq >= r->next_seq || seq <= r->acked)
		return;
	uint64_t arrived = seq - r->acked;
	r->unsure -= seq >= r->unsure_last || arrived > r->unsure ? r->unsure : arrived;
	r->acked = seq;
	while (r->count && at(r, 0)->seq <= seq) {
		r->sent -= r->sent > 0;
		drop_first(r);
	}
	pump(r, peer);
	tell_lost(r, peer);
}

bool report_busy(const struct report *r)
{
	return r->count > REPORT_BUSY;
}

uint32_t report_waiting(const struct report *r)
{
	return r->count;
}

uint64_t report_lost(const struct report *r)
{
	return r->lost;
}
