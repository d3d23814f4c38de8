/* SPDX-License-Identifier: Apache-2.0 */
/* The undo list takes back what was done, in the reverse order, and what was never done too. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ctl/spawn.h"
#include "ctl/undo.h"

static char dir[64], list[96];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/seawall-undo-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(list, sizeof(list), "%s/undo", dir);
	return 0;
}

static int teardown(void **state)
{
	rmdir(dir);
	return 0;
}

static bool exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void add(enum undo_kind kind, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(undo_add(list, kind, path, NULL), 0);
}

static void no_list_is_done(void **state)
{
	assert_int_equal(undo_run(list), 0);
}

static void last_first(void **state)
{
	char path[128];

	/* A folder with a file and a tree in it: only empty when the others went first. */
	snprintf(path, sizeof(path), "%s/made", dir);
	add(UNDO_EMPTY, "made");
	assert_int_equal(mkdir(path, 0700), 0);
	add(UNDO_FILE, "made/file");
	snprintf(path, sizeof(path), "%s/made/file", dir);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600), 0);
	add(UNDO_TREE, "made/tree");
	snprintf(path, sizeof(path), "%s/made/tree/a/b", dir);
	assert_int_equal(dir_make(path, 0700), 0);
	add(UNDO_TREE, "made/never");
	assert_int_equal(undo_run(list), 0);
	assert_false(exists("made"));
	assert_false(exists("undo"));
}

static void a_filled_folder_stays(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/kept/inside", dir);
	assert_int_equal(dir_make(path, 0700), 0);
	add(UNDO_EMPTY, "kept");
	assert_int_equal(undo_run(list), 0);
	assert_true(exists("kept/inside"));
	rmdir(path);
	snprintf(path, sizeof(path), "%s/kept", dir);
	rmdir(path);
}

static void a_process_is_ended(void **state)
{
	static const char *const argv[] = {"sleep", "60", NULL};
	char what[64];
	pid_t pid;

	assert_int_equal(spawn_start(&(struct spawn){.argv = argv, .own_group = true}, &pid), 0);
	struct process_id id = process_id_of(pid);
	assert_true(process_alive(&id));
	/* The same number with another start is somebody else. */
	snprintf(what, sizeof(what), "%d %lu", (int)pid, (unsigned long)id.start + 1);
	assert_int_equal(undo_add(list, UNDO_PROCESS, what, NULL), 0);
	assert_int_equal(undo_run(list), 0);
	assert_true(process_alive(&id));
	snprintf(what, sizeof(what), "%d %lu", (int)pid, (unsigned long)id.start);
	assert_int_equal(undo_add(list, UNDO_PROCESS, what, NULL), 0);
	assert_int_equal(undo_run(list), 0);
	assert_false(process_alive(&id));
}

static void a_deaf_process_is_killed(void **state)
{
	static const char *const argv[] = {
		"sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done", NULL};
	int pair[2];
	char text[8];
	pid_t pid;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(
		spawn_start(
			&(struct spawn){.argv = argv, .out_fd = pair[1], .own_group = true}, &pid),
		0);
	assert_true(read(pair[0], text, sizeof(text)) > 0); /* it has set its trap */
	struct process_id id = process_id_of(pid);
	process_stop(&id, SIGTERM, 100);
	assert_false(process_alive(&id));
	close(pair[0]);
	close(pair[1]);
}

static void spawning(void **state)
{
	static const char *const missing[] = {"/nonexistent/program", NULL};
	static const char *const shell[] = {"sh", "-c", "echo $WORD; exit 3", NULL};
	static const char *const env[] = {"WORD=heard", NULL};
	struct buf out = BUF_INIT(64);
	pid_t pid;

	assert_int_equal(spawn_start(&(struct spawn){.argv = missing}, &pid), -ENOENT);
	assert_int_equal(spawn_run(&(struct spawn){.argv = shell, .env = env}, &out), 3);
	assert_string_equal((char *)out.data, "heard\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_list_is_done),
		cmocka_unit_test(last_first),
		cmocka_unit_test(a_filled_folder_stays),
		cmocka_unit_test(a_process_is_ended),
		cmocka_unit_test(a_deaf_process_is_killed),
		cmocka_unit_test(spawning),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
