/* SPDX-License-Identifier: Apache-2.0 */
/* The status record, readiness and the noting of drops: see status.h. */
#include "defender/status.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "defender/block.h"
#include "defender/defender.h"
#include "defender/edges.h"
#include "defender/hold.h"
#include "defender/process_table.h"
#include "defender/recorder.h"
#include "defender/spool.h"

#define READY_PATIENCE (10 * NSEC_PER_SEC) /* for an engine that says nothing */
#define WARNINGS_MAX 32u
#define SHIMS_TEXT_MAX 8192u

struct engine_state {
	struct runtime_status status;
	bool synced;
};

struct status_keeper {
	struct status status; /* sensors, enforcers and warnings are rebuilt each time */
	struct engine_state engines[ENGINES_MAX];
	uint32_t engine_count;
	struct event_counters last; /* for drops since */
	uint64_t last_cpu, last_time;
	uint64_t started;
};

int status_open(struct defender *d)
{
	struct status_keeper *k = calloc(1, sizeof(*k));
	struct utsname u;

	if (!k)
		return -ENOMEM;
	d->status = k;
	k->started = k->last_time = time_monotonic();
	k->last_cpu = proc_cpu_ns(getpid());
	k->status.defender.pid = (uint32_t)getpid();
	int r = str_set(&k->status.version, SEAWALL_VERSION);
	if (r == 0)
		r = str_set(&k->status.host, d->config.host);
	if (r == 0 && uname(&u) == 0)
		r = str_set(&k->status.kernel, u.release);
	return r;
}

void status_close(struct defender *d)
{
	struct status_keeper *k = d->status;

	if (!k)
		return;
	k->status.runtimes = (struct record_list){0}; /* borrowed from engines */
	record_done(&status_desc, &k->status);
	for (uint32_t i = 0; i < k->engine_count; i++)
		record_done(&runtime_status_desc, &k->engines[i].status);
	free(k);
	d->status = NULL;
}

/* ---- engines and readiness ---- */

static struct engine_state *engine(struct status_keeper *k, const char *socket)
{
	for (uint32_t i = 0; i < k->engine_count; i++)
		if (k->engines[i].status.socket && strcmp(k->engines[i].status.socket, socket) == 0)
			return &k->engines[i];
	return NULL;
}

int status_runtime(struct defender *d, const struct runtime_status *r)
{
	struct status_keeper *k = d->status;
	struct runtime_status copy = {0};

	if (!r->socket)
		return -EBADMSG;
	struct engine_state *e = engine(k, r->socket);
	if (!e && k->engine_count == ENGINES_MAX)
		return 0;
	int ret = record_copy(&runtime_status_desc, &copy, r);
	if (ret < 0)
		return ret;
	if (!e)
		e = &k->engines[k->engine_count++];
	record_done(&runtime_status_desc, &e->status);
	e->status = copy;
	status_send(d);
	return 0;
}

void status_synced(struct defender *d, const char *socket)
{
	struct engine_state *e = socket ? engine(d->status, socket) : NULL;

	if (e)
		e->synced = true;
	status_send(d);
}

void status_gate_lost(struct defender *d)
{
	for (uint32_t i = 0; i < d->status->engine_count; i++) {
		d->status->engines[i].synced = false;
		if (str_set(&d->status->engines[i].status.state, "away: the Gate is not there") < 0)
			log_debug("an engine's state is out of date");
	}
}

/* Every container that runs has its rule: each engine was heard of, and is known or away. */
static bool engines_known(const struct defender *d)
{
	const struct status_keeper *k = d->status;

	if (!d->config.engine_count || time_monotonic() - k->started > READY_PATIENCE)
		return true;
	if (!d->gate || k->engine_count < d->config.engine_count)
		return false;
	for (uint32_t i = 0; i < k->engine_count; i++) {
		const char *state = k->engines[i].status.state;
		if (!k->engines[i].synced && !(state && strncmp(state, "away", 4) == 0))
			return false;
	}
	return true;
}

