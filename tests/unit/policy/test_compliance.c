/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a creation: each failed and passed; and the verdict of a rule of several. */
#include "support.h"

#include "policy/compliance_fails.h"
#include "policy/gates.h"

#define LIST(...) {(char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)}
#define MOUNT(...) .mounts = (struct mount_fact[]){{__VA_ARGS__}}, .mount_count = 1
#define S(text) .source = (char *)(text)
#define R(text) .resolved = (char *)(text)

/* A creation and whether it fails the check; `why` is part of what is said. */
static const struct {
	const char *check;
	bool fails;
	const char *why;
	struct creation c;
} rows[] = {
	{"root_user", true, "user root", {.user = (char *)"root"}},
	{"root_user", true, "user 0:0", {.user = (char *)"0:0"}},
	{"root_user", false, "", {.user = (char *)"1000:0"}},
	{"root_user", false, "", {.user = (char *)""}}, /* the image's own: not known here */
	{"root_user", false, "", {0}},
	{"env_secrets", true, "variables that look like secrets: TOKEN, PASSWORD", {.secret_envs = LIST((char *)"TOKEN", (char *)"PASSWORD")}},
	{"env_secrets", false, "", {.env_names = LIST((char *)"TOKEN")}},
	{"apparmor", true, "switched off", {.apparmor = FACT_NO}},
	{"apparmor", false, "", {.apparmor = FACT_YES}},
	{"apparmor", false, "", {0}},
	{"selinux", true, "switched off", {.selinux = FACT_NO}},
	{"selinux", false, "", {0}},
	{"capabilities", true, "capabilities added: NET_ADMIN", {.capabilities = LIST((char *)"NET_ADMIN")}},
	{"capabilities", false, "", {0}},
	{"privileged", true, "the container is privileged", {.privileged = FACT_YES}},
	{"privileged", false, "", {.privileged = FACT_NO}},
	{"privileged", false, "", {0}},
	{"sensitive_mounts", true, "mounts /etc of the host", {MOUNT(MOUNT_BIND, S("/etc"), .readonly = true)}},
	{"sensitive_mounts", true, "mounts / of the host", {MOUNT(MOUNT_BIND, S("/"), .readonly = true)}},
	{"sensitive_mounts", true, "mounts /proc/sys", {MOUNT(MOUNT_BIND, S("/proc/sys"))}},
	{"sensitive_mounts", true, "mounts /home/x of the host, which is /usr", {MOUNT(MOUNT_BIND, S("/home/x"), R("/usr"))}},
	{"sensitive_mounts", false, "", {MOUNT(MOUNT_BIND, S("/etc/localtime"), .readonly = true)}},
	{"sensitive_mounts", false, "", {MOUNT(MOUNT_BIND, S("/etcetera"))}},
	{"sensitive_mounts", false, "", {MOUNT(MOUNT_BIND, S("/srv/data"), R("/srv/data"))}},
	{"sensitive_mounts", false, "", {MOUNT(MOUNT_VOLUME, S("/etc"))}},
	{"sshd", true, "starts sshd", {.args = LIST((char *)"/usr/sbin/sshd", (char *)"-D")}},
	{"sshd", true, "starts sshd", {.args = LIST((char *)"tini", (char *)"--", (char *)"sshd")}},
	{"sshd", false, "", {.args = LIST((char *)"/usr/sbin/sshd-exporter")}},
	{"privileged_ports", true, "port 80", {.ports = LIST((char *)"127.0.0.1:80")}},
	{"privileged_ports", true, "port 443", {.ports = LIST((char *)"8080", (char *)"[::]:443")}},
	{"privileged_ports", false, "", {.ports = LIST((char *)"0.0.0.0:8080", (char *)"1024")}},
	{"privileged_ports", false, "", {.ports = LIST((char *)"0.0.0.0:0")}}, /* any free port */
	{"port_interface", true, "port 8080", {.ports = LIST((char *)"0.0.0.0:8080")}},
	{"port_interface", true, "port 8080", {.ports = LIST((char *)"127.0.0.1:1", (char *)"8080")}},
	{"port_interface", true, "port 1", {.ports = LIST((char *)"[::]:1")}},
	{"port_interface", true, "port 1", {.ports = LIST((char *)":::1")}}, /* "::" and a port, as the old form has it */
	{"port_interface", false, "", {.ports = LIST((char *)"127.0.0.1:8080", (char *)"[::1]:8080")}},
	{"host_network", true, "host", {.host_namespaces = HOST_NETWORK}},
	{"host_network", false, "", {.host_namespaces = HOST_PID | HOST_IPC | HOST_UTS | HOST_USER}},
	{"host_pid", true, "host", {.host_namespaces = HOST_PID}},
	{"host_pid", false, "", {.host_namespaces = HOST_NETWORK | HOST_IPC}},
	{"host_ipc", true, "host", {.host_namespaces = HOST_IPC}},
	{"host_ipc", false, "", {.host_namespaces = HOST_PID}},
	{"host_uts", true, "host", {.host_namespaces = HOST_UTS}},
	{"host_uts", false, "", {0}},
	{"host_userns", true, "host", {.host_namespaces = HOST_USER}},
	{"host_userns", false, "", {0}},
	{"memory_limit", true, "no limit", {0}},
	{"memory_limit", true, "no limit", {.memory = -1}},
	{"memory_limit", false, "", {.memory = 1}},
	{"cpu_shares", true, "no CPU", {0}},
	{"cpu_shares", false, "", {.cpu_shares = 512}},
	{"pids_limit", true, "no limit", {.pids = -1}},
	{"pids_limit", true, "no limit", {0}},
	{"pids_limit", false, "", {.pids = 100}},
	{"ulimits", true, "no ulimits", {0}},
	{"ulimits", false, "", {.ulimits = true}},
	{"readonly_root", true, "written", {0}},
	{"readonly_root", true, "written", {.readonly_root = FACT_NO}},
	{"readonly_root", false, "", {.readonly_root = FACT_YES}},
	{"restart_policy", true, "always", {.restart_policy = (char *)"always"}},
	{"restart_policy", true, "unless-stopped", {.restart_policy = (char *)"unless-stopped"}},
	{"restart_policy", false, "", {.restart_policy = (char *)"on-failure"}},
	{"restart_policy", false, "", {0}},
	{"devices", true, "devices of the host: /dev/kvm", {.devices = LIST((char *)"/dev/kvm")}},
	{"devices", false, "", {0}},
	{"shared_mounts", true, "/data", {MOUNT(MOUNT_BIND, S("/x"), .target = (char *)"/data", .shared = true)}},
	{"shared_mounts", false, "", {MOUNT(MOUNT_BIND, S("/x"))}},
	{"seccomp", true, "switched off", {.seccomp = FACT_NO}},
	{"seccomp", false, "", {.seccomp = FACT_YES}},
	{"no_new_privileges", true, "not set", {0}},
	{"no_new_privileges", false, "", {.no_new_privileges = FACT_YES}},
	{"healthcheck", true, "switched off", {.healthcheck = FACT_NO}},
	{"healthcheck", false, "", {0}},
	{"default_bridge", true, "default bridge", {.networks = LIST((char *)"bridge")}},
	{"default_bridge", false, "", {.networks = LIST((char *)"front")}},
	{"docker_socket", true, "mounts /var/run/docker.sock", {MOUNT(MOUNT_BIND, S("/var/run/docker.sock"), .readonly = true)}},
	{"docker_socket", true, "mounts /run of the host", {MOUNT(MOUNT_BIND, S("/run"))}},
	{"docker_socket", true, "mounts /home/x", {MOUNT(MOUNT_BIND, S("/home/x"), R("/run/docker.sock"))}},
	{"docker_socket", true, "mounts /run/containerd", {MOUNT(MOUNT_BIND, S("/run/containerd"))}},
	{"docker_socket", true, "mounts /srv/docker.sock", {MOUNT(MOUNT_BIND, S("/srv/docker.sock"))}},
	{"docker_socket", false, "", {MOUNT(MOUNT_BIND, S("/var/lib/app"), R("/var/lib/app"))}},
	{"docker_socket", false, "", {MOUNT(MOUNT_BIND, S("/srv/docker.sock.txt"))}},
	{"docker_socket", false, "", {MOUNT(MOUNT_VOLUME, S("docker.sock"))}},
};

