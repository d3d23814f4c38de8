/* SPDX-License-Identifier: Apache-2.0 */
/* Owners and modes by one table; the rest is stat(), and lines of three files of root. See host_look.h. */
#include "defender/host_look.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"

#define PATH_SIZE 1024
#define CAUSE_SIZE 400
#define AUDIT_RULES "/etc/audit/audit.rules"
#define AUDIT_RULES_MAX (1u << 20)
#define GROUPS_MAX (1u << 20)
#define CERTS_MAX 512 /* files below /etc/docker/certs.d that are looked at */
#define DATA_ROOT "/var/lib/docker"
#define MODE_BITS 07777u

struct look {
	const struct host_place *place;
	host_found_fn *fn;
	void *ctx;
	gid_t docker_group; /* (gid_t)-1 = there is none */
	char members[200];  /* of that group */
	struct buf rules;   /* of the kernel's audit, as they are loaded at boot */
	bool no_rules;
};

/* --- words --- */

const char *host_word(const struct host_place *p, const char *flag)
{
	const char *end = p->words + p->words_size, *found = NULL;
	size_t n = strlen(flag);

	for (const char *w = p->words; w && w < end; w += strnlen(w, (size_t)(end - w)) + 1) {
		size_t size = strnlen(w, (size_t)(end - w));
		if (w + size >= end)
			break; /* cut: its end is not known */
		if (size < n || strncmp(w, flag, n) != 0)
			continue;
		if (w[n] == '=')
			found = w + n + 1;
		else if (!w[n] && w + n + 1 < end && memchr(w + n + 1, 0, (size_t)(end - w) - n - 1))
			found = w + n + 1;
	}
	return found;
}

const char *host_config_path(const struct host_place *p)
{
	const char *given = host_word(p, "--config-file");

	return given && *given ? given : "/etc/docker/daemon.json";
}

/* --- owners and modes --- */

struct file_row {
	const char *owner_check, *mode_check;
	const char *paths[4]; /* the first that exists; NULL: it is somewhere else, see flag */
	const char *flag;     /* of the daemon's command line that names it */
	mode_t max;
};

static const struct file_row files[] = {
	{"docker_service_owner", "docker_service_mode",
		{"/etc/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service",
			"/lib/systemd/system/docker.service"}, NULL, 0644},
	{"docker_socket_unit_owner", "docker_socket_unit_mode",
		{"/etc/systemd/system/docker.socket", "/usr/lib/systemd/system/docker.socket",
			"/lib/systemd/system/docker.socket"}, NULL, 0644},
	{"etc_docker_owner", "etc_docker_mode", {"/etc/docker"}, NULL, 0755},
	{"tls_ca_owner", "tls_ca_mode", {NULL}, "--tlscacert", 0444},
	{"tls_cert_owner", "tls_cert_mode", {NULL}, "--tlscert", 0444},
	{"tls_key_owner", "tls_key_mode", {NULL}, "--tlskey", 0400},
	{"daemon_json_owner", "daemon_json_mode", {"/etc/docker/daemon.json"}, "--config-file", 0644},
	{"default_docker_owner", "default_docker_mode", {"/etc/default/docker"}, NULL, 0644},
	{"sysconfig_docker_owner", "sysconfig_docker_mode", {"/etc/sysconfig/docker"}, NULL, 0644},
};

static const char *below(const struct look *l, const char *path, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s%s", l->place->root, path);
	return out;
}

static bool exists(const struct look *l, const char *path, struct stat *st)
{
	char full[PATH_SIZE];

	return path && path[0] == '/' && stat(below(l, path, full), st) == 0;
}

static bool owner_ok(const struct look *l, const struct stat *st, bool docker_group)
{
	bool group = st->st_gid == l->place->group ||
		(docker_group && l->docker_group != (gid_t)-1 && st->st_gid == l->docker_group);

	return st->st_uid == l->place->owner && group;
}

static bool mode_ok(const struct stat *st, mode_t max)
{
	return (st->st_mode & MODE_BITS & ~max) == 0;
}

static void tell_owner(struct look *l, const char *check, const char *target, const struct stat *st, bool docker_group)
{
	char cause[CAUSE_SIZE];
	bool good = owner_ok(l, st, docker_group);

	snprintf(cause, sizeof(cause), "it belongs to user %u, group %u", st->st_uid, st->st_gid);
	l->fn(l->ctx, check, target, good, good ? "" : cause);
}

