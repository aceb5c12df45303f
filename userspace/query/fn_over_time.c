// SPDX-License-Identifier: GPL-2.0
// The *_over_time functions, and the ones that fit a line.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine.h"
#include "windows.h"

static double window_value(const void *ctx, size_t i)
{
	const struct pq_window *w = ctx;

	return w->track->values[w->lo + i];
}

/* The sum of all times a factor. 1, or 0 when they do not go together, which is said. */
static int add_all(struct pq_engine *e, const struct pq_window *w, double factor)
{
	int r = 0;

	pq_hist_sum_clear(&e->hist_sum);
	for (size_t i = w->lo; !r && i < w->hi; i++)
		r = pq_hist_sum_add(e, &e->hist_sum, pq_hist_at(w->track, i), factor);
	if (r == PQ_HISTS_MIXED)
		pq_warn_mixed_buckets(e, w->arg->pos, w->track->series->name);
	return r < 0 ? r : !r;
}

static int sum_hists(struct pq_engine *e, const struct pq_window *w, double factor,
		     struct pq_cell *out)
{
	int r = add_all(e, w, 1);

	/* A mean may be a number where the sum is none any more. */
	if (r > 0 && factor != 1 && pq_hist_sum_overflows(&e->hist_sum)) {
		r = add_all(e, w, factor);
		factor = 1;
	}
	if (r <= 0)
		return r;
	pq_note_hist_sum(e, w->arg->pos, &e->hist_sum, "aggregation");
	out->h = pq_hist_sum_take(e, &e->hist_sum, factor);
	return out->h ? 1 : pq_oom(e);
}

PQ_WINDOW_FN(pq_fn_sum_over_time)
{
	struct pq_sum s = {0};

	if (pq_window_is_mixed(e, w))
		return 0;
	if (pq_window_kinds(w) == PQ_HISTS)
		return sum_hists(e, w, 1, out);
	for (size_t i = w->lo; i < w->hi; i++)
		pq_sum_add(&s, w->track->values[i]);
	out->v = pq_sum_get(&s);
	return 1;
}

PQ_WINDOW_FN(pq_fn_avg_over_time)
{
	if (pq_window_is_mixed(e, w))
		return 0;
	if (pq_window_kinds(w) == PQ_HISTS)
		return sum_hists(e, w, 1 / (double)(w->hi - w->lo), out);
	out->v = pq_mean(window_value, w, w->hi - w->lo);
	return 1;
}

static void note_ignored(struct pq_engine *e, const struct pq_window *w)
{
	pq_info(e, w->arg->pos,
		"ignored histograms in a range containing both floats and "
		"histograms for metric name \"%s\"",
		w->track->series->name);
}

/* The floats of the window, copied; histograms are left out, with a word when mixed. */
static size_t floats(struct pq_engine *e, const struct pq_window *w, double **ret)
{
	int kinds = pq_window_kinds(w);
	double *v;
	size_t n = 0;

	if (kinds == PQ_HISTS)
		return 0;
	if (kinds != PQ_FLOATS)
		note_ignored(e, w);
	v = pq_alloc_n(e, w->hi - w->lo, sizeof(*v));
	for (size_t i = w->lo; v && i < w->hi; i++)
		if (!pq_hist_at(w->track, i))
			v[n++] = w->track->values[i];
	*ret = v;
	return n;
}

/* Floats without a copy: the first and the next index of a float, or hi. */
static size_t next_float(const struct pq_window *w, size_t i)
{
	while (i < w->hi && pq_hist_at(w->track, i))
		i++;
	return i;
}

static int extreme(struct pq_engine *e, const struct pq_window *w, bool top, struct pq_cell *out)
{
	int kinds = pq_window_kinds(w);
	bool any = false;

	if (kinds == PQ_HISTS)
		return 0;
	if (kinds != PQ_FLOATS)
		note_ignored(e, w);
	for (size_t i = next_float(w, w->lo); i < w->hi; i = next_float(w, i + 1)) {
		double v = w->track->values[i];

		if (!any || isnan(out->v) || (top ? v > out->v : v < out->v))
			out->v = v;
		any = true;
	}
	return any;
}