static void become_ready(struct defender *d)
{
	char path[512], text[32];

	if (d->ready || !d->sensor || !engines_known(d))
		return;
	d->ready = true;
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	snprintf(path, sizeof(path), "%s/run/defender.ready", d->config.state);
	int r = file_write_atomic(path, text, (size_t)n, 0644);
	if (r < 0)
		log_warn(r, "cannot write '%s', ignoring", path);
	log_info("ready: enforcement is on");
}

/* ---- warnings ---- */

static void warn(struct status *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void warn(struct status *s, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (s->warnings.count >= WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (str_list_add(&s->warnings, text) < 0)
		log_debug("no memory for a warning");
}

/* What a rule asks for and nothing here does. */
static void warn_rules(const struct defender *d, struct status *s)
{
	for (uint32_t i = 0; d->policy && i < d->policy->runtime_count; i++) {
		const struct runtime_rule *r = &d->policy->runtime[i];
		for (int k = 1; !r->disabled && k < DETECTION_COUNT_; k++) {
			const struct detection_info *info = detection_info((enum detection)k);
			if (r->effects[k] != EFFECT_DISABLE && info && !info->built)
				warn(s, "rule '%.80s': %s is not detected by this version", r->name, detection_names.names[k]);
		}
	}
}

static void warn_sensors(struct status *s, const struct record_list *list, const char *kind)
{
	const struct sensor_status *items = list->items;

	for (uint32_t i = 0; i < list->count; i++)
		if (items[i].state == SENSOR_FAILED) /* off = this kernel lacks it, and another one does its work */
			warn(s, "%s %s is %s: %.160s", kind, items[i].name ? items[i].name : "?",
				enum_name(&sensor_state_names, items[i].state), items[i].reason ? items[i].reason : "no reason given");
}

static void warn_losses(const struct defender *d, struct status *s)
{
	struct process_counters c;

	process_table_counters(d->processes, &c);
	if (recorder_error(d->recorder) < 0)
		warn(s, "the flight recorder cannot write: %s", strerror(-recorder_error(d->recorder)));
	if (recorder_lost(d->recorder))
		warn(s, "%llu events were not recorded", (unsigned long long)recorder_lost(d->recorder));
	if (spool_lost(d->spool))
		warn(s, "%llu audits found no room in the spool", (unsigned long long)spool_lost(d->spool));
	if (c.refused)
		warn(s, "%llu processes found no room in the process table", (unsigned long long)c.refused);
	if (hold_early(d->hold))
		warn(s, "%llu events could not wait for their container's name", (unsigned long long)hold_early(d->hold));
	if (edges_overflowed(d->edges))
		warn(s, "%llu connections are shown as \"others\"", (unsigned long long)edges_overflowed(d->edges));
	if (d->config.dry_run)
		warn(s, "dry run: nothing is stopped");
}

/* ---- the record ---- */

/* Each second: the share of a core since the last time. */
static void measure(struct defender *d)
{
	struct status_keeper *k = d->status;
	uint64_t now = time_monotonic(), cpu = proc_cpu_ns(getpid());
	struct defender_status *s = &k->status.defender;

	s->cpu_ns = cpu;
	if (now > k->last_time)
		s->cpu_percent = 100.0 * (double)(cpu - k->last_cpu) / (double)(now - k->last_time);
	k->last_cpu = cpu;
	k->last_time = now;
}

static uint32_t running(const struct defender *d)
{
	uint32_t cursor = 0, n = 0;

	for (struct container_entry *e; (e = container_table_next(d->containers, &cursor));)
		n += e->named && (e->info.state == CONTAINER_RUNNING || e->info.state == CONTAINER_PAUSED);
	return n;
}

static void done_list(struct record_list *l)
{
	struct sensor_status *items = l->items;

	for (uint32_t i = 0; i < l->count; i++)
		record_done(&sensor_status_desc, &items[i]);
	free(items);
	*l = (struct record_list){0};
}

/* How the supervisor found the shims, a line each: "on" or "failed", engine, reason. */
static void read_shims(char *text, struct sensor_status *ret)
{
	char *save = NULL;

	ret->state = SENSOR_ON;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *state = strsep(&l, "\t"), *engine = strsep(&l, "\t");
		if (!engine || !l || strcmp(state, "on") == 0)
			continue;
		ret->state = SENSOR_FAILED;
		if (!ret->reason && asprintf(&ret->reason, "%s: %s", engine, l) < 0)
			ret->reason = NULL;
	}
}

static void add_shims(const struct defender *d, struct record_list *l)
{
	char path[512], text[SHIMS_TEXT_MAX];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
	struct sensor_status shim = {.verified_at = time_now()};

	snprintf(path, sizeof(path), "%s/run/shims", d->config.state);
	if (file_read(path, &b) < 0 || !b.len)
		return; /* none is installed */
	struct sensor_status *items = realloc(l->items, (l->count + 1) * sizeof(*items));
	if (!items)
		return;
	l->items = items;
	read_shims(text, &shim);
	if (str_set(&shim.name, "shim") == 0)
		items[l->count++] = shim;
	else
		record_done(&sensor_status_desc, &shim);
}

static void rebuild(struct defender *d)
{
	struct status *s = &d->status->status;

	done_list(&s->sensors);
	done_list(&s->enforcers);
	str_list_done(&s->warnings);
	if (d->sensor && sensor_status(d->sensor, &s->sensors, &s->enforcers) < 0)
		warn(s, "the state of the sensors is not known");
	add_shims(d, &s->enforcers);
	s->ready = d->ready;
	s->defender.rss = proc_rss(getpid()); /* also in the very first one, before a second has passed */
	s->containers = running(d);
	s->policy_revision = d->policy ? d->policy->revision : 0;
	warn_sensors(s, &s->sensors, "sensor");
	warn_sensors(s, &s->enforcers, "enforcer");
	warn_rules(d, s);
	warn_losses(d, s);
}

void status_send(struct defender *d)
{
	struct status_keeper *k = d->status;
	struct runtime_status runtimes[ENGINES_MAX]; /* borrowed */
	struct ipc_peer *peer = defender_console(d);

	become_ready(d);
	if (!peer)
		return;
	rebuild(d);
	for (uint32_t i = 0; i < k->engine_count; i++)
		runtimes[i] = k->engines[i].status;
	k->status.runtimes = (struct record_list){.items = runtimes, .count = k->engine_count};
	ipc_send(peer, IPC_STATUS, 0, &k->status);
	k->status.runtimes = (struct record_list){0};
}

/* ---- drops ---- */

static void note_drops(struct defender *d, uint64_t since, uint64_t now, uint64_t lost, const char *class)
{
	char text[160];

	if (!lost)
		return;
	snprintf(text, sizeof(text), "%llu %s events were lost within %.1f s: more happened than could be read",
		(unsigned long long)lost, class, (double)(now - since) / 1e9);
	gap_note(d, since, now, lost, text);
}

static void look_for_drops(struct defender *d)
{
	struct status_keeper *k = d->status;
	struct event_counters c = {0};
	uint64_t now = time_now();

	if (!d->sensor)
		return;
	sensor_counters(d->sensor, &c);
	note_drops(d, now - NSEC_PER_SEC, now, c.dropped_security - k->last.dropped_security, "security");
	note_drops(d, now - NSEC_PER_SEC, now, c.dropped_bulk - k->last.dropped_bulk, "network");
	k->last = c;
	k->status.events = c;
}

void status_tick(struct defender *d)
{
	measure(d);
	look_for_drops(d);
	gap_beat(d);
	status_send(d);
}
