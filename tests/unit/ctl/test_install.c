/* SPDX-License-Identifier: Apache-2.0 */
/* Changing other programs' configuration, and taking that back to the byte. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ctl/installed.h"
#include "ctl/shim_files.h"

#define SHIM "/lib/shim/docker/seawall-shim"

static char dir[] = "/tmp/seawall-install-XXXXXX";
static char config[64], said[4096];
static struct diag diag;

static void say(void *ctx, const char *file, const char *action, const char *reason)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s%s", n ? " " : "", action);
}

static int setup(void **state)
{
	char path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof(config), "%s/daemon.json", dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	setenv("SEAWALL_STATE", path, 1);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void put(const char *text)
{
	assert_int_equal(file_write_atomic(config, text, strlen(text), 0640), 0);
}

/* NULL: no such file. */
static const char *now(void)
{
	static char room[4][8192];
	static unsigned next;
	char *out = room[next++ % ARRAY_SIZE(room)];
	struct buf b = BUF_FIXED((uint8_t *)out, sizeof(room[0]));

	return file_read(config, &b) == 0 ? out : NULL;
}

static struct installed_change change_of(edit_fn *edit, enum feature feature)
{
	said[0] = 0;
	diag = (struct diag){0};
	return (struct installed_change){.path = config, .edit = edit, .feature = feature, .say = say,
		.want = {.dir = "/lib/shim", .shim = SHIM, .make_default = true}};
}

static void add(enum feature feature, const char *says)
{
	struct installed_change c = change_of(edit_docker, feature);

	if (installed_add(&c, &diag) < 0)
		fail_msg("%s", diag.message);
	assert_string_equal(said, says);
}

static void take_away(enum feature feature, const char *says)
{
	struct installed_change c = change_of(edit_docker, feature);

	if (installed_remove(&c, &diag) < 0)
		fail_msg("%s", diag.message);
	assert_string_equal(said, says);
}

static const char odd[] = "{ \"live-restore\":true,\n\t\"runtimes\": {\"x\":{\"path\":\"/x\"}} ,\"default-runtime\":\"x\"}\n\n";

