// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <sgprobe/mem.h>

#include "memory.h"

/* Memory that could be shortened would end whoever reads it with SIGBUS. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int map(struct sg_memory *m, int fd, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*m = (struct sg_memory){p, n, fd};
	return 0;
}

int sg_memory_new(struct sg_memory *m, const char *name, size_t n)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)n) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	else
		r = map(m, fd, n);
	if (r < 0)
		close(fd);
	return r;
}

int sg_memory_adopt(struct sg_memory *m, int fd)
{
	int seals = fcntl(fd, F_GET_SEALS), r = -EINVAL;
	struct stat st;

	if (seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 && st.st_size > 0)
		r = map(m, fd, (size_t)st.st_size);
	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

void sg_memory_free(struct sg_memory *m)
{
	if (!m->p)
		return;
	munmap(m->p, m->n);
	close(m->fd);
	memset(m, 0, sizeof(*m));
}
