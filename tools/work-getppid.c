// SPDX-License-Identifier: GPL-2.0
/*
 * Calls getppid N times without libc's help, in twenty parts, and prints the
 * nanoseconds per call of the part that was disturbed least. work-getppid N
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PARTS 20

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1000000, done = 0;
	double least = 0;

	for (long part = 1; part <= PARTS; part++) {
		long end = n * part / PARTS, m = end - done;
		double t0 = now(), ns;

		for (; done < end; done++)
			syscall(SYS_getppid);
		ns = m ? (now() - t0) / m : 0;
		if (m && (least == 0 || ns < least))
			least = ns;
	}
	printf("%.1f\n", least);
	return 0;
}
