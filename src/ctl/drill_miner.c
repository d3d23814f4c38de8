/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The miner under every cloak: by its name, by its arguments under another name, and by nothing but
 * what it says to its pool. And the honest programs that look like one, which must stay quiet.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/drill.h"

#define IMAGE "seawall-drill/miner:1"
#define SEEN_MS 10000
#define HONEST_MS 20000
#define HONEST_PORT "8545"

static const struct image_file files[] = {
	{.path = "usr/bin/xmrig", .program = "seawall-drill-miner"},
	{.path = "usr/sbin/sshd", .program = "seawall-drill-miner"},
	{.path = NULL},
};

static const struct {
	const char *step, *did, *expected, *body;
} cloaks[] = {
	{"name", "runs /usr/bin/xmrig without an argument", "blocked by its name",
		"{\"Image\":\"" IMAGE "\",\"Entrypoint\":[\"/usr/bin/xmrig\"]}"},
	{"arguments", "runs the miner as /usr/sbin/sshd -o stratum+tcp://… --donate-level 1",
		"blocked by its arguments",
		"{\"Image\":\"" IMAGE
		"\",\"Entrypoint\":[\"/usr/sbin/sshd\",\"-o\",\"stratum+tcp://" STAGE_POOL
		":" STAGE_POOL_PORT "\",\"--donate-level\",\"1\"]}"},
	{"stratum", "runs the miner as /usr/sbin/sshd, its pool hidden in the environment",
		"blocked by its first words to the pool",
		"{\"Image\":\"" IMAGE
		"\",\"Entrypoint\":[\"/usr/sbin/sshd\"],\"Env\":[\"POOL=" STAGE_POOL
		":" STAGE_POOL_PORT "\"]}"},
};

static int play_cloak(struct drill *d, size_t i, struct diag *reterr)
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct drill_step step = {cloaks[i].step, cloaks[i].did,
		d->gate == GATE_NONE ? "every gate is off: nothing is said" : cloaks[i].expected};
	const struct json *audit = NULL;
	char id[65], path[256];
	uint64_t began = time_monotonic();

	int r = stage_run(&d->stage.hosts[0], cloaks[i].body, id, reterr);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/audits?container=%s&detection=crypto_miner", id);
	r = drill_wait_item(d, path, d->gate == GATE_NONE ? 2000 : SEEN_MS, &reply, &audit);
	step.ms = (time_monotonic() - began) / NSEC_PER_MSEC;
	bool blocked = r == 0 && strcmp(json_get_str(audit, "done", ""), "block") == 0;
	step.passed = d->gate == GATE_NONE ? r == -ETIMEDOUT : blocked;
	if (r == 0)
		snprintf(step.saw, sizeof(step.saw), "%.300s (evidence: %s, done: %s)",
			json_get_str(audit, "message", ""), json_get_str(audit, "evidence", "?"),
			json_get_str(audit, "done", "?"));
	else
		snprintf(step.saw, sizeof(step.saw), "no audit");
	drill_report(d, &step);
	snprintf(d->stopped_at, sizeof(d->stopped_at), "under every cloak");
	return r == -EINTR ? r : 0;
}

static int run(struct drill *d, struct diag *reterr)
{
	static const struct image image = {IMAGE, "[\"/usr/bin/xmrig\"]", files};
	char pool[PATH_MAX];

	snprintf(pool, sizeof(pool), "%s/pool", d->stage.dir);
	const char *argv[] = {
		"seawall-drill-server", "sink", pool, STAGE_POOL ":" STAGE_POOL_PORT, NULL};
	int r = stage_image(&d->stage, &image, reterr);
	if (r == 0)
		r = stage_server(&d->stage, argv, reterr);
	for (size_t i = 0; i < ARRAY_SIZE(cloaks) && r == 0; i++)
		r = play_cloak(d, i, reterr);
	d->stopped = d->gate != GATE_NONE && !d->failed;
	return r < 0 || d->gate == GATE_NONE ? r : drill_lookalikes(d, reterr);
}

const struct drill_row drill_miner = {
	.name = "miner",
	.help = "a miner found by its name, by its arguments, and by what it says to its pool",
	.hosts = 1,
	.policies[GATE_RUNTIME] = "version: 1\nruntime:\n  - {name: stop miners, processes: {crypto_miners: "
		  "block}}\n",
	.gates =
		{
			[GATE_RUNTIME] = {"runtime", true, "its first instruction or word"},
			[GATE_ACCESS] = {"access", false, "its start"},
			[GATE_TRUST] = {"trust", false, "its start"},
			[GATE_VULNERABILITY] = {"vulnerability", false, "its start"},
		},
	.run = run,
};

#define HONEST_IMAGE "seawall-drill/honest:1"

static const struct image_file honest_files[] = {
	{.path = "bin/busybox", .program = "busybox"},
	{.path = "bin/sh", .link = "busybox"},
	{.path = "bin/grep", .link = "busybox"},
	{.path = "usr/sbin/nginx", .program = "seawall-drill-server"},
	{.path = "usr/bin/load", .program = "seawall-drill-lookalike"},
	{.path = "usr/bin/ffmpeg", .program = "seawall-drill-lookalike"},
	{.path = "usr/bin/rpc-client", .program = "seawall-drill-lookalike"},
	{.path = "etc/notes",
		.text = "never run xmrig with --donate-level 1 -o stratum+tcp://pool:3333\n"},
	{.path = "srv/index.html", .text = "<!doctype html><title>hello</title>\n"},
	{.path = NULL},
};

