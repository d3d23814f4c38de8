/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exec storm: spawns PROGRAM N times, one after the other (vfork inside posix_spawn), and prints
 * the nanoseconds that it took, of wall time and of a core. With -k each run must be killed by a
 * signal, and the nanoseconds from its spawn to the news of its death are printed, one line each.
 * Usage: spawner [-k] N PROGRAM [ARGUMENT...]
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"

int main(int argc, char **argv)
{
	int killed = argc > 1 && !strcmp(argv[1], "-k"), n, status, r;
	char *none[] = {NULL};
	long long wall, core, from;
	pid_t pid;

	argv += killed;
	argc -= killed;
	n = argc > 2 ? atoi(argv[1]) : 0;
	if (n <= 0) {
		fprintf(stderr, "usage: spawner [-k] N PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	wall = clock_wall();
	core = clock_core();
	for (int i = 0; i < n; i++) {
		from = clock_wall();
		r = posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, none);
		if (r != 0 || waitpid(pid, &status, 0) < 0 || (killed ? !WIFSIGNALED(status) : status != 0)) {
			fprintf(stderr, "spawner: run %d of %s failed\n", i, argv[2]);
			return 1;
		}
		if (killed)
			printf("%lld\n", clock_wall() - from);
	}
	if (!killed)
		clock_print(wall, core);
	return 0;
}
