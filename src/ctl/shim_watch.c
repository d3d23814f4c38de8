/* SPDX-License-Identifier: Apache-2.0 */
/* The list of shims, and the eye on them: see shim_watch.h. */
#include "ctl/shim_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ctl/state.h"

#define LIST "installed/shims"
#define LOCK "run/shims.lock"
#define HOW "run/shims"
#define SHIMS_MAX 16
#define LIST_MAX (64u << 10)
#define FIELDS 5 /* engine, directory, program, deadline, open or closed */

/* One line, cut at its tabs; borrowed from the list's text. */
struct line {
	char *field[FIELDS];
};

/* What tells that a file was touched. */
struct mark {
	uint64_t ino, size, changed;
	uint32_t mode;
};

struct shim_watch {
	int count;
	struct {
		char dir[PATH_MAX];
		struct mark marks[4];
		bool whole;
		char reason[300];
	} shims[SHIMS_MAX];
	char said[LIST_MAX]; /* what HOW says */
};

/* ---- the list ---- */

/* Held while the list and what it names change; -1 without one, which is no reason not to go on. */
static int lock(void)
{
	char path[PATH_MAX];

	if (dir_make(state_path("run", path), 0755) < 0)
		return -1;
	int fd = open(state_path(LOCK, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static int read_list(struct buf *text, struct line *lines)
{
	char path[PATH_MAX], *save = NULL;
	int n = 0;

	if (file_read(state_path(LIST, path), text) < 0 || !text->data)
		return 0;
	for (char *l = strtok_r((char *)text->data, "\n", &save); l && n < SHIMS_MAX; l = strtok_r(NULL, "\n", &save)) {
		char *at = l;
		int k = 0;
		for (; k < FIELDS && at; k++)
			lines[n].field[k] = strsep(&at, "\t");
		n += k == FIELDS && !at;
	}
	return n;
}

static void put_line(struct buf *out, const struct line *l)
{
	for (int k = 0; k < FIELDS; k++)
		buf_printf(out, "%s%c", l->field[k], k == FIELDS - 1 ? '\n' : '\t');
}

/* The list without `dir`, and with `more`. */
static int write_list(const char *dir, const struct line *more)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(LIST_MAX), out = BUF_INIT(LIST_MAX);
	CLEANUP(fd_close) int held = lock();
	struct line lines[SHIMS_MAX];
	char path[PATH_MAX];
	int n = read_list(&text, lines);

	for (int i = 0; i < n; i++)
		if (strcmp(lines[i].field[1], dir) != 0)
			put_line(&out, &lines[i]);
	if (more)
		put_line(&out, more);
	if (out.failed)
		return out.failed;
	if (!out.len) {
		unlink(state_path(LIST, path));
		rmdir(state_path("installed", path));
		return 0;
	}
	int r = dir_make(state_path("installed", path), 0700);
	return r < 0 ? r : file_write_atomic(state_path(LIST, path), out.data, out.len, 0600);
}

int shim_list_add(const struct shim_files *f)
{
	const char *const fields[FIELDS] = {f->engine, f->dir, f->program, f->deadline, f->closed ? "closed" : "open"};
	struct line l;

	for (int k = 0; k < FIELDS; k++) {
		if (!*fields[k] || strpbrk(fields[k], "\t\n"))
			return -EINVAL;
		l.field[k] = (char *)(uintptr_t)fields[k];
	}
	return write_list(f->dir, &l);
}

int shim_list_remove(const char *dir)
{
	return write_list(dir, NULL);
}

/* ---- the eye ---- */

int shim_watch_new(struct shim_watch **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct shim_watch *shim_watch_free(struct shim_watch *w)
{
	char path[PATH_MAX];

	if (w)
		unlink(state_path(HOW, path)); /* nobody knows any more */
	free(w);
	return NULL;
}

static void mark(struct mark *m, const char *path)
{
	struct stat st;

	*m = (struct mark){0};
	if (lstat(path, &st) == 0)
		*m = (struct mark){st.st_ino, (uint64_t)st.st_size,
			(uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec, st.st_mode};
}

static void mark_all(struct mark marks[4], const char *dir)
{
	static const char *const names[] = {"seawall-shim", "seawall-shim.conf", "seawall-shim.runtime"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, dir, names[i]);
		mark(&marks[i], path);
	}
	memset(&marks[3], 0, sizeof(marks[3]));
	if (program_find("seawall-shim", path, NULL) == 0) /* a newer one takes its place */
		mark(&marks[3], path);
}

static void on_put(void *ctx, const char *file, const char *action, const char *reason)
{
	(void)ctx;
	(void)reason;
	if (strcmp(action, "unchanged") != 0)
		log_warn(0, "the shim was not whole: %s is put back (%s)", file, action);
}

/* Puts one in order when something of it was touched, or could not be put in order before. */
static void look(struct shim_watch *w, int i, const struct line *l)
{
	char socket[PATH_MAX];
	struct diag diag = {0};
	struct mark now[4];
	const struct shim_files f = {.engine = l->field[0], .dir = l->field[1], .program = l->field[2], .deadline = l->field[3],
		.closed = strcmp(l->field[4], "closed") == 0, .socket = state_path("gate/shim.sock", socket), .say = on_put};

	if (i >= w->count || strcmp(w->shims[i].dir, f.dir) != 0) {
		snprintf(w->shims[i].dir, sizeof(w->shims[i].dir), "%s", f.dir);
		w->shims[i].whole = false;
	}
	mark_all(now, f.dir);
	if (w->shims[i].whole && memcmp(now, w->shims[i].marks, sizeof(now)) == 0)
		return;
	bool news = w->shims[i].whole || !w->shims[i].reason[0];
	w->shims[i].whole = shim_files_put(&f, &diag) == 0;
	snprintf(w->shims[i].reason, sizeof(w->shims[i].reason), "%.299s", w->shims[i].whole ? "" : diag.message);
	if (!w->shims[i].whole && news)
		log_warn(0, "the shim of %s is not whole and cannot be put back: %s", f.engine, diag.message);
	mark_all(w->shims[i].marks, f.dir);
}

static void say(struct shim_watch *w, const struct line *lines)
{
	struct buf b = BUF_FIXED((uint8_t *)w->said, sizeof(w->said));
	CLEANUP(buf_done) struct buf old = BUF_INIT(LIST_MAX);
	char path[PATH_MAX];

	w->said[0] = 0;
	for (int i = 0; i < w->count; i++)
		buf_printf(&b, "%s\t%s\t%s\n", w->shims[i].whole ? "on" : "failed", lines[i].field[0], w->shims[i].reason);
	state_path(HOW, path);
	if (!w->count) {
		unlink(path);
		return;
	}
	bool same = file_read(path, &old) == 0 && old.len == b.len && memcmp(old.data, b.data, b.len) == 0;
	int r = same ? 0 : file_write_atomic(path, b.data, b.len, 0644);
	if (r < 0)
		log_debug("nobody learns how the shims are");
}

void shim_watch_tick(struct shim_watch *w)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(LIST_MAX);
	CLEANUP(fd_close) int held = lock();
	struct line lines[SHIMS_MAX];
	int n = read_list(&text, lines);

	for (int i = 0; i < n; i++)
		look(w, i, &lines[i]);
	w->count = n;
	say(w, lines);
}
