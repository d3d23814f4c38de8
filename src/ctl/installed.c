/* SPDX-License-Identifier: Apache-2.0 */
/* The record of changed files: see installed.h. */
#include "ctl/installed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/state.h"

/* A file's bytes and what restoring them needs. */
struct image {
	struct buf text;
	bool absent;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};

struct record {
	bool exists;
	unsigned features;
	struct image original;
	struct buf written;
	bool written_gone; /* what we wrote was: no file */
	char dir[PATH_MAX];
};

static void image_done(struct image *i)
{
	buf_done(&i->text);
}

static void record_free(struct record *r)
{
	image_done(&r->original);
	buf_done(&r->written);
}

static inline void record_free_cleanup_(struct record *r)
{
	record_free(r);
}

static inline void image_done_cleanup_(struct image *i)
{
	image_done(i);
}

/* STATE/installed/ and the path with '%' for '/'. */
static int record_dir(const char *path, char *out)
{
	char name[NAME_MAX + 1];
	size_t n = strlen(path);

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i <= n; i++)
		name[i] = path[i] == '/' ? '%' : path[i];
	state_path("installed", out);
	size_t at = strlen(out);
	return snprintf(out + at, PATH_MAX - at, "/%s", name) < (int)(PATH_MAX - at) ? 0 : -ENAMETOOLONG;
}

static const char *in(const struct record *r, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 16, r->dir, name);
	return out;
}

static int image_read(struct image *i, const char *path)
{
	struct stat st;

	*i = (struct image){.text = BUF_INIT(EDIT_MAX), .mode = 0644};
	int r = file_read(path, &i->text);
	i->absent = r == -ENOENT;
	if (r < 0)
		return i->absent ? 0 : r;
	if (stat(path, &st) < 0)
		return -errno;
	i->mode = st.st_mode & 07777;
	i->uid = st.st_uid;
	i->gid = st.st_gid;
	i->mtime = st.st_mtim;
	return 0;
}

static bool same(const struct image *i, const struct buf *b, bool gone)
{
	if (i->absent || gone)
		return i->absent && gone;
	return i->text.len == b->len && (b->len == 0 || memcmp(i->text.data, b->data, b->len) == 0);
}

static int save_text(const struct record *r, const char *name, const struct buf *b, bool absent)
{
	char path[PATH_MAX];

	if (!absent)
		return file_write_atomic(in(r, name, path), b->data ? b->data : (uint8_t *)"", b->len, 0600);
	return unlink(in(r, name, path)) == 0 || errno == ENOENT ? 0 : -errno;
}

/* The features last: a record that is cut off by a power loss is none. */
static int record_save(struct record *r)
{
	char meta[256], path[PATH_MAX];
	int n = snprintf(meta, sizeof(meta), "features %u\nabsent %d\nmode %o\nowner %u %u\nmtime %lld %ld\ngone %d\n",
		r->features, r->original.absent, (unsigned)r->original.mode, r->original.uid, r->original.gid,
		(long long)r->original.mtime.tv_sec, r->original.mtime.tv_nsec, r->written_gone);
	int e = dir_make(r->dir, 0700);

	if (e == 0)
		e = save_text(r, "original", &r->original.text, r->original.absent);
	if (e == 0)
		e = save_text(r, "written", &r->written, r->written_gone);
	if (e == 0)
		e = file_write_atomic(in(r, "meta", path), meta, (size_t)n, 0600);
	return e;
}

static int load_meta(struct record *r, const char *meta)
{
	struct image *o = &r->original;
	long long seconds;
	int absent, gone;

	if (sscanf(meta, "features %u\nabsent %d\nmode %o\nowner %u %u\nmtime %lld %ld\ngone %d\n", &r->features, &absent,
		    &o->mode, &o->uid, &o->gid, &seconds, &o->mtime.tv_nsec, &gone) != 8)
		return -EBADMSG;
	o->absent = absent;
	r->written_gone = gone;
	o->mtime.tv_sec = (time_t)seconds;
	return 0;
}

static int record_load(struct record *r, const char *path)
{
	char file[PATH_MAX], text[256];
	struct buf meta = BUF_FIXED((uint8_t *)text, sizeof(text));

	*r = (struct record){.original = {.text = BUF_INIT(EDIT_MAX)}, .written = BUF_INIT(EDIT_MAX)};
	int e = record_dir(path, r->dir);
	if (e < 0)
		return e;
	e = file_read(in(r, "meta", file), &meta);
	if (e == -ENOENT)
		return 0;
	if (e == 0)
		e = load_meta(r, text);
	if (e == 0 && !r->original.absent)
		e = file_read(in(r, "original", file), &r->original.text);
	if (e == 0 && !r->written_gone)
		e = file_read(in(r, "written", file), &r->written);
	r->exists = e == 0;
	return e;
}

