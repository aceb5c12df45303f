// SPDX-License-Identifier: GPL-2.0
/* What a forked process has of its parent's. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sgprobe/mem.h>

#include "inherit.h"

/* A domain that is loaded has some thirty; the usual limit of 1024 leaves little beside them. */
#define OPEN_FILES 8192

static int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

static void close_range_of(unsigned int from, unsigned int to)
{
	if (from <= to)
		syscall(SYS_close_range, from, to, 0);
}

void sg_close_all_but(int *keep, size_t n)
{
	unsigned int from = 3;

	qsort(keep, n, sizeof(*keep), by_value);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		close_range_of(from, (unsigned int)keep[i] - 1);
		from = (unsigned int)keep[i] + 1;
	}
	close_range_of(from, ~0U);
}

void sg_raise_open_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= OPEN_FILES)
		return;
	l.rlim_cur = SG_MIN(l.rlim_max, (rlim_t)OPEN_FILES);
	setrlimit(RLIMIT_NOFILE, &l);
}
