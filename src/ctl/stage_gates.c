/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the gates of creation in the way of the stage's engines, with the parts of `seawall install`: see stage.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "ctl/reload.h"
#include "ctl/shim_files.h"
#include "ctl/stage.h"

static void say_nothing(void *ctx, const char *file, const char *action, const char *reason)
{
}

static int place_shim(const struct stage *s, char path[PATH_MAX], struct diag *reterr)
{
	char folder[PATH_MAX], socket[PATH_MAX], runc[PATH_MAX];
	struct shim_files f = {.dir = folder, .engine = "docker", .program = runc, .socket = socket, .deadline = "2s",
		.say = say_nothing};

	snprintf(folder, sizeof(folder), "%s/shim", s->dir);
	snprintf(socket, sizeof(socket), "%s/seawall/gate/shim.sock", s->dir);
	snprintf(path, PATH_MAX, "%.4000s/seawall-shim", folder);
	if (shim_program_find("runc", runc, sizeof(runc)) < 0)
		return diag_msg(reterr, -ENOENT, "runc is not installed");
	return shim_files_put(&f, reterr);
}

static int configure(const struct private_engine *e, enum feature feature, const char *shim, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT(64u << 10);
	const struct edit want = {.set = feature, .shim = shim, .make_default = true};
	char path[PATH_MAX];
	bool gone;

	int r = edit_docker(&config, &gone, NULL, 0, &want, reterr);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/daemon.json", e->dir);
	r = file_write_atomic(path, config.data, config.len, 0600);
	if (r < 0)
		return diag_msg(reterr, r, "cannot write %s: %s", path, strerror(-r));
	return reload_docker(e->process.pid, e->socket, feature, true, reterr);
}

int stage_gate(struct stage *s, enum stage_gate gate, struct diag *reterr)
{
	char shim[PATH_MAX] = "";
	int r = gate == STAGE_SHIM ? place_shim(s, shim, reterr) : 0;

	for (int i = 0; i < s->host_count && r == 0; i++)
		r = configure(&s->hosts[i], gate == STAGE_SHIM ? FEATURE_SHIM : FEATURE_AUTHZ, shim, reterr);
	return r;
}
