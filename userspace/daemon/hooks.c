// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/probe.h>

#include "hooks.h"

void sg_hooks_detach(struct sg_kept *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->n; i++) {
		if (k->parts[i].kind == SG_KEPT_LINK) {
			if (k->fds[i] >= 0)
				close(k->fds[i]);
			continue;
		}
		k->parts[n] = k->parts[i];
		k->fds[n++] = k->fds[i];
	}
	k->n = n;
}

static int attach_one(struct sg_kept *k, size_t set, const char *hook, int program)
{
	int fd = sg_probe_attach_program(set, hook, program), r;

	if (fd < 0)
		return fd == -ENODATA ? 0 : fd;
	r = sg_kept_add(k, SG_KEPT_LINK, hook, fd);
	if (r < 0)
		close(fd);
	return r;
}

int sg_hooks_attach(struct sg_kept *k, size_t set)
{
	uint32_t programs = k->n;
	int r = 0;

	for (uint32_t i = 0; i < programs; i++)
		if (k->parts[i].kind == SG_KEPT_LINK)
			return -EALREADY;
	for (uint32_t i = 0; r == 0 && i < programs; i++)
		if (k->parts[i].kind == SG_KEPT_PROGRAM)
			r = attach_one(k, set, k->parts[i].name, k->fds[i]);
	if (r < 0)
		sg_hooks_detach(k);
	return r;
}
