/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a series goes up or down, robustly: the median of the slopes between all pairs (Theil
 * 1950, Sen, J. Am. Stat. Assoc. 63, 1968), with an interval that allows for values that resemble
 * their neighbours (Yue and Wang, Water Resour. Manag. 18, 2004). Pure.
 */
#ifndef SGPROBE_TREND_H
#define SGPROBE_TREND_H

#include <stddef.h>
#include <stdint.h>

#define SG_TREND_MIN 8 /* values that there must be */
#define SG_TREND_PIECES 60 /* at most; of more values medians of pieces are taken */

struct sg_trend {
	double slope, lo, hi; /* a second; the interval at the level asked for */
	double p; /* of no trend (Mann-Kendall, with the same allowance) */
	double middle; /* the line's value in the middle of the time */
	double rho; /* dependence between neighbours, 0 to 0.9 */
	size_t n; /* values, or pieces, that it is from */
};
/* n values every step_ms, NaN where there is none; level in (0, 1). 0, -ENODATA, -ENOMEM. */
int sg_trend(const double *v, size_t n, int64_t step_ms, double level, struct sg_trend *ret);

#endif
