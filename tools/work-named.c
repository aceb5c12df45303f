// SPDX-License-Identifier: GPL-2.0
/*
 * Functions to be probed by name, called a known number of times.
 *
 *   work-named calls N US      sg_step(i % 3, "a", "b" or "c") N times, each of at least US microseconds
 *   work-named recurse N DEPTH sg_recurse() N times, DEPTH deep
 *   work-named jump N          sg_jump() N times, left by longjmp()
 *   work-named exit N          N threads end in sg_end()
 *   work-named usdt N          the static probe sgwork:step, with i % 2, N times; prints what its
 *                              semaphore was
 *   work-named hot SECONDS     sg_hot() without a pause
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KEPT __attribute__((noinline, noclone, used))

int sg_step(int value, const char *text, long us);
int sg_recurse(int depth);
void sg_jump(void);
void sg_end(void);
void sg_hot(void);

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

KEPT int sg_step(int value, const char *text, long us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	__asm__ volatile("" ::"r"(text) : "memory");
	nanosleep(&t, NULL);
	return value;
}

KEPT int sg_recurse(int depth)
{
	int n = depth > 1 ? sg_recurse(depth - 1) : 0;

	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

static jmp_buf back;

KEPT void sg_jump(void)
{
	longjmp(back, 1);
}

KEPT void sg_end(void)
{
	syscall(SYS_exit,
		0); /* as pthread_exit(), which wants a library that not every guest has */
}

KEPT void sg_hot(void)
{
	__asm__ volatile("" ::: "memory");
}

static void calls(long n, long us)
{
	static const char *const texts[] = {"a", "b", "c"};

	for (long i = 0; i < n; i++)
		sg_step((int)(i % 3), texts[i % 3], us);
}

static void jumps(volatile long n)
{
	while (n > 0) {
		n--;
		if (!setjmp(back))
			sg_jump();
	}
}

static void *thread(void *arg)
{
	sg_end();
	return NULL;
}

static void ends(long n)
{
	pthread_t t;

	while (n-- > 0 && pthread_create(&t, NULL, thread, NULL) == 0)
		pthread_join(t, NULL);
}

/* As <sys/sdt.h> makes it. */
static volatile unsigned short step_semaphore __attribute__((section(".probes"), used));

static KEPT void usdt(int value)
{
#if defined(__x86_64__)
	__asm__ volatile(
		"990: nop\n"
		".pushsection .note.stapsdt,\"\",\"note\"\n"
		".balign 4\n.4byte 992f-991f, 994f-993f, 3\n"
		"991: .asciz \"stapsdt\"\n992: .balign 4\n"
		"993: .8byte 990b, _.stapsdt.base, step_semaphore\n"
		".asciz \"sgwork\"\n.asciz \"step\"\n.asciz \"-4@%[v] 4@$7\"\n"
		"994: .balign 4\n.popsection\n"
		".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
		".weak _.stapsdt.base\n.hidden _.stapsdt.base\n"
		"_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n" ::[v] "r"(
			value));
#endif
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0, more = argc > 3 ? atol(argv[3]) : 0;

	if (strcmp(what, "calls") == 0) {
		calls(n, more);
	} else if (strcmp(what, "recurse") == 0) {
		while (n-- > 0)
			sg_recurse((int)more);
	} else if (strcmp(what, "jump") == 0) {
		jumps(n);
	} else if (strcmp(what, "exit") == 0) {
		ends(n);
	} else if (strcmp(what, "usdt") == 0) {
		printf("%u\n", step_semaphore);
		for (long i = 0; i < n; i++)
			usdt((int)(i % 2));
	} else if (strcmp(what, "hot") == 0) {
		for (uint64_t until = now_ns() + (uint64_t)n * 1000000000; now_ns() < until;)
			for (int i = 0; i < 1000; i++)
				sg_hot();
	} else {
		fprintf(stderr, "usage: work-named calls|recurse|jump|exit|usdt|hot N [MORE]\n");
		return 2;
	}
	return 0;
}
