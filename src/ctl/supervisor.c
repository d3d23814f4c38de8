/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the programs running: see supervisor.h. */
#include "ctl/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "ctl/client.h"
#include "ctl/shim_watch.h"
#include "ctl/state.h"
#include "ctl/undo.h"

#define READY_MS 30000 /* enforcement must be on by then */
#define READY_POLL_MS 25
#define READY_ASK_MS 1000
#define BACKOFF_FIRST_MS 100 /* after a start at once that did not help */
#define BACKOFF_MAX_MS 2000
/* Having run that long, the next death is a first one again. */
#define HEALTHY_NS (10 * NSEC_PER_SEC)
#define EARLY_DEATHS_MAX 5  /* of one program before enforcement is on */
#define DAY_MS 86400000ull
#define STOP_MS 8000
#define SHIMS_MS 1000 /* a lost shim is back by then */

static const struct {
	const char *name;
	bool engines; /* is told of the engines: --docker PATH, --containerd PATH */
} programs[] = {
	[CHILD_CONSOLE] = {"seawall-console", false},
	[CHILD_DEFENDER] = {"seawall-defender", true},
	[CHILD_REGISTRY] = {"seawall-registry", false},
	[CHILD_GATE] = {"seawall-gate", true},
	[CHILD_VIEWER] = {"seawall", false},
};

struct child {
	struct supervisor *supervisor;
	enum child_id id;
	struct process_id process; /* pid 0: not running */
	struct loop_source *restart;
	uint64_t started; /* monotonic */
	int delay_ms;	  /* before the next start; 0 after a healthy run */
	int deaths;
	bool wanted;
};

struct supervisor {
	struct supervisor_config config;
	struct loop *loop;
	struct client *client;
	struct child children[CHILD_COUNT_];
	int engine_count;
	struct loop_source *ready_timer;
	struct shim_watch *shims;
	uint64_t ready_deadline;
	bool ready;
	struct diag failure;
};

const char *child_name(enum child_id id)
{
	return programs[id].name;
}

struct process_id supervisor_child(const struct supervisor *s, enum child_id id)
{
	return s->children[id].process;
}

static int child_start(struct child *c)
{
	struct supervisor *s = c->supervisor;
	const char *argv[SPAWN_ARGS_MAX] = {0};
	struct spawn spawn = {.argv = argv, .own_group = true, .death_signal = SIGTERM};
	char path[PATH_MAX], what[64], option[ENGINES_MAX][16];
	int n = 0;
	pid_t pid;

	int r = program_find(programs[c->id].name, path, &s->failure);
	if (r < 0)
		return r;
	argv[n++] = path;
	for (int i = 0; programs[c->id].engines && i < s->engine_count; i++) {
		snprintf(option[i], sizeof(option[i]), "--%s", s->config.engines[i].kind);
		argv[n++] = option[i];
		argv[n++] = s->config.engines[i].socket;
	}
	if (c->id == CHILD_VIEWER) {
		argv[n++] = "audits";
		argv[n++] = "--follow";
		argv[n++] = s->config.json ? "--json" : NULL;
	} else {
		spawn.out_fd = 2; /* standard output is for audits */
	}
	r = spawn_start(&spawn, &pid);
	if (r < 0)
		return diag_msg(&s->failure, r, "cannot start %s: %s", path, strerror(-r));
	c->process = process_id_of(pid);
	c->started = time_monotonic();
	snprintf(what, sizeof(what), "%d %lu", (int)pid, (unsigned long)c->process.start);
	return undo_add(s->config.undo, UNDO_PROCESS, what, &s->failure);
}

static int on_restart(void *ctx)
{
	struct child *c = ctx;

	return c->wanted && !c->process.pid ? child_start(c) : 0;
}

static void describe(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "ended with exit code %d", WEXITSTATUS(status));
}

static int child_died(struct child *c, int status)
{
	struct supervisor *s = c->supervisor;
	uint64_t ran = time_monotonic() - c->started;
	char how[96];

	describe(status, how, sizeof(how));
	if (ran >= HEALTHY_NS)
		c->delay_ms = 0;
	log_warn(0, "%s (pid %d) %s after %lu ms: starting it again %s", programs[c->id].name,
		(int)c->process.pid, how, (unsigned long)(ran / NSEC_PER_MSEC),
		c->delay_ms ? "in a moment" : "at once");
	c->process = (struct process_id){0};
	if (!s->ready && ++c->deaths >= EARLY_DEATHS_MAX)
		return diag_msg(&s->failure, -ECHILD, "%s does not stay up: it %s",
			programs[c->id].name, how);
	/* A first period of 0 and 0 would disarm the timer: 1 ms is "at once". */
	int r = loop_timer_set(c->restart, c->delay_ms ? (uint64_t)c->delay_ms : 1, 0);
	c->delay_ms = c->delay_ms ? 2 * c->delay_ms : BACKOFF_FIRST_MS;
	if (c->delay_ms > BACKOFF_MAX_MS)
		c->delay_ms = BACKOFF_MAX_MS;
	return r;
}

