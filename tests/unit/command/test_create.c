/* SPDX-License-Identifier: Apache-2.0 */
/* What a creation asks for, field by field, and what exec, update, services and volumes ask for. */
#include "support.h"

static const struct mount_fact *mount_at(const struct command_facts *f, const char *target)
{
	for (uint32_t i = 0; i < f->creation.mount_count; i++)
		if (f->creation.mounts[i].target && strcmp(f->creation.mounts[i].target, target) == 0)
			return &f->creation.mounts[i];
	fail_msg("no mount at %s", target);
	return NULL;
}

static void assert_mount(const struct command_facts *f, const char *target, enum mount_kind kind, const char *source)
{
	const struct mount_fact *m = mount_at(f, target);

	assert_int_equal(m->kind, kind);
	if (source)
		assert_string_equal(m->source, source);
	else
		assert_null(m->source);
}

static void test_nothing_special(void **state)
{
	struct command_facts f = create("{\"Image\":\"nginx:1.25\",\"HostConfig\":{}}");
	const struct creation *c = &f.creation;

	assert_true(f.has_creation);
	assert_string_equal(f.image, "docker.io/library/nginx:1.25");
	assert_string_equal(c->image, f.image);
	assert_int_equal(c->privileged, FACT_NO);
	assert_int_equal(c->readonly_root, FACT_NO);
	assert_int_equal(c->seccomp, FACT_UNKNOWN);
	assert_int_equal(c->healthcheck, FACT_UNKNOWN);
	assert_int_equal(c->capabilities.count + c->devices.count + c->joins.count + c->mount_count + c->ports.count, 0);
	assert_int_equal(c->security_options.count + c->sysctls.count + c->args.count, 0);
	assert_int_equal(c->host_namespaces, 0);
	assert_int_equal(c->networks.count, 1);
	assert_list(&c->networks, "bridge");
	assert_string_equal(c->user, "");
	assert_null(c->restart_policy);
	assert_null(c->runtime);
	command_facts_done(&f);
}

static void test_name(void **state)
{
	struct command_facts f = post("/v1.41/containers/create?name=%2Fweb&platform=linux/amd64", "{\"Image\":\"a\"}");

	assert_true(f.readable);
	assert_string_equal(f.target, "web");
	assert_string_equal(f.creation.name, "web");
	assert_list(&f.parameters, "platform=linux/amd64");
	command_facts_done(&f);
}

static void test_capabilities(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"Privileged\":true,\"CapAdd\":[\"CAP_SYS_ADMIN\",\"sys_admin\",\"net_admin\",\"chown\","
		"\"cap_net_raw\",\"all\"],\"CapDrop\":[\"MKNOD\"]}}");

	assert_int_equal(f.creation.privileged, FACT_YES);
	assert_int_equal(f.creation.capabilities.count, 3);
	assert_list(&f.creation.capabilities, "SYS_ADMIN");
	assert_list(&f.creation.capabilities, "NET_ADMIN");
	assert_list(&f.creation.capabilities, "ALL");
	assert_list(&f.parameters, "cap=ALL");
	command_facts_done(&f);
}

static void test_binds(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"Binds\":[\"/:/host\",\"/etc/../var//run/./docker.sock:/s:ro\",\"data:/d:nocopy\","
		"\"/a:/b:rw,rshared\",\"/anonymous\",\"../x:/x\",\"/y:/y:z,RO\"]}}");

	assert_int_equal(f.creation.mount_count, 7);
	assert_mount(&f, "/host", MOUNT_BIND, "/");
	assert_mount(&f, "/s", MOUNT_BIND, "/var/run/docker.sock");
	assert_true(mount_at(&f, "/s")->readonly);
	assert_false(mount_at(&f, "/host")->readonly);
	assert_mount(&f, "/d", MOUNT_VOLUME, "data");
	assert_mount(&f, "/b", MOUNT_BIND, "/a");
	assert_true(mount_at(&f, "/b")->shared);
	assert_mount(&f, "/anonymous", MOUNT_VOLUME, NULL);
	assert_mount(&f, "/x", MOUNT_BIND, "/x");
	assert_true(mount_at(&f, "/y")->readonly);
	assert_list(&f.parameters, "bind=/:/host");
	assert_list(&f.parameters, "bind=/var/run/docker.sock:/s:ro");
	assert_list(&f.parameters, "volume=data:/d");
	command_facts_done(&f);
	f = post("/containers/create", "{\"HostConfig\":{\"Binds\":[\"/a:/b:ro:x\"]}}");
	assert_false(f.readable);
	command_facts_done(&f);
	f = post("/containers/create", "{\"HostConfig\":{\"Binds\":[\":/b\"]}}");
	assert_false(f.readable);
	command_facts_done(&f);
}

