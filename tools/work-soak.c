// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that come and go in many cgroups: work-soak DIRECTORY CGROUPS PER_SECOND SECONDS
 *
 * Makes DIRECTORY (in a cgroup2 file system) with so many cgroups, at most 100 in one
 * folder. Then starts so many processes a second, each in the next one of them and with a name of
 * its own; each makes a system call that no other program makes ten times, sleeps up to two
 * seconds and ends. Removes the cgroups that it made. Prints what it did as "key value" lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDER 100
#define MOST_ALIVE 8000
#define TICK_NS 10000000

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void path_of(char *to, size_t cap, const char *dir, long i)
{
	snprintf(to, cap, "%s/%ld/%ld", dir, i / FOLDER, i % FOLDER);
}

static int make_cgroups(const char *dir, long n)
{
	char path[512];

	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%ld", dir, i / FOLDER);
		if (i % FOLDER == 0 && mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		path_of(path, sizeof(path), dir, i);
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static void remove_cgroups(const char *dir, long n)
{
	char path[512];

	for (long i = n - 1; i >= 0; i--) {
		path_of(path, sizeof(path), dir, i);
		rmdir(path);
		snprintf(path, sizeof(path), "%s/%ld", dir, i / FOLDER);
		if (i % FOLDER == 0)
			rmdir(path);
	}
	rmdir(dir);
}

static void live(long i)
{
	struct timespec t = {.tv_sec = (i >> 3) & 1, .tv_nsec = i * 7919 % 1000 * 1000000};
	char name[16];

	snprintf(name, sizeof(name), "soak%ld", i % 5000);
	prctl(PR_SET_NAME, name);
	for (int k = 0; k < 10; k++)
		sched_get_priority_min(SCHED_FIFO);
	nanosleep(&t, NULL);
	_exit(0);
}

static int start_in(const char *cgroup, long i)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return -errno;
	args.cgroup = (uint64_t)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		live(i);
	close(fd);
	return pid < 0 ? -errno : 0;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long reap(void)
{
	long n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	long cgroups, rate, seconds, started = 0, ended = 0, failed = 0;
	char path[512];
	int64_t from;
	int r;

	if (argc != 5) {
		fputs("usage: work-soak DIRECTORY CGROUPS PER_SECOND SECONDS\n", stderr);
		return 2;
	}
	cgroups = atol(argv[2]), rate = atol(argv[3]), seconds = atol(argv[4]);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	r = cgroups > 0 ? make_cgroups(argv[1], cgroups) : -EINVAL;
	if (r < 0) {
		errno = -r;
		perror("work-soak: cgroups");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	from = now_ns();
	for (int64_t at = 0; !stopped && at < seconds * 1000000000LL; at = now_ns() - from) {
		long due = (long)((double)at / 1e9 * (double)rate);

		for (; started + failed < due && started - ended < MOST_ALIVE;) {
			path_of(path, sizeof(path), argv[1], (started + failed) % cgroups);
			if (start_in(path, started) == 0)
				started++;
			else
				failed++;
		}
		ended += reap();
		nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
	}
	while (ended < started && waitpid(-1, NULL, 0) > 0)
		ended++;
	remove_cgroups(argv[1], cgroups);
	printf("started %ld\nended %ld\nfailed %ld\n", started, ended, failed);
	return failed ? 1 : 0;
}
