/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the Defender, batch by batch: everything is written into one transaction, which
 * is committed a few milliseconds after its first write; only then are its audits acknowledged.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "console/console.h"
#include "console/incident.h"

#define BATCH_MS 20
#define RECOVER_MS 2000
#define STORY_AUDITS 40
#define STORY_EDGES 50

static void batch_begun(struct console *c)
{
	if (store_dirty(c->store))
		loop_timer_set(c->flush, BATCH_MS, 0);
}

static void write_failed(struct console *c, int r, const char *what)
{
	if (!c->lost)
		log_err(r, "cannot record %s; the Defender keeps it until this is over", what);
	c->lost = true;
	c->counters.commit_failures++;
	loop_timer_set(c->recover, RECOVER_MS, RECOVER_MS);
	console_status_update(c);
}

/* Runs a write and arms the commit. The first write of a batch decides when that is. */
static void wrote(struct console *c, bool was_dirty, int r, const char *what)
{
	if (r < 0)
		write_failed(c, r, what);
	else if (!was_dirty)
		batch_begun(c);
}

void console_incident_badge(struct console *c, const char *container)
{
	struct incident i = {0};

	if (!container)
		return;
	bool open = store_incident_recent(c->store, container, 0, &i) == 0;
	record_done(&incident_desc, &i);
	radar_incident(c->radar, container, open, time_monotonic());
	console_radar_arm(c);
}

void console_on_container(void *ctx, const struct container *reported)
{
	struct console *c = ctx;
	struct container known = {0}, with = *reported; /* `with` is a view */
	bool dirty = store_dirty(c->store);

	c->counters.containers++;
	if (!reported->id)
		return;
	/* The findings are known here, not to whoever reports the container. */
	if (store_container_find(c->store, reported->id, &known) == 0 && known.worst > with.worst)
		with.worst = known.worst;
	record_done(&container_desc, &known);
	int r = store_container_put(c->store, &with, time_now());
	if (r == 0 && with.state == CONTAINER_REMOVED)
		r = store_findings_delete_container(c->store, with.id);
	wrote(c, dirty, r, "a container");
	radar_container(c->radar, &with, time_monotonic());
	console_incident_badge(c, with.id);
	api_publish(c->api, API_TOPIC_CONTAINERS, "container", &container_desc, &with);
}

void console_on_edge(void *ctx, const struct edge *e)
{
	struct console *c = ctx;
	bool dirty = store_dirty(c->store);

	c->counters.edges++;
	if (!e->container)
		return;
	wrote(c, dirty, store_edge_put(c->store, e), "a connection");
	radar_edge(c->radar, e, time_monotonic());
	console_radar_arm(c);
}

/* A finding without a check takes back what was told: one, or with "*" all of a resource before its time. */
static int finding_write(struct console *c, const struct compliance_finding *f)
{
	if (f->check)
		return store_finding_put(c->store, f);
	if (strcmp(f->id, "*") == 0)
		return store_findings_forget(c->store, f->host, f->resource, f->time);
	return store_finding_delete(c->store, f->host, f->id);
}

/* A Defender that comes back tells everything again: who watches hears only what changed. */
static bool finding_is_news(struct console *c, const struct compliance_finding *f)
{
	struct compliance_finding before = {0};

	if (!f->check || store_finding_get(c->store, f->host, f->id, &before) != 0)
		return true;
	before.time = f->time;
	bool news = !record_equal(&compliance_finding_desc, &before, f);
	record_done(&compliance_finding_desc, &before);
	return news;
}

void console_on_finding(void *ctx, const struct compliance_finding *f)
{
	struct console *c = ctx;
	bool dirty = store_dirty(c->store);

	c->counters.findings++;
	if (!f->id || !f->resource)
		return;
	bool news = finding_is_news(c, f);
	wrote(c, dirty, finding_write(c, f), "a compliance finding");
	radar_finding(c->radar, f);
	if (news)
		api_publish(c->api, API_TOPIC_COMPLIANCE, f->check ? "compliance_finding" : "compliance_gone", &compliance_finding_desc, f);
}

/* --- audits and incidents --- */

static void touch(struct console *c, const char *id)
{
	for (uint32_t i = 0; i < c->touched_count; i++)
		if (strcmp(c->touched[i], id) == 0)
			return;
	if (c->touched_count == CONSOLE_INCIDENTS_TOUCHED)
		console_on_flush(c);
	char *copy = strdup(id);
	if (copy)
		c->touched[c->touched_count++] = copy;
}

/* The incident that the audit belongs to: its own of before, a recent one, or a new one. */
static int incident_find(struct console *c, const struct audit *a, const char *before, struct incident *ret)
{
	uint64_t since = a->time > INCIDENT_WINDOW_NS ? a->time - INCIDENT_WINDOW_NS : 0;
	int r = before ? store_incident_get(c->store, before, ret) : STORE_E_NOT_FOUND;

	if (r == STORE_E_NOT_FOUND)
		r = store_incident_recent(c->store, a->container.id, since, ret);
	return r == STORE_E_NOT_FOUND ? incident_open(ret, a) : r;
}

static int incident_join(struct console *c, struct audit *a, const struct audit *before)
{
	struct incident i = {0};
	int r = incident_find(c, a, before ? before->incident : NULL, &i);

	if (r == 0)
		r = incident_add(&i, a, !before);
	if (r == 0)
		r = str_set(&a->incident, i.id);
	if (r == 0)
		r = store_incident_put(c->store, &i);
	if (r == 0) {
		touch(c, i.id);
		radar_incident(c->radar, a->container.id, true, time_monotonic());
	}
	record_done(&incident_desc, &i);
	return r;
}

