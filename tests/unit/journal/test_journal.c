/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: order, bounds, torn tails, corruption, full disks, kill -9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "journal/journal.h"

struct fixture {
	char dir[64];
	struct journal_config config;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/seawall-test-journal-XXXXXX");
	if (!f || !mkdtemp(f->dir))
		return -1;
	f->config = (struct journal_config){.dir = f->dir, .max_bytes = 64 << 10, .segment_bytes = 8 << 10};
	*state = f;
	return 0;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_dir(f->dir);
	free(f);
	return 0;
}

struct seen {
	uint64_t count, first, last;
	uint64_t stop_after;
	bool in_order, intact;
};

/* Every payload says its own number, so that a wrong one shows. */
static int see(void *ctx, uint64_t seq, uint64_t wall, const void *data, uint32_t size)
{
	struct seen *s = ctx;
	uint64_t n;

	if (!s->count)
		s->first = seq;
	else if (seq <= s->last)
		s->in_order = false;
	if (size < 8 || (memcpy(&n, data, 8), n != seq) || wall != seq * 10)
		s->intact = false;
	s->last = seq;
	s->count++;
	return s->stop_after && s->count == s->stop_after;
}

static struct seen read_all(struct journal *j, uint64_t after, uint64_t since)
{
	struct seen s = {.in_order = true, .intact = true};

	assert_int_equal(journal_read(j, after, since, see, &s), 0);
	assert_true(s.in_order);
	assert_true(s.intact);
	return s;
}

static int put(struct journal *j, uint64_t n, uint32_t size)
{
	uint8_t data[4096] = {0};
	uint64_t seq = 0;

	memcpy(data, &n, 8);
	int r = journal_append(j, n * 10, data, size, &seq);
	if (r == 0)
		assert_int_equal(seq, n);
	return r;
}

static void fill(struct journal *j, uint64_t from, uint64_t to, uint32_t size)
{
	for (uint64_t n = from; n <= to; n++)
		assert_int_equal(put(j, n, size), 0);
}

/* The path of the newest or oldest segment. */
static void segment_path(const struct fixture *f, bool newest, char out[128])
{
	char best[64] = "";
	DIR *d = opendir(f->dir);

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && (!best[0] || (strcmp(e->d_name, best) > 0) == newest))
			snprintf(best, sizeof(best), "%.60s", e->d_name);
	closedir(d);
	snprintf(out, 128, "%s/%s", f->dir, best);
}

static void test_reads_back_in_order_and_survives_reopening(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;

	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_first(j), 0);
	assert_int_equal(journal_last(j), 0);
	fill(j, 1, 100, 100);
	struct seen s = read_all(j, 0, 0);
	assert_int_equal(s.count, 100);
	j = journal_close(j);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_last(j), 100);
	fill(j, 101, 110, 100);
	s = read_all(j, 90, 0);
	assert_int_equal(s.first, 91);
	assert_int_equal(s.count, 20);
	s = read_all(j, 0, 1050);
	assert_int_equal(s.first, 105);
	assert_int_equal(s.last, 110);
	journal_close(j);
}

static void test_reading_in_parts_sees_each_record_once(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	uint64_t after = 0, total = 0;

	assert_int_equal(journal_open(&j, &f->config), 0);
	fill(j, 1, 200, 120);
	for (int i = 0; i < 100; i++) {
		struct seen s = {.in_order = true, .intact = true, .stop_after = 7};
		assert_int_equal(journal_read(j, after, 0, see, &s), 0);
		assert_true(s.intact);
		if (!s.count)
			break;
		assert_int_equal(s.first, after + 1);
		after = s.last;
		total += s.count;
	}
	assert_int_equal(total, 200);
	journal_close(j);
}

static void test_the_bound_holds_and_the_oldest_go(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	uint64_t on_disk = 0;

	assert_int_equal(journal_open(&j, &f->config), 0);
	for (uint64_t n = 1; n <= 2000; n++) {
		assert_int_equal(put(j, n, 200), 0);
		assert_true(journal_bytes(j) <= f->config.max_bytes);
	}
	assert_int_equal(journal_flush(j), 0);
	struct seen s = read_all(j, 0, 0);
	assert_int_equal(s.last, 2000);
	assert_int_equal(s.first, journal_first(j));
	assert_true(s.count * 224 > f->config.max_bytes - f->config.segment_bytes - 224);
	DIR *d = opendir(f->dir);
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			on_disk += (uint64_t)st.st_size;
	}
	closedir(d);
	assert_int_equal(on_disk, journal_bytes(j));
	journal_close(j);
}

static void test_a_torn_tail_is_cut_at_every_length(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	char path[128];
	struct stat st;

	assert_int_equal(journal_open(&j, &f->config), 0);
	fill(j, 1, 10, 100);
	j = journal_close(j);
	segment_path(f, true, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10 * 124);
	for (off_t cut = 10 * 124 - 1; cut >= 9 * 124; cut -= 13) {
		assert_int_equal(truncate(path, cut), 0);
		assert_int_equal(journal_open(&j, &f->config), 0);
		assert_int_equal(journal_last(j), 9);
		fill(j, 10, 10, 100);
		assert_int_equal(read_all(j, 0, 0).count, 10);
		j = journal_close(j);
	}
}

static void test_a_flipped_byte_ends_its_segment_only(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	char path[128];
	uint8_t byte;

	assert_int_equal(journal_open(&j, &f->config), 0);
	fill(j, 1, 200, 100);
	j = journal_close(j);
	segment_path(f, false, path);
	CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, 5 * 124 + 60), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, 5 * 124 + 60), 1);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_last(j), 200);
	struct seen s = read_all(j, 0, 0);
	assert_int_equal(s.last, 200);
	assert_int_equal(s.count, 200 - (8192 / 124) + 5);
	journal_close(j);
}

