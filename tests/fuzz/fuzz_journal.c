/* SPDX-License-Identifier: Apache-2.0 */
/* A journal over a segment file of any content: it opens, reads, takes a record and has it after. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>

#include "base/fd.h"
#include "journal/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char mark[] = "the record after";

struct seen {
	uint64_t last;
	bool mark;
};

static int see(void *ctx, uint64_t seq, uint64_t wall, const void *data, uint32_t size)
{
	struct seen *s = ctx;
	volatile uint8_t sum = 0;

	(void)wall;
	for (uint32_t i = 0; i < size; i++)
		sum += ((const uint8_t *)data)[i];
	s->mark = size == sizeof(mark) && memcmp(data, mark, size) == 0;
	s->last = seq;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "00000000000000000007.seg";
	char dir[] = "/tmp/seawall-fuzz-journal-XXXXXX", path[128];
	struct journal_config c = {.dir = dir, .max_bytes = 16u << 20, .segment_bytes = 4u << 20};
	struct journal *j = NULL;
	struct seen s = {0};

	if (!mkdtemp(dir))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0 && fd_write_all(fd, data, size) == 0);
	assert(journal_open(&j, &c) == 0);
	uint64_t seq = 0;
	assert(journal_append(j, 1, mark, sizeof(mark), &seq) == 0);
	assert(journal_read(j, 0, 0, see, &s) == 0);
	assert(s.mark && s.last == seq);
	journal_close(j);
	unlink(path);
	rmdir(dir);
	return 0;
}
