// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include <sgprobe/mem.h>

int sg_grow(void **p, size_t *cap, size_t n, size_t size)
{
	size_t want = SG_MAX(*cap, (size_t)8);
	void *q;

	if (n < *cap)
		return 0;
	while (want <= n) {
		if (want > SIZE_MAX / 2)
			return -ENOMEM;
		want *= 2;
	}
	q = reallocarray(*p, want, size);
	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = want;
	return 0;
}
