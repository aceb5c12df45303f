/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which parts of a histogram explain how it differs between two windows. Pure.
 *
 * The whole is the sum of its parts: every event is in exactly one. A part's share is what it
 * adds to the difference; shares add up to the whole difference, in each measure. A share
 * above 1 or below 0 means that parts pull against each other. docs/COMPARE.md derives the
 * formulae.
 */
#ifndef SGPROBE_EXPLAIN_H
#define SGPROBE_EXPLAIN_H

#include <sgprobe/hist.h>

enum sg_measure {
	SG_BY_TIME, /* the sum per second */
	SG_BY_MEAN,
	SG_BY_QUANTILE,
	SG_BY_ABOVE, /* events above the threshold, per second */
	SG_MEASURES
};
extern const char *const sg_measure_names[SG_MEASURES]; /* "time", "mean", "quantile", "above" */

struct sg_explain_part {
	struct sg_hist in[2]; /* before, after; not negative */
	double delta[SG_MEASURES]; /* result: what it adds, in the measure's unit */
	double share
		[SG_MEASURES]; /* result: delta by the whole's; NaN where that is 0 or not known */
};
struct sg_explain {
	double seconds[2]; /* watched in each window, above 0 */
	double q; /* of the quantile, in (0, 1) */
	double threshold; /* above 0; else the quantile before is taken, and put here */
	double value[SG_MEASURES]
		    [2]; /* result: the whole, before and after; NaN where it is empty */
};
/* Fills the results of e and of n parts. 0, -ENOMEM. */
int sg_explain(struct sg_explain *e, struct sg_explain_part *parts, size_t n);

#endif
