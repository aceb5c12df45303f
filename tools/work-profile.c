// SPDX-License-Identifier: GPL-2.0
/*
 * Spends time in functions of known names, for profiles:
 *
 *   work-profile hot MILLISECONDS     of CPU time, in hot_function
 *   work-profile wait COUNT MS        sleeps, in waiting_function
 *   work-profile jit MILLISECONDS     of CPU time, in code that it made and says to be jit_loop
 *
 * Prints the microseconds that it took.
 */
#pragma GCC optimize("no-omit-frame-pointer")
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;

static unsigned long now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (unsigned long)t.tv_sec * 1000000 + (unsigned long)t.tv_nsec / 1000;
}

static __attribute__((noinline)) void hot_function(unsigned long us)
{
	unsigned long end = now_us(CLOCK_PROCESS_CPUTIME_ID) + us;

	do
		for (unsigned long i = 0; i < 2000000; i++)
			sink += i;
	while (now_us(CLOCK_PROCESS_CPUTIME_ID) < end);
}

/* The C library keeps no frame pointers, so who calls it directly is not seen. */
static __attribute__((noinline)) void wait_once(unsigned long ms)
{
	const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
	sink++;
}

static __attribute__((noinline)) void waiting_function(unsigned long count, unsigned long ms)
{
	for (unsigned long i = 0; i < count; i++) {
		wait_once(ms);
		sink++;
	}
}

/* dec %rdi; jnz; ret. 0, or -1 where this is no x86-64 or code may not be made. */
static int run_made(unsigned long us)
{
#ifdef __x86_64__
	static const unsigned char code[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3};
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long end = now_us(CLOCK_PROCESS_CPUTIME_ID) + us;
	void (*loop)(unsigned long);
	char path[64];
	FILE *f;

	if (p == MAP_FAILED)
		return -1;
	memcpy(p, code, sizeof(code));
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0)
		return -1;
	memcpy(&loop, &p, sizeof(loop));
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	if (!f)
		return -1;
	fprintf(f, "%lx 1000 jit_loop\n", (unsigned long)p);
	fclose(f);
	do
		loop(10000000);
	while (now_us(CLOCK_PROCESS_CPUTIME_ID) < end);
	usleep(1500000); /* the file is read within a tick */
	return unlink(path);
#else
	return us ? -1 : 0;
#endif
}

int main(int argc, char **argv)
{
	unsigned long began, n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "wait") == 0)
		clock = CLOCK_MONOTONIC;
	began = now_us(clock);
	if (strcmp(argv[1], "hot") == 0)
		hot_function(n * 1000);
	else if (strcmp(argv[1], "wait") == 0 && argc > 3)
		waiting_function(n, strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[1], "jit") == 0 && run_made(n * 1000) < 0)
		return 3;
	printf("%lu\n", now_us(clock) - began);
	return 0;
}
