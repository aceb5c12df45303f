// SPDX-License-Identifier: GPL-2.0
/*
 * What kernel programs add to a piece of work, from outside: does it over and over on one
 * CPU while somebody takes them off their hooks and puts them back, and says in a shared
 * file which it is (tests/kernel/probe_print.c, take_turns). Ends after so many turns with
 * and prints
 *   bare NS       a unit of work without: the median over the turns, of each the median of its parts
 *   added NS      what it took more in the turn that followed: likewise
 *   from NS to NS     quartiles of that
 *   units N       done while they were on their hooks; half of those done while that changed
 *
 *   work-cost getppid|pingpong|requests FILE TURNS
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 100000
#define TURNS_MAX 1000
#define TURN_SECONDS 20
#define TURN_ASIDE UINT32_MAX /* the kernel measures: it does not count */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* ---- the work: n units of it --------------------------------------------------------- */

static int to_other, from_other; /* a byte sent to the other process comes back */

static void do_getppid(int n)
{
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
}

static void do_bytes(int n)
{
	char c = 0;

	for (int i = 0; i < n; i++)
		if (write(to_other, &c, 1) != 1 || read(from_other, &c, 1) != 1)
			die("the other process");
}

static void answer(int from, int to)
{
	char c[128];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = read(from, c, sizeof(c))) > 0)
		if (write(to, c, (size_t)n) != n)
			break;
	_exit(0);
}

static void begin_pipes(void)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		die("pipe");
	if (fork() == 0)
		answer(there[0], back[1]);
	to_other = there[1];
	from_other = back[0];
}

static void begin_requests(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), one = 1, s;

	if (l < 0 || c < 0 || bind(l, (void *)&a, len) || listen(l, 1) ||
	    getsockname(l, (void *)&a, &len) || connect(c, (void *)&a, len))
		die("socket");
	s = accept(l, NULL, NULL);
	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fork() == 0)
		answer(s, s);
	close(s);
	to_other = from_other = c;
}

static const struct work {
	const char *name;
	void (*begin)(void);
	void (*run)(int n);
	int part; /* units, some hundred microseconds */
} works[] = {
	{"getppid", NULL, do_getppid, 2000},
	{"pingpong", begin_pipes, do_bytes, 100},
	{"requests", begin_requests, do_bytes, 20},
};

/* ---- turns --------------------------------------------------------------------------- */

static double parts[PARTS_MAX];
static long n_parts;

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *v, long n, double q)
{
	qsort(v, (size_t)n, sizeof(*v), ascending);
	return n ? v[(long)((double)(n - 1) * q)] : 0;
}

/* Works through a turn until the next one; the median of its parts, a unit each. */
static double take_turn(const struct work *w, volatile uint32_t *turn, uint32_t which,
			double *units)
{
	n_parts = 0;
	alarm(TURN_SECONDS); /* for somebody who takes no turns any more */
	for (;;) {
		uint32_t before = *turn;
		double t0 = now_ns(), took;

		if (before > which && before != TURN_ASIDE)
			break;
		w->run(w->part);
		took = (now_ns() - t0) / w->part;
		if (before == which && *turn == which && n_parts < PARTS_MAX)
			parts[n_parts++] = took;
		if (before == TURN_ASIDE)
			continue;
		if (before == 0)
			*units += w->part / 2.0;
		else if (before % 2 == 0)
			*units += w->part;
	}
	return quantile(parts, n_parts, 0.5);
}

static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static volatile uint32_t *map_turn(const char *path)
{
	int fd = open(path, O_RDONLY);
	void *m = fd < 0 ? MAP_FAILED : mmap(NULL, 4, PROT_READ, MAP_SHARED, fd, 0);

	if (m == MAP_FAILED)
		die(path);
	return m;
}

static const struct work *find(const char *name)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	fprintf(stderr, "work-cost: no work is called %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct work *w = find(argc > 1 ? argv[1] : "");
	volatile uint32_t *turn = map_turn(argc > 2 ? argv[2] : "");
	long n = argc > 3 ? atol(argv[3]) : 20;
	double bare[TURNS_MAX], added[TURNS_MAX], units = 0;

	stay_here();
	if (w->begin)
		w->begin();
	while (*turn == 0) /* until the programs are measured */
		w->run(w->part);
	n = n < 1 ? 1 : n > TURNS_MAX ? TURNS_MAX : n;
	for (long i = 0; i < n; i++) {
		uint32_t which = 2 * (uint32_t)i + 1;

		bare[i] = take_turn(w, turn, which, &units);
		added[i] = take_turn(w, turn, which + 1, &units) - bare[i];
	}
	printf("bare %.1f\nadded %.1f\nfrom %.1f to %.1f\nunits %.0f\n", quantile(bare, n, 0.5),
	       quantile(added, n, 0.5), quantile(added, n, 0.25), quantile(added, n, 0.75), units);
	return 0;
}
