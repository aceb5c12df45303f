// SPDX-License-Identifier: GPL-2.0
// What each aggregation does with one group at one step.
#include <errno.h>
#include <math.h>

#include "aggregate.h"

/* The plain sum is exact enough until it overflows; from there on the mean is built step by step. */
double pq_mean(double (*get)(const void *ctx, size_t i), const void *ctx, size_t n)
{
	struct pq_sum s = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		struct pq_sum more = s;

		pq_sum_add(&more, get(ctx, i));
		if (i && isinf(more.sum))
			break;
		s = more;
	}
	if (i == n)
		return s.sum / (double)n + s.c / (double)n;
	s.sum /= (double)i;
	s.c /= (double)i;
	for (; i < n; i++) {
		double q = (double)i / (double)(i + 1);

		s.sum *= q;
		s.c *= q;
		pq_sum_add(&s, get(ctx, i) / (double)(i + 1));
	}
	return s.sum + s.c;
}

int pq_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	if (isnan(x) || isnan(y))
		return isnan(y) - isnan(x);
	return (x > y) - (x < y);
}

double pq_quantile(double q, double *v, size_t n)
{
	double rank, lower, weight;

	if (!n || isnan(q))
		return NAN;
	if (q < 0)
		return -INFINITY;
	if (q > 1)
		return INFINITY;
	qsort(v, n, sizeof(*v), pq_compare_doubles);
	rank = q * (double)(n - 1);
	lower = fmax(0, floor(rank));
	weight = rank - lower;
	return v[(size_t)lower] * (1 - weight) + v[SG_MIN(n - 1, (size_t)lower + 1)] * weight;
}

/* 1: only floats, 2: only histograms, 3: both, which has no meaning here. */
static int kinds(struct pq_engine *e, const struct pq_agg_step *s)
{
	int k = 0;

	for (size_t i = 0; i < s->n; i++)
		k |= pq_is_float(s->cells[i]) ? 1 : 2;
	if (k == 3)
		pq_warn(e, s->node->args[0]->pos,
			"encountered a mix of histograms and floats for aggregation");
	return k;
}

/* The sum of all times a factor. 1, or 0 when they do not go together, which is said. */
static int add_all(struct pq_engine *e, const struct pq_agg_step *s, double factor)
{
	int r = 0;

	pq_hist_sum_clear(&e->hist_sum);
	for (size_t i = 0; !r && i < s->n; i++) {
		r = pq_hist_sum_add(e, &e->hist_sum, s->cells[i]->h, factor);
		if (r == PQ_HISTS_MIXED)
			pq_warn_mixed_buckets(e, s->node->args[0]->pos, s->series[i]->name);
	}
	return r < 0 ? r : !r;
}

static int sum_hists(struct pq_engine *e, const struct pq_agg_step *s, double factor,
		     struct pq_cell *out)
{
	int r;

	if (s->n == 1) { /* its own sum and mean; values can be shared */
		out->h = s->cells[0]->h;
		return 1;
	}
	r = add_all(e, s, 1);
	/* A mean may be a number where the sum is none any more. */
	if (r > 0 && factor != 1 && pq_hist_sum_overflows(&e->hist_sum)) {
		r = add_all(e, s, factor);
		factor = 1;
	}
	if (r <= 0)
		return r;
	pq_note_hist_sum(e, s->node->args[0]->pos, &e->hist_sum, "aggregation");
	out->h = pq_hist_sum_take(e, &e->hist_sum, factor);
	return out->h ? 1 : pq_oom(e);
}

int pq_agg_sum(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	struct pq_sum sum = {0};
	int k = kinds(e, s);

	if (k == 2)
		return sum_hists(e, s, 1, out);
	for (size_t i = 0; k == 1 && i < s->n; i++)
		pq_sum_add(&sum, s->cells[i]->v);
	out->v = pq_sum_get(&sum);
	return k == 1;
}

static double cell_value(const void *ctx, size_t i)
{
	return ((const struct pq_agg_step *)ctx)->cells[i]->v;
}

int pq_agg_avg(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	int k = kinds(e, s);

	if (k == 2)
		return sum_hists(e, s, 1 / (double)s->n, out);
	if (k == 1)
		out->v = pq_mean(cell_value, s, s->n);
	return k == 1;
}

/* Floats go to scratch; histograms are left out, with a word about it. */
static size_t floats_only(struct pq_engine *e, const struct pq_agg_step *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (pq_is_float(s->cells[i]))
			s->scratch[n++] = s->cells[i]->v;
		else
			pq_info(e, s->node->args[0]->pos, "ignored histogram in %s aggregation",
				s->node->agg->name);
	}
	return n;
}

int pq_agg_min(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	size_t n = floats_only(e, s);

	for (size_t i = 0; i < n; i++)
		if (!i || s->scratch[i] < out->v || isnan(out->v))
			out->v = s->scratch[i];
	return n > 0;
}

