/* SPDX-License-Identifier: Apache-2.0 */
/* What an API server really asks, read into facts. */
#include "support.h"

#define EVIL "docker.io/evil/miner:2"

static void test_pod(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("pod_create", &v);
	assert_true(v.readable);
	assert_string_equal(v.action, "pod_create");
	assert_string_equal(v.user, "alice");
	assert_true(has(&v.groups, "shop-devs"));
	assert_string_equal(v.target, "shop/web");
	assert_string_equal(v.path, "v1/namespaces/shop/pods/web");
	assert_null(v.workload);
	assert_int_equal(v.creation_count, 1);
	const struct creation *c = &v.creations[0];
	assert_string_equal(c->image, "registry.local:5000/web:1");
	assert_string_equal(c->name, "web");
	assert_string_equal(c->pod, "web");
	assert_string_equal(c->namespace_, "shop");
	assert_string_equal(kv_list_get(&c->labels, "app"), "web");
	assert_int_equal(c->privileged, FACT_NO);
	assert_int_equal(c->seccomp, FACT_UNKNOWN);
	assert_string_equal(c->user, "");
	assert_int_equal(c->memory, 128 << 20);
	assert_int_equal(c->cpu_shares, 256);
	assert_int_equal(c->ports.count, 0);
	assert_true(has(&c->env_names, "NODE"));
	assert_true(has(&c->secret_envs, "DB_PASSWORD"));
	assert_int_equal(c->secret_envs.count, 1);
	assert_int_equal(c->mounts[0].kind, MOUNT_VOLUME);
	for (uint32_t i = 0; i < v.parameters.count; i++)
		assert_null(strstr(v.parameters.items[i], "hunter2"));
}

static void test_everything(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("pod_everything", &v);
	assert_true(v.readable);
	assert_int_equal(v.creation_count, 2);
	const struct creation *init = &v.creations[0], *c = &v.creations[1];
	assert_string_equal(init->image, "docker.io/library/busybox:latest");
	assert_string_equal(init->user, "1000:2000");
	assert_int_equal(init->no_new_privileges, FACT_YES);
	assert_int_equal(init->readonly_root, FACT_YES);
	assert_int_equal(init->seccomp, FACT_YES);
	assert_int_equal(init->apparmor, FACT_NO); /* by its annotation */
	assert_string_equal(init->mounts[0].source, "/etc/cron.d");
	assert_true(init->mounts[0].shared);
	assert_int_equal(c->privileged, FACT_YES);
	assert_int_equal(c->host_namespaces, HOST_NETWORK | HOST_PID);
	assert_true(has(&c->capabilities, "SYS_ADMIN") && has(&c->capabilities, "NET_ADMIN"));
	assert_int_equal(c->capabilities.count, 2);
	assert_int_equal(c->mounts[0].kind, MOUNT_BIND);
	assert_string_equal(c->mounts[0].source, "/var/run/docker.sock");
	assert_int_equal(c->mounts[1].kind, MOUNT_TMPFS);
	assert_string_equal(c->user, "0");
	assert_int_equal(c->seccomp, FACT_NO);
	assert_int_equal(c->apparmor, FACT_NO);
	assert_true(has(&c->security_options, "seccomp=unconfined") && has(&c->security_options, "systempaths=unconfined"));
	assert_true(has(&c->sysctls, "net.ipv4.ip_forward=1"));
	assert_string_equal(c->runtime, "gvisor");
	assert_true(has(&c->ports, "192.0.2.1:80"));
	assert_int_equal(c->ports.count, 1);
	assert_true(strncmp(c->digest, "sha256:abab", 11) == 0);
	assert_true(has(&v.parameters, "privileged=true") && has(&v.parameters, "hostPID=true"));
	assert_true(has(&v.parameters, "hostPath=/var/run/docker.sock"));
}

static void test_templates(void **state)
{
	static const struct {
		const char *file, *action, *workload;
	} rows[] = {{"deployment_create", "deployment_create", "Deployment/web"},
		{"replicaset_create", "replicaset_create", "ReplicaSet/web"},
		{"statefulset_create", "statefulset_create", "StatefulSet/web"},
		{"daemonset_create", "daemonset_create", "DaemonSet/web"}, {"job_create", "job_create", "Job/web"},
		{"cronjob_create", "cronjob_create", "CronJob/web"},
		{"replicationcontroller_create", "replicationcontroller_create", "ReplicationController/web"},
		{"deployment_image_update", "deployment_update", "Deployment/web"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(kube_review_done) struct kube_review v;

		review_read(rows[i].file, &v);
		assert_true(v.readable);
		assert_string_equal(v.action, rows[i].action);
		assert_string_equal(v.workload, rows[i].workload);
		assert_int_equal(v.creation_count, 1);
		assert_string_equal(v.creations[0].image, EVIL);
		assert_null(v.creations[0].pod);
		assert_string_equal(kv_list_get(&v.creations[0].labels, "app"), "web");
	}
}

/* What is there already, and is only scaled, labelled or deleted, brings nothing. */
static void test_nothing_new(void **state)
{
	static const char *const rows[][2] = {{"deployment_scaled", "deployment_update"}, {"pod_label_update", "pod_update"},
		{"pod_delete", "pod_delete"}, {"unknown_resource", "unknown_create"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(kube_review_done) struct kube_review v;

		review_read(rows[i][0], &v);
		assert_true(v.readable);
		assert_string_equal(v.action, rows[i][1]);
		assert_int_equal(v.creation_count, 0);
	}
}

static void test_into_a_pod(void **state)
{
	CLEANUP(kube_review_done) struct kube_review exec, attach, forward;

	review_read("pod_exec", &exec);
	assert_string_equal(exec.action, "pod_exec");
	assert_true(exec.readable && exec.dangerous);
	assert_string_equal(exec.target, "shop/web");
	assert_true(has(&exec.parameters, "program=sh") && has(&exec.parameters, "tty=true") &&
		    has(&exec.parameters, "container=web"));
	for (uint32_t i = 0; i < exec.parameters.count; i++)
		assert_null(strstr(exec.parameters.items[i], "s3cret"));
	review_read("pod_attach", &attach);
	assert_string_equal(attach.action, "pod_attach");
	review_read("pod_portforward", &forward);
	assert_string_equal(forward.action, "pod_portforward");
}

static void test_ephemeral(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("pod_ephemeral", &v);
	assert_string_equal(v.action, "pod_ephemeralcontainers");
	assert_int_equal(v.creation_count, 1); /* only what is added */
	assert_string_equal(v.creations[0].image, "docker.io/evil/shell:latest");
	assert_true(has(&v.creations[0].joins, "web"));
}

static void test_generated_name(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("pod_generated_name", &v);
	assert_string_equal(v.target, "shop/web-7d9f8-*");
}

static void test_quantities(void **state)
{
	CLEANUP(kube_review_done) struct kube_review v;

	review_read("quantities", &v);
	assert_true(v.readable);
	assert_int_equal(v.creations[0].memory, 3ll << 29);
	assert_int_equal(v.creations[0].cpu_shares, 1);
}

static void test_table(void **state)
{
	for (size_t i = 0; i < kube_resource_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(strcmp(kube_resources[i].resource, kube_resources[k].resource) == 0 &&
				     strcmp(kube_resources[i].subresource, kube_resources[k].subresource) == 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_nothing_new),
		cmocka_unit_test(test_into_a_pod),
		cmocka_unit_test(test_ephemeral),
		cmocka_unit_test(test_generated_name),
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_table),
	};

	corpus = argc == 2 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
