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

struct kept {
	uint64_t seq;
	uint8_t *data;
	uint32_t size;
};

struct report {
	struct kept ring[REPORT_KEPT_MAX];
	uint32_t first, count;
	size_t bytes;
	uint64_t next_seq;
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

static int keep(struct report *r, const struct buf *b, struct kept *ret)
{
	while (r->count && (r->count == REPORT_KEPT_MAX || r->bytes + b->len > REPORT_BYTES_MAX)) {
		if (!r->lost++)
			r->lost_since = time_now();
		drop_first(r);
	}
	*ret = (struct kept){.seq = r->next_seq++, .size = (uint32_t)b->len, .data = malloc(b->len)};
	if (!ret->data)
		return -ENOMEM;
	memcpy(ret->data, b->data, b->len);
	*at(r, r->count++) = *ret;
	r->bytes += ret->size;
	return 0;
}

/* The audit is whole or not there: what does not fit loses its longest parts first. */
static int encode(const struct audit *a, struct buf *b)
{
	struct audit less = *a; /* borrowed */

	record_encode(&audit_desc, a, b);
	if (!b->failed && b->len <= AUDIT_MAX)
		return 0;
	less.command.parameters = (struct str_list){0};
	less.command.groups = (struct str_list){0};
	less.process = (struct process){0};
	buf_reset(b);
	b->failed = 0;
	record_encode(&audit_desc, &less, b);
	return b->failed ? b->failed : b->len > AUDIT_MAX ? -E2BIG : 0;
}

void report_audit(struct report *r, struct ipc_peer *peer, struct audit *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);
	struct kept k;
	char id[ID_SIZE];

	a->time = a->time ? a->time : time_now();
	a->first = a->first ? a->first : a->time;
	a->last = a->last ? a->last : a->time;
	a->count = a->count ? a->count : 1;
	if (!a->id) {
		id_make(a->time, id);
		a->id = id;
	}
	int e = encode(a, &b);
	if (a->id == id)
		a->id = NULL;
	if (e == 0)
		e = keep(r, &b, &k);
	if (e < 0) {
		r->lost++;
		log_warn(e, "an audit cannot be kept");
		return;
	}
	if (peer && send(peer, &k) == 0)
		ipc_flush(peer);
}

static void tell_lost(struct report *r, struct ipc_peer *peer)
{
	char message[160];
	struct audit a = {.kind = AUDIT_SYSTEM, .effect = EFFECT_ALERT, .done = DONE_ALERT,
		.severity = SEVERITY_HIGH, .message = message, .first = r->lost_since};

	if (r->lost == r->lost_told)
		return;
	snprintf(message, sizeof(message),
		"%" PRIu64 " records of commands and refusals were lost: the Defender was away for too long",
		r->lost - r->lost_told);
	r->lost_told = r->lost;
	report_audit(r, peer, &a);
}

void report_again(struct report *r, struct ipc_peer *peer)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (send(peer, at(r, i)) < 0)
			break; /* they stay kept; the next connection brings them */
	tell_lost(r, peer);
}

void report_ack(struct report *r, uint64_t seq)
{
	while (r->count && at(r, 0)->seq <= seq)
		drop_first(r);
}

uint32_t report_waiting(const struct report *r)
{
	return r->count;
}

uint64_t report_lost(const struct report *r)
{
	return r->lost;
}
