/* SPDX-License-Identifier: Apache-2.0 */
/* What is carried over from CRI-O's configuration, with files in the shapes its packages ship. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ctl/crio_conf.h"
#include "ctl/edit.h"
#include "ctl/installed.h"

#define MAIN "etc/crio.conf"
#define FOLDER "etc/crio.conf.d/"

static const char *const names[] = {"crun", "runc", NULL};
static char dir[] = "/tmp/seawall-crio-XXXXXX";
static struct crio_conf conf;
static struct diag diag;

/* As CRI-O's own packages have it. */
static const char packaged[] = "[crio.image]\n"
			       "signature_policy = \"/etc/crio/policy.json\"\n"
			       "\n"
			       "[crio.runtime]\n"
			       "default_runtime = \"crun\"\n"
			       "\n"
			       "[crio.runtime.runtimes.crun]\n"
			       "runtime_path = \"/usr/libexec/crio/crun\"\n"
			       "runtime_root = \"/run/crun\"\n"
			       "monitor_path = \"/usr/libexec/crio/conmon\"\n"
			       "allowed_annotations = [\n"
			       "    \"io.containers.trace-syscall\", # for hooks\n"
			       "]\n"
			       "\n"
			       "[crio.runtime.runtimes.runc]\n"
			       "runtime_path = \"/usr/libexec/crio/runc\"\n"
			       "runtime_root = \"/run/runc\"\n"
			       "monitor_path = \"/usr/libexec/crio/conmon\"\n";

static const char packaged_crun[] = "runtime_root = \"/run/crun\"\n"
				    "monitor_path = \"/usr/libexec/crio/conmon\"\n"
				    "allowed_annotations = [\n"
				    "    \"io.containers.trace-syscall\", # for hooks\n"
				    "]\n";

