/* SPDX-License-Identifier: Apache-2.0 */
/* The inventory of a Docker engine that answers, lies, is slow, goes away and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "runtime/runtime.h"

#define ID1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID2 "2222222222222222222222222222222222222222222222222222222222222222"
#define IMAGE_ID "sha256:abababababababababababababababababababababababababababababababab"

#define CREATE(id, name, image)                                                                    \
	"{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" id                    \
	"\",\"Attributes\":{\"image\":\"" image "\",\"name\":\"" name                              \
	"\",\"team\":\"blue\"}},\"timeNano\":1795449837109517705}\n"
#define EVENT(id, action)                                                                          \
	"{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                \
	"\",\"Attributes\":{\"image\":\"web:1\",\"name\":\"web\",\"exitCode\":\"7\"}},"            \
	"\"timeNano\":1795449838000000000}\n"

#define INSPECT(status, pid, policy)                                                               \
	"{\"Id\":\"" ID1 "\",\"Name\":\"/web\",\"Image\":\"" IMAGE_ID                              \
	"\",\"Created\":\"2026-11-23T16:00:00Z\","                                                 \
	"\"State\":{\"Status\":\"" status "\",\"Running\":false,\"Pid\":" pid ",\"ExitCode\":0,"   \
	"\"StartedAt\":\"0001-01-01T00:00:00Z\"},\"Config\":{\"Image\":\"web:1\",\"Labels\":{"     \
	"\"team\":\"blue\","                                                                       \
	"\"com.docker.compose.project\":\"shop\"}},\"HostConfig\":{\"RestartPolicy\":{\"Name\":"   \
	"\"" policy "\"},"                                                                         \
	"\"Privileged\":true},\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"IPAddress\":\"10."  \
	"0.0.2\"}}}}"

#define ITEM                                                                                       \
	"[{\"Id\":\"" ID1 "\",\"Names\":[\"/web\"],\"Image\":\"web:1\",\"ImageID\":\"" IMAGE_ID    \
	"\",\"Created\":1795449000,\"State\":\"running\",\"Labels\":{}}]"

struct fixture {
	struct loop *loop;
	struct fake_engine engine;
	struct runtime *runtime;
	int stops;
	uint64_t stop_seq;
	int stop_error;
	struct container last; /* copy of the newest picture of each change */
	int changes;
};

static void take_all(struct fixture *f)
{
	const struct container *c;

	while ((c = runtime_take(f->runtime))) {
		record_done(&container_desc, &f->last);
		assert_int_equal(record_copy(&container_desc, &f->last, c), 0);
		f->changes++;
	}
}

static void on_open(void *ctx, struct runtime *rt)
{
	struct fixture *f = ctx;

	runtime_opened(rt, fake_connect(&f->engine));
}

static void on_changed(void *ctx, struct runtime *rt)
{
}

static void on_stopped(void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message)
{
	struct fixture *f = ctx;

	f->stops++;
	f->stop_seq = seq;
	f->stop_error = error;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct runtime_config config = {.kind = RUNTIME_DOCKER,
		.socket = "/run/docker.sock",
		.listener = {on_open, on_changed, on_changed, NULL, on_stopped, f}};

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop), 0);
	config.loop = f->loop;
	f->engine = (struct fake_engine){.loop = f->loop,
		.stream_fd = -1,
		.answers = {
			{"GET /version", 200, "{\"Version\":\"20.10\"}"},
			{"GET /images/json", 200, "[]"},
			{"GET /containers/json", 200, "[]"},
			{"GET /containers/" ID1 "/json", 200, INSPECT("created", "0", "always")},
			{"GET /images/" IMAGE_ID, 200,
				"{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"]}"},
			{"POST /containers/" ID1 "/kill", 204, ""},
			{"POST /containers/" ID1 "/update", 200, "{}"},
		}};
	assert_int_equal(fake_listen(&f->engine), 0);
	assert_int_equal(runtime_new(&f->runtime, &config), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	runtime_free(f->runtime);
	fake_done(&f->engine);
	record_done(&container_desc, &f->last);
	loop_free(f->loop);
	free(f);
	return 0;
}

#define UNTIL(f, cond)                                                                             \
	for (int turn_ = 0; turn_ < 1000 && !(cond); turn_++)                                      \
		loop_run_once((f)->loop, 5);                                                       \
	assert_true(cond)

static void synced(struct fixture *f)
{
	UNTIL(f, runtime_synced(f->runtime) && f->engine.stream_fd >= 0);
	assert_string_equal(runtime_status(f->runtime)->state, "connected");
	assert_string_equal(runtime_status(f->runtime)->version, "20.10");
	take_all(f);
}

