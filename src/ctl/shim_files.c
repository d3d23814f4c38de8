/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's own files: see shim_files.h. */
#include "ctl/shim_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"
#include "ctl/state.h"

#define PROGRAM_MAX (8u << 20)
#define SHIM "seawall-shim"
#define CONF "seawall-shim.conf"
#define LINK "seawall-shim.runtime"

static const char *in(const struct shim_files *f, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 32, f->dir, name);
	return out;
}

/* Writes unless it is so already; says which. */
static int put(const struct shim_files *f, const char *name, const struct buf *b, mode_t mode)
{
	CLEANUP(buf_done) struct buf old = BUF_INIT(PROGRAM_MAX);
	struct stat st;
	char path[PATH_MAX];
	bool there = lstat(in(f, name, path), &st) == 0;
	bool same = there && S_ISREG(st.st_mode) && (st.st_mode & 07777) == mode && file_read(path, &old) == 0 &&
		    old.len == b->len && memcmp(old.data, b->data, b->len) == 0;
	int r = same || f->dry_run ? 0 : file_write_atomic(path, b->data, b->len, mode);

	if (r == 0)
		f->say(f->ctx, path, same ? "unchanged" : there ? "changed" : "created", NULL);
	return r;
}

static int put_conf(const struct shim_files *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64 << 10);

	buf_printf(&b,
		"# Written by 'seawall install shim', which also changes it; 'seawall up' puts it back.\n"
		"# Lost or spoilt: containers start, and nobody is asked.\n"
		"runtime=%s\nsocket=%s\ndeadline=%s\nfail=%s\nengine=%s\nuid=0\n",
		f->program, f->socket, f->deadline, f->closed ? "closed" : "open", f->engine);
	return b.failed ? b.failed : put(f, CONF, &b, 0644);
}

/* A link under another name first: there is never a moment without one. */
static int put_link(const char *path, const char *target)
{
	char temporary[PATH_MAX + 8];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	return symlink(target, temporary) < 0 || rename(temporary, path) < 0 ? -errno : 0;
}

static int put_runtime(const struct shim_files *f)
{
	char path[PATH_MAX], old[PATH_MAX];
	ssize_t n = readlink(in(f, LINK, path), old, sizeof(old) - 1);
	bool same = n > 0 && (size_t)n == strlen(f->program) && memcmp(old, f->program, (size_t)n) == 0;
	int r = same || f->dry_run ? 0 : put_link(path, f->program);

	if (r == 0)
		f->say(f->ctx, path, same ? "unchanged" : n > 0 ? "changed" : "created", NULL);
	return r;
}

int shim_files_put(const struct shim_files *f, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf program = BUF_INIT(PROGRAM_MAX);
	char path[PATH_MAX];
	int r = program_find(SHIM, path, reterr);

	if (r < 0)
		return r;
	r = file_read(path, &program);
	if (r == 0 && !f->dry_run)
		r = dir_make(f->dir, 0755);
	/* What it needs before itself: it is never there alone. */
	if (r == 0)
		r = put_runtime(f);
	if (r == 0)
		r = put_conf(f);
	if (r == 0)
		r = put(f, SHIM, &program, 0755);
	return r < 0 ? diag_msg(reterr, r, "%s: %s", f->dir, strerror(-r)) : 0;
}

/* containerd keeps the runtime of a container in its bundle, where its shim stands. */
static bool uses_by_bundle(const char *pid, const char *path)
{
	char file[300], text[PATH_MAX];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));

	snprintf(file, sizeof(file), "/proc/%s/cwd/runtime", pid);
	if (file_read(file, &b) < 0)
		return false;
	text[strcspn(text, "\n")] = 0;
	return strcmp(text, path) == 0;
}

/* conmon and CRI-O's carry it in their arguments. */
static bool uses_by_arguments(const char *pid, const char *path)
{
	char file[300], text[32 << 10];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));

	snprintf(file, sizeof(file), "/proc/%s/cmdline", pid);
	int r = file_read(file, &b);
	if (r < 0 && r != -EFBIG)
		return false;
	if (!str_has_suffix(text, "conmon"))
		return false;
	return memmem(b.data, b.len, path, strlen(path) + 1) != NULL;
}

int shim_files_users(const char *path)
{
	DIR *d = opendir("/proc");
	int n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		if (isdigit((unsigned char)e->d_name[0]))
			n += uses_by_bundle(e->d_name, path) || uses_by_arguments(e->d_name, path);
	closedir(d);
	return n;
}

static int remove_one(const struct shim_files *f, const char *name)
{
	char path[PATH_MAX];

	if (access(in(f, name, path), F_OK) < 0 && readlink(path, (char[1]){0}, 1) < 0)
		return 0;
	if (!f->dry_run && unlink(path) < 0)
		return -errno;
	f->say(f->ctx, path, "removed", NULL);
	return 0;
}

int shim_files_remove(const struct shim_files *f, const char *keep, bool *ret_kept, struct diag *reterr)
{
	char path[PATH_MAX], why[64];
	struct stat st;
	int users = shim_files_users(in(f, SHIM, path)), r = 0;
	bool there = lstat(path, &st) == 0;

	/* A link was left by an uninstall before this one: the engine had its time. */
	if (there && S_ISLNK(st.st_mode) && users == 0)
		keep = NULL;
	*ret_kept = there && (users > 0 || keep);
	if (*ret_kept) {
		snprintf(why, sizeof(why), "now the real runtime itself; %d containers run through it", users);
		if (!f->dry_run)
			r = put_link(path, f->program);
		if (r == 0)
			f->say(f->ctx, path, "kept", users ? why : keep);
	} else {
		r = remove_one(f, SHIM);
	}
	if (r == 0)
		r = remove_one(f, CONF);
	if (r == 0)
		r = remove_one(f, LINK);
	if (r < 0)
		return diag_msg(reterr, r, "%s: %s", f->dir, strerror(-r));
	if (!f->dry_run && !*ret_kept)
		rmdir(f->dir);
	return 0;
}

int shim_program_find(const char *name, char *out, size_t size)
{
	static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(out, size, "%s/%s", folders[i], name);
		if (access(out, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}
