// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <string.h>

#include <sgprobe/compare.h>

#define RHO_MAX 0.9
#define P_MIN 1e-12 /* smaller ones are beyond what the approximation means */

/* ---- the test --------------------------------------------------------------------------- */

/* One window: its mean per dimension and each block's part of the mean's error. */
struct side {
	const struct sg_blocks *in;
	size_t n; /* blocks with a weight */
	double weight;
	double *mean; /* [n_dims] */
	double *off; /* [n][n_dims] */
	double scale; /* of the sum of squares of off, to the variance of the mean */
	double rho;
};

static double dot(const double *a, const double *b, size_t n)
{
	double s = 0;

	for (size_t i = 0; i < n; i++)
		s += a[i] * b[i];
	return s;
}

static void take_means(struct side *s)
{
	const struct sg_blocks *in = s->in;

	for (size_t i = 0; i < in->n; i++) {
		s->weight += in->weight[i];
		s->n += in->weight[i] > 0;
		for (size_t k = 0; k < in->n_dims; k++)
			s->mean[k] += in->sum[i * in->n_dims + k];
	}
	for (size_t k = 0; k < in->n_dims; k++)
		s->mean[k] /= s->weight > 0 ? s->weight : 1;
}

/* Of a ratio of two sums, by linearisation: what a block has more than its weight's share. */
static void take_errors(struct side *s)
{
	const struct sg_blocks *in = s->in;
	double *out = s->off;

	for (size_t i = 0; i < in->n; i++) {
		if (!(in->weight[i] > 0))
			continue;
		for (size_t k = 0; k < in->n_dims; k++)
			*out++ = in->sum[i * in->n_dims + k] - s->mean[k] * in->weight[i];
	}
}

/*
 * Neighbouring blocks' correlation, with the bias of a short series taken off (Marriott and
 * Pope, Biometrika 41, 1954); never taken for negative.
 */
static double neighbours(const struct side *s)
{
	size_t d = s->in->n_dims;
	double with_next = 0, all = 0, rho;

	for (size_t i = 0; i < s->n; i++) {
		all += dot(s->off + i * d, s->off + i * d, d);
		if (i + 1 < s->n)
			with_next += dot(s->off + i * d, s->off + (i + 1) * d, d);
	}
	if (!(all > 0))
		return 0;
	rho = with_next / all;
	rho += (1 + 3 * rho) / (double)s->n;
	return fmin(fmax(rho, 0), RHO_MAX);
}

static int side_init(struct side *s, const struct sg_blocks *in)
{
	*s = (struct side){.in = in};
	s->mean = calloc(in->n_dims + 1, sizeof(*s->mean));
	s->off = calloc(in->n * in->n_dims + 1, sizeof(*s->off));
	if (!s->mean || !s->off)
		return -ENOMEM;
	take_means(s);
	take_errors(s);
	if (s->n < 2)
		return 0;
	s->rho = neighbours(s);
	s->scale = (double)s->n / (double)(s->n - 1) / (s->weight * s->weight) * (1 + s->rho) /
		   (1 - s->rho);
	return 0;
}

static void side_free(struct side *s)
{
	free(s->mean);
	free(s->off);
}

/* Blocks that are worth as much as those that resemble each other. */
static double independent(const struct side *s)
{
	return fmax((double)s->n * (1 - s->rho) / (1 + s->rho), 2);
}

static double trace(const struct side *s)
{
	return s->scale * dot(s->off, s->off, s->n * s->in->n_dims);
}

/* The sum of squares of all products of blocks of two sides: the trace of the product of two covariances. */
static double trace_of_product(const struct side *a, const struct side *b)
{
	size_t d = a->in->n_dims;
	double sum = 0;

	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			double v = dot(a->off + i * d, b->off + k * d, d);

			sum += v * v;
		}
	return sum * a->scale * b->scale;
}

