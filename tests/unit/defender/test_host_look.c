/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of host and files in a root of the test's own: each owner, mode, rule and group both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "defender/host_look.h"
#include "policy/compliance_host.h"

#define FOUND_MAX 128

struct found {
	char check[64], target[256], cause[512];
	bool passed;
};

struct fixture {
	char root[64];
	struct host_place place;
	struct found items[FOUND_MAX];
	size_t count;
};

static void on_found(void *ctx, const char *check, const char *target, bool passed, const char *cause)
{
	struct fixture *f = ctx;
	struct found *x = &f->items[f->count++];

	assert_true(f->count < FOUND_MAX);
	assert_non_null(compliance_check(check));
	assert_true(passed == !*cause);
	snprintf(x->check, sizeof(x->check), "%s", check);
	snprintf(x->target, sizeof(x->target), "%s", target);
	snprintf(x->cause, sizeof(x->cause), "%s", cause);
	x->passed = passed;
}

static void look(struct fixture *f)
{
	f->count = 0;
	host_look(&f->place, on_found, f);
}

static const struct found *of(const struct fixture *f, const char *check)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->items[i].check, check) == 0)
			return &f->items[i];
	return NULL;
}

static void expect(const struct fixture *f, const char *check, bool passed)
{
	const struct found *x = of(f, check);

	if (!x || x->passed != passed)
		fail_msg("%s is %s, not %s (%s)", check, !x ? "not told" : x->passed ? "pass" : "fail", passed ? "pass" : "fail",
			x ? x->cause : "");
}

static const char *below(const struct fixture *f, const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s%s", f->root, path);
	return full;
}

static void put(const struct fixture *f, const char *path, const char *text, mode_t mode)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s", below(f, path));
	*strrchr(dir, '/') = 0;
	assert_int_equal(dir_make(dir, 0755), 0);
	assert_int_equal(file_write_atomic(below(f, path), text, strlen(text), 0600), 0);
	assert_int_equal(chmod(below(f, path), mode), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->root, sizeof(f->root), "/tmp/seawall-test-host-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->place = (struct host_place){.root = f->root, .owner = geteuid(), .group = getegid()};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf -- '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A host without an engine has nothing to tell. */
static void test_nothing_there(void **state)
{
	struct fixture *f = *state;

	look(f);
	assert_int_equal(f->count, 0);
}

static const struct {
	const char *path, *owner, *mode;
	mode_t good, bad;
} files[] = {
	{"/usr/lib/systemd/system/docker.service", "docker_service_owner", "docker_service_mode", 0644, 0664},
	{"/lib/systemd/system/docker.socket", "docker_socket_unit_owner", "docker_socket_unit_mode", 0600, 0646},
	{"/etc/docker/daemon.json", "daemon_json_owner", "daemon_json_mode", 0644, 0666},
	{"/etc/default/docker", "default_docker_owner", "default_docker_mode", 0640, 0755},
	{"/etc/sysconfig/docker", "sysconfig_docker_owner", "sysconfig_docker_mode", 0444, 01644},
	{"/etc/docker/certs.d/r.example/ca.crt", "registry_certs_owner", "registry_certs_mode", 0444, 0644},
	{"/pki/ca.pem", "tls_ca_owner", "tls_ca_mode", 0444, 0644},
	{"/pki/cert.pem", "tls_cert_owner", "tls_cert_mode", 0400, 0464},
	{"/pki/key.pem", "tls_key_owner", "tls_key_mode", 0400, 0440},
	{"/run/docker.sock", "engine_socket_owner", "engine_socket_mode", 0660, 0666},
	{"/run/containerd/containerd.sock", "containerd_socket_owner", "containerd_socket_mode", 0660, 0661},
};

static void test_files_both_ways(void **state)
{
	static const char words[] = "dockerd\0--tlscacert\0/pki/ca.pem\0--tlscert=/pki/cert.pem\0--tlskey\0/pki/key.pem";
	struct fixture *f = *state;

	f->place.words = words;
	f->place.words_size = sizeof(words);
	f->place.docker = "/run/docker.sock";
	f->place.containerd = "/run/containerd/containerd.sock";
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put(f, files[i].path, "x", files[i].good);
	look(f);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		expect(f, files[i].owner, true);
		expect(f, files[i].mode, true);
		assert_int_equal(chmod(below(f, files[i].path), files[i].bad), 0);
	}
	expect(f, "etc_docker_owner", true);
	expect(f, "etc_docker_mode", true);
	assert_int_equal(chmod(below(f, "/etc/docker"), 0775), 0);
	f->place.owner++; /* now all belong to somebody else */
	look(f);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		expect(f, files[i].owner, false);
		expect(f, files[i].mode, false);
	}
	expect(f, "etc_docker_owner", false);
	expect(f, "etc_docker_mode", false);
	assert_string_equal(of(f, "engine_socket_mode")->cause, "its mode is 666");
	assert_string_equal(of(f, "registry_certs_mode")->cause, "the mode of /etc/docker/certs.d/r.example/ca.crt is 644");
	assert_string_equal(of(f, "tls_key_mode")->target, "/pki/key.pem");
}