/* Volumes of the local driver that are something else. */
#define VOLUME(target, options) \
	"{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"" target "\",\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"local\",\"Options\":{" options "}}}}"

static void test_mounts(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"Mounts\":["
		"{\"Type\":\"bind\",\"Source\":\"/proc/\",\"Target\":\"/p\",\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":\"rshared\"}},"
		"{\"type\":\"BIND\",\"source\":\"/etc\",\"target\":\"/e\"},"
		"{\"Type\":\"volume\",\"Source\":\"data\",\"Target\":\"/d\"},"
		"{\"Type\":\"tmpfs\",\"Target\":\"/t\"},"
		"{\"Type\":\"npipe\",\"Source\":\"x\",\"Target\":\"/n\"}," VOLUME("/v1", "\"type\":\"none\",\"o\":\"bind\",\"device\":\"/\"") "," VOLUME(
			"/v2", "\"o\":\"ro,rbind\",\"device\":\"/a/../root\"") "," VOLUME("/v3", "\"type\":\"ext4\",\"device\":\"/dev/sda1\"") "," VOLUME("/v4",
			"\"type\":\"proc\",\"device\":\"x\"") "," VOLUME("/v5", "\"type\":\"nfs\",\"o\":\"addr=192.0.2.1\",\"device\":\":/x\"") "," VOLUME("/v6",
			"\"type\":\"tmpfs\",\"device\":\"tmpfs\"") "," VOLUME("/v7", "\"type\":\"overlay\",\"device\":\"overlay\",\"o\":\"lowerdir=/etc:/usr,upperdir=/u,workdir=/w\"")
		"],\"Tmpfs\":{\"/run\":\"rw\"}}}");

	assert_mount(&f, "/p", MOUNT_BIND, "/proc");
	assert_true(mount_at(&f, "/p")->readonly && mount_at(&f, "/p")->shared);
	assert_mount(&f, "/e", MOUNT_BIND, "/etc");
	assert_mount(&f, "/d", MOUNT_VOLUME, "data");
	assert_mount(&f, "/t", MOUNT_TMPFS, NULL);
	assert_mount(&f, "/n", MOUNT_OTHER, "x");
	assert_mount(&f, "/v1", MOUNT_BIND, "/");
	assert_mount(&f, "/v2", MOUNT_BIND, "/root");
	assert_true(mount_at(&f, "/v2")->readonly);
	assert_mount(&f, "/v3", MOUNT_BIND, "/dev/sda1");
	assert_list(&f.creation.devices, "/dev/sda1");
	assert_mount(&f, "/v4", MOUNT_BIND, "/proc");
	assert_mount(&f, "/v5", MOUNT_VOLUME, "v");
	assert_int_equal(mount_at(&f, "/v6")->kind, MOUNT_TMPFS);
	assert_mount(&f, "/v7", MOUNT_BIND, "/etc");
	assert_list(&f.parameters, "bind=/usr:/v7");
	assert_list(&f.parameters, "bind=/u:/v7");
	assert_mount(&f, "/run", MOUNT_TMPFS, NULL);
	command_facts_done(&f);
}

static void test_volume_create(void **state)
{
	struct command_facts f = post("/volumes/create", "{\"Name\":\"v\",\"Driver\":\"local\",\"DriverOpts\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/root\"}}");

	assert_true(f.readable && f.has_creation);
	assert_string_equal(f.target, "v");
	assert_int_equal(f.creation.mount_count, 1);
	assert_int_equal(f.creation.mounts[0].kind, MOUNT_BIND);
	assert_string_equal(f.creation.mounts[0].source, "/root");
	assert_list(&f.parameters, "bind=/root");
	command_facts_done(&f);
	f = post("/volumes/create", "{\"Name\":\"v\"}");
	assert_true(f.readable);
	assert_int_equal(f.creation.mounts[0].kind, MOUNT_VOLUME);
	assert_string_equal(f.creation.mounts[0].source, "v");
	command_facts_done(&f);
	f = post("/volumes/create", "{\"Name\":\"v\",\"Driver\":\"sshfs\",\"DriverOpts\":{\"device\":\"/root\"}}");
	assert_true(f.readable);
	assert_int_equal(f.creation.mounts[0].kind, MOUNT_VOLUME);
	assert_list(&f.parameters, "volume_driver=sshfs");
	command_facts_done(&f);
}

