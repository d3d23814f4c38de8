/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges and the kernel's aggregates behind them: see edges.h. The kernel counts for each process;
 * an edge adds up all processes of one program, so each aggregate's last figures are remembered and
 * only what they grew by is added.
 */
#include "defender/edges.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/parse.h"
#include "defender/defender.h"
#include "defender/event.h"

#define EDGES_MAX 16384u
#define PER_OWNER 256u
#define BUCKETS 16384u
#define AGGREGATES 32768u
#define PROCESS_SIZE 128
#define OTHERS "(others)"

struct edge_entry {
	uint32_t owner; /* 0 = free */
	uint32_t pid;
	uint32_t chain;
	bool dirty;
	uint8_t direction, proto, effect;
	uint8_t address[16];
	uint16_t port;
	char process[PROCESS_SIZE];
	uint64_t count, sent, received;
	uint64_t first, last;
};

/* What the kernel's aggregate last said. Found by hash alone: a lost one counts anew from its
 * present figures, which is why they are kept twice as many as edges. */
struct aggregate {
	uint64_t key, began;
	uint64_t count, sent, received;
};

struct edge_table {
	struct edge_entry *edges; /* [0] is never used */
	struct aggregate *aggregates;
	uint32_t buckets[BUCKETS];
	uint16_t per_owner[CONTAINERS_MAX];
	uint32_t top, free;
	uint64_t overflowed;
	bool dirty;
};

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int edges_new(struct edge_table **ret)
{
	CLEANUP(edges_free) struct edge_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->top = 1;
	t->edges = map(EDGES_MAX * sizeof(*t->edges));
	t->aggregates = map(AGGREGATES * sizeof(*t->aggregates));
	if (!t->edges || !t->aggregates)
		return -ENOMEM;
	*ret = take_ptr(t);
	return 0;
}

struct edge_table *edges_free(struct edge_table *t)
{
	if (!t)
		return NULL;
	if (t->edges)
		munmap(t->edges, EDGES_MAX * sizeof(*t->edges));
	if (t->aggregates)
		munmap(t->aggregates, AGGREGATES * sizeof(*t->aggregates));
	free(t);
	return NULL;
}

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 1099511628211ull;
	return h ^ h >> 31;
}

static uint64_t hash_edge(const struct edge_entry *e)
{
	uint64_t h = hash(14695981039346656037ull, &e->owner, sizeof(e->owner));

	h = hash(h, e->address, sizeof(e->address));
	h = hash(h, &e->port, sizeof(e->port));
	h = hash(h, &e->direction, 1);
	h = hash(h, &e->proto, 1);
	return hash(h, e->process, strlen(e->process));
}

static bool same_edge(const struct edge_entry *a, const struct edge_entry *b)
{
	return a->owner == b->owner && a->port == b->port && a->direction == b->direction && a->proto == b->proto &&
		memcmp(a->address, b->address, sizeof(a->address)) == 0 && strcmp(a->process, b->process) == 0;
}

static uint32_t take_slot(struct edge_table *t)
{
	uint32_t i = t->free;

	if (i)
		t->free = t->edges[i].chain;
	else if (t->top < EDGES_MAX)
		i = t->top++;
	return i;
}

/* The edge like `want`, made when missing; NULL when there is no room for one more. */
static struct edge_entry *find_or_make(struct edge_table *t, const struct edge_entry *want, uint32_t limit, bool *made)
{
	uint32_t *head = &t->buckets[hash_edge(want) % BUCKETS];

	*made = false;
	for (uint32_t i = *head; i; i = t->edges[i].chain)
		if (same_edge(&t->edges[i], want))
			return &t->edges[i];
	uint32_t i = t->per_owner[want->owner] < limit ? take_slot(t) : 0;
	if (!i)
		return NULL;
	t->edges[i] = *want;
	t->edges[i].chain = *head;
	*head = i;
	t->per_owner[want->owner]++;
	*made = true;
	return &t->edges[i];
}

static struct edge_entry *find_edge(struct edge_table *t, struct edge_entry *want, bool *made)
{
	struct edge_entry *e = find_or_make(t, want, PER_OWNER, made);

	if (e)
		return e;
	t->overflowed++;
	memset(want->address, 0, sizeof(want->address));
	want->port = 0;
	memcpy(want->process, OTHERS, sizeof(OTHERS));
	/* Room for the few (direction x proto) edges that stand for all others. */
	return find_or_make(t, want, PER_OWNER + DIRECTION_COUNT_ * PROTO_COUNT_, made);
}

/* By how much the aggregate behind a record grew. The kernel sends its first happening alone and
 * then, from time to time, the sum of all. */
