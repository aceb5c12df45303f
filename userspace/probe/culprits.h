/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who kept whom from a CPU: the cells of bpf/lib/culprits.bpf.h by the names of their
 * cgroups. At most SG_PAIRS_MAX pairs at a time, the rest is pair (other, other); so all
 * of it is what cgroups waited.
 */
#ifndef SG_PROBE_CULPRITS_H
#define SG_PROBE_CULPRITS_H

#include "drain.h"

#define SG_PAIRS_MAX 512

struct sg_culprits;
/* What a number of a cgroup stands for; valid until the next tick. */
typedef const char *(*sg_cgroup_name_cb)(void *ctx, uint32_t number);

int sg_culprits_new(struct sg_culprits **ret);
void sg_culprits_free(struct sg_culprits *c); /* NULL is fine */

/* Adds the tick's samples. sched: the drain of the domain. 0, -ENOMEM or -ENOSPC. */
int sg_culprits_tick(struct sg_culprits *c, const struct sg_drain *sched, sg_cgroup_name_cb name,
		     void *ctx, struct sg_frame *f);

#endif