static void tell_mode(struct look *l, const char *check, const char *target, const struct stat *st, mode_t max)
{
	char cause[CAUSE_SIZE];
	bool good = mode_ok(st, max);

	snprintf(cause, sizeof(cause), "its mode is %03o", st->st_mode & MODE_BITS);
	l->fn(l->ctx, check, target, good, good ? "" : cause);
}

static void look_at_files(struct look *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct file_row *row = &files[i];
		const char *path = row->flag ? host_word(l->place, row->flag) : NULL;
		struct stat st;
		for (size_t p = 0; !path && p < ARRAY_SIZE(row->paths) && row->paths[p]; p++)
			if (exists(l, row->paths[p], &st))
				path = row->paths[p];
		if (!exists(l, path, &st))
			continue;
		tell_owner(l, row->owner_check, path, &st, false);
		tell_mode(l, row->mode_check, path, &st, row->max);
	}
}

static void look_at_socket(struct look *l, const char *owner_check, const char *mode_check, const char *path,
	bool docker_group)
{
	struct stat st;

	if (!exists(l, path, &st))
		return;
	tell_owner(l, owner_check, path, &st, docker_group);
	tell_mode(l, mode_check, path, &st, 0660);
}

/* --- certificates of registries: /etc/docker/certs.d/REGISTRY/ * --- */

struct certs {
	struct look *look;
	unsigned count;
	char owner_cause[CAUSE_SIZE], mode_cause[CAUSE_SIZE]; /* of the first that fails */
};

static void look_at_cert(struct certs *c, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	const char *shown = path + strlen(c->look->place->root);
	c->count++;
	if (!owner_ok(c->look, &st, false) && !*c->owner_cause)
		snprintf(c->owner_cause, CAUSE_SIZE, "%.250s belongs to user %u, group %u", shown, st.st_uid, st.st_gid);
	if (!mode_ok(&st, 0444) && !*c->mode_cause)
		snprintf(c->mode_cause, CAUSE_SIZE, "the mode of %.250s is %03o", shown, st.st_mode & MODE_BITS);
}

/* Each entry of the folder; no deeper than the one level that there is. */
static void look_below(struct certs *c, const char *dir, bool folders)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[PATH_SIZE];

	while (d && c->count < CERTS_MAX && (e = readdir(d))) {
		if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (folders)
			look_below(c, path, false);
		else
			look_at_cert(c, path);
	}
	if (d)
		closedir(d);
}

static void look_at_certs(struct look *l)
{
	static const char target[] = "/etc/docker/certs.d";
	struct certs c = {.look = l};
	char dir[PATH_SIZE];

	look_below(&c, below(l, target, dir), true);
	if (!c.count)
		return;
	l->fn(l->ctx, "registry_certs_owner", target, !*c.owner_cause, c.owner_cause);
	l->fn(l->ctx, "registry_certs_mode", target, !*c.mode_cause, c.mode_cause);
}

/* --- the host --- */

static void look_at_partition(struct look *l)
{
	const char *given = host_word(l->place, "--data-root"), *data = given ? given : DATA_ROOT;
	char path[PATH_SIZE];
	struct stat st, top;

	if (!exists(l, data, &st) || stat(*l->place->root ? l->place->root : "/", &top) < 0)
		return;
	bool own = st.st_dev != top.st_dev;
	snprintf(path, sizeof(path), "%.300s is on the file system of /", data);
	l->fn(l->ctx, "separate_partition", data, own, own ? "" : path);
}

/* "docker:x:998:alice,bob" of /etc/group. */
static void read_group(struct look *l)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(GROUPS_MAX);
	char path[PATH_SIZE];
	uint64_t gid;

	l->docker_group = (gid_t)-1;
	if (file_read(below(l, "/etc/group", path), &b) < 0 || !b.data)
		return;
	char *line = (char *)b.data, *next;
	for (; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!str_has_prefix(line, "docker:"))
			continue;
		char *id = strchr(line + strlen("docker:"), ':');
		char *users = id ? strchr(++id, ':') : NULL;
		if (!users)
			return;
		*users++ = 0;
		if (parse_u64(id, 0, UINT32_MAX, &gid) < 0)
			return;
		l->docker_group = (gid_t)gid;
		snprintf(l->members, sizeof(l->members), "%s", users);
		return;
	}
}

