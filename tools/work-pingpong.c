// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes on two CPUs (one, when there is only one) pass a byte to and fro
 * through pipes N times, in twenty parts; prints the nanoseconds per round of the part that was
 * disturbed least. work-pingpong N [CPU CPU]
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTS 20

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("sched_setaffinity");
}

/* first: this side sends first; else it answers. */
static void pass(int from, int to, long n, int first)
{
	char c = 0;

	for (long i = 0; i < n; i++) {
		if (first && write(to, &c, 1) != 1)
			exit(1);
		if (read(from, &c, 1) != 1)
			exit(1);
		if (!first && write(to, &c, 1) != 1)
			exit(1);
	}
}

static double least_round(int from, int to, long n)
{
	double least = 0;

	for (long part = 0; part < PARTS; part++) {
		double t0 = now(), ns;

		pass(from, to, n / PARTS, 1);
		ns = (now() - t0) / (n / PARTS);
		if (least == 0 || ns < least)
			least = ns;
	}
	return least;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 100000;
	int there[2], back[2], status = 1;
	pid_t pid;

	n = n < PARTS ? PARTS : n / PARTS * PARTS;
	if (pipe(there) || pipe(back))
		return 1;
	pid = fork();
	pin(argc > 3 ? atoi(argv[pid ? 2 : 3]) : 0);
	if (pid == 0) {
		pass(there[0], back[1], n, 0);
		return 0;
	}
	printf("%.1f\n", least_round(back[0], there[1], n));
	waitpid(pid, &status, 0);
	return status != 0;
}