static const char *at(const char *name)
{
	static char path[4][96];
	static unsigned next;
	char *out = path[next++ % ARRAY_SIZE(path)];

	snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	setenv("SEAWALL_STATE", at("state"), 1);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* Each test begins with an empty folder and nothing read. */
static int fresh(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s/30'", at("etc"), at(FOLDER));
	diag = (struct diag){0};
	crio_conf_init(&conf, names);
	return system(command);
}

static int done(void **state)
{
	crio_conf_done(&conf);
	return 0;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(file_write_atomic(at(name), text, strlen(text), 0644), 0);
}

static void read_all(void)
{
	if (crio_conf_read(&conf, at(FOLDER "99-seawall.conf"), &diag) < 0)
		fail_msg("%s:%u: %s", diag.file, diag.line, diag.message);
}

static int add(const char *text)
{
	return crio_conf_add(&conf, "x", text, strlen(text), &diag);
}

static void test_packaged(void **state)
{
	put(FOLDER "10-crio.conf", packaged);
	read_all();
	assert_string_equal(conf.default_runtime, "crun");
	assert_string_equal(conf.runtimes[0].program, "/usr/libexec/crio/crun");
	assert_string_equal(crio_conf_keys(&conf.runtimes[0]), packaged_crun);
	assert_string_equal(conf.runtimes[0].names.data, "runtime_root, monitor_path, allowed_annotations");
	assert_string_equal(conf.runtimes[0].file, at(FOLDER "10-crio.conf"));
	assert_string_equal(conf.runtimes[1].program, "/usr/libexec/crio/runc");
	assert_string_equal(crio_conf_keys(&conf.runtimes[1]),
		"runtime_root = \"/run/runc\"\nmonitor_path = \"/usr/libexec/crio/conmon\"\n");
	assert_int_equal(conf.others.len, 0);
}

/* A later table counts whole, and files are taken as CRI-O walks: by name, folders too, of any ending. */
static void test_order(void **state)
{
	put(MAIN, "[crio.runtime]\ndefault_runtime = \"runc\"\n[crio.runtime.runtimes.runc]\nmonitor_env = [\"A=1\"]\n");
	put(FOLDER "10-crio.conf", packaged);
	put(FOLDER "20-mine.conf.rpmsave", "[crio.runtime.runtimes.crun]\nruntime_path = \"/opt/crun\"\nno_sync_log = true\n");
	put(FOLDER "99-seawall.conf", "[crio.runtime.runtimes.crun]\nruntime_path = \"/shim\"\n");
	read_all();
	assert_string_equal(conf.runtimes[0].program, "/opt/crun");
	assert_string_equal(crio_conf_keys(&conf.runtimes[0]), "no_sync_log = true\n");
	assert_null(strstr(crio_conf_keys(&conf.runtimes[1]), "A=1"));
	crio_conf_done(&conf);
	crio_conf_init(&conf, names);
	put(FOLDER "30/a", "[crio.runtime.runtimes.crun.default_annotations]\n\"a.b/c\" = \"d\"\n");
	read_all();
	assert_string_equal(conf.runtimes[0].program, "");
	assert_string_equal(crio_conf_keys(&conf.runtimes[0]), "default_annotations.\"a.b/c\" = \"d\"\n");
}

static void test_later(void **state)
{
	put(FOLDER "10-crio.conf", packaged);
	put(FOLDER "zz.conf", "[crio.runtime]\nlog_level = \"debug\"\n");
	read_all();
	put(FOLDER "zz.conf", "[crio.runtime.runtimes.runc]\nruntime_path = \"/x\"\n");
	assert_int_equal(crio_conf_read(&conf, at(FOLDER "99-seawall.conf"), &diag), -EEXIST);
	assert_non_null(strstr(diag.message, "zz.conf"));
	assert_int_equal(crio_conf_read(&conf, at(FOLDER "zzz.conf"), &diag), 0);
	/* Never over a file of somebody's. */
	assert_int_equal(crio_conf_read(&conf, at(MAIN), &diag), -EINVAL);
}

static void test_values(void **state)
{
	assert_int_equal(add("\n[ crio . \"runtime\".runtimes.'crun' ] # x\r\n"
			     "a = 'it\n"), -EINVAL);
	assert_int_equal(diag.line, 3);
	assert_int_equal(add("[crio.runtime]\nruntimes.crun.Runtime_Path='/x' # y\r\n"
			     "runtimes.crun.seccomp_profile = \"a\\\"#[\" # z\r\n"
			     "runtimes.crun.q = \"\"\"[\n\"] \\\" \"\"\"\"\n"
			     "runtimes.crun.n = {a = \"}\", b=[1,\n2]} \n"
			     "[crio.runtime.runtimes.crun.platform_runtime_paths]\n'linux/\"arm64' = \"/y\"\n"
			     "[crio.runtime.runtimes.kata]\nruntime_path = 1\n[[other]]\nx = 1"), 0);
	assert_string_equal(conf.runtimes[0].program, "/x");
	assert_string_equal(crio_conf_keys(&conf.runtimes[0]),
		"seccomp_profile = \"a\\\"#[\"\nq = \"\"\"[\n\"] \\\" \"\"\"\"\nn = {a = \"}\", b=[1,\n2]}\n"
		"platform_runtime_paths.'linux/\"arm64' = \"/y\"\n");
	assert_true(conf.runtimes[0].platforms);
	assert_string_equal(conf.others.data, "kata");
	assert_int_equal(add("[crio.runtime.runtimes.crun]"), 0);
	assert_string_equal(crio_conf_keys(&conf.runtimes[0]), "");
	assert_false(conf.runtimes[0].platforms);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{"[crio.runtime.runtimes]\ncrun = {runtime_path = \"/x\"}\n", 2},
		{"[crio.runtime]\nruntimes = {}\n", 2},
		{"crio = {}\n", 1},
		{"[[crio.runtime.runtimes.crun]]\n", 1},
		{"[crio.runtime.runtimes.crun]\nruntime_path = \"\\u0041\"\n", 2},
		{"[crio.runtime.runtimes.crun]\nruntime_path = \"\"\"/x\"\"\"\n", 2},
		{"[crio.runtime.runtimes.crun]\nruntime_path = [\"/x\"]\n", 2},
		{"[crio.runtime.runtimes.crun]\nx = [\n1\n", 2},
		{"[crio.runtime.runtimes.crun]\nx = [\n1\n]\ny = ]\n", 5},
		{"[crio.runtime.runtimes.crun]\nx = \"a\ny = \"\n", 2},
		{"[crio.runtime.runtimes.crun]\nx =\n", 2},
		{"[crio.runtime.runtimes.crun] x\n", 1},
		{"[crio.runtime.runtimes.crun\n", 1},
		{"what is this\n", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		diag = (struct diag){0};
		if (add(cases[i].text) != -EINVAL)
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(diag.line, cases[i].line);
		assert_non_null(strstr(diag.expected, "by hand"));
		assert_string_equal(diag.file, "x");
	}
}

/* Which of them CRI-O has, with a table and without. */
static void test_has(void **state)
{
	static const struct {
		const char *text;
		bool crun, runc;
	} cases[] = {
		{"", true, true},
		{"[crio.runtime]\ndefault_runtime = \"runc\"\n", false, true},
		{"[crio.runtime]\ndefault_runtime = \"kata\"\n", false, false},
		{"[crio.runtime]\ndefault_runtime = \"crun\"\n[crio.runtime.runtimes.runc]\n", true, true},
		{"[crio.runtime.runtimes.runc]\n", true, true},
		{"[crio.runtime.runtimes.crun]\n", true, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		crio_conf_done(&conf);
		crio_conf_init(&conf, names);
		assert_int_equal(add(cases[i].text), 0);
		assert_int_equal(crio_conf_has(&conf, &conf.runtimes[0]), cases[i].crun);
		assert_int_equal(crio_conf_has(&conf, &conf.runtimes[1]), cases[i].runc);
	}
	/* What CRI-O has built in is not lost either. */
	assert_non_null(strstr(crio_conf_keys(&conf.runtimes[1]), "monitor_env"));
}

static void test_limits(void **state)
{
	char name[64];

	for (int i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), FOLDER "%03d", i);
		put(name, "");
	}
	assert_int_equal(crio_conf_read(&conf, at(FOLDER "99-seawall.conf"), &diag), -E2BIG);
	assert_int_equal(add("[crio.runtime.runtimes.crun]\na.b.c.d.e.f.g.h.i = 1\n"), -EINVAL);
}

