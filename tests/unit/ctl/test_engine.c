/* SPDX-License-Identifier: Apache-2.0 */
/* A private engine's subnet meets no route of the host; engines are those that really answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "ctl/engine.h"

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void picks_a_free_subnet(void **state)
{
	static const struct {
		const char *routes, *subnet;
	} rows[] = {
		{"", "10.213.0.0/24"},
		/* a default route meets nothing */
		{HEAD "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
			"10.213.0.0/24"},
		{HEAD "eth0\t0000D50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
			"10.213.1.0/24"},
		/* 10.213.0.0/16 is routed as a whole */
		{HEAD "tun0\t0000D50A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n",
			"10.0.213.0/24"},
		/* a host route in the first one */
		{HEAD "tun0\t0900D50A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n",
			"10.213.1.0/24"},
	};
	char subnet[20];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(subnet_pick(rows[i].routes, subnet), 0);
		assert_string_equal(subnet, rows[i].subnet);
	}
	/* all of 10.0.0.0/8 */
	assert_int_equal(
		subnet_pick(HEAD "vpn0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n",
			subnet),
		-EADDRNOTAVAIL);
}

static void finds_what_answers(void **state)
{
	char dir[] = "/tmp/seawall-engine-XXXXXX", a[64], b[64], list[256];
	struct engine engines[ENGINES_MAX];

	assert_non_null(mkdtemp(dir));
	snprintf(a, sizeof(a), "%s/a.sock", dir);
	snprintf(b, sizeof(b), "%s/b.sock", dir);
	setenv("CONTAINERD_ADDRESS", "/nonexistent", 1);
	setenv("DOCKER_HOST", a, 1);
	assert_int_equal(engine_find(engines), 0);
	int fd = unix_listen(a, 0600, 4);
	assert_true(fd >= 0);
	/* The same socket twice is one engine; one that nobody listens on is none. */
	snprintf(list, sizeof(list), "unix://%s,%s,%s", a, a, b);
	setenv("DOCKER_HOST", list, 1);
	assert_int_equal(engine_find(engines), 1);
	assert_string_equal(engines[0].kind, "docker");
	assert_string_equal(engines[0].socket, a);
	fd_close(fd);
	assert_int_equal(engine_find(engines), 0);
	unlink(a);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_a_free_subnet),
		cmocka_unit_test(finds_what_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
