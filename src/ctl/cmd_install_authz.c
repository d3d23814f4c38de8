/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall install authz, uninstall authz: Docker asks the Gate about every command. Docker denies
 * everything while a plugin that it was told of does not answer, so it is told only when ours does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "ctl/install.h"
#include "ctl/reload.h"
#include "ctl/state.h"

#define PLUGIN_DIR "/etc/docker/plugins"

static int begin(struct install *i, struct call *c, char *spec)
{
	const char *dir = call_value(c, "plugin-dir") ? call_value(c, "plugin-dir") : PLUGIN_DIR;
	int code = install_begin(i, c);

	if (code == CTL_DONE && strcmp(i->engine->name, "docker") != 0)
		return cannot_say("only Docker has authorization plugins");
	snprintf(spec, PATH_MAX, "%.*s/" EDIT_RUNTIME ".spec", PATH_MAX - 64, dir);
	return code;
}

static struct installed_change change_of(struct install *i)
{
	return (struct installed_change){.path = i->config, .edit = edit_docker, .feature = FEATURE_AUTHZ,
		.dry_run = i->dry_run, .say = install_say, .ctx = i, .want = {.dir = ""}};
}

static int put_spec(struct install *i, const char *spec, const char *socket)
{
	CLEANUP(buf_done) struct buf old = BUF_INIT(PATH_MAX + 64);
	char text[PATH_MAX + 16], dir[PATH_MAX];
	int n = snprintf(text, sizeof(text), "unix://%s\n", socket);
	int r = file_read(spec, &old);
	bool there = r == 0, same = there && old.len == (size_t)n && memcmp(old.data, text, old.len) == 0;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(spec, '/') - spec), spec);
	r = same || i->dry_run ? 0 : dir_make(dir, 0755);
	if (r == 0 && !same && !i->dry_run)
		r = file_write_atomic(spec, text, (size_t)n, 0644);
	if (r < 0)
		return cannot_say("%s: %s", spec, strerror(-r));
	install_say(i, spec, same ? "unchanged" : there ? "changed" : "created", NULL);
	return CTL_DONE;
}

int cmd_install_authz(struct call *c)
{
	struct install i;
	struct diag diag = {0};
	char spec[PATH_MAX], socket[PATH_MAX];
	bool done;
	int code = begin(&i, c, spec);

	if (code != CTL_DONE)
		return code;
	struct installed_change change = change_of(&i), rehearsal = change;
	rehearsal.dry_run = true;
	rehearsal.say = NULL;
	pid_t pid = reload_find(i.socket, "dockerd");
	if (pid > 0 && reload_has_option(pid, "authorization-plugin"))
		return cannot_say("dockerd (%d) was started with --authorization-plugin: with that, it refuses plugins in %s. "
				  "Move the option there first",
			(int)pid, i.config);
	if (installed_add(&rehearsal, &diag) < 0)
		return cannot(&diag);
	CLEANUP(fd_close) int gate = unix_connect(state_path("gate/authz.sock", socket));
	if (gate < 0 && i.reload && !i.dry_run)
		return cannot_say("nobody listens at %s: told of it now, Docker would deny every command. "
				  "Start Seawall first ('seawall up')",
			socket);
	code = put_spec(&i, spec, socket);
	if (code != CTL_DONE)
		return code;
	if (installed_add(&change, &diag) < 0)
		return cannot(&diag);
	if (!i.dry_run)
		fprintf(stderr, "from then on Docker denies every command while Seawall is away, and does not start "
				"without it: 'seawall uninstall authz --reload' undoes this at any time\n");
	return install_reload(&i, FEATURE_AUTHZ, true, &done);
}

int cmd_uninstall_authz(struct call *c)
{
	struct install i;
	struct diag diag = {0};
	char spec[PATH_MAX];
	bool done;
	int code = begin(&i, c, spec);

	if (code != CTL_DONE)
		return code;
	struct installed_change change = change_of(&i);
	if (installed_remove(&change, &diag) < 0)
		return cannot(&diag);
	code = install_reload(&i, FEATURE_AUTHZ, false, &done);
	if (code != CTL_DONE || access(spec, F_OK) < 0)
		return code;
	/* A dockerd that still has the plugin looks it up here when it starts again. */
	if (!done) {
		install_say(&i, spec, "kept", "once the engine has reloaded, run this again");
		return CTL_DONE;
	}
	if (!i.dry_run && unlink(spec) < 0)
		return cannot_say("%s: %s", spec, strerror(errno));
	install_say(&i, spec, "removed", NULL);
	return CTL_DONE;
}
