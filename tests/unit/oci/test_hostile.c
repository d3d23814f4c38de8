/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as nobody should write it, and details that no captured file shows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "oci/config.h"
#include "oci/reader.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"

static char why[OCI_WHY_MAX];

static int read_text(struct creation *c, const char *engine, const char *text)
{
	struct oci_source from = {.engine = engine, .id = ID, .bundle = "/run/bundle"};

	*c = (struct creation){0};
	return oci_read_config(c, &from, text, strlen(text), why);
}

static struct creation good(const char *engine, const char *text)
{
	struct creation c;

	if (read_text(&c, engine, text) < 0)
		fail_msg("%s", why);
	return c;
}

static void bad(const char *text, const char *says)
{
	struct creation c;

	assert_int_equal(read_text(&c, "docker", text), -EBADMSG);
	assert_non_null(strstr(why, says));
	creation_done(&c);
}

/* What Go would read otherwise than we do. */
static void test_ambiguous(void **state)
{
	bad("{\"mounts\":[],\"mounts\":[{}]}", "'mounts' is there twice");
	bad("{\"Mounts\":[]}", "'mounts' is spelt in another way");
	bad("{\"process\":{\"noNewPrivileges\":true,\"NoNewPrivileges\":false}}", "noNewPrivileges");
	bad("{\"linux\":{\"\xc5\xbf"
	    "eccomp\":{}}}",
		"not ASCII");
	bad("{\"mounts\":{}}", "'mounts' is not a list");
	bad("{\"mounts\":[1]}", "list of objects");
	bad("{\"mounts\":[{\"source\":7,\"type\":\"bind\",\"destination\":\"/x\"}]}", "'source' is not a text");
	bad("{\"process\":{\"env\":[1]}}", "'env'");
	bad("{\"process\":{\"args\":[{}]}}", "'args'");
	bad("{\"root\":{\"readonly\":\"yes\"}}", "neither true nor false");
	bad("[]", "not an object");
	bad("{", "line 1");
}

static void test_too_much(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct creation c;

	buf_puts(&b, "{\"mounts\":[");
	for (int i = 0; i <= CREATION_MOUNTS_MAX; i++)
		buf_printf(&b, "%s{\"destination\":\"/%d\",\"source\":\"/s\",\"type\":\"bind\"}", i ? "," : "", i);
	buf_puts(&b, "]}");
	assert_int_equal(read_text(&c, "docker", (char *)b.data), -E2BIG);
	creation_done(&c);
	/* The variables of many services are no crime, and the secret among the last ones is found. */
	buf_reset(&b);
	buf_puts(&b, "{\"process\":{\"env\":[");
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "\"SERVICE_%d=x\",", i);
	buf_puts(&b, "\"API_TOKEN=abcdefgh\"]}}");
	c = good("docker", (char *)b.data);
	assert_int_equal(c.env_names.count, CREATION_LIST_MAX);
	assert_int_equal(c.secret_envs.count, 1);
	creation_done(&c);
}

static const char *source_of(struct creation *c, const char *source, const char *target)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{\"root\":{\"path\":\"/srv/docker/overlay2/x/merged\"},\"mounts\":[{\"destination\":\"%s\",\"source\":\"%s\","
		"\"options\":[\"rbind\"]}]}",
		target, source);
	*c = good("docker", text);
	return c->mount_count ? c->mounts[0].source : NULL;
}

