/* SPDX-License-Identifier: GPL-2.0 */
/* Looks for what a specification names, with all rights; see named_attach.h. */
#ifndef SG_PROBE_NAMED_FIND_H
#define SG_PROBE_NAMED_FIND_H

#include "elf_find.h"

/* A program or library: opened, and found in it by a process of its own. *fd is the caller's, or -1. */
void sg_find_in_file(const struct sg_named_target *t, const struct sg_named *probe, int *fd,
		     struct sg_found *ret);
/* A trace point: sites[0] is its number. */
void sg_find_tracepoint(const struct sg_named_target *t, const struct sg_named *probe,
			struct sg_found *ret);
/* Whether a function of the kernel may be probed. */
void sg_find_kernel(const struct sg_named_target *t, const struct sg_named *probe,
		    struct sg_found *ret);

/* Why a function of the kernel must not be probed; NULL: it may. */
const char *sg_kernel_danger(const char *function);

void sg_found_refuse(struct sg_found *f, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
