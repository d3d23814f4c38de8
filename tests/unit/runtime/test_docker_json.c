/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's JSON, as it is and as it should never be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/docker_images.h"
#include "runtime/docker_json.h"

static struct json *parse(const char *text)
{
	struct json *j = NULL;

	assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	return j;
}

static void entry_done(struct inventory_entry *e)
{
	record_done(&container_desc, &e->container);
	free(e->image_ref);
	free(e->image_id);
}

static void test_event(void **state)
{
	CLEANUP(json_free)
	struct json *j =
		parse("{\"status\":\"die\",\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{"
		      "\"ID\":\"abc\","
		      "\"Attributes\":{\"image\":\"a\",\"name\":\"n\",\"exitCode\":\"3\",\"my\":"
		      "\"label\"}},\"time\":1795449837,\"timeNano\":1795449837293338193}");
	struct docker_event e;
	struct inventory_entry entry = {0};

	assert_int_equal(docker_json_event(j, &e), 0);
	assert_int_equal(e.object, DOCKER_CONTAINER);
	assert_string_equal(e.id, "abc");
	assert_in_range(e.time, 1795449837293338193ull - 256, 1795449837293338193ull + 256);
	assert_int_equal(docker_json_attributes(e.attributes, &entry, true), 0);
	assert_int_equal(entry.container.labels.count, 1);
	assert_string_equal(entry.image_ref, "a");
	entry_done(&entry);
}

static void test_network_event(void **state)
{
	CLEANUP(json_free)
	struct json *j =
		parse("{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"net\","
		      "\"Attributes\":{\"container\":\"abc\",\"name\":\"bridge\"}}}");
	struct docker_event e;

	assert_int_equal(docker_json_event(j, &e), 0);
	assert_string_equal(e.id, "abc");
}

/* Wrong types, missing parts, duplicates: refused or passed over, never believed. */
static void test_hostile_events(void **state)
{
	static const char *const bad[] = {
		"[]",
		"1",
		"null",
		"\"x\"",
		"{}",
		"{\"Type\":\"container\"}",
		"{\"Type\":\"container\",\"Action\":\"create\"}",
		"{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":[]}",
		"{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":7}}",
		"{\"Type\":{},\"Action\":\"create\",\"Actor\":{\"ID\":\"x\"}}",
		"{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"x\"}}",
		"{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"x\"}}",
	};
	struct docker_event e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(json_free) struct json *j = parse(bad[i]);
		assert_int_equal(docker_json_event(j, &e), -EBADMSG);
	}
}

static void test_hostile_inspect(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"State\":[],\"Config\":7,\"HostConfig\":\"x\",\"NetworkSettings\":{\"Networks\":"
		"[1,2]},\"Name\":{}}",
		"{\"State\":{\"Pid\":-5,\"ExitCode\":1e300,\"Status\":3,\"StartedAt\":"
		"\"yesterday\"},\"Image\":[],\"Created\":9}",
		"{\"Config\":{\"Labels\":[\"a\",\"b\"]},\"Created\":\"99999999999-13-45T99:99:"
		"99Z\"}",
		"{\"Config\":{\"Labels\":{\"\":\"x\",\"a\":null,\"b\":7,\"c\":{\"d\":1}}}}",
		"{\"NetworkSettings\":{\"Networks\":{\"a\":null,\"b\":7,\"c\":{\"IPAddress\":[]}}}"
		"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(json_free) struct json *j = parse(texts[i]);
		struct inventory_entry e = {0};
		assert_int_equal(docker_json_inspect(j, &e, true), 0);
		assert_int_equal(e.container.pid, 0);
		assert_int_equal(e.container.labels.count, 0);
		assert_int_equal(e.container.addresses.count, 0);
		assert_int_equal(e.container.started, 0);
		entry_done(&e);
	}
	CLEANUP(json_free) struct json *list = parse("[]");
	struct inventory_entry e = {0};
	assert_int_equal(docker_json_inspect(list, &e, true), -EBADMSG);
}

/* The first of two members of one name counts, in every reader of ours. */
static void test_duplicates(void **state)
{
	CLEANUP(json_free)
	struct json *j = parse("{\"Name\":\"/first\",\"Name\":\"/"
			       "second\",\"Config\":{\"Labels\":{\"a\":\"1\",\"a\":\"2\"}}}");
	struct inventory_entry e = {0};

	assert_int_equal(docker_json_inspect(j, &e, true), 0);
	assert_string_equal(e.container.name, "first");
	assert_int_equal(e.container.labels.count, 1);
	assert_string_equal(kv_list_get(&e.container.labels, "a"), "1");
	entry_done(&e);
}