/* The engine's own files are left out, and nothing that only looks like them. */
static void test_own_mounts(void **state)
{
	static const struct {
		const char *source, *target, *seen;
	} cases[] = {
		{"/srv/docker/containers/" ID "/hosts", "/etc/hosts", NULL},
		{"/anywhere/containers/" ID "/resolv.conf", "/etc/resolv.conf", NULL},
		{"/containers/a/containers/" ID "/resolv.conf", "/etc/resolv.conf", NULL},
		{"/srv/docker/containers/" OTHER "/hosts", "/etc/hosts", NULL},
		{"/var/lib/docker/containers/" OTHER "/hostname", "/etc/hostname", NULL},
		{"/tmp/containers/" OTHER "/hosts", "/etc/hosts", "/tmp/containers/" OTHER "/hosts"},
		{"/var/lib/docker/containers/" OTHER "/hosts", "/etc/shadow", "/var/lib/docker/containers/" OTHER "/hosts"},
		{"/var/lib/docker/containers/" OTHER "/config.v2.json", "/etc/hosts",
			"/var/lib/docker/containers/" OTHER "/config.v2.json"},
		{"/var/lib/docker/containers/../../../../etc//shadow", "/etc/hosts", "/etc/shadow"},
		{"/srv/docker/containers/" ID "/../../", "/d", "/srv/docker"},
		{"/etc/hosts", "/etc/hosts", "/etc/hosts"}, /* writable */
		{"/", "/host", "/"},
		{"//.//", "/host", "/"},
		{"x/../y", "/host", "/run/bundle/y"},
		{"/srv/docker/volumes/v/_data", "/d", "v"},
		{"/srv/docker/volumes", "/d", "/srv/docker/volumes"},
		{"/srv/docker/volumes/v/_data/../..", "/d", "/srv/docker/volumes"},
		{"/srv/docker/volumes/v/_database", "/d", "/srv/docker/volumes/v/_database"},
		{"/tmp/volumes/v/_data", "/d", "/tmp/volumes/v/_data"},
		{"/var/lib/kubelet/pods/u/etc-hosts", "/etc/hosts", "/var/lib/kubelet/pods/u/etc-hosts"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct creation c;
		const char *seen = source_of(&c, cases[i].source, cases[i].target);
		if (!cases[i].seen)
			assert_null(seen);
		else if (!seen)
			fail_msg("%s was left out", cases[i].source);
		else
			assert_string_equal(seen, cases[i].seen);
		creation_done(&c);
	}
}

#define CRI(type)                                                                                  \
	"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"" type                           \
	"\",\"io.kubernetes.cri.sandbox-id\":\"" OTHER "\",\"io.kubernetes.cri.sandbox-name\":\"web-0\","  \
	"\"io.kubernetes.cri.sandbox-namespace\":\"pay\",\"io.kubernetes.cri.sandbox-uid\":\"u-1\","        \
	"\"io.kubernetes.cri.container-name\":\"app\",\"io.kubernetes.cri.image-name\":\"nginx\",\"team\":\"red\"},"  \
	"\"mounts\":["                                                                             \
	"{\"destination\":\"/etc/hosts\",\"source\":\"/var/lib/kubelet/pods/u-1/etc-hosts\",\"type\":\"bind\"},"  \
	"{\"destination\":\"/dev/termination-log\",\"source\":\"/var/lib/kubelet/pods/u-1/containers/app/1f\","   \
	"\"type\":\"bind\"},"                                                                      \
	"{\"destination\":\"/etc/hostname\",\"source\":\"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" OTHER \
	"/hostname\",\"type\":\"bind\"},"                                                          \
	"{\"destination\":\"/dev/shm\",\"source\":\"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/" OTHER "/shm\"," \
	"\"type\":\"bind\"},"                                                                      \
	"{\"destination\":\"/var/run/secrets/kubernetes.io/serviceaccount\",\"source\":"           \
	"\"/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~projected/kube-api-access-x\",\"type\":\"bind\"},"    \
	"{\"destination\":\"/theirs\",\"source\":\"/var/lib/kubelet/pods/u-2/volumes/kubernetes.io~secret/s\","  \
	"\"type\":\"bind\"}],"                                                                     \
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\",\"path\":\"/proc/77/ns/ipc\"}," \
	"{\"type\":\"uts\",\"path\":\"/proc/77/ns/uts\"},{\"type\":\"network\",\"path\":\"/proc/77/ns/net\"}]}}"

static void test_containerd_pod(void **state)
{
	struct creation c = good("containerd", CRI("container"));

	assert_string_equal(c.pod, "web-0");
	assert_string_equal(c.namespace_, "pay");
	assert_string_equal(c.name, "app");
	assert_string_equal(c.image, "docker.io/library/nginx:latest");
	assert_false(c.sandbox);
	assert_int_equal(c.mount_count, 2);
	assert_int_equal(c.mounts[0].kind, MOUNT_VOLUME);
	assert_string_equal(c.mounts[0].source, "kubernetes.io~projected/kube-api-access-x");
	assert_int_equal(c.mounts[1].kind, MOUNT_BIND); /* another pod's */
	assert_string_equal(kv_list_get(&c.labels, "team"), "red");
	assert_string_equal(kv_list_get(&c.labels, "io.kubernetes.pod.name"), "web-0");
	assert_int_equal(c.joins.count, 2);
	assert_string_equal(c.joins.items[0], OTHER);
	assert_string_equal(c.joins.items[1], "pid:77");
	assert_int_equal(c.host_namespaces, 0);
	creation_done(&c);
	c = good("containerd", CRI("sandbox"));
	assert_true(c.sandbox);
	creation_done(&c);
	c = good("docker", CRI("sandbox"));
	assert_false(c.sandbox);
	assert_null(c.pod);
	assert_null(c.image);
	creation_done(&c);
	assert_int_equal(read_text(&c, "containerd",
				 "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\","
				 "\"io.kubernetes.cri.container-type\":\"sandbox\"}}"),
		-EBADMSG);
	creation_done(&c);
}

static void test_crio_pod(void **state)
{
	struct creation c = good("crio",
		"{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.pod.name\":\"web-0\","
		"\"io.kubernetes.pod.namespace\":\"pay\",\"io.kubernetes.container.name\":\"app\","
		"\"io.kubernetes.cri-o.ImageName\":\"quay.io/a/b:1\",\"io.kubernetes.cri-o.Labels\":"
		"\"{\\\"app\\\":\\\"web\\\",\\\"io.kubernetes.pod.namespace\\\":\\\"forged\\\"}\"}}");

	assert_string_equal(c.pod, "web-0");
	assert_string_equal(c.namespace_, "pay");
	assert_string_equal(c.name, "app");
	assert_string_equal(c.image, "quay.io/a/b:1");
	assert_string_equal(kv_list_get(&c.labels, "app"), "web");
	assert_string_equal(kv_list_get(&c.labels, "io.kubernetes.pod.namespace"), "pay");
	creation_done(&c);
}

static void test_namespaces(void **state)
{
	struct creation c = good("containerd",
		"{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"},"
		"{\"type\":\"network\",\"path\":\"/proc/../proc//1/ns/net\"},{\"type\":\"ipc\"},"
		"{\"type\":\"uts\",\"path\":\"/var/run/netns/cni-1\"},{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}}");

	assert_int_equal(c.host_namespaces, HOST_PID | HOST_NETWORK | HOST_USER | HOST_MOUNT);
	creation_done(&c);
}