static void judge(const struct side *a, const struct side *b, struct sg_shift_test *t)
{
	double ta = trace(a), tb = trace(b), v = ta + tb, moved = 0, product;

	for (size_t k = 0; k < a->in->n_dims; k++)
		moved += (b->mean[k] - a->mean[k]) * (b->mean[k] - a->mean[k]);
	t->rho[0] = a->rho;
	t->rho[1] = b->rho;
	/* What is left of rounding in a series that never varies is no variance. */
	if (v <=
	    1e-24 * (dot(a->mean, a->mean, a->in->n_dims) + dot(b->mean, b->mean, a->in->n_dims))) {
		t->f = moved > 0 ? INFINITY : 0;
		t->p = moved > 1e-18 * dot(b->mean, b->mean, b->in->n_dims) ? P_MIN : 1;
		return;
	}
	product = trace_of_product(a, a) + 2 * trace_of_product(a, b) + trace_of_product(b, b);
	t->f = moved / v;
	t->df1 = v * v / product;
	t->df2 = v * v / (ta * ta / (independent(a) - 1) + tb * tb / (independent(b) - 1));
	t->p = fmax(sg_f_tail(t->f, t->df1, t->df2), P_MIN);
}

int sg_shift_test(const struct sg_blocks *before, const struct sg_blocks *after,
		  struct sg_shift_test *ret)
{
	struct side a = {0}, b = {0};
	int r;

	*ret = (struct sg_shift_test){.p = 1};
	if (before->n_dims != after->n_dims)
		return -EINVAL;
	r = side_init(&a, before);
	if (!r)
		r = side_init(&b, after);
	if (!r && a.n >= SG_COMPARE_BLOCKS_MIN && b.n >= SG_COMPARE_BLOCKS_MIN)
		judge(&a, &b, ret);
	side_free(&a);
	side_free(&b);
	return r;
}

/* ---- histograms ------------------------------------------------------------------------- */

static void widen(const struct sg_hist *h, size_t n, int32_t *lo, int32_t *hi)
{
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < h[i].n; k++) {
			*lo = SG_MIN(*lo, h[i].buckets[k].index);
			*hi = SG_MAX(*hi, h[i].buckets[k].index);
		}
}

/*
 * The number of events not above each bucket's bound. The last bound has all of them, which
 * tells nothing, and is left out.
 */
static void cumulate(const struct sg_hist *h, size_t n, int32_t lo, size_t dims, double *weight,
		     double *sum)
{
	for (size_t i = 0; i < n; i++) {
		double *row = sum + i * dims, so_far = 0;

		for (uint32_t k = 0; k < h[i].n; k++) {
			size_t at = (size_t)(h[i].buckets[k].index - lo);

			weight[i] += h[i].buckets[k].count;
			if (at < dims)
				row[at] += h[i].buckets[k].count;
		}
		for (size_t k = 0; k < dims; k++)
			row[k] = so_far += row[k];
	}
}

/* The area between two distribution functions over log2 of the value, and it with a sign. */
static void measure(const struct sg_blocks *a, const struct sg_blocks *b, struct sg_shift *ret)
{
	double na = 0, nb = 0;

	for (size_t i = 0; i < a->n; i++)
		na += a->weight[i];
	for (size_t i = 0; i < b->n; i++)
		nb += b->weight[i];
	for (size_t k = 0; na > 0 && nb > 0 && k < a->n_dims; k++) {
		double fa = 0, fb = 0;

		for (size_t i = 0; i < a->n; i++)
			fa += a->sum[i * a->n_dims + k];
		for (size_t i = 0; i < b->n; i++)
			fb += b->sum[i * b->n_dims + k];
		ret->distance += fabs(fa / na - fb / nb) / 8;
		ret->octaves += (fa / na - fb / nb) / 8;
	}
}

static int describe(const struct sg_hist *h, size_t n, size_t which, struct sg_shift *ret)
{
	struct sg_hist all = {0};
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = sg_hist_add(&all, &h[i]);
	ret->count[which] = all.count;
	ret->mean[which] = all.count > 0 ? all.sum / all.count : NAN;
	ret->p50[which] = sg_hist_quantile(&all, .5);
	ret->p90[which] = sg_hist_quantile(&all, .9);
	ret->p99[which] = sg_hist_quantile(&all, .99);
	sg_hist_free(&all);
	return r;
}

