// SPDX-License-Identifier: GPL-2.0
/*
 * Causes a known number of memory events, for tests:
 *
 *   touch N       touches N fresh pages, each by itself: N minor faults
 *   kernel N      lets the kernel touch N of them (read from /dev/zero)
 *   major FILE    touches every page of a file that is not cached, one by one, and prints how
 *                 many major faults the kernel counted
 *   eat BYTES     takes and touches so much memory, and waits to be killed
 *   mmap N        maps and unmaps N times
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 1024ul /* pages */

static size_t page;

static void *fresh(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

/* Page by page, so that one chunk of memory serves for all. */
static int touch(unsigned long n, int zero)
{
	char *at = fresh(CHUNK * page);

	for (unsigned long i = 0; i < n; i++) {
		char *p = at + i % CHUNK * page;

		if (i && i % CHUNK == 0)
			madvise(at, CHUNK * page, MADV_DONTNEED);
		if (zero < 0)
			*(volatile char *)p = 1;
		else if (read(zero, p, 1) != 1)
			return 1;
	}
	return 0;
}

static int touch_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct rusage before, after;
	volatile char sink;
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 1;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	madvise(p, (size_t)st.st_size, MADV_RANDOM); /* nothing is read ahead */
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < (size_t)st.st_size; i += page)
		sink = p[i];
	(void)sink;
	getrusage(RUSAGE_SELF, &after);
	printf("%ld\n", after.ru_majflt - before.ru_majflt);
	return 0;
}

static int eat(size_t bytes)
{
	memset(fresh(bytes), 1, bytes);
	pause();
	return 0;
}

static int map_often(unsigned long n)
{
	while (n--)
		munmap(fresh(page), page);
	return 0;
}

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "touch") == 0)
		return touch(strtoul(argv[2], NULL, 10), -1);
	if (strcmp(argv[1], "kernel") == 0)
		return touch(strtoul(argv[2], NULL, 10), open("/dev/zero", O_RDONLY));
	if (strcmp(argv[1], "major") == 0)
		return touch_file(argv[2]);
	if (strcmp(argv[1], "eat") == 0)
		return eat(strtoul(argv[2], NULL, 10));
	if (strcmp(argv[1], "mmap") == 0)
		return map_often(strtoul(argv[2], NULL, 10));
	return 2;
}
