// SPDX-License-Identifier: GPL-2.0
/*
 * System calls of the rarer kinds. work-calls KIND N
 *   error     N calls of close(-1)
 *   compat    N calls by int 0x80 (x86-64 only; exit status 2: the kernel refuses them)
 *   range     N calls with a number that no table has
 *   rare      N calls of sched_get_priority_min, which nobody else makes
 *   pair      N calls of it and N of sched_get_priority_max, taking turns
 *   slow      N calls of rt_sigtimedwait that each wait for 30 ms, and N * 20000 of rare between them
 *   thread    N threads that end, each inside exit()
 *   futex     N waits of 20 ms in futex() that time out, N that do not begin, N locks taken and released
 *   restart   one nanosleep of 300 ms that is stopped and continued N times
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static int error(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_close, -1);
	return 0;
}

static int range(long n)
{
	for (long i = 0; i < n; i++)
		syscall(100000);
	return 0;
}

static int compat(long n)
{
#ifdef __x86_64__
	for (long i = 0; i < n; i++) {
		long ret = 20; /* getpid of the ia32 table */

		__asm__ volatile("int $0x80" : "+a"(ret) : : "memory", "r8", "r9", "r10", "r11");
		if (ret != getpid())
			return 2;
	}
	return 0;
#else
	return n ? 2 : 0;
#endif
}

static int rare(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_sched_get_priority_min, 0);
	return 0;
}

static int pair(long n)
{
	for (long i = 0; i < n; i++) {
		syscall(SYS_sched_get_priority_min, 0);
		syscall(SYS_sched_get_priority_max, 0);
	}
	return 0;
}

static int slow(long n)
{
	const struct timespec t = {.tv_nsec = 30000000};
	sigset_t none;

	sigemptyset(&none);
	for (long i = 0; i < n; i++) {
		rare(20000);
		sigtimedwait(&none, NULL, &t);
	}
	return 0;
}

static void *nothing(void *unused)
{
	return unused;
}

static int thread(long n)
{
	pthread_t t;

	for (long i = 0; i < n; i++)
		if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL))
			return 1;
	return 0;
}

static int futex(long n)
{
	const struct timespec t = {.tv_nsec = 20000000};
	int word = 0, lock = 0;

	for (long i = 0; i < n; i++) {
		if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t) == 0 || errno != ETIMEDOUT)
			return 1;
		if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &t) == 0 || errno != EAGAIN)
			return 1;
		if (syscall(SYS_futex, &lock, FUTEX_TRYLOCK_PI) ||
		    syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI))
			return 1;
	}
	return 0;
}

static int restart(long n)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		struct timespec t = {.tv_nsec = 300000000};

		_exit(syscall(SYS_nanosleep, &t, NULL) != 0);
	}
	for (long i = 0; i < n; i++) {
		sleep_ms(30);
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		kill(pid, SIGCONT);
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(long n);
	} kinds[] = {{"error", error},	 {"compat", compat}, {"range", range},
		     {"rare", rare},	 {"pair", pair},     {"slow", slow},
		     {"thread", thread}, {"futex", futex},   {"restart", restart}};

	for (size_t i = 0; argc > 2 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return kinds[i].run(atol(argv[2]));
	fprintf(stderr,
		"usage: work-calls error|compat|range|rare|pair|slow|thread|futex|restart N\n");
	return 1;
}