/* In, again, out; and words of others are kept where CRI-O does not read them. */
static void test_written(void **state)
{
	struct buf b = BUF_INIT(EDIT_MAX);
	char expected[2048];

	put(FOLDER "10-crio.conf", packaged);
	read_all();
	struct installed_change c = {.path = at(FOLDER "99-seawall.conf"), .edit = edit_crio, .feature = FEATURE_SHIM,
		.want = {.dir = "/lib", .shim = "/lib/crio", .names = {"crun"}, .programs = {conf.runtimes[0].program},
			.tables = {crio_conf_keys(&conf.runtimes[0])}}};
	for (int i = 0; i < 2; i++)
		assert_int_equal(installed_add(&c, &diag), 0);
	assert_int_equal(file_read(c.path, &b), 0);
	snprintf(expected, sizeof(expected), "\n[crio.runtime.runtimes.crun]\nruntime_path = \"/lib/crio/crun/seawall-shim\"\n%s",
		packaged_crun);
	assert_string_equal(strstr((char *)b.data, "\n[crio"), expected);
	buf_done(&b);
	assert_int_equal(installed_remove(&c, &diag), 0);
	assert_int_equal(access(c.path, F_OK), -1);
	assert_int_equal(installed_add(&c, &diag), 0);
	put(FOLDER "99-seawall.conf", "[crio.runtime.runtimes.crun]\nruntime_path = \"/mine\"\n");
	assert_int_equal(installed_remove(&c, &diag), 0);
	assert_int_equal(access(at("etc/99-seawall.conf.saved"), F_OK), 0);
	assert_int_equal(access(at(FOLDER "99-seawall.conf.saved"), F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_packaged),
		TEST(test_order),
		TEST(test_later),
		TEST(test_values),
		TEST(test_refused),
		TEST(test_has),
		TEST(test_limits),
		TEST(test_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
