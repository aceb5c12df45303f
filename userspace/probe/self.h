/* SPDX-License-Identifier: GPL-2.0 */
/* What sgprobe itself costs, loses and is able to do, as metrics like any other. */
#ifndef SG_PROBE_SELF_H
#define SG_PROBE_SELF_H

#include "drain.h"
#include "pool.h"

#define SG_NOTES_MAX 32

/* A counter of the probe process: what was added since the last tick. name is a literal. */
struct sg_note {
	const char *name;
	double add;
};

struct sg_self {
	struct sg_note dropped[SG_NOTES_MAX]; /* by reason */
	struct sg_note counts[SG_NOTES_MAX]; /* by metric name */
	size_t n_dropped, n_counts;
	double cpu_seconds; /* of this process at the last tick */
	double used_seconds; /* in the last tick */
	int statm; /* /proc/self/statm, kept open */
	double drain_seconds; /* what the tick took until now */
};

void sg_self_init(struct sg_self *s);
void sg_self_release(struct sg_self *s);
/* Adds to a note, which is reported from now on. More than SG_NOTES_MAX different ones are added to the last. */
void sg_self_dropped(struct sg_self *s, const char *reason, double n);
void sg_self_count(struct sg_self *s, const char *name, double n);

/* Everything of this part; drains[i] is NULL where domain i is not up. */
int sg_self_emit(struct sg_self *s, struct sg_loaded *loaded, struct sg_drain *const *drains,
		 const struct sg_slots *slots, const struct sg_pool *pool, struct sg_frame *f);

#endif