static int on_child(void *ctx, int signo)
{
	struct supervisor *s = ctx;
	int status, r = 0;

	for (int i = 0; i < CHILD_COUNT_ && r == 0; i++) {
		struct child *c = &s->children[i];
		if (c->process.pid && waitpid(c->process.pid, &status, WNOHANG) == c->process.pid)
			r = child_died(c, status);
	}
	return r;
}

static int on_stop(void *ctx, int signo)
{
	struct supervisor *s = ctx;

	loop_quit(s->loop);
	return 0;
}

/* The Console says 200 only when a Defender enforces. What it lacks is kept for the message. */
static bool enforcing(struct supervisor *s)
{
	struct reply reply = {0};
	struct diag diag = {0};
	bool on = false;

	if (!client_answers(s->client, "//readyz", READY_ASK_MS))
		return false;
	client_free(s->client); /* a token may have been written meanwhile */
	s->client = NULL;
	if (client_new(&s->client, &diag) == 0 &&
		client_ask(s->client, &(struct request){.path = "/status"}, &reply, &diag) == 0)
		on = json_get_bool(reply.json, "ready", false);
	reply_done(&reply);
	return on;
}

static int on_ready_poll(void *ctx)
{
	struct supervisor *s = ctx;

	if (enforcing(s)) {
		s->ready = true;
		loop_timer_set(s->ready_timer, 0, 0);
		s->config.on_ready(s->config.ctx);
		return 0;
	}
	if (time_monotonic() > s->ready_deadline)
		return diag_msg(&s->failure, -ETIMEDOUT,
			"enforcement did not come on within %d s ('seawall status' tells what is "
			"missing)",
			READY_MS / 1000);
	return 0;
}

static int on_shims(void *ctx)
{
	struct supervisor *s = ctx;

	shim_watch_tick(s->shims);
	return 0;
}

static int on_day(void *ctx)
{
	struct supervisor *s = ctx;

	if (s->config.on_day)
		s->config.on_day(s->config.ctx);
	return 0;
}

int supervisor_new(
	struct supervisor **ret, const struct supervisor_config *config, struct diag *reterr)
{
	CLEANUP(supervisor_free) struct supervisor *s = calloc(1, sizeof(*s));
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

	if (!s)
		return -ENOMEM;
	s->config = *config;
	int r = loop_new(&s->loop);
	for (size_t i = 0; i < ARRAY_SIZE(stops) && r == 0; i++)
		r = loop_add_signal(s->loop, NULL, stops[i], on_stop, s);
	if (r == 0)
		r = loop_add_signal(s->loop, NULL, SIGCHLD, on_child, s);
	if (r == 0)
		r = shim_watch_new(&s->shims);
	if (r == 0)
		r = loop_add_timer(s->loop, NULL, SHIMS_MS, SHIMS_MS, on_shims, s);
	for (int i = 0; i < CHILD_COUNT_ && r == 0; i++) {
		s->children[i] =
			(struct child){.supervisor = s, .id = i, .wanted = i != CHILD_VIEWER};
		r = loop_add_timer(
			s->loop, &s->children[i].restart, 3600000, 0, on_restart, &s->children[i]);
		if (r == 0)
			r = loop_timer_set(s->children[i].restart, 0, 0);
	}
	if (r < 0)
		return diag_msg(reterr, r, "cannot make the event loop: %s", strerror(-r));
	r = client_new(&s->client, reterr);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct supervisor *supervisor_free(struct supervisor *s)
{
	if (!s)
		return NULL;
	client_free(s->client);
	shim_watch_free(s->shims);
	loop_free(s->loop);
	free(s);
	return NULL;
}

void supervisor_set_engines(struct supervisor *s, int n)
{
	s->engine_count = n;
}

void supervisor_view(struct supervisor *s)
{
	s->children[CHILD_VIEWER].wanted = true;
	if (child_start(&s->children[CHILD_VIEWER]) < 0)
		log_warn(0, "no lines about audits: %s", s->failure.message);
}

int supervisor_run(struct supervisor *s, struct diag *reterr)
{
	int r = 0;

	s->ready_deadline = time_monotonic() + READY_MS * NSEC_PER_MSEC;
	on_day(s); /* before the programs need what it makes */
	for (int i = 0; i < CHILD_VIEWER && r == 0; i++)
		r = child_start(&s->children[i]);
	if (r == 0)
		r = loop_add_timer(
			s->loop, &s->ready_timer, READY_POLL_MS, READY_POLL_MS, on_ready_poll, s);
	if (r == 0)
		r = loop_add_timer(s->loop, NULL, DAY_MS, DAY_MS, on_day, s);
	if (r == 0)
		r = loop_run(s->loop);
	if (r < 0 && reterr)
		*reterr = s->failure;
	/* The Gate first, the Console last: what the others have to say on their way out is still
	 * stored. */
	for (int i = CHILD_COUNT_ - 1; i >= 0; i--)
		if (s->children[i].process.pid)
			process_stop(&s->children[i].process, SIGTERM, STOP_MS);
	return r;
}
