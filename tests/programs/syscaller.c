/* SPDX-License-Identifier: Apache-2.0 */
/* The syscall loop: N times getppid(), the cheapest call; prints the nanoseconds. Usage: syscaller N */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char **argv)
{
	long n = argc == 2 ? atol(argv[1]) : 0;
	long long wall, core;

	if (n <= 0) {
		fprintf(stderr, "usage: syscaller N\n");
		return 2;
	}
	wall = clock_wall();
	core = clock_core();
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
	clock_print(wall, core);
	return 0;
}