static void test_every_check_of_files_is_tried(void **state)
{
	(void)state;
	for (size_t c = 0; c < compliance_host_check_count; c++) {
		const struct compliance_check *x = &compliance_host_checks[c];
		bool found = strcmp(x->resource, "file") != 0 || strncmp(x->id, "etc_docker_", 11) == 0;
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			found |= strcmp(files[i].owner, x->id) == 0 || strcmp(files[i].mode, x->id) == 0;
		if (!found)
			fail_msg("%s is not tried", x->id);
	}
}

static void test_group_docker(void **state)
{
	struct fixture *f = *state;
	char text[128];

	f->place.docker = "/run/docker.sock";
	put(f, "/run/docker.sock", "", 0660);
	put(f, "/etc/group", "root:x:0:\nmydocker:x:1:eve\ndocker:x:998:\n", 0644);
	look(f);
	expect(f, "docker_group", true);
	put(f, "/etc/group", "docker:x:998:alice,bob\nroot:x:0:", 0644);
	look(f);
	expect(f, "docker_group", false);
	assert_non_null(strstr(of(f, "docker_group")->cause, "alice,bob"));
	/* A socket of the group docker is as it should be. */
	snprintf(text, sizeof(text), "docker:x:%u:\n", getegid());
	put(f, "/etc/group", text, 0644);
	f->place.group++;
	look(f);
	expect(f, "engine_socket_owner", true);
	put(f, "/etc/group", "docker:x:99999999999999999999:a\ndocker", 0644); /* nonsense is no group */
	look(f);
	assert_null(of(f, "docker_group"));
	expect(f, "engine_socket_owner", false);
}

static void test_audit_rules(void **state)
{
	struct fixture *f = *state;

	put(f, "/usr/bin/runc", "", 0755);
	put(f, "/usr/sbin/dockerd", "", 0755);
	put(f, "/etc/docker/daemon.json", "{}", 0644);
	look(f);
	expect(f, "audit_runc", false);
	assert_non_null(strstr(of(f, "audit_runc")->cause, "there is no"));
	put(f, "/etc/audit/audit.rules", "-D\n# -w /usr/bin/runc -k docker\n-w /usr/bin/runc2 -k x\n-w /etc/docker/ -k docker\n", 0640);
	look(f);
	expect(f, "audit_runc", false); /* a comment, another file */
	expect(f, "audit_etc_docker", true);
	expect(f, "audit_daemon_json", false);
	put(f, "/etc/audit/audit.rules", "-a always,exit -F path=/usr/bin/runc -F perm=x\n-w /etc/docker/daemon.json\n-w /usr/sbin/dockerd -p rwxa", 0640);
	look(f);
	expect(f, "audit_runc", true);
	expect(f, "audit_daemon_json", true);
	expect(f, "audit_dockerd", true);
	expect(f, "audit_etc_docker", false); /* a file in it is not the folder */
	assert_string_equal(of(f, "audit_dockerd")->target, "/usr/sbin/dockerd");
	assert_null(of(f, "audit_containerd")); /* not there */
}

static void test_partition(void **state)
{
	static const char shm[] = "dockerd\0--data-root\0/dev/shm";
	struct stat shm_st, top;
	struct fixture *f = *state;

	put(f, "/var/lib/docker/x", "", 0600);
	look(f);
	expect(f, "separate_partition", false);
	assert_string_equal(of(f, "separate_partition")->target, "/var/lib/docker");
	f->place.root = "";
	f->place.words = shm;
	f->place.words_size = sizeof(shm);
	if (stat("/dev/shm", &shm_st) < 0 || stat("/", &top) < 0 || shm_st.st_dev == top.st_dev)
		return; /* no other file system to show it with */
	look(f);
	expect(f, "separate_partition", true);
	f->place.root = f->root;
}

static void test_words(void **state)
{
	static const char words[] = "dockerd\0--config-file=/a.json\0--x\0--config-file\0/b.json\0--data-rootx\0q\0--data-root";
	const struct host_place p = {.root = "", .words = words, .words_size = sizeof(words)};
	const struct host_place cut = {.root = "", .words = "--a=lon", .words_size = 7}, none = {.root = ""};

	(void)state;
	assert_string_equal(host_word(&p, "--config-file"), "/b.json");
	assert_string_equal(host_config_path(&p), "/b.json");
	assert_null(host_word(&p, "--data-root"));
	assert_string_equal(host_word(&p, "--x"), "--config-file");
	assert_null(host_word(&cut, "--a")); /* no end: it is cut */
	assert_null(host_word(&none, "--a"));
	assert_string_equal(host_config_path(&none), "/etc/docker/daemon.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_both_ways, setup, teardown),
		cmocka_unit_test(test_every_check_of_files_is_tried),
		cmocka_unit_test_setup_teardown(test_group_docker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audit_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partition, setup, teardown),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("defender.host_look", tests, NULL, NULL);
}