static void test_checks(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct compliance_check *check = compliance_check(rows[i].check);
		char why[256] = "";

		assert_non_null(check);
		if (check->fails(&rows[i].c, why, sizeof(why)) != rows[i].fails || !strstr(why, rows[i].why))
			fail_msg("row %zu: %s: '%s'", i, rows[i].check, why);
		assert_true(!rows[i].fails || why[0]);
	}
}

/* Every check of containers is tried both ways above; ids and numbers are unique; all is said. */
static void test_table(void **state)
{
	const struct compliance_check *c, *other;

	for (size_t i = 0; (c = compliance_check_at(i)); i++) {
		unsigned tried = 0;

		assert_ptr_equal(compliance_check(c->id), c);
		assert_true(c->title[0] && c->remedy[0] && c->resource[0]);
		assert_true(c->severity >= SEVERITY_LOW && c->severity <= SEVERITY_CRITICAL);
		assert_true(strspn(c->id, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(c->id));
		for (size_t k = 0; k < i && (other = compliance_check_at(k)); k++)
			assert_string_not_equal(c->id, other->id);
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
			if (strcmp(rows[k].check, c->id) == 0)
				tried |= 1u << rows[k].fails;
		if (c->fails && tried != 3)
			fail_msg("%s is not tried both ways", c->id);
	}
	assert_null(compliance_check("nothing"));
	for (size_t i = 0; i < compliance_check_count; i++)
		assert_non_null(compliance_checks[i].fails);
}

/* The numbers that people look up. */
static void test_numbers(void **state)
{
	static const struct { const char *id, *cis; } known[] = {
		{"privileged", "5.5"}, {"docker_socket", "5.32"}, {"host_pid", "5.16"}, {"root_user", "4.1"}, {"env_secrets", "4.10"},
		{"apparmor", "5.2"}, {"selinux", "5.3"}, {"capabilities", "5.4"}, {"sensitive_mounts", "5.6"}, {"privileged_ports", "5.8"},
		{"host_network", "5.10"}, {"memory_limit", "5.11"}, {"readonly_root", "5.13"}, {"host_ipc", "5.17"}, {"devices", "5.18"},
		{"host_uts", "5.21"}, {"seccomp", "5.22"}, {"no_new_privileges", "5.26"}, {"pids_limit", "5.29"}, {"default_bridge", "5.30"},
		{"host_userns", "5.31"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		assert_string_equal(compliance_check(known[i].id)->cis, known[i].cis);
}

struct tally {
	uint32_t alerts, blocks;
};

static void tally(void *ctx, const struct compliance_check *check, enum gate_effect effect, const char *why)
{
	struct tally *t = ctx;

	t->alerts += effect == GATE_ALERT;
	t->blocks += effect == GATE_BLOCK;
	assert_true(why[0]);
}

static const char policy_text[] =
	"version: 1\n"
	"collections: [{name: lab, hosts: [lab*]}]\n"
	"compliance:\n"
	"  - {name: lab, scope: [lab], checks: {privileged: ignore, host_pid: alert}}\n"
	"  - {name: basics, checks: {host_pid: alert, memory_limit: alert, privileged: block, docker_socket: block, capabilities: ignore, pids_limit: alert}}\n";

static void test_judge(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(policy_text);
	struct mount_fact sock = {MOUNT_BIND, .source = (char *)"/run/docker.sock"};
	struct creation c = {.privileged = FACT_YES, .host_namespaces = HOST_PID, .memory = 1, .mounts = &sock, .mount_count = 1,
		.capabilities = LIST((char *)"ALL")};
	struct tally t = {0};
	struct gate_verdict v = policy_judge_compliance(p, &(struct policy_subject){.host = "h"}, &c, tally, &t);

	assert_string_equal(v.rule, "basics");
	assert_int_equal(v.kind, AUDIT_COMPLIANCE);
	assert_int_equal(v.effect, GATE_BLOCK);
	assert_string_equal(v.reason, "privileged (CIS 5.5): the container is privileged; docker_socket (CIS 5.32): mounts /run/docker.sock of the host");
	assert_string_equal(v.remedy, compliance_check("privileged")->remedy);
	assert_int_equal(t.alerts, 2);
	assert_int_equal(t.blocks, 2);

	v = policy_judge_compliance(p, &(struct policy_subject){.host = "lab1"}, &c, NULL, NULL);
	assert_string_equal(v.rule, "lab");
	assert_int_equal(v.effect, GATE_ALERT);
	assert_string_equal(v.reason, "host_pid (CIS 5.16): shares that of the host");

	struct creation good = {.memory = 1, .pids = 1};
	v = policy_judge_compliance(p, &(struct policy_subject){.host = "h"}, &good, NULL, NULL);
	assert_string_equal(v.rule, "basics");
	assert_int_equal(v.effect, GATE_IGNORE);
	assert_string_equal(v.reason, "");
	v = policy_judge_compliance(NULL, &(struct policy_subject){.host = "h"}, &c, NULL, NULL);
	assert_null(v.rule);
}

static void test_effect(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(policy_text);
	struct policy_subject s = {.host = "h"}, lab = {.host = "lab1"};
	const char *rule = "x";

	assert_int_equal(policy_compliance_effect(p, &s, "privileged", &rule), GATE_BLOCK);
	assert_string_equal(rule, "basics");
	assert_int_equal(policy_compliance_effect(p, &lab, "privileged", &rule), GATE_IGNORE);
	assert_string_equal(rule, "lab");
	assert_int_equal(policy_compliance_effect(p, &lab, "docker_socket", &rule), GATE_IGNORE); /* the first rule decides alone */
	assert_null(rule);
	assert_int_equal(policy_compliance_effect(p, &s, "memory_limit", NULL), GATE_ALERT);
	assert_int_equal(policy_compliance_effect(NULL, &s, "memory_limit", NULL), GATE_IGNORE);
}

/* As many and as long things as a creation may hold: told in part, never overrun. */
static void test_extremes(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 16);
	static char *items[CREATION_LIST_MAX], long_text[5000];
	static struct mount_fact mounts[CREATION_MOUNTS_MAX];
	struct creation c = {.privileged = FACT_YES, .capabilities = {items, CREATION_LIST_MAX}, .devices = {items, CREATION_LIST_MAX},
		.secret_envs = {items, CREATION_LIST_MAX}, .ports = {items, CREATION_LIST_MAX}, .args = {items, CREATION_LIST_MAX},
		.networks = {items, CREATION_LIST_MAX}, .mounts = mounts, .mount_count = CREATION_MOUNTS_MAX, .host_namespaces = 0x7f,
		.user = long_text, .restart_policy = long_text};
	const struct compliance_check *check;

	memset(long_text, '\n', sizeof(long_text) - 1);
	for (size_t i = 0; i < CREATION_LIST_MAX; i++)
		items[i] = long_text;
	for (size_t i = 0; i < CREATION_MOUNTS_MAX; i++)
		mounts[i] = (struct mount_fact){MOUNT_BIND, .source = i % 2 ? long_text : NULL, .resolved = i % 3 ? NULL : long_text};
	buf_puts(&text, "version: 1\ncompliance: [{name: all, checks: {");
	for (size_t i = 0; (check = compliance_check_at(i)); i++)
		buf_printf(&text, "%s%s: alert", i ? ", " : "", check->id);
	buf_puts(&text, "}}]\n");
	CLEANUP(policy_unref) struct policy *p = must_load((char *)text.data);
	struct tally t = {0};
	struct gate_verdict v = policy_judge_compliance(p, &(struct policy_subject){0}, &c, tally, &t);
	assert_int_equal(v.effect, GATE_ALERT);
	assert_true(t.alerts > 10);
	assert_null(strchr(v.reason, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_effect),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests_name("policy.compliance", tests, NULL, NULL);
}