static void test_namespaces(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"NetworkMode\":\"host\",\"PidMode\":\"host\",\"IpcMode\":\"host\",\"UTSMode\":\"host\","
		"\"UsernsMode\":\"host\",\"CgroupnsMode\":\"host\"}}");

	assert_int_equal(f.creation.host_namespaces, HOST_NETWORK | HOST_PID | HOST_IPC | HOST_UTS | HOST_USER | HOST_CGROUP);
	assert_list(&f.creation.networks, "host");
	command_facts_done(&f);
	f = create("{\"HostConfig\":{\"NetworkMode\":\"container:abc\",\"PidMode\":\"container:def\",\"IpcMode\":\"private\",\"CgroupnsMode\":\"private\","
		"\"VolumesFrom\":[\"other:ro\"]}}");
	assert_int_equal(f.creation.host_namespaces, 0);
	assert_int_equal(f.creation.joins.count, 3);
	assert_list(&f.creation.joins, "abc");
	assert_list(&f.creation.joins, "def");
	assert_list(&f.creation.joins, "other");
	assert_int_equal(f.creation.networks.count, 0);
	command_facts_done(&f);
	f = create("{\"HostConfig\":{\"NetworkMode\":\"front\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"front\":{},\"back\":null}}}");
	assert_int_equal(f.creation.networks.count, 2);
	assert_list(&f.creation.networks, "front");
	assert_list(&f.creation.networks, "back");
	command_facts_done(&f);
}

static void test_security(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=unconfined\",\"apparmor:unconfined\",\"label=disable\",\"no-new-privileges\"],"
		"\"MaskedPaths\":[],\"ReadonlyPaths\":[],\"ReadonlyRootfs\":true}}");

	assert_int_equal(f.creation.seccomp, FACT_NO);
	assert_int_equal(f.creation.apparmor, FACT_NO);
	assert_int_equal(f.creation.selinux, FACT_NO);
	assert_int_equal(f.creation.no_new_privileges, FACT_YES);
	assert_int_equal(f.creation.readonly_root, FACT_YES);
	assert_list(&f.creation.security_options, "apparmor=unconfined");
	assert_list(&f.creation.security_options, "systempaths=unconfined");
	command_facts_done(&f);
	f = create("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}\",\"no-new-privileges=false\",\"disable\"],"
		"\"MaskedPaths\":[\"/proc/kcore\",\"/sys/firmware\"],\"ReadonlyPaths\":[\"/proc/sys\",\"/proc/sysrq-trigger\"]}}");
	assert_int_equal(f.creation.seccomp, FACT_NO);
	assert_int_equal(f.creation.no_new_privileges, FACT_NO);
	assert_int_equal(f.creation.selinux, FACT_NO);
	assert_list(&f.creation.security_options, "seccomp=(a profile)");
	assert_false(list_has(&f.creation.security_options, "systempaths=unconfined"));
	command_facts_done(&f);
	f = create("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ERRNO\\\"}\",\"apparmor=mine\",\"label=type:x_t\"],\"MaskedPaths\":[\"/proc/kcore\"]}}");
	assert_int_equal(f.creation.seccomp, FACT_YES);
	assert_int_equal(f.creation.apparmor, FACT_YES);
	assert_int_equal(f.creation.selinux, FACT_YES);
	assert_list(&f.creation.security_options, "systempaths=unconfined");
	command_facts_done(&f);
}

