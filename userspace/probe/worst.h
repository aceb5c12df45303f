/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slowest events of a tick (<sgprobe/bpf/worst.h>), from what was drained to exemplars
 * of the frame; and from what length on the kernel side takes a stack: above the p99.9 of
 * what the histogram has counted of late. A stack is named after the frame of its tick is
 * gone, so its event is in the frame of the next one.
 */
#ifndef SG_PROBE_WORST_H
#define SG_PROBE_WORST_H

#include "drain.h"

/* ---- the threshold: pure functions ---------------------------------------------------- */

/* What a histogram has counted of late: the weight of an event halves every SG_OVER_HALF ticks. */
#define SG_OVER_HALF 60
struct sg_over {
	double count;
	float n[SG_BUCKETS];
};
/* A tick has passed, with what it counted (NULL: nothing). */
void sg_over_tick(struct sg_over *o, const struct sg_acc *a);
/* Nanoseconds that at most one event in a thousand was longer than; at least floor_ns. */
uint64_t sg_over_ns(const struct sg_over *o, uint64_t floor_ns);

/*
 * Whose the maximum top was: false when that cannot be told, for it is being written. Who
 * writes may be interrupted for long, so this is given up after some tries.
 */
bool sg_worst_read(const struct sg_worst *from, uint64_t top, struct sg_worst *ret);

/* ---- of a tick ------------------------------------------------------------------------ */

struct sg_worsts; /* every function takes NULL for "nobody asks" */
/* stacks: whether they are named; else none is asked for. */
int sg_worsts_new(const struct sg_config *cfg, const struct sg_loaded *l, size_t n,
		  struct sg_slots *slots, bool stacks, struct sg_worsts **ret);
void sg_worsts_free(struct sg_worsts *w);
SG_DEFINE_AUTO(sg_worsts, sg_worsts_free)

/* A frame begins: of the tick that ended at t_ms, by the monotonic clock mono_ns. */
void sg_worsts_begin(struct sg_worsts *w, int64_t t_ms, uint64_t mono_ns);
/* The events that follow are of another domain. */
void sg_worsts_domain(struct sg_worsts *w, const struct sg_frame *f);
/*
 * The slowest event of a series, which is the last one that was added to the frame. It is
 * of one value of a dimension when of_axis: then it is kept where it is slow at all.
 */
void sg_worsts_add(struct sg_worsts *w, const struct sg_worst *e, const struct sg_series *s,
		   bool of_axis, struct sg_frame *f);
/* What a domain has counted, before it is cleared: sets from what length on it takes stacks. */
void sg_worsts_follow(struct sg_worsts *w, const struct sg_drain *d);
/* Those of the last tick, with the stacks that came for them. When all series are in the frame. */
void sg_worsts_finish(struct sg_worsts *w, struct sg_frame *f);
/* The stack of an event, named: of sg_stacks. */
void sg_worsts_stack(struct sg_worsts *w, uint32_t number, uint64_t ns, const char *const *frames,
		     size_t n, size_t n_kernel);
/* Events that found no room since the last call. */
uint64_t sg_worsts_lost(struct sg_worsts *w);

#endif
