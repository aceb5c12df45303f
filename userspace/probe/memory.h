/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory behind a descriptor: it outlives the process when somebody else holds
 * the descriptor too. Zero at first, and real only where it was touched.
 */
#ifndef SG_PROBE_MEMORY_H
#define SG_PROBE_MEMORY_H

#include <stddef.h>

struct sg_memory { /* none when zeroed */
	void *p;
	size_t n;
	int fd;
};

int sg_memory_new(struct sg_memory *m, const char *name, size_t n);
/* Takes fd over. -EINVAL: it is no memory that nobody can shorten; fd is closed. Its size is for the caller to check. */
int sg_memory_adopt(struct sg_memory *m, int fd);
void sg_memory_free(struct sg_memory *m);

#endif