PQ_WINDOW_FN(pq_fn_min_over_time)
{
	return extreme(e, w, false, out);
}

PQ_WINDOW_FN(pq_fn_max_over_time)
{
	return extreme(e, w, true, out);
}

PQ_WINDOW_FN(pq_fn_count_over_time)
{
	(void)e;
	out->v = (double)(w->hi - w->lo);
	return 1;
}

static int sample(const struct pq_window *w, size_t i, struct pq_cell *out)
{
	out->h = pq_hist_at(w->track, i);
	out->v = out->h ? 0 : w->track->values[i];
	return 1;
}

PQ_WINDOW_FN(pq_fn_last_over_time)
{
	(void)e;
	return sample(w, w->hi - 1, out);
}

PQ_WINDOW_FN(pq_fn_first_over_time)
{
	(void)e;
	return sample(w, w->lo, out);
}

PQ_WINDOW_FN(pq_fn_present_over_time)
{
	(void)e;
	out->v = 1;
	return 1;
}

PQ_WINDOW_FN(pq_fn_stdvar_over_time)
{
	int kinds = pq_window_kinds(w);
	double mean = 0, m2 = 0, n = 0;

	if (kinds == PQ_HISTS)
		return 0;
	if (kinds != PQ_FLOATS)
		note_ignored(e, w);
	for (size_t i = next_float(w, w->lo); i < w->hi; i = next_float(w, i + 1)) {
		double v = w->track->values[i], d = v - mean;

		mean += d / ++n;
		m2 += d * (v - mean);
	}
	out->v = m2 / n;
	return 1;
}

PQ_WINDOW_FN(pq_fn_stddev_over_time)
{
	int r = pq_fn_stdvar_over_time(e, w, out);

	out->v = sqrt(out->v);
	return r;
}

PQ_WINDOW_FN(pq_fn_quantile_over_time)
{
	double q = w->params[0], *v = NULL;
	size_t n = floats(e, w, &v);

	if (!n)
		return v || pq_window_kinds(w) == PQ_HISTS ? 0 : pq_oom(e);
	if (!(q >= 0 && q <= 1))
		pq_warn(e, w->call->args[0]->pos,
			"quantile value should be between 0 and 1, got %s", pq_go_g(e, q));
	out->v = pq_quantile(q, v, n);
	return 1;
}

PQ_WINDOW_FN(pq_fn_mad_over_time)
{
	double *v = NULL, median;
	size_t n = floats(e, w, &v);

	if (!n)
		return v || pq_window_kinds(w) == PQ_HISTS ? 0 : pq_oom(e);
	for (size_t i = 0; i < n; i++) {
		if (isnan(v[i])) {
			out->v = NAN;
			return 1;
		}
	}
	median = pq_quantile(0.5, v, n);
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(v[i] - median);
	out->v = pq_quantile(0.5, v, n);
	return 1;
}

/* ---- when ------------------------------------------------------------------------------ */

static int time_of(const struct pq_window *w, size_t i, struct pq_cell *out)
{
	out->v = (double)w->track->t_ms[i] / 1000;
	return 1;
}

PQ_WINDOW_FN(pq_fn_ts_of_first_over_time)
{
	(void)e;
	return time_of(w, w->lo, out);
}

PQ_WINDOW_FN(pq_fn_ts_of_last_over_time)
{
	(void)e;
	return time_of(w, w->hi - 1, out);
}

/* The last of equal ones. */
static int time_of_extreme(struct pq_engine *e, const struct pq_window *w, bool top,
			   struct pq_cell *out)
{
	size_t at = next_float(w, w->lo);

