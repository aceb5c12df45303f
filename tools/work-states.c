// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that spend a known time in a known way, one after the other in one process:
 *
 *	work-states SECONDS STATE...
 *
 *	run       runs
 *	sleep     in nanosleep()
 *	pipe      in read() of a pipe that nobody writes to
 *	poll      in poll() of nothing
 *	futex     for a mutex that another thread holds, which sleeps meanwhile
 *	recv      in recv() of a socket that nobody writes to
 *	readsock  in read() of one
 *	accept    in accept() of a listening socket
 *	naps      in nanosleep() again and again, 0.3 ms each
 *	locks     in futex() again and again, as long
 *
 * All of them at once, each in a thread of its own, so that SECONDS is the time of all;
 * the first thread sleeps until they have ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 64

static double seconds;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pause_for(double s)
{
	struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};

	nanosleep(&t, NULL);
}

static void run(void)
{
	double end = now() + seconds;

	while (now() < end)
		for (volatile int i = 0; i < 10000; i++)
			;
}

static void sleep_all(void)
{
	pause_for(seconds);
}

/* Ended by a signal that does nothing else: see main(). */
static void read_pipe(void)
{
	int fd[2];
	char c;

	if (pipe(fd) < 0)
		fail("pipe");
	(void)!read(fd[0], &c, 1);
}

static void poll_nothing(void)
{
	poll(NULL, 0, -1);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void lock_held(void)
{
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
}

static void pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		fail("socketpair");
}

static void receive(void)
{
	int fd[2];
	char c;

	pair(fd);
	(void)!recv(fd[0], &c, 1, 0);
}

static void read_socket(void)
{
	int fd[2];
	char c;

	pair(fd);
	(void)!read(fd[0], &c, 1);
}

static void accept_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		fail("listen");
	accept(fd, NULL, NULL);
}

#define SHORT_NS 300000

static void take_naps(void)
{
	double end = now() + seconds;

	while (now() < end)
		pause_for(SHORT_NS * 1e-9);
}

static void take_locks(void)
{
	const struct timespec t = {0, SHORT_NS};
	double end = now() + seconds;
	uint32_t word = 0;

	while (now() < end)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
}

static const struct {
	const char *name;
	void (*spend)(void);
} states[] = {
	{"run", run},
	{"sleep", sleep_all},
	{"pipe", read_pipe},
	{"poll", poll_nothing},
	{"futex", lock_held},
	{"recv", receive},
	{"readsock", read_socket},
	{"accept", accept_one},
	{"naps", take_naps},
	{"locks", take_locks},
};

static void *spend(void *how)
{
	((void (*)(void))(size_t)how)();
	return NULL;
}

static void (*by_name(const char *name))(void)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].name, name) == 0)
			return states[i].spend;
	fprintf(stderr, "work-states: there is no state '%s'\n", name);
	exit(2);
}

static void wake_up(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = wake_up};
	pthread_t threads[MOST];
	int n = argc - 2;

	if (n < 1 || n > MOST) {
		fprintf(stderr, "usage: work-states SECONDS STATE...\n");
		return 2;
	}
	seconds = atof(argv[1]);
	sigaction(SIGUSR1, &act, NULL); /* without SA_RESTART: calls end with EINTR */
	pthread_mutex_lock(&held);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, spend, (void *)(size_t)by_name(argv[2 + i])))
			fail("thread");
	pause_for(seconds);
	pthread_mutex_unlock(&held);
	for (int i = 0; i < n; i++)
		pthread_kill(threads[i], SIGUSR1);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
