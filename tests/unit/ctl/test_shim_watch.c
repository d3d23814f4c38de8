/* SPDX-License-Identifier: Apache-2.0 */
/* Installed shims stay whole: what is lost or spoilt of them comes back, and what cannot is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ctl/shim_watch.h"

static char top[] = "/tmp/seawall-shims-XXXXXX";
static char dir[128];
static struct shim_watch *watch;

static void quiet(void *ctx, const char *file, const char *action, const char *reason)
{
}

static const char *in(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool there(const char *name)
{
	struct stat st;

	return lstat(in(name), &st) == 0;
}

/* What the Defender reads; "" when there is nothing. */
static const char *how(void)
{
	static char text[1024];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
	char path[192];

	text[0] = 0;
	snprintf(path, sizeof(path), "%s/state/run/shims", top);
	return file_read(path, &b) == 0 ? text : "";
}

static int setup(void **state)
{
	struct shim_files f = {.engine = "docker", .dir = dir, .program = "/bin/true", .socket = "/run/x.sock",
		.deadline = "250ms", .say = quiet};
	char path[128];

	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/lib/docker", top);
	snprintf(path, sizeof(path), "%s/state", top);
	setenv("SEAWALL_STATE", path, 1);
	assert_int_equal(shim_files_put(&f, NULL), 0);
	assert_int_equal(shim_list_add(&f), 0);
	assert_int_equal(shim_watch_new(&watch), 0);
	shim_watch_tick(watch);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	watch = shim_watch_free(watch);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	int r = system(command);
	memcpy(top + strlen(top) - 6, "XXXXXX", 6);
	return r;
}

static void test_lost(void **state)
{
	static const char *const names[] = {"seawall-shim", "seawall-shim.conf", "seawall-shim.runtime"};

	assert_string_equal(how(), "on\tdocker\t\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(unlink(in(names[i])), 0);
		shim_watch_tick(watch);
		assert_true(there(names[i]));
	}
	assert_string_equal(how(), "on\tdocker\t\n");
}

/* An upgrade that was cut off, a configuration that somebody overwrote, a program nobody may run. */
static void test_spoilt(void **state)
{
	struct stat before, after;

	assert_int_equal(stat(in("seawall-shim"), &before), 0);
	assert_int_equal(truncate(in("seawall-shim"), 1000), 0);
	assert_int_equal(truncate(in("seawall-shim.conf"), 10), 0);
	shim_watch_tick(watch);
	assert_int_equal(stat(in("seawall-shim"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(stat(in("seawall-shim.conf"), &after), 0);
	assert_true(after.st_size > 100);
	assert_int_equal(chmod(in("seawall-shim"), 0644), 0);
	shim_watch_tick(watch);
	assert_int_equal(stat(in("seawall-shim"), &after), 0);
	assert_int_equal(after.st_mode & 0777, 0755);
}

static void test_cannot(void **state)
{
	char away[192];

	snprintf(away, sizeof(away), "%s.away", dir);
	assert_int_equal(rename(dir, away), 0);
	assert_int_equal(file_write_atomic(dir, "x", 1, 0600), 0); /* no folder can be made there */
	shim_watch_tick(watch);
	assert_non_null(strstr(how(), "failed\tdocker\t"));
	assert_non_null(strstr(how(), dir));
	assert_int_equal(unlink(dir), 0);
	shim_watch_tick(watch);
	assert_string_equal(how(), "on\tdocker\t\n");
	assert_true(there("seawall-shim"));
}

static void test_uninstalled(void **state)
{
	char path[192];

	assert_int_equal(shim_list_remove(dir), 0);
	assert_int_equal(unlink(in("seawall-shim")), 0);
	shim_watch_tick(watch);
	assert_false(there("seawall-shim"));
	assert_string_equal(how(), "");
	snprintf(path, sizeof(path), "%s/state/installed", top);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoilt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uninstalled, setup, teardown),
	};

	return cmocka_run_group_tests_name("ctl.shim_watch", tests, NULL, NULL);
}
