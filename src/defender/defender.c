/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the parts together, the timers, and taking them apart: see defender.h. */
#include "defender/defender.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "defender/block.h"
#include "defender/edges.h"
#include "defender/event.h"
#include "defender/fold.h"
#include "defender/gates.h"
#include "defender/hold.h"
#include "defender/life.h"
#include "defender/host_checks.h"
#include "defender/links.h"
#include "defender/query.h"
#include "defender/recorder.h"
#include "defender/spool.h"
#include "defender/status.h"

#define HOLD_BYTES (2u << 20)
#define HOLD_KEEP (5 * NSEC_PER_SEC)
#define FOLD_WINDOW (60 * NSEC_PER_SEC)
#define DRAIN_BUDGET 2048 /* records of one ring before the loop looks elsewhere */
#define CLOCK_STEP (2 * NSEC_PER_MSEC)
#define SECOND_MS 1000
#define KILL_POLL_MS 20

/* Taken anew only when the clock was set: the same stamp of the kernel is always the same time. */
static void look_at_clock(struct defender *d)
{
	uint64_t offset = time_now() - time_boot();
	uint64_t apart = offset > d->wall_offset ? offset - d->wall_offset : d->wall_offset - offset;

	if (apart > CLOCK_STEP)
		d->wall_offset = offset;
}

uint64_t defender_wall(const struct defender *d, uint64_t boot_ns)
{
	return boot_ns + d->wall_offset;
}

const char *defender_path(const struct defender *d, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/defender/%s", d->config.state, name);
	return out;
}

void defender_keep(const struct defender *d, const char *name, const struct buf *list, const char *what)
{
	char path[512];
	int r = list->failed;

	if (!r)
		r = file_write_atomic(defender_path(d, name, path, sizeof(path)), list->data ? list->data : (uint8_t *)"", list->len, 0600);
	if (r < 0)
		log_warn(r, "cannot keep the list of %s containers, ignoring", what);
}

struct ipc_peer *defender_console(const struct defender *d)
{
	return d->console ? ipc_client_peer(d->console) : NULL;
}

static int open_disk(struct defender *d)
{
	char path[512];

	int r = dir_make(d->config.state, 0755);
	if (r == 0)
		r = dir_make(defender_path(d, "", path, sizeof(path)), 0700);
	if (r < 0)
		return log_err(r, "cannot make '%s'", path);
	snprintf(path, sizeof(path), "%s/run", d->config.state);
	r = dir_make(path, 0755);
	if (r < 0)
		return log_err(r, "cannot make '%s'", path);
	r = recorder_open(&d->recorder, defender_path(d, "journal", path, sizeof(path)), d->config.journal_bytes);
	if (r < 0)
		return log_err(r, "cannot open the flight recorder '%s'", path);
	r = spool_open(&d->spool, defender_path(d, "spool", path, sizeof(path)), d->config.spool_bytes);
	return r < 0 ? log_err(r, "cannot open the spool '%s'", path) : 0;
}

static int open_memory(struct defender *d)
{
	char path[512];

	d->scratch = calloc(1, sizeof(*d->scratch));
	if (!d->scratch)
		return -ENOMEM;
	int r = container_table_new(&d->containers, containers_forget, d);
	if (r == 0)
		r = process_table_new(&d->processes, &(struct process_table_config){.owners = CONTAINERS_MAX});
	if (r == 0)
		r = hold_new(&d->hold, HOLD_BYTES, HOLD_KEEP, event_released, d);
	if (r == 0)
		r = edges_new(&d->edges);
	if (r == 0)
		r = fold_new(&d->fold, defender_path(d, "fold.bin", path, sizeof(path)), FOLD_WINDOW, audit_emit, d);
	if (r == 0)
		r = host_checks_open(d);
	if (r == 0)
		r = status_open(d);
	return r == 0 ? query_open(d) : r;
}

int defender_new(struct defender **ret, const struct defender_config *config, struct loop *loop)
{
	CLEANUP(defender_free) struct defender *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->loop = loop;
	d->seen_since = time_now();
	look_at_clock(d);
	int r = open_disk(d);
	if (r == 0)
		r = open_memory(d);
	if (r == 0)
		r = block_open(d);
	if (r < 0)
		return r;
	uint64_t beat = gap_open(d);
	if (beat)
		d->seen_since = beat; /* what began since then has not been told yet */
	*ret = take_ptr(d);
	return 0;
}

struct defender *defender_free(struct defender *d)
{
	char path[512];