/* Byte for byte, with mode, owner and time. */
static void test_restored(void **state)
{
	struct stat before, after;
	struct timespec old[2] = {{.tv_sec = 1000000000, .tv_nsec = 5}, {.tv_sec = 1000000000, .tv_nsec = 5}};

	put(odd);
	assert_int_equal(utimensat(AT_FDCWD, config, old, 0), 0);
	assert_int_equal(stat(config, &before), 0);
	add(FEATURE_SHIM, "changed");
	assert_non_null(strstr(now(), "\"default-runtime\": \"seawall\""));
	assert_non_null(strstr(now(), "\"path\": \"" SHIM "\""));
	assert_non_null(strstr(now(), "\"/x\""));
	assert_int_equal(stat(config, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	add(FEATURE_SHIM, "unchanged");
	take_away(FEATURE_SHIM, "restored");
	assert_string_equal(now(), odd);
	assert_int_equal(stat(config, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_mtim.tv_sec, 1000000000);
	assert_int_equal(after.st_mtim.tv_nsec, 5);
	take_away(FEATURE_SHIM, "unchanged");
	assert_string_equal(now(), odd);
}

static void test_absent(void **state)
{
	unlink(config);
	add(FEATURE_SHIM, "created");
	assert_non_null(now());
	take_away(FEATURE_SHIM, "removed");
	assert_null(now());
	/* There and empty is not the same. */
	put("");
	add(FEATURE_SHIM, "changed");
	take_away(FEATURE_SHIM, "restored");
	assert_string_equal(now(), "");
}

/* Both in one file, out in either order. */
static void test_two_features(void **state)
{
	for (int first = FEATURE_SHIM; first <= FEATURE_AUTHZ; first++) {
		put(odd);
		add(FEATURE_SHIM, "changed");
		add(FEATURE_AUTHZ, "changed");
		assert_non_null(strstr(now(), "\"authorization-plugins\": [\"seawall\"]"));
		take_away((enum feature)first, "changed");
		assert_int_equal(strstr(now(), "authorization-plugins") == NULL, first == FEATURE_AUTHZ);
		assert_int_equal(strstr(now(), SHIM) == NULL, first == FEATURE_SHIM);
		take_away(FEATURE_SHIM + FEATURE_AUTHZ - first, "restored");
		assert_string_equal(now(), odd);
	}
}

/* Somebody changed it since: his stays, ours goes, and what ours had replaced comes back. */
static void test_changed_since(void **state)
{
	put(odd);
	add(FEATURE_SHIM, "changed");
	put("{\"debug\": true, \"default-runtime\": \"seawall\", \"runtimes\": {\"y\": {\"path\": \"/y\"}, "
	    "\"seawall\": {\"path\": \"" SHIM "\"}}}");
	take_away(FEATURE_SHIM, "changed");
	assert_string_equal(now(), "{\n    \"debug\": true,\n    \"runtimes\": {\n        \"y\": {\n            \"path\": \"/y\"\n"
				   "        }\n    },\n    \"default-runtime\": \"x\"\n}\n");
	/* His default is his. */
	put("{}");
	add(FEATURE_SHIM, "changed");
	put("{\"default-runtime\": \"mine\", \"runtimes\": {\"seawall\": {\"path\": \"" SHIM "\"}}}");
	take_away(FEATURE_SHIM, "changed");
	assert_string_equal(now(), "{\n    \"default-runtime\": \"mine\"\n}\n");
	/* Changed and then ours again: from then on his is the original. */
	put("{}");
	add(FEATURE_SHIM, "changed");
	put("{\"debug\": true}");
	add(FEATURE_SHIM, "changed");
	take_away(FEATURE_SHIM, "restored");
	assert_non_null(strstr(now(), "\"debug\": true"));
	assert_null(strstr(now(), "seawall"));
	/* Removed by somebody: it stays so. */
	put("{}");
	add(FEATURE_SHIM, "changed");
	unlink(config);
	take_away(FEATURE_SHIM, "unchanged");
	assert_null(now());
}

static void test_other_plugins(void **state)
{
	put("{\"authorization-plugins\": [\"theirs\"]}");
	add(FEATURE_AUTHZ, "changed");
	assert_non_null(strstr(now(), "[\"theirs\",\"seawall\"]"));
	put("{\"authorization-plugins\": [\"seawall\", \"theirs\", \"new\"]}");
	take_away(FEATURE_AUTHZ, "changed");
	assert_non_null(strstr(now(), "[\"theirs\",\"new\"]"));
}

/* A runtime that containers name stays and leads to the real one, until it may go. */
static void test_kept_runtime(void **state)
{
	put(odd);
	add(FEATURE_SHIM, "changed");
	struct installed_change c = change_of(edit_docker, FEATURE_SHIM);
	c.want.keep = "/usr/sbin/runc";
	assert_int_equal(installed_remove(&c, &diag), 0);
	assert_non_null(strstr(now(), "\"path\": \"/usr/sbin/runc\""));
	assert_non_null(strstr(now(), "\"default-runtime\": \"x\""));
	assert_null(strstr(now(), SHIM));
	take_away(FEATURE_SHIM, "restored");
	assert_string_equal(now(), odd);
}

static void test_dry_run(void **state)
{
	char path[128];

	put(odd);
	struct installed_change c = change_of(edit_docker, FEATURE_SHIM);
	c.dry_run = true;
	assert_int_equal(installed_add(&c, &diag), 0);
	assert_string_equal(said, "changed");
	assert_string_equal(now(), odd);
	snprintf(path, sizeof(path), "%s/state/installed", dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_link(void **state)
{
	char target[64];
	struct stat st;

	put(odd);
	snprintf(target, sizeof(target), "%s/elsewhere.json", dir);
	assert_int_equal(rename(config, target), 0);
	assert_int_equal(symlink(target, config), 0);
	add(FEATURE_SHIM, "changed");
	assert_int_equal(lstat(config, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	take_away(FEATURE_SHIM, "restored");
	assert_string_equal(now(), odd);
	unlink(config);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
	} cases[] = {
		{"{\n  \"a\": 1,\n}", 3, 1},
		{"[]", 1, 1},
		{"{\n \"runtimes\": []\n}", 2, 2},
		{"{\"authorization-plugins\": \"x\"}", 1, 2},
		{"{\"debug\": true,\n\"debug\": false}", 1, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(cases[i].text);
		struct installed_change c = change_of(edit_docker, FEATURE_SHIM);
		assert_int_equal(installed_add(&c, &diag), -EINVAL);
		assert_int_equal(diag.line, cases[i].line);
		assert_int_equal(diag.column, cases[i].column);
		assert_string_equal(diag.file, config);
		assert_string_equal(now(), cases[i].text);
		assert_string_equal(said, "");
	}
}

static void test_docker_program(void **state)
{
	char out[128];
	const char *plain = "{\"default-runtime\": \"runc\"}";
	const char *arguments = "{\"default-runtime\":\"x\",\"runtimes\":{\"x\":{\"path\":\"/x\",\"runtimeArgs\":[\"-a\"]}}}";

	assert_int_equal(edit_docker_program(odd, sizeof(odd) - 1, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "/x");
	assert_int_equal(edit_docker_program(plain, strlen(plain), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
	assert_int_equal(edit_docker_program(NULL, 0, out, sizeof(out), NULL), 0);
	assert_int_equal(edit_docker_program(arguments, strlen(arguments), out, sizeof(out), NULL), -EINVAL);
}

/* ---- containerd ---- */

#define CRI "plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc"
#define OURS "BinaryName = \"" SHIM "\" # by 'seawall install shim'\n"

static void test_containerd(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"version = 2\n", "version = 2\n[" CRI "]\nruntime_type = \"io.containerd.runc.v2\"\n[" CRI ".options]\n" OURS},
		{"version = 2\n[" CRI "]\n  runtime_type = \"io.containerd.runc.v2\"",
			"version = 2\n[" CRI "]\n  runtime_type = \"io.containerd.runc.v2\"\n[" CRI ".options]\n" OURS},
		{"version=2 # two\n[ 'plugins' . 'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options ]\n  SystemdCgroup = true\n[x]\n",
			"version=2 # two\n[ 'plugins' . 'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options ]\n" OURS
			"  SystemdCgroup = true\n[x]\n"},
		{"version = 2\n[" CRI ".options]\n  BinaryName = \"/opt/crun\"\n  x = [\n \"[y]\",\n ]\n",
			"version = 2\n[" CRI ".options]\n" OURS "  x = [\n \"[y]\",\n ]\n"},
		{"version = 3\n", "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc]\n"
				  "runtime_type = \"io.containerd.runc.v2\"\n"
				  "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\n" OURS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(cases[i].before);
		struct installed_change c = change_of(edit_containerd, FEATURE_SHIM);
		if (installed_add(&c, &diag) < 0)
			fail_msg("%s", diag.message);
		assert_string_equal(now(), cases[i].after);
		c = change_of(edit_containerd, FEATURE_SHIM);
		assert_int_equal(installed_add(&c, &diag), 0);
		assert_string_equal(said, "unchanged");
		c = change_of(edit_containerd, FEATURE_SHIM);
		assert_int_equal(installed_remove(&c, &diag), 0);
		assert_string_equal(now(), cases[i].before);
	}
}

static void test_containerd_changed_since(void **state)
{
	put("version = 2\n[" CRI ".options]\n  BinaryName = \"/opt/crun\"\n");
	struct installed_change c = change_of(edit_containerd, FEATURE_SHIM);
	assert_int_equal(installed_add(&c, &diag), 0);
	put("version = 2\n[debug]\nlevel = \"debug\"\n[" CRI ".options]\n" OURS "SystemdCgroup = true\n");
	c = change_of(edit_containerd, FEATURE_SHIM);
	assert_int_equal(installed_remove(&c, &diag), 0);
	assert_string_equal(now(), "version = 2\n[debug]\nlevel = \"debug\"\n[" CRI ".options]\n"
				   "  BinaryName = \"/opt/crun\"\nSystemdCgroup = true\n");
}

static void test_containerd_refused(void **state)
{
	static const char *const texts[] = {
		"[debug]\nlevel = \"x\"\n",		       /* version 1 */
		"version = 22\n",
		"version = 2\nx = \"\"\"\nversion = 3\n\"\"\"\n",
		"version = 2\nplugins = {x = 1}\n",
		"version = 2\nplugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options.BinaryName = \"/x\"\n",
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\ncontainerd.runtimes.runc.options.BinaryName = \"/x\"\n",
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nruntimes = {}\n",
		"version = 2\n[[plugins]]\n",
		"version = 2\nwhat is this\n",
		"version = 2\n[" CRI ".options]\nBinaryName = \"\\u0041\"\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(texts[i]);
		struct installed_change c = change_of(edit_containerd, FEATURE_SHIM);
		if (installed_add(&c, &diag) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_true(diag.line > 0);
		assert_non_null(strstr(diag.expected, "by hand"));
		assert_string_equal(now(), texts[i]);
	}
}

static void test_podman(void **state)
{
	unlink(config);
	struct installed_change c = change_of(edit_podman, FEATURE_SHIM);
	c.want.shim = "/lib/shim/podman";
	c.want.names[0] = "crun";
	c.want.programs[0] = "/usr/bin/crun";
	struct installed_change again = c, out = c, last = c;
	assert_int_equal(installed_add(&c, &diag), 0);
	assert_non_null(strstr(now(), "crun = [\"/lib/shim/podman/crun/seawall-shim\", \"/usr/bin/crun\"]\n"));
	assert_int_equal(installed_remove(&out, &diag), 0);
	assert_null(now());
	/* Changed by somebody: out of the way all the same, and kept beside. */
	assert_int_equal(installed_add(&again, &diag), 0);
	put("[engine.runtimes]\ncrun = [\"/mine\"]\n");
	assert_int_equal(installed_remove(&last, &diag), 0);
	assert_null(now());
	char saved[80];
	snprintf(saved, sizeof(saved), "%s.saved", config);
	assert_int_equal(access(saved, F_OK), 0);
}

/* ---- the shim's files ---- */

static void test_users(void **state)
{
	char bundle[64], file[80], path[80];

	snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
	snprintf(file, sizeof(file), "%s/bundle/runtime", dir);
	snprintf(path, sizeof(path), "%s/the-shim", dir);
	assert_int_equal(dir_make(bundle, 0755), 0);
	assert_int_equal(file_write_atomic(file, path, strlen(path), 0644), 0);
	assert_int_equal(shim_files_users(path), 0);
	/* As containerd's shim stands in the bundle of a container. */
	assert_int_equal(chdir(bundle), 0);
	assert_int_equal(shim_files_users(path), 1);
	path[strlen(path) - 1] = 0;
	assert_int_equal(shim_files_users(path), 0);
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_two_features),
		cmocka_unit_test(test_changed_since),
		cmocka_unit_test(test_other_plugins),
		cmocka_unit_test(test_kept_runtime),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_docker_program),
		cmocka_unit_test(test_containerd),
		cmocka_unit_test(test_containerd_changed_since),
		cmocka_unit_test(test_containerd_refused),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