/* The container's own record follows its worst finding. */
static void container_worsen(struct console *c, const struct audit *a)
{
	struct container x = {0};

	if (a->container.id && store_container_find(c->store, a->container.id, &x) == 0 && a->severity > x.worst) {
		x.worst = a->severity;
		if (store_container_put(c->store, &x, time_now()) == 0)
			api_publish(c->api, API_TOPIC_CONTAINERS, "container", &container_desc, &x);
	}
	record_done(&container_desc, &x);
}

void console_on_audit(void *ctx, uint64_t seq, struct audit *a)
{
	struct console *c = ctx;
	struct audit before = {0};
	bool dirty = store_dirty(c->store);
	int r = 0;

	c->counters.audits++;
	if (seq > c->ack)
		c->ack = seq;
	if (!a->id) {
		batch_begun(c);
		return;
	}
	bool repeat = store_audit_get(c->store, a->id, &before) == 0;
	const char *country = a->network.address ? geo_country(c->geo, a->network.address) : NULL;
	if (country && !a->network.country)
		r = str_set(&a->network.country, country);
	if (r == 0 && incident_wants(a))
		r = incident_join(c, a, repeat ? &before : NULL);
	if (r == 0)
		r = store_audit_put(c->store, a);
	record_done(&audit_desc, &before);
	wrote(c, dirty, r, "an audit");
	if (!repeat)
		container_worsen(c, a);
	radar_audit(c->radar, a, time_monotonic());
	console_radar_arm(c);
	api_publish(c->api, API_TOPIC_AUDITS, "audit", &audit_desc, a);
}

struct gathered {
	struct audit audits[STORY_AUDITS];
	struct edge edges[STORY_EDGES];
	uint32_t audit_count, edge_count;
};

static int gather_audit(void *ctx, const void *record)
{
	struct gathered *g = ctx;

	return g->audit_count < STORY_AUDITS ? record_copy(&audit_desc, &g->audits[g->audit_count++], record) : 0;
}

static int gather_edge(void *ctx, const void *record)
{
	struct gathered *g = ctx;

	return g->edge_count < STORY_EDGES ? record_copy(&edge_desc, &g->edges[g->edge_count++], record) : 0;
}

static const char *country_of(void *ctx, const char *address)
{
	return geo_country(((struct console *)ctx)->geo, address);
}

static int story_write(struct console *c, struct incident *i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384);
	struct gathered *g = calloc(1, sizeof(*g));
	int r = g ? store_incident_audits(c->store, i->id, STORY_AUDITS, gather_audit, g) : -ENOMEM;

	if (r == 0 && i->container.id)
		r = store_edges_list(c->store, i->container.id, gather_edge, g);
	if (r == 0) {
		incident_tell(i, &(struct incident_story){g->audits, g->audit_count, g->edges, g->edge_count, country_of, c},
			&text);
		r = str_set(&i->story, text.data ? (char *)text.data : "");
	}
	for (uint32_t n = 0; g && n < g->audit_count; n++)
		record_done(&audit_desc, &g->audits[n]);
	for (uint32_t n = 0; g && n < g->edge_count; n++)
		record_done(&edge_desc, &g->edges[n]);
	free(g);
	return r;
}

static void incidents_tell(struct console *c)
{
	for (uint32_t n = 0; n < c->touched_count; n++) {
		struct incident i = {0};
		int r = store_incident_get(c->store, c->touched[n], &i);
		if (r == 0)
			r = story_write(c, &i);
		if (r == 0)
			r = store_incident_put(c->store, &i);
		if (r == 0)
			api_publish(c->api, API_TOPIC_INCIDENTS, "incident", &incident_desc, &i);
		else if (r < 0)
			write_failed(c, r, "an incident");
		record_done(&incident_desc, &i);
		free(c->touched[n]);
	}
	c->touched_count = 0;
}

int console_on_flush(void *ctx)
{
	struct console *c = ctx;

	incidents_tell(c);
	int r = store_commit(c->store);
	c->counters.commits++;
	if (r < 0)
		write_failed(c, r, "a batch");
	else if (c->ack && !c->lost)
		link_ack(c->link, c->ack);
	c->ack = 0;
	return 0;
}

/* The disk has room again: the Defender is made to begin anew with all that it still keeps. */
int console_on_recover(void *ctx)
{
	struct console *c = ctx;

	if (store_probe(c->store) < 0)
		return 0;
	log_info("the database can be written again");
	loop_timer_set(c->recover, 0, 0);
	c->lost = false;
	c->ack = 0;
	link_drop(c->link);
	console_status_update(c);
	return 0;
}

/* Some time after the Defender came: what it did not name again went while nobody looked. */
int console_on_stale(void *ctx)
{
	struct console *c = ctx;

	for (int n = 0; n < 1000 && link_is_up(c->link); n++) {
		struct container x = {0};
		if (store_container_stale(c->store, c->up_since, &x) != 0)
			return 0;
		x.state = CONTAINER_REMOVED;
		x.finished = x.finished ? x.finished : time_now();
		console_on_container(c, &x);
		record_done(&container_desc, &x);
		if (c->lost)
			return 0;
	}
	return link_is_up(c->link) ? loop_timer_set(c->stale, 100, 0) : 0;
}
