/* SPDX-License-Identifier: Apache-2.0 */
/* A table of open audits: see fold.h. */
#include "defender/fold.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fd.h"

#define OPEN_MAX 256u
#define FORMAT 0x31646c6f66777300ull /* "swfold1"; change it with struct table */
#define TELL_EVERY NSEC_PER_SEC

struct open_audit {
	uint64_t key; /* 0 = free */
	uint64_t opened, told, last;
	uint32_t count;
	bool dirty;
	uint32_t size; /* of its text */
};

/* The file. What is looked through often lies together; the texts' pages are touched by their own
 * audit only, and those of unused ones cost no memory. */
struct table {
	uint64_t format; /* of this file; another one's content means nothing */
	struct open_audit open[OPEN_MAX];
	uint8_t texts[OPEN_MAX][FOLD_AUDIT_MAX];
};

struct fold {
	struct table *table;
	struct open_audit *open; /* table->open */
	uint64_t window_ns;
	uint64_t seed;
	fold_emit_fn *emit;
	void *ctx;
};

/* The audit as it stands, with its count. */
static void tell(struct fold *f, struct open_audit *o, uint64_t now)
{
	struct audit a = {0};

	o->dirty = false;
	o->told = now;
	if (record_decode(&audit_desc, &a, f->table->texts[o - f->open], o->size) < 0)
		return;
	a.count = o->count;
	a.last = o->last;
	f->emit(f->ctx, &a);
	record_done(&audit_desc, &a);
}

/* A shared mapping: the page cache keeps what we wrote, however we end. All of the file is allocated
 * first, because touching a page that a full disk cannot hold would kill us. */
static int open_table(struct fold *f, const char *path)
{
	size_t size = sizeof(struct table);
	CLEANUP(fd_close) int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	bool shared = fd >= 0 && posix_fallocate(fd, 0, (off_t)size) == 0;

	if (path && fd < 0)
		return -errno;
	/* On a full disk counts live in memory only, as long as we do. */
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, shared ? fd : -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	f->table = mem;
	if (f->table->format != FORMAT)
		memset(f->table->open, 0, sizeof(f->table->open));
	f->table->format = FORMAT;
	f->open = f->table->open;
	return 0;
}

/* Keys and times of an earlier run mean nothing now; its counts do. */
static void take_over(struct fold *f)
{
	for (uint32_t i = 0; i < OPEN_MAX; i++) {
		struct open_audit *o = &f->open[i];
		if (o->key && o->dirty && o->size <= FOLD_AUDIT_MAX)
			tell(f, o, 0);
		if (o->key)
			o->key = 0;
	}
}

int fold_new(struct fold **ret, const char *path, uint64_t window_ns, fold_emit_fn *emit, void *ctx)
{
	CLEANUP(fold_free) struct fold *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct fold){.window_ns = window_ns, .emit = emit, .ctx = ctx};
	if (getrandom(&f->seed, sizeof(f->seed), 0) != sizeof(f->seed))
		return -errno;
	int r = open_table(f, path);
	if (r < 0)
		return r;
	take_over(f);
	*ret = take_ptr(f);
	return 0;
}

struct fold *fold_free(struct fold *f)
{
	if (!f)
		return NULL;
	if (f->open)
		take_over(f);
	if (f->table)
		munmap(f->table, sizeof(*f->table));
	free(f);
	return NULL;
}

static struct open_audit *find(const struct fold *f, uint64_t key, uint64_t now)
{
	for (uint32_t i = 0; i < OPEN_MAX; i++)
		if (f->open[i].key == key)
			return f->open[i].opened + f->window_ns > now ? &f->open[i] : NULL;
	return NULL;
}

bool fold_is_new(const struct fold *f, uint64_t key, uint64_t now)
{
	return find(f, key, now) == NULL;
}

/* A place for a new one: its own closed predecessor, a free one, else the oldest. */
static struct open_audit *take_place(struct fold *f, uint64_t key, uint64_t now)
{
	struct open_audit *best = &f->open[0];

	for (uint32_t i = 0; i < OPEN_MAX; i++) {
		struct open_audit *o = &f->open[i];
		if (o->key == key) {
			best = o;
			break;
		}
		if (best->key && (!o->key || o->opened < best->opened))
			best = o;
	}
	if (best->key && best->dirty)
		tell(f, best, now);
	best->key = 0;
	return best;
}

bool fold_add(struct fold *f, uint64_t key, const struct audit *a, uint64_t now)
{
	struct open_audit *o = find(f, key, now);

	if (o) {
		o->count += a->count;
		o->last = a->time;
		o->dirty = true;
		return false;
	}
	o = take_place(f, key, now);
	struct buf out = BUF_FIXED(f->table->texts[o - f->open], FOLD_AUDIT_MAX);
	record_encode(&audit_desc, a, &out);
	if (!out.failed) {
		o->opened = o->told = now;
		o->last = a->time;
		o->count = a->count;
		o->dirty = false;
		o->size = (uint32_t)out.len;
		o->key = key; /* last: an entry with a key is whole, whenever we end */
	}
	f->emit(f->ctx, a);
	return true;
}

void fold_tick(struct fold *f, uint64_t now)
{
	for (uint32_t i = 0; i < OPEN_MAX; i++) {
		struct open_audit *o = &f->open[i];
		if (!o->key)
			continue;
		bool over = o->opened + f->window_ns <= now;
		if (o->dirty && (over || o->told + TELL_EVERY <= now))
			tell(f, o, now);
		if (over)
			o->key = 0;
	}
}

uint64_t fold_key(const struct fold *f, const char *const *texts, uint32_t count)
{
	uint64_t h = 14695981039346656037ull ^ f->seed;

	for (uint32_t i = 0; i < count; i++) {
		for (const char *s = texts[i] ? texts[i] : ""; *s; s++)
			h = (h ^ (uint8_t)*s) * 1099511628211ull;
		h = (h ^ 0x100) * 1099511628211ull; /* where one text ends */
		h ^= h >> 29;
	}
	return h ? h : 1;
}