static void test_resources(void **state)
{
	struct command_facts f = create("{\"HostConfig\":{\"Memory\":268435456,\"PidsLimit\":-1,\"CpuShares\":512,\"Ulimits\":[{\"Name\":\"nofile\"}],"
		"\"RestartPolicy\":{\"Name\":\"always\"},\"Runtime\":\"kata\",\"Sysctls\":{\"net.ipv4.ip_forward\":\"1\"},\"CgroupParent\":\"/x\",\"OomScoreAdj\":-500,"
		"\"Devices\":[{\"PathOnHost\":\"/dev/../dev/kmsg\",\"PathInContainer\":\"/x\"}],\"DeviceCgroupRules\":[\"c *:* rwm\"],"
		"\"DeviceRequests\":[{\"Driver\":\"\",\"Count\":-1,\"Capabilities\":[[\"gpu\"]]},{\"DeviceIDs\":[\"v.com/x=0\"]}],"
		"\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"},{\"HostIp\":\"::1\",\"HostPort\":\"\"}],\"1/udp\":null},\"PublishAllPorts\":true}}");
	const struct creation *c = &f.creation;

	assert_int_equal(c->memory, 268435456);
	assert_int_equal(c->pids, -1);
	assert_int_equal(c->cpu_shares, 512);
	assert_true(c->ulimits);
	assert_string_equal(c->restart_policy, "always");
	assert_string_equal(c->runtime, "kata");
	assert_list(&c->sysctls, "net.ipv4.ip_forward=1");
	assert_list(&c->devices, "/dev/kmsg");
	assert_list(&c->devices, "rule:c *:* rwm");
	assert_list(&c->devices, "request:any");
	assert_list(&c->devices, "request:v.com/x=0");
	assert_list(&c->ports, "0.0.0.0:8080");
	assert_list(&c->ports, "[::1]:0");
	assert_list(&c->ports, "0.0.0.0:*");
	assert_list(&f.parameters, "cgroup_parent=/x");
	assert_list(&f.parameters, "oom_score_adj=-500");
	command_facts_done(&f);
}

static void test_config(void **state)
{
	struct command_facts f = create("{\"User\":\"0:0\",\"Cmd\":[\"-c\",\"secret\"],\"Entrypoint\":\"sh\",\"Labels\":{\"a\":\"1\",\"A\":\"2\"},\"Healthcheck\":{\"Test\":[\"NONE\"]},"
		"\"Env\":[\"PATH=/bin\",\"DB_PASSWORD=hunter2\",\"PASSWORD_FILE=/run/x\",\"KEY=AKIAABCDEFGHIJKLMNOP\",\"EMPTY\",\"URL=https://u:p@h/\",\"REQUIRE_TOKEN=true\"]}");
	const struct creation *c = &f.creation;

	assert_string_equal(c->user, "0:0");
	assert_int_equal(c->args.count, 3);
	assert_string_equal(c->args.items[0], "sh");
	assert_string_equal(kv_list_get(&c->labels, "A"), "2");
	assert_int_equal(c->healthcheck, FACT_NO);
	assert_int_equal(c->env_names.count, 7);
	assert_int_equal(c->secret_envs.count, 3);
	assert_list(&c->secret_envs, "DB_PASSWORD");
	assert_list(&c->secret_envs, "KEY");
	assert_list(&c->secret_envs, "URL");
	/* No value, and of the command no more than the program. */
	for (uint32_t i = 0; i < f.parameters.count; i++)
		assert_true(!strstr(f.parameters.items[i], "hunter2") && !strstr(f.parameters.items[i], "AKIA") &&
			    !strstr(f.parameters.items[i], "secret\"") && strcmp(f.parameters.items[i], "program=secret") != 0);
	assert_list(&f.parameters, "program=sh");
	assert_list(&f.parameters, "secret_env=DB_PASSWORD");
	command_facts_done(&f);
	f = create("{\"Cmd\":\"sh -c 'x --token=hidden'\",\"HostConfig\":{\"GroupAdd\":[\"0\"],\"LogConfig\":{\"Type\":\"gelf\"}}}");
	assert_list(&f.parameters, "program=sh");
	assert_list(&f.parameters, "group=0");
	assert_list(&f.parameters, "log_driver=gelf");
	command_facts_done(&f);
	f = create("{\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]}}");
	assert_int_equal(f.creation.healthcheck, FACT_YES);
	command_facts_done(&f);
}

/* Settings that matter are told before those that anybody could fill the list with. */
static void test_parameters_are_capped(void **state)
{
	static char body[32768];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"HostConfig\":{\"Privileged\":true,\"PortBindings\":{");

	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s\"%d/tcp\":[{\"HostPort\":\"%d\"}]", i ? "," : "", i, i);
	snprintf(body + n, sizeof(body) - n, "}}}");
	struct command_facts f = create(body);
	assert_int_equal(f.parameters.count, COMMAND_PARAMETERS_MAX + 1);
	assert_list(&f.parameters, "privileged=true");
	assert_string_equal(f.parameters.items[COMMAND_PARAMETERS_MAX], "...");
	assert_int_equal(f.creation.ports.count, 200);
	command_facts_done(&f);
}

