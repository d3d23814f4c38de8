/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of kernel records: see record.h. One row for each type, one function for each shape. */
#include "sensor/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/enums.h"

static bool terminated(const char *s, size_t n)
{
	return memchr(s, 0, n) != NULL;
}

static bool exec_check(const struct wire_header *h)
{
	const struct wire_exec *e = (const void *)h;

	if (h->size < sizeof(*e) || e->path_size > WIRE_PATH_MAX || e->args_size > WIRE_ARGS_MAX)
		return false;
	if (h->size != sizeof(*e) + e->path_size + e->args_size)
		return false;
	if (e->path_size && e->data[e->path_size - 1])
		return false;
	/* A cut argument list ends in the middle of an argument: the reader goes by args_size. */
	if (e->args_size && e->data[h->size - sizeof(*e) - 1] && !(h->flags & WIRE_ARGS_TRUNCATED))
		return false;
	if (e->ancestor_count > WIRE_ANCESTORS)
		return false;
	for (uint32_t i = 0; i < e->ancestor_count; i++)
		if (!terminated(e->ancestors[i].comm, sizeof(e->ancestors[i].comm)))
			return false;
	return terminated(e->process.comm, sizeof(e->process.comm)) && terminated(e->sign, sizeof(e->sign));
}

static bool fork_check(const struct wire_header *h)
{
	const struct wire_fork *f = (const void *)h;

	return h->size == sizeof(*f) && terminated(f->process.comm, sizeof(f->process.comm));
}

static bool exit_check(const struct wire_header *h)
{
	const struct wire_exit *e = (const void *)h;

	return h->size == sizeof(*e) && terminated(e->process.comm, sizeof(e->process.comm));
}

static bool net_check(const struct wire_header *h)
{
	const struct wire_net *n = (const void *)h;

	if (h->size != sizeof(*n) || n->kind < WIRE_NET_CONNECT || n->kind >= WIRE_NET_KIND_COUNT_)
		return false;
	return n->direction < DIRECTION_COUNT_ && terminated(n->process.comm, sizeof(n->process.comm)) &&
		terminated(n->sign, sizeof(n->sign));
}

static bool payload_check(const struct wire_header *h)
{
	const struct wire_payload *p = (const void *)h;

	return h->size == sizeof(*p) && p->size <= sizeof(p->data) &&
		terminated(p->process.comm, sizeof(p->process.comm)) && terminated(p->sign, sizeof(p->sign));
}

static bool call_check(const struct wire_header *h)
{
	const struct wire_call *c = (const void *)h;

	return h->size == sizeof(*c) && c->refused <= 1 && terminated(c->process.comm, sizeof(c->process.comm)) &&
		terminated(c->name, sizeof(c->name));
}

static bool cgroup_check(const struct wire_header *h)
{
	const struct wire_cgroup *c = (const void *)h;

	return h->size == sizeof(*c) && (c->kind == WIRE_CGROUP_MADE || c->kind == WIRE_CGROUP_GONE) &&
		terminated(c->leaf, sizeof(c->leaf));
}

static bool (*const checks[WIRE_TYPE_COUNT_])(const struct wire_header *) = {
	[WIRE_EXEC] = exec_check,
	[WIRE_FORK] = fork_check,
	[WIRE_EXIT] = exit_check,
	[WIRE_NET] = net_check,
	[WIRE_PAYLOAD_HIT] = payload_check,
	[WIRE_CGROUP] = cgroup_check,
	[WIRE_CALL] = call_check,
};

const struct wire_header *sensor_record_check(const void *data, size_t size)
{
	const struct wire_header *h = data;

	if (size < sizeof(*h) || h->size > size || h->size < sizeof(*h))
		return NULL;
	if (h->type >= ARRAY_SIZE(checks) || !checks[h->type])
		return NULL;
	if (h->verdict.detection >= DETECTION_COUNT_ || h->verdict.evidence >= EVIDENCE_COUNT_ ||
	    h->verdict.effect >= EFFECT_COUNT_ || h->verdict.done >= DONE_COUNT_)
		return NULL;
	return checks[h->type](h) ? h : NULL;
}
