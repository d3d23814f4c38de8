/* SPDX-License-Identifier: Apache-2.0 */
/* One segment file on disk: see segment.h. */
#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/parse.h"

#define SUFFIX ".seg"

void segment_name(char out[32], uint64_t first)
{
	snprintf(out, 32, "%020llu" SUFFIX, (unsigned long long)first);
}

bool segment_name_parse(const char *name, uint64_t *ret_first)
{
	char digits[21];

	if (strlen(name) != 20 + strlen(SUFFIX) || !str_has_suffix(name, SUFFIX))
		return false;
	memcpy(digits, name, 20);
	digits[20] = 0;
	return parse_u64(digits, 1, SEGMENT_SEQ_MAX, ret_first) == 0;
}

int segment_map_open(struct segment_map *ret, int dir, uint64_t first)
{
	char name[32];
	struct stat st;

	segment_name(name, first);
	CLEANUP(fd_close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct segment_map){0};
	if (st.st_size == 0)
		return 0;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = (struct segment_map){.p = p, .size = (size_t)st.st_size};
	return 0;
}

void segment_map_done(struct segment_map *m)
{
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->size);
	*m = (struct segment_map){0};
}

static void put_le(uint8_t *to, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

void segment_header(uint8_t out[SEGMENT_HEADER], uint64_t seq, uint64_t wall, const void *data, uint32_t size)
{
	put_le(out, size, 4);
	put_le(out + 8, seq, 8);
	put_le(out + 16, wall, 8);
	/* The length is covered as well: a torn length must not pass as a shorter record. */
	uint32_t crc = crc32c(0, out, 4);
	crc = crc32c(crc, out + 8, 16);
	put_le(out + 4, crc32c(crc, data, size), 4);
}

bool segment_next(const struct segment_map *m, size_t *offset, bool check, struct segment_record *ret)
{
	if (m->size < SEGMENT_HEADER || *offset > m->size - SEGMENT_HEADER)
		return false;
	const uint8_t *head = m->p + *offset;
	struct reader r = READER(head, SEGMENT_HEADER);
	uint32_t size = reader_u32(&r);
	uint32_t crc = reader_u32(&r);
	struct segment_record rec = {.size = size, .data = head + SEGMENT_HEADER};
	rec.seq = reader_u64(&r);
	rec.wall = reader_u64(&r);
	if (size > SEGMENT_RECORD_MAX || size > m->size - *offset - SEGMENT_HEADER || rec.seq == 0 ||
		rec.seq > SEGMENT_SEQ_MAX)
		return false;
	if (check) {
		uint32_t want = crc32c(0, head, 4);
		want = crc32c(want, head + 8, 16);
		if (crc32c(want, rec.data, size) != crc)
			return false;
	}
	*offset += SEGMENT_HEADER + size;
	*ret = rec;
	return true;
}