static int test_hists(const struct sg_hist *before, size_t n_before, const struct sg_hist *after,
		      size_t n_after, int32_t lo, size_t dims, struct sg_shift *ret)
{
	size_t n = n_before + n_after;
	sg_auto_free double *weight = calloc(n + 1, sizeof(*weight));
	sg_auto_free double *sum = calloc(n * dims + 1, sizeof(*sum));
	struct sg_blocks a = {n_before, dims, weight, sum};

	if (!weight || !sum)
		return -ENOMEM;
	cumulate(before, n_before, lo, dims, weight, sum);
	cumulate(after, n_after, lo, dims, weight + n_before, sum + n_before * dims);

	struct sg_blocks b = {n_after, dims, weight + n_before, sum + n_before * dims};

	measure(&a, &b, ret);
	return sg_shift_test(&a, &b, &ret->test);
}

static size_t used(const struct sg_hist *h, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += h[i].count > 0;
	return k;
}

int sg_compare_hists(const struct sg_hist *before, size_t n_before, const struct sg_hist *after,
		     size_t n_after, struct sg_shift *ret)
{
	int32_t lo = INT32_MAX, hi = INT32_MIN;
	int r;

	*ret = (struct sg_shift){.test = {.p = 1}};
	r = describe(before, n_before, 0, ret);
	if (!r)
		r = describe(after, n_after, 1, ret);
	widen(before, n_before, &lo, &hi);
	widen(after, n_after, &lo, &hi);
	ret->enough = SG_MIN(ret->count[0], ret->count[1]) >= SG_COMPARE_EVENTS_MIN &&
		      SG_MIN(used(before, n_before), used(after, n_after)) >= SG_COMPARE_BLOCKS_MIN;
	if (r < 0 || hi <= lo)
		return r;
	r = test_hists(before, n_before, after, n_after, lo, (size_t)(hi - lo), ret);
	if (!ret->enough)
		ret->test.p = 1;
	return r;
}

/* ---- values ----------------------------------------------------------------------------- */

static double mean_of(const struct sg_blocks *b, double *weight)
{
	double sum = 0;

	*weight = 0;
	for (size_t i = 0; i < b->n; i++) {
		*weight += b->weight[i];
		sum += b->sum[i];
	}
	return *weight > 0 ? sum / *weight : NAN;
}

static size_t weighty(const struct sg_blocks *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->weight[i] > 0;
	return n;
}

int sg_compare_values(const struct sg_blocks *before, const struct sg_blocks *after,
		      struct sg_shift *ret)
{
	double error = 0, moved;
	int r;

	*ret = (struct sg_shift){.p50 = {NAN, NAN}, .p90 = {NAN, NAN}, .p99 = {NAN, NAN}};
	if (before->n_dims != 1 || after->n_dims != 1)
		return -EINVAL;
	ret->mean[0] = mean_of(before, &ret->count[0]);
	ret->mean[1] = mean_of(after, &ret->count[1]);
	r = sg_shift_test(before, after, &ret->test);
	ret->enough = SG_MIN(weighty(before), weighty(after)) >= SG_COMPARE_BLOCKS_MIN;
	moved = ret->mean[1] - ret->mean[0];
	if (r < 0 || !(fabs(moved) > 0))
		return r;
	if (isfinite(ret->test.f) && ret->test.f > 0)
		error = fabs(moved) / sqrt(ret->test.f);
	ret->octaves =
		log2((fabs(ret->mean[1]) + error + 1e-12) / (fabs(ret->mean[0]) + error + 1e-12));
	ret->distance = fabs(ret->octaves);
	return 0;
}

/* ---- many tests ------------------------------------------------------------------------- */

struct ranked {
	double p;
	size_t at;
};

static int by_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

int sg_false_discovery(const double *p, double *q, size_t n)
{
	sg_auto_free struct ranked *r = calloc(n + 1, sizeof(*r));
	double least = 1;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){p[i], i};
	qsort(r, n, sizeof(*r), by_p);
	for (size_t i = n; i-- > 0;) {
		least = fmin(least, r[i].p * (double)n / (double)(i + 1));
		q[r[i].at] = least;
	}
	return 0;
}