/* What the create event says is there before anything was asked. */
static void test_create(void **state)
{
	struct fixture *f = *state;

	synced(f);
	fake_find(&f->engine, "GET /containers/" ID1 "/json")->hold = true;
	fake_event(&f->engine, CREATE(ID1, "web", "web"), strlen(CREATE(ID1, "web", "web")));
	UNTIL(f, runtime_has_changes(f->runtime));
	take_all(f);
	assert_string_equal(f->last.id, ID1);
	assert_string_equal(f->last.name, "web");
	assert_string_equal(f->last.image, "docker.io/library/web:latest");
	assert_string_equal(kv_list_get(&f->last.labels, "team"), "blue");
	assert_null(kv_list_get(&f->last.labels, "image"));
	assert_int_equal(f->last.state, CONTAINER_CREATED);
	assert_null(f->last.digest);

	UNTIL(f, fake_find(&f->engine, "GET /containers/" ID1 "/json")->asked == 1);
	fake_answer_held(fake_find(&f->engine, "GET /containers/" ID1 "/json"));
	UNTIL(f, (take_all(f), f->last.digest != NULL));
	assert_string_equal(f->last.digest, IMAGE_ID);
	assert_string_equal(f->last.compose_project, "shop");
	assert_string_equal(f->last.restart_policy, "always");
	assert_string_equal(f->last.addresses.items[0], "10.0.0.2");
	assert_string_equal(f->last.networks.items[0], "bridge");
	assert_true(f->last.privileged);
}

/* Born and gone before it could be asked about: still whole in name and image, and forgotten. */
static void test_short_life(void **state)
{
	static const char story[] =
		CREATE(ID2, "brief", "web:1") EVENT(ID2, "start") EVENT(ID2, "die");
	static const char end[] = EVENT(ID2, "destroy");
	struct fixture *f = *state;

	synced(f);
	fake_event(&f->engine, story, strlen(story));
	UNTIL(f, runtime_has_changes(f->runtime));
	take_all(f);
	assert_int_equal(f->last.state, CONTAINER_EXITED);
	assert_int_equal(f->last.exit_code, 7);
	assert_string_equal(f->last.image, "docker.io/library/web:1");
	fake_event(&f->engine, end, strlen(end));
	UNTIL(f, (take_all(f), f->last.state == CONTAINER_REMOVED));
	assert_int_equal(runtime_count(f->runtime), 0);
}

/* The stream may be cut anywhere. */
static void test_split(void **state)
{
	static const char line[] = CREATE(ID1, "web", "web:1");
	struct fixture *f = *state;

	synced(f);
	for (size_t i = 0; i < strlen(line); i++) {
		assert_false(runtime_has_changes(f->runtime));
		fake_event(&f->engine, line + i, 1);
		loop_run_once(f->loop, 5);
	}
	UNTIL(f, runtime_has_changes(f->runtime));
	take_all(f);
	assert_string_equal(f->last.name, "web");
}

/* A line that is too long or is no JSON hides something: everything is looked at again. */
static void test_bad_lines(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *list = fake_find(&f->engine, "GET /containers/json");
	char part[4096];

	synced(f);
	memset(part, 'x', sizeof(part));
	assert_int_equal(list->asked, 1);
	for (int i = 0; i < 300; i++) { /* 1.2 MB */
		fake_event(&f->engine, part, sizeof(part));
		loop_run_once(f->loop, 0);
	}
	assert_int_equal(list->asked, 1);
	fake_event(&f->engine, "\n", 1);
	UNTIL(f, list->asked == 2);
	fake_event(&f->engine, "{\"Type\":\n", 9);
	UNTIL(f, list->asked == 3);
	fake_event(&f->engine, CREATE(ID1, "web", "web:1"), strlen(CREATE(ID1, "web", "web:1")));
	UNTIL(f, runtime_has_changes(f->runtime));
	assert_string_equal(runtime_status(f->runtime)->state, "connected");
}

/* An answer that was under way while an event came does not turn time back. */
static void test_old_answer(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *inspect = fake_find(&f->engine, "GET /containers/" ID1 "/json");

	synced(f);
	inspect->hold = true;
	inspect->body = INSPECT("running", "4242", "no");
	fake_event(&f->engine, CREATE(ID1, "web", "web:1"), strlen(CREATE(ID1, "web", "web:1")));
	UNTIL(f, inspect->asked == 1);
	fake_event(&f->engine, EVENT(ID1, "die"), strlen(EVENT(ID1, "die")));
	UNTIL(f, (take_all(f), f->last.state == CONTAINER_EXITED));
	int changes = f->changes;
	fake_answer_held(inspect);
	inspect->hold = true;
	UNTIL(f, (take_all(f), f->changes > changes));
	assert_int_equal(f->last.state, CONTAINER_EXITED);
	assert_int_equal(f->last.pid, 0);
	UNTIL(f, inspect->asked == 2);
	inspect->body = INSPECT("exited", "0", "no");
	fake_answer_held(inspect);
}

