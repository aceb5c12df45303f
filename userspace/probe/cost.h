/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs cost, and which cgroups pay it. A program's time in a tick is its
 * runs times what one takes: the mean that the kernel measured (bpfstat.h) and what it
 * leaves out (entry.h). It is split among cgroups by the events of theirs that the
 * program counted, see struct sg_program; what they do not explain is "other"'s. All in
 * whole nanoseconds, so that the parts add up to the total.
 */
#ifndef SG_PROBE_COST_H
#define SG_PROBE_COST_H

#include "drain.h"
#include "entry.h"

/* How much of runs is explained by what is counted: n cgroups with a weight each. */
struct sg_weights {
	const uint64_t *of;
	size_t n;
	uint64_t sum;
};

/*
 * Adds ns to paid[0 .. n-1], of which paid[0] is "other"'s: as much of it as runs are
 * explained by counted goes by these, the rest by context. Both have the same n. The
 * parts add up to ns exactly.
 */
void sg_cost_split(uint64_t ns, uint64_t runs, const struct sg_weights *counted,
		   const struct sg_weights *context, uint64_t *paid);

/* CPU time in ns of a domain's programs in this tick, about until it is measured. */
double sg_cost_of(const struct sg_loaded *l, const struct sg_drain *d, const struct sg_entry *e);

struct sg_cost;
int sg_cost_new(struct sg_slots *slots, struct sg_cost **ret);
void sg_cost_free(struct sg_cost *c); /* NULL is fine */

/*
 * After the drains and the pool were read and before they emit: sets paid_ns of every
 * program and splits it. drains[i] is NULL where domain i is not up. 0 or -ENOMEM.
 */
int sg_cost_tick(struct sg_cost *c, struct sg_loaded *loaded, struct sg_drain *const *drains,
		 const struct sg_entry *e);
/* sgprobe_cgroup_bpf_seconds_total, and what a run costs besides its program. */
int sg_cost_emit(const struct sg_cost *c, const struct sg_entry *e, struct sg_frame *f);

#endif
