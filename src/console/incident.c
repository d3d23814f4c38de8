/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents and their stories: see incident.h. */
#include "console/incident.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define SENTENCES_MAX 6
#define CONNECTIONS_MAX 5
#define ARGS_SHOWN 12

bool incident_wants(const struct audit *a)
{
	return a->kind == AUDIT_RUNTIME && a->detection != DETECTION_NONE && a->severity >= SEVERITY_LOW;
}

static const char *title(enum detection d)
{
	const struct detection_info *info = detection_info(d);

	return info && info->title ? info->title : enum_name(&detection_names, (int)d);
}

int incident_open(struct incident *ret, const struct audit *first)
{
	char id[64];
	int r;

	/* From the first audit's id: the same attack told twice opens the same incident. */
	snprintf(id, sizeof(id), "inc-%.59s", first->id);
	ret->opened = ret->updated = first->first ? first->first : first->time;
	ret->severity = first->severity;
	r = str_set(&ret->id, id);
	if (r == 0)
		r = str_set(&ret->state, "open");
	if (r == 0)
		r = str_set(&ret->category, title(first->detection));
	if (r == 0)
		r = str_set(&ret->host, first->host);
	if (r == 0)
		r = record_copy(&container_ref_desc, &ret->container, &first->container);
	if (r < 0)
		record_done(&incident_desc, ret);
	return r;
}

int incident_add(struct incident *i, const struct audit *a, bool fresh)
{
	uint64_t last = a->last > a->time ? a->last : a->time;

	i->audits += fresh;
	if (last > i->updated)
		i->updated = last;
	if (a->severity <= i->severity)
		return 0;
	i->severity = a->severity;
	return str_set(&i->category, title(a->detection));
}

static void put_clock(struct buf *out, uint64_t time)
{
	char text[TIME_TEXT_SIZE];

	time_format(time, text, sizeof(text));
	buf_printf(out, "%.8s UTC", strlen(text) > 19 ? text + 11 : "??:??:??");
}

static void put_arguments(struct buf *out, const struct process *p)
{
	if (p->args.count < 2)
		return;
	buf_puts(out, ", started as `");
	for (uint32_t i = 0; i < p->args.count && i < ARGS_SHOWN; i++)
		buf_printf(out, "%s%.120s", i ? " " : "", p->args.items[i]);
	buf_puts(out, p->args.count > ARGS_SHOWN || p->args_truncated ? " ...`," : "`,");
}

static const char *by_what(enum evidence e)
{
	static const char *const words[EVIDENCE_COUNT_] = {
		[EVIDENCE_NAME] = " by its name", [EVIDENCE_ARGV] = " by its arguments",
		[EVIDENCE_STRATUM] = " by the mining protocol in its traffic", [EVIDENCE_DNS] = " by a name that it asked for",
		[EVIDENCE_SNI] = " by the server name that it asked for", [EVIDENCE_ELF] = " by the content of its file",
		[EVIDENCE_BEHAVIOUR] = " by what it did", [EVIDENCE_PATH] = " by its path",
		[EVIDENCE_ADDRESS] = " by the address that it called", [EVIDENCE_PORT] = " by the port that it called",
	};

	return e < EVIDENCE_COUNT_ && words[e] ? words[e] : "";
}

static const char *did_what(enum done d)
{
	static const char *const words[DONE_COUNT_] = {
		[DONE_NONE] = "recorded it", [DONE_ALERT] = "raised an alert and let it go on",
		[DONE_PREVENT] = "stopped the process", [DONE_BLOCK] = "blocked the container: every process of it was killed",
		[DONE_WEAKENED] = "did less than it was asked to", [DONE_FAILED] = "could not be carried out",
	};

	return d < DONE_COUNT_ ? words[d] : "";
}

static void put_audit(struct buf *out, const struct audit *a, bool first)
{
	const struct ancestor *parent = a->process.ancestry.count ? a->process.ancestry.items : NULL;

	buf_puts(out, first ? "At " : " At ");
	put_clock(out, a->time);
	buf_printf(out, " %s", a->process.path ? a->process.path : "a process");
	if (a->process.pid)
		buf_printf(out, " (pid %u%s%s)", a->process.pid, parent && parent->path ? ", parent " : "",
			parent && parent->path ? parent->path : "");
	if (first) {
		put_arguments(out, &a->process);
		if (a->container.id)
			buf_printf(out, " in container %s (image %s)", a->container.name ? a->container.name : a->container.id,
				a->container.image ? a->container.image : "unknown");
	}
	buf_printf(out, " was recognised as %s%s", title(a->detection), by_what(a->evidence));
	if (a->network.address)
		buf_printf(out, ", connecting to %s:%u%s%s%s", a->network.address, a->network.port,
			a->network.country ? " (" : "", a->network.country ? a->network.country : "", a->network.country ? ")" : "");
	if (a->rule)
		buf_printf(out, "; rule '%s' %s", a->rule, did_what(a->done));
	if (a->count > 1)
		buf_printf(out, " (%u times)", a->count);
	buf_putc(out, '.');
}

/* A repeat of the same finding about the same program adds a number, not a sentence. */
static bool told(const struct audit *audits, uint32_t n)
{
	const struct audit *a = &audits[n];

	for (uint32_t i = 0; i < n; i++) {
		const char *x = audits[i].process.path, *y = a->process.path;
		if (audits[i].detection == a->detection && audits[i].done == a->done && strcmp(x ? x : "", y ? y : "") == 0)
			return true;
	}
	return false;
}

static void put_before(struct buf *out, const struct incident *i, const struct incident_story *s)
{
	uint32_t told_count = 0;

	for (uint32_t n = 0; n < s->edge_count && told_count < CONNECTIONS_MAX; n++) {
		const struct edge *e = &s->edges[n];
		if (e->direction != DIRECTION_OUTBOUND || !e->address || e->first > i->opened)
			continue;
		const char *country = s->country ? s->country(s->ctx, e->address) : NULL;
		buf_puts(out, told_count++ ? ", " : " Before that it had connected to ");
		buf_printf(out, "%s:%u%s%s%s", e->domain ? e->domain : e->address, e->port, country ? " (" : "",
			country ? country : "", country ? ")" : "");
	}
	if (told_count)
		buf_putc(out, '.');
}

void incident_tell(const struct incident *i, const struct incident_story *s, struct buf *out)
{
	uint32_t sentences = 0;

	for (uint32_t n = 0; n < s->audit_count && sentences < SENTENCES_MAX; n++)
		if (!told(s->audits, n))
			put_audit(out, &s->audits[n], sentences++ == 0);
	put_before(out, i, s);
	if (i->audits > 1) {
		buf_printf(out, " In all %u findings, the last at ", i->audits);
		put_clock(out, i->updated);
		buf_putc(out, '.');
	}
}