	if (!d)
		return NULL;
	if (d->ready) {
		snprintf(path, sizeof(path), "%s/run/defender.ready", d->config.state);
		unlink(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(d->sources); i++)
		loop_source_free(d->sources[i]);
	query_close(d);
	if (d->containers)
		life_close(d);
	d->fold = fold_free(d->fold); /* last counts, while there is still a way out */
	links_close(d);
	d->sensor = sensor_set_free(d->sensor);
	gap_close(d, true);
	recorder_close(d->recorder);
	spool_close(d->spool);
	status_close(d);
	host_checks_close(d);
	block_close(d);
	hold_free(d->hold);
	edges_free(d->edges);
	process_table_free(d->processes);
	d->containers = container_table_free(d->containers);
	policy_unref(d->policy);
	for (uint32_t i = 0; i < SLOT_NAMES_MAX; i++)
		free(d->slot_names[i]);
	enforce_free(d->enforcer);
	free(d->scratch);
	free(d);
	return NULL;
}

/* ---- the loop's calls ---- */

void defender_settle(struct defender *d)
{
	recorder_flush(d->recorder);
	if (block_busy(d) && d->sources[SOURCE_KILLS])
		loop_timer_set(d->sources[SOURCE_KILLS], KILL_POLL_MS, 0);
}

static int on_security(void *ctx, int fd, uint32_t events)
{
	struct defender *d = ctx;

	(void)fd;
	(void)events;
	int r = sensor_security_drain(d->sensor, DRAIN_BUDGET);
	defender_settle(d);
	return r < 0 ? log_err(r, "cannot read the security events") : 0;
}

static int on_bulk(void *ctx, int fd, uint32_t events)
{
	struct defender *d = ctx;

	(void)fd;
	(void)events;
	int r = sensor_bulk_drain(d->sensor, DRAIN_BUDGET);
	defender_settle(d);
	return r < 0 ? log_err(r, "cannot read the network events") : 0;
}

static int on_kills(void *ctx)
{
	struct defender *d = ctx;

	block_tick(d);
	return block_busy(d) ? loop_timer_set(d->sources[SOURCE_KILLS], KILL_POLL_MS, 0) : 0;
}

/* Engines come, go, and make their sockets anew. */
static void engine_sockets_tell(const struct defender *d)
{
	const char *paths[ENGINES_MAX];

	for (uint32_t i = 0; i < d->config.engine_count; i++)
		paths[i] = d->config.engines[i].socket;
	if (d->sensor && sensor_engine_sockets_set(d->sensor, paths, d->config.engine_count) < 0)
		log_debug("the engines' sockets could not be put into the kernel");
}

static int on_second(void *ctx)
{
	struct defender *d = ctx;

	look_at_clock(d);
	engine_sockets_tell(d);
	if (d->sensor && sensor_flush_aggregates(d->sensor) < 0)
		log_debug("the connection counters could not be read");
	hold_expire(d->hold, time_boot());
	process_table_expire(d->processes, time_boot());
	containers_expire(d);
	life_tick(d);
	block_tick(d);
	gates_tick(d);
	fold_tick(d->fold, time_monotonic());
	edges_send(d, false);
	spool_pump(d->spool, defender_console(d));
	host_checks_tick(d);
	defender_settle(d);
	status_tick(d);
	return 0;
}

/* ---- start ---- */

int defender_start(struct defender *d, struct diag *reterr)
{
	struct sensor_config c = {.self_pid = (uint32_t)getpid(), .cgroup_v1 = d->config.cgroup_v1};

	int r = sensor_set_new(&d->sensor, &c, event_record, d, reterr);
	if (r < 0)
		return r;
	d->started = time_boot();
	struct enforce_config e = {.root = sensor_cgroup_root(d->sensor), .freezer = "/sys/fs/cgroup/freezer",
		.v1 = d->config.cgroup_v1,
		.dry_run = d->config.dry_run};
	r = enforce_new(&d->enforcer, &e);
	if (r < 0)
		return diag_msg(reterr, r, "cannot use the cgroups in '%s': %s", e.root, strerror(-r));
	/* Blocked ones first, then the rules: nothing runs free in between that was stopped before. */
	block_arm(d);
	rules_load(d); /* a damaged file is logged; the Console will send it again */
	life_open(d);
	containers_scan(d);
	life_found(d);
	return 0;
}

int defender_connect(struct defender *d)
{
	int r = links_open(d);

	if (r == 0)
		r = loop_add_timer(d->loop, &d->sources[SOURCE_SECOND], SECOND_MS, SECOND_MS, on_second, d);
	if (r == 0)
		r = loop_add_timer(d->loop, &d->sources[SOURCE_KILLS], 0, 0, on_kills, d);
	if (r == 0 && d->sensor)
		r = loop_add_fd(d->loop, &d->sources[SOURCE_SECURITY], sensor_security_fd(d->sensor), EPOLLIN, on_security, d);
	if (r == 0 && d->sensor)
		r = loop_add_fd(d->loop, &d->sources[SOURCE_BULK], sensor_bulk_fd(d->sensor), EPOLLIN, on_bulk, d);
	return r;
}