static void test_first_picture(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *inspect = fake_find(&f->engine, "GET /containers/" ID1 "/json");

	fake_find(&f->engine, "GET /containers/json")->body = ITEM;
	inspect->body = INSPECT("running", "77", "no");
	inspect->hold = true;
	UNTIL(f, inspect->asked == 1);
	assert_false(
		runtime_synced(f->runtime)); /* a running container has not been looked at yet */
	fake_answer_held(inspect);
	synced(f);
	assert_int_equal(f->last.pid, 77);
	assert_int_equal(f->last.state, CONTAINER_RUNNING);
}

/* The engine is killed and comes back without the container. */
static void test_reconnect(void **state)
{
	struct fixture *f = *state;

	fake_find(&f->engine, "GET /containers/json")->body = ITEM;
	synced(f);
	assert_int_equal(runtime_count(f->runtime), 1);
	f->engine.refuse = true;
	fake_kill(&f->engine);
	UNTIL(f, !runtime_synced(f->runtime));
	assert_true(strncmp(runtime_status(f->runtime)->state, "away: ", 6) == 0);
	assert_int_equal(runtime_count(f->runtime), 1); /* not knowing is not gone */
	fake_find(&f->engine, "GET /containers/json")->body = "[]";
	f->engine.refuse = false;
	synced(f);
	assert_int_equal(f->engine.subscriptions, 2);
	assert_int_equal(f->last.state, CONTAINER_REMOVED);
	runtime_take(f->runtime);
	assert_int_equal(runtime_count(f->runtime), 0);
}

/* Nothing between two connections is missed: the stream begins before the last event. */
static void test_since(void **state)
{
	struct fixture *f = *state;

	synced(f);
	fake_event(&f->engine, CREATE(ID1, "web", "web:1"), strlen(CREATE(ID1, "web", "web:1")));
	UNTIL(f, runtime_has_changes(f->runtime));
	fake_kill(&f->engine);
	UNTIL(f, f->engine.subscriptions == 2);
	assert_non_null(strstr(f->engine.stream_path, "since=1795449836.109517"));
}

static void test_stop(void **state)
{
	static const char first[] = "POST /containers/" ID1 "/kill\nPOST /containers/" ID1
				    "/update\nGET /containers/" ID1 "/json\n";
	struct fixture *f = *state;
	struct fake_answer *inspect = fake_find(&f->engine, "GET /containers/" ID1 "/json");

	synced(f);
	f->engine.log[0] = 0;
	inspect->body = INSPECT("exited", "0", "always"); /* the policy did not hold: again */
	assert_int_equal(runtime_stop(f->runtime, ID1, 42), 0);
	UNTIL(f, inspect->asked == 1);
	assert_string_equal(f->engine.log, first);
	inspect->body = INSPECT("exited", "0", "no");
	UNTIL(f, f->stops == 1);
	assert_int_equal(f->stop_seq, 42);
	assert_int_equal(f->stop_error, 0);
	assert_int_equal(inspect->asked, 2);
	/* One that is not there is as good as stopped. */
	assert_int_equal(runtime_stop(f->runtime, ID2, 43), 0);
	UNTIL(f, f->stops == 2);
	assert_int_equal(f->stop_seq, 43);
	assert_int_equal(runtime_stop(f->runtime, "../x", 44), -EINVAL);
}

/* An order outlives the engine's absence. */
static void test_stop_while_away(void **state)
{
	struct fixture *f = *state;

	fake_find(&f->engine, "GET /containers/" ID1 "/json")->body = INSPECT("exited", "0", "no");
	synced(f);
	f->engine.refuse = true;
	fake_kill(&f->engine);
	UNTIL(f, !runtime_synced(f->runtime));
	assert_int_equal(runtime_stop(f->runtime, ID1, 5), 0);
	assert_int_equal(runtime_stop(f->runtime, ID1, 6), 0);
	loop_run_once(f->loop, 5);
	assert_int_equal(f->stops, 0);
	f->engine.refuse = false;
	UNTIL(f, f->stops == 2);
	assert_int_equal(f->stop_error, 0);
}

