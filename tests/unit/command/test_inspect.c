/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that are there already, as dockerd 20.10 describes them. */
#include "support.h"

#include "base/json.h"

static int inspect(struct creation *c, const char *text)
{
	CLEANUP(json_free) struct json *j = NULL;

	*c = (struct creation){0};
	assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	return command_read_inspect(c, j);
}

static void test_container(void **state)
{
	struct creation c;

	assert_int_equal(inspect(&c, "{\"Id\":\"abc\",\"Name\":\"/web\",\"Image\":\"sha256:123\",\"State\":{\"Running\":true},"
		"\"HostConfig\":{\"Binds\":[\"/etc:/e:ro\"],\"NetworkMode\":\"default\",\"Privileged\":false,\"CapAdd\":[\"CAP_SYS_PTRACE\"],\"PidsLimit\":null,"
		"\"MaskedPaths\":[\"/proc/asound\",\"/proc/kcore\",\"/sys/firmware\"],\"ReadonlyPaths\":[\"/proc/bus\",\"/proc/sys\",\"/proc/sysrq-trigger\"],"
		"\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"Runtime\":\"runc\",\"Ulimits\":null,\"Devices\":[]},"
		"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/etc\",\"Destination\":\"/e\",\"Mode\":\"ro\",\"RW\":false,\"Propagation\":\"rprivate\"},"
		"{\"Type\":\"bind\",\"Source\":\"/root\",\"Destination\":\"/r\",\"RW\":true,\"Propagation\":\"rshared\"},{\"Type\":\"volume\",\"Name\":\"v\",\"Source\":\"/x\",\"Destination\":\"/v\"}],"
		"\"Config\":{\"Image\":\"nginx\",\"User\":\"\",\"Env\":[\"A=1\"],\"Cmd\":[\"nginx\"],\"Entrypoint\":null,\"Labels\":{\"a\":\"b\"}},"
		"\"NetworkSettings\":{\"Networks\":{\"bridge\":{},\"back\":{}}}}"), 0);
	assert_string_equal(c.id, "abc");
	assert_string_equal(c.name, "web");
	assert_string_equal(c.digest, "sha256:123");
	assert_string_equal(c.image, "docker.io/library/nginx:latest");
	assert_int_equal(c.privileged, FACT_NO);
	assert_list(&c.capabilities, "SYS_PTRACE");
	assert_int_equal(c.mount_count, 2);
	assert_true(c.mounts[0].readonly);
	assert_string_equal(c.mounts[1].source, "/root");
	assert_true(c.mounts[1].shared && !c.mounts[1].readonly);
	assert_int_equal(c.networks.count, 2);
	assert_int_equal(c.security_options.count, 0);
	assert_string_equal(kv_list_get(&c.labels, "a"), "b");
	creation_done(&c);
}

static void test_odd(void **state)
{
	struct creation c;

	assert_int_equal(inspect(&c, "[]"), -EBADMSG);
	assert_int_equal(inspect(&c, "{}"), -EBADMSG);
	assert_int_equal(inspect(&c, "{\"Config\":{},\"HostConfig\":{\"Binds\":7}}"), -EBADMSG);
	assert_int_equal(c.mount_count, 0);
	assert_int_equal(inspect(&c, "{\"Config\":{\"Image\":\"Odd Name\"},\"HostConfig\":{\"PidMode\":\"host\"}}"), 0);
	assert_string_equal(c.image, "Odd Name");
	assert_int_equal(c.host_namespaces, HOST_PID);
	creation_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests_name("command.inspect", tests, NULL, NULL);
}
