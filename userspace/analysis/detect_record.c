// SPDX-License-Identifier: GPL-2.0
/*
 * A series has shown a range; what exceeds it is news, once. The same again is not,
 * because the range has grown with it, and comes to be news again as the range is
 * forgotten. In random order a new record comes n times as seldom after n samples.
 */
#include <math.h>

#include "detect_private.h"

#define GAIN 4.0 /* a quarter of the range above it is evidence of ln 2 */
#define TINY 1e-9

double sg_evidence(double excess)
{
	return log1p(GAIN * excess);
}

static double finite_ratio(double x, double of)
{
	double r = x / of;

	return r < 1e12 ? r : 1e12;
}

/* Samples that were all the same have no range; then a percent of them is one. */
static double range_of(double width, double x)
{
	return width > TINY * fabs(x) && width > 0 ? width : 0.01 * fabs(x) + TINY;
}

double sg_record_both(struct sg_record *r, double x, double memory)
{
	double excess = 0, k = 1 / memory, below, above;

	if (r->n == 0)
		r->lo = r->hi = r->mean = (float)x;
	if (r->n >= SG_RECORD_LEARN && x > r->hi)
		excess = finite_ratio(x - r->hi, range_of((double)r->hi - r->lo, x));
	if (r->n >= SG_RECORD_LEARN && x < r->lo)
		excess = finite_ratio(r->lo - x, range_of((double)r->hi - r->lo, x));
	below = (double)r->mean - r->lo;
	above = (double)r->hi - r->mean;
	r->usual = (float)fmin(1, fabs(x - r->mean) / (fmax(below, above) + TINY));
	r->mean += (float)((x - r->mean) * fmax(k, 1.0 / (r->n + 1.0)));
	r->hi = (float)fmax(x, r->hi + (r->mean - r->hi) * k);
	r->lo = (float)fmin(x, r->lo + (r->mean - r->lo) * k);
	r->n += r->n < UINT32_MAX;
	return excess;
}

double sg_record_high(struct sg_record *r, double x, double memory, double floor, double rise)
{
	double excess = 0, hi = fmax(r->hi, floor);

	if (r->n >= SG_RECORD_LEARN && x > hi)
		excess = finite_ratio(x - hi, hi > 0 ? hi : range_of(0, x));
	r->usual = (float)fmin(1, x / (hi + TINY));
	r->hi += (float)(x > r->hi ? (x - r->hi) * rise : -r->hi / memory);
	r->n += r->n < UINT32_MAX;
	return excess;
}