static void test_item(void **state)
{
	CLEANUP(json_free)
	struct json *good = parse("{\"Id\":\"abc\",\"Names\":[\"/a/"
				  "b\"],\"Image\":\"i\",\"State\":\"paused\",\"Created\":5}");
	CLEANUP(json_free) struct json *bad = parse("{\"Id\":\"../../info\"}");
	struct inventory_entry e = {0};
	const char *id;

	assert_int_equal(docker_json_item_id(bad, &id), -EBADMSG);
	assert_int_equal(docker_json_item_id(good, &id), 0);
	assert_int_equal(docker_json_item(good, &e), 0);
	assert_string_equal(e.container.name, "a/b");
	assert_int_equal(e.container.state, CONTAINER_PAUSED);
	assert_int_equal(e.container.created, 5000000000ull);
	entry_done(&e);
}

static void test_restart(void **state)
{
	CLEANUP(json_free)
	struct json *waiting = parse("{\"State\":{\"Running\":false,\"Restarting\":true},"
				     "\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"}}}");
	CLEANUP(json_free)
	struct json *removed =
		parse("{\"HostConfig\":{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"\"}}}");
	struct docker_restart r;

	docker_json_restart(waiting, &r);
	assert_true(r.running && r.restarts && !r.auto_remove);
	docker_json_restart(removed, &r);
	assert_true(!r.running && !r.restarts && r.auto_remove);
}

#define CAFE "sha256:cafe000000000000000000000000000000000000000000000000000000000000"
#define BEEF "sha256:beef000000000000000000000000000000000000000000000000000000000000"
#define REPO "sha256:1234567812345678123456781234567812345678123456781234567812345678"

static void put(struct docker_images *m, const char *text, int want)
{
	CLEANUP(json_free) struct json *j = parse(text);

	assert_int_equal(docker_images_put(m, j), want);
}

/* ref and id as the engine gives them -> image and digest as rules see them. */
static void check(const struct docker_images *m, const char *ref, const char *id, const char *image,
	const char *digest)
{
	struct inventory_entry e = {0};

	assert_int_equal(str_set(&e.image_ref, ref), 0);
	assert_int_equal(str_set(&e.image_id, id), 0);
	assert_int_equal(docker_images_resolve(m, &e), 0);
	assert_string_equal(e.container.image, image);
	if (digest)
		assert_string_equal(e.container.digest, digest);
	else
		assert_null(e.container.digest);
	entry_done(&e);
}

static void test_images(void **state)
{
	CLEANUP(docker_images_free) struct docker_images *m = NULL;

	assert_int_equal(docker_images_new(&m), 0);
	put(m,
		"{\"Id\":\"" CAFE
		"\",\"RepoTags\":[\"miner:1\",\"x:2\"],\"RepoDigests\":[\"miner@" REPO "\"]}",
		0);
	put(m, "{\"Id\":\"" BEEF "\",\"RepoTags\":[\"cafe:latest\",7,null],\"RepoDigests\":null}",
		0);
	put(m, "{\"Id\":\"sha256:xyz\"}", -EBADMSG);
	put(m, "{\"Id\":{}}", -EBADMSG);
	put(m, "[]", -EBADMSG);

	check(m, "miner:1", NULL, "docker.io/library/miner:1", NULL);
	check(m, "miner:1", CAFE, "docker.io/library/miner:1", REPO);
	check(m, CAFE, CAFE, "docker.io/library/miner:1", REPO);
	check(m, CAFE, NULL, "docker.io/library/miner:1", REPO);
	check(m, "cafe0", NULL, "docker.io/library/miner:1", REPO);
	check(m, "cafe", NULL, "docker.io/library/cafe:latest",
		NULL); /* the tag goes first, as in Docker */
	check(m, "cafe", BEEF, "docker.io/library/cafe:latest", BEEF);
	check(m, "ffff", NULL, "docker.io/library/ffff:latest", NULL);
	docker_images_drop(m, CAFE);
	docker_images_drop(m, CAFE);
	check(m, CAFE, CAFE, CAFE, CAFE);
}

/* The engine may say that a container runs again before its start event arrives. */
static void test_a_quick_restart_is_another_run(void **state)
{
	CLEANUP(json_free)
	struct json *j = parse("{\"State\":{\"Status\":\"running\",\"Pid\":7,"
			       "\"StartedAt\":\"1970-01-01T01:00:00.900000000Z\"}}");
	const uint64_t hour = 3600000000000;
	struct inventory_entry e = {.container = {.state = CONTAINER_EXITED,
					    .started = hour,
					    .finished = hour + 500000000}};

	assert_int_equal(docker_json_inspect(j, &e, true), 0);
	assert_true(e.container.started == hour + 900000000);
	assert_true(e.container.finished == 0);
	entry_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_network_event),
		cmocka_unit_test(test_hostile_events),
		cmocka_unit_test(test_hostile_inspect),
		cmocka_unit_test(test_a_quick_restart_is_another_run),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_item),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_images),
	};

	return cmocka_run_group_tests_name("runtime.docker_json", tests, NULL, NULL);
}
