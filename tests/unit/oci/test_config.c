/* SPDX-License-Identifier: Apache-2.0 */
/* What engines really write (tests/fuzz/corpus/oci_config: taken from each), read back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "oci/config.h"

static const char *corpus;

static struct creation read_as(const char *name, const char *engine, const char *id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(OCI_CONFIG_MAX);
	struct oci_source from = {.engine = engine, .id = id, .bundle = "/run/bundle"};
	struct creation c = {0};
	char path[4096], why[OCI_WHY_MAX];

	snprintf(path, sizeof(path), "%s/%s", corpus, name);
	assert_int_equal(file_read(path, &b), 0);
	int r = oci_read_config(&c, &from, (const char *)b.data, b.len, why);
	if (r < 0)
		fail_msg("%s: %s", name, why);
	return c;
}

static bool has(const struct str_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], text) == 0)
			return true;
	return false;
}

static const struct mount_fact *mount_at(const struct creation *c, const char *target)
{
	for (uint32_t i = 0; i < c->mount_count; i++)
		if (strcmp(c->mounts[i].target, target) == 0)
			return &c->mounts[i];
	return NULL;
}

static void test_docker_plain(void **state)
{
	const char *id = "b69cbe3833b9d21ea6366979e55d77d5aa62bba9a02a8d88dea28e523358ce4a";
	struct creation c = read_as("docker_plain", "docker", id);

	assert_string_equal(c.id, id);
	assert_null(c.image);
	assert_int_equal(c.privileged, FACT_NO);
	assert_int_equal(c.capabilities.count, 0);
	assert_int_equal(c.mount_count, 0);
	assert_int_equal(c.devices.count, 0);
	assert_int_equal(c.host_namespaces, 0);
	assert_int_equal(c.joins.count, 0);
	assert_int_equal(c.sysctls.count, 0);
	assert_int_equal(c.hooks.count, 0);
	assert_int_equal(c.security_options.count, 0);
	assert_int_equal(c.seccomp, FACT_YES);
	assert_int_equal(c.no_new_privileges, FACT_NO);
	assert_int_equal(c.readonly_root, FACT_NO);
	assert_int_equal(c.apparmor, FACT_UNKNOWN);
	assert_string_equal(c.user, "0:0");
	assert_int_equal(c.memory, 0);
	assert_int_equal(c.pids, -1);
	assert_int_equal(c.cpu_shares, 0);
	assert_int_equal(c.args.count, 1);
	assert_string_equal(c.args.items[0], "true");
	assert_true(has(&c.env_names, "PATH"));
	assert_int_equal(c.secret_envs.count, 0);
	assert_false(c.sandbox);
	creation_done(&c);
}

static void test_docker_privileged(void **state)
{
	struct creation c = read_as("docker_privileged", "docker",
		"58726bfedf365306c6a806e18de9b72584933ed6701582785858938d3ff4e144");

	assert_int_equal(c.privileged, FACT_YES);
	assert_true(has(&c.capabilities, "ALL"));
	assert_true(has(&c.capabilities, "SYS_ADMIN"));
	assert_true(has(&c.devices, "rule:a *:* rwm"));
	assert_true(has(&c.security_options, "seccomp=unconfined"));
	assert_true(has(&c.security_options, "systempaths=unconfined"));
	assert_int_equal(c.seccomp, FACT_NO);
	assert_int_equal(c.mount_count, 0);
	creation_done(&c);
}

static void test_docker_host_namespaces(void **state)
{
	struct creation c = read_as("docker_host_namespaces", "docker",
		"3e69e5237c8bfa36f6496cddf632331345a324d7fa8c8f2c175a4f93e838d07b");

	assert_int_equal(c.host_namespaces, HOST_NETWORK | HOST_PID | HOST_IPC | HOST_UTS);
	assert_int_equal(c.mount_count, 1);
	assert_string_equal(mount_at(&c, "/dev/shm")->source, "/dev/shm");
	assert_int_equal(c.privileged, FACT_NO);
	creation_done(&c);
}

static void test_docker_many(void **state)
{
	struct creation c = read_as("docker_many", "docker",
		"8fe9591e15b2283bd93294911d237742f75cff62bc8f97f78058eeb5de228c93");

	assert_int_equal(c.capabilities.count, 2);
	assert_true(has(&c.capabilities, "SYS_ADMIN"));
	assert_true(has(&c.capabilities, "NET_ADMIN"));
	assert_int_equal(c.seccomp, FACT_NO);
	assert_int_equal(c.no_new_privileges, FACT_YES);
	assert_int_equal(c.readonly_root, FACT_YES);
	assert_string_equal(c.user, "1000:1000");
	assert_int_equal(c.mount_count, 4);
	assert_int_equal(mount_at(&c, "/host/etc")->kind, MOUNT_BIND);
	assert_string_equal(mount_at(&c, "/host/etc")->source, "/etc");
	assert_true(mount_at(&c, "/host/etc")->readonly);
	assert_false(mount_at(&c, "/t")->readonly);
	assert_int_equal(mount_at(&c, "/data")->kind, MOUNT_VOLUME);
	assert_string_equal(mount_at(&c, "/data")->source, "vol1");
	assert_int_equal(mount_at(&c, "/tt")->kind, MOUNT_TMPFS);
	assert_int_equal(c.devices.count, 2);
	assert_true(has(&c.devices, "/dev/kmsg"));
	assert_true(has(&c.devices, "/dev/fuse")); /* by its number: it was given another name */
	assert_int_equal(c.sysctls.count, 1);
	assert_true(has(&c.sysctls, "net.ipv4.ip_forward=1"));
	assert_int_equal(c.memory, 104857600);
	assert_int_equal(c.pids, 50);
	assert_int_equal(c.cpu_shares, 512); /* a quota of half a core */
	assert_int_equal(c.secret_envs.count, 1);
	assert_true(has(&c.secret_envs, "DB_PASSWORD"));
	creation_done(&c);
}

