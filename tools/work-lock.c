// SPDX-License-Identifier: GPL-2.0
/*
 * Waits of a known length for locks inside the kernel: one thread writes from a
 * page that is missing, and so sleeps inside write() with the lock held until the
 * page is filled; another that writes to the same file waits for the lock.
 *
 *	work-lock mutex N MS     N waits of MS milliseconds for the mutex of a pipe
 *	work-lock rwsem N MS     for the rwsem of a file
 *	work-lock rwlock N       four processes spin for one rwlock, N times each
 *
 * Exit code 2: this kernel does not fill pages that way (userfaultfd).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define SPINNERS 4

static struct {
	int to, from; /* the file, or the ends of a pipe */
	int uffd;
	char *page; /* missing until it is filled */
	sem_t hold, wait, done;
	long n;
} work;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* At a place of its own: a file's current position has a mutex. */
static void put(const char *byte)
{
	ssize_t r = work.from >= 0 ? write(work.to, byte, 1) : pwrite(work.to, byte, 1, 0);

	if (r != 1)
		fail("write");
}

static void *holder(void *unused)
{
	for (long i = 0; i < work.n; i++) {
		sem_wait(&work.hold);
		put(work.page);
		sem_post(&work.done);
	}
	return unused;
}

static void *waiter(void *unused)
{
	for (long i = 0; i < work.n; i++) {
		sem_wait(&work.wait);
		put("w");
		sem_post(&work.done);
	}
	return unused;
}

static void watch_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	work.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	work.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (unsigned long)work.page;
	reg.range.len = PAGE;
	if (work.page == MAP_FAILED || work.uffd < 0 || ioctl(work.uffd, UFFDIO_API, &api) ||
	    ioctl(work.uffd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		exit(2);
	}
}

static void fill_page(void)
{
	struct uffdio_zeropage z = {.range = {(unsigned long)work.page, PAGE}};

	if (ioctl(work.uffd, UFFDIO_ZEROPAGE, &z))
		fail("UFFDIO_ZEROPAGE");
}

/* The holder is inside write() when its fault is reported. */
static void one_wait(int ms)
{
	struct uffd_msg msg;
	char sink[2];

	if (madvise(work.page, PAGE, MADV_DONTNEED))
		fail("madvise");
	sem_post(&work.hold);
	if (read(work.uffd, &msg, sizeof(msg)) != sizeof(msg))
		fail("read of a fault");
	sem_post(&work.wait);
	usleep((useconds_t)ms * 1000);
	fill_page();
	sem_wait(&work.done);
	sem_wait(&work.done);
	if (work.from >= 0 && read(work.from, sink, 2) != 2)
		fail("read");
}

static void open_files(int is_pipe)
{
	char path[] = "/tmp/work-lock.XXXXXX";
	int ends[2];

	work.from = -1;
	if (is_pipe && pipe(ends) == 0) {
		work.from = ends[0];
		work.to = ends[1];
	} else {
		work.to = mkstemp(path);
		unlink(path);
	}
	if (work.to < 0)
		fail("open");
}

static int wait_for_lock(int is_pipe, long n, int ms)
{
	pthread_t a, b;

	work.n = n;
	open_files(is_pipe);
	watch_page();
	sem_init(&work.hold, 0, 0);
	sem_init(&work.wait, 0, 0);
	sem_init(&work.done, 0, 0);
	if (pthread_create(&a, NULL, holder, NULL) || pthread_create(&b, NULL, waiter, NULL))
		fail("pthread_create");
	for (long i = 0; i < n; i++)
		one_wait(ms);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}

/* Every one of these calls takes the kernel's list of tasks, half of them to change it. */
static int spin(long n)
{
	for (int p = 0; p < SPINNERS; p++) {
		if (fork())
			continue;
		for (long i = 0; i < n; i++)
			if (p % 2 ? setpgid(0, 0) : kill(0, 0))
				_exit(1);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 0;

	if (argc > 3 && strcmp(argv[1], "mutex") == 0)
		return wait_for_lock(1, n, atoi(argv[3]));
	if (argc > 3 && strcmp(argv[1], "rwsem") == 0)
		return wait_for_lock(0, n, atoi(argv[3]));
	if (argc > 2 && strcmp(argv[1], "rwlock") == 0)
		return spin(n);
	fprintf(stderr, "usage: work-lock mutex|rwsem N MS | rwlock N\n");
	return 1;
}
