/* SPDX-License-Identifier: Apache-2.0 */
/* What the storms took: wall time, and the time of a core, which a busy machine falsifies less. */
#pragma once

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static inline long long clock_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Of this process and the children that it has waited for. */
static inline long long clock_core(void)
{
	long long ns = 0;

	for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
		struct rusage u;

		getrusage(who, &u);
		ns += (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL;
		ns += (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
	}
	return ns;
}

/* Prints "WALL CORE", both in ns since the start. */
static inline void clock_print(long long wall, long long core)
{
	printf("%lld %lld\n", clock_wall() - wall, clock_core() - core);
}
