/* SPDX-License-Identifier: Apache-2.0 */
/* From the kernel's bytes to a borrowed struct event, and into the process table: see event.h. */
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/scrub.h"

bool event_split(const char *text, uint32_t size, char **items, uint32_t max, struct str_list *ret)
{
	*ret = (struct str_list){.items = items};
	while (size && ret->count < max) {
		size_t n = strnlen(text, size);
		if (n == size)
			return false; /* not terminated: cut */
		items[ret->count++] = (char *)(uintptr_t)text;
		text += n + 1;
		size -= (uint32_t)n + 1;
	}
	return size == 0;
}

const char *event_user(uint32_t uid, char out[16])
{
	if (uid == 0)
		return "root";
	snprintf(out, 16, "%u", uid);
	return out;
}

static enum proto proto_of(uint8_t ipproto)
{
	return ipproto == IPPROTO_TCP ? PROTO_TCP : ipproto == IPPROTO_UDP ? PROTO_UDP : PROTO_NONE;
}

/* The connection that its input and output lead to. Where to, a process that is judged late no longer tells. */
static void fill_tie(struct defender *d, const struct wire_exec *x, struct event *e)
{
	if (!(x->header.flags & (WIRE_TIED_OUT | WIRE_TIED_IN)))
		return;
	e->direction = x->header.flags & WIRE_TIED_OUT ? DIRECTION_OUTBOUND : DIRECTION_INBOUND;
	if (!x->tie.remote_port)
		return;
	e->proto = proto_of(x->tie.proto);
	e->address = (char *)(uintptr_t)address_format(x->tie.remote, d->scratch->address, sizeof(d->scratch->address));
	e->port = e->direction == DIRECTION_OUTBOUND ? x->tie.remote_port : x->tie.local_port;
}

static void fill_exec(struct defender *d, struct happening *h)
{
	const struct wire_exec *x = (const struct wire_exec *)h->record;
	struct event *e = &h->e;
	bool miner = x->header.verdict.detection == DETECTION_CRYPTO_MINER || (x->header.flags & WIRE_SUSPECT);

	h->process = &x->process;
	e->type = EVENT_EXEC;
	if (x->path_size)
		e->path = (char *)(uintptr_t)x->data;
	bool whole = event_split(x->data + x->path_size, x->args_size, d->scratch->args, EVENT_ARGS_MAX, &e->args);
	e->args_truncated = !whole || (x->header.flags & (WIRE_ARGS_TRUNCATED | WIRE_ARGS_UNREADABLE));
	/* The runtime's own program is no file of the container's. */
	if (!(x->header.flags & WIRE_RUNTIME))
		e->origin = x->header.flags & WIRE_FILE_MODIFIED ? ORIGIN_MODIFIED
			    : x->header.flags & WIRE_FILE_NEW	 ? ORIGIN_NEW
			    : x->header.flags & WIRE_MEMFD	 ? ORIGIN_MEMORY
								 : ORIGIN_NONE;
	e->borrowed_rights = x->header.flags & WIRE_SUID;
	fill_tie(d, x, e);
	scrub_args(&e->args, miner, d->scratch->scrubbed, sizeof(d->scratch->scrubbed));
}

static void fill_fork(struct defender *d, struct happening *h)
{
	(void)d;
	h->process = &((const struct wire_fork *)h->record)->process;
	h->e.type = EVENT_FORK;
}

static void fill_exit(struct defender *d, struct happening *h)
{
	const struct wire_exit *x = (const struct wire_exit *)h->record;

	(void)d;
	h->process = &x->process;
	h->e.type = EVENT_EXIT;
	h->e.exit_code = x->code;
	h->e.exit_signal = x->signal;
}

static const enum event_type net_types[] = {
	[WIRE_NET_CONNECT] = EVENT_CONNECT, [WIRE_NET_ESTABLISHED] = EVENT_CONNECT,
	[WIRE_NET_ACCEPT] = EVENT_ACCEPT, [WIRE_NET_LISTEN] = EVENT_LISTEN,
	[WIRE_NET_CLOSE] = EVENT_CLOSE, [WIRE_NET_REFUSED] = EVENT_CONNECT,
	[WIRE_NET_SCAN] = EVENT_CONNECT, [WIRE_NET_ENGINE] = EVENT_CONNECT, [WIRE_NET_RAW] = EVENT_SOCKET,
};

static void fill_net(struct defender *d, struct happening *h)
{
	const struct wire_net *n = (const struct wire_net *)h->record;
	struct event *e = &h->e;

	h->process = n->process.pid ? &n->process : NULL;
	e->type = n->kind < sizeof(net_types) / sizeof(net_types[0]) ? net_types[n->kind] : EVENT_NONE;
	e->direction = n->direction < DIRECTION_COUNT_ ? (enum direction)n->direction : DIRECTION_NONE;
	if (e->type == EVENT_LISTEN)
		e->direction = DIRECTION_LISTEN;
	e->proto = proto_of(n->proto);
	bool ours = e->direction == DIRECTION_LISTEN;
	e->scan = n->kind == WIRE_NET_SCAN;
	if (n->kind == WIRE_NET_ENGINE)
		e->file = (char *)(uintptr_t)n->sign;
	if (n->kind != WIRE_NET_ENGINE && n->kind != WIRE_NET_RAW)
		e->address = (char *)(uintptr_t)address_format(ours ? n->local : n->remote, d->scratch->address,
			sizeof(d->scratch->address));
	e->port = e->direction == DIRECTION_OUTBOUND ? n->remote_port : n->local_port;
	e->count = n->count ? n->count : 1;
	e->first = n->first ? defender_wall(d, n->first) : 0;
	e->last = n->last ? defender_wall(d, n->last) : 0;
	e->bytes_sent = n->bytes_sent;
	e->bytes_received = n->bytes_received;
}

