/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arithmetic of native histograms. A sum is built up in place and taken out as a
 * value. Histograms of different layouts are brought to what both can say: the
 * coarser schema, the wider zero bucket, the bounds that both have. Those with
 * custom bounds do not go with the others.
 *
 * sgprobe's own histograms (schema 3, positive only) go into an array without a
 * search or an allocation.
 */
#ifndef QUERY_HISTS_H
#define QUERY_HISTS_H

#include <math.h>

#include <sgprobe/native.h>

struct pq_engine;

/* Kahan-Neumaier summation, as Prometheus sums. */
struct pq_sum {
	double sum, c;
};
static inline void pq_sum_add(struct pq_sum *s, double v)
{
	double t = s->sum + v;

	if (isinf(t))
		s->c = 0;
	else if (fabs(s->sum) >= fabs(v))
		s->c += (s->sum - t) + v;
	else
		s->c += (v - t) + s->sum;
	s->sum = t;
}

static inline double pq_sum_get(const struct pq_sum *s)
{
	return isinf(s->sum) ? s->sum : s->sum + s->c;
}

struct pq_sum_bucket {
	int32_t index;
	struct pq_sum s;
};
struct pq_sum_side { /* ascending by index */
	uint32_t n, cap;
	struct pq_sum_bucket *b;
};

struct pq_hist_sum {
	bool any; /* something was added */
	bool dense; /* all in the array so far */
	uint8_t seen; /* hints, as bits */
	bool rebound; /* some had other custom bounds */
	uint8_t hint;
	int8_t schema;
	double zero_threshold;
	const double *bounds;
	uint32_t n_bounds;
	struct pq_sum count, sum, zero;
	struct pq_sum_side pos, neg;
	int lo, hi; /* of the array: what was touched; lo > hi: nothing */
	struct pq_sum array[SG_HIST_INDEX_MAX - SG_HIST_INDEX_MIN + 1];
};

/* One was marked as reset, another as not. */
static inline bool pq_hist_sum_collided(const struct pq_hist_sum *a)
{
	const unsigned int both = 1U << SG_HINT_RESET | 1U << SG_HINT_NOT_RESET;

	return (a->seen & both) == both;
}

#define PQ_HISTS_MIXED 1 /* exponential and custom buckets do not go together */

void pq_hist_sum_clear(struct pq_hist_sum *a);
/* Adds factor times h. 0, PQ_HISTS_MIXED and nothing was added, or -errno. */
int pq_hist_sum_add(struct pq_engine *e, struct pq_hist_sum *a, const struct sg_native *h,
		    double factor);
/* Makes the schema no finer than this one. */
int pq_hist_sum_reduce(struct pq_engine *e, struct pq_hist_sum *a, int schema);
bool pq_hist_sum_overflows(const struct pq_hist_sum *a);

/* Results are in the query's memory; NULL when it is short of it. */
const struct sg_native *pq_hist_sum_take(struct pq_engine *e, const struct pq_hist_sum *a,
					 double factor);
/* The growth of a counter without a reset in between, times factor: a gauge. */
const struct sg_native *pq_hist_growth(struct pq_engine *e, const struct sg_hist *from,
				       const struct sg_hist *to, double factor);
const struct sg_native *pq_hist_scale(struct pq_engine *e, const struct sg_native *h, double factor,
				      bool divide);
const struct sg_native *pq_hist_with_hint(struct pq_engine *e, const struct sg_native *h,
					  enum sg_reset_hint hint);
/* What lies below (or above) a value; count and sum are estimated anew when something went. */
const struct sg_native *pq_hist_trim(struct pq_engine *e, const struct sg_native *h, double at,
				     bool keep_below);
/* Into another arena, with all that it points to; NULL when memory is short. */
const struct sg_native *pq_hist_copy(struct sg_arena *a, const struct sg_native *h);
/* "{count:5, sum:3, (1,2]:5}" */
const char *pq_hist_text(struct pq_engine *e, const struct sg_native *h);

#endif
