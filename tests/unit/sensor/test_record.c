/* SPDX-License-Identifier: Apache-2.0 */
/* Only whole and sound records pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/enums.h"
#include "sensor/record.h"

union room {
	struct wire_header header;
	struct wire_exec exec;
	struct wire_fork fork;
	struct wire_exit exit;
	struct wire_net net;
	struct wire_payload payload;
	struct wire_cgroup cgroup;
	struct wire_call call;
	uint8_t bytes[4096];
};

static size_t exec_make(union room *r)
{
	static const char text[] = "/bin/true\0true\0x";

	memset(r, 0, sizeof(*r));
	r->exec.path_size = 10;
	r->exec.args_size = 7;
	memcpy(r->exec.data, text, sizeof(text));
	r->header.type = WIRE_EXEC;
	return r->header.size = sizeof(r->exec) + 17;
}

static bool passes(const union room *r, size_t size)
{
	return sensor_record_check(r, size) != NULL;
}

static void each_type_passes_at_its_size(void **state)
{
	static const struct {
		enum wire_type type;
		size_t size;
	} cases[] = {
		{WIRE_FORK, sizeof(struct wire_fork)}, {WIRE_EXIT, sizeof(struct wire_exit)},
		{WIRE_NET, sizeof(struct wire_net)}, {WIRE_PAYLOAD_HIT, sizeof(struct wire_payload)},
		{WIRE_CGROUP, sizeof(struct wire_cgroup)}, {WIRE_CALL, sizeof(struct wire_call)},
	};
	union room r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&r, 0, sizeof(r));
		r.header.type = cases[i].type;
		r.header.size = (uint32_t)cases[i].size;
		if (cases[i].type == WIRE_NET)
			r.net.kind = WIRE_NET_CONNECT;
		if (cases[i].type == WIRE_CGROUP)
			r.cgroup.kind = WIRE_CGROUP_MADE;
		assert_true(passes(&r, cases[i].size));
		assert_false(passes(&r, cases[i].size - 1));
		r.header.size--;
		assert_false(passes(&r, cases[i].size));
		r.header.size += 2;
		assert_false(passes(&r, sizeof(r)));
	}
	assert_true(exec_make(&r) && passes(&r, r.header.size));
}

static void types_are_known(void **state)
{
	union room r;

	exec_make(&r);
	r.header.type = 0;
	assert_false(passes(&r, sizeof(r)));
	r.header.type = WIRE_TYPE_COUNT_;
	assert_false(passes(&r, sizeof(r)));
	r.header.type = 0xffff;
	assert_false(passes(&r, sizeof(r)));
}

static void enums_are_in_range(void **state)
{
	union room r;
	size_t n = exec_make(&r);

	r.header.verdict.detection = DETECTION_COUNT_;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.header.verdict.effect = EFFECT_COUNT_;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.header.verdict.done = DONE_COUNT_;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.header.verdict.evidence = EVIDENCE_COUNT_;
	assert_false(passes(&r, n));
}

static void exec_lengths_add_up(void **state)
{
	union room r;
	size_t n = exec_make(&r);

	r.exec.args_size++;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.exec.path_size = 0xffffffff;
	r.exec.args_size = 18;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.exec.ancestor_count = WIRE_ANCESTORS + 1;
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.exec.data[9] = 'x'; /* the path's end */
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.exec.data[16] = 'x'; /* the arguments' end */
	assert_false(passes(&r, n));
	r.header.flags = WIRE_ARGS_TRUNCATED;
	assert_true(passes(&r, n));
}

static void strings_end(void **state)
{
	union room r;
	size_t n = exec_make(&r);

	memset(r.exec.sign, 'x', sizeof(r.exec.sign));
	assert_false(passes(&r, n));
	n = exec_make(&r);
	memset(r.exec.process.comm, 'x', sizeof(r.exec.process.comm));
	assert_false(passes(&r, n));
	n = exec_make(&r);
	r.exec.ancestor_count = 1;
	memset(r.exec.ancestors[0].comm, 'x', WIRE_COMM);
	assert_false(passes(&r, n));
	memset(&r, 0, sizeof(r));
	r.header.type = WIRE_CGROUP;
	r.header.size = sizeof(r.cgroup);
	r.cgroup.kind = WIRE_CGROUP_GONE;
	memset(r.cgroup.leaf, 'x', sizeof(r.cgroup.leaf));
	assert_false(passes(&r, sizeof(r.cgroup)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_passes_at_its_size), cmocka_unit_test(types_are_known),
		cmocka_unit_test(enums_are_in_range), cmocka_unit_test(exec_lengths_add_up), cmocka_unit_test(strings_end),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