static void test_garbage_of_any_kind_does_not_stop_opening(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	char path[128];
	uint8_t noise[3000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 31 + 7);
	assert_int_equal(journal_open(&j, &f->config), 0);
	fill(j, 1, 5, 100);
	j = journal_close(j);
	segment_path(f, true, path);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fd_write_all(fd, noise, sizeof(noise)), 0);
	char other[128];
	snprintf(other, sizeof(other), "%s/README", f->dir);
	assert_int_equal(file_write_atomic(other, noise, sizeof(noise), 0600), 0);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_last(j), 5);
	fill(j, 6, 6, 100);
	assert_int_equal(read_all(j, 0, 0).count, 6);
	journal_close(j);
}

static void test_a_spool_refuses_when_full_and_goes_on_when_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	uint64_t n = 0;
	int r = 0;

	f->config.keep_oldest = true;
	assert_int_equal(journal_open(&j, &f->config), 0);
	while (r == 0)
		r = put(j, ++n, 200);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(journal_last(j), n - 1);
	assert_int_equal(read_all(j, 0, 0).count, n - 1);
	assert_int_equal(journal_drop_until(j, n / 2), 0);
	struct seen s = read_all(j, n / 2, 0);
	assert_int_equal(s.first, n / 2 + 1);
	assert_int_equal(s.last, n - 1);
	assert_int_equal(put(j, n, 200), 0);
	/* All acknowledged: the numbering goes on over an empty directory and a restart. */
	assert_int_equal(journal_drop_until(j, n), 0);
	j = journal_close(j);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_last(j), n);
	assert_int_equal(put(j, n + 1, 200), 0);
	journal_close(j);
}

static void test_two_writers_are_refused(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL, *other = NULL;

	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_open(&other, &f->config), -EBUSY);
	journal_close(j);
}

static void test_records_beyond_the_limit_are_refused(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	static uint8_t big[300 << 10];

	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(journal_append(j, 1, big, sizeof(big), NULL), -E2BIG);
	assert_int_equal(journal_append(j, 10, (uint64_t[]){1}, 8, NULL), 0);
	assert_int_equal(read_all(j, 0, 0).count, 1);
	journal_close(j);
}

static void test_a_write_limit_tears_no_record(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	struct rlimit old, small = {.rlim_cur = 5000, .rlim_max = RLIM_INFINITY};
	uint64_t n = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	f->config.keep_oldest = true;
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = 0;
	while (r == 0 && n < 100) {
		r = put(j, ++n, 200);
		if (r == 0)
			r = journal_flush(j);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -ENOSPC);
	/* What was refused is still buffered and is written once there is room. */
	assert_int_equal(journal_flush(j), 0);
	assert_int_equal(read_all(j, 0, 0).count, n);
	j = journal_close(j);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_int_equal(read_all(j, 0, 0).count, n);
	journal_close(j);
}

static void test_a_full_file_system_keeps_the_newest(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;

	if (geteuid() != 0 || mount("tmpfs", f->dir, "tmpfs", 0, "size=40k") < 0) {
		print_message("skipped: no right to mount a small tmpfs\n");
		skip();
	}
	int r = journal_open(&j, &f->config);
	uint64_t n = 0;
	while (r == 0 && n < 1000) {
		r = put(j, ++n, 200);
		if (r == 0)
			r = journal_flush(j);
	}
	struct seen s = {.in_order = true, .intact = true};
	int read = j ? journal_read(j, 0, 0, see, &s) : -1;
	journal_close(j);
	umount(f->dir);
	assert_int_equal(r, 0);
	assert_int_equal(read, 0);
	assert_true(s.intact && s.in_order);
	assert_int_equal(s.last, 1000);
	assert_true(s.count > 50);
}

static void test_kill_9_loses_nothing_flushed(void **state)
{
	struct fixture *f = *state;
	struct journal *j = NULL;
	int pipes[2];
	uint64_t told = 0, n;

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (journal_open(&j, &f->config) < 0)
			_exit(1);
		for (n = 1;; n++) {
			uint8_t data[200] = {0};
			memcpy(data, &n, 8);
			if (journal_append(j, n * 10, data, sizeof(data), NULL) < 0 || journal_flush(j) < 0)
				_exit(1);
			if (write(pipes[1], &n, sizeof(n)) != sizeof(n))
				_exit(1);
		}
	}
	close(pipes[1]);
	while (told < 500 && read(pipes[0], &n, sizeof(n)) == sizeof(n))
		told = n;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
		told = n;
	close(pipes[0]);
	assert_true(told >= 500);
	assert_int_equal(journal_open(&j, &f->config), 0);
	assert_true(journal_last(j) >= told);
	struct seen s = read_all(j, 0, 0);
	assert_int_equal(s.last, journal_last(j));
	journal_close(j);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reads_back_in_order_and_survives_reopening),
		CASE(test_reading_in_parts_sees_each_record_once),
		CASE(test_the_bound_holds_and_the_oldest_go),
		CASE(test_a_torn_tail_is_cut_at_every_length),
		CASE(test_a_flipped_byte_ends_its_segment_only),
		CASE(test_garbage_of_any_kind_does_not_stop_opening),
		CASE(test_a_spool_refuses_when_full_and_goes_on_when_acknowledged),
		CASE(test_two_writers_are_refused),
		CASE(test_records_beyond_the_limit_are_refused),
		CASE(test_a_write_limit_tears_no_record),
		CASE(test_a_full_file_system_keeps_the_newest),
		CASE(test_kill_9_loses_nothing_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
