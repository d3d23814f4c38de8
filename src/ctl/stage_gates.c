/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the gates of creation in the way of the stage's engines: see stage.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "ctl/stage.h"
#include "ctl/state.h"

#define RELOAD_MS 10000
#define SHIM_MAX (4u << 20)

/* The shim finds its settings beside itself: this copy of it has some of its own. */
static int place_shim(const struct stage *s, char path[PATH_MAX], struct diag *reterr)
{
	CLEANUP(buf_done) struct buf program = BUF_INIT(SHIM_MAX);
	char from[PATH_MAX], folder[PATH_MAX], settings[PATH_MAX + 32], text[2 * PATH_MAX];

	int r = program_find("seawall-shim", from, reterr);
	if (r == 0)
		r = file_read(from, &program);
	snprintf(folder, sizeof(folder), "%s/shim", s->dir);
	if (r == 0)
		r = dir_make(folder, 0755);
	snprintf(path, PATH_MAX, "%.4000s/seawall-shim", folder);
	if (r == 0)
		r = file_write_atomic(path, program.data, program.len, 0755);
	snprintf(settings, sizeof(settings), "%s/seawall-shim.conf", folder);
	int n = snprintf(text, sizeof(text), "engine=docker\nfail=open\ndeadline=2s\nsocket=%s/seawall/gate/shim.sock\n", s->dir);
	if (r == 0)
		r = file_write_atomic(settings, text, (size_t)n, 0644);
	return r < 0 ? diag_msg(reterr, r, "cannot place the shim in %s: %s", folder, strerror(-r)) : 0;
}

/* Records of commands that Seawall has. */
static int commands_seen(struct stage *s)
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct diag diag = {0};
	int n = 0;

	if (client_ask(s->client, &(struct request){.path = "/audits?kind=access&limit=500"}, &reply, &diag) < 0)
		return 0;
	for (const struct json *a = json_first(json_get(reply.json, "items")); a; a = json_next(a))
		n++;
	return n;
}

/*
 * Whether the engine has read its file again. It says so of its runtimes; of its plugins (20.10) only what
 * it was started with, so there a command that nobody else gives is the proof when it is on record.
 */
static bool took(struct stage *s, int host, enum stage_gate gate, int seen_before)
{
	CLEANUP(json_free) struct json *info = NULL;
	char path[64];

	if (gate == STAGE_AUTHZ) {
		snprintf(path, sizeof(path), "/containers/seawall-drill-%d/json", host);
		stage_docker(&s->hosts[host], "GET", path, NULL, NULL);
		return commands_seen(s) > seen_before;
	}
	return stage_docker(&s->hosts[host], "GET", "/info", NULL, &info) == 200 &&
	       strcmp(json_get_str(info, "DefaultRuntime", ""), "seawall") == 0;
}

static int reload(struct stage *s, int host, enum stage_gate gate, const char *config, struct diag *reterr)
{
	const struct private_engine *e = &s->hosts[host];
	int seen = gate == STAGE_AUTHZ ? commands_seen(s) : 0;
	uint64_t deadline = time_monotonic() + RELOAD_MS * NSEC_PER_MSEC;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/daemon.json", e->dir);
	int r = file_write_atomic(path, config, strlen(config), 0600);
	if (r < 0 || kill(e->process.pid, SIGHUP) < 0)
		return diag_msg(reterr, r < 0 ? r : -errno, "cannot make the engine read %s again", path);
	while (!took(s, host, gate, seen)) {
		if (stage_interrupted())
			return diag_msg(reterr, -EINTR, "interrupted");
		if (time_monotonic() > deadline)
			return diag_msg(reterr, -ETIMEDOUT, "the engine did not take the settings of %s", path);
		poll(NULL, 0, 20);
	}
	return 0;
}

int stage_gate(struct stage *s, enum stage_gate gate, struct diag *reterr)
{
	char shim[PATH_MAX] = "", config[2 * PATH_MAX];
	int r = gate == STAGE_SHIM ? place_shim(s, shim, reterr) : 0;

	if (gate == STAGE_SHIM)
		snprintf(config, sizeof(config),
			"{\"runtimes\":{\"seawall\":{\"path\":\"%s\"}},\"default-runtime\":\"seawall\"}\n", shim);
	else
		snprintf(config, sizeof(config), "{\"authorization-plugins\":[\"seawall\"]}\n");
	for (int i = 0; i < s->host_count && r == 0; i++)
		r = reload(s, i, gate, config, reterr);
	return r;
}