/* A container run by its image's id has the image's name all the same. */
static void test_image_by_id(void **state)
{
	static const char line[] = CREATE(ID2, "sly", "abababab");
	struct fixture *f = *state;

	fake_find(&f->engine, "GET /images/json")->body =
		"[{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"],"
		"\"RepoDigests\":[\"web@sha256:"
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\"]}]";
	synced(f);
	fake_event(&f->engine, line, strlen(line));
	UNTIL(f, runtime_has_changes(f->runtime));
	take_all(f);
	assert_string_equal(f->last.image, "docker.io/library/web:1");
	assert_string_equal(f->last.digest,
		"sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
}

#define OTHER_ID "sha256:efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef"
#define MANIFEST "sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define IMAGE_EVENT(action, id, name)                                                              \
	"{\"Type\":\"image\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id "\",\"Attributes\":{\"name\":\"" name "\"}},"   \
	"\"timeNano\":1795449838000000000}\n"

static bool means(struct fixture *f, const char *ref, const char *id)
{
	struct runtime_image i;

	return runtime_image(f->runtime, ref, &i) == 0 && strcmp(i.id, id) == 0;
}

/* A name that moves to another image leaves the one before, at once and before anything was asked: by what
 * the old one is nobody must be judged. */
static void test_names_move(void **state)
{
	static const char tag[] = IMAGE_EVENT("tag", OTHER_ID, "web:1"), pull[] = IMAGE_EVENT("pull", "web:1", "web");
	struct fixture *f = *state;
	struct fake_answer *answer = fake_find(&f->engine, "GET /images/" IMAGE_ID);
	struct runtime_image i;

	fake_find(&f->engine, "GET /images/json")->body =
		"[{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"],\"RepoDigests\":[\"web@" MANIFEST "\"]}]";
	synced(f);
	assert_true(means(f, "web:1", IMAGE_ID));
	assert_true(means(f, MANIFEST, IMAGE_ID));
	answer->prefix = "GET /images/" OTHER_ID;
	answer->body = "{\"Id\":\"" OTHER_ID "\",\"RepoTags\":[\"web:1\"],\"RootFS\":{}}";
	answer->hold = true;
	fake_event(&f->engine, tag, strlen(tag));
	UNTIL(f, answer->asked == 1);
	assert_true(means(f, "web:1", OTHER_ID));
	assert_int_equal(runtime_image(f->runtime, IMAGE_ID, &i), 0);
	assert_int_equal(i.names->count, 0);
	fake_answer_held(answer);
	UNTIL(f, runtime_image(f->runtime, "web:1", &i) == 0 && i.complete);
	/* After a pull nobody knows what the name means, until the engine says so. */
	answer->prefix = "GET /images/web:1/json";
	answer->body = "{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"]}";
	answer->hold = true;
	fake_event(&f->engine, pull, strlen(pull));
	UNTIL(f, answer->asked == 2);
	assert_int_equal(runtime_image(f->runtime, "web:1", &i), -ENOENT);
	fake_answer_held(answer);
	UNTIL(f, means(f, "web:1", IMAGE_ID));
}

/* A list tells no layers; who wants them has them asked for, once. */
static void test_layers_on_demand(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *answer = fake_find(&f->engine, "GET /images/" IMAGE_ID);
	struct runtime_image i;

	fake_find(&f->engine, "GET /images/json")->body = "[{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"]}]";
	answer->body = "{\"Id\":\"" IMAGE_ID "\",\"RepoTags\":[\"web:1\"],\"RootFS\":{\"Layers\":[\"" MANIFEST "\"]}}";
	synced(f);
	assert_int_equal(runtime_image(f->runtime, "web:1", &i), 0);
	assert_false(i.complete);
	assert_int_equal(runtime_image_look(f->runtime, IMAGE_ID), 0);
	assert_int_equal(runtime_image_look(f->runtime, IMAGE_ID), 0);
	UNTIL(f, runtime_image(f->runtime, "web:1", &i) == 0 && i.complete);
	assert_string_equal(i.layers->items[0], MANIFEST);
	assert_int_equal(runtime_image_look(f->runtime, IMAGE_ID), 0);
	assert_int_equal(answer->asked, 1);
}

/* Engines that answer nonsense are away, and are tried again. */
static void test_bad_engine(void **state)
{
	struct fixture *f = *state;
	struct fake_answer *list = fake_find(&f->engine, "GET /containers/json");

	list->body = "{}";
	UNTIL(f, strcmp(runtime_status(f->runtime)->state,
			 "away: the list of containers does not parse") == 0);
	list->status = 500;
	UNTIL(f, strcmp(runtime_status(f->runtime)->state,
			 "away: the engine answered 500 to the list of containers") == 0);
	list->status = 200;
	list->body = "[]";
	synced(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_picture, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_since, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_image_by_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_layers_on_demand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_engine, setup, teardown),
	};

	return cmocka_run_group_tests_name("runtime.docker", tests, NULL, NULL);
}
