/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples of one series into coarser ones: one for each span of time, (k - 1, k] times
 * res_ms, in which there are some. Counters and histograms keep what they are at their
 * last tick in the span, so nothing is lost over resets and restarts; gauges keep last,
 * smallest, largest, sum and how many.
 */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "chunk.h"

struct sg_merge {
	int64_t res_ms;
	struct sg_samples out; /* coarse; the last is not whole before sg_merge_end */
	bool started;
	bool restart; /* the next sample counts from 0 */
	double value; /* of a counter, or sum of a histogram, so far */
	int64_t bucket; /* of the last sample */
	struct sg_hist delta; /* of a histogram since the sample before */
};

void sg_merge_begin(struct sg_merge *m, enum sg_type type, int64_t res_ms);
/* A chunk of the same series, later than those before. -ENOMEM, -EBADMSG. */
int sg_merge_add(struct sg_merge *m, const struct sg_samples *s);
int sg_merge_end(struct sg_merge *m);
void sg_merge_free(struct sg_merge *m);

/* Which span of time a tick is in: it is the end of what it covers. */
static inline int64_t sg_merge_bucket(int64_t t_ms, int64_t res_ms)
{
	int64_t t = t_ms - 1;

	return t / res_ms - (t % res_ms < 0);
}

#endif
