/* SPDX-License-Identifier: Apache-2.0 */
/* What installing gates shares: see install.h. */
#include "ctl/install.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "ctl/reload.h"

/* Where files go that an update of the engine does not touch. */
static const struct install_engine engines[] = {
	{"docker", "/etc/docker/daemon.json", edit_docker, {NULL}, "this again with --reload, or 'systemctl reload docker'",
		"this again with --reload, or 'systemctl restart docker' (a plain reload does not make dockerd forget a runtime)"},
	{"containerd", "/etc/containerd/config.toml", edit_containerd, {NULL},
		"'systemctl restart containerd' (its containers go on); ctr reads no configuration: ctr run --runc-binary", NULL},
	{"podman", "/etc/containers/containers.conf.d/seawall.conf", edit_podman, {"crun", "runc"},
		"nothing: podman reads it each time", NULL},
	{"crio", "/etc/crio/crio.conf.d/99-seawall.conf", edit_crio, {"crun", "runc"},
		"'systemctl restart crio' (its containers go on)", NULL},
};

static const char *option(const struct call *c, const char *name, const char *otherwise)
{
	const char *value = call_value(c, name);

	return value && *value ? value : otherwise;
}

int install_begin(struct install *i, struct call *c)
{
	const char *name = option(c, "runtime", "docker");
	const char *words[ARRAY_SIZE(engines)];

	*i = (struct install){.call = c,
		.socket = option(c, "engine-socket", "/var/run/docker.sock"),
		.dry_run = call_flag(c, "dry-run"),
		.reload = call_flag(c, "reload")};
	for (size_t k = 0; k < ARRAY_SIZE(engines); k++) {
		words[k] = engines[k].name;
		if (strcmp(engines[k].name, name) == 0)
			i->engine = &engines[k];
	}
	if (!i->engine) {
		const char *near = word_nearest(name, words, ARRAY_SIZE(words));
		return cannot_say("unknown runtime '%s'%s%s%s (docker, containerd, podman or crio)", name,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	i->config = option(c, "config", i->engine->config);
	return CTL_DONE;
}

void install_say(void *ctx, const char *file, const char *action, const char *reason)
{
	const struct install *i = ctx;
	struct buf b = BUF_INIT(64 << 10);

	if (!i->call->json) {
		printf("%s%-9s %s%s%s%s\n", i->dry_run ? "would be " : "", action, file, reason ? " (" : "",
			reason ? reason : "", reason ? ")" : "");
		return;
	}
	buf_puts(&b, "{\"file\":");
	json_put_str(&b, file);
	buf_puts(&b, ",\"action\":");
	json_put_str(&b, action);
	buf_puts(&b, ",\"reason\":");
	json_put_str(&b, reason);
	buf_printf(&b, ",\"dry_run\":%s}", i->dry_run ? "true" : "false");
	if (!b.failed)
		puts((char *)b.data);
	buf_done(&b);
}

int install_reload(const struct install *i, enum feature feature, bool ours, bool *ret_done)
{
	bool docker = strcmp(i->engine->name, "docker") == 0;
	pid_t pid = docker ? reload_find(i->socket, "dockerd") : -ESRCH;
	struct diag diag = {0};

	/* podman has no daemon, and somebody may have reloaded dockerd already. */
	*ret_done = docker ? pid < 0 || reload_knows(i->socket, feature) == (int)ours
			   : strcmp(i->engine->name, "podman") == 0;
	if (i->dry_run)
		return CTL_DONE;
	if (!docker || !i->reload) {
		if (!*ret_done)
			fprintf(stderr, "to put it in force: %s\n",
				!ours && feature == FEATURE_SHIM && i->engine->forget ? i->engine->forget
											: i->engine->reload);
		return CTL_DONE;
	}
	if (pid < 0) {
		fprintf(stderr, "no dockerd listens at %s: it will read this when it starts\n", i->socket);
		return CTL_DONE;
	}
	if (reload_docker(pid, i->socket, feature, ours, &diag) < 0)
		return cannot(&diag);
	/* While the engine knows the runtime its program must stay, whatever the file says. */
	*ret_done = feature == FEATURE_AUTHZ || reload_knows(i->socket, feature) == (int)ours;
	install_say((void *)(uintptr_t)i, i->socket, "reloaded", NULL);
	return CTL_DONE;
}

int install_read(const char *path, struct buf *b, struct diag *reterr)
{
	int r = file_read(path, b);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return diag_msg(reterr, r, "%s: %s", path, strerror(-r));
	/* There, and empty. */
	return buf_room(b, 1) ? 0 : -ENOMEM;
}
