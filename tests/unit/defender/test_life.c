/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of which no engine tells: start, end and removal as the kernel and their bundle show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "defender/life.h"
#include "stage.h"

#define ID "3333333333333333333333333333333333333333333333333333333333333333"
#define POD "4444444444444444444444444444444444444444444444444444444444444444"
#define CGROUP 333

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Below the stage's own directory, so that it goes with it. */
static const char *bundle(const struct stage *s)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/bundle", s->dir);
	return path;
}

static struct container_entry *admit(struct stage *s)
{
	struct ipc_admission a = {.container = {.id = text(ID), .name = text("who"), .image = text("localhost/x:1"),
		.state = CONTAINER_CREATED, .runtime = RUNTIME_PODMAN, .created = time_now()}, .bundle = text(bundle(s))};

	assert_int_equal(dir_make(bundle(s), 0700), 0);
	assert_int_equal(life_admitted(s->d, &a), 0);
	return container_table_by_id(s->d->containers, ID);
}

static void run(struct stage *s, uint32_t pid, const char *what)
{
	stage_exec(s, &(struct stage_exec){.cgroup = CGROUP, .pid = pid, .ppid = 1, .start = pid, .text = what});
}

static struct container_entry *start(struct stage *s)
{
	struct container_entry *e = admit(s);

	stage_cgroup(s, CGROUP, "libpod-" ID, WIRE_CGROUP_MADE);
	run(s, 501, "/bin/sleep|sleep|600");
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	return e;
}

static void test_start_and_end(void **state)
{
	struct stage *s = *state;

	stage_start(s, true);
	struct container_entry *e = admit(s);
	assert_int_equal(e->info.state, CONTAINER_CREATED);
	stage_cgroup(s, CGROUP, "libpod-" ID, WIRE_CGROUP_MADE);
	run(s, 500, "|runc|init");
	assert_int_equal(e->info.state, CONTAINER_CREATED); /* prepared, not started */
	run(s, 501, "/bin/sleep|sleep|600");
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	assert_int_equal(e->info.pid, 501);
	assert_true(e->info.started > 0);
	run(s, 600, "/bin/sh|sh"); /* podman exec */
	stage_exit(s, CGROUP, 600, 600, 1);
	life_tick(s->d);
	assert_int_equal(e->info.pid, 501);
	stage_exit(s, CGROUP, 501, 501, 7);
	stage_cgroup(s, CGROUP, "libpod-" ID, WIRE_CGROUP_GONE);
	assert_int_equal(e->info.state, CONTAINER_EXITED);
	assert_int_equal(e->info.exit_code, 7);
	assert_int_equal(e->info.pid, 0);
	assert_true(e->info.finished >= e->info.started);
	life_tick(s->d);
	assert_int_equal(e->info.state, CONTAINER_EXITED); /* podman still has it */
	assert_int_equal(rmdir(bundle(s)), 0);
	life_tick(s->d);
	assert_int_equal(e->info.state, CONTAINER_REMOVED);
	assert_true(e->gone);
	stage_wait(s, s->container_count && s->containers[s->container_count - 1].state == CONTAINER_REMOVED);
}

/* Its engine left the cgroup there: who has no process has ended. */
static void test_end_without_cleaning(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	struct container_entry *e = start(s);
	stage_exit(s, CGROUP, 501, 501, 0);
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	life_tick(s->d);
	assert_int_equal(e->info.state, CONTAINER_EXITED);
}

static void test_starts_again(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	struct container_entry *e = start(s);
	uint64_t created = e->info.created;
	stage_cgroup(s, CGROUP, "libpod-" ID, WIRE_CGROUP_GONE);
	assert_int_equal(e->info.state, CONTAINER_EXITED);
	assert_ptr_equal(admit(s), e);
	assert_int_equal(e->info.state, CONTAINER_CREATED);
	assert_int_equal(e->info.created, created);
	stage_cgroup(s, CGROUP + 1, "libpod-" ID, WIRE_CGROUP_MADE);
	stage_exec(s, &(struct stage_exec){.cgroup = CGROUP + 1, .pid = 700, .ppid = 1, .start = 700, .text = "/bin/sh|sh"});
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	assert_int_equal(e->info.pid, 700);
}