int pq_agg_max(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	size_t n = floats_only(e, s);

	for (size_t i = 0; i < n; i++)
		if (!i || s->scratch[i] > out->v || isnan(out->v))
			out->v = s->scratch[i];
	return n > 0;
}

int pq_agg_count(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	out->v = (double)s->n;
	return 1;
}

int pq_agg_group(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	out->v = 1;
	return 1;
}

/* Welford's method. */
int pq_agg_stdvar(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	size_t n = floats_only(e, s);
	double mean = 0, m2 = 0;

	for (size_t i = 0; i < n; i++) {
		double d = s->scratch[i] - mean;

		mean += d / (double)(i + 1);
		m2 += d * (s->scratch[i] - mean);
	}
	out->v = m2 / (double)n;
	return n > 0;
}

int pq_agg_stddev(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	int r = pq_agg_stdvar(e, s, out);

	out->v = sqrt(out->v);
	return r;
}

int pq_agg_quantile(struct pq_engine *e, const struct pq_agg_step *s, struct pq_cell *out)
{
	size_t n = floats_only(e, s);

	if (!(s->param >= 0 && s->param <= 1))
		pq_warn(e, s->node->args[1]->pos,
			"quantile value should be between 0 and 1, got %s", pq_go_g(e, s->param));
	out->v = pq_quantile(s->param, s->scratch, n);
	return n > 0;
}

/* Whether a series is among the ratio: by its labels, so that it is at every step or at none. */
static bool in_ratio(const struct sg_series *s, double ratio)
{
	double at = (double)s->hash / 0x1p64;

	return ratio >= 0 ? at < ratio : at >= 1 + ratio;
}

int pq_agg_limit_ratio(struct pq_engine *e, const struct pq_agg_step *s, size_t *order)
{
	double ratio = fmax(-1, fmin(1, s->param));
	int n = 0;

	if (isnan(s->param))
		return sg_fail(e->err, -EINVAL, "Ratio value is NaN");
	if (ratio != s->param)
		pq_warn(e, s->node->args[1]->pos,
			"ratio value should be between -1 and 1, got %s, capping to %s",
			pq_go_g(e, s->param), pq_go_g(e, ratio));
	for (size_t i = 0; i < s->n; i++)
		if (in_ratio(s->series[i], ratio))
			order[n++] = i;
	return n;
}

int pq_agg_check_ratio(struct pq_engine *e, double ratio)
{
	return isnan(ratio) ? sg_fail(e->err, -EINVAL, "Ratio value is NaN") : 0;
}

int pq_agg_check_k(struct pq_engine *e, double k)
{
	if (isnan(k))
		return sg_fail(e->err, -EINVAL, "Parameter value is NaN");
	if (fabs(k) >= 9.2e18)
		return sg_fail(e->err, -EINVAL, "Scalar value %s %sflows int64", pq_go_g(e, k),
			       k < 0 ? "under" : "over");
	return 0;
}

static size_t parameter(const struct pq_agg_step *s)
{
	return s->param < 1 ? 0 : (size_t)SG_MIN(s->param, (double)s->n);
}

/* Before means nearer to the top; NaN is always last. */
static bool before(double a, double b, bool top)
{
	if (isnan(a) || isnan(b))
		return !isnan(a) && isnan(b);
	return top ? a > b : a < b;
}

/* Insertion into a list of at most k: k is small, and equal values keep their order. */
static int pick_sorted(struct pq_engine *e, const struct pq_agg_step *s, size_t *order, bool top)
{
	size_t k = parameter(s), n = 0;

	for (size_t i = 0; k && i < s->n; i++) {
		size_t at = n;

		if (!pq_is_float(s->cells[i])) {
			pq_info(e, s->node->args[0]->pos, "ignored histogram in %s aggregation",
				s->node->agg->name);
			continue;
		}
		while (at && before(s->cells[i]->v, s->cells[order[at - 1]]->v, top))
			at--;
		if (at >= k)
			continue;
		if (n < k)
			n++;
		for (size_t j = n - 1; j > at; j--)
			order[j] = order[j - 1];
		order[at] = i;
	}
	return (int)n;
}

int pq_agg_topk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order)
{
	return pick_sorted(e, s, order, true);
}

int pq_agg_bottomk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order)
{
	return pick_sorted(e, s, order, false);
}

int pq_agg_limitk(struct pq_engine *e, const struct pq_agg_step *s, size_t *order)
{
	size_t k = parameter(s);

	for (size_t i = 0; i < k; i++)
		order[i] = i;
	return (int)k;
}

const char *pq_float_text(struct pq_engine *e, double v)
{
	sg_auto_buf b = {0};

	sg_fmt_float(&b, v);
	return b.err ? NULL : sg_arena_strdup(e->arena, b.data);
}
