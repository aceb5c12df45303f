/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A histogram: schema-3 exponential buckets (bpf/bucket.h), count and sum.
 * Counts are doubles because rates of histograms are histograms too; integers are
 * exact up to 2^53. Sparse: only non-zero buckets, ascending by index. There is
 * no zero or negative bucket: sgprobe counts durations and sizes.
 *
 * Bucket index i holds (2^((i-1)/8), 2^(i/8)] in the base unit.
 */
#ifndef SGPROBE_HIST_H
#define SGPROBE_HIST_H

#include <stdbool.h>
#include <stdint.h>

#include <sgprobe/mem.h>

#define SG_HIST_INDEX_MIN (-1024) /* what a decoder accepts; far outside what a probe counts */
#define SG_HIST_INDEX_MAX 1024

struct sg_bucket {
	int32_t index;
	double count; /* never 0 in a stored histogram; may be negative in a difference */
};

/*
 * Zero-initialise. Either owns its buckets (cap > 0, freed by sg_hist_free) or
 * borrows them from an arena or a frame (cap == 0). Changing functions copy a
 * borrowed array before they write.
 */
struct sg_hist {
	double count;
	double sum;
	uint32_t n;
	uint32_t cap;
	struct sg_bucket *buckets;
};

void sg_hist_free(struct sg_hist *h);
int sg_hist_copy(struct sg_hist *dst,
		 const struct sg_hist *src); /* dst is initialised and overwritten */
void sg_hist_clear(struct sg_hist *h); /* empty, memory kept */
/* Appends or adds to one bucket (not to count or sum). */
int sg_hist_add_bucket(struct sg_hist *h, int32_t index, double count);
/* One observation in base units; v <= 0 goes to the lowest bucket a probe can count. */
int sg_hist_observe(struct sg_hist *h, double v);
int sg_hist_add(struct sg_hist *h, const struct sg_hist *other); /* h += other */
int sg_hist_sub(struct sg_hist *h,
		const struct sg_hist *other); /* h -= other; buckets may become negative */
int sg_hist_scale(struct sg_hist *h, double factor);
bool sg_hist_equal(const struct sg_hist *a, const struct sg_hist *b);
/* True when some bucket, or the count, of now is below that of before: a counter reset. */
bool sg_hist_is_reset(const struct sg_hist *before, const struct sg_hist *now);

/*
 * q-quantile as Prometheus' histogram_quantile computes it for native histograms
 * with exponential buckets: the bucket of rank q * count, then interpolation
 * that is linear in the logarithm: lower * (upper / lower)^fraction.
 * NaN for an empty histogram; -Inf for q < 0; +Inf for q > 1.
 */
double sg_hist_quantile(const struct sg_hist *h, double q);
/* Fraction of observations in (lower, upper], with the same interpolation (Prometheus' histogram_fraction). */
double sg_hist_fraction(const struct sg_hist *h, double lower, double upper);
/* Upper bound of the highest non-empty bucket; NaN when empty. */
double sg_hist_max(const struct sg_hist *h);

double sg_bucket_upper(int32_t index); /* 2^(index/8) */
double sg_bucket_lower(int32_t index);
int32_t sg_bucket_index(double v); /* bucket of v > 0, by the definition; exact at the bounds */

#endif
