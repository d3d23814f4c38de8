/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's life: opening, appending through one write buffer, rolling over, dropping what the
 * bound does not allow, and reading in order: see journal.h. What a segment file looks like is
 * segment.c's business.
 */
#include "journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "journal/segment.h"

#define WRITE_BUFFER (256u << 10)
#define SEGMENTS_MAX 4096u

struct segment {
	uint64_t first;    /* seq of its first record, also when it holds none yet */
	uint64_t bytes;    /* on disk */
	uint64_t max_wall; /* of its records; UINT64_MAX = not known yet */
};

struct journal {
	struct journal_config config;
	int dir;
	int fd; /* of the last segment, which is being written */
	struct segment *segments; /* oldest first; never empty */
	uint32_t count, capacity;
	uint64_t next_seq;
	uint64_t total; /* bytes on disk and buffered */
	uint8_t *buffer;
	uint32_t buffered;
	/* Where the record after hint_seq begins, for readers that come back for the next part. */
	uint64_t hint_seq, hint_first;
	size_t hint_offset;
};

static struct segment *active(struct journal *j)
{
	return &j->segments[j->count - 1];
}

struct journal *journal_close(struct journal *j)
{
	if (!j)
		return NULL;
	if (j->fd >= 0)
		journal_flush(j);
	fd_close(j->fd);
	fd_close(j->dir);
	free(j->segments);
	free(j->buffer);
	free(j);
	return NULL;
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int find_segments(struct journal *j)
{
	CLEANUP(fd_close) int fd = openat(j->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *d = fdopendir(fd);
	if (!d)
		return -errno;
	fd = -1; /* the stream's now */
	for (struct dirent *e; (e = readdir(d)) && j->count < j->capacity;) {
		struct segment s = {.max_wall = UINT64_MAX};
		struct stat st;
		if (!segment_name_parse(e->d_name, &s.first))
			continue;
		if (fstatat(j->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		s.bytes = (uint64_t)st.st_size;
		j->total += s.bytes;
		j->segments[j->count++] = s;
	}
	closedir(d);
	qsort(j->segments, j->count, sizeof(*j->segments), compare_segments);
	return 0;
}

static int make_segment(struct journal *j)
{
	char name[32];

	if (j->count == j->capacity)
		return -ENOSPC;
	segment_name(name, j->next_seq);
	int fd = openat(j->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	fd_close(j->fd);
	j->fd = fd;
	j->segments[j->count++] = (struct segment){.first = j->next_seq};
	return 0;
}

/* Cuts what a kill -9 or a full disk left half written and goes on after the last good record. */
static int repair_last(struct journal *j)
{
	struct segment *s = active(j);
	CLEANUP(segment_map_done) struct segment_map m = {0};
	struct segment_record rec;
	size_t good = 0;
	char name[32];

	int r = segment_map_open(&m, j->dir, s->first);
	if (r < 0)
		return r;
	j->next_seq = s->first;
	s->max_wall = 0;
	for (size_t at = 0; segment_next(&m, &at, true, &rec) && rec.seq >= j->next_seq; good = at) {
		j->next_seq = rec.seq + 1;
		if (rec.wall > s->max_wall)
			s->max_wall = rec.wall;
	}
	segment_name(name, s->first);
	j->fd = openat(j->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (j->fd < 0)
		return -errno;
	if (good < s->bytes && ftruncate(j->fd, (off_t)good) < 0)
		return -errno;
	if (lseek(j->fd, (off_t)good, SEEK_SET) < 0)
		return -errno;
	j->total -= s->bytes - good;
	s->bytes = good;
	return 0;
}

static void drop_oldest(struct journal *j)
{
	char name[32];

	segment_name(name, j->segments[0].first);
	unlinkat(j->dir, name, 0);
	j->total -= j->segments[0].bytes;
	j->count--;
	memmove(j->segments, j->segments + 1, j->count * sizeof(*j->segments));
}

int journal_open(struct journal **ret, const struct journal_config *config)
{
	CLEANUP(journal_close) struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	*j = (struct journal){.config = *config, .dir = -1, .fd = -1, .next_seq = 1};
	if (!config->segment_bytes || config->max_bytes / config->segment_bytes > SEGMENTS_MAX - 8)
		return -EINVAL;
	j->capacity = SEGMENTS_MAX;
	j->segments = calloc(j->capacity, sizeof(*j->segments));
	j->buffer = malloc(WRITE_BUFFER);
	if (!j->segments || !j->buffer)
		return -ENOMEM;
	int r = dir_make(config->dir, 0700);
	if (r < 0)
		return r;
	j->dir = open(config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir < 0)
		return -errno;
	j->config.dir = NULL; /* borrowed only until here */
	if (flock(j->dir, LOCK_EX | LOCK_NB) < 0) /* two writers would tear each other's records */
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	r = find_segments(j);
	if (r == 0)
		r = j->count ? repair_last(j) : make_segment(j);
	if (r < 0)
		return r;
	while (!config->keep_oldest && j->total > config->max_bytes && j->count > 1)
		drop_oldest(j);
	*ret = take_ptr(j);
	return 0;
}

/* Writes n bytes at the end of the active file, or leaves the file as it was. */
static int write_whole(struct journal *j, const void *p, uint32_t n)
{
	struct segment *s = active(j);
	int r = fd_write_all(j->fd, p, n);

	if (r == 0) {
		s->bytes += n;
		return 0;
	}
	/* A record cut in the middle would hide everything that is written after it. */
	if (ftruncate(j->fd, (off_t)s->bytes) < 0 || lseek(j->fd, (off_t)s->bytes, SEEK_SET) < 0)
		return -EIO;
	return r == -EDQUOT || r == -EFBIG ? -ENOSPC : r; /* other words for a full disk */
}

static int write_out(struct journal *j)
{
	int r = 0;

	while (j->buffered) {
		r = write_whole(j, j->buffer, j->buffered);
		/* A full disk: the oldest records make room for the newest. */
		if (r != -ENOSPC || j->config.keep_oldest || j->count <= 1)
			break;
		drop_oldest(j);
	}
	if (r == 0)
		j->buffered = 0;
	return r;
}

static int make_room(struct journal *j, uint32_t need)
{
	if (j->config.keep_oldest && j->total + need > j->config.max_bytes)
		return -ENOSPC;
	if (j->buffered + need > WRITE_BUFFER) {
		int r = write_out(j);
		if (r < 0)
			return r;
	}
	uint64_t held = active(j)->bytes + j->buffered;
	if (held && held + need > j->config.segment_bytes) {
		int r = write_out(j);
		if (r == 0)
			r = make_segment(j);
		if (r < 0)
			return r;
	}
	while (!j->config.keep_oldest && j->total + need > j->config.max_bytes && j->count > 1)
		drop_oldest(j);
	return 0;
}

int journal_append(struct journal *j, uint64_t wall_ns, const void *data, uint32_t size, uint64_t *ret_seq)
{
	uint8_t head[SEGMENT_HEADER];
	uint32_t need = SEGMENT_HEADER + size;

	if (size > WRITE_BUFFER - SEGMENT_HEADER || need > j->config.max_bytes)
		return -E2BIG;
	int r = make_room(j, need);
	if (r < 0)
		return r;
	segment_header(head, j->next_seq, wall_ns, data, size);
	memcpy(j->buffer + j->buffered, head, sizeof(head));
	if (size)
		memcpy(j->buffer + j->buffered + sizeof(head), data, size);
	j->buffered += need;
	j->total += need;
	if (wall_ns > active(j)->max_wall)
		active(j)->max_wall = wall_ns;
	if (ret_seq)
		*ret_seq = j->next_seq;
	j->next_seq++;
	return 0;
}

int journal_flush(struct journal *j)
{
	int r = j->buffered ? write_out(j) : 0;

	if (r == 0 && j->config.sync && fdatasync(j->fd) < 0)
		r = -errno;
	return r;
}

uint64_t journal_first(const struct journal *j)
{
	return journal_last(j) >= j->segments[0].first ? j->segments[0].first : 0;
}

uint64_t journal_last(const struct journal *j)
{
	return j->next_seq - 1;
}

uint64_t journal_bytes(const struct journal *j)
{
	return j->total;
}

int journal_drop_until(struct journal *j, uint64_t seq)
{
	while (j->count > 1 && j->segments[1].first <= seq + 1)
		drop_oldest(j);
	/* The active file goes too once it is worth it; an empty one keeps the numbering. */
	if (j->count == 1 && seq >= journal_last(j) && active(j)->bytes + j->buffered >= j->config.segment_bytes / 4) {
		int r = write_out(j);
		if (r == 0)
			r = make_segment(j);
		if (r < 0)
			return r;
		drop_oldest(j);
	}
	return 0;
}

struct reading {
	struct journal *j;
	uint64_t after, since;
	journal_read_fn *fn;
	void *ctx;
};

/* Returns what the callback returned when it stopped, else 0. */
static int read_segment(const struct reading *g, uint32_t index)
{
	struct journal *j = g->j;
	struct segment *s = &j->segments[index];
	CLEANUP(segment_map_done) struct segment_map m = {0};
	struct segment_record rec;
	size_t offset = 0;
	uint64_t first = s->first, max_wall = 0;
	bool whole = true;

	int r = segment_map_open(&m, j->dir, first);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (g->after && g->after == j->hint_seq && first == j->hint_first && j->hint_offset <= m.size) {
		offset = j->hint_offset;
		whole = false;
	}
	/* Records that are passed over need no proof: a lie in their length fails at the next one. */
	while (r == 0) {
		size_t at = offset;
		if (!segment_next(&m, &offset, false, &rec))
			break;
		if (rec.wall > max_wall)
			max_wall = rec.wall;
		if (rec.seq <= g->after || rec.wall < g->since)
			continue;
		offset = at;
		if (!segment_next(&m, &offset, true, &rec))
			break;
		r = g->fn(g->ctx, rec.seq, rec.wall, rec.data, rec.size);
		j->hint_seq = rec.seq;
		j->hint_first = first;
		j->hint_offset = offset;
	}
	if (r == 0 && whole && s->max_wall == UINT64_MAX)
		s->max_wall = max_wall;
	return r;
}

int journal_read(struct journal *j, uint64_t after, uint64_t since, journal_read_fn *fn, void *ctx)
{
	struct reading g = {.j = j, .after = after, .since = since, .fn = fn, .ctx = ctx};
	int r = j->buffered ? write_out(j) : 0;

	if (r < 0 && r != -ENOSPC)
		return r;
	for (uint32_t i = 0; i < j->count; i++) {
		if (i + 1 < j->count && j->segments[i + 1].first <= after + 1)
			continue;
		if (since && j->segments[i].max_wall < since)
			continue;
		r = read_segment(&g, i);
		if (r != 0)
			return r == 1 ? 0 : r;
	}
	return 0;
}
