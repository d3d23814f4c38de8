/* SPDX-License-Identifier: Apache-2.0 */
/* Access rules: who, what, and each condition met and not met, by rules that deny and by rules that allow. */
#include "support.h"

#include "policy/bind.h"
#include "policy/compliance_fails.h"
#include "policy/gates.h"

#define LIST(...) {(char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)}

static struct access_verdict judge(const char *rule, const struct access_request *q)
{
	char text[1024];

	snprintf(text, sizeof(text), "version: 1\naccess: [{name: r, %s}]\n", rule);
	CLEANUP(policy_unref) struct policy *p = must_load(text);
	struct access_verdict v = policy_judge_access(p, q);
	if (v.rule) {
		assert_string_equal(v.rule, "r");
		v.rule = "r";
	}
	return v;
}

/* Whether a rule with these conditions matches, told by its effect. */
static bool met(const char *effect, const char *when, const struct access_request *q)
{
	char rule[512];

	snprintf(rule, sizeof(rule), "when: {%s}, effect: %s", when, effect);
	return judge(rule, q).rule != NULL;
}

static void test_who(void **state)
{
	const struct { const char *rule, *user; struct str_list groups; bool met; } rows[] = {
		{"effect: deny", "bob", {0}, true},
		{"effect: deny, users: [bob, alice]", "alice", {0}, true},
		{"effect: deny, users: [bob]", "bobby", {0}, false},
		{"effect: deny, users: [bob]", "Bob", {0}, false},
		{"effect: deny, users: [\"ci-*\"]", "ci-7", {0}, true},
		{"effect: deny, users: [bob]", "", {0}, false},
		{"effect: deny, users: [\"\"]", "", {0}, true},
		{"effect: deny, users: [\"\"]", NULL, {0}, true},
		{"effect: deny, users: [\"\"]", "bob", {0}, false},
		{"effect: deny, users: [\"*\"]", "", {0}, true},
		{"effect: deny, groups: [ops]", "bob", {0}, false},
		{"effect: deny, groups: [ops]", "bob", {(char *[]){(char *)"dev", (char *)"ops"}, 2}, true},
		{"effect: deny, groups: [ops]", "ops", {(char *[]){(char *)"dev"}, 1}, false},
		{"effect: deny, groups: [ops], users: [alice]", "bob", {(char *[]){(char *)"ops"}, 1}, false},
		{"effect: deny, groups: [], users: []", "bob", {0}, true},
		{"effect: deny, disabled: true", "bob", {0}, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_request q = {.user = rows[i].user, .groups = &rows[i].groups, .action = "container_create"};

		if ((judge(rows[i].rule, &q).rule != NULL) != rows[i].met)
			fail_msg("row %zu: %s", i, rows[i].rule);
	}
}

static void test_actions(void **state)
{
	static const struct { const char *actions, *action; bool read_only, dangerous, met; } rows[] = {
		{"[container_create]", "container_create", false, true, true},
		{"[container_create]", "container_created", false, true, false},
		{"[container_create]", "Container_Create", false, true, false},
		{"[\"container_*\"]", "container_create", false, true, true},
		{"[\"container_*\"]", "image_create", false, true, false},
		{"[\"*_create\"]", "image_create", false, true, true},
		{"[read_only]", "container_list", true, false, true},
		{"[read_only]", "container_create", false, true, false},
		{"[dangerous]", "container_create", false, true, true},
		{"[dangerous]", "container_list", true, false, false},
		{"[\"*\"]", "unknown", false, false, true},
		{"[unknown]", "unknown", false, false, true},
		{"[]", "unknown", false, false, true},
		{"[\"*\"]", NULL, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_request q = {.user = "", .action = rows[i].action, .read_only = rows[i].read_only, .dangerous = rows[i].dangerous};
		char rule[128];

		snprintf(rule, sizeof(rule), "effect: deny, actions: %s", rows[i].actions);
		if ((judge(rule, &q).rule != NULL) != rows[i].met)
			fail_msg("row %zu: %s", i, rule);
	}
}

/* What is built through a builder's own stream is not seen: rules against builds stand in its way. */
static void test_hidden_builds(void **state)
{
	static const struct { const char *rule; bool met; } rows[] = {
		{"actions: [image_build], effect: deny", true},
		{"actions: [\"image_*\"], effect: alert", true},
		{"actions: [image_build], when: {networks: [host]}, effect: deny", true},
		{"actions: [image_build], when: {images: [\"evil/*\"]}, effect: deny", true},
		{"actions: [image_build], when: {targets: [\"evil/*\"]}, effect: deny", true},
		{"when: {networks: [host]}, effect: deny", true},
		{"when: {targets: [vault]}, effect: deny", false},
		{"actions: [image_build], when: {networks: [none]}, effect: allow", false},
		{"actions: [image_build], effect: allow", false},
		{"actions: [image_build], when: {privileged: true}, effect: deny", false},
		{"when: {binds: [/]}, effect: deny", false},
		{"actions: [container_create], when: {networks: [host]}, effect: deny", false},
		{"actions: [image_build], users: [bob], effect: deny", false},
		{"actions: [image_build], groups: [dev], effect: deny", false},
		{"actions: [image_build], when: {networks: [host], addresses: [10.0.0.0/8]}, effect: deny", false},
		{"actions: [image_build], when: {networks: [host], addresses: [192.0.2.0/24]}, effect: deny", true},
		{"actions: [image_build], disabled: true, effect: deny", false},
		{"actions: [grpc], effect: allow", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_request q = {.user = "alice", .address = "192.0.2.7", .action = "grpc", .dangerous = true, .hides_builds = true};

		if ((judge(rows[i].rule, &q).rule != NULL) != rows[i].met)
			fail_msg("row %zu: %s", i, rows[i].rule);
	}
	struct access_request q = {.user = "alice", .action = "system_prune"};
	assert_null(judge(rows[0].rule, &q).rule);
	q = (struct access_request){.user = "alice", .action = "session", .hides_builds = true};
	assert_non_null(strstr(judge(rows[2].rule, &q).reason, "what it builds is not seen"));
}

/* A container is meant by each of its names. */
static void test_targets(void **state)
{
	struct access_request q = {.user = "", .action = "container_exec_create", .target = "0123abcd", .target_too = "vault-1"};

	assert_true(met("deny", "targets: [\"vault*\"]", &q));
	assert_true(met("allow", "targets: [\"vault*\"]", &q));
	assert_true(met("deny", "targets: [\"0123*\"]", &q));
	assert_false(met("deny", "targets: [web]", &q));
}

/* Left out, looks are counted; `all` is each of them. */
static void test_what_is_recorded(void **state)
{
	static const struct { const char *rule; bool audit, counted; } rows[] = {
		{"effect: allow", true, true},
		{"effect: allow, audit: counted", true, true},
		{"effect: allow, audit: all", true, false},
		{"effect: allow, audit: denied", false, false},
		{"effect: deny, audit: denied", true, false},
		{"effect: deny, audit: none", false, false},
		{"effect: alert, audit: none", true, false},
	};
	struct access_request q = {.user = "", .action = "container_list", .read_only = true};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_verdict v = judge(rows[i].rule, &q);

		if (v.audit != rows[i].audit || v.counted != rows[i].counted)
			fail_msg("row %zu: %s", i, rows[i].rule);
	}
	struct access_verdict v = policy_judge_access(NULL, &q);
	assert_true(v.audit && v.counted);
}

/* A condition and a container: whether it meets a rule that denies, and one that allows. */
struct row {
	const char *when;
	struct creation c;
	bool deny, allow;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct access_request q = {.user = "", .action = "container_create", .creation = &rows[i].c};

		if (met("deny", rows[i].when, &q) != rows[i].deny || met("alert", rows[i].when, &q) != rows[i].deny)
			fail_msg("row %zu, deny: %s", i, rows[i].when);
		if (met("allow", rows[i].when, &q) != rows[i].allow)
			fail_msg("row %zu, allow: %s", i, rows[i].when);
		/* A command that asks for no container meets no such condition. */
		q.creation = NULL;
		assert_false(met("deny", rows[i].when, &q));
		assert_false(met("allow", rows[i].when, &q));
	}
}

static void test_settings(void **state)
{
	const struct row rows[] = {
		{"privileged: true", {.privileged = FACT_YES}, true, true},
		{"privileged: true", {.privileged = FACT_NO}, false, false},
		{"privileged: true", {0}, false, false},
		{"privileged: false", {.privileged = FACT_YES}, false, false},
		{"privileged: false", {.privileged = FACT_NO}, true, true},
		{"privileged: false", {0}, true, true},
		{"capabilities: [SYS_ADMIN]", {.capabilities = LIST((char *)"SYS_ADMIN")}, true, true},
		{"capabilities: [cap_sys_admin]", {.capabilities = LIST((char *)"SYS_ADMIN")}, true, true},
		{"capabilities: [SYS_ADMIN]", {.capabilities = LIST((char *)"NET_RAW")}, false, false},
		{"capabilities: [SYS_ADMIN]", {.capabilities = LIST((char *)"SYS_ADMIN", (char *)"NET_RAW")}, true, false},
		{"capabilities: [SYS_ADMIN, NET_RAW]", {.capabilities = LIST((char *)"SYS_ADMIN", (char *)"NET_RAW")}, true, true},
		{"capabilities: [SYS_ADMIN]", {.capabilities = LIST((char *)"ALL")}, true, false},
		{"capabilities: [ALL]", {.capabilities = LIST((char *)"ALL")}, true, true},
		{"capabilities: [\"*\"]", {.capabilities = LIST((char *)"NET_RAW")}, true, true},
		{"capabilities: [\"*\"]", {0}, false, false},
		{"capabilities: [SYS_ADMIN]", {.privileged = FACT_YES}, true, false},
		{"capabilities: [SYS_ADMIN]", {.privileged = FACT_YES, .capabilities = LIST((char *)"SYS_ADMIN")}, true, false},
		{"devices: [/dev/kvm]", {.devices = LIST((char *)"/dev/kvm")}, true, true},
		{"devices: [/dev/kvm]", {.devices = LIST((char *)"/dev/kvm2")}, false, false},
		{"devices: [\"/dev/sd*\"]", {.devices = LIST((char *)"/dev/sda1", (char *)"/dev/kvm")}, true, false},
		{"devices: [/dev/mem]", {.devices = LIST((char *)"rule:c *:* rwm")}, true, false},
		{"devices: [\"rule:*\"]", {.devices = LIST((char *)"rule:c *:* rwm")}, true, true},
		{"devices: [/dev/mem]", {.privileged = FACT_YES}, true, false},
		{"host_namespaces: [network, pid]", {.host_namespaces = HOST_PID}, true, true},
		{"host_namespaces: [network, pid]", {.host_namespaces = HOST_PID | HOST_IPC}, true, false},
		{"host_namespaces: [network]", {.host_namespaces = HOST_PID}, false, false},
		{"host_namespaces: [user]", {.host_namespaces = HOST_USER}, true, true},
		{"host_namespaces: [cgroup]", {.host_namespaces = HOST_CGROUP}, true, true},
		{"host_namespaces: [uts]", {0}, false, false},
		{"joins: [\"vault*\"]", {.joins = LIST((char *)"vault-1")}, true, true},
		{"joins: [\"vault*\"]", {.joins = LIST((char *)"web")}, false, false},
		{"security_options: [seccomp=unconfined]", {.security_options = LIST((char *)"seccomp=unconfined")}, true, true},
		{"security_options: [seccomp=unconfined]", {.security_options = LIST((char *)"seccomp:unconfined")}, true, true},
		{"security_options: [\"seccomp:*\"]", {.security_options = LIST((char *)"Seccomp=x.json")}, true, true},
		{"security_options: [seccomp=unconfined]", {.security_options = LIST((char *)"apparmor=unconfined")}, false, false},
		{"sysctls: [\"net.*\"]", {.sysctls = LIST((char *)"net.ipv4.ip_forward=1")}, true, true},
		{"sysctls: [net.ipv4.ip_forward]", {.sysctls = LIST((char *)"net/ipv4/ip_forward=1")}, true, true},
		{"sysctls: [net.ipv4.ip_forward=0]", {.sysctls = LIST((char *)"net.ipv4.ip_forward=1")}, false, false},
		{"sysctls: [\"net.*\"]", {.sysctls = LIST((char *)"kernel.x=net.y")}, false, false},
		{"runtimes: [runc]", {.runtime = (char *)"runc"}, true, true},
		{"runtimes: [runc]", {.runtime = (char *)"runcx"}, false, false},
		{"runtimes: [\"*\"]", {0}, false, false},
		{"volumes: [\"db-*\"]", {.mounts = (struct mount_fact[]){{MOUNT_VOLUME, .source = (char *)"db-1"}}, .mount_count = 1}, true, true},
		{"volumes: [\"db-*\"]", {.mounts = (struct mount_fact[]){{MOUNT_VOLUME, .source = (char *)"db-1"}, {MOUNT_VOLUME, .source = (char *)"x"}},
			.mount_count = 2}, true, false},
		{"volumes: [\"db-*\"]", {.mounts = (struct mount_fact[]){{MOUNT_BIND, .source = (char *)"db-1"}}, .mount_count = 1}, false, false},
		/* ANDed */
		{"privileged: true, host_namespaces: [pid]", {.privileged = FACT_YES}, false, false},
		{"privileged: true, host_namespaces: [pid]", {.privileged = FACT_YES, .host_namespaces = HOST_PID}, true, true},
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

/* A mount and where it leads, against one pattern: reached (for rules that deny), within (for rules that allow). */
static void test_binds(void **state)
{
	static const struct { const char *pattern, *source, *resolved; bool reaches, within; } rows[] = {
		{"/etc", "/etc", NULL, true, true},
		{"/etc", "/etc/shadow", NULL, true, true},
		{"/etc", "/etcetera", NULL, false, false},
		{"/etc", "/", NULL, true, false},
		{"/etc", "/srv/etc", NULL, false, false},
		{"/etc/ssh", "/etc", NULL, true, false},
		{"/etc/ssh", "/etc/ss", NULL, false, false},
		{"/etc/ssh", "/etc/ssh2", NULL, false, false},
		{"/var/run/docker.sock", "/var/run/docker.sock", NULL, true, true},
		{"/var/run/docker.sock", "/run/docker.sock", NULL, true, true},
		{"/run/docker.sock", "/var/run/docker.sock", "/run/docker.sock", true, true},
		{"/var/run/docker.sock", "/run", NULL, true, false},
		{"/var/run/docker.sock", "/var/run", "/run", true, false},
		{"/var/run/docker.sock", "/var", NULL, true, false},
		{"/var/run/docker.sock", "/", "/", true, false},
		{"/var/run/docker.sock", "/var/lib/app", NULL, false, false},
		{"/var/run/docker.sock", "/var/running", NULL, false, false},
		{"/var/run/docker.sock", "/run/docker.sock.bak", NULL, false, false},
		{"/var/run/docker.sock", "/home/bob/link", "/run/docker.sock", true, false},
		{"/var/run/docker.sock", "/home/bob/link", "/home/bob/file", false, false},
		{"/running", "/var/running", NULL, false, false},
		{"/data", "/data/x", "/etc/x", true, false},
		{"/data", "/data/x", "/data/y", true, true},
		{"/", "/", NULL, true, true},
		{"/", "/etc", NULL, false, false},
		{"/", "/home/bob/root", "/", true, false},
		{"*", "/etc", NULL, true, true},
		{"*", "/", NULL, true, true},
		{"*/docker.sock", "/x/docker.sock", NULL, true, true},
		{"*/docker.sock", "/x/my-docker.sock", NULL, false, false},
		{"*/.ssh", "/home/bob/.ssh/id_rsa", NULL, true, true},
		{"*/.ssh", "/home/bob", NULL, false, false},
		{"/var/lib/doc*", "/var/lib/docker/volumes", NULL, true, true},
		{"/var/lib/doc*", "/var/lib", NULL, true, false},
		{"/var/lib/doc*", "/var/lib/do", NULL, false, false},
		{"/var/lib/*", "/var/lib", NULL, true, false},
		{"*lib*", "/var/lib/x", NULL, true, true},
		{"/etc", "", NULL, false, false},
		{"/etc", NULL, NULL, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_fact m = {MOUNT_BIND, .source = (char *)(uintptr_t)rows[i].source, .resolved = (char *)(uintptr_t)rows[i].resolved};
		struct creation c = {.mounts = &m, .mount_count = 1};
		struct access_request q = {.user = "", .action = "container_create", .creation = &c};
		char when[128];

		snprintf(when, sizeof(when), "binds: [\"%s\"]", rows[i].pattern);
		if (met("deny", when, &q) != rows[i].reaches)
			fail_msg("row %zu: %s reaches", i, rows[i].pattern);
		if (met("allow", when, &q) != rows[i].within)
			fail_msg("row %zu: %s within", i, rows[i].pattern);
		m.kind = MOUNT_VOLUME;
		assert_false(met("deny", when, &q));
	}
	/* Rules that allow want all of them within. */
	struct mount_fact two[] = {{MOUNT_BIND, .source = (char *)"/data"}, {MOUNT_BIND, .source = (char *)"/etc"}, {MOUNT_VOLUME, .source = (char *)"v"}};
	struct creation c = {.mounts = two, .mount_count = 3};
	struct access_request q = {.user = "", .action = "container_create", .creation = &c};
	assert_false(met("allow", "binds: [/data]", &q));
	assert_true(met("allow", "binds: [/data, /etc]", &q));
	assert_true(met("deny", "binds: [/data]", &q));
	/* A path longer than any that can be mounted is not looked past. */
	CLEANUP(free) char *long_path = malloc(9000);
	memset(long_path, 'a', 9000);
	long_path[0] = '/';
	long_path[8999] = 0;
	assert_true(bind_reaches("/etc", long_path));
	assert_false(bind_within("/etc", long_path));
}

/* Conditions about the command itself. */
static void test_command(void **state)
{
	static const struct { const char *when; struct access_request q; bool deny, allow; } rows[] = {
		{"images: [\"nginx:*\"]", {.image = "docker.io/library/nginx:1"}, true, true},
		{"images: [\"*\", \"-nginx:*\"]", {.image = "docker.io/library/nginx:1"}, false, false},
		{"images: [\"-nginx:*\"]", {.image = "docker.io/library/redis:1"}, true, true},
		{"images: [\"nginx:*\"]", {.image = NULL}, false, false},
		{"images: [\"*\"]", {.image = ""}, false, false},
		{"exec_users: [root]", {.exec_user = "root"}, true, true},
		{"exec_users: [root]", {.exec_user = "0"}, true, true},
		{"exec_users: [root]", {.exec_user = "0:0"}, true, true},
		{"exec_users: [root]", {.exec_user = "root:root"}, true, true},
		{"exec_users: [root]", {.exec_user = "00"}, true, true},
		{"exec_users: [root]", {.exec_user = "+0:7"}, true, true},
		{"exec_users: [root]", {.exec_user = ""}, false, false},
		{"exec_users: [root]", {.exec_user = NULL}, false, false},
		{"exec_users: [root]", {.exec_user = "rooty"}, false, false},
		{"exec_users: [root]", {.exec_user = "10"}, false, false},
		{"exec_users: [root]", {.exec_user = "1000:0"}, false, false},
		{"exec_users: [\"0\"]", {.exec_user = "root"}, true, true},
		{"exec_users: [\"\"]", {.exec_user = ""}, true, true},
		{"exec_users: [\"\"]", {.exec_user = "root"}, false, false},
		{"exec_users: [\"*\"]", {.exec_user = ""}, true, true},
		{"exec_users: [www-data]", {.exec_user = "www-data"}, true, true},
		{"exec_users: [www-data]", {.exec_user = "www-data:docker"}, true, false},
		{"targets: [\"db*\"]", {.target = "db1"}, true, true},
		{"targets: [\"db*\"]", {.target = "web"}, false, false},
		{"targets: [\"*\"]", {.target = NULL}, false, false},
		{"networks: [host]", {.network = "host"}, true, true},
		{"networks: [host]", {.network = "hosts"}, false, false},
		{"networks: [\"*\"]", {.network = NULL}, false, false},
		{"addresses: [192.0.2.0/24]", {.address = "192.0.2.7"}, true, true},
		{"addresses: [192.0.2.0/24]", {.address = "::ffff:192.0.2.7"}, true, true},
		{"addresses: [192.0.2.0/24]", {.address = "192.0.3.7"}, false, false},
		{"addresses: [\"2001:db8::/32\"]", {.address = "2001:db8::1"}, true, true},
		{"addresses: [0.0.0.0/0]", {.address = ""}, false, false},
		{"addresses: [0.0.0.0/0]", {.address = NULL}, false, false},
		{"addresses: [0.0.0.0/0]", {.address = "localhost"}, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (met("deny", rows[i].when, &rows[i].q) != rows[i].deny || met("allow", rows[i].when, &rows[i].q) != rows[i].allow)
			fail_msg("row %zu: %s", i, rows[i].when);
	/* Networks of a container and of the command together. */
	struct creation c = {.networks = LIST((char *)"front", (char *)"back"), .image = (char *)"docker.io/library/nginx:1"};
	struct access_request q = {.user = "", .action = "container_create", .creation = &c};
	assert_true(met("deny", "networks: [back]", &q));
	assert_false(met("allow", "networks: [back]", &q));
	assert_true(met("allow", "networks: [back, front]", &q));
	assert_true(met("deny", "images: [\"nginx:*\"]", &q));
	q.network = "host";
	assert_false(met("allow", "networks: [back, front]", &q));
	assert_true(met("deny", "networks: [host]", &q));
}

static void test_first_match(void **state)
{
	CLEANUP(policy_unref) struct policy *p = must_load(
		"version: 1\n"
		"access:\n"
		"  - {name: ops, users: [alice], groups: [], actions: [\"*\"], effect: allow, audit: none}\n"
		"  - {name: no remote start, actions: [container_create, container_start], when: {privileged: true}, effect: deny, message: \"ask the platform team\"}\n"
		"  - {name: no exec, actions: [container_exec_create], effect: deny, audit: none}\n"
		"  - {name: quiet, actions: [read_only], effect: allow, audit: denied}\n"
		"  - {name: loud, actions: [image_create], effect: alert, audit: none}\n"
		"  - {name: sock, actions: [container_create], when: {binds: [/run/docker.sock], capabilities: [\"*\"]}, effect: deny, audit: denied}\n"
		"  - {name: the rest, effect: allow, audit: all}\n");
	struct creation privileged = {.privileged = FACT_YES};
	struct mount_fact sock = {MOUNT_BIND, .source = (char *)"/var/run/docker.sock"};
	struct creation mounts = {.mounts = &sock, .mount_count = 1, .capabilities = LIST((char *)"NET_RAW")};
	const struct { struct access_request q; const char *rule; enum access_effect effect; bool audit; const char *reason; } rows[] = {
		{{.user = "alice", .action = "container_create", .creation = &privileged}, "ops", ACCESS_ALLOW, false, "user alice, container_create"},
		{{.user = "bob", .action = "container_create", .creation = &privileged}, "no remote start", ACCESS_DENY, true, "ask the platform team"},
		{{.user = "bob", .action = "container_start"}, "the rest", ACCESS_ALLOW, true, "user bob, container_start"},
		{{.user = "", .action = "container_exec_create"}, "no exec", ACCESS_DENY, false, "container_exec_create"},
		{{.user = "bob", .action = "container_list", .read_only = true}, "quiet", ACCESS_ALLOW, false, "user bob, container_list"},
		{{.user = "bob", .action = "image_create"}, "loud", ACCESS_ALERT, true, "user bob, image_create"},
		{{.user = "b\nb", .action = "container_create", .creation = &mounts}, "sock", ACCESS_DENY, true,
			"user b?b, container_create: capability NET_RAW; bind /var/run/docker.sock"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_verdict v = policy_judge_access(p, &rows[i].q);

		if (strcmp(v.rule, rows[i].rule) != 0 || v.effect != rows[i].effect || v.audit != rows[i].audit || strcmp(v.reason, rows[i].reason) != 0)
			fail_msg("row %zu: %s %d %d %s", i, v.rule, (int)v.effect, v.audit, v.reason);
	}
}

/* Nobody said anything: allowed, and recorded. */
static void test_no_rule(void **state)
{
	struct access_verdict v = policy_judge_access(NULL, &(struct access_request){.user = "", .action = "unknown"});

	assert_null(v.rule);
	assert_int_equal(v.effect, ACCESS_ALLOW);
	assert_true(v.audit);
	v = judge("users: [bob], effect: deny", &(struct access_request){.user = "", .action = "unknown"});
	assert_null(v.rule);
	assert_int_equal(v.effect, ACCESS_ALLOW);
}

/* Very long things asked for cannot overrun a reason, nor an empty request the judge. */
static void test_extremes(void **state)
{
	static char *items[CREATION_LIST_MAX], text[5000];
	struct creation c = {.privileged = FACT_YES, .capabilities = {items, CREATION_LIST_MAX}, .devices = {items, CREATION_LIST_MAX},
		.security_options = {items, CREATION_LIST_MAX}, .sysctls = {items, CREATION_LIST_MAX}, .networks = {items, CREATION_LIST_MAX},
		.runtime = text};
	struct access_request q = {.user = text, .action = text, .target = text, .image = text, .exec_user = text, .network = text,
		.address = text, .creation = &c};

	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 0; i < CREATION_LIST_MAX; i++)
		items[i] = text;
	struct access_verdict v = judge("effect: deny, when: {capabilities: [\"*\"], devices: [\"*\"], security_options: [\"*\"], sysctls: [\"*\"], "
		"runtimes: [\"*\"], networks: [\"*\"], images: [\"*\"], exec_users: [\"*\"], targets: [\"*\"]}", &q);
	assert_string_equal(v.rule, "r");
	assert_true(strlen(v.reason) > 100);
	memset(&c, 0, sizeof(c));
	v = judge("effect: deny, when: {capabilities: [\"*\"]}", &(struct access_request){.creation = &c});
	assert_null(v.rule);
	v = judge("effect: deny", &(struct access_request){0});
	assert_string_equal(v.reason, "unknown");
}

/* The rules of admission: their own, with a scope, through the form that Defender and Gate get. */
static void test_admission(void **state)
{
	static const char text[] =
		"version: 1\n"
		"collections: [{name: shop, namespaces: [shop]}]\n"
		"access: [{name: engine, effect: deny}]\n"
		"admission:\n"
		"  - {name: robots, groups: [\"system:serviceaccounts:*\"], actions: [pod_create], effect: allow, audit: none}\n"
		"  - {name: no shells, scope: [shop], actions: [pod_exec, pod_attach], effect: deny, message: ask}\n"
		"  - {name: no hosts, actions: [\"*_create\"], when: {host_namespaces: [pid]}, effect: alert}\n";
	CLEANUP(policy_unref) struct policy *p = must_load(text);
	CLEANUP(policy_unref) struct policy *back = NULL;
	CLEANUP(buf_done) struct buf wire = BUF_INIT(1 << 20);
	struct creation c = {.host_namespaces = HOST_PID};
	char *robots = (char *)"system:serviceaccounts:shop";
	struct str_list groups = {&robots, 1};

	policy_encode(p, &wire);
	assert_int_equal(policy_decode(&back, wire.data, wire.len), 0);
	assert_int_equal(back->admission_count, 3);
	struct policy_subject shop = {.namespace_ = "shop"}, other = {.namespace_ = "other"};
	struct access_request q = {.user = "bob", .action = "pod_exec"};
	assert_string_equal(policy_judge_admission(back, &shop, &q).rule, "no shells");
	assert_string_equal(policy_judge_admission(back, &shop, &q).reason, "ask");
	assert_null(policy_judge_admission(back, &other, &q).rule);
	q = (struct access_request){.user = "bob", .action = "deployment_create", .creation = &c};
	assert_int_equal(policy_judge_admission(back, &shop, &q).effect, ACCESS_ALERT);
	q.action = "pod_create";
	q.groups = &groups;
	assert_string_equal(policy_judge_admission(back, &shop, &q).rule, "robots");
	assert_false(policy_judge_admission(back, &shop, &q).audit);
	assert_string_equal(policy_judge_access(back, &q).rule, "engine");
	/* A form of before there was admission ends with the rules of access. */
	CLEANUP(policy_unref) struct policy *bare = must_load("version: 1\naccess: [{name: engine, effect: deny}]\n");
	CLEANUP(policy_unref) struct policy *old = NULL;
	buf_reset(&wire);
	policy_encode(bare, &wire);
	wire.data[3] = '2';
	assert_int_equal(policy_decode(&old, wire.data, wire.len - 2), 0);
	assert_int_equal(old->access_count, 1);
	assert_int_equal(old->admission_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_hidden_builds),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_what_is_recorded),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_first_match),
		cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_admission),
	};

	return cmocka_run_group_tests_name("policy.access", tests, NULL, NULL);
}