static void record_drop(const struct record *r)
{
	static const char *const files[] = {"meta", "written", "original"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(in(r, files[i], path));
	rmdir(r->dir);
	rmdir(state_path("installed", path));
}

/* as: mode and owner; mtime only with `time` (a true restoring). */
static int write_file(const char *path, const struct buf *b, const struct image *as, bool time)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, as->mtime};
	int r = file_write_atomic(path, b->data ? b->data : (uint8_t *)"", b->len, as->mode);

	if (r == 0 && !as->absent && (as->uid != geteuid() || as->gid != getegid()) && chown(path, as->uid, as->gid) < 0)
		r = -errno;
	if (r == 0 && !as->absent && chmod(path, as->mode) < 0)
		r = -errno;
	if (r == 0 && time && utimensat(AT_FDCWD, path, times, 0) < 0)
		r = -errno;
	return r;
}

/* The folder of a new file. */
static int make_parent(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return dir_make(dir, 0755);
}

static void say(const struct installed_change *c, const char *file, const char *action, const char *reason)
{
	if (c->say)
		c->say(c->ctx, file, action, reason);
}

/* What both ways begin with. */
struct work {
	char path[PATH_MAX];
	struct record record;
	struct image now;
	struct buf next;
	bool gone;
};

static void work_done(struct work *w)
{
	record_free(&w->record);
	image_done(&w->now);
	buf_done(&w->next);
}

static inline void work_done_cleanup_(struct work *w)
{
	work_done(w);
}

static int begin(struct work *w, const struct installed_change *c, struct diag *reterr)
{
	*w = (struct work){.next = BUF_INIT(EDIT_MAX)};
	/* rename() over a link would cut it. */
	if (!realpath(c->path, w->path))
		snprintf(w->path, sizeof(w->path), "%s", c->path);
	int r = image_read(&w->now, w->path);
	if (r == 0)
		r = record_load(&w->record, w->path);
	if (r < 0)
		diag_msg(reterr, r, "%s: %s", w->path, strerror(-r));
	return r;
}

static int edit(struct work *w, const struct installed_change *c, const struct edit *e, struct diag *reterr)
{
	const struct image *i = &w->now;
	int r;

	buf_reset(&w->next);
	r = c->edit(&w->next, &w->gone, i->absent ? NULL : i->text.data ? (char *)i->text.data : "", i->text.len, e, reterr);
	if (r < 0 && reterr)
		snprintf(reterr->file, sizeof(reterr->file), "%.255s", w->path);
	return r;
}

/* Somebody changed the file since: his version without ours is the original from now on. */
static int take_as_original(struct work *w, struct installed_change *c, struct diag *reterr)
{
	struct edit e = c->want;
	struct record *r = &w->record;

	e.set = 0;
	e.clear = FEATURE_SHIM | FEATURE_AUTHZ;
	e.keep = NULL;
	if (r->exists && !r->original.absent) {
		e.before = (char *)r->original.text.data;
		e.before_size = r->original.text.len;
	}
	int error = r->exists ? edit(w, c, &e, reterr) : 0;
	if (error < 0)
		return error;
	struct image original = w->now;
	original.text = BUF_INIT(EDIT_MAX);
	original.absent = w->now.absent || (r->exists && w->gone);
	const struct buf *from = r->exists ? &w->next : &w->now.text;
	if (!original.absent)
		buf_put(&original.text, from->data ? from->data : (uint8_t *)"", from->len);
	buf_done(&r->original.text);
	r->original = original;
	return original.text.failed;
}

static int commit(struct work *w, struct installed_change *c, struct diag *reterr)
{
	struct record *r = &w->record;

	buf_reset(&r->written);
	buf_put(&r->written, w->next.data ? w->next.data : (uint8_t *)"", w->next.len);
	r->written_gone = w->gone;
	int error = record_save(r);
	if (error == 0)
		error = make_parent(w->path);
	if (error == 0 && w->gone)
		error = unlink(w->path) == 0 || errno == ENOENT ? 0 : -errno;
	else if (error == 0)
		error = write_file(w->path, &w->next, &w->now, false);
	return error < 0 ? diag_msg(reterr, error, "%s: %s", w->path, strerror(-error)) : 0;
}

int installed_add(struct installed_change *c, struct diag *reterr)
{
	CLEANUP(work_done) struct work w;
	int r = begin(&w, c, reterr);

	if (r < 0)
		return r;
	c->want.set = c->feature;
	c->want.clear = 0;
	if (!w.record.exists || !same(&w.now, &w.record.written, w.record.written_gone))
		r = take_as_original(&w, c, reterr);
	if (r == 0)
		r = edit(&w, c, &c->want, reterr);
	if (r < 0)
		return r;
	bool unchanged = same(&w.now, &w.next, w.gone);
	if (unchanged && w.record.exists && (w.record.features & c->feature)) {
		say(c, w.path, "unchanged", NULL);
		return 0;
	}
	w.record.features |= c->feature;
	if (!c->dry_run)
		r = commit(&w, c, reterr);
	if (r == 0)
		say(c, w.path, w.now.absent ? "created" : "changed", NULL);
	return r;
}

