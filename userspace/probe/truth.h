/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The truth test: what the programs counted against what the kernel counts itself,
 * over the last minute. Both are series of the same frame, so a row of the table
 * (truth.def) is all that a new comparison takes.
 */
#ifndef SG_PROBE_TRUTH_H
#define SG_PROBE_TRUTH_H

#include <sgprobe/frame.h>

#include "domain.h"

#define SG_TRUTH_TICKS 60 /* compared together: the two are read some milliseconds apart */
#define SG_TRUTH_LEAST 100 /* with fewer events than this there is no ratio */
#define SG_TRUTH_MAX 32 /* comparisons */
#define SG_TRUTH_BITS 1024

struct sg_truth {
	struct sg_truth_window {
		double seen[SG_TRUTH_TICKS], kernel[SG_TRUTH_TICKS];
		unsigned int ticks; /* compared in a row, at most SG_TRUTH_TICKS */
		bool begun; /* both were there in the tick before: its readings are the baseline */
		bool has_level;
		double level; /* of a gauge whose growth counts, in the tick before */
	} windows[SG_TRUTH_MAX];
	uint64_t tick;
	uint64_t names[SG_TRUTH_BITS / 64]; /* a filter of the names that are compared */
};

/*
 * Adds sgprobe_truth_ratio{signal} (counted / kernel's) for every comparison of which
 * both sides are in the frame and happened often enough. After everything else was
 * added. 0, -ENOMEM or -ENOSPC.
 */
int sg_truth_tick(struct sg_truth *t, struct sg_frame *f);

extern const struct sg_metric_table sg_truth_metrics;

#endif
