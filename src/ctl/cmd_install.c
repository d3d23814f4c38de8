/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall install shim, uninstall shim. In: the shim's files first, the engine's configuration after
 * them. Out: the configuration first, the engine told, and the files only when nobody calls them any
 * more. Nothing of Seawall need run.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "ctl/crio_conf.h"
#include "ctl/install.h"
#include "ctl/reload.h"
#include "ctl/shim_watch.h"
#include "ctl/state.h"

#define DEADLINE_MAX_MS 60000
#define CONTAINERS_TOLD 5

/* The shims of one engine: one, or one for each runtime that is there. */
struct shims {
	int count;
	char dirs[2][PATH_MAX], programs[2][PATH_MAX];
	const char *names[3], *tables[3];
	char top[PATH_MAX]; /* DIR/ENGINE */
	char one[PATH_MAX]; /* path of a single shim */
};

static void add_shim(struct shims *s, const char *name, const char *program, const char *table)
{
	s->names[s->count] = name;
	s->tables[s->count] = table;
	snprintf(s->programs[s->count], PATH_MAX, "%s", program);
	snprintf(s->dirs[s->count], PATH_MAX, "%.*s/%s", PATH_MAX - 32, s->top, name);
	s->count++;
}

/* Those that are installed, and those that were put in when their program was elsewhere. */
static void shims_of(struct shims *s, const struct install *i, bool leaving)
{
	char program[PATH_MAX], dir[PATH_MAX];

	*s = (struct shims){.count = 0};
	snprintf(s->top, sizeof(s->top), "%.*s/%s", PATH_MAX - 128, i->dir, i->engine->name);
	snprintf(s->one, sizeof(s->one), "%.*s/seawall-shim", PATH_MAX - 64, s->top);
	if (!i->engine->names[0]) {
		s->count = 1;
		snprintf(s->dirs[0], PATH_MAX, "%s", s->top);
		return;
	}
	for (int k = 0; i->engine->names[k]; k++) {
		const char *name = i->engine->names[k];
		bool found = shim_program_find(name, program, PATH_MAX) == 0;
		snprintf(dir, sizeof(dir), "%.*s/%s", PATH_MAX - 32, s->top, name);
		if (found || (leaving && access(dir, F_OK) == 0))
			add_shim(s, name, found ? program : "", NULL);
	}
}

/* One runtime of CRI-O: false = its program is not there, and CRI-O leaves such a one out itself. */
static bool add_crio_runtime(struct shims *s, const struct install *i, const struct crio_runtime *r)
{
	char program[PATH_MAX], found[PATH_MAX], why[1024];

	/* Where CRI-O's packages have theirs: no place for other engines to find one. */
	snprintf(program, sizeof(program), "/usr/libexec/crio/%s", r->name);
	/* A path of ours, from an earlier hand: not what we are to become. */
	bool ours = str_has_prefix(r->program, i->dir) && r->program[strlen(i->dir)] == '/';
	if (r->program[0] && !ours)
		snprintf(program, sizeof(program), "%s", r->program);
	else if (shim_program_find(r->name, found, sizeof(found)) == 0)
		snprintf(program, sizeof(program), "%s", found);
	if (program[0] != '/' || access(program, X_OK) < 0)
		return false;
	add_shim(s, r->name, program, crio_conf_keys(r));
	if (r->platforms)
		fprintf(stderr, "%s: platform_runtime_paths of '%s' come before runtime_path: containers for those "
				"platforms are not asked about\n", r->file, r->name);
	if (r->file[0]) {
		snprintf(why, sizeof(why), "of the runtime %s: %.900s", r->name, r->names.len ? (char *)r->names.data : "nothing");
		install_say((void *)(uintptr_t)i, r->file, "carried", why);
	}
	return true;
}

