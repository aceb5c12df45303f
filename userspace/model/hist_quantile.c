// SPDX-License-Identifier: GPL-2.0
/*
 * What is read from histograms. Buckets are equally wide in the logarithm, so
 * positions are computed in eighths of an octave: bucket i covers (i - 1, i].
 */
#include <math.h>

#include <sgprobe/hist.h>

#define PER_OCTAVE 8

double sg_bucket_upper(int32_t index)
{
	/* 2^(j/8), correctly rounded; the rest is exact scaling. */
	static const double eighth[PER_OCTAVE] = {
		0x1p+0,
		0x1.172b83c7d517bp+0,
		0x1.306fe0a31b715p+0,
		0x1.4bfdad5362a27p+0,
		0x1.6a09e667f3bcdp+0,
		0x1.8ace5422aa0dbp+0,
		0x1.ae89f995ad3adp+0,
		0x1.d5818dcfba487p+0,
	};

	return ldexp(eighth[index & (PER_OCTAVE - 1)], index >> 3);
}

double sg_bucket_lower(int32_t index)
{
	return sg_bucket_upper(index - 1);
}

int32_t sg_bucket_index(double v)
{
	int32_t i;

	if (isinf(v))
		return SG_HIST_INDEX_MAX;
	/* The logarithm is off by rounding only; the bounds decide. */
	i = (int32_t)ceil(log2(v) * PER_OCTAVE);
	if (v > sg_bucket_upper(i))
		i++;
	else if (v <= sg_bucket_lower(i))
		i--;
	return i;
}

/* The value at a fraction of bucket b, in the logarithm. */
static double at_fraction(const struct sg_bucket *b, double fraction)
{
	double lower = log2(sg_bucket_lower(b->index));
	double upper = log2(sg_bucket_upper(b->index));

	return exp2(lower + (upper - lower) * fraction);
}

static double from_below(const struct sg_hist *h, double rank)
{
	const struct sg_bucket *b = h->buckets;
	double seen = b->count;

	for (; seen < rank && b + 1 < h->buckets + h->n; seen += b->count)
		b++;
	seen = SG_MIN(seen, h->count);
	if (seen < rank)
		return sg_bucket_upper(b->index);
	return at_fraction(b, (rank - (seen - b->count)) / b->count);
}

static double from_above(const struct sg_hist *h, double rank)
{
	const struct sg_bucket *b = h->buckets + h->n - 1;
	double seen = b->count;

	for (; seen < rank && b > h->buckets; seen += b->count)
		b--;
	seen = SG_MIN(seen, h->count);
	if (seen < rank)
		return sg_bucket_upper(b->index);
	return at_fraction(b, (seen - rank) / b->count);
}

/*
 * Like Prometheus 3, from the nearer end: where a quantile falls exactly between
 * two buckets with empty ones in between, the lower half gives the end of the
 * lower bucket and the upper half the start of the upper one.
 */
double sg_hist_quantile(const struct sg_hist *h, double q)
{
	if (q < 0)
		return -INFINITY;
	if (q > 1)
		return INFINITY;
	if (isnan(q) || h->count == 0 || !h->n)
		return NAN;
	if (isnan(h->sum) || q < 0.5)
		return from_below(h, q * h->count);
	return from_above(h, (1 - q) * h->count);
}

/* How many observations are at or below v. */
static double rank_of(const struct sg_hist *h, double v)
{
	double rank = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		const struct sg_bucket *b = &h->buckets[i];
		double lower = sg_bucket_lower(b->index), upper = sg_bucket_upper(b->index);

		if (lower >= v)
			return rank;
		if (upper > v) {
			lower = log2(lower);
			return rank + b->count * (log2(v) - lower) / (log2(upper) - lower);
		}
		rank += b->count;
	}
	return h->count;
}

double sg_hist_fraction(const struct sg_hist *h, double lower, double upper)
{
	double from, to;

	if (h->count == 0 || isnan(lower) || isnan(upper))
		return NAN;
	if (lower >= upper)
		return 0;
	from = SG_MIN(rank_of(h, lower), h->count);
	to = SG_MIN(rank_of(h, upper), h->count);
	return (to - from) / h->count;
}

double sg_hist_max(const struct sg_hist *h)
{
	return h->n ? sg_bucket_upper(h->buckets[h->n - 1].index) : NAN;
}
