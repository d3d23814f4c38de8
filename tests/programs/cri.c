/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubelet says to a container runtime, for tests:
 *
 *   cri SOCKET version
 *   cri SOCKET run POD NAMESPACE UID CGROUP_PARENT            a pod in the node's network; its sandbox's id
 *   cri SOCKET create SANDBOX POD NAMESPACE UID CGROUP_PARENT NAME ATTEMPT IMAGE COMMAND...   the container's id
 *   cri SOCKET start|rm ID, stop|rmp SANDBOX, kill ID
 *
 * Exit 1 with the runtime's own words on standard error when it says no; 2 when it could not be asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/loop.h"
#include "cri.pb-c.h"
#include "runtime/client.h"
#include "runtime/grpc.h"

#define SERVICE "/runtime.v1.RuntimeService/"
#define BODY_MAX (1u << 20)
#define TIMEOUT_MS 60000
#define NODE 2     /* NamespaceOption: the node's */
#define OF_EACH 1  /* the container's own */
#define COMMAND_AT 8

struct ask {
	const char *socket;
	struct loop *loop;
	struct client *client;
	int code;
	char answer[BODY_MAX];
	size_t size;
};

static void on_open(void *ctx)
{
	struct ask *a = ctx;
	int fd = unix_connect(a->socket), r = fd < 0 ? fd : fd_set_nonblock(fd);

	client_opened(a->client, r < 0 ? r : fd);
}

static void on_done(void *ctx, const struct client_result *res)
{
	struct ask *a = ctx;
	const uint8_t *message;

	loop_quit(a->loop);
	if (res->error < 0 || res->status != 200) {
		fprintf(stderr, "cri: %s: %s (HTTP %d)\n", res->key, *res->message ? res->message : strerror(-res->error), res->status);
		a->code = 2;
	} else if (res->grpc_status != 0) {
		fprintf(stderr, "rpc error: code = %d desc = %s\n", res->grpc_status, res->message);
		a->code = 1;
	} else if (grpc_single(res->body, res->size, &message, &a->size) == 0 && a->size < sizeof(a->answer)) {
		memcpy(a->answer, message, a->size);
		a->code = 0;
	}
}

static int call(struct ask *a, const char *method, const ProtobufCMessage *request)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	uint8_t packed[65536];
	char path[128];
	struct client_config config = {.loop = a->loop, .http2 = true, .open = on_open, .ctx = a};

	if (protobuf_c_message_get_packed_size(request) > sizeof(packed))
		return 2;
	grpc_put(&body, packed, protobuf_c_message_pack(request, packed));
	snprintf(path, sizeof(path), SERVICE "%s", method);
	a->code = 2;
	if (client_new(&a->client, &config) < 0 ||
		client_send(a->client, &(struct client_call){.method = "POST", .path = path, .content_type = "application/grpc",
			.body = body.data, .body_size = body.len, .max = BODY_MAX, .timeout_ms = TIMEOUT_MS, .on_done = on_done,
			.ctx = a, .key = method}) < 0)
		return 2;
	loop_run(a->loop);
	a->client = client_free(a->client);
	return a->code;
}

/* An id is field 1 of every answer that has one. */
static int print_id(struct ask *a)
{
	Cri__RunPodSandboxResponse *r =
		cri__run_pod_sandbox_response__unpack(NULL, a->size, (const uint8_t *)a->answer);

	if (!r)
		return 2;
	puts(r->pod_sandbox_id);
	cri__run_pod_sandbox_response__free_unpacked(r, NULL);
	return 0;
}

/* kubelet's labels, of a pod (the first three) and of a container (all). */
static char keys[][32] = {"io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid",
	"io.kubernetes.container.name"};
#define POD_KEYS 3

/* A pod as kubelet describes it; everything lives in here. */
struct pod {
	Cri__PodMetadata metadata;
	Cri__NamespaceOption spaces;
	Cri__LinuxSandboxSecurityContext security;
	Cri__LinuxPodSandboxConfig linux_;
	Cri__PodSandboxConfig__LabelsEntry labels[POD_KEYS];
	Cri__PodSandboxConfig__LabelsEntry *label_list[POD_KEYS];
	Cri__PodSandboxConfig config;
};