static const struct {
	const char *step, *did, *body;
} honest[] = {
	{"web server", "a web server called nginx answers 1,000 requests",
		"{\"Image\":\"" HONEST_IMAGE "\",\"Entrypoint\":[\"/bin/sh\",\"-c\","
		"\"/usr/sbin/nginx http /srv 127.0.0.1:80 & exec /usr/bin/load 127.0.0.1 80 "
		"1000\"]}"},
	{"encoder", "an encoder takes 100 % of a core",
		"{\"Image\":\"" HONEST_IMAGE
		"\",\"Entrypoint\":[\"/usr/bin/"
		"ffmpeg\",\"-i\",\"in.mkv\",\"-c:v\",\"libx264\",\"out.mp4\"]}"},
	{"grep", "grep -- --donate-level /etc/notes",
		"{\"Image\":\"" HONEST_IMAGE
		"\",\"Entrypoint\":[\"/bin/grep\",\"--\",\"--donate-level\",\"/etc/notes\"]}"},
	{"JSON-RPC", "a client speaks JSON-RPC that is no stratum",
		"{\"Image\":\"" HONEST_IMAGE
		"\",\"Entrypoint\":[\"/usr/bin/rpc-client\",\"" STAGE_RPC "\",\"" HONEST_PORT
		"\"]}"},
};

/* Waits for the end of a container; its exit code, or -errno. */
static int wait_exit(struct drill *d, const char *id)
{
	uint64_t deadline = time_monotonic() + HONEST_MS * NSEC_PER_MSEC;
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/json", id);
	while (time_monotonic() < deadline) {
		CLEANUP(json_free) struct json *state = NULL;
		stage_docker(&d->stage.hosts[0], "GET", path, NULL, &state);
		if (strcmp(json_str(json_path(state, "State.Status"), ""), "exited") == 0)
			return (int)json_int(json_path(state, "State.ExitCode"), -1);
		if (stage_interrupted())
			return -EINTR;
		poll(NULL, 0, 20);
	}
	return -ETIMEDOUT;
}

/* Seawall has all of it once the last process's exit is in the flight recorder: only then is
 * silence an answer. */
static bool has_exit(void *ctx, const struct json *answer)
{
	for (const struct json *e = json_first(json_get(answer, "items")); e; e = json_next(e))
		if (strcmp(json_get_str(e, "type", ""), "exit") == 0)
			return true;
	return false;
}

static int play_honest(struct drill *d, size_t i, struct diag *reterr)
{
	CLEANUP(reply_done) struct reply recorded = {0};
	CLEANUP(reply_done) struct reply audits = {0};
	struct drill_step step = {honest[i].step, honest[i].did,
		"a look-alike: it does its work, and Seawall says nothing"};
	uint64_t began = time_monotonic();
	char id[65], path[256];

	int r = stage_run(&d->stage.hosts[0], honest[i].body, id, reterr);
	if (r < 0)
		return r;
	int code = wait_exit(d, id);
	if (code == -EINTR)
		return code;
	snprintf(path, sizeof(path), "/forensics/%s?limit=1000", id);
	r = drill_wait(d, path, SEEN_MS, has_exit, NULL, &recorded);
	if (r == -EINTR)
		return r;
	snprintf(path, sizeof(path), "/audits?container=%s", id);
	bool recorded_it = r == 0;
	r = client_ask(d->stage.client, &(struct request){.path = path}, &audits, reterr);
	if (r < 0)
		return r;
	const struct json *audit = json_first(json_get(audits.json, "items"));
	step.ms = (time_monotonic() - began) / NSEC_PER_MSEC;
	step.passed = code == 0 && recorded_it && audits.status == 200 && !audit;
	if (audit)
		snprintf(step.saw, sizeof(step.saw), "%.400s", json_get_str(audit, "message", ""));
	else
		snprintf(step.saw, sizeof(step.saw), "no audit, exit code %d%s", code,
			recorded_it ? "" : ", but nothing was recorded either");
	drill_report(d, &step);
	return 0;
}

/* The user of the engine asks what runs: a docker client, but not one in a container. */
int drill_docker_ps(struct drill *d, struct diag *reterr)
{
	CLEANUP(json_free) struct json *list = NULL;
	struct drill_step step = {"docker ps", "the user of the engine lists its containers",
		"a look-alike: allowed"};
	uint64_t began = time_monotonic();
	int status = stage_docker(&d->stage.hosts[0], "GET", "/containers/json", NULL, &list);

	step.ms = (time_monotonic() - began) / NSEC_PER_MSEC;
	step.passed = status == 200;
	snprintf(step.saw, sizeof(step.saw), "the engine answers with status %d", status);
	drill_report(d, &step);
	return 0;
}

int drill_lookalikes(struct drill *d, struct diag *reterr)
{
	static const struct image image = {HONEST_IMAGE, "[\"/bin/sh\"]", honest_files};
	char heard[PATH_MAX];

	snprintf(heard, sizeof(heard), "%s/rpc", d->stage.dir);
	const char *argv[] = {
		"seawall-drill-server", "sink", heard, STAGE_RPC ":" HONEST_PORT, NULL};
	int r = stage_image(&d->stage, &image, reterr);
	if (r == 0)
		r = stage_server(&d->stage, argv, reterr);
	for (size_t i = 0; i < ARRAY_SIZE(honest) && r == 0; i++)
		r = play_honest(d, i, reterr);
	return r < 0 ? r : drill_docker_ps(d, reterr);
}
