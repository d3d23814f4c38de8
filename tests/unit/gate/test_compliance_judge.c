/* SPDX-License-Identifier: Apache-2.0 */
/* Each check of daemons and images both ways, on answers as real engines give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gate/compliance_judge.h"
#include "policy/compliance_host.h"

/* GET /info of Docker 20.10 on Debian 12, the members that are read. */
#define INFO                                                                                       \
	"{\"Driver\":\"overlay2\",\"Debug\":false,\"LoggingDriver\":\"json-file\",\"CgroupDriver\":\"cgroupfs\"," \
	"\"Plugins\":{\"Volume\":[\"local\"],\"Network\":[\"bridge\",\"host\"],\"Authorization\":null,\"Log\":[\"json-file\"]}," \
	"\"RegistryConfig\":{\"InsecureRegistryCIDRs\":[\"127.0.0.0/8\"],\"IndexConfigs\":{\"docker.io\":{\"Name\":\"docker.io\"," \
	"\"Mirrors\":[],\"Secure\":true,\"Official\":true}},\"Mirrors\":[]},\"ServerVersion\":\"20.10.24+dfsg1\"," \
	"\"Swarm\":{\"NodeID\":\"\",\"LocalNodeState\":\"inactive\"},\"LiveRestoreEnabled\":false,\"ExperimentalBuild\":false," \
	"\"SecurityOptions\":[\"name=seccomp,profile=default\"],\"Warnings\":[\"WARNING: No memory limit support\"]}"
/* The same of one that is set up well, 28.x. */
#define GOOD                                                                                       \
	"{\"Driver\":\"overlay2\",\"Debug\":false,\"LoggingDriver\":\"syslog\",\"Plugins\":{\"Authorization\":[\"seawall\"]}," \
	"\"RegistryConfig\":{\"InsecureRegistryCIDRs\":[\"::1/128\",\"127.0.0.0/8\"],\"IndexConfigs\":{\"localhost:5000\":{\"Secure\":false}}}," \
	"\"Swarm\":{\"LocalNodeState\":\"inactive\"},\"LiveRestoreEnabled\":true,\"ExperimentalBuild\":false," \
	"\"SecurityOptions\":[\"name=apparmor\",\"name=seccomp,profile=builtin\",\"name=userns\",\"name=no-new-privileges\"],\"Warnings\":null}"

struct told {
	char check[64];
	bool passed;
	char cause[512];
};

struct judged {
	struct told items[64];
	size_t count;
};

static void on_told(void *ctx, const char *check, bool passed, const char *cause)
{
	struct judged *j = ctx;
	struct told *t = &j->items[j->count++];
	const struct compliance_check *row = compliance_check(check);

	assert_non_null(row); /* nothing is judged that no table has */
	assert_true(passed == !*cause);
	snprintf(t->check, sizeof(t->check), "%s", check);
	snprintf(t->cause, sizeof(t->cause), "%s", cause);
	t->passed = passed;
}

static const struct told *of(const struct judged *j, const char *check)
{
	for (size_t i = 0; i < j->count; i++)
		if (strcmp(j->items[i].check, check) == 0)
			return &j->items[i];
	return NULL;
}

struct sample {
	const char *info, *version, *bridge, *config;
	const char *words[16]; /* ends at NULL */
	bool no_words, no_bridge, config_unread;
};

static struct json *parse(const char *text)
{
	struct json *j = NULL;

	if (text)
		assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	return j;
}

static struct judged judge(const struct sample *s)
{
	CLEANUP(json_free) struct json *info = parse(s->info);
	CLEANUP(json_free) struct json *version = parse(s->version);
	CLEANUP(json_free) struct json *bridge = parse(s->bridge);
	CLEANUP(json_free) struct json *config = parse(s->config);
	struct str_list words = {.items = (char **)(uintptr_t)s->words};
	struct judged j = {.count = 0};

	while (s->words[words.count])
		words.count++;
	compliance_judge_daemon(&(struct daemon_facts){.info = info, .version = version, .bridge = bridge,
					.no_bridge = s->no_bridge, .words = s->no_words ? NULL : &words, .config = config,
					.config_unread = s->config_unread},
		on_told, &j);
	return j;
}