static void test_devices(void **state)
{
	struct creation c = good("docker",
		"{\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"rw\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"r\"}]},"
		"\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3},"
		"{\"path\":\"/dev/null2\",\"type\":\"c\",\"major\":1,\"minor\":1},"
		"{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0}]}}");

	assert_int_equal(c.devices.count, 3);
	assert_string_equal(c.devices.items[0], "rule:c 10:* rw");
	assert_string_equal(c.devices.items[1], "/dev/mem");
	assert_string_equal(c.devices.items[2], "/dev/sda");
	assert_int_equal(c.privileged, FACT_NO);
	creation_done(&c);
}

static void test_hooks(void **state)
{
	static const char text[] = "{\"hooks\":{\"prestart\":[{\"path\":\"/proc/9/exe\",\"args\":[\"libnetwork-setkey\"]}],"
				   "\"poststart\":[{\"path\":\"/tmp/hook\"}]}}";
	struct creation c = good("docker", text);

	assert_int_equal(c.hooks.count, 1);
	assert_string_equal(c.hooks.items[0], "/tmp/hook");
	creation_done(&c);
	c = good("containerd", text);
	assert_int_equal(c.hooks.count, 2);
	creation_done(&c);
}

static void test_secrets(void **state)
{
	static const struct {
		const char *entry;
		bool secret;
	} cases[] = {
		{"DB_PASSWORD=hunter22", true},
		{"db_pass=hunter22", true},
		{"GITHUB=ghp_0123456789abcdef", true},
		{"URL=postgres://u:pw@db/x", true},
		{"KEY=-----BEGIN RSA PRIVATE KEY-----", true},
		{"DB_PASSWORD_FILE=/run/secrets/db", false},
		{"DB_PASSWORD=/run/secrets/db", false},
		{"DB_PASSWORD=", false},
		{"COMPASS=north-west", false},
		{"URL=https://host:80/a@b", false},
		{"USE_TOKEN=true", false},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "{\"process\":{\"env\":[\"%s\"]}}", cases[i].entry);
		struct creation c = good("docker", text);
		if ((c.secret_envs.count == 1) != cases[i].secret)
			fail_msg("%s", cases[i].entry);
		creation_done(&c);
	}
}

static void test_confinement(void **state)
{
	struct creation c = good("docker",
		"{\"process\":{\"apparmorProfile\":\"unconfined\",\"selinuxLabel\":\"system_u:system_r:spc_t:s0\"},"
		"\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}");

	assert_int_equal(c.apparmor, FACT_NO);
	assert_int_equal(c.selinux, FACT_NO);
	assert_int_equal(c.seccomp, FACT_NO);
	creation_done(&c);
	c = good("docker", "{\"process\":{\"apparmorProfile\":\"docker-default\"}}");
	assert_int_equal(c.apparmor, FACT_YES);
	assert_int_equal(c.selinux, FACT_UNKNOWN);
	creation_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_own_mounts),
		cmocka_unit_test(test_containerd_pod),
		cmocka_unit_test(test_crio_pod),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_confinement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
