/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exec storm: spawns PROGRAM N times, one after the other (vfork inside posix_spawn), and prints
 * the nanoseconds that it took. Usage: spawner N PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

int main(int argc, char **argv)
{
	char *none[] = {NULL};
	struct timespec a, b;
	int status, r, n = argc > 2 ? atoi(argv[1]) : 0;
	pid_t pid;

	if (n <= 0) {
		fprintf(stderr, "usage: spawner N PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < n; i++) {
		r = posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, none);
		if (r != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
			fprintf(stderr, "spawner: run %d of %s failed\n", i, argv[2]);
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec);
	return 0;
}