static void expect(const char *what, const struct judged *j, const char *check, const char *wanted)
{
	const struct told *t = of(j, check);
	const char *got = !t ? "unknown" : t->passed ? "pass" : "fail";

	if (strcmp(got, wanted) != 0)
		fail_msg("%s: %s is %s, not %s%s%s", what, check, got, wanted, t ? ": " : "", t ? t->cause : "");
}

/* One row for each way that a check can go. */
static const struct {
	const char *check, *wanted;
	struct sample sample;
} rows[] = {
	{"engine_version", "fail", {.version = "{\"Version\":\"20.10.24+dfsg1\"}"}},
	{"engine_version", "pass", {.version = "{\"Version\":\"28.3.1\"}"}},
	{"engine_version", "unknown", {.version = "{\"Version\":\"dev\"}"}},
	{"daemon_rootless", "fail", {.info = INFO}},
	{"daemon_rootless", "pass", {.info = "{\"SecurityOptions\":[\"name=seccomp,profile=default\",\"name=rootless\"]}"}},
	{"daemon_icc", "fail", {.info = INFO, .bridge = "{\"Options\":{\"com.docker.network.bridge.enable_icc\":\"true\"}}"}},
	{"daemon_icc", "pass", {.info = INFO, .bridge = "{\"Options\":{\"com.docker.network.bridge.enable_icc\":\"false\"}}"}},
	{"daemon_icc", "pass", {.info = INFO, .no_bridge = true}},
	{"daemon_icc", "unknown", {.info = INFO}},
	{"daemon_log_level", "pass", {.info = INFO}},
	{"daemon_log_level", "pass", {.info = INFO, .words = {"dockerd", "-l", "info"}}},
	{"daemon_log_level", "fail", {.info = INFO, .words = {"dockerd", "--log-level=warn"}}},
	{"daemon_log_level", "fail", {.info = "{\"Debug\":true}"}},
	{"daemon_log_level", "fail", {.info = INFO, .config = "{\"log-level\":\"debug\"}"}},
	{"daemon_log_level", "unknown", {.info = INFO, .no_words = true}},
	{"daemon_iptables", "pass", {.info = INFO}},
	{"daemon_iptables", "fail", {.info = INFO, .words = {"dockerd", "--iptables=false"}}},
	{"daemon_iptables", "pass", {.info = INFO, .words = {"dockerd", "--iptables", "false"}}}, /* as pflag reads it */
	{"daemon_iptables", "fail", {.info = INFO, .config = "{\"iptables\":false}"}},
	{"daemon_iptables", "unknown", {.info = INFO, .config_unread = true}},
	{"insecure_registries", "pass", {.info = INFO}},
	{"insecure_registries", "pass", {.info = GOOD}},
	{"insecure_registries", "fail", {.info = "{\"RegistryConfig\":{\"IndexConfigs\":{\"r.example:5000\":{\"Secure\":false}}}}"}},
	{"insecure_registries", "fail", {.info = "{\"RegistryConfig\":{\"InsecureRegistryCIDRs\":[\"10.0.0.0/8\"]}}"}},
	{"storage_aufs", "pass", {.info = INFO}},
	{"storage_aufs", "fail", {.info = "{\"Driver\":\"aufs\"}"}},
	{"daemon_tcp", "pass", {.info = INFO, .words = {"dockerd", "-H", "unix:///var/run/docker.sock"}}},
	{"daemon_tcp", "pass", {.info = INFO, .words = {"dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-H", "tcp://0.0.0.0:2375", "-H", "fd://"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-H", "unix:///a", "--host=tcp://127.0.0.1:2375"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-Htcp://:2375"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-H=0.0.0.0:2375"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "--host", ":2375"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-H", "tcp://[::]:2376", "--tls"}}},
	{"daemon_tcp", "fail", {.info = INFO, .words = {"dockerd", "-H", "tcp://h:2376", "--tlsverify=false"}}},
	{"daemon_tcp", "pass", {.info = INFO, .words = {"dockerd", "-H", "tcp://h:2376", "--tlsverify", "--tlscacert=/ca.pem"}}},
	{"daemon_tcp", "fail", {.info = INFO, .config = "{\"hosts\":[\"fd://\",\"tcp://0.0.0.0:2375\"]}", .words = {"dockerd"}}},
	{"daemon_tcp", "pass", {.info = INFO, .config = "{\"hosts\":[\"tcp://0.0.0.0:2376\"],\"tlsverify\":true}", .words = {"dockerd"}}},
	{"daemon_tcp", "fail", {.info = "{\"Warnings\":[\"WARNING: API is accessible on http://127.0.0.1:2375 without encryption.\\n"
		"         Access to the remote API is equivalent to root\"]}", .no_words = true}},
	{"daemon_tcp", "unknown", {.info = INFO, .no_words = true}},
	{"default_ulimits", "fail", {.info = INFO}},
	{"default_ulimits", "pass", {.info = INFO, .words = {"dockerd", "--default-ulimit", "nofile=1024:2048"}}},
	{"default_ulimits", "pass", {.info = INFO, .config = "{\"default-ulimits\":{\"nofile\":{\"Hard\":1}}}"}},
	{"default_ulimits", "fail", {.info = INFO, .config = "{\"default-ulimits\":{}}"}},
	{"userns_remap", "fail", {.info = INFO}},
	{"userns_remap", "pass", {.info = GOOD}},
	{"daemon_cgroup_parent", "pass", {.info = INFO}},
	{"daemon_cgroup_parent", "fail", {.info = INFO, .words = {"dockerd", "--cgroup-parent", "/mine"}}},
	{"base_device_size", "pass", {.info = INFO}},
	{"base_device_size", "fail", {.info = INFO, .words = {"dockerd", "--storage-opt", "dm.basesize=50G"}}},
	{"base_device_size", "fail", {.info = INFO, .config = "{\"storage-opts\":[\"dm.basesize=50G\"]}"}},
	{"authorization_plugin", "fail", {.info = INFO}},
	{"authorization_plugin", "pass", {.info = GOOD}},
	{"remote_logging", "fail", {.info = INFO}},
	{"remote_logging", "pass", {.info = GOOD}},
	{"daemon_no_new_privileges", "fail", {.info = INFO}},
	{"daemon_no_new_privileges", "pass", {.info = INFO, .words = {"dockerd", "--no-new-privileges"}}},
	{"daemon_no_new_privileges", "pass", {.info = INFO, .config = "{\"no-new-privileges\":true}"}},
	{"live_restore", "fail", {.info = INFO}},
	{"live_restore", "pass", {.info = GOOD}},
	{"live_restore", "unknown", {.info = "{\"Swarm\":{\"LocalNodeState\":\"active\"}}"}},
	{"userland_proxy", "fail", {.info = INFO}},
	{"userland_proxy", "pass", {.info = INFO, .words = {"dockerd", "--userland-proxy=false"}}},
	{"userland_proxy", "unknown", {.info = INFO, .no_words = true}},
	{"daemon_seccomp", "pass", {.info = INFO}},
	{"daemon_seccomp", "fail", {.info = "{\"SecurityOptions\":[\"name=apparmor\"]}"}},
	{"daemon_seccomp", "fail", {.info = "{\"SecurityOptions\":[\"name=seccomp,profile=unconfined\"]}"}},
	{"experimental", "pass", {.info = INFO}},
	{"experimental", "fail", {.info = "{\"ExperimentalBuild\":true}"}},
	{"swarm_mode", "pass", {.info = INFO}},
	{"swarm_mode", "fail", {.info = "{\"Swarm\":{\"LocalNodeState\":\"pending\"}}"}},
};

static void test_daemon_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct judged j = judge(&rows[i].sample);
		char what[32];
		snprintf(what, sizeof(what), "row %zu", i);
		expect(what, &j, rows[i].check, rows[i].wanted);
	}
}

/* Every check of daemons is judged by some row above as passing and by another as failing. */
static void test_every_daemon_check_has_both(void **state)
{
	(void)state;
	for (size_t c = 0; c < compliance_host_check_count; c++) {
		bool pass = false, fails = false;
		if (strcmp(compliance_host_checks[c].resource, "daemon") != 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			bool same = strcmp(rows[i].check, compliance_host_checks[c].id) == 0;
			pass |= same && strcmp(rows[i].wanted, "pass") == 0;
			fails |= same && strcmp(rows[i].wanted, "fail") == 0;
		}
		if (!pass || !fails)
			fail_msg("%s is not tried both ways", compliance_host_checks[c].id);
	}
}

/* What the engine answers may be anything. */
static void test_nonsense(void **state)
{
	static const char *const infos[] = {"[]", "1", "null", "{}", "{\"SecurityOptions\":{\"a\":[]},\"Plugins\":3}",
		"{\"RegistryConfig\":[1,2],\"Warnings\":{\"x\":1},\"Swarm\":\"active\",\"Driver\":7,\"Debug\":\"yes\"}",
		"{\"SecurityOptions\":[null,1,{},\"\",\"name=\"],\"RegistryConfig\":{\"IndexConfigs\":[[],{}]}}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		struct judged j = judge(&(struct sample){.info = infos[i], .version = infos[i], .bridge = infos[i],
			.config = infos[i], .words = {"", "-", "--", "-H"}});
		assert_true(j.count <= compliance_host_check_count);
	}
	struct judged none = judge(&(struct sample){.no_words = true});
	assert_int_equal(none.count, 0);
}