/* CRI-O: the runtimes that its configuration has, since a later table takes an earlier one's place. */
static int crio_shims(struct shims *s, const struct install *i, struct crio_conf *conf, struct diag *reterr)
{
	int r = crio_conf_read(conf, i->config, reterr);

	if (r < 0)
		return r;
	s->count = 0;
	for (int k = 0; k < CRIO_RUNTIMES; k++)
		if (crio_conf_has(conf, &conf->runtimes[k]))
			add_crio_runtime(s, i, &conf->runtimes[k]);
	if (s->count && conf->others.len)
		fprintf(stderr, "not asked about: containers of CRI-O's further runtimes (%s), unless they inherit "
				"the default one\n", (char *)conf->others.data);
	return s->count ? 0 : diag_msg(reterr, -ENOENT, "CRI-O's configuration has neither crun nor runc, or they are not installed");
}

/* What the one shim becomes: as told, or what the configuration names, or runc. */
static int find_program(struct shims *s, const struct install *i, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(EDIT_MAX);
	const char *told = call_value(i->call, "program");
	int r = 0;

	if (i->engine->names[0])
		return s->count ? 0 : diag_msg(reterr, -ENOENT, "neither crun nor runc is installed");
	if (told && told[0] != '/')
		return diag_set(reterr, -EINVAL, 0, 0, "an absolute path", "--program %s", told);
	if (told) {
		snprintf(s->programs[0], PATH_MAX, "%s", told);
		return access(told, X_OK) == 0 ? 0 : diag_msg(reterr, -errno, "%s: %s", told, strerror(errno));
	}
	/* Before us, when we are in it already. */
	if (installed_original(i->config, &text) == -ENOENT)
		r = install_read(i->config, &text, reterr);
	if (r == 0 && i->engine->edit == edit_docker)
		r = edit_docker_program((char *)text.data, text.len, s->programs[0], PATH_MAX, reterr);
	else if (r == 0)
		r = edit_containerd_program((char *)text.data, text.len, i->dir, s->programs[0], PATH_MAX);
	if (r < 0) {
		if (reterr && !reterr->file[0])
			snprintf(reterr->file, sizeof(reterr->file), "%.255s", i->config);
		return r;
	}
	if (!s->programs[0][0] && shim_program_find("runc", s->programs[0], PATH_MAX) < 0)
		return diag_msg(reterr, -ENOENT, "runc is not installed; --program PATH names another runtime");
	return 0;
}

static int read_fail(const struct install *i, struct shim_files *f, char *deadline, size_t size)
{
	const char *fail = call_value(i->call, "fail"), *text = call_value(i->call, "deadline");
	uint64_t ns = 250 * NSEC_PER_MSEC;

	if (fail && strcmp(fail, "open") != 0 && strcmp(fail, "closed") != 0)
		return cannot_say("--fail %s: it is open (start without an answer) or closed (refuse)", fail);
	if (text && (parse_duration(text, &ns) < 0 || ns < NSEC_PER_MSEC || ns > DEADLINE_MAX_MS * NSEC_PER_MSEC))
		return cannot_say("--deadline %s: from 1ms to 60s, such as 250ms", text);
	f->closed = fail && strcmp(fail, "closed") == 0;
	snprintf(deadline, size, "%llums", (unsigned long long)(ns / NSEC_PER_MSEC));
	f->deadline = deadline;
	return CTL_DONE;
}

/* dockerd does not start with the same setting in its file and in its arguments. */
static int check_options(const struct install *i)
{
	static const char *const options[] = {"add-runtime", "default-runtime"};
	pid_t pid = i->engine->edit == edit_docker ? reload_find(i->socket, "dockerd") : -ESRCH;

	for (size_t k = 0; pid > 0 && k < ARRAY_SIZE(options); k++)
		if (reload_has_option(pid, options[k]))
			return cannot_say("dockerd (%d) was started with --%s: with that, it refuses runtimes in %s. "
					  "Move the option there first",
				(int)pid, options[k], i->config);
	return CTL_DONE;
}