static void take_growth(struct edge_table *t, const struct wire_net *n, struct edge_entry *add)
{
	const struct wire_verdict *v = &n->header.verdict;
	const uint64_t parts[] = {n->header.cgroup, n->process.pid, n->process.start,
		n->kind | n->proto << 8 | n->direction << 16 | v->effect << 24,
		v->detection | (uint64_t)n->remote_port << 16 | (uint64_t)n->local_port << 32};
	uint64_t key = hash(hash(14695981039346656037ull, parts, sizeof(parts)), n->remote, sizeof(n->remote));
	struct aggregate *a = &t->aggregates[key % AGGREGATES];

	if (a->key != key || a->began != n->first || a->count > n->count)
		*a = (struct aggregate){.key = key, .began = n->first};
	add->count = n->count - a->count;
	add->sent = n->bytes_sent > a->sent ? n->bytes_sent - a->sent : 0;
	add->received = n->bytes_received > a->received ? n->bytes_received - a->received : 0;
	a->count = n->count;
	a->sent = n->bytes_sent;
	a->received = n->bytes_received;
}

/* Establishing and closing belong to a connection that was counted already. */
static bool is_new_connection(const struct wire_net *n)
{
	return n->kind != WIRE_NET_ESTABLISHED && n->kind != WIRE_NET_CLOSE;
}

static void send_one(struct defender *d, struct ipc_peer *peer, struct edge_entry *e)
{
	const struct container_entry *c = container_table_by_number(d->containers, e->owner);
	bool others = strcmp(e->process, OTHERS) == 0;
	char address[48];
	struct edge out = {.pid = e->pid, .process = e->process[0] ? e->process : NULL,
		.direction = (enum direction)e->direction, .proto = (enum proto)e->proto, .port = e->port,
		.count = e->count, .bytes_sent = e->sent, .bytes_received = e->received, .first = e->first, .last = e->last,
		.effect = (enum effect)e->effect};

	if (!c)
		return;
	out.container = (char *)(uintptr_t)c->id;
	if (!others)
		out.address = (char *)(uintptr_t)address_format(e->address, address, sizeof(address));
	if (ipc_send(peer, IPC_EDGE, 0, &out) == 0)
		e->dirty = false;
}

static const uint8_t *other_side(const struct happening *h)
{
	const struct wire_net *n = (const struct wire_net *)h->record;

	if (h->record->type == WIRE_PAYLOAD_HIT)
		return ((const struct wire_payload *)h->record)->remote;
	return h->e.direction == DIRECTION_LISTEN ? n->local : n->remote;
}

uint64_t edges_observe(struct defender *d, const struct happening *h, const struct outcome *o)
{
	const struct wire_net *n = h->record->type == WIRE_NET ? (const struct wire_net *)h->record : NULL;
	const struct event *e = &h->e;
	struct edge_table *t = d->edges;
	struct edge_entry want = {0}, growth = {0};
	bool made;

	if (!h->entry)
		return e->count;
	want.owner = h->entry->number;
	want.pid = e->pid;
	want.direction = (uint8_t)e->direction;
	want.proto = (uint8_t)e->proto;
	want.port = (uint16_t)e->port;
	want.first = e->first;
	memcpy(want.address, other_side(h), sizeof(want.address));
	snprintf(want.process, sizeof(want.process), "%s", e->path ? e->path : "");
	if (n)
		take_growth(t, n, &growth);
	if (n && n->kind == WIRE_NET_SCAN)
		return e->count; /* each is a record of its own, of connections that are drawn already */
	if (n && (n->kind == WIRE_NET_ENGINE || n->kind == WIRE_NET_RAW))
		return growth.count; /* there is no other side to draw */
	struct edge_entry *x = find_edge(t, &want, &made);
	if (!x)
		return growth.count;
	x->count += n && is_new_connection(n) ? growth.count : 0;
	x->sent += growth.sent;
	x->received += growth.received;
	x->pid = e->pid ? e->pid : x->pid;
	x->last = e->last > x->last ? e->last : x->last;
	x->effect = o->effect > x->effect ? (uint8_t)o->effect : x->effect;
	x->dirty = t->dirty = true;
	struct ipc_peer *peer = defender_console(d);
	if (peer && (made || o->detection))
		send_one(d, peer, x);
	return growth.count;
}

void edges_send(struct defender *d, bool all)
{
	struct ipc_peer *peer = defender_console(d);
	struct edge_table *t = d->edges;

	if (!peer || (!t->dirty && !all))
		return;
	t->dirty = false;
	for (uint32_t i = 1; i < t->top; i++) {
		struct edge_entry *e = &t->edges[i];
		if (!e->owner || !(e->dirty || all))
			continue;
		send_one(d, peer, e);
		t->dirty = t->dirty || e->dirty;
	}
}

void edges_forget(struct edge_table *t, uint32_t owner)
{
	for (uint32_t i = 1; i < t->top && t->per_owner[owner]; i++) {
		struct edge_entry *e = &t->edges[i];
		if (e->owner != owner)
			continue;
		for (uint32_t *at = &t->buckets[hash_edge(e) % BUCKETS]; *at; at = &t->edges[*at].chain) {
			if (*at == i) {
				*at = e->chain;
				break;
			}
		}
		*e = (struct edge_entry){.chain = t->free};
		t->free = i;
		t->per_owner[owner]--;
	}
}

uint64_t edges_overflowed(const struct edge_table *t)
{
	return t->overflowed;
}
