/* SPDX-License-Identifier: Apache-2.0 */
/* containerd's events and lists, as messages; the connection is tested against a real one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/containerd.h"

struct fixture {
	struct loop *loop;
	struct runtime *runtime;
	struct containerd *d;
	char started[64];
	uint32_t pid;
};

static void ignore(void *ctx, struct runtime *rt)
{
}

static void on_created(void *ctx, struct runtime *rt, const char *id, uint32_t pid)
{
	struct fixture *f = ctx;

	snprintf(f->started, sizeof(f->started), "%s", id);
	f->pid = pid;
}

static void on_stopped(void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message)
{
	struct fixture *f = ctx;

	f->pid = (uint32_t)seq;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct runtime_config config = {.kind = RUNTIME_CONTAINERD,
		.socket = "test",
		.listener = {ignore, ignore, ignore, on_created, on_stopped, f}};

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop), 0);
	config.loop = f->loop;
	assert_int_equal(runtime_new(&f->runtime, &config), 0);
	assert_int_equal(loop_run_once(f->loop, 1000), 0);
	assert_non_null(f->runtime->client);
	f->d = f->runtime->engine;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	runtime_free(f->runtime);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void event(struct fixture *f, const char *namespace_, const char *topic,
	const ProtobufCMessage *message)
{
	Ctrd__Envelope envelope = CTRD__ENVELOPE__INIT;
	Ctrd__Any any = CTRD__ANY__INIT;
	Ctrd__Timestamp time = CTRD__TIMESTAMP__INIT;
	uint8_t inner[512], outer[1024];

	any.value.len = protobuf_c_message_pack(message, inner);
	any.value.data = inner;
	time.seconds = 1795449837;
	time.nanos = 5;
	envelope.timestamp = &time;
	envelope.namespace_ = (char *)(uintptr_t)namespace_;
	envelope.topic = (char *)(uintptr_t)topic;
	envelope.event = &any;
	size_t n = protobuf_c_message_pack(&envelope.base, outer);
	assert_int_equal(containerd_event(f->d, outer, n), 0);
}

static const struct container *take(struct fixture *f)
{
	const struct container *c = runtime_take(f->runtime);

	assert_non_null(c);
	return c;
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	Ctrd__ContainerEvent container = CTRD__CONTAINER_EVENT__INIT;
	Ctrd__TaskCreate created = CTRD__TASK_CREATE__INIT;
	Ctrd__TaskStart started = CTRD__TASK_START__INIT;
	Ctrd__TaskExit ended = CTRD__TASK_EXIT__INIT;
	char id[] = "web", image[] = "nginx", other[] = "exec-1";

	container.id = created.container_id = started.container_id = ended.container_id = id;
	container.image = image;
	event(f, "k8s.io", "/containers/create", &container.base);
	const struct container *c = take(f);
	assert_string_equal(c->id, "web");
	assert_string_equal(c->name, "web");
	assert_string_equal(c->image, "docker.io/library/nginx:latest");
	assert_int_equal(c->created, 1795449837000000005ull);
	assert_int_equal(c->runtime, RUNTIME_CONTAINERD);

	created.pid = 77;
	event(f, "k8s.io", "/tasks/create", &created.base);
	assert_string_equal(f->started, "web");
	assert_int_equal(f->pid, 77);
	assert_int_equal(take(f)->pid, 77);
	started.pid = 77;
	event(f, "k8s.io", "/tasks/start", &started.base);
	assert_int_equal(take(f)->state, CONTAINER_RUNNING);
	ended.id = other;
	event(f, "k8s.io", "/tasks/exit", &ended.base);
	assert_null(runtime_take(f->runtime)); /* only a process that was added */
	ended.id = id;
	ended.exit_status = 3;
	event(f, "k8s.io", "/tasks/exit", &ended.base);
	c = take(f);
	assert_int_equal(c->state, CONTAINER_EXITED);
	assert_int_equal(c->exit_code, 3);
	assert_int_equal(c->pid, 0);
	event(f, "k8s.io", "/containers/delete", &container.base);
	assert_int_equal(take(f)->state, CONTAINER_REMOVED);
}