static void test_exec(void **state)
{
	struct command_facts f = post("/containers/web/exec", "{\"User\":\"root\",\"Privileged\":true,\"Cmd\":[\"sh\",\"-c\",\"x\"],\"Env\":[\"A_TOKEN=abcdefgh\"]}");

	assert_true(f.readable && f.has_creation);
	assert_string_equal(f.action->name, "container_exec_create");
	assert_string_equal(f.target, "web");
	assert_string_equal(f.exec_user, "root");
	assert_int_equal(f.creation.privileged, FACT_YES);
	assert_int_equal(f.creation.args.count, 3);
	assert_list(&f.parameters, "privileged=true");
	assert_list(&f.parameters, "program=sh");
	command_facts_done(&f);
	f = post("/containers/web/exec", "{\"Cmd\":[\"ls\"]}");
	assert_string_equal(f.exec_user, "");
	assert_int_equal(f.creation.privileged, FACT_NO);
	command_facts_done(&f);
}

static void test_update(void **state)
{
	struct command_facts f = post("/containers/web/update", "{\"Memory\":1,\"RestartPolicy\":{\"Name\":\"always\"}}");

	assert_true(f.readable);
	assert_list(&f.parameters, "restart=always");
	assert_list(&f.parameters, "memory=1");
	assert_false(f.has_creation);
	command_facts_done(&f);
}

static void test_service(void **state)
{
	struct command_facts f = post("/services/create", "{\"Name\":\"s\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"nginx\",\"Command\":[\"sh\"],\"Env\":[\"X=1\"],"
		"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/\",\"Target\":\"/h\"}],\"CapabilityAdd\":[\"CAP_SYS_ADMIN\"],\"Privileges\":{\"SELinuxContext\":{\"Disable\":true},"
		"\"Seccomp\":{\"Mode\":\"unconfined\"},\"AppArmor\":{\"Mode\":\"disabled\"},\"NoNewPrivileges\":true},\"ReadOnly\":true},"
		"\"Resources\":{\"Limits\":{\"MemoryBytes\":5,\"Pids\":6}},\"RestartPolicy\":{\"Condition\":\"any\"},\"Networks\":[{\"Target\":\"host\"}]},"
		"\"EndpointSpec\":{\"Ports\":[{\"PublishedPort\":80}]}}");
	const struct creation *c = &f.creation;

	assert_true(f.readable && f.has_creation);
	assert_string_equal(f.target, "s");
	assert_string_equal(f.image, "docker.io/library/nginx:latest");
	assert_mount(&f, "/h", MOUNT_BIND, "/");
	assert_list(&c->capabilities, "SYS_ADMIN");
	assert_int_equal(c->seccomp, FACT_NO);
	assert_int_equal(c->apparmor, FACT_NO);
	assert_int_equal(c->selinux, FACT_NO);
	assert_int_equal(c->no_new_privileges, FACT_YES);
	assert_int_equal(c->readonly_root, FACT_YES);
	assert_int_equal(c->memory, 5);
	assert_int_equal(c->pids, 6);
	assert_int_equal(c->host_namespaces, HOST_NETWORK);
	assert_list(&c->ports, "0.0.0.0:80");
	command_facts_done(&f);
}

static void test_networks_and_plugins(void **state)
{
	struct command_facts f = post("/networks/create", "{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"eth0\"}}");

	assert_string_equal(f.network, "n");
	assert_list(&f.parameters, "driver=macvlan");
	assert_list(&f.parameters, "option=parent=eth0");
	command_facts_done(&f);
	f = post("/networks/front/connect", "{\"Container\":\"web\"}");
	assert_string_equal(f.network, "front");
	assert_list(&f.parameters, "container=web");
	command_facts_done(&f);
	f = post("/plugins/pull?remote=vieux/sshfs&name=s", "[{\"Name\":\"mount\",\"Value\":[\"/\",\"/dev\"]},{\"Name\":\"network\",\"Value\":[\"host\"]}]");
	assert_true(f.readable);
	assert_string_equal(f.image, "docker.io/vieux/sshfs:latest");
	assert_string_equal(f.target, "s");
	assert_list(&f.parameters, "grants=mount:/,/dev");
	assert_list(&f.parameters, "grants=network:host");
	command_facts_done(&f);
	f = post("/plugins/s/set", "[\"KEY=hidden\"]");
	assert_list(&f.parameters, "set=KEY");
	command_facts_done(&f);
	f = post("/secrets/create", "{\"Name\":\"n\",\"Data\":\"aGlkZGVu\"}");
	assert_string_equal(f.target, "n");
	assert_int_equal(f.parameters.count, 0);
	command_facts_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_special),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_volume_create),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_security),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_parameters_are_capped),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_networks_and_plugins),
	};

	return cmocka_run_group_tests_name("command.create", tests, NULL, NULL);
}