static struct judged judge_image(const char *text)
{
	CLEANUP(json_free) struct json *image = parse(text);
	struct judged j = {.count = 0};

	compliance_judge_image(image, on_told, &j);
	return j;
}

static void test_images(void **state)
{
	static const struct {
		const char *check, *wanted, *image;
	} images[] = {
		{"image_user", "fail", "{\"Config\":{}}"},
		{"image_user", "fail", "{\"Config\":{\"User\":\"root\"}}"},
		{"image_user", "fail", "{\"Config\":{\"User\":\"0:0\"}}"},
		{"image_user", "fail", "{\"Config\":{\"User\":\"00\"}}"},
		{"image_user", "fail", "{\"Config\":{\"User\":\":1000\"}}"},
		{"image_user", "pass", "{\"Config\":{\"User\":\"rooter\"}}"},
		{"image_user", "pass", "{\"Config\":{\"User\":\"1000:0\"}}"},
		{"image_healthcheck", "fail", "{\"Config\":{\"User\":\"a\"}}"},
		{"image_healthcheck", "fail", "{\"Config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}"},
		{"image_healthcheck", "pass", "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]}}}"},
		{"image_secrets", "pass", "{\"Config\":{\"Env\":null}}"},
		{"image_secrets", "pass", "{\"Config\":{\"Env\":[\"PATH=/bin\",\"GPG_KEY=E3FF2839\",\"noequals\",1]}}"},
		{"image_secrets", "fail", "{\"Config\":{\"Env\":[\"PATH=/bin\",\"DB_PASSWORD=hunter22\"]}}"},
		{"image_user", "unknown", "{}"},
		{"image_user", "unknown", "[]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct judged j = judge_image(images[i].image);
		expect(images[i].image, &j, images[i].check, images[i].wanted);
	}
	struct judged j = judge_image("{\"Config\":{\"Env\":[\"A_TOKEN=abcdefgh\",\"B_SECRET=12345678\"]}}");
	const struct told *t = of(&j, "image_secrets");
	assert_string_equal(t->cause, "its environment has A_TOKEN, B_SECRET"); /* names, never values */
}

/* The table itself: readable ids, each once, with all that a report needs. */
static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < compliance_host_check_count; i++) {
		const struct compliance_check *c = &compliance_host_checks[i];
		assert_true(strspn(c->id, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(c->id));
		assert_non_null(c->cis);
		assert_true(c->severity >= SEVERITY_LOW && c->severity <= SEVERITY_CRITICAL);
		assert_true(*c->title && *c->remedy && *c->resource);
		assert_ptr_equal(compliance_check(c->id), c); /* also: no id twice */
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(compliance_host_checks[k].cis, c->cis);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon_both_ways),
		cmocka_unit_test(test_every_daemon_check_has_both),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("gate.compliance_judge", tests, NULL, NULL);
}
