// SPDX-License-Identifier: GPL-2.0
/*
 * Timers of a known kind, number and length. work-timer KIND N MS
 *   boottime  N timers of that clock, one after another, waited for without sleeping
 *   tai       N sleeps by that clock, which may be 50 us late
 *   itimer    one interval timer that expires N times
 *   wheel     N times nothing is received within a socket's timeout
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* From here on this task is what its timers interrupt: nothing else gets its CPU. */
static int keep_cpu(void)
{
	const struct sched_param p = {.sched_priority = 1};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &p);
}

static int boottime(long n, long ms)
{
	const struct itimerspec t = {.it_value = {.tv_nsec = ms * 1000000}};
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK);
	uint64_t times;

	if (keep_cpu())
		return 1;
	for (long i = 0; i < n; i++) {
		if (timerfd_settime(fd, 0, &t, NULL))
			return 1;
		while (read(fd, &times, sizeof(times)) < 0)
			if (errno != EAGAIN)
				return 1;
	}
	return 0;
}

static int tai(long n, long ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	for (long i = 0; i < n; i++)
		if (clock_nanosleep(CLOCK_TAI, 0, &t, NULL))
			return 1;
	return 0;
}

static int itimer(long n, long ms)
{
	const struct itimerval off = {0}, t = {.it_value = {.tv_usec = ms * 1000},
					       .it_interval = {.tv_usec = ms * 1000}};
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	for (long i = 0; i < n; i++)
		if (sigwait(&set, &got))
			return 1;
	return setitimer(ITIMER_REAL, &off, NULL) != 0;
}

static int wheel(long n, long ms)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct timeval t = {.tv_usec = ms * 1000};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char byte;

	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)))
		return 1;
	for (long i = 0; i < n; i++)
		if (recv(fd, &byte, 1, 0) >= 0 || errno != EAGAIN)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(long n, long ms);
	} kinds[] = {{"boottime", boottime}, {"tai", tai}, {"itimer", itimer}, {"wheel", wheel}};

	for (size_t i = 0; argc > 3 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return kinds[i].run(atol(argv[2]), atol(argv[3]));
	fprintf(stderr, "usage: work-timer boottime|tai|itimer|wheel N MS\n");
	return 1;
}
