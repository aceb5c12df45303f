// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include <sgprobe/compare.h>
#include <sgprobe/mem.h>
#include <sgprobe/trend.h>

#define RHO_MAX 0.9
#define PAIRS_MAX (SG_TREND_PIECES * (SG_TREND_PIECES - 1) / 2)

struct line { /* pieces: time in steps, value */
	size_t n;
	double t[SG_TREND_PIECES], v[SG_TREND_PIECES];
};

/* The medians of up to SG_TREND_PIECES stretches of equal length; what is not there is left out. */
static void take_pieces(const double *v, size_t n, double *scratch, struct line *l)
{
	size_t pieces = SG_MIN(n, (size_t)SG_TREND_PIECES);

	for (size_t i = 0; i < pieces; i++) {
		size_t from = i * n / pieces, to = (i + 1) * n / pieces, k = 0;

		for (size_t j = from; j < to; j++)
			if (isfinite(v[j]))
				scratch[k++] = v[j];
		if (!k)
			continue;
		l->t[l->n] = (double)(from + to - 1) / 2;
		l->v[l->n++] = sg_quantile_of(scratch, k, .5);
	}
}

static size_t slopes(const struct line *l, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = i + 1; k < l->n; k++)
			out[n++] = (l->v[k] - l->v[i]) / (l->t[k] - l->t[i]);
	return n;
}

/* Kendall's S: pairs that rise less those that fall; and its variance with ties, were they independent. */
static void kendall(const struct line *l, double *s, double *var)
{
	double n = (double)l->n, ties = 0;

	*s = 0;
	for (size_t i = 0; i < l->n; i++) {
		double same = 1;

		for (size_t k = 0; k < l->n; k++) {
			if (k > i)
				*s += (l->v[k] > l->v[i]) - (l->v[k] < l->v[i]);
			same += k != i && l->v[k] == l->v[i];
		}
		/* A group of t ties is met t times. */
		ties += (same - 1) * (2 * same + 5);
	}
	*var = (n * (n - 1) * (2 * n + 5) - ties) / 18;
}

/* Neighbours' correlation about the line, less the bias of few values. */
static double neighbours(const struct line *l, double slope, double at0)
{
	double with_next = 0, all = 0, mean = 0, n = (double)l->n, rho;

	for (size_t i = 0; i < l->n; i++)
		mean += (l->v[i] - at0 - slope * l->t[i]) / n;
	for (size_t i = 0; i < l->n; i++) {
		double a = l->v[i] - at0 - slope * l->t[i] - mean;

		all += a * a;
		if (i + 1 < l->n)
			with_next += a * (l->v[i + 1] - at0 - slope * l->t[i + 1] - mean);
	}
	if (!(all > 0))
		return 0;
	rho = with_next / all;
	rho += (1 + 4 * rho) / n;
	return fmin(fmax(rho, 0), RHO_MAX);
}

static double middle(const struct line *l, double slope, double *scratch)
{
	for (size_t i = 0; i < l->n; i++)
		scratch[i] = l->v[i] - slope * l->t[i];
	return sg_quantile_of(scratch, l->n, .5);
}

/* Sen's interval: order statistics of the slopes, as many apart as S may differ by chance. */
static void interval(double *pairs, size_t n, double half, struct sg_trend *t)
{
	double lo = ((double)n - half) / 2 - 1, hi = ((double)n + half) / 2;

	t->lo = sg_quantile_of(pairs, n, fmin(fmax(lo / (double)(n - 1), 0), 1));
	t->hi = sg_quantile_of(pairs, n, fmin(fmax(hi / (double)(n - 1), 0), 1));
}

static void judge(const struct line *l, double *pairs, double *scratch, int64_t step_ms,
		  double level, struct sg_trend *t)
{
	size_t n = slopes(l, pairs);
	double s, var, at0, z, per_step;

	per_step = sg_quantile_of(pairs, n, .5);
	at0 = middle(l, per_step, scratch);
	kendall(l, &s, &var);
	t->n = l->n;
	t->rho = neighbours(l, per_step, at0);
	t->middle = at0 + per_step * (l->t[0] + l->t[l->n - 1]) / 2;
	var *= (1 + t->rho) / (1 - t->rho);
	z = var > 0 ? fmax(fabs(s) - 1, 0) / sqrt(var) : 0;
	t->p = erfc(z / M_SQRT2);
	interval(pairs, n, sg_normal_within(level) * sqrt(fmax(var, 0)), t);
	t->slope = per_step * 1000 / (double)step_ms;
	t->lo *= 1000 / (double)step_ms;
	t->hi *= 1000 / (double)step_ms;
}

int sg_trend(const double *v, size_t n, int64_t step_ms, double level, struct sg_trend *ret)
{
	sg_auto_free double *scratch = calloc(SG_MAX(n, (size_t)SG_TREND_PIECES), sizeof(*scratch));
	sg_auto_free double *pairs = calloc(PAIRS_MAX, sizeof(*pairs));
	struct line l = {0};

	*ret = (struct sg_trend){0};
	if (!scratch || !pairs)
		return -ENOMEM;
	take_pieces(v, n, scratch, &l);
	if (l.n < SG_TREND_MIN)
		return -ENODATA;
	judge(&l, pairs, scratch, step_ms, level, ret);
	return 0;
}
