// SPDX-License-Identifier: GPL-2.0
// What is read from native histograms: quantiles, fractions, variance.
#include <math.h>

#include <sgprobe/native.h>

/* Where only one sign was seen, the zero bucket ends at zero. */
static void narrow_zero(const struct sg_native *h, struct sg_native_bucket *b)
{
	if (h->n_pos && !h->n_neg)
		b->lower = 0;
	else if (h->n_neg && !h->n_pos)
		b->upper = 0;
}

/* Position in a bucket that is equally filled: linearly, or in the logarithm. */
static double at_fraction(const struct sg_native *h, const struct sg_native_bucket *b,
			  double fraction)
{
	double lower, upper;

	if (sg_native_is_custom(h) || (b->lower <= 0 && b->upper >= 0))
		return b->lower + (b->upper - b->lower) * fraction;
	lower = log2(fabs(b->lower));
	upper = log2(fabs(b->upper));
	if (b->lower > 0)
		return exp2(lower + (upper - lower) * fraction);
	return -exp2(upper + (lower - upper) * (1 - fraction));
}

/* How much the i-th bucket from the lowest holds; its bounds cost more. */
static double count_of(const struct sg_native *h, size_t i)
{
	size_t zero = h->zero_count > 0;

	if (i < h->n_neg)
		return h->neg[h->n_neg - 1 - i].count;
	i -= h->n_neg;
	return zero && i == 0 ? h->zero_count : h->pos[i - zero].count;
}

static double all_counts(const struct sg_native *h)
{
	double n = 0;

	for (size_t i = 0; i < sg_native_n_buckets(h); i++)
		n += count_of(h, i);
	return n;
}

/* The bucket of a rank, counted from one end; *seen counts up to and with it. */
static void bucket_of_rank(const struct sg_native *h, double rank, bool forward, double *seen,
			   struct sg_native_bucket *b)
{
	size_t n = sg_native_n_buckets(h), at = 0;

	*seen = 0;
	*b = (struct sg_native_bucket){0};
	for (size_t i = 0; i < n; i++) {
		at = forward ? i : n - 1 - i;
		*seen += count_of(h, at);
		if (*seen >= rank)
			break;
	}
	if (n)
		sg_native_bucket(h, at, b);
}

/*
 * From the nearer end: where a quantile falls exactly between two buckets with
 * empty ones in between, the lower half gives the end of the lower bucket and the
 * upper half the start of the upper one.
 */
double sg_native_quantile(const struct sg_native *h, double q, bool *nans)
{
	bool forward = isnan(h->sum) || q < 0.5;
	double rank = (forward ? q : 1 - q) * h->count, seen;
	struct sg_native_bucket b;

	*nans = false;
	if (q < 0 || q > 1)
		return q < 0 ? -INFINITY : INFINITY;
	if (isnan(q) || h->count == 0)
		return NAN;
	bucket_of_rank(h, rank, forward, &seen, &b);
	if (!sg_native_is_custom(h) && b.lower < 0 && b.upper > 0)
		narrow_zero(h, &b);
	if (sg_native_is_custom(h) && b.lower == -INFINITY) {
		if (b.upper <= 0)
			return b.upper;
		b.lower = 0;
	} else if (sg_native_is_custom(h) && b.upper == INFINITY) {
		return b.lower;
	}
	seen = SG_MIN(seen, h->count);
	if (seen < rank) {
		*nans = isnan(h->sum);
		return *nans ? NAN : b.upper;
	}
	*nans = isnan(h->sum) && all_counts(h) < h->count;
	rank = forward ? rank - (seen - b.count) : seen - rank;
	return at_fraction(h, &b, rank / b.count);
}

/* ---- fractions ----------------------------------------------------------------------- */

/* How much of a bucket lies at or below v, which is within it. */
static double part_below(const struct sg_native *h, const struct sg_native_bucket *b, bool zero,
			 double v)
{
	double lower, upper, at;

	if (sg_native_is_custom(h) || zero) {
		/* A bucket without an end is taken to be at its finite side. */
		if (isinf(b->lower))
			return b->count;
		return b->count * (v - b->lower) / (b->upper - b->lower);
	}
	lower = log2(fabs(b->lower));
	upper = log2(fabs(b->upper));
	at = log2(fabs(v));
	if (v > 0)
		return b->count * (at - lower) / (upper - lower);
	return b->count * (1 - (at - upper) / (lower - upper));
}

/* How many observations are at or below v; Inf when all buckets are. */
static double rank_of(const struct sg_native *h, double v)
{
	struct sg_native_bucket b;
	double rank = 0;

	for (size_t i = 0; i < sg_native_n_buckets(h); i++) {
		bool zero;

		sg_native_bucket(h, i, &b);
		zero = b.lower <= 0 && b.upper >= 0;
		if (zero)
			narrow_zero(h, &b);
		if (b.lower >= v)
			return rank;
		if (b.upper > v)
			return isinf(b.lower) && (zero || sg_native_is_custom(h))
				       ? b.count
				       : rank + part_below(h, &b, zero, v);
		rank += b.count;
	}
	return INFINITY;
}

double sg_native_fraction(const struct sg_native *h, double lower, double upper, bool *nans)
{
	double all = h->count, from, to;

	*nans = false;
	if (h->count == 0 || isnan(lower) || isnan(upper))
		return NAN;
	if (lower >= upper)
		return 0;
	if (isnan(h->sum)) {
		all = all_counts(h);
		*nans = all < h->count;
	}
	from = rank_of(h, lower);
	to = rank_of(h, upper);
	return (SG_MIN(to, all) - SG_MIN(from, all)) / h->count;
}

/* ---- variance ------------------------------------------------------------------------ */

/* Where the observations of a bucket are taken to be. */
static double middle(const struct sg_native *h, const struct sg_native_bucket *b)
{
	double v;

	if (sg_native_is_custom(h))
		return (b->upper + b->lower) / 2;
	if (b->lower <= 0 && b->upper >= 0)
		return 0;
	v = sqrt(b->upper * b->lower);
	return b->upper < 0 ? -v : v;
}

double sg_native_variance(const struct sg_native *h)
{
	double mean = h->sum / h->count, sum = 0;
	struct sg_native_bucket b;

	for (size_t i = 0; i < sg_native_n_buckets(h); i++) {
		double d;

		sg_native_bucket(h, i, &b);
		d = middle(h, &b) - mean;
		sum += b.count * d * d;
	}
	return sum / h->count;
}