static void prepare(struct installed_change *change, struct install *i, const struct shims *s)
{
	bool many = i->engine->names[0] != NULL;

	*change = (struct installed_change){.path = i->config,
		.edit = i->engine->edit,
		.feature = FEATURE_SHIM,
		.dry_run = i->dry_run,
		.say = install_say,
		.ctx = i,
		.want = {.dir = i->dir, .shim = many ? s->top : s->one}};
	for (int k = 0; many && k < s->count; k++) {
		change->want.names[k] = s->names[k];
		change->want.programs[k] = s->programs[k];
		change->want.tables[k] = s->tables[k];
	}
}

/* The edit alone: a file that is not understood stops us before anything was changed. */
static int rehearse(struct installed_change change, struct diag *reterr)
{
	change.dry_run = true;
	change.say = NULL;
	return installed_add(&change, reterr);
}

static int begin(struct install *i, struct shims *s, struct call *c, bool leaving)
{
	int code = install_begin(i, c);

	i->dir = call_value(c, "dir") ? call_value(c, "dir") : INSTALL_DIR;
	if (code == CTL_DONE && i->dir[0] != '/')
		return cannot_say("--dir %s: an absolute path, please", i->dir);
	if (code == CTL_DONE)
		shims_of(s, i, leaving);
	return code;
}

int cmd_install_shim(struct call *c)
{
	struct install i;
	struct shims s;
	struct diag diag = {0};
	struct installed_change change;
	CLEANUP(crio_conf_done) struct crio_conf conf = {0};
	char deadline[32], socket[PATH_MAX];
	struct shim_files f = {.say = install_say, .ctx = &i, .socket = state_path("gate/shim.sock", socket)};
	bool done;
	int code = begin(&i, &s, c, false);

	if (code == CTL_DONE)
		code = read_fail(&i, &f, deadline, sizeof(deadline));
	if (code == CTL_DONE)
		code = check_options(&i);
	if (code != CTL_DONE)
		return code;
	crio_conf_init(&conf, i.engine->names);
	if (i.engine->edit == edit_crio ? crio_shims(&s, &i, &conf, &diag) < 0 : find_program(&s, &i, &diag) < 0)
		return cannot(&diag);
	prepare(&change, &i, &s);
	change.want.make_default = call_flag(c, "default");
	if (rehearse(change, &diag) < 0)
		return cannot(&diag);
	f.engine = i.engine->name;
	f.dry_run = i.dry_run;
	for (int k = 0; k < s.count; k++) {
		f.dir = s.dirs[k];
		f.program = s.programs[k];
		if (shim_files_put(&f, &diag) < 0)
			return cannot(&diag);
		if (!i.dry_run && shim_list_add(&f) < 0)
			fprintf(stderr, "nobody will look after %s: it cannot be noted\n", f.dir);
	}
	if (installed_add(&change, &diag) < 0)
		return cannot(&diag);
	return install_reload(&i, FEATURE_SHIM, true, &done);
}

/* ---- out ---- */

/* Containers that Docker wants to start with our runtime by its name; how many. */
static int count_named(const char *root, char *names, size_t size)
{
	char pattern[PATH_MAX];
	glob_t found;
	int n = 0;

	names[0] = 0;
	snprintf(pattern, sizeof(pattern), "%.*s/containers/*/hostconfig.json", PATH_MAX - 64, root);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t k = 0; k < found.gl_pathc; k++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
		CLEANUP(json_free) struct json *j = NULL;
		if (file_read(found.gl_pathv[k], &b) < 0 || json_parse(&j, (char *)b.data, b.len, NULL) < 0 ||
			strcmp(json_get_str(j, "Runtime", ""), EDIT_RUNTIME) != 0)
			continue;
		size_t at = strlen(names);
		if (n++ < CONTAINERS_TOLD)
			snprintf(names + at, size - at, " %.12s", found.gl_pathv[k] + strlen(root) + strlen("/containers/"));
	}
	globfree(&found);
	return n;
}