	if (at == w->hi)
		return 0;
	if (pq_window_kinds(w) != PQ_FLOATS)
		note_ignored(e, w);
	for (size_t i = at; i < w->hi; i = next_float(w, i + 1)) {
		double v = w->track->values[i], best = w->track->values[at];

		if (isnan(best) || (top ? v >= best : v <= best))
			at = i;
	}
	return time_of(w, at, out);
}

PQ_WINDOW_FN(pq_fn_ts_of_min_over_time)
{
	return time_of_extreme(e, w, false, out);
}

PQ_WINDOW_FN(pq_fn_ts_of_max_over_time)
{
	return time_of_extreme(e, w, true, out);
}

/* ---- lines ---------------------------------------------------------------------------- */

/* Least squares over the floats; x is in seconds from t0. False with fewer than two. */
static bool fit(struct pq_engine *e, const struct pq_window *w, int64_t t0, double *slope,
		double *intercept)
{
	struct pq_sum sx = {0}, sy = {0}, sxy = {0}, sxx = {0};
	double n = 0, cov, var, first = NAN;
	bool constant = true;

	if (pq_window_kinds(w) == (PQ_FLOATS | PQ_HISTS))
		note_ignored(e, w);
	if (pq_window_kinds(w) == PQ_HISTS)
		return false;
	for (size_t i = next_float(w, w->lo); i < w->hi; i = next_float(w, i + 1)) {
		double x = (double)(w->track->t_ms[i] - t0) / 1000, y = w->track->values[i];

		first = n == 0 ? y : first;
		constant &= y == first;
		n++;
		pq_sum_add(&sx, x);
		pq_sum_add(&sy, y);
		pq_sum_add(&sxy, x * y);
		pq_sum_add(&sxx, x * x);
	}
	*slope = isinf(first) ? NAN : 0;
	*intercept = isinf(first) ? NAN : first;
	if (n < 2 || constant)
		return n >= 2;
	cov = pq_sum_get(&sxy) - pq_sum_get(&sx) * pq_sum_get(&sy) / n;
	var = pq_sum_get(&sxx) - pq_sum_get(&sx) * pq_sum_get(&sx) / n;
	*slope = cov / var;
	*intercept = pq_sum_get(&sy) / n - *slope * pq_sum_get(&sx) / n;
	return true;
}

PQ_WINDOW_FN(pq_fn_deriv)
{
	double intercept;

	return fit(e, w, w->track->t_ms[w->lo], &out->v, &intercept);
}

PQ_WINDOW_FN(pq_fn_predict_linear)
{
	double slope, intercept;

	if (!fit(e, w, w->now_ms, &slope, &intercept))
		return 0;
	out->v = slope * w->params[0] + intercept;
	return 1;
}

static int check_factor(struct pq_engine *e, double v, const char *what)
{
	if (v > 0 && v < 1)
		return 0;
	return sg_fail(e->err, -EINVAL, "invalid %s factor. Expected: 0 < %cf < 1, got: %f", what,
		       *what, v);
}

/* Holt's linear method: a level and a trend, each smoothed. */
static double smooth(const double *v, size_t n, double level_factor, double trend_factor)
{
	double before = 0, level = v[0], trend = v[1] - v[0];

	for (size_t i = 1; i < n; i++) {
		double next;

		if (i > 1)
			trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
		next = level_factor * v[i] + (1 - level_factor) * (level + trend);
		before = level;
		level = next;
	}
	return level;
}

PQ_WINDOW_FN(pq_fn_double_exponential_smoothing)
{
	int r = check_factor(e, w->params[0], "smoothing");
	double *v = NULL;
	size_t n;

	if (!r)
		r = check_factor(e, w->params[1], "trend");
	if (r < 0)
		return r;
	n = floats(e, w, &v);
	if (!v)
		return pq_window_kinds(w) == PQ_HISTS ? 0 : pq_oom(e);
	if (n < 2)
		return 0;
	out->v = smooth(v, n, w->params[0], w->params[1]);
	return 1;
}