static void test_docker_joined(void **state)
{
	struct creation c = read_as("docker_joined", "docker",
		"cc590a5cf39ba0386d87eb943939c720189853d63d869ddc343654aa6fa43dd2");

	assert_int_equal(c.host_namespaces, 0);
	assert_int_equal(c.joins.count, 1);
	assert_int_equal(strncmp(c.joins.items[0], "pid:", 4), 0);
	assert_int_equal(c.mount_count, 0); /* the other one's hosts, hostname, shm */
	creation_done(&c);
}

static void test_ctr(void **state)
{
	struct creation c = read_as("ctr_plain", "containerd", "ctr-plain");

	assert_int_equal(c.privileged, FACT_NO);
	assert_int_equal(c.capabilities.count, 0);
	assert_int_equal(c.devices.count, 0);
	assert_int_equal(c.mount_count, 0);
	assert_int_equal(c.host_namespaces, 0);
	assert_int_equal(c.seccomp, FACT_NO);
	assert_int_equal(c.cpu_shares, 1024);
	assert_int_equal(c.no_new_privileges, FACT_YES);
	creation_done(&c);
	c = read_as("ctr_privileged", "containerd", "ctr-privileged");
	assert_int_equal(c.privileged, FACT_YES);
	assert_int_equal(c.host_namespaces, HOST_NETWORK);
	assert_int_equal(c.mount_count, 1); /* not the host's /etc/hosts, read-only in its own place */
	assert_string_equal(c.mounts[0].source, "/etc");
	creation_done(&c);
}

/* What a user of Docker or podman writes exempts nobody; containerd's own word does. */
static void test_forged_sandbox(void **state)
{
	static const char *const engines[] = {"docker", "podman", "crio", ""};

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		struct creation c = read_as("ctr_forged_sandbox", engines[i], "x");
		assert_false(c.sandbox);
		creation_done(&c);
	}
	struct creation c = read_as("ctr_forged_sandbox", "containerd", "x");
	assert_true(c.sandbox);
	creation_done(&c);
}

