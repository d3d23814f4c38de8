/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a shim's deadline, the steps to its answer fit into it, in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "gate/shim_budget.h"
#include "ipc/shim_wire.h"

#define NOW (77 * NSEC_PER_SEC)
#define MS NSEC_PER_MSEC

static struct shim_budget of(uint64_t until)
{
	struct shim_budget b;

	shim_budget(&b, NOW, until);
	return b;
}

/* Every millisecond that a user may configure. */
static void test_fits(void **state)
{
	for (uint64_t ms = 1; ms <= SHIM_DEADLINE_MAX_MS; ms++) {
		struct shim_budget b = of(NOW + ms * MS);
		assert_true(b.named > NOW && b.named < b.judged && b.judged < b.answered);
		assert_true(b.answered < NOW + ms * MS);
		/* Timers have milliseconds and go off late, never early: the answer's is not the shim's own. */
		if (ms >= 8)
			assert_true(shim_budget_ms(b.answered, NOW) < ms);
	}
}

static void test_default(void **state)
{
	struct shim_budget b = of(NOW + SHIM_DEADLINE_MS * MS), said_nothing = of(0), absurd = of(UINT64_MAX);

	assert_memory_equal(&b, &said_nothing, sizeof(b));
	assert_memory_equal(&b, &absurd, sizeof(b));
	/* Enough for each of them, and for the way back. */
	assert_true(b.named - NOW >= 125 * MS);
	assert_true(b.judged - NOW >= 180 * MS);
	assert_true(b.answered - b.judged >= 25 * MS);
	assert_true(NOW + SHIM_DEADLINE_MS * MS - b.answered >= 25 * MS);
}

/* Nobody waits two thirds of a minute for a name that no engine knows. */
static void test_long(void **state)
{
	struct shim_budget b = of(NOW + SHIM_DEADLINE_MAX_MS * MS);

	assert_int_equal(b.named - NOW, 2 * NSEC_PER_SEC);
	assert_true(b.answered > NOW + 59 * NSEC_PER_SEC);
}

static void test_over(void **state)
{
	struct shim_budget b = of(NOW - 1);

	assert_int_equal(b.named, NOW);
	assert_int_equal(b.answered, NOW);
	assert_int_equal(shim_budget_ms(b.answered, NOW), 1); /* 0 would be no timer */
	assert_int_equal(shim_budget_ms(NOW - 5 * MS, NOW), 1);
	assert_int_equal(shim_budget_ms(NOW + 5 * MS, NOW), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_over),
	};

	return cmocka_run_group_tests_name("gate.shim_budget", tests, NULL, NULL);
}