static void test_remembered(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	start(s);
	stage_stop(s);
	stage_start(s, false);
	assert_null(container_table_by_id(s->d->containers, ID));
	life_open(s->d);
	struct container_entry *e = container_table_by_id(s->d->containers, ID);
	assert_non_null(e);
	assert_string_equal(e->info.name, "who");
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	assert_int_not_equal(stage_expected(ID), UINT32_MAX);
	life_found(s->d); /* no cgroup was found */
	assert_int_equal(e->info.state, CONTAINER_EXITED);
	assert_int_equal(rmdir(bundle(s)), 0);
	life_tick(s->d);
	assert_int_equal(e->info.state, CONTAINER_REMOVED);
	stage_stop(s);
	stage_start(s, false);
	life_open(s->d); /* it is not kept for ever */
	assert_null(container_table_by_id(s->d->containers, ID));
}

/* Once an engine has told about it, the kernel's signs change nothing. */
static void test_left_to_its_engine(void **state)
{
	struct stage *s = *state;
	struct container c = {.id = text(ID), .name = text("told"), .state = CONTAINER_RUNNING, .pid = 501, .runtime = RUNTIME_DOCKER};

	stage_start(s, false);
	struct container_entry *e = start(s);
	assert_int_equal(containers_told(s->d, &c), 0);
	stage_exit(s, CGROUP, 501, 501, 0);
	stage_cgroup(s, CGROUP, "libpod-" ID, WIRE_CGROUP_GONE);
	life_tick(s->d);
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
	assert_ptr_equal(admit(s), e);
	assert_false(e->life.ours);
}

/* An engine that knows no pod does not unsay the one of the admission. */
static void test_keeps_the_pod(void **state)
{
	struct stage *s = *state;
	struct ipc_admission a = {.container = {.id = text(ID), .name = text("app"), .pod = text("pod-1"), .namespace_ = text("pay"),
		.state = CONTAINER_CREATED, .runtime = RUNTIME_CONTAINERD}};
	struct container c = {.id = text(ID), .name = text(ID), .state = CONTAINER_RUNNING, .runtime = RUNTIME_CONTAINERD};

	stage_start(s, false);
	assert_int_equal(life_admitted(s->d, &a), 0);
	assert_int_equal(containers_told(s->d, &c), 0);
	struct container_entry *e = container_table_by_id(s->d->containers, ID);
	assert_string_equal(e->info.pod, "pod-1");
	assert_string_equal(e->info.namespace_, "pay");
	assert_string_equal(e->info.name, "app");
	assert_int_equal(e->info.state, CONTAINER_RUNNING);
}

/* podman's pod is a cgroup with an id; its containers are below and not part of one another. */
static void test_pod(void **state)
{
	struct stage *s = *state;

	stage_start(s, false);
	stage_cgroup(s, 444, POD, WIRE_CGROUP_MADE);
	struct container_entry *e = admit(s);
	struct wire_cgroup w = {.header = {.type = WIRE_CGROUP, .size = sizeof(w), .cgroup = CGROUP, .time = time_boot()},
		.parent = 444, .kind = WIRE_CGROUP_MADE, .known = 1};
	snprintf(w.leaf, sizeof(w.leaf), "libpod-" ID);
	containers_cgroup(s->d, &w);
	assert_ptr_equal(container_table_by_cgroup(s->d->containers, CGROUP), e);
	assert_true(container_table_by_cgroup(s->d->containers, 444)->pod);
	w.header.cgroup = CGROUP + 1; /* of nobody that was admitted: a part of what is above it */
	snprintf(w.leaf, sizeof(w.leaf), "libpod-" POD);
	containers_cgroup(s->d, &w);
	assert_null(container_table_by_cgroup(s->d->containers, CGROUP + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start_and_end, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_end_without_cleaning, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_starts_again, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_remembered, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_left_to_its_engine, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_keeps_the_pod, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(test_pod, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("defender.life", tests, NULL, NULL);
}