static void look_at_group(struct look *l)
{
	char cause[CAUSE_SIZE];

	if (l->docker_group == (gid_t)-1)
		return;
	snprintf(cause, sizeof(cause), "its members are root on this host: %s", l->members);
	l->fn(l->ctx, "docker_group", "docker", !*l->members, *l->members ? cause : "");
}

/* --- audit rules --- */

static const struct {
	const char *check;
	const char *paths[3]; /* the first that exists */
} watched[] = {
	{"audit_dockerd", {"/usr/bin/dockerd", "/usr/sbin/dockerd"}},
	{"audit_run_containerd", {"/run/containerd"}},
	{"audit_var_lib_docker", {"/var/lib/docker"}},
	{"audit_etc_docker", {"/etc/docker"}},
	{"audit_docker_service", {"/etc/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service",
		"/lib/systemd/system/docker.service"}},
	{"audit_containerd_socket", {"/run/containerd/containerd.sock"}},
	{"audit_docker_socket", {"/etc/systemd/system/docker.socket", "/usr/lib/systemd/system/docker.socket",
		"/lib/systemd/system/docker.socket"}},
	{"audit_default_docker", {"/etc/default/docker"}},
	{"audit_daemon_json", {"/etc/docker/daemon.json"}},
	{"audit_containerd_config", {"/etc/containerd/config.toml"}},
	{"audit_sysconfig_docker", {"/etc/sysconfig/docker"}},
	{"audit_containerd", {"/usr/bin/containerd"}},
	{"audit_containerd_shim", {"/usr/bin/containerd-shim"}},
	{"audit_shim_runc_v1", {"/usr/bin/containerd-shim-runc-v1"}},
	{"audit_shim_runc_v2", {"/usr/bin/containerd-shim-runc-v2"}},
	{"audit_runc", {"/usr/bin/runc", "/usr/sbin/runc"}},
};

/* Does a line that is no comment name the path as a word of its own: "-w PATH", "path=PATH"? */
static bool rule_names(const struct buf *rules, const char *path)
{
	const char *text = rules->data ? (const char *)rules->data : "";
	size_t n = strlen(path);

	for (const char *at = strstr(text, path); at; at = strstr(at + 1, path)) {
		const char *line = at;
		while (line > text && line[-1] != '\n')
			line--;
		bool begins = at > text && strchr(" \t=", at[-1]), ends = !at[n] || strchr(" \t\n/", at[n]);
		if (begins && ends && *line != '#' && (at[n] != '/' || !at[n + 1] || strchr(" \t\n", at[n + 1])))
			return true;
	}
	return false;
}

static void look_at_audit(struct look *l)
{
	char cause[CAUSE_SIZE];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		const char *path = NULL;
		for (size_t p = 0; p < ARRAY_SIZE(watched[i].paths) && !path; p++)
			if (exists(l, watched[i].paths[p], &st))
				path = watched[i].paths[p];
		if (!path)
			continue;
		bool good = rule_names(&l->rules, path);
		snprintf(cause, sizeof(cause), "%s", l->no_rules ? "there is no " AUDIT_RULES
								 : "no rule in " AUDIT_RULES " names it");
		l->fn(l->ctx, watched[i].check, path, good, good ? "" : cause);
	}
}

void host_look(const struct host_place *p, host_found_fn *fn, void *ctx)
{
	struct look l = {.place = p, .fn = fn, .ctx = ctx, .rules = BUF_INIT(AUDIT_RULES_MAX)};
	char path[PATH_SIZE];

	read_group(&l);
	l.no_rules = file_read(below(&l, AUDIT_RULES, path), &l.rules) < 0;
	look_at_partition(&l);
	look_at_group(&l);
	look_at_audit(&l);
	look_at_files(&l);
	look_at_certs(&l);
	look_at_socket(&l, "engine_socket_owner", "engine_socket_mode", p->docker, true);
	look_at_socket(&l, "containerd_socket_owner", "containerd_socket_mode", p->containerd, false);
	buf_done(&l.rules);
}
