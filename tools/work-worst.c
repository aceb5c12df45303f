// SPDX-License-Identifier: GPL-2.0
/*
 * Many short sleeps, and one long one among them, in a function of its own. Prints the
 * process, the thread and when the long one began and was over, in Unix milliseconds.
 *   work-worst SHORT MILLISECONDS [THREAD]   THREAD: in a thread that is called so
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINGER_MS 2200

struct work {
	long shorts, ms;
	const char *name;
};

/* Without libc, which has no frame pointers: then its caller would be missing from the stack. */
static inline __attribute__((always_inline)) long sleep_for(const struct timespec *t)
{
	long r;

#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(SYS_nanosleep), "D"(t), "S"(0L)
			 : "rcx", "r11", "memory");
#else
	r = syscall(SYS_nanosleep, t, NULL);
#endif
	return r;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void sg_short_sleeps(long n);
void sg_long_sleep(long ms);

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void sg_short_sleeps(long n)
{
	const struct timespec t = {.tv_nsec = 50000};

	for (; n > 0; n--)
		sleep_for(&t);
}

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void sg_long_sleep(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	sleep_for(&t);
}

static void *run(void *arg)
{
	const struct work *w = arg;
	long long from, upto;

	if (w->name)
		prctl(PR_SET_NAME, w->name);
	sg_short_sleeps(w->shorts);
	from = now_ms();
	sg_long_sleep(w->ms);
	upto = now_ms();
	printf("%d %ld %lld %lld\n", getpid(), syscall(SYS_gettid), from, upto);
	/* It is there when its stack is named. */
	while (now_ms() < upto + LINGER_MS)
		sg_short_sleeps(10);
	return NULL;
}

int main(int argc, char **argv)
{
	struct work w = {.shorts = argc > 1 ? atol(argv[1]) : 1000,
			 .ms = argc > 2 ? atol(argv[2]) : 300,
			 .name = argc > 3 ? argv[3] : NULL};
	pthread_t thread;

	if (!w.name) {
		run(&w);
		return 0;
	}
	if (pthread_create(&thread, NULL, run, &w) != 0)
		return 1;
	while (pthread_tryjoin_np(thread, NULL) != 0)
		sg_short_sleeps(1);
	return 0;
}