/* Nobody changed it, and nothing of ours is to stay. */
static int restore(struct work *w, struct installed_change *c, struct diag *reterr)
{
	const struct image *o = &w->record.original;
	int r = 0;

	if (!c->dry_run) {
		if (o->absent)
			r = unlink(w->path) == 0 || errno == ENOENT ? 0 : -errno;
		else
			r = write_file(w->path, &o->text, o, true);
		if (r < 0)
			return diag_msg(reterr, r, "%s: %s", w->path, strerror(-r));
		record_drop(&w->record);
	}
	say(c, w->path, o->absent ? "removed" : "restored", NULL);
	return 0;
}

/* Where the slash before the last one is, for what goes beside a folder; NULL = there is none. */
static const char *folder_slash(const char *path)
{
	const char *slash = strrchr(path, '/'), *before = slash ? memrchr(path, '/', (size_t)(slash - path)) : NULL;

	return before;
}

/* A file that is all ours and was changed by somebody: his words are kept beside. */
static void keep_changed(struct work *w, const struct installed_change *c)
{
	char path[PATH_MAX + 8];
	const char *up = c->edit == edit_crio ? folder_slash(w->path) : NULL;

	/* CRI-O reads whatever is in its folder, by any name. */
	if (up)
		snprintf(path, sizeof(path), "%.*s%s.saved", (int)(up - w->path), w->path, strrchr(w->path, '/'));
	else
		snprintf(path, sizeof(path), "%s.saved", w->path);
	if (!c->dry_run && rename(w->path, path) < 0)
		return;
	say(c, path, "created", "the file was changed since: this is how it was");
}

static int take_out(struct work *w, struct installed_change *c, bool untouched, struct diag *reterr)
{
	struct record *r = &w->record;
	int error = 0;

	if (w->now.absent && !untouched) {
		say(c, w->path, "unchanged", "somebody removed it");
		if (!c->dry_run)
			record_drop(r);
		return 0;
	}
	if (!untouched)
		error = take_as_original(w, c, reterr);
	if (error == 0)
		error = edit(w, c, &c->want, reterr);
	if (error < 0)
		return error;
	if (w->gone && !untouched && !w->now.absent)
		keep_changed(w, c);
	r->features &= ~(unsigned)c->feature;
	/* A runtime that is left for containers is still ours to take out later. */
	if (c->want.keep)
		r->features |= c->feature;
	if (!c->dry_run) {
		error = commit(w, c, reterr);
		if (error == 0 && !r->features)
			record_drop(r);
	}
	if (error == 0)
		say(c, w->path, w->gone ? "removed" : "changed",
			c->want.keep ? "a runtime of that name stays, for containers that name it" :
			untouched    ? NULL : "it was changed since: only ours was taken out");
	return error;
}

/* What taking out is told of the file before us: borrowed from the record. */
static void want_clear(struct installed_change *c, const struct record *r)
{
	c->want.set = 0;
	c->want.clear = c->feature;
	c->want.before = NULL;
	if (r->original.absent)
		return;
	c->want.before = r->original.text.data ? (char *)r->original.text.data : "";
	c->want.before_size = r->original.text.len;
}

int installed_remove(struct installed_change *c, struct diag *reterr)
{
	CLEANUP(work_done) struct work w;
	int r = begin(&w, c, reterr);

	if (r < 0)
		return r;
	if (!w.record.exists || !(w.record.features & c->feature)) {
		say(c, w.path, "unchanged", NULL);
		return 0;
	}
	bool untouched = same(&w.now, &w.record.written, w.record.written_gone);
	want_clear(c, &w.record);
	if (untouched && w.record.features == c->feature && !c->want.keep)
		return restore(&w, c, reterr);
	/* Put the original aside first: `before` is of it. */
	CLEANUP(buf_done) struct buf before = BUF_INIT(EDIT_MAX);
	if (c->want.before) {
		buf_put(&before, c->want.before, c->want.before_size);
		c->want.before = before.data ? (char *)before.data : "";
	}
	r = take_out(&w, c, untouched, reterr);
	c->want.before = NULL;
	return r;
}

int installed_during(struct installed_change *c, int (*during)(void *ctx), struct diag *reterr)
{
	CLEANUP(work_done) struct work w;
	int r = begin(&w, c, reterr);

	if (r < 0)
		return r;
	if (!w.record.exists || !(w.record.features & c->feature) || w.now.absent)
		return 0;
	want_clear(c, &w.record);
	c->want.explicit_ = true;
	r = edit(&w, c, &c->want, reterr);
	c->want.explicit_ = false;
	c->want.before = NULL;
	if (r < 0)
		return r;
	r = write_file(w.path, &w.next, &w.now, false);
	int code = r == 0 ? during(c->ctx) : r;
	r = write_file(w.path, &w.now.text, &w.now, true);
	return code ? code : r;
}

int installed_original(const char *path, struct buf *out)
{
	char real[PATH_MAX];
	CLEANUP(record_free) struct record r;

	if (!realpath(path, real))
		snprintf(real, sizeof(real), "%s", path);
	int error = record_load(&r, real);
	if (error < 0 || !r.exists || r.original.absent)
		return error < 0 ? error : -ENOENT;
	buf_put(out, r.original.text.data ? r.original.text.data : (uint8_t *)"", r.original.text.len);
	return out->failed;
}
