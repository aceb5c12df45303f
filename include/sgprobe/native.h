/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Any native histogram that Prometheus knows: exponential buckets of any schema,
 * with a zero bucket and negative ones, or buckets with bounds of their own. This
 * is what a query computes with; what sgprobe itself counts (hist.h) is one kind of it.
 *
 * Bucket index i of schema s (-4 ... 8) holds (2^((i-1)/2^s), 2^(i/2^s)]; the
 * negative ones mirror that. With custom bounds bucket i holds (bounds[i-1],
 * bounds[i]], the first begins at -Inf and the one past the last bound ends at +Inf.
 */
#ifndef SGPROBE_NATIVE_H
#define SGPROBE_NATIVE_H

#include <sgprobe/hist.h>

#define SG_SCHEMA_MIN (-4)
#define SG_SCHEMA_MAX 8
#define SG_SCHEMA_OWN 3 /* of struct sg_hist */
#define SG_SCHEMA_CUSTOM (-53) /* Prometheus' number for custom bounds */

/* What is known of the sample before: whether the counter was reset in between. */
enum sg_reset_hint { SG_HINT_UNKNOWN, SG_HINT_RESET, SG_HINT_NOT_RESET, SG_HINT_GAUGE };

/* A value: it never changes, and borrows all that it points to. */
struct sg_native {
	double count, sum;
	double zero_count;
	double zero_threshold; /* the zero bucket is [-threshold, threshold]; finite, >= 0 */
	const struct sg_bucket *pos, *neg; /* ascending by index; counts are not 0 */
	const double *bounds; /* ascending; with SG_SCHEMA_CUSTOM only */
	uint32_t n_pos, n_neg, n_bounds;
	int8_t schema;
	uint8_t hint; /* enum sg_reset_hint */
};

/* A bucket as it is read: with its bounds, and whether they belong to it. */
struct sg_native_bucket {
	double lower, upper, count;
	bool lower_in, upper_in;
};

static inline bool sg_native_is_custom(const struct sg_native *h)
{
	return h->schema == SG_SCHEMA_CUSTOM;
}

/* Borrows the buckets of h. */
void sg_native_from_hist(struct sg_native *n, const struct sg_hist *h);
/* The buckets from the lowest to the highest, the zero bucket among them when it is not empty. */
size_t sg_native_n_buckets(const struct sg_native *h);
void sg_native_bucket(const struct sg_native *h, size_t i, struct sg_native_bucket *ret);
/* Upper bound of a positive bucket. */
double sg_native_bound(const struct sg_native *h, int32_t index);
double sg_schema_bound(int32_t index, int schema);
/* The index in a coarser schema of the bucket that holds this one. */
static inline int32_t sg_schema_reduce(int32_t index, int from, int to)
{
	return ((index - 1) >> (from - to)) + 1;
}

bool sg_native_equal(const struct sg_native *a, const struct sg_native *b);
bool sg_native_same_bounds(const struct sg_native *a, const struct sg_native *b);
/* Whether a counter was reset between two samples: by the hint of the second, else by comparison. */
bool sg_native_is_reset(const struct sg_native *before, const struct sg_native *now);
/*
 * What the zero bucket would hold with a larger threshold. A threshold within a
 * bucket is raised to that bucket's end.
 */
double sg_native_zero_count(const struct sg_native *h, double *threshold);

/*
 * As Prometheus' functions of these names: linear interpolation within the zero
 * bucket and custom bounds, else in the logarithm. Observations of NaN count into
 * no bucket: *nans says whether the result suffers from some.
 */
double sg_native_quantile(const struct sg_native *h, double q, bool *nans);
double sg_native_fraction(const struct sg_native *h, double lower, double upper, bool *nans);
double sg_native_variance(const struct sg_native *h);

#endif
