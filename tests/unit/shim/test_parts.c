/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines, settings and refusals of the shim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "shim/shim.h"

static struct arguments parse(const char *line)
{
	static char room[1024];
	static char *argv[32];
	struct arguments a;
	int argc = 0;

	assert_true(strlen(line) < sizeof(room));
	strcpy(room, line);
	for (char *word = strtok(room, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	arguments_parse(&a, argc, argv);
	return a;
}

/* As dockerd's and containerd's shim, conmon and a person call a runtime. */
static void test_arguments(void **state)
{
	static const struct {
		const char *line, *command, *id, *bundle, *log;
		bool json, creates;
	} cases[] = {
		{"runc --root /var/run/docker/runtime-runc/moby --log /b/log.json --log-format json --systemd-cgroup create "
		 "--bundle /b --pid-file /b/init.pid --console-socket /s abc",
			"create", "abc", "/b", "/b/log.json", true, true},
		{"runc --log=/l --log-format=text run -b /b -d --keep abc", "run", "abc", "/b", "/l", false, true},
		{"runc --root=/run/runc create abc", "create", "abc", ".", NULL, false, true},
		{"crun --systemd-cgroup --log-format=json --log=/l create --bundle /b --pid-file /p abc", "create", "abc", "/b",
			"/l", true, true},
		{"crun create abc -b/glued", "create", "abc", "/glued", NULL, false, true},
		{"runc -log /l -log-format json create -bundle=/b abc", "create", "abc", "/b", "/l", true, true},
		{"runc --root create --log run state abc", "state", "abc", ".", "run", false, false},
		{"runc exec --process /p -d abc", "exec", "/p", ".", NULL, false, false},
		{"runc kill --all create 9", "kill", "create", ".", NULL, false, false},
		{"runc delete --force run", "delete", "run", ".", NULL, false, false},
		{"runc --new-option value create --bundle /b abc", "create", "abc", "/b", NULL, false, true},
		{"runc create -- -odd", "create", "-odd", ".", NULL, false, true},
		{"runc create", "create", NULL, ".", NULL, false, false},
		{"runc --version", NULL, NULL, ".", NULL, false, false},
		{"runc --bundle", NULL, NULL, ".", NULL, false, false},
		{"runc", NULL, NULL, ".", NULL, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arguments a = parse(cases[i].line);
		const char *const pairs[][2] = {{a.command, cases[i].command}, {a.id, cases[i].id},
			{a.bundle, cases[i].bundle}, {a.log, cases[i].log}};
		for (size_t k = 0; k < ARRAY_SIZE(pairs); k++)
			if (!pairs[k][0] != !pairs[k][1] || (pairs[k][0] && strcmp(pairs[k][0], pairs[k][1]) != 0))
				fail_msg("%s: %s, not %s", cases[i].line, pairs[k][0], pairs[k][1]);
		assert_int_equal(a.log_json, cases[i].json);
		assert_int_equal(arguments_creates(&a), cases[i].creates);
	}
}

static void test_crun_config(void **state)
{
	struct arguments a = parse("crun run --config=/c.json abc");

	assert_string_equal(a.config, "/c.json");
	a = parse("crun run -f/d.json abc");
	assert_string_equal(a.config, "/d.json");
}

#define WHOLE                                                                                      \
	"# a comment\nruntime=/usr/bin/crun\nsocket=/run/s\ndeadline=1500ms\nfail=closed\nengine=podman\nuid=7\n"

static struct settings settings_of(const char *text)
{
	struct settings s;

	settings_parse(&s, text, strlen(text));
	return s;
}

static void test_settings(void **state)
{
	struct settings s = settings_of(WHOLE);

	assert_true(s.asks);
	assert_true(s.closed);
	assert_string_equal(s.runtime, "/usr/bin/crun");
	assert_string_equal(s.socket, "/run/s");
	assert_string_equal(s.engine, "podman");
	assert_int_equal(s.deadline_ns, 1500000000);
	assert_int_equal(s.uid, 7);
	s = settings_of("socket=/s\n");
	assert_true(s.asks);
	assert_false(s.closed);
	assert_int_equal(s.uid, 0);
	assert_int_equal(s.deadline_ns, 250000000);
}

/* Cut or garbled: nobody is asked, and the runtime is still known when its line is whole. */
static void test_settings_garbled(void **state)
{
	static const struct {
		const char *text, *runtime;
	} cases[] = {
		{"", ""},
		{"runtime=/usr/bin/crun\n", "/usr/bin/crun"},
		{"runtime=/usr/bin/crun\nsocket=/s\nuid=0", "/usr/bin/crun"},
		{"runtime=/usr/bin/crun\nsocket=/s\n\x01\x02\x03\n", "/usr/bin/crun"},
		{"runtime=/usr/bin/crun\nsocket=/s\ncolour=blue\n", "/usr/bin/crun"},
		{"runtime=/usr/bin/crun\nsocket=s\n", "/usr/bin/crun"},
		{"socket=/s\ndeadline=0ms\n", ""},
		{"socket=/s\ndeadline=250\n", ""},
		{"socket=/s\ndeadline=61s\n", ""},
		{"socket=/s\ndeadline=99999999999999999999ms\n", ""},
		{"socket=/s\nfail=maybe\n", ""},
		{"socket=/s\nuid=-1\n", ""},
		{"socket=/s\nuid=\n", ""},
		{"socket=/s\nengine=a-name-that-is-too-long\n", ""},
		{"socket=/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678\n",
			""},
		{"runtime=runc\nsocket=/s\n", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s = settings_of(cases[i].text);
		if (s.asks)
			fail_msg("asks with: %s", cases[i].text);
		assert_string_equal(s.runtime, cases[i].runtime);
	}
	/* Every beginning of a good file. */
	for (size_t n = 0; n < strlen(WHOLE); n++) {
		struct settings s;
		settings_parse(&s, WHOLE, n);
		if (s.asks && WHOLE[n - 1] != '\n')
			fail_msg("asks with %zu bytes", n);
	}
}

static void test_refusal_lines(void **state)
{
	char line[512];
	const char *text = "[Seawall] a \"b\" \\ \n\x01 \xc3\xa4";

	size_t n = refuse_line(true, text, 1795580869, line, sizeof(line));
	assert_int_equal(n, strlen(line));
	assert_string_equal(line, "{\"level\":\"error\",\"msg\":\"[Seawall] a \\\"b\\\" \\\\ \\n\\u0001 \xc3\xa4\","
				  "\"time\":\"2026-11-25T04:27:49Z\"}\n");
	refuse_line(false, "no", 951782400, line, sizeof(line));
	assert_string_equal(line, "time=\"2000-02-29T00:00:00Z\" level=error msg=\"no\"\n");
	/* Whatever the text, it is one whole line. */
	char text_room[600];
	memset(text_room, '"', sizeof(text_room) - 1);
	text_room[sizeof(text_room) - 1] = 0;
	n = refuse_line(true, text_room, 0, line, sizeof(line));
	assert_true(n < sizeof(line));
	assert_string_equal(line + n - 3, "\"}\n");
	assert_non_null(strstr(line, "\",\"time\":\"1970-01-01T00:00:00Z\"}"));
}

static void test_other_program(void **state)
{
	assert_false(real_is_other("/proc/self/exe"));
	assert_true(real_is_other("/bin/sh"));
	assert_false(real_is_other("/bin"));
	assert_false(real_is_other("/etc/passwd"));
	assert_false(real_is_other("/nothing/there"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_crun_config),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_settings_garbled),
		cmocka_unit_test(test_refusal_lines),
		cmocka_unit_test(test_other_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
