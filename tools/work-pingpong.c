// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes on two CPUs (one, when there is only one) pass a byte to and fro
 * through pipes N times; prints nanoseconds per round. work-pingpong N [CPU CPU]
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

static void pass(int from, int to, long n)
{
	char c = 0;

	for (long i = 0; i < n; i++)
		if (read(from, &c, 1) != 1 || write(to, &c, 1) != 1)
			exit(1);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 100000;
	int a[2], b[2], status = 1;
	double t0;
	pid_t pid;

	if (pipe(a) || pipe(b))
		return 1;
	pid = fork();
	if (pid == 0) {
		pin(argc > 3 ? atoi(argv[3]) : 0);
		pass(a[0], b[1], n);
		return 0;
	}
	pin(argc > 2 ? atoi(argv[2]) : 0);
	if (write(a[1], "x", 1) != 1)
		return 1;
	t0 = now();
	pass(b[0], a[1], n - 1);
	if (read(b[0], &status, 1) != 1)
		return 1;
	printf("%.1f\n", (now() - t0) / n);
	waitpid(pid, &status, 0);
	return status != 0;
}
