/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether two windows of time differ, and by how much. Pure: no I/O, no clock, no state.
 *
 * What was seen in a window is cut into blocks of some seconds. Seconds that follow each other
 * resemble each other, so events or seconds are no independent observations and a test that
 * takes them for such fires for ever; blocks nearly are. What dependence is left between
 * neighbouring blocks is measured and paid for. docs/COMPARE.md has the formulae.
 */
#ifndef SGPROBE_COMPARE_H
#define SGPROBE_COMPARE_H

#include <sgprobe/hist.h>

#define SG_COMPARE_BLOCKS_MIN                                                                      \
	4 /* of a window, with something in them: with fewer there is no test */
#define SG_COMPARE_BLOCKS_MAX 512
#define SG_COMPARE_EVENTS_MIN 20 /* of a window's histogram */

/*
 * n blocks of a window with n_dims sums each (sum[block * n_dims + dim]); what is compared is
 * the sum over blocks of each dimension divided by that of the weights, which are not negative.
 */
struct sg_blocks {
	size_t n, n_dims;
	const double *weight, *sum;
};
struct sg_shift_test {
	double f, df1, df2; /* the statistic and what it is distributed as when nothing changed */
	double p; /* 1 where there is too little to say */
	double rho[2]; /* dependence between neighbouring blocks, before and after, 0 to 0.9 */
};
/*
 * Brunner, Dette and Munk's ANOVA-type statistic (J. Am. Stat. Assoc. 92, 1997) over blocks;
 * with one dimension it is Welch's t-test, squared. 0, -EINVAL (dimensions differ), -ENOMEM.
 */
int sg_shift_test(const struct sg_blocks *before, const struct sg_blocks *after,
		  struct sg_shift_test *ret);

/* How a distribution, or a value, moved. */
struct sg_shift {
	double count[2]; /* events, or seconds; [0] before, [1] after */
	double mean[2], p50[2], p90[2], p99[2]; /* quantiles: of histograms, else NaN */
	double distance; /* 1-Wasserstein distance of log2 of the values, in octaves; of values |log2 ratio| */
	double octaves; /* with a sign: how far the mean of log2 moved; above 0: more */
	struct sg_shift_test test;
	bool enough; /* there was enough on both sides to test */
};
/*
 * Histograms: one block each. Only the shape counts: ten times as many events of the same
 * latencies are no shift. Distances are between bucket bounds, so good to 1/8 octave times what
 * moved within a bucket. 0, -ENOMEM.
 */
int sg_compare_hists(const struct sg_hist *before, size_t n_before, const struct sg_hist *after,
		     size_t n_after, struct sg_shift *ret);
/*
 * Sums of counters, or of readings, per block, and the seconds, or readings, in it. The size
 * of the change is taken over means that a standard error was added to, so that noise near
 * zero is no multiple.
 */
int sg_compare_values(const struct sg_blocks *before, const struct sg_blocks *after,
		      struct sg_shift *ret);

/*
 * q[i]: the share of false ones that is expected among all whose p is not above p[i]
 * (Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995). p is from 0 to 1. 0, -ENOMEM.
 */
int sg_false_discovery(const double *p, double *q, size_t n);

/* P(F > f) for an F distribution of d1 and d2 degrees of freedom, which need not be whole; f >= 0. */
double sg_f_tail(double f, double d1, double d2);
/* The z for which P(|Z| <= z) = level of a standard normal; level in (0, 1). */
double sg_normal_within(double level);
/* The q-quantile (0 to 1) of n values, n >= 1, by linear interpolation; sorts v. */
double sg_quantile_of(double *v, size_t n, double q);

#endif