static void test_podman(void **state)
{
	struct creation c = read_as("podman_plain", "podman",
		"826125a10ab137dc00076e2e20f63c8d945534d15323b06ed4e216ff2ced7587");

	assert_int_equal(c.mount_count, 0);
	assert_int_equal(c.sysctls.count, 0);
	assert_int_equal(c.pids, 2048);
	assert_int_equal(c.host_namespaces, 0);
	assert_int_equal(c.privileged, FACT_NO);
	creation_done(&c);
	c = read_as("podman_privileged", "podman", "10cc1a9579ead4a80fb8cf4fe918e70fdff10e96f54d9eeedf6f5c01b176e4d1");
	assert_int_equal(c.privileged, FACT_YES);
	assert_int_equal(c.host_namespaces, HOST_NETWORK | HOST_PID);
	assert_int_equal(c.mount_count, 1);
	assert_string_equal(mount_at(&c, "/e")->source, "/etc");
	creation_done(&c);
}

static void read_storage(struct buf *b)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/podman_storage", corpus);
	assert_int_equal(file_read(path, b), 0);
}

static void test_podman_storage(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(OCI_STORAGE_MAX);
	struct creation c = read_as("podman_volume", "podman",
		"146b1594f181b08c1e0199a245ef1c01f7a81011310943dba40db98772418d5b");

	read_storage(&b);
	assert_int_equal(mount_at(&c, "/data")->kind, MOUNT_VOLUME);
	assert_string_equal(mount_at(&c, "/data")->source, "vv");
	assert_true(has(&c.capabilities, "NET_ADMIN"));
	assert_int_equal(oci_read_podman(&c, (char *)b.data, b.len), 0);
	assert_string_equal(c.name, "frosty_ptolemy");
	assert_string_equal(c.image, "localhost/seawall-test/base:1");
	assert_string_equal(c.digest, "sha256:6ae7007354562d24a875ef8bc8ec143004ec2bc825448b07c7f8c325392b05aa");
	assert_false(c.sandbox);
	c.id[0] = '0';
	assert_int_equal(oci_read_podman(&c, (char *)b.data, b.len), -ENOENT);
	assert_int_equal(oci_read_podman(&c, "[{", 2), -EBADMSG);
	creation_done(&c);
}

/* An infra container is podman's own only with podman's own image. */
static void test_podman_infra(void **state)
{
	static const char form[] = "[{\"id\":\"x\",\"names\":[\"8d03424b5f07-infra\"],\"image\":\"y\",\"metadata\":"
				   "\"{\\\"image-name\\\":\\\"%s\\\",\\\"name\\\":\\\"8d03424b5f07-infra\\\"}\"}]";
	static const struct {
		const char *image;
		bool sandbox;
	} cases[] = {{"localhost/podman-pause:4.3.1-0", true}, {"docker.io/library/evil:latest", false}};
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct creation c = {0};
		assert_int_equal(str_set(&c.id, "x"), 0);
		snprintf(text, sizeof(text), form, cases[i].image);
		assert_int_equal(oci_read_podman(&c, text, strlen(text)), 0);
		assert_int_equal(c.sandbox, cases[i].sandbox);
		creation_done(&c);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker_plain),
		cmocka_unit_test(test_docker_privileged),
		cmocka_unit_test(test_docker_host_namespaces),
		cmocka_unit_test(test_docker_many),
		cmocka_unit_test(test_docker_joined),
		cmocka_unit_test(test_ctr),
		cmocka_unit_test(test_forged_sandbox),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_podman_storage),
		cmocka_unit_test(test_podman_infra),
	};

	if (argc < 2)
		return 1;
	corpus = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