static void test_kubernetes(void **state)
{
	static const char *const words[] = {"io.kubernetes.pod.name", "pay-1",
		"io.kubernetes.pod.namespace", "pay", "io.kubernetes.container.name", "app"};
	struct fixture *f = *state;
	Ctrd__Container c = CTRD__CONTAINER__INIT;
	Ctrd__Pair pairs[3], *labels[3];
	struct inventory_entry *e;

	for (int i = 0; i < 3; i++) {
		ctrd__pair__init(&pairs[i]);
		pairs[i].key = (char *)(uintptr_t)words[2 * i];
		pairs[i].value = (char *)(uintptr_t)words[2 * i + 1];
		labels[i] = &pairs[i];
	}
	c.n_labels = 3;
	c.labels = labels;
	assert_int_equal(containerd_entry(f->d, "k8s.io", "0123abc", &e), 0);
	containerd_describe(f->d, e, &c);
	assert_string_equal(e->container.name, "app");
	assert_string_equal(e->container.pod, "pay-1");
	assert_string_equal(e->container.namespace_, "pay");
}

/* What is Docker's is Docker's to report; hostile ids and unknown topics are nothing. */
static void test_passed_over(void **state)
{
	struct fixture *f = *state;
	Ctrd__ContainerEvent container = CTRD__CONTAINER_EVENT__INIT;
	char id[] = "x", bad[] = "../x";

	container.id = id;
	event(f, "moby", "/containers/create", &container.base);
	event(f, "", "/containers/create", &container.base);
	event(f, "a\r\nb: c", "/containers/create", &container.base);
	event(f, "k8s.io", "/snapshot/prepare", &container.base);
	container.id = bad;
	event(f, "k8s.io", "/containers/create", &container.base);
	assert_null(runtime_take(f->runtime));
	assert_int_equal(runtime_count(f->runtime), 0);
}

static void test_garbage(void **state)
{
	struct fixture *f = *state;
	static const uint8_t cut[] = {0x0a, 0x7f, 'x'};

	assert_int_equal(containerd_event(f->d, cut, sizeof(cut)), -EBADMSG);
	assert_int_equal(containerd_event(f->d, cut, 0), 0); /* an empty envelope */
	Ctrd__Timestamp t = CTRD__TIMESTAMP__INIT;
	t.seconds = INT64_MAX;
	assert_int_equal(containerd_time(&t), 0);
	t.seconds = 5;
	t.nanos = -1;
	assert_int_equal(containerd_time(&t), 0);
	assert_int_equal(containerd_time(NULL), 0);
}

/* What containerd tells its OCI runtime, out of an answer that may hold none, or be none. */
static void test_spec(void **state)
{
	static char text[] = "{\"ociVersion\":\"1.0.2\"}";
	CLEANUP(buf_done) struct buf frame = BUF_INIT(4096), got = BUF_INIT(4096), small = BUF_INIT(8);
	Ctrd__ContainerResponse answer = CTRD__CONTAINER_RESPONSE__INIT;
	Ctrd__Container container = CTRD__CONTAINER__INIT;
	Ctrd__Any spec = CTRD__ANY__INIT;
	uint8_t packed[512];

	spec.value.data = (uint8_t *)text;
	spec.value.len = strlen(text);
	container.spec = &spec;
	answer.container = &container;
	grpc_put(&frame, packed, ctrd__container_response__pack(&answer, packed));
	struct client_result res = {.status = 200, .body = frame.data, .size = frame.len, .key = "web"};
	assert_int_equal(runtime_spec_text(&res, &got), 0);
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.data, text, got.len);
	assert_true(runtime_spec_text(&res, &small) < 0);
	res.grpc_status = 5;
	assert_int_equal(runtime_spec_text(&res, &got), -ENOENT);
	res.grpc_status = 0;
	res.size--;
	assert_int_equal(runtime_spec_text(&res, &got), -ENOENT);
	container.spec = NULL;
	buf_reset(&frame);
	grpc_put(&frame, packed, ctrd__container_response__pack(&answer, packed));
	res.body = frame.data;
	res.size = frame.len;
	assert_int_equal(runtime_spec_text(&res, &got), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kubernetes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test(test_spec),
	};

	return cmocka_run_group_tests_name("runtime.containerd", tests, NULL, NULL);
}