static void fill_payload(struct defender *d, struct happening *h)
{
	const struct wire_payload *p = (const struct wire_payload *)h->record;
	struct event *e = &h->e;

	h->process = p->process.pid ? &p->process : NULL;
	e->type = EVENT_CONNECT;
	e->direction = DIRECTION_OUTBOUND;
	e->proto = PROTO_TCP;
	e->address = (char *)(uintptr_t)address_format(p->remote, d->scratch->address, sizeof(d->scratch->address));
	e->port = p->remote_port;
}

static void fill_call(struct defender *d, struct happening *h)
{
	const struct wire_call *c = (const struct wire_call *)h->record;
	struct event *e = &h->e;

	h->process = &c->process;
	e->type = EVENT_SYSCALL;
	e->syscall = (char *)(uintptr_t)c->name;
	e->refused = c->refused;
	e->count = c->count ? c->count : 1;
	e->first = c->first ? defender_wall(d, c->first) : 0;
	e->last = c->last ? defender_wall(d, c->last) : 0;
}

/* Path of a process that says only its pid. */
static void fill_known(struct defender *d, struct happening *h)
{
	struct process_view *v = &d->scratch->view;

	if (h->e.path)
		return;
	/* What the table has no path for goes by its own word: the runtime, before the container's program. */
	snprintf(d->scratch->comm, sizeof(d->scratch->comm), "[%.15s]", h->process->comm);
	h->e.path = d->scratch->comm;
	if (!process_table_get(d->processes, h->process->pid, h->process->start, v))
		return;
	if (v->text_size)
		h->e.path = v->text;
	/* The kernel says who adopted an orphan; the table still knows whose child it was. */
	if (v->ppid)
		h->e.ppid = v->ppid;
}

bool event_fill(struct defender *d, struct happening *h)
{
	static void (*const fillers[WIRE_TYPE_COUNT_])(struct defender *, struct happening *) = {
		[WIRE_EXEC] = fill_exec, [WIRE_FORK] = fill_fork, [WIRE_EXIT] = fill_exit,
		[WIRE_NET] = fill_net, [WIRE_PAYLOAD_HIT] = fill_payload,
		[WIRE_CALL] = fill_call,
	};
	const struct wire_header *r = h->record;

	h->e = (struct event){.count = 1, .time = defender_wall(d, r->time)};
	h->process = NULL;
	if (r->type >= WIRE_TYPE_COUNT_ || !fillers[r->type])
		return false;
	fillers[r->type](d, h);
	if (h->e.type == EVENT_NONE)
		return false;
	if (!h->e.first)
		h->e.first = h->e.time;
	if (!h->e.last)
		h->e.last = h->e.time;
	if (h->process) {
		h->e.pid = h->process->pid;
		h->e.ppid = h->process->ppid;
		h->e.user = (char *)(uintptr_t)event_user(h->process->uid, d->scratch->user);
		fill_known(d, h);
	}
	return true;
}

/* Path and arguments in one piece for the process table; what does not fit is cut off. */
static uint32_t join(const struct event *e, char out[PROCESS_TEXT_MAX], bool *truncated)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i <= e->args.count; i++) {
		const char *s = i ? e->args.items[i - 1] : e->path ? e->path : "";
		uint32_t n = (uint32_t)strlen(s) + 1;
		if (n > PROCESS_TEXT_MAX - used) {
			*truncated = true;
			break;
		}
		memcpy(out + used, s, n);
		used += n;
	}
	return used;
}

void event_track(struct defender *d, const struct happening *h)
{
	const struct wire_process *p = h->process;

	/* Of an exec that was refused nothing stays: the process is what it was. */
	if (!p || !h->entry || (h->record->flags & WIRE_REFUSED))
		return;
	if (h->e.type == EVENT_EXIT) {
		process_table_exit(d->processes, p->pid, p->start, h->record->time);
		return;
	}
	if (h->e.type != EVENT_EXEC && h->e.type != EVENT_FORK)
		return;
	struct process_facts f = {.pid = p->pid, .ppid = p->ppid, .start = p->start, .uid = p->uid,
		.owner = h->entry->number, .comm = p->comm, .truncated = h->e.args_truncated, .flags = h->record->flags & PROCESS_FLAGS};
	if (h->e.type == EVENT_EXEC) {
		const struct wire_exec *x = (const struct wire_exec *)h->record;
		f.text_size = join(&h->e, d->scratch->text, &f.truncated);
		f.text = d->scratch->text;
		if (x->ancestor_count && x->ancestors[0].pid == p->ppid)
			f.parent_start = x->ancestors[0].start;
	}
	/* Full: the table counted it, and the record itself says what is needed now. */
	process_table_set(d->processes, &f);
}