/* words: name, namespace, uid, cgroup parent */
static void describe_pod(struct pod *p, char *const words[4])
{
	*p = (struct pod){.metadata = CRI__POD_METADATA__INIT, .spaces = CRI__NAMESPACE_OPTION__INIT,
		.security = CRI__LINUX_SANDBOX_SECURITY_CONTEXT__INIT, .linux_ = CRI__LINUX_POD_SANDBOX_CONFIG__INIT,
		.config = CRI__POD_SANDBOX_CONFIG__INIT};
	p->metadata.name = words[0];
	p->metadata.namespace_ = words[1];
	p->metadata.uid = words[2];
	p->spaces.network = NODE;
	p->spaces.pid = OF_EACH;
	p->security.namespace_options = &p->spaces;
	p->linux_.cgroup_parent = words[3];
	p->linux_.security_context = &p->security;
	for (size_t i = 0; i < POD_KEYS; i++) {
		cri__pod_sandbox_config__labels_entry__init(&p->labels[i]);
		p->labels[i].key = keys[i];
		p->labels[i].value = words[i];
		p->label_list[i] = &p->labels[i];
	}
	p->config.metadata = &p->metadata;
	p->config.labels = p->label_list;
	p->config.n_labels = POD_KEYS;
	p->config.on_linux = &p->linux_;
}

static int run_pod(struct ask *a, int argc, char **argv)
{
	Cri__RunPodSandboxRequest request = CRI__RUN_POD_SANDBOX_REQUEST__INIT;
	struct pod p;

	if (argc != 4)
		return 2;
	describe_pod(&p, argv);
	request.config = &p.config;
	int code = call(a, "RunPodSandbox", &request.base);
	return code ? code : print_id(a);
}

static int create(struct ask *a, int argc, char **argv)
{
	Cri__CreateContainerRequest request = CRI__CREATE_CONTAINER_REQUEST__INIT;
	Cri__ContainerConfig config = CRI__CONTAINER_CONFIG__INIT;
	Cri__ContainerMetadata metadata = CRI__CONTAINER_METADATA__INIT;
	Cri__ImageSpec image = CRI__IMAGE_SPEC__INIT;
	Cri__NamespaceOption spaces = CRI__NAMESPACE_OPTION__INIT;
	Cri__LinuxContainerSecurityContext security = CRI__LINUX_CONTAINER_SECURITY_CONTEXT__INIT;
	Cri__LinuxContainerConfig linux_ = CRI__LINUX_CONTAINER_CONFIG__INIT;
	Cri__ContainerConfig__LabelsEntry labels[ARRAY_SIZE(keys)], *label_list[ARRAY_SIZE(keys)];
	unsigned attempt;
	struct pod p;

	if (argc < COMMAND_AT || sscanf(argv[6], "%u", &attempt) != 1)
		return 2;
	describe_pod(&p, argv + 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cri__container_config__labels_entry__init(&labels[i]);
		labels[i].key = keys[i];
		labels[i].value = i < POD_KEYS ? argv[1 + i] : argv[5];
		label_list[i] = &labels[i];
	}
	config.labels = label_list;
	config.n_labels = ARRAY_SIZE(keys);
	metadata.name = argv[5];
	metadata.attempt = attempt;
	image.image = argv[7];
	spaces.network = NODE;
	spaces.pid = OF_EACH;
	security.namespace_options = &spaces;
	linux_.security_context = &security;
	config.metadata = &metadata;
	config.image = &image;
	config.command = argv + COMMAND_AT;
	config.n_command = (size_t)(argc - COMMAND_AT);
	config.on_linux = &linux_;
	request.pod_sandbox_id = argv[0];
	request.config = &config;
	request.sandbox_config = &p.config;
	int code = call(a, "CreateContainer", &request.base);
	return code ? code : print_id(a);
}

static int version(struct ask *a)
{
	Cri__VersionRequest request = CRI__VERSION_REQUEST__INIT;
	int code = call(a, "Version", &request.base);
	Cri__VersionResponse *r = code ? NULL : cri__version_response__unpack(NULL, a->size, (const uint8_t *)a->answer);

	if (!r)
		return code ? code : 2;
	printf("%s %s\n", r->runtime_name, r->runtime_version);
	cri__version_response__free_unpacked(r, NULL);
	return 0;
}

static int by_id(struct ask *a, const char *verb, char *id)
{
	static const struct {
		const char *verb, *method;
	} methods[] = {{"start", "StartContainer"}, {"rm", "RemoveContainer"}, {"stop", "StopPodSandbox"},
		{"rmp", "RemovePodSandbox"}, {"kill", "StopContainer"}};
	Cri__IdRequest request = CRI__ID_REQUEST__INIT;

	request.id = id;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].verb, verb) == 0)
			return call(a, methods[i].method, &request.base); /* a timeout of 0 is the default: at once */
	return 2;
}

int main(int argc, char **argv)
{
	static struct ask a;
	int code = 2;

	if (argc < 3 || loop_new(&a.loop) < 0)
		return 2;
	a.socket = argv[1];
	if (strcmp(argv[2], "version") == 0)
		code = version(&a);
	else if (strcmp(argv[2], "run") == 0)
		code = run_pod(&a, argc - 3, argv + 3);
	else if (strcmp(argv[2], "create") == 0)
		code = create(&a, argc - 3, argv + 3);
	else if (argc == 4)
		code = by_id(&a, argv[2], argv[3]);
	loop_free(a.loop);
	return code;
}