/* A runtime that is named by containers and gone would keep them from ever starting again. */
static bool named_by_containers(const struct install *i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(EDIT_MAX);
	const char *root = call_value(i->call, "data-root");
	char room[PATH_MAX], names[256];

	if (i->engine->edit != edit_docker)
		return false;
	if (!root && install_read(i->config, &text, NULL) == 0)
		edit_docker_root((char *)text.data, text.len, room, sizeof(room));
	if (!root)
		root = text.data && room[0] ? room : "/var/lib/docker";
	int n = count_named(root, names, sizeof(names));
	if (n)
		fprintf(stderr, "%d containers were made with the runtime '" EDIT_RUNTIME "':%s%s\n"
				"It stays in %s and leads to the real one, so that they start. Once they are removed, "
				"run this again.\n",
			n, names, n > CONTAINERS_TOLD ? " …" : "", i->config);
	return n > 0;
}

/* What a shim that is there would become. */
static int program_behind(struct shims *s, int k)
{
	static const char *const links[] = {"seawall-shim.runtime", "seawall-shim"};
	char path[PATH_MAX];

	for (size_t l = 0; l < ARRAY_SIZE(links); l++) {
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 64, s->dirs[k], links[l]);
		ssize_t n = readlink(path, s->programs[k], PATH_MAX - 1);
		if (n > 0) {
			s->programs[k][n] = 0;
			return 0;
		}
	}
	return s->programs[k][0] ? 0 : shim_program_find("runc", s->programs[k], PATH_MAX);
}

static int remove_files(const struct install *i, const struct shims *s, const char *keep)
{
	struct shim_files f = {.engine = i->engine->name, .dry_run = i->dry_run, .say = install_say,
		.ctx = (void *)(uintptr_t)i};
	struct diag diag = {0};
	bool kept;

	for (int k = 0; k < s->count; k++) {
		f.dir = s->dirs[k];
		f.program = s->programs[k];
		if (!i->dry_run) /* first: nobody puts it back */
			shim_list_remove(f.dir);
		if (shim_files_remove(&f, keep, &kept, &diag) < 0)
			return cannot(&diag);
	}
	if (!i->dry_run) {
		rmdir(s->top); /* what is not empty stays */
		rmdir(i->dir);
	}
	return CTL_DONE;
}

/* What install_reload() is told while the file is explicit. */
struct telling {
	struct install *install;
	bool ours, done;
	int code;
};

static int tell_engine(void *ctx)
{
	struct telling *t = ctx;

	t->code = install_reload(t->install, FEATURE_SHIM, t->ours, &t->done);
	return 0;
}

/* dockerd forgets a runtime only when its file says so: it reads such a file first. */
static int leave_engine(struct install *i, struct installed_change change, bool *ret_done, struct diag *reterr)
{
	struct telling t = {.install = i, .ours = change.want.keep != NULL};

	change.ctx = &t;
	change.say = NULL;
	if (i->engine->edit != edit_docker || !i->reload || i->dry_run)
		return 0;
	int r = installed_during(&change, tell_engine, reterr);
	*ret_done = t.done;
	return r < 0 ? r : t.code;
}

int cmd_uninstall_shim(struct call *c)
{
	struct install i;
	struct shims s;
	struct diag diag = {0};
	struct installed_change change;
	bool done = false;
	int code = begin(&i, &s, c, true);

	if (code != CTL_DONE)
		return code;
	for (int k = 0; k < s.count; k++)
		if (program_behind(&s, k) < 0)
			return cannot_say("runc is not installed: nothing can take the shim's place");
	prepare(&change, &i, &s);
	if (named_by_containers(&i))
		change.want.keep = s.programs[0];
	code = leave_engine(&i, change, &done, &diag);
	if (code < 0 || (code == 0 && installed_remove(&change, &diag) < 0))
		return cannot(&diag);
	i.reload = false; /* it did */
	if (code == CTL_DONE && !done)
		code = install_reload(&i, FEATURE_SHIM, change.want.keep != NULL, &done);
	if (code != CTL_DONE)
		return code;
	return remove_files(&i, &s, done ? NULL : "now the real runtime itself; once the engine has read that, run this again");
}
